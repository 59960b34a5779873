"""Re-blocking: any block in, fixed hops inside, as many samples out, at a constant latency."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Render = Callable[[Float32], Float32]


class HopFifo:
    """Cut blocks of any size into hops, have each rendered, and hand out one sample for each one taken.

    Input and output share one index: a sample enters a hop at the place where a sample of the hop rendered
    before leaves, so the latency is exactly one hop.

    Args:
        channels: of input and output.
        hop: samples per hop.
        render: called with (channels, hop), or with several whole hops in a row; returns the same shape, and
            must not keep its argument.
        most: hops that `render` takes at once.
    """

    def __init__(self, channels: int, hop: int, render: Render, most: int = 1) -> None:
        self._render = render
        self._hop = hop
        self._most = most
        self._given = np.zeros((channels, 0), np.float32)
        self._made = np.zeros((channels, hop), np.float32)

    @property
    def latency(self) -> int:
        """Samples from input to output, besides the latency of `render`."""
        return self._hop

    def process(self, x: Float32) -> Float32:
        """Take a block of any length; return a new array of the same shape, (channels, n), float32."""
        given = np.concatenate([self._given, x], axis=1)
        whole = given.shape[1] - given.shape[1] % self._hop
        waiting = self._made.shape[1]
        made = np.empty((x.shape[0], waiting + whole), np.float32)
        made[:, :waiting] = self._made
        hops = whole // self._hop
        calls = -(-hops // self._most)
        cuts = [self._hop * (hops * call // calls) for call in range(calls)]  # no hop is left to go alone
        for start, stop in pairwise([*cuts, whole]):
            made[:, waiting + start : waiting + stop] = self._render(given[:, start:stop])
        self._given, self._made = given[:, whole:], made[:, x.shape[1] :]
        return made[:, : x.shape[1]].copy()

    def reset(self) -> None:
        """Forget all samples."""
        channels = self._made.shape[0]
        self._given = np.zeros((channels, 0), np.float32)
        self._made = np.zeros((channels, self._hop), np.float32)


class Delay:
    """Delay blocks of one size by a constant number of samples, exactly.

    Args:
        channels: of the signal.
        samples: the delay, >= 0.
    """

    def __init__(self, channels: int, samples: int) -> None:
        self.latency = samples
        self._held = np.zeros((channels, samples), np.float32)

    def process(self, x: Float32) -> Float32:
        """Take a block (channels, n) and return the one `latency` samples before it, a new array."""
        n, held = x.shape[1], self._held
        if n > self.latency:
            y = np.concatenate([held, x[:, : n - self.latency]], axis=1)
            held[:] = x[:, n - self.latency :]
            return y
        y = held[:, :n].copy()
        held[:, : self.latency - n] = held[:, n:]
        held[:, self.latency - n :] = x
        return y

    def reset(self) -> None:
        """Forget all samples."""
        self._held[:] = 0.0


class Backlog:
    """Turn the output of a plug-in that returns fewer samples while it fills into constant blocks.

    `latency` zeros stand in for what the plug-in withholds, so every call gets as many samples as went in.

    Args:
        channels: of the signal.
        latency: the most samples the plug-in withholds, >= 0.
        block: the most samples pushed or pulled at once.
    """

    def __init__(self, channels: int, latency: int, block: int) -> None:
        self.latency = latency
        self._held = latency
        self._store = np.zeros((channels, latency + 2 * block), np.float32)

    def push(self, x: Float32) -> None:
        """Take what the plug-in returned, shape (channels, n).

        Raises:
            ValueError: more samples than the plug-in was given.
        """
        stop = self._held + x.shape[1]
        if stop > self._store.shape[1]:
            raise ValueError(
                f"{stop} samples do not fit a backlog of {self._store.shape[1]}; pull as many as you push"
            )
        self._store[:, self._held : stop] = x
        self._held = stop

    def pull(self, n: int) -> Float32:
        """Return the next n samples, shape (channels, n).

        Raises:
            ValueError: the plug-in withholds more than the declared latency.
        """
        if n > self._held:
            raise ValueError(
                f"{n} samples are due and {self._held} are there: the plug-in withholds more than its "
                f"latency of {self.latency} samples; declare a larger one"
            )
        y = self._store[:, :n].copy()
        left = self._held - n
        self._store[:, :left] = self._store[:, n : self._held]
        self._held = left
        return y

    def reset(self) -> None:
        """Forget all samples and put the zeros back."""
        self._store[:] = 0.0
        self._held = self.latency
