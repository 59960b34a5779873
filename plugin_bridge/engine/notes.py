"""Melody override: held notes, glides, bends and the way back to the sung melody."""

from __future__ import annotations

from dsp.smoothing import Ramp

# A gap between notes shorter than this is legato: the last note is held on instead of the source showing
# through.
HOLD_MS = 120.0
_ENGAGE_MS = 10.0
_BEND_MS = 5.0
MAX_NOTES = 128
"""Held at once; of more, the oldest ends."""


class Melody:
    """The notes played and the pitch they ask for; the newest note held is sung.

    Args:
        sample_rate: hertz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self.weight = Ramp(0.0, self._samples(_ENGAGE_MS))
        """Weight of the played melody, 0 (as sung) to 1 (as played)."""
        self.note = Ramp(69.0)
        """The played pitch, a MIDI note number."""
        self.bend = Ramp(0.0, self._samples(_BEND_MS))
        """Pitch bend in semitones."""
        self.reset()

    def reset(self) -> None:
        """Forget all notes; the override is off."""
        for ramp, value in ((self.weight, 0.0), (self.note, 69.0), (self.bend, 0.0)):
            ramp.reset(value)
        self._held: list[float] = []
        self._enabled = False
        self._release: int | None = None
        self._glide_ms = 0.0

    def enable(self, enabled: bool, position: int) -> None:
        """Switch the override on or off; notes are followed either way."""
        self.settle(position)
        self._enabled = enabled
        if not enabled:
            self._release = None
            self.weight.move(0.0, position)
        elif self._held:
            self._sing(position)

    def note_on(self, note: float, position: int, glide_ms: float) -> None:
        """Begin a note.

        Args:
            note: MIDI note number.
            position: sample.
            glide_ms: time from the note before, where one is sung.
        """
        self.settle(position)
        del self._held[: max(0, len(self._held) + 1 - MAX_NOTES)]
        self._held.append(note)
        self._glide_ms = glide_ms
        self._sing(position)

    def note_off(self, note: float, position: int) -> None:
        """End a note; one that is not held is ignored."""
        self.settle(position)
        if note not in self._held:
            return
        was_sung = self._held[-1] == note
        self._held.reverse()
        self._held.remove(note)
        self._held.reverse()
        if not self._held:
            self._release = position + self._samples(HOLD_MS)
        elif was_sung:
            self._sing(position)

    def all_off(self, position: int) -> None:
        """End all notes at once and undo the bend."""
        self._held.clear()
        self._release = None
        self.weight.move(0.0, position)
        self.bend.move(0.0, position)

    def settle(self, position: int) -> None:
        """Return to the sung melody once the last note has been off for `HOLD_MS`."""
        if self._release is not None and self._release <= position:
            self.weight.move(0.0, self._release, self._samples(max(_ENGAGE_MS, self._glide_ms)))
            self._release = None

    def _sing(self, position: int) -> None:
        self._release = None
        if not self._enabled:
            return
        unplayed = self.weight.value(position - 1) == 0.0
        length = 1 if unplayed else self._samples(self._glide_ms)
        self.note.move(self._held[-1], position, length)
        self.weight.move(1.0, position)

    def _samples(self, ms: float) -> int:
        return max(1, round(ms * self._rate / 1000.0))
