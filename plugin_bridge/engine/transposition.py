"""The interval of `transpose`: as given, or the octave that suits the singer who is heard."""

from __future__ import annotations

from collections.abc import Callable

from dsp.controls import VOICED
from dsp.units import hz_to_semitones, semitones_to_hz
from plugin_bridge.engine.parameterstate import ParameterState
from plugin_bridge.engine.sourcepitch import RunningMedian, median_note, octave_shift

MIN_FRAMES = 50
"""Voiced frames, half a second, before the source's range counts as heard."""


class Transposition:
    """Move the ramp of `transpose`.

    Args:
        parameters: the parameters.
        singer_median: returns the median pitch of the singer heard most, hertz.
    """

    def __init__(self, parameters: ParameterState, singer_median: Callable[[], float]) -> None:
        self._parameters = parameters
        self._ramp = parameters.ramp("transpose")
        self._singer_median = singer_median
        self._heard = RunningMedian()
        self.reset()

    def reset(self) -> None:
        """Forget the source."""
        self._heard.reset()
        self._octave: float | None = None
        self._changed = False
        self._asked = False
        self.decide(0)

    def decide(self, position: int, keep: bool = False) -> None:
        """Choose the interval, to sound from the sample `position` on; a given one stays.

        Args:
            position: sample.
            keep: prefer the octave in force unless another is clearly nearer.
        """
        self._asked = False
        if self._parameters.word("transpose") != "auto":
            self._octave = None
            return
        source = median_note(self._parameters.number("source_pitch"), self._heard, MIN_FRAMES)
        if source is None:
            shift = self._octave or 0.0
        else:
            shift = octave_shift(
                source, hz_to_semitones(self._singer_median()), self._octave if keep else None
            )
            self._octave = shift
        if shift != self._ramp.target:
            self._ramp.move(shift, position)

    def heard(self, frames: int) -> float:
        """Return the median pitch of the source so far, hertz; 0 before so many frames were voiced."""
        return semitones_to_hz(self._heard.value()) if self._heard.frames >= max(1, frames) else 0.0

    def ask(self, position: int) -> None:
        """Choose the octave again when the note ends: a voice that is morphed must not leap within one.

        Args:
            position: sample of the morph; what is set at 0 is there before any note.
        """
        if position <= 0:
            self.decide(0)
        else:
            self._asked = True

    def listen(self, f0: float, voicing: float, position: int) -> None:
        """Take a frame of the source; between notes the octave is chosen again, from `position` on."""
        if voicing > VOICED:
            self._heard.add(hz_to_semitones(f0))
            self._changed = True
        elif self._changed or self._asked:
            heard = self._changed and self._parameters.number("source_pitch") == 0.0
            self._changed = False
            if heard or self._asked:
                self.decide(position, keep=True)
