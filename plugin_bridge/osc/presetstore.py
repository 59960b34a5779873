"""List, load and save presets by name: those of a folder and those that ship."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from plugin_bridge.control.parameters import PARAMETERS, SINGERS, Value
from plugin_bridge.errors import BridgeError, OutputError, PresetError
from plugin_bridge.osc.paths import checked_name, inside
from plugin_bridge.osc.quota import check_room


class PresetStore:
    """All of it reads or writes a disk: call it from a thread.

    Args:
        folder: where presets are saved; None for nowhere.
        singers: by id, what a preset names them by: the id of one that ships, or the path of its file.
    """

    def __init__(self, folder: Path | None, singers: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._singers = singers or {}

    def names(self) -> list[str]:
        """Return the names of all presets that `find` finds, in order."""
        from plugin_bridge.chain.preset import shipped_presets  # noqa: PLC0415 - loads the chain

        own = [] if self._folder is None else [path.stem for path in self._folder.glob("*.toml")]
        return sorted(name for name in {*shipped_presets(), *own} if self._is_there(name))

    def find(self, name: str) -> Path:
        """Return the file of a preset; one in the folder goes before one that ships.

        Raises:
            PresetError: there is none.
            ValueError: the name is no plain name.
        """
        from plugin_bridge.chain.preset import shipped_presets  # noqa: PLC0415

        checked_name(name, "preset")
        if self._folder is not None and (own := inside(self._folder, f"{name}.toml")).is_file():
            return own
        shipped = shipped_presets()
        if name not in shipped:
            raise PresetError(f"preset {name!r} is not there; /preset/list names those that are")
        return shipped[name]

    def load(self, name: str) -> tuple[dict[str, Value], int]:
        """Return a preset's singer and parameters, others at their defaults, and how many effects it has.

        A bypass that the preset does not name is left as it is.

        Raises:
            PresetError: there is none, or it does not fit.
            ValueError: the name is no plain name.
        """
        from plugin_bridge.chain.preset import read_preset  # noqa: PLC0415

        preset = read_preset(self.find(name))
        values = {row.id: row.default for row in PARAMETERS.values() if row.id != "bypass"}
        values |= preset.values() | {"singer": preset.singer}
        values |= {key: self._id_of(str(values[key])) for key in SINGERS}
        return values, len(preset.before) + len(preset.after)

    def save(self, name: str, values: Mapping[str, Value], *, replace: bool) -> None:
        """Write a preset.

        Raises:
            OutputError: no folder, it exists (without `replace`), or it cannot be written.
            ValueError: the name is no plain name.
        """
        from plugin_bridge.chain.preset import Preset, save_preset  # noqa: PLC0415

        path = inside(self._folder, f"{checked_name(name, 'preset')}.toml")
        values = {**values, **{key: self._singers.get(str(values[key]), values[key]) for key in SINGERS}}
        parameters = {
            key: value
            for key, value in values.items()
            if key != "singer" and value != PARAMETERS[key].default
        }
        if not replace and path.exists():
            raise OutputError(f"preset {name!r} exists already; choose another name, or send T after it")
        preset = Preset(name=name, singer=str(values["singer"]), parameters=parameters)
        if not path.exists():
            check_room(path.parent)
        save_preset(preset, path, force=replace)
        path.chmod(0o600)

    def _is_there(self, name: str) -> bool:
        try:
            return self.find(name).is_file()
        except (BridgeError, ValueError):
            return False

    def _id_of(self, singer: str) -> str:
        """Live, a singer file is known by its id, and one of another place by its name."""
        path = Path(singer).resolve()
        known = (name for name, file in self._singers.items() if Path(file).resolve() == path)
        return next(known, Path(singer).stem if singer.endswith(".onnx") else singer)
