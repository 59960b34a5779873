"""Pitch correction: how far to move a sung pitch towards the notes of a scale."""

from __future__ import annotations

import math
from bisect import bisect_left

FRAME_MS = 10.0
# A note is kept until another is nearer by this many semitones, so that vibrato on the border does not flip
# it.
_HYSTERESIS = 0.2


class Corrector:
    """Follow the distance from the sung pitch to the nearest note, frame by frame."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the note sung."""
        self._note: int | None = None
        self._shift = 0.0

    def process(self, pitch: float, voiced: bool, notes: tuple[int, ...], retune_ms: float) -> float:
        """Return the correction of the next frame, in semitones to add.

        Args:
            pitch: as it would sound, a MIDI note number.
            voiced: an unvoiced frame ends the note and keeps the shift.
            notes: MIDI notes allowed, rising.
            retune_ms: time constant of the pull; 0 is at once.
        """
        if not voiced:
            self._note = None
            return self._shift
        if self._note is None:
            self._shift = 0.0
        nearest = _nearest(pitch, notes)
        kept = self._note
        if kept not in notes or abs(pitch - kept) > abs(pitch - nearest) + _HYSTERESIS:
            kept = nearest
        self._note = kept
        pull = 1.0 - math.exp(-FRAME_MS / retune_ms) if retune_ms > 0.0 else 1.0
        self._shift += pull * (kept - pitch - self._shift)
        return self._shift


def _nearest(pitch: float, notes: tuple[int, ...]) -> int:
    above = bisect_left(notes, pitch)
    near = notes[max(0, above - 1) : above + 1]
    return min(near, key=lambda note: abs(note - pitch))
