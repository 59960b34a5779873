"""A singer's held-out recordings as the target of likeness."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.measure.clips import read_clip
from plugin_bridge.measure.target import Target
from tests.support.extras import needs


def test_the_ceiling_is_higher_for_longer_clips_of_a_singer(stem_path: Path) -> None:
    needs("resemblyzer")
    x = read_clip([stem_path])
    halves = [dataclasses.replace(x, audio=part) for part in np.array_split(x.audio, 2)]
    target = Target(halves)
    assert 0.4 < target.ceiling(1.0) < target.ceiling(4.0) < 1.0
    alone = Target(halves[:1])
    assert alone.ceiling(60.0) == pytest.approx(1.0, abs=1e-5)
