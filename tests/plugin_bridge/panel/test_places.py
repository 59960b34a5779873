"""Where singers lie on the pad: as their vectors do, on it, and none on another."""

from __future__ import annotations

import numpy as np
import pytest

from plugin_bridge.panel.places import APART, RADIUS, places


def test_a_plane_of_vectors_is_laid_down_as_it_is_but_for_its_turn() -> None:
    """A triangle with sides in the ratio 3 to 4 to 5, in a tilted plane of 16 dimensions."""
    rng = np.random.default_rng(0)
    plane, _ = np.linalg.qr(rng.standard_normal((16, 2)))
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    found = places(corners @ plane.T + rng.standard_normal(16))
    sides = [float(np.hypot(*(found[a] - found[b]))) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert sides[0] / sides[1] == pytest.approx(3.0 / 4.0, abs=0.01)
    assert sides[2] / sides[1] == pytest.approx(5.0 / 4.0, abs=0.01)
    assert np.hypot(*(found - 0.5).T).max() == pytest.approx(RADIUS, abs=0.002)
    assert found[0, 0] < 0.5


def test_two_lie_opposite_and_one_in_the_middle() -> None:
    vectors = np.random.default_rng(1).standard_normal((2, 128))
    assert places(vectors) == pytest.approx(np.array([[0.5 - RADIUS, 0.5], [0.5 + RADIUS, 0.5]]), abs=0.002)
    assert places(vectors[:1]) == pytest.approx(np.array([[0.5, 0.5]]))


@pytest.mark.parametrize("count", [2, 5, 12])
def test_singers_of_one_sound_lie_side_by_side(count: int) -> None:
    rng = np.random.default_rng(2)
    same = np.ones((count, 8))
    near = np.concatenate([same + 1e-3 * rng.standard_normal((count, 8)), rng.standard_normal((1, 8))])
    for vectors in (same, near):
        found = places(vectors)
        apart = np.hypot(*(found[:, None] - found[None]).transpose(2, 0, 1))
        assert apart[~np.eye(len(found), dtype=bool)].min() > 0.9 * APART
        assert np.hypot(*(found - 0.5).T).max() < RADIUS + 0.01
