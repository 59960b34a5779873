"""VST3 plug-ins by path and state, and the folders where a system keeps installed ones."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from plugin_bridge.chain.floatmode import kept_float_mode
from plugin_bridge.errors import EffectError

if TYPE_CHECKING:
    from pedalboard import VST3Plugin

_HEADER = b"plugin_bridge VST3 state 1\n"
_MAX_STATE_BYTES = 16 * 2**20
# What some plug-ins show as parameters is the host's to say.
_HOSTS = frozenset({"buffer_size_frames", "sample_rate_frames"})
# Where plug-ins came from, which they do not tell themselves.
_paths: WeakKeyDictionary[VST3Plugin, Path] = WeakKeyDictionary()


def plugin_folders() -> list[Path]:
    """Return the folders in which hosts look for VST3 plug-ins on this system (Steinberg's locations)."""
    return list(_FOLDERS.get(sys.platform, _unix_folders)())


def _unix_folders() -> Iterator[Path]:
    yield from _home(".vst3")
    yield from (Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3"))


def _mac_folders() -> Iterator[Path]:
    yield from _home("Library/Audio/Plug-Ins/VST3")
    yield from (Path("/Library/Audio/Plug-Ins/VST3"), Path("/Network/Library/Audio/Plug-Ins/VST3"))


def _windows_folders() -> Iterator[Path]:
    if local := os.environ.get("LOCALAPPDATA"):
        yield Path(local) / "Programs" / "Common" / "VST3"
    for name in ("CommonProgramFiles", "CommonProgramFiles(x86)"):
        if common := os.environ.get(name):
            yield Path(common) / "VST3"


_FOLDERS = {"darwin": _mac_folders, "win32": _windows_folders}


def _home(inside: str) -> Iterator[Path]:
    try:
        yield Path.home() / inside
    except RuntimeError:  # an account without a home
        return


def is_installed(path: Path) -> bool:
    """Return whether a plug-in lies in one of `plugin_folders`, as itself or as a link.

    Args:
        path: of a .vst3 file or bundle; what it leads over ("..", links to folders) is followed.
    """
    if path.suffix.lower() != ".vst3":
        return False
    try:
        folder = path.parent.resolve()
        return any(folder.is_relative_to(known.resolve()) for known in plugin_folders())
    except (OSError, RuntimeError, ValueError):  # a circle of links, a name that is none
        return False


def load_vst3(
    path: Path,
    plugin: str | None = None,
    state: str | None = None,
    parameters: Mapping[str, float] | None = None,
) -> VST3Plugin:
    """Load a VST3 plug-in.

    Args:
        path: the .vst3 file or bundle.
        plugin: which one, where the file holds several.
        state: from `vst3_state`; None leaves the plug-in's own start.
        parameters: positions 0..1 by name, set after the state.

    Raises:
        EffectError: the file is missing or no plug-in, or the state is broken or of another plug-in.
    """
    from pedalboard import VST3Plugin  # noqa: PLC0415 - as above

    if not path.exists():
        raise EffectError(f"{path} does not exist; install the plug-in or correct its path")
    raw = None if state is None else _checked_state(state)
    try:
        with kept_float_mode():
            loaded = VST3Plugin(str(path), plugin_name=plugin)
    except (ImportError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise EffectError(f"{path} is no VST3 plug-in that loads ({reason}); install it again") from error
    if raw is not None:
        owner, body = raw
        if owner != loaded.identifier:
            found = loaded.identifier
            raise EffectError(f"{path} is {found!r} and the state is of {owner!r}; store the preset again")
        loaded.raw_state = body
    for name, position in (parameters or {}).items():
        _move(loaded, name, position)
    _paths[loaded] = path
    return loaded


def _knobs(plugin: VST3Plugin) -> Mapping[str, Any]:
    """Return a plug-in's parameters; the library adds them when it loads one, so its types do not tell."""
    return cast("Any", plugin).parameters  # type: ignore[no-any-return]


def _move(plugin: VST3Plugin, name: str, position: float) -> None:
    known = _knobs(plugin)
    if name not in known:
        raise EffectError(f"{plugin.name} has no parameter {name!r}; use one of {', '.join(known)}")
    if not 0.0 <= position <= 1.0:
        raise EffectError(f"{plugin.name} {name} {position!r} is out of range; give 0 to 1")
    known[name].raw_value = position


def vst3_path(plugin: VST3Plugin) -> Path:
    """Return the file of a plug-in that `load_vst3` loaded, or that is installed under its own name.

    Raises:
        EffectError: neither.
    """
    installed = (Path(file) for file in getattr(type(plugin), "installed_plugins", ()))
    found = _paths.get(plugin) or next((file for file in installed if file.stem == plugin.name), None)
    if found is None:
        raise EffectError(f"the file of {plugin.name} is not known; load it with load_vst3(path)")
    return found


def vst3_state(plugin: VST3Plugin) -> str:
    """Return a plug-in's state as text: base64 of a header, whose it is, its SHA-256, and its bytes."""
    body = bytes(plugin.raw_state)
    about = {"plugin": plugin.identifier, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return base64.b64encode(_HEADER + json.dumps(about, sort_keys=True).encode() + b"\n" + body).decode()


def vst3_moved(plugin: VST3Plugin, state: str) -> dict[str, float]:
    """Return the positions, 0..1, of parameters that a plug-in's state does not tell.

    A plug-in learns of a moved parameter with its next block, and until then its state is the one before.
    """
    plain = _knobs(load_vst3(vst3_path(plugin), plugin.name, state))
    return {
        name: float(moved.raw_value)
        for name, moved in _knobs(plugin).items()
        if name not in _HOSTS and name in plain and moved.raw_value != plain[name].raw_value
    }


def _checked_state(state: str) -> tuple[str, bytes]:
    """Return whose the state is and its bytes.

    A plug-in takes any bytes without a word, so nothing reaches it that does not match its hash.
    """
    remedy = "store the preset again"
    if len(state) > _MAX_STATE_BYTES:
        raise EffectError(
            f"plug-in state has {len(state)} characters, more than {_MAX_STATE_BYTES}; {remedy}"
        )
    try:
        data = base64.b64decode(state, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EffectError(f"plug-in state is not base64; {remedy}") from error
    if not data.startswith(_HEADER):
        raise EffectError(f"plug-in state does not begin with {_HEADER.decode().strip()!r}; {remedy}")
    line, _, body = data[len(_HEADER) :].partition(b"\n")
    try:
        about = json.loads(line)
        owner, digest = str(about["plugin"]), str(about["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EffectError(f"plug-in state has a broken header; {remedy}") from error
    if hashlib.sha256(body).hexdigest() != digest:
        raise EffectError(f"plug-in state does not match its SHA-256; {remedy}")
    return owner, body
