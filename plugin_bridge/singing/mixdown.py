"""Mix a vocal with its backing track: about as loud as each other, in time, and not clipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import db_to_gain, gain_to_db
from models.wholefile import Draft
from plugin_bridge.engine.rendering import CHUNK, reblocked
from plugin_bridge.files.loudness import LoudnessMeter
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.resampling import resampled
from plugin_bridge.files.writer import SOFTWARE, AudioWriter, Carried, OutputFormat

Float32 = NDArray[np.float32]

VOCAL_LU = -1.0
"""Loudness of the vocal above that of the backing track."""
MAX_GAIN_DB = 24.0
"""What a very soft backing track or vocal is brought up or down by at most."""
PEAK_DB = -1.0
"""dBFS that a mix has at most."""


def mix(backing: Path, vocal: Path, target: Path, form: OutputFormat, *, force: bool = False) -> float:
    """Write a mix with the rate, the channels and the length of its backing track.

    The backing track stays as it is, unless the mix would pass `PEAK_DB`: then all of it is softer.

    Args:
        backing: an audio file, mono or stereo.
        vocal: a mono file that begins with it; what is longer is left out.
        target: the file to write.
        form: its kind.
        force: replace a file that is there.

    Returns:
        By how many dB all of it was made softer.

    Raises:
        AudioFileError, OutputError: one sentence; no file is left.
    """
    with AudioReader(backing) as music, AudioReader(vocal) as voice, Draft(target, force=force) as draft:
        level = _gain(music, voice)
        peak = max(float(np.abs(x).max(initial=0.0)) for x in _summed(music, voice, level))
        gain = min(1.0, db_to_gain(PEAK_DB) / peak) if peak else 1.0
        carried = Carried({**music.metadata, "software": SOFTWARE})
        shape = music.sample_rate, music.channels, music.frames
        with AudioWriter(draft.path, *shape, form, carried=carried, target=target) as writer:
            for x in _summed(music, voice, level):
                writer.write(x * np.float32(gain))
        draft.commit()
    return -gain_to_db(gain)


def _gain(music: AudioReader, voice: AudioReader) -> float:
    """Return the factor that makes the voice as loud as it should be."""
    behind, front = (
        _loudness(chunks, music.sample_rate, music.channels)
        for chunks in (music.chunks(), _laid(music, voice))
    )
    if behind is None or front is None:  # nothing to be heard, or shorter than a meter needs
        return 1.0
    return db_to_gain(min(MAX_GAIN_DB, max(-MAX_GAIN_DB, behind + VOCAL_LU - front)))


def _loudness(chunks: Iterable[Float32], sample_rate: int, channels: int) -> float | None:
    meter = LoudnessMeter(sample_rate, channels)
    for x in chunks:
        meter.process(x)
    meter.finish()
    return meter.shown().integrated


def _laid(music: AudioReader, voice: AudioReader) -> Iterator[Float32]:
    """Yield the voice at the rate and on the channels of the music, in pieces of `CHUNK` samples."""
    chunks = resampled(voice.chunks(), 1, voice.sample_rate, music.sample_rate)
    for x in reblocked(chunks, CHUNK):
        yield np.ascontiguousarray(np.broadcast_to(x[:1], (music.channels, x.shape[1])))


def _summed(music: AudioReader, voice: AudioReader, level: float) -> Iterator[Float32]:
    """Yield music and voice together, as long as the music."""
    silence = repeat(np.zeros((music.channels, 0), np.float32))
    for x, sung in zip(reblocked(music.chunks(), CHUNK), chain(_laid(music, voice), silence), strict=False):
        y = x.copy()
        shared = min(x.shape[1], sung.shape[1])
        y[:, :shared] += np.float32(level) * sung[:, :shared]
        yield y
