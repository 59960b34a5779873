"""Takes and their scores, with singers and clips whose scores are known."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from plugin_bridge.measure.audition import heard, sing
from plugin_bridge.measure.clips import Clip
from plugin_bridge.measure.evaluation import CopyScores, mean_row, score_conversion, score_copy
from plugin_bridge.measure.target import Target
from tests.plugin_bridge.commands.evaluating import RATE, needs_all, source
from tests.support.doubles import CopySinger, sung
from tests.support.extras import needs

SAME = CopySinger("same", 0.0, 220.0)


def test_of_a_long_clip_the_stretch_with_the_most_singing_is_kept() -> None:
    for package in ("swift_f0", "resemblyzer"):
        needs(package)
    noise = np.random.default_rng(0).normal(0.0, 0.3, 2 * RATE).astype(np.float32)
    x = np.concatenate([noise, sung(RATE, 1.0, 220.0, level=0.1)[0], noise])
    found = heard(Clip("clip", x, RATE), 1.0)
    assert found.clip.audio.size == RATE
    assert found.pitch.f0.size == found.pitch.voiced.size == 100
    assert found.pitch.voiced.mean() > 0.95
    assert np.sqrt(np.mean(found.clip.audio**2)) < 0.1


def test_the_requested_pitch_is_that_of_the_source_moved() -> None:
    needs("swift_f0")
    take = sing(source(sung(RATE, 1.0, 233.0)[0]), SAME, {"transpose": 3.0, "fine_tune": 40.0})
    assert take.transpose == pytest.approx(3.4, abs=0.01)
    assert take.output.shape == take.output_at_pitch.shape == (RATE,)
    assert take.requested.f0.shape == take.requested.voiced.shape == (100,)
    inner = take.requested.f0[20:80]
    assert 1200.0 * np.log2(inner / (233.0 * 2.0 ** (3.4 / 12.0))) == pytest.approx(0.0, abs=2.0)


def test_a_conversion_at_the_same_pitch_scores_well_on_pitch() -> None:
    for package in ("swift_f0", "pystoi", "resemblyzer"):
        needs(package)
    take = sing(source(sung(RATE, 2.0, 220.0, vibrato=0.5)[0]), SAME, {"transpose": 0.0})
    held = [Clip(f"note {f0}", sung(RATE, 3.0, f0, vibrato=0.5)[0], RATE) for f0 in (220.0, 247.0)]
    row = score_conversion(take, "same", Target(held))
    assert (row.source, row.singer, row.seconds, row.transpose) == ("clip", "same", 2.0, 0.0)
    assert row.cents < 5.0
    assert row.correlation > 0.98
    assert row.spread == pytest.approx(50.0 * math.sqrt(0.5), abs=5.0)
    assert (row.gross, row.octave) == (0.0, 0.0)
    assert row.voicing_f1 > 0.97
    assert row.source_cents < 3.0
    assert 0.5 < row.similarity_after < 1.0
    assert 0.8 < row.similarity_ceiling < 1.0
    assert row.similarity_gain == pytest.approx(row.similarity_after - row.similarity_before)
    assert row.stoi == row.stoi_at_pitch > 0.7


def test_the_output_is_aligned_with_the_source() -> None:
    needs("swift_f0")
    x = np.zeros(RATE, np.float32)
    x[RATE // 2 :] = sung(RATE, 0.5, 220.0)[0]
    take = sing(source(x), SAME, {"transpose": 0.0})
    level = np.sqrt(np.square(take.output).reshape(100, -1).mean(axis=1))
    assert level[:48].max() < 0.02 * level.max()
    assert level[52] > 0.3 * level.max()


def test_a_copy_is_scored_against_its_recording() -> None:
    needs_all()
    exact = source(sung(RATE, 2.0, 220.0, vibrato=0.5)[0])
    take = dataclasses.replace(
        sing(exact, SAME, {}), output=exact.clip.audio, pitch=exact.pitch, output_at_pitch=exact.clip.audio
    )
    target = Target([exact.clip], "tune")
    take = dataclasses.replace(take, source=dataclasses.replace(exact, speaker=target.speaker("tune")))
    row = score_copy(take, "same sawsing", target)
    assert (row.stft_loss, row.log_spectral_distance) == (0.0, 0.0)
    assert (row.cents, row.voicing_f1) == (0.0, 1.0)
    assert row.stoi == pytest.approx(1.0, abs=1e-3)
    assert row.pesq == pytest.approx(4.644, abs=0.01)
    assert row.similarity == row.similarity_of_recording == pytest.approx(1.0)


def test_means_leave_out_what_could_not_be_told() -> None:
    rows = [
        CopyScores("a", "s", 1.0, 0.5, 6.0, 2.0, 1.0, math.nan, 3.0, 0.9, 0.9),
        CopyScores("b", "s", 3.0, 0.7, 8.0, 4.0, 0.5, math.nan, math.nan, 0.8, 0.9),
    ]
    means = mean_row([dataclasses.asdict(row) for row in rows])
    assert means["stft_loss"] == pytest.approx(0.6)
    assert means["pesq"] == 3.0
    assert math.isnan(means["stoi"])
    assert "source" not in means
