"""Error rates of verification against counts made by hand and a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.metrics.verification import Piece, Verification

Float64 = NDArray[np.float64]


def pieces(counts: dict[str, int]) -> list[Piece]:
    """So many pieces of each singer, each cut from a recording of its own."""
    return [Piece(name, frozenset({f"{name}{at}"})) for name, count in counts.items() for at in range(count)]


def units(angles: list[float]) -> Float64:
    return np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1)


def test_singers_far_apart_are_never_taken_for_each_other() -> None:
    vectors = units([0.0, 2.0, 4.0, 90.0, 92.0, 94.0])
    verification = Verification(pieces({"a": 3, "b": 3}))
    assert verification.trials == (12, 18)
    assert verification.equal_error_rate(vectors, vectors).value == pytest.approx(0.0, abs=1e-9)
    assert verification.top_1(vectors, vectors) == (1.0, 1.0, 1.0)


def test_the_equal_error_rate_is_where_both_errors_meet() -> None:
    rng = np.random.default_rng(3)
    names = {f"s{at}": 6 for at in range(12)}
    vectors = rng.standard_normal((72, 5)) + 1.2 * np.repeat(rng.standard_normal((12, 5)), 6, axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = Verification(pieces(names)).equal_error_rate(vectors, vectors)
    scores, singer = vectors @ vectors.T, np.repeat(np.arange(12), 6)
    same = singer[:, None] == singer[None]
    own, other = scores[same & ~np.eye(72, dtype=bool)], scores[~same]
    rates = [(float((own < at).mean()), float((other >= at).mean())) for at in np.linspace(-1.0, 1.0, 4001)]
    missed, wrong = min(rates, key=lambda both: abs(both[0] - both[1]))
    assert found.value == pytest.approx((missed + wrong) / 2.0, abs=0.005)
    assert 0.05 < found.low < found.value < found.high < 0.5


def test_top_1_is_of_the_mean_of_a_singers_other_pieces() -> None:
    """The third of a's lies at b; alone it would be its own nearest, but a piece does not know itself."""
    vectors = units([0.0, 2.0, 88.0, 90.0, 91.0])
    found = Verification(pieces({"a": 3, "b": 2})).top_1(vectors, vectors)
    assert found.value == pytest.approx(4.0 / 5.0)


def test_pieces_of_one_recording_are_no_trial_unless_a_singer_has_no_other() -> None:
    shared = [Piece("a", frozenset({"1"})), Piece("a", frozenset({"1", "2"})), Piece("a", frozenset({"2"}))]
    alone = [Piece("b", frozenset({"3"})), Piece("b", frozenset({"3"}))]
    assert Verification([*shared, *alone]).trials == (2 + 2, 12)


def test_a_changed_piece_is_asked_and_the_others_are_as_they_were() -> None:
    known = units([0.0, 1.0, 90.0, 91.0])
    verification = Verification(pieces({"a": 2, "b": 2}))
    assert verification.top_1(known, units([90.0, 91.0, 0.0, 1.0])).value == 0.0
    assert verification.equal_error_rate(known, units([90.0, 91.0, 0.0, 1.0])).value == pytest.approx(1.0)


def test_a_singer_with_one_piece_is_heard_as_another_only() -> None:
    vectors = units([0.0, 1.0, 45.0])
    verification = Verification(pieces({"a": 2, "b": 1}))
    assert verification.trials == (2, 4)
    assert verification.top_1(vectors, vectors).value == 1.0
