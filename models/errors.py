"""What can go wrong with models and files; `plugin_bridge.errors` draws the whole tree."""

from __future__ import annotations


class BridgeError(Exception):
    """The root: catch it to catch everything this project reports about the world."""


class OutputError(BridgeError):
    """An output exists already, or cannot be written."""


class SingerFileError(BridgeError):
    """A singer file is missing, foreign, corrupted, newer than this program or too large."""


class ModelFileError(BridgeError):
    """A melody network, extractor or encoder is missing, foreign, corrupted or newer than this program."""


class TrainingError(BridgeError):
    """Recordings are too few or unusable, or a checkpoint does not fit."""


class MissingExtraError(BridgeError):
    """An optional part of the installation is needed and absent."""
