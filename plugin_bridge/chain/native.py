"""The native effects of pedalboard, by name and parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.errors import AudioFileError, EffectError
from plugin_bridge.files.reader import AudioReader

if TYPE_CHECKING:
    from pedalboard import Plugin

EffectValue = bool | int | float | str

IMPULSE = "impulse_response_filename"
"""The parameter that names a file."""
_MAX_IMPULSE_SECONDS = 60.0
_RESAMPLE_LOW, _RESAMPLE_HIGH = 100.0, 1e6  # hertz; far beyond, pedalboard hangs or crashes
_NOT_PARAMETERS = frozenset({"is_effect", "is_instrument", "impulse_response"})
# A preset names an effect by its class; these are no effects of their own, or need more than parameters.
_NOT_NATIVE = frozenset(
    {"Plugin", "PluginContainer", "Pedalboard", "Chain", "Mix", "ExternalPlugin", "IIRFilter"}
)
# Every block of a stream empties what they hold back (pedalboard, issue 415).
_WHOLE_ONLY = frozenset({"PitchShift", "GSMFullRateCompressor"})


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
    """Refuse an effect that does not run in blocks, or a container with one in it; see `check_flows`."""
    from pedalboard import PluginContainer, Resample  # noqa: PLC0415 - as above

    for cls in type(effect).__mro__:
        check_flows(cls.__name__)
    if isinstance(effect, Resample) and not _RESAMPLE_LOW <= effect.target_sample_rate <= _RESAMPLE_HIGH:
        raise EffectError(
            f"Resample to {effect.target_sample_rate:g} Hz does not run; give {_RESAMPLE_LOW:g} to "
            f"{_RESAMPLE_HIGH:g} Hz"
        )
    for part in effect if isinstance(effect, PluginContainer) else ():
        check_all_flow(part)


def _parameters(cls: type) -> tuple[str, ...]:
    names = {name for name, member in inspect.getmembers(cls) if isinstance(member, property)}
    return tuple(sorted(names - _NOT_PARAMETERS))


def make_native(name: str, parameters: Mapping[str, EffectValue]) -> Plugin:
    """Return a native effect.

    Args:
        name: its class in pedalboard, such as "Reverb".
        parameters: by name; the others have pedalboard's defaults. Enumerations are given by the member's
            name.

    Raises:
        EffectError: no such effect or parameter, one that falls silent in blocks, a value that pedalboard
            refuses, or an impulse response that is not an audio file.
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
    for key, value in parameters.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise EffectError(f"{name} has {key}={value}; give a finite number")
    if IMPULSE in parameters:
        _check_impulse(parameters[IMPULSE])
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
    if name not in native_effects():
        raise EffectError(
            f"{name} cannot be stored in a preset or a pickle; use another effect, or a VST3 plug-in"
        )
    found: dict[str, EffectValue] = {}
    for key in _parameters(type(effect)):
        value = getattr(effect, key)
        if key == IMPULSE and not value:
            raise EffectError(f"{name} cannot be stored in a preset or a pickle without a file; give it one")
        found[key] = value if isinstance(value, (bool, int, float, str)) else str(value.name)
    return found


def _given(cls: type, key: str, value: EffectValue) -> Any:  # noqa: ANN401 - an enumeration of the library
    """Turn the name of an enumeration's member into the member."""
    if not isinstance(value, str) or key == IMPULSE:
        return value
    members: Mapping[str, object] = getattr(type(getattr(cls(), key)), "__members__", {})
    if members and value not in members:
        raise ValueError(f"{key} is one of {', '.join(members)}")
    return members.get(value, value)


def _check_impulse(file: object) -> None:
    """Refuse a file that is not audio, which pedalboard would take as silence without a word."""
    try:
        with AudioReader(Path(str(file))) as reader:
            seconds = reader.frames / reader.sample_rate
    except AudioFileError as error:
        raise EffectError(f"the impulse response {error}") from error
    if seconds > _MAX_IMPULSE_SECONDS:
        raise EffectError(
            f"the impulse response {file} lasts {seconds:.0f} s, more than {_MAX_IMPULSE_SECONDS:g}; cut it"
        )
