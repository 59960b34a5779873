"""Levels, load and counters of the engine's thread, published after every block."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.engine.core import Reading
from plugin_bridge.live.audio.rings import Rings
from plugin_bridge.live.link import Figures, SharedFigures

Float32 = NDArray[np.float32]

_LOAD_SECONDS = 1.0
_FALL_DB_PER_SECOND = 60.0
_SILENT = 1e-6  # -120 dBFS


class Gauges:
    """Counters and meters.

    Args:
        page: where they are published; a position that is there already is the last one of another process.
    """

    def __init__(self, page: SharedFigures) -> None:
        self.late = self.refused = self.dropped = self.faults = 0
        self._page = page
        self._rings: Rings | None = None
        self._missed = self._overruns = 0  # of the devices before
        self._load = self._worst = 0.0
        self._input = self._output = _SILENT
        before = page.read()
        self._pair = (before.clock, before.position, before.rate)
        self._age = 0.0
        self._reading = Reading(0.0, 0.0, -120.0, 0.0)

    def measure(self, rings: Rings | None) -> None:
        """Measure another device, or none."""
        if self._rings is not None:
            self._missed += self._rings.missed
            self._overruns += self._rings.overruns
        self._rings = rings
        if rings is not None:
            form = rings.form
            self._block_seconds = form.block / form.sample_rate
            self._weight = 1.0 - math.exp(-self._block_seconds / _LOAD_SECONDS)
            self._fall = 10.0 ** (-_FALL_DB_PER_SECOND * self._block_seconds / 20.0)

    def count_block(self, seconds: float) -> None:
        """Count the time a block took."""
        self._load += self._weight * (seconds / self._block_seconds - self._load)
        self._worst = max(self._worst, seconds)
        self._page.count(seconds)

    def count_pause(self, seconds: float) -> None:
        """Count the time of what was done between two blocks."""
        self._load += self._weight * seconds / self._block_seconds

    def moment(self, when: float, position: int, rate: float, waiting: int) -> None:
        """Note when the sample at a position was captured, and how many blocks wait."""
        self._pair = (when, float(position), rate)
        self._age = waiting * self._block_seconds

    def levels(self, source: Float32, output: Float32, reading: Reading) -> None:
        """Update the meters; peaks fall slowly, so that a reader who looks now and then sees them."""
        self._input = max(_SILENT, _peak(source), self._input * self._fall)
        self._output = max(_SILENT, _peak(output), self._output * self._fall)
        self._reading = reading

    def publish(self) -> None:
        """Publish the figures."""
        rings, reading = self._rings, self._reading
        self._page.write(
            Figures(
                running=float(rings is not None),
                clock=self._pair[0],
                position=self._pair[1],
                rate=self._pair[2],
                load=self._load,
                worst=self._worst,
                age=self._age,
                missed=self._missed + (rings.missed if rings else 0),
                overruns=self._overruns + (rings.overruns if rings else 0),
                dropped=self.dropped,
                late=self.late,
                refused=self.refused,
                faults=self.faults,
                input_db=20.0 * math.log10(self._input),
                output_db=20.0 * math.log10(self._output),
                f0=reading.f0,
                voicing=reading.voicing,
                f0_out=reading.f0_out,
            )
        )


def _peak(block: Float32) -> float:
    peak = float(max(block.max(), -block.min()))
    return peak if math.isfinite(peak) else 0.0
