"""The state of every parameter: what was set, and the smoothed value at each sample."""

from __future__ import annotations

from collections.abc import Mapping

from dsp.smoothing import Ramp
from plugin_bridge.control.parameters import PARAMETERS, Value


class ParameterState:
    """Values as set, and a ramp for each number and switch that is read.

    Args:
        sample_rate: hertz.
        values: initial values in canonical types; the others have their defaults.
    """

    def __init__(self, sample_rate: int, values: Mapping[str, Value]) -> None:
        self.begin_with(values)
        self._rate = sample_rate
        self._ramps: dict[str, Ramp] = {}  # only of what is read: an unread ramp would keep every move
        self.values: dict[str, Value] = {}
        """What was set last, by id."""
        self.reset()

    def begin_with(self, values: Mapping[str, Value]) -> None:
        """Take other initial values, for `reset` to return to; the others have their defaults."""
        self._initial = {row.id: row.default for row in PARAMETERS.values()} | dict(values)

    def reset(self) -> None:
        """Return to the initial values."""
        self.values.update(self._initial)
        for name, ramp in self._ramps.items():
            ramp.reset(self.number(name))

    def ramp(self, name: str) -> Ramp:
        """Return the ramp of a number or switch, to be read from now on.

        The word `auto` does not move it; `Transposition` does.
        """
        if name not in self._ramps:
            self._ramps[name] = Ramp(self.number(name), PARAMETERS[name].smoothing(self._rate))
        return self._ramps[name]

    def number(self, name: str) -> float:
        """Return a number or switch as set last; a word counts as 0."""
        value = self.values[name]
        return 0.0 if isinstance(value, str) else float(value)

    def word(self, name: str) -> str:
        """Return a choice or a singer as set last; a number counts as empty."""
        value = self.values[name]
        return value if isinstance(value, str) else ""

    def set(self, name: str, value: Value, position: int) -> None:
        """Set a parameter to a canonical value, from the sample `position` on."""
        self.values[name] = value
        ramp = self._ramps.get(name)
        if ramp is not None and not isinstance(value, str):
            ramp.move(float(value), position)
