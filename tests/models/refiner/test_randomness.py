"""The noise of a frame is the same from every start and however frames come, and it does not come again."""

from __future__ import annotations

import numpy as np
import pytest

from models.refiner.randomness import Randomness

BANDS = 80


@pytest.mark.parametrize("sizes", [[1], [2], [3], [7], [64], [1, 64, 5, 3]])
@pytest.mark.parametrize("bands", [BANDS, 1, 3])
def test_a_frame_has_its_noise_however_many_come_at_once(sizes: list[int], bands: int) -> None:
    whole = Randomness(bands).process(1000)
    randomness, found = Randomness(bands), 0
    while found < 1000:
        for size in sizes:
            part = randomness.process(size)[: 1000 - found]
            assert np.array_equal(part, whole[found : found + size])
            found += len(part)
    randomness.reset()
    assert np.array_equal(randomness.process(1000), whole)


def test_it_is_normal_and_white_over_frames_and_bands() -> None:
    drawn = Randomness(BANDS).process(20_000)
    assert drawn.dtype == np.float32
    assert np.abs(drawn.mean(axis=0)).max() < 5.0 / np.sqrt(20_000)
    assert np.abs(drawn.var(axis=0) - 1.0).max() < 5.0 * np.sqrt(2.0 / 20_000)
    assert abs(np.mean(drawn**4) - 3.0) < 0.05
    bands = np.corrcoef(drawn.T) - np.eye(BANDS)
    assert np.abs(bands).max() < 5.0 / np.sqrt(20_000)
    for apart in (1, 2, 1009):
        assert abs(np.mean(drawn[apart:] * drawn[:-apart])) < 5.0 / np.sqrt(20_000 * BANDS)
