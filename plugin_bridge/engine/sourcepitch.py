"""The median pitch of a source, running or over a whole recording, and the octave that suits a singer."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.downmix import Downmix
from dsp.units import MAX_F0, MIN_F0, hop_size, hz_to_semitones
from plugin_bridge.engine.pitchtracking import USUAL, pitch_tracker
from plugin_bridge.engine.rendering import reblocked
from plugin_bridge.engine.spares import Spares

if TYPE_CHECKING:
    from dsp.pitch import VoiceTracker

Float32 = NDArray[np.float32]

_MIN_NOTE = math.floor(hz_to_semitones(MIN_F0))
_BINS_PER_SEMITONE = 10
_BINS = _BINS_PER_SEMITONE * (math.ceil(hz_to_semitones(MAX_F0)) - _MIN_NOTE)
# Half of what was heard weighs less than the newest 20 s: a live source may change hands.
_GROWTH = 2.0 ** (1.0 / 2000.0)
_HEAVY = 1e100
OCTAVE = 12.0
MAX_SHIFT = 36.0
# An octave is kept until another is nearer to the singer by this many semitones.
HYSTERESIS = 3.0
WINDOW_SECONDS = 1
WINDOWS = 12
"""A median needs no more than so many, and the tracker costs a third of what a singer does."""
_FLOOR = 1e-3
"""Windows 60 dB below the loudest are silence."""
_TRACKERS: Spares[VoiceTracker] = Spares(2)
"""By sample rate and name."""


class RunningMedian:
    """The median of the voiced frames so far, the older the lighter, to a tenth of a semitone."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self._weights = [0.0] * _BINS  # for one number at a time a list is quicker than an array
        self._unit = 1.0
        self.frames = 0
        """Voiced frames heard."""

    def add(self, pitch: float) -> None:
        """Take the pitch of a voiced frame, a MIDI note number."""
        index = int((pitch - _MIN_NOTE) * _BINS_PER_SEMITONE)
        self._weights[min(_BINS - 1, max(0, index))] += self._unit
        self._unit *= _GROWTH
        self.frames += 1
        if self._unit > _HEAVY:
            self._weights = [weight / self._unit for weight in self._weights]
            self._unit = 1.0

    def value(self) -> float:
        """Return the median as a MIDI note number.

        Raises:
            ValueError: nothing voiced was heard.
        """
        if self.frames == 0:
            raise ValueError("no voiced frame was heard, so there is no median; give audio with singing")
        sums = np.cumsum(self._weights)
        index = int(np.searchsorted(sums, 0.5 * sums[-1]))
        return _MIN_NOTE + (index + 0.5) / _BINS_PER_SEMITONE


class SourcePitch:
    """Measure the median pitch of a whole recording, block by block, for the parameter `source_pitch`.

    Args:
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
        tracker: a fresh one, made for both; None to make one.
    """

    def __init__(self, sample_rate: int, pitch: str = USUAL, tracker: VoiceTracker | None = None) -> None:
        self._hop = hop_size(sample_rate)
        self._tracker = tracker or pitch_tracker(pitch, sample_rate)
        self._downmix = Downmix(self._hop)
        self._pending: Float32 | None = None
        self._pitches: list[Float32] = []

    def process(self, block: Float32) -> None:
        """Take the next block, shape (channels, n), float32."""
        if self._pending is not None:
            block = np.concatenate([self._pending, block], axis=1)
        whole = block.shape[1] - block.shape[1] % self._hop
        self._pending = block[:, whole:]
        if not whole:
            return
        frames = self._tracker.process(self._downmix.process(block[:, :whole]))
        self._pitches.append(np.array([f.f0 for f in frames if f.voicing > VOICED], np.float32))

    def median(self) -> float:
        """Return the median of the voiced frames in hertz, 0 where there is none."""
        pitches = np.concatenate([*self._pitches, np.zeros(0, np.float32)])
        if not (size := pitches.size):
            return 0.0
        middle = [(size - 1) // 2, size // 2]  # numpy.median would import masked arrays, 8 ms
        return float(np.partition(pitches, middle)[middle].mean())


def median_of_windows(windows: Iterable[Float32], sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of the voiced parts in hertz, 0 where nothing is voiced.

    At most `WINDOWS` of the windows that sound, spread evenly, are listened to.

    Args:
        windows: the recording, in windows of `WINDOW_SECONDS`: float32 (channels, n).
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
    """
    key = (sample_rate, pitch)
    tracker = _TRACKERS.take(key) or pitch_tracker(pitch, sample_rate)
    meter = SourcePitch(sample_rate, pitch, tracker)
    for x in _spread(windows):
        meter.process(x)
    tracker.reset()
    _TRACKERS.give(key, tracker)
    return meter.median()


def _spread(windows: Iterable[Float32]) -> list[Float32]:
    """Return windows that sound, evenly spread, in one pass that keeps few of them."""
    kept: list[tuple[float, Float32]] = []
    sounding, stride, loudest = 0, 1, 0.0
    last = 0.0, np.zeros((1, 0), np.float32)
    for x in windows:
        level = float(np.sqrt(np.mean(np.square(x))))
        if level > loudest:
            loudest = level
            kept = [pair for pair in kept if pair[0] > _FLOOR * loudest]
            if not kept:
                sounding, stride = 0, 1
        if level <= _FLOOR * loudest:
            continue
        last = level, x
        if sounding % stride == 0:
            kept.append(last)
        sounding += 1
        if len(kept) == 2 * WINDOWS:
            kept, stride = kept[::2], 2 * stride
    if kept and kept[-1] is not last:
        kept.append(last)
    picks = np.linspace(0, len(kept) - 1, min(WINDOWS, len(kept))).round().astype(int)
    return [kept[pick][1] for pick in picks.tolist()]


def whole_pitch(rows: Float32, sample_rate: int, pitch: str = USUAL) -> float:
    """Return the median pitch of a recording (channels, samples) in hertz, 0 where nothing is voiced.

    Args:
        rows: the recording.
        sample_rate: a native rate in hertz.
        pitch: how it is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.
    """
    return median_of_windows(reblocked([rows], WINDOW_SECONDS * sample_rate), sample_rate, pitch)


def octave_shift(source: float, singer: float, current: float | None = None) -> float:
    """Return the multiple of 12 semitones that brings a source nearest to a singer.

    Args:
        source: median of the source, MIDI note number.
        singer: median of the singer, MIDI note number.
        current: the shift in force, kept unless another is clearly better; None for none.
    """
    best = OCTAVE * round((singer - source) / OCTAVE)
    best = min(MAX_SHIFT, max(-MAX_SHIFT, best))
    if current is not None and abs(source + current - singer) <= abs(source + best - singer) + HYSTERESIS:
        return current
    return best


def median_note(source_pitch: float, heard: RunningMedian, least_frames: int) -> float | None:
    """Return the source's median as a MIDI note number: the given one, else the heard one, else None.

    Args:
        source_pitch: hertz, 0 for not given.
        heard: what was heard so far.
        least_frames: frames needed before what was heard counts.
    """
    if source_pitch > 0.0:
        return hz_to_semitones(source_pitch)
    return heard.value() if heard.frames >= max(1, least_frames) else None
