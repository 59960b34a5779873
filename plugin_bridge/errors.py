"""What can go wrong in the world outside a program: files, disks, plug-ins and missing extras.

BridgeError
├── AudioFileError       an input file is missing, empty, not audio, truncated or not usable
├── OutputError          an output exists, or cannot be written: folder, permission, disk
│   └── NoRoomError      a disk or a folder has no room for it
├── SingerFileError      a singer file is missing, foreign, corrupted, newer or too large
├── ModelFileError       a melody network, extractor or encoder is missing, foreign, corrupted or newer
├── PresetError          a preset is missing, is not valid TOML, or does not fit the parameter table
├── PlanError            a plan of bounces is missing, is not valid TOML or CSV, or its jobs do not fit
├── ScoreError           a MIDI file, a score (JSON lines) or lyrics cannot be read or do not fit
├── EffectError          an effect plug-in is missing, cannot be loaded or refuses its state
├── TrainingError        recordings are too few or unusable, or a checkpoint does not fit
├── BackingError         a backing track is silent or too short to be sung to
├── DeviceError          a live device, audio server or MIDI port is absent, or will not run as asked
├── SessionError         a recorded live session is missing or damaged
└── MissingExtraError    an optional part of the installation is needed and absent

Each carries one sentence: the value, the rule and the remedy.
A wrong argument is a `ValueError` or a `TypeError` instead.
"""

from __future__ import annotations

import errno

from models.errors import (
    BackingError,
    BridgeError,
    MissingExtraError,
    ModelFileError,
    NoRoomError,
    OutputError,
    SingerFileError,
    TrainingError,
)

__all__ = [
    "AudioFileError",
    "BackingError",
    "BridgeError",
    "DeviceError",
    "EffectError",
    "MissingExtraError",
    "ModelFileError",
    "NoRoomError",
    "OutputError",
    "PlanError",
    "PresetError",
    "ScoreError",
    "SessionError",
    "SingerFileError",
    "TrainingError",
    "refusal",
]


def refusal(error: Exception) -> str:
    """Return the sentence of an error; of the system's, which bring none, without their number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    remedy = "close other programs" if error.errno in {errno.EMFILE, errno.ENFILE} else "check it"
    return f"{error.filename or 'the system'} cannot be used: {error.strerror}; {remedy}"


class AudioFileError(BridgeError):
    """An input file is missing, empty, not audio, truncated or not usable."""


class PresetError(BridgeError):
    """A preset is missing, is not valid TOML, or does not fit the parameter table."""


class PlanError(BridgeError):
    """A plan of bounces is missing, is not valid TOML or CSV, or its jobs do not fit."""


class ScoreError(BridgeError):
    """An automation file, MIDI or JSON lines, cannot be read or does not fit."""


class EffectError(BridgeError):
    """An effect plug-in is missing, cannot be loaded or refuses its state."""


class DeviceError(BridgeError):
    """A live device, audio server or MIDI port is absent, or will not run as asked."""


class SessionError(BridgeError):
    """A recorded live session is missing or damaged."""
