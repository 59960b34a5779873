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


class Levels:
    """Peaks of source and output that fall slowly, so that a reader who looks now and then sees them."""

    def __init__(self) -> None:
        self._source = self._output = _SILENT

    def take(self, source: Float32, output: Float32, seconds: float) -> None:
        """Take what came in and out in so many seconds."""
        fall = 10.0 ** (-_FALL_DB_PER_SECOND * seconds / 20.0)
        self._source = max(_SILENT, _peak(source), self._source * fall)
        self._output = max(_SILENT, _peak(output), self._output * fall)

    @property
    def decibels(self) -> tuple[float, float]:
        """Of the source and the output, dBFS, -120 or more."""
        return 20.0 * math.log10(self._source), 20.0 * math.log10(self._output)


class Load:
    """The engine's time per time of audio."""

    def __init__(self) -> None:
        self.now = 0.0
        """Smoothed over about a second."""
        self.worst = 0.0
        """Longest time of a block, seconds."""

    def count_block(self, spent: float, seconds: float) -> None:
        """Count the time that a block of so many seconds took."""
        self.now += _weight(seconds) * (spent / seconds - self.now)
        self.worst = max(self.worst, spent)

    def count_pause(self, spent: float, seconds: float) -> None:
        """Count the time of what was done between two blocks of so many seconds."""
        self.now += _weight(seconds) * spent / seconds


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
        self._load, self._levels = Load(), Levels()
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

    def count_block(self, seconds: float) -> None:
        """Count the time a block took."""
        self._load.count_block(seconds, self._block_seconds)
        self._page.count(seconds)

    def count_pause(self, seconds: float) -> None:
        """Count the time of what was done between two blocks."""
        self._load.count_pause(seconds, self._block_seconds)

    def moment(self, when: float, position: int, rate: float, waiting: int) -> None:
        """Note when the sample at a position was captured, and how many blocks wait."""
        self._pair = (when, float(position), rate)
        self._age = waiting * self._block_seconds

    def levels(self, source: Float32, output: Float32, reading: Reading) -> None:
        """Update the meters."""
        self._levels.take(source, output, self._block_seconds)
        self._reading = reading

    def publish(self) -> None:
        """Publish the figures."""
        rings, reading = self._rings, self._reading
        input_db, output_db = self._levels.decibels
        self._page.write(
            Figures(
                running=float(rings is not None),
                clock=self._pair[0],
                position=self._pair[1],
                rate=self._pair[2],
                load=self._load.now,
                worst=self._load.worst,
                age=self._age,
                missed=self._missed + (rings.missed if rings else 0),
                overruns=self._overruns + (rings.overruns if rings else 0),
                dropped=self.dropped,
                late=self.late,
                refused=self.refused,
                faults=self.faults,
                input_db=input_db,
                output_db=output_db,
                f0=reading.f0,
                voicing=reading.voicing,
                f0_out=reading.f0_out,
            )
        )


def _weight(seconds: float) -> float:
    return 1.0 - math.exp(-seconds / _LOAD_SECONDS)


def _peak(block: Float32) -> float:
    peak = float(max(block.max(), -block.min()))
    return peak if math.isfinite(peak) else 0.0
