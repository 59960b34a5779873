"""A singer's voice as a plug-in you can script: everything users import stands here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from plugin_bridge.rooms import check_rooms

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dsp.errors import (
        AudioFileError,
        BridgeError,
        EffectError,
        MissingExtraError,
        OutputError,
        PresetError,
        ScoreError,
        SingerFileError,
        TrainingError,
    )

check_rooms()

# Loaded at first use, so that the import stays quick and a command pays only for what it needs.
_HOMES = {
    "dsp.errors": (
        "AudioFileError",
        "BridgeError",
        "EffectError",
        "MissingExtraError",
        "OutputError",
        "PresetError",
        "ScoreError",
        "SingerFileError",
        "TrainingError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AudioFileError",
    "BridgeError",
    "EffectError",
    "MissingExtraError",
    "OutputError",
    "PresetError",
    "ScoreError",
    "SingerFileError",
    "TrainingError",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module where it lives.

    Raises:
        AttributeError: no public name is called so.
    """
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"plugin_bridge has no public name {name!r}; it has {', '.join(__all__)}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
