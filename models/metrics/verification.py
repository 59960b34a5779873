"""How well vectors tell singers apart: equal error rate and top-1, with intervals over singers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 500
"""Of the bootstrap."""

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Figure(NamedTuple):
    """A share, and the interval in which it lies in 95 of 100 draws of singers; NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Piece:
    """What a vector was made of."""

    singer: str
    recordings: frozenset[str]
    """That it was cut from."""


class Verification:
    """Trials of a set of pieces: each is compared with all that share no recording with it.

    Of a singer with one recording only, its pieces are compared with each other all the same.

    Args:
        pieces: of at least two singers.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        names = sorted({piece.singer for piece in pieces})
        self._singer = np.array([names.index(piece.singer) for piece in pieces])
        self._count = len(names)
        same = self._singer[:, None] == self._singer[None]
        apart = np.array([[not (a.recordings & b.recordings) for b in pieces] for a in pieces])
        several = np.array(
            [
                len(frozenset().union(*(p.recordings for p in pieces if p.singer == name))) > 1
                for name in names
            ]
        )
        allowed = apart | ~several[self._singer][:, None]
        np.fill_diagonal(allowed, val=False)
        self._targets = same & allowed
        self._others = ~same
        rng = np.random.default_rng(0)
        self._draws = [np.ones(self._count)] + [
            np.bincount(rng.integers(self._count, size=self._count), minlength=self._count).astype(float)
            for _ in range(DRAWS)
        ]
        """How often each singer is drawn, first the singers as they are."""

    @property
    def trials(self) -> tuple[int, int]:
        """How many trials there are of one singer, and of two."""
        return int(self._targets.sum()), int(self._others.sum())

    def equal_error_rate(self, known: Float64, asked: Float64) -> Figure:
        """Return the rate at which as many same singers are refused as others are taken for the same.

        Args:
            known: unit vectors of the pieces, (pieces, D).
            asked: of the same pieces, perhaps changed, (pieces, D).
        """
        scores = known @ asked.T
        used = self._targets | self._others
        order = np.argsort(-scores[used])
        target = self._targets[used][order]
        first, second = (
            np.broadcast_to(part, used.shape)[used][order]
            for part in (self._singer[:, None], self._singer[None])
        )

        def rate(drawn: Float64) -> float:
            # A pair of one singer is as frequent as the singer, a pair of two as both are together.
            weight = np.where(target, drawn[first], drawn[first] * drawn[second])
            hit = np.cumsum(np.where(target, weight, 0.0))
            taken = np.cumsum(np.where(target, 0.0, weight))
            if not hit[-1] or not taken[-1]:
                return float("nan")
            missed, wrong = 1.0 - hit / hit[-1], taken / taken[-1]
            at = int(np.argmax(wrong >= missed))
            return float(missed[at] + wrong[at]) / 2.0

        return _figure([rate(drawn) for drawn in self._draws])

    def top_1(self, known: Float64, asked: Float64) -> Figure:
        """Return the share of pieces that lie nearest to the mean of their own singer's others.

        Args:
            known: as for `equal_error_rate`.
            asked: likewise.
        """
        right, singer = [], []
        for at, vector in enumerate(asked):
            own = self._targets[:, at]
            if not own.any():
                continue
            likeness = [
                float(vector @ _direction(known[own if name == self._singer[at] else self._singer == name]))
                for name in range(self._count)
            ]
            right.append(int(np.argmax(likeness)) == self._singer[at])
            singer.append(self._singer[at])
        hits, who = np.array(right, float), np.array(singer, int)

        def share(drawn: Float64) -> float:
            weight = drawn[who]
            return float((hits * weight).sum() / weight.sum()) if weight.sum() else float("nan")

        return _figure([share(drawn) for drawn in self._draws])


def _direction(vectors: Float64) -> Float64:
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))


def _figure(values: Sequence[float]) -> Figure:
    """Return the first, and the interval of the others."""
    drawn = np.array(values[1:])
    if np.isnan(drawn).all():
        return Figure(values[0], float("nan"), float("nan"))
    return Figure(values[0], *np.nanpercentile(drawn, [2.5, 97.5]).tolist())
