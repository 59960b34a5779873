"""The pitch a table believes in: labels of any step, and what two trackers agree on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.metrics.reference import consensus, read_label
from tests.support.doubles import sung
from tests.support.extras import needs

RATE = 24000


def label(folder: Path, text: str) -> Path:
    path = folder / "voice.f0.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_label_is_read_frame_by_frame(tmp_path: Path) -> None:
    path = label(tmp_path, "0.00,200\n0.01,200\n0.02,0\n0.03,0\n0.04,400\n")
    found = read_label(path, 5)
    assert found.exact
    assert found.track.voiced.tolist() == [True, True, False, False, True]
    assert found.track.f0[[0, 1, 4]].tolist() == pytest.approx([200.0, 200.0, 400.0])
    assert found.scored.all()


def test_a_finer_label_is_read_on_a_logarithmic_scale(tmp_path: Path) -> None:
    step = 0.0058  # 256 samples at 44.1 kHz
    lines = [f"{n * step},{200.0 * 2.0 ** (n * step)}" for n in range(200)]
    found = read_label(label(tmp_path, "\n".join(lines)), 100)
    assert found.track.voiced.all()
    assert np.abs(1200.0 * np.log2(found.track.f0 / (200.0 * 2.0 ** (np.arange(100) / 100.0)))).max() < 0.1


def test_frames_beyond_a_label_carry_no_score(tmp_path: Path) -> None:
    found = read_label(label(tmp_path, "0.02,200\n0.03,200\n"), 8)
    assert found.scored.tolist() == [False, True, True, True, True, False, False, False]


def test_a_label_of_one_line_is_read(tmp_path: Path) -> None:
    assert read_label(label(tmp_path, "0.0,0\n"), 3).scored.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "give lines of seconds,hertz"),
        ("time;f0\n", "give lines of seconds,hertz"),
        ("0.0,200,1\n", "not in order"),
        ("0.0,200\n0.0,201\n", "not in order"),
        ("0.0,nan\n", "not in order"),
        ("0.0,-1\n", "leaves the range"),
        ("0.0,3000\n", "50 to 1600 Hz"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_a_label_that_does_not_fit_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_label(label(tmp_path, text), 3)


def test_where_two_trackers_agree_the_pitch_counts() -> None:
    needs("swift_f0")
    found = consensus(sung(RATE, 1.0, 233.0)[0], RATE)
    assert not found.exact
    assert found.scored[5:95].all()
    assert np.abs(1200.0 * np.log2(found.track.f0[10:90] / 233.0)).max() < 3.0


def test_where_one_hears_a_voice_and_the_other_none_nothing_counts() -> None:
    needs("swift_f0")
    x = sung(RATE, 1.0, 1900.0)[0]  # the network hears up to 2000 Hz, periodicity up to 1600
    assert consensus(x, RATE).scored[10:90].mean() < 0.1


def test_a_part_of_a_reference() -> None:
    needs("swift_f0")
    found = consensus(sung(RATE, 0.5, 233.0)[0], RATE)
    part = found.part(10, 30)
    assert part.track.f0.tolist() == found.track.f0[10:30].tolist()
    assert part.scored.size == part.track.voiced.size == 20
