"""Every tracker of the registry on a tone that is known: in tune, in time and as long as the audio."""

from __future__ import annotations

import numpy as np
import pytest

from dsp.pitch import PitchFrame
from dsp.units import MAX_F0, MIN_F0
from models.metrics.pitch import PitchTrack, compare_pitch
from models.metrics.trackers import TRACKERS, streamed
from tests.support.doubles import Float32, sung
from tests.support.extras import needs

RATE = 24000
PACKAGES = {"pyin": "librosa", "swiftf0": "swift_f0", "praat": "parselmouth"}
# The network has tests of its own, and CREPE takes long.
AVAILABLE = [name for name, row in TRACKERS.items() if row.available and name not in ("melody", "crepe")]


@pytest.mark.parametrize("name", sorted({*AVAILABLE, *PACKAGES, "periodicity"}))
def test_a_glide_is_followed_in_tune_and_in_time(name: str) -> None:
    if name in PACKAGES:
        needs(PACKAGES[name])
    glide = 0.4 * np.arange(RATE) / RATE
    phase = np.cumsum(220.0 * np.exp2(glide)) / RATE
    voice = sum(0.2 / k * np.sin(2.0 * np.pi * k * phase) for k in range(1, 12))
    x = np.concatenate([voice, np.zeros(RATE // 2 + 7)]).astype(np.float32)
    found = TRACKERS[name].track(x, RATE)
    assert found.f0.shape == found.voiced.shape == (151,)
    assert found.f0.dtype == np.float64
    assert ((found.f0 >= MIN_F0) & (found.f0 <= MAX_F0)).all()
    assert not found.voiced[108:].any()
    wanted = PitchTrack(220.0 * np.exp2(0.004 * np.arange(100)), np.ones(100, bool))
    inner = slice(10, 90)
    off = 1200.0 * np.log2(found.f0[inner] / wanted.f0[inner])
    assert abs(float(np.median(off))) < 6.0  # 10 ms late would be 5 cents flat, all of SwiftF0's error is 8
    assert compare_pitch(wanted, found).voicing_f1 > 0.95


@pytest.mark.parametrize("name", sorted({*AVAILABLE, *PACKAGES, "periodicity"}))
def test_silence_has_no_pitch(name: str) -> None:
    if name in PACKAGES:
        needs(PACKAGES[name])
    found = TRACKERS[name].track(np.zeros(RATE // 2, np.float32), RATE)
    assert found.f0.size == 50
    assert not found.voiced.any()
    assert (np.isfinite(found.f0) & (found.f0 > 0.0)).all()


class Echo:
    """A tracker whose pitch is the sample at the frame centre, two hops before the newest end."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._before = 0.0

    def process(self, x: Float32) -> list[PitchFrame]:
        centres = [self._before, *x[:: RATE // 100].tolist()]
        self._before = centres.pop()
        return [PitchFrame(100.0 + centre, float(centre > 1.0)) for centre in centres]


def test_a_streaming_tracker_is_brought_into_line_with_the_audio() -> None:
    hop = RATE // 100
    x = (np.arange(5 * hop + 1) / hop).astype(np.float32)
    found = streamed(Echo(), x, RATE)
    assert found.f0.tolist() == [100.0, 101.0, 102.0, 103.0, 104.0, 105.0]
    assert found.voiced.tolist() == [False, False, True, True, True, True]


def test_what_is_missing_says_how_to_get_it() -> None:
    assert TRACKERS["periodicity"].available
    for name, row in TRACKERS.items():
        assert row.available or row.install, name


def test_swiftf0_is_the_plain_one() -> None:
    needs("swift_f0")
    from models.metrics.tracker import track_pitch

    x = sung(RATE, 1.0, 233.0, vibrato=0.3)[0]
    plain, refined = TRACKERS["swiftf0"].track(x, RATE), track_pitch(x, RATE)
    assert not np.array_equal(plain.f0, refined.f0)
    assert compare_pitch(refined, plain).cents < 10.0
