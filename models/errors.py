"""What can go wrong with models and files; `plugin_bridge.errors` draws the whole tree."""

from __future__ import annotations


class BridgeError(Exception):
    """The root: catch it to catch everything this project reports about the world."""


class OutputError(BridgeError):
    """An output exists already, or cannot be written."""


class NoRoomError(OutputError):
    """A disk or a folder has no room for an output."""


class SingerFileError(BridgeError):
    """A singer file is missing, foreign, corrupted, newer than this program or too large."""


class ModelFileError(BridgeError):
    """A melody network, extractor or encoder is missing, foreign, corrupted or newer than this program."""


class TrainingError(BridgeError):
    """Recordings are too few or unusable, or a checkpoint does not fit."""


class BackingError(BridgeError):
    """A backing track is silent, too short or has nothing that a melody could follow."""


class MissingExtraError(BridgeError):
    """An optional part of the installation is needed and absent."""


def how_to_install(extra: str) -> str:
    """Return the remedy for a missing extra, as the second half of a sentence."""
    return f"install the extra: sh .ci/setup {extra}, or pip install 'plugin-bridge[{extra}]'"
