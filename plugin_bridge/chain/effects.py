"""Effects as data: native ones by name and parameters, VST3 plug-ins by path and state."""

from __future__ import annotations

import base64
import binascii
import hashlib
import inspect
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from plugin_bridge.chain.floatmode import kept_float_mode
from plugin_bridge.errors import EffectError

if TYPE_CHECKING:
    from pedalboard import Plugin, VST3Plugin

EffectValue = bool | int | float | str

_HEADER = b"plugin_bridge VST3 state 1\n"
_MAX_STATE_BYTES = 16 * 2**20
_IMPULSE = "impulse_response_filename"
_NOT_PARAMETERS = frozenset({"is_effect", "is_instrument"})
# A preset names an effect by its class; these are no effects of their own, or need more than parameters.
_NOT_NATIVE = frozenset(
    {"Plugin", "PluginContainer", "Pedalboard", "Chain", "Mix", "ExternalPlugin", "IIRFilter"}
)
# Every block of a stream empties what they hold back (pedalboard, issue 415).
_WHOLE_ONLY = frozenset({"PitchShift", "GSMFullRateCompressor"})


# What some plug-ins show as parameters is the host's to say.
_HOSTS = frozenset({"buffer_size_frames", "sample_rate_frames"})
# Where plug-ins came from, which they do not tell themselves.
_paths: WeakKeyDictionary[VST3Plugin, Path] = WeakKeyDictionary()


@cache
def native_effects() -> dict[str, tuple[str, ...]]:
    """Return the native effects by name, with the names of their parameters."""
    import pedalboard  # noqa: PLC0415 - loaded only where effects are

    found = {}
    for name, cls in sorted(vars(pedalboard).items()):
        if not (inspect.isclass(cls) and issubclass(cls, pedalboard.Plugin)):
            continue
        if (
            name.startswith("_")
            or name in _NOT_NATIVE | _WHOLE_ONLY
            or issubclass(cls, pedalboard.ExternalPlugin)
        ):
            continue
        found[name] = _parameters(cls)
    return found


def check_flows(name: str) -> None:
    """Refuse a native effect that falls silent when it gets its audio in blocks.

    Args:
        name: its class in pedalboard.

    Raises:
        EffectError: it is one of those.
    """
    if name in _WHOLE_ONLY:
        raise EffectError(
            f"{name} falls silent when it gets its audio in blocks; use another effect, or a VST3 plug-in"
        )


def check_all_flow(effect: Plugin) -> None:
    """Refuse an effect that falls silent in blocks, or a container with one in it; see `check_flows`."""
    from pedalboard import PluginContainer  # noqa: PLC0415 - as above

    for cls in type(effect).__mro__:
        check_flows(cls.__name__)
    for part in effect if isinstance(effect, PluginContainer) else ():
        check_all_flow(part)


def _parameters(cls: type) -> tuple[str, ...]:
    names = {name for name, member in inspect.getmembers(cls) if isinstance(member, property)}
    if cls.__name__ == "Convolution":
        names.add(_IMPULSE)
    return tuple(sorted(names - _NOT_PARAMETERS))


def make_native(name: str, parameters: Mapping[str, EffectValue]) -> Plugin:
    """Return a native effect.

    Args:
        name: its class in pedalboard, such as "Reverb".
        parameters: by name; the others have pedalboard's defaults. Enumerations are given by the member's
            name.

    Raises:
        EffectError: no such effect or parameter, one that falls silent in blocks, or a value that pedalboard
            refuses.
    """
    import pedalboard  # noqa: PLC0415 - as above

    check_flows(name)
    known = native_effects()
    if name not in known:
        raise EffectError(f"effect {name!r} is unknown; use one of {', '.join(known)}")
    for key in parameters:
        if key not in known[name]:
            allowed = ", ".join(known[name]) or "none"
            raise EffectError(f"{name} has no parameter {key!r}; use one of {allowed}")
    cls = getattr(pedalboard, name)
    try:
        effect: Plugin = cls(**{key: _given(cls, key, value) for key, value in parameters.items()})
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        given = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
        raise EffectError(f"{name} refuses {given} ({reason}); correct the parameters") from error
    return effect


def native_parameters(effect: Plugin) -> dict[str, EffectValue]:
    """Return the parameters of a native effect, as `make_native` takes them.

    Raises:
        EffectError: the effect holds what cannot be written down, such as an impulse response.
    """
    name = type(effect).__name__
    if name not in native_effects() or name == "Convolution":
        raise EffectError(f"{name} cannot be stored in a preset; use another effect, or a VST3 plug-in")
    found: dict[str, EffectValue] = {}
    for key in _parameters(type(effect)):
        value = getattr(effect, key)
        found[key] = value if isinstance(value, (bool, int, float, str)) else str(value.name)
    return found


def _given(cls: type, key: str, value: EffectValue) -> Any:  # noqa: ANN401 - an enumeration of the library
    """Turn the name of an enumeration's member into the member."""
    if not isinstance(value, str) or key == _IMPULSE:
        return value
    members: Mapping[str, object] = getattr(type(getattr(cls(), key)), "__members__", {})
    if members and value not in members:
        raise ValueError(f"{key} is one of {', '.join(members)}")
    return members.get(value, value)


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
    except (ValueError, KeyError, TypeError) as error:
        raise EffectError(f"plug-in state has a broken header; {remedy}") from error
    if hashlib.sha256(body).hexdigest() != digest:
        raise EffectError(f"plug-in state does not match its SHA-256; {remedy}")
    return owner, body
