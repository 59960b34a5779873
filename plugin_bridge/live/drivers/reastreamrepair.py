"""Repair a ReaStream after lost, repeated and reordered packets, which carry neither numbers nor times.

A DAW sends each of its blocks as full packets and a rest, 512 stereo samples as 150, 150, 150 and 62. Where
that pattern is known, a hole in it that the clock confirms is filled with silence, so that the stream keeps
its length, and a rest that overtook a full packet is put behind it. A packet equal to one just before, bit
for bit, is a copy and left out, unless it is silence, or the stream would fall behind its own pace: a tone
may repeat itself exactly. Not seen are the loss of a whole block, that of the only packet of a short block,
and two full packets that changed places.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.live.drivers.reastreampackets import largest

Float32 = NDArray[np.float32]
Shape = tuple[int, int]
"""Full packets of a block, and samples of its rest."""

_SURE = 4
"""Blocks of one shape after which it is the pattern, and of other shapes after which it no longer is."""
_MEMORY = 8
"""Packets among which a copy is looked for."""
_BEHIND_SECONDS = 0.1
"""So far behind its pace, a stream has no copies."""
_PAUSE_SECONDS = 0.25
"""A stream that is further behind has paused."""
_CLOCKS = 0.001
"""How far two clocks may differ."""


@dataclass
class Counts:
    """Packets received, and those detected as lost, repeated or reordered."""

    taken: int = 0
    lost: int = 0
    repeated: int = 0
    reordered: int = 0


class _Held(NamedTuple):
    """The rest of a block, come before full packets that belong before it."""

    samples: Float32
    missing: int
    """Full packets that belong before it."""
    time: float


class StreamRepair:
    """Repairs one stream of one form.

    Args:
        channels: 1 or more.
        sample_rate: hertz.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self.counts = Counts()
        self._channels, self._rate = channels, sample_rate
        self._full = largest(channels)
        self._pattern: Shape | None = None
        self._candidate: Shape = (0, 0)
        self._agreed = self._strange = 0
        self._fulls = 0  # of the block that is coming in
        self._held: _Held | None = None
        self._recent: deque[bytes] = deque(maxlen=_MEMORY)
        self._pace = _Pace(sample_rate)

    def push(self, samples: Float32, time: float) -> list[Float32]:
        """Take the samples of a packet and return those to pass on, in order.

        Args:
            samples: shape (channels, n), n >= 1.
            time: of its arrival, seconds.
        """
        if self._is_copy(samples, time):
            self.counts.repeated += 1
            return []
        n = samples.shape[1]
        if self._held is not None and n == self._full and time - self._held.time < self._patience():
            found = self._overtaken(self._held, samples)
        else:
            found = [*self._before(n, time), *self._placed(samples, time)]
        self._pace.total += n
        return found

    def _is_copy(self, samples: Float32, time: float) -> bool:
        data = samples.tobytes()
        behind = self._pace.behind(time) > _BEHIND_SECONDS * self._rate
        copy = data in self._recent and not behind and samples.any()
        if not copy:
            self._recent.append(data)
        return bool(copy)

    def _overtaken(self, held: _Held, samples: Float32) -> list[Float32]:
        """Put a full packet before the rest that overtook it."""
        self.counts.reordered += 1
        if held.missing > 1:
            self._held = held._replace(missing=held.missing - 1)
            return [samples]
        self._held = None
        return [samples, held.samples]

    def _before(self, n: int, time: float) -> list[Float32]:
        """Return what belongs before the next packet, of n samples, where a new block begins with it."""
        held, self._held = self._held, None
        if held is not None:
            behind = self._begin(time)
            if self._is_lost(held.missing * self._full, behind):
                return [self._silence(held.missing * self._full, held.missing), held.samples]
            assert self._pattern is not None
            self._learn((self._pattern[0] - held.missing, held.samples.shape[1]))
            return [held.samples]
        if self._fulls == 0:
            self._begin(time)
            return []
        if self._pattern is None or n != self._full or self._fulls != self._pattern[0]:
            return []
        if not self._is_lost(self._pattern[1], self._pace.behind(time)):  # it may be in the midst of a block
            return []
        self._fulls = 0
        self._begin(time)
        return [self._silence(self._pattern[1], 1)]

    def _placed(self, samples: Float32, time: float) -> list[Float32]:
        n = samples.shape[1]
        if n >= self._full:
            self._fulls += 1
            return [samples]
        fulls, self._fulls = self._fulls, 0
        if self._pattern is not None and n == self._pattern[1] and fulls < self._pattern[0]:
            self._held = _Held(samples, self._pattern[0] - fulls, time)
            return []
        self._learn((fulls, n))
        return [samples]

    def _begin(self, time: float) -> float:
        """Note that a block begins; return the samples that the stream is behind."""
        return self._pace.begin(time, regular=self._pattern is None or self._strange == 0)

    def _is_lost(self, samples: int, behind: float) -> bool:
        return behind > 0.5 * samples

    def _silence(self, samples: int, packets: int) -> Float32:
        self.counts.lost += packets
        self._strange += 1
        if self._strange >= _SURE:
            self._pattern = None
        self._pace.total += samples
        return np.zeros((self._channels, samples), np.float32)

    def _learn(self, shape: Shape) -> None:
        """Take note of a block that is whole."""
        if shape == self._pattern:
            self._strange = self._agreed = 0
            return
        self._strange += 1
        self._agreed = self._agreed + 1 if shape == self._candidate else 1
        self._candidate = shape
        if self._agreed >= _SURE:
            self._pattern, self._strange = shape, 0
        elif self._strange >= _SURE:
            self._pattern = None

    def _patience(self) -> float:
        """Return the seconds a packet may come late: a quarter of a block."""
        fulls, rest = self._pattern or (0, 0)
        return 0.25 * (fulls * self._full + rest) / self._rate


class _Pace:
    """How many samples a stream is behind the best it has done so far.

    Args:
        sample_rate: hertz, nominal.
    """

    def __init__(self, sample_rate: int) -> None:
        self.total = 0
        """Samples so far."""
        self._rate = sample_rate
        self._best = self._last = -math.inf

    def begin(self, time: float, *, regular: bool) -> float:
        """Note that a block begins, after a regular one or not; return the samples that it is behind."""
        ahead = self.total - time * self._rate
        best = self._best - _CLOCKS * self._rate * (time - self._last)
        paused = best - ahead > _PAUSE_SECONDS * self._rate
        if paused:
            best = ahead
        elif regular:  # otherwise a part of this block may have come with the one before
            best = max(ahead, best)
        self._best, self._last = best, time
        return best - ahead

    def behind(self, time: float) -> float:
        """Return the samples that a packet now is behind."""
        return self._best - (self.total - time * self._rate)
