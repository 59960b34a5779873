"""Say so when something in the caller's folder hides one of this project's packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("dsp", "models", "presets")


def check_rooms() -> None:
    """Check that `dsp`, `models` and `presets` are the ones installed beside `plugin_bridge`.

    Nothing is imported: the packages are only located.

    Raises:
        ImportError: another file or folder of that name comes first, or the package is missing.
    """
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        found = _location(room)
        if found is None:
            raise ImportError(f"plugin_bridge's own package {room!r} is missing; install plugin-bridge again")
        if found.parent != home:
            raise ImportError(
                f"{found} hides plugin_bridge's own package {room!r}; "
                "rename it or start Python from another folder"
            )


def _location(package: str) -> Path | None:
    """Return the package's folder, or the file of a module of that name."""
    spec = find_spec(package)
    if spec is None:
        return None
    if spec.origin and Path(spec.origin).name != "__init__.py":
        return Path(spec.origin).resolve()
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]).resolve() if folders else None
