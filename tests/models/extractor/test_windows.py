"""Audio of any length, window by window, equals audio at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.extractor.windows import FEATURE, FRAME, STEP, WINDOW_FRAMES, Melody, over_windows


def levels(audio: NDArray[np.float32]) -> Melody:
    """A melody whose frames hear the 300 ms around them."""
    assert audio.size % STEP == 0
    means = np.abs(audio).reshape(-1, FRAME).mean(1)
    around = np.convolve(np.pad(means, 15), np.ones(31) / 31.0, "valid").astype(np.float32)
    return Melody(np.repeat(around[:, None], FEATURE, 1), around, around, around)


@pytest.mark.parametrize("frames", [1, 2, 7, WINDOW_FRAMES, WINDOW_FRAMES + 1, 3 * WINDOW_FRAMES - 50])
def test_windows_join_without_a_seam(frames: int) -> None:
    audio = np.random.default_rng(0).standard_normal(frames * FRAME - 30).astype(np.float32)
    padded = np.pad(audio, (0, -audio.size % STEP))
    once = levels(padded)
    found = over_windows(levels, audio)
    assert found.features.shape == (frames, FEATURE)
    assert np.allclose(found.f0, once.f0[:frames], atol=1e-6)


def test_nothing_has_no_frames() -> None:
    found = over_windows(levels, np.zeros(0, np.float32))
    assert [part.shape for part in found] == [(0, FEATURE), (0,), (0,), (0,)]
