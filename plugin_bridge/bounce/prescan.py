"""Measure the median pitch of a file before its bounce, so that `transpose auto` is right at once."""

from __future__ import annotations

from pathlib import Path

from plugin_bridge.bounce.sources import open_source
from plugin_bridge.engine.pitchtracking import USUAL
from plugin_bridge.engine.rendering import reblocked
from plugin_bridge.engine.sourcepitch import WINDOW_SECONDS, median_of_windows
from plugin_bridge.files.resampling import resampled


def median_pitch(path: Path, sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of what is voiced in a file or a session in hertz, 0 where nothing is.

    Args:
        path: the file, or the folder of the session.
        sample_rate: the native rate at which it is heard, hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.

    Raises:
        AudioFileError, SessionError: it cannot be used.
    """
    with open_source(path) as reader:
        stream = resampled(reader.chunks(), reader.channels, reader.sample_rate, sample_rate)
        return median_of_windows(reblocked(stream, WINDOW_SECONDS * sample_rate), sample_rate, pitch)
