"""The reference pitch of a voice: an exact label beside its file, or what two unlike trackers agree on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.units import MAX_F0, MIN_F0
from models.metrics.pitch import FRAMES_PER_SECOND, GROSS_CENTS, PitchTrack
from models.metrics.tracker import track_pitch
from models.metrics.trackers import TRACKERS

LABEL_SUFFIX = ".f0.csv"
_NEAREST = 1.5 / FRAMES_PER_SECOND
"""A label's line speaks for this many seconds around it; frames farther from any carry no score."""


class Reference(NamedTuple):
    """A pitch track, and which of its frames can be relied on."""

    track: PitchTrack
    scored: NDArray[np.bool_]
    """Shape (frames,); the others count for nothing."""
    exact: bool
    """Whether it was known beforehand and not measured."""

    def part(self, first: int, stop: int) -> Reference:
        """Return frames `first` to `stop`."""
        track = PitchTrack(self.track.f0[first:stop], self.track.voiced[first:stop])
        return Reference(track, self.scored[first:stop], self.exact)


def consensus(audio: NDArray[np.float32], sample_rate: int) -> Reference:
    """Measure a clean voice with two trackers of different kinds, and rely on what they agree on.

    A frame counts where the independent tracker (a network) and the engine's first one (periodicity) both
    call it unvoiced, or both voiced within 50 cents; its pitch is the independent one's. Difficult frames,
    such as onsets and creaks, are so left out, which favours no tracker at an SNR but all of them when clean.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: a native rate in hertz.

    Raises:
        MissingExtraError: swift-f0 is not installed.
    """
    one, other = track_pitch(audio, sample_rate), TRACKERS["periodicity"].track(audio, sample_rate)
    near = np.abs(1200.0 * np.log2(one.f0 / other.f0)) <= GROSS_CENTS
    both, neither = one.voiced & other.voiced, ~one.voiced & ~other.voiced
    return Reference(one, neither | (both & near), exact=False)


def read_label(path: Path, frames: int) -> Reference:
    """Read an exact label: lines of `seconds,hertz` in order of time, 0 hertz where nothing is voiced.

    Args:
        path: of the file, a line about every 10 ms or more often.
        frames: of the audio.

    Raises:
        ValueError: the file does not fit; one sentence.
    """
    try:
        found = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"label {path} cannot be read; give lines of seconds,hertz with 0 for unvoiced"
        ) from error
    if found.shape[1] != 2 or not np.isfinite(found).all() or (np.diff(found[:, 0]) <= 0.0).any():
        raise ValueError(
            f"label {path} is not in order; give lines of seconds,hertz, one time after the other"
        )
    seconds, hertz = found.T
    voiced = hertz > 0.0
    if (hertz < 0.0).any() or (voiced & ((hertz < MIN_F0) | (hertz > MAX_F0))).any():
        raise ValueError(f"label {path} leaves the range; give 0 or {MIN_F0:g} to {MAX_F0:g} Hz in each line")
    times = np.arange(frames) / FRAMES_PER_SECOND
    after = np.searchsorted(seconds, times).clip(1, max(1, seconds.size - 1))
    left = (after - 1).clip(0, seconds.size - 1)
    right = after.clip(0, seconds.size - 1)
    nearest = np.where(times - seconds[left] <= seconds[right] - times, left, right)
    f0 = np.full(frames, MIN_F0)
    if voiced.any():
        f0 = np.exp2(np.interp(times, seconds[voiced], np.log2(hertz[voiced])))
    known = np.abs(seconds[nearest] - times) <= _NEAREST
    return Reference(PitchTrack(f0, voiced[nearest]), known, exact=True)
