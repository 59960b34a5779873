"""What is drawn for training: excerpts that sound, perturbations at their shares, LTAS of every age."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsp.ltas import MEMORY_FRAMES
from dsp.spectrum import ENVELOPE_GRID
from models.content.file import ContentEncoder, RunningEncoder, shipped
from models.training.batches import BatchMaker, PreparedRecording, excerpt, prepare
from models.training.corpus import HOP, analyse
from models.training.perturbation import EnvelopePerturbation, Perturbation, smoothing_width
from tests.models.training.singer.test_training import made_voice


@pytest.fixture(scope="module")
def prepared() -> PreparedRecording:
    return prepare(analyse("made", made_voice(2.0)))


@pytest.fixture(scope="module")
def encoder() -> RunningEncoder:
    return ContentEncoder(shipped()).start()


def test_excerpts_that_hardly_sound_are_not_drawn(
    prepared: PreparedRecording, encoder: RunningEncoder
) -> None:
    """Less than three frames in ten within 40 dB of the loudest, as at the edge of a pause."""
    loudness = np.full(200, -100.0, np.float32)
    loudness[80:120] = -20.0
    part = replace(prepared, recording=replace(prepared.recording, loudness=loudness))
    found = BatchMaker([part], [1.0], encoder, 40, 300, 1, Perturbation(level_db=0.0))().pitch[..., 2]
    shares = (found > found.amax(1, keepdim=True) - 40.0).float().mean(1)
    assert float(shares.min()) > 0.3
    assert float(shares.min()) < 0.4


def test_every_recording_is_drawn_by_its_length_and_weight(
    prepared: PreparedRecording, encoder: RunningEncoder
) -> None:
    levels = (-10.0, -20.0, -30.0)
    parts = [
        replace(prepared, recording=replace(prepared.recording, loudness=np.full(200, level, np.float32)))
        for level in levels
    ]
    still = Perturbation(level_db=0.0)
    batch = BatchMaker(parts, [1.0, 0.5, 0.0], encoder, 40, 600, 2, still)()
    counts = [int((batch.pitch[:, 0, 2] == level).sum()) for level in levels]
    assert counts[2] == 0
    assert 1.6 < counts[0] / counts[1] < 2.5


def test_the_ltas_of_an_example_is_of_any_age(
    prepared: PreparedRecording, encoder: RunningEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an engine that has just begun, and in one that remembers all it can."""
    ages: list[float] = []

    def noted(frames: float) -> float:
        ages.append(frames)
        return 0.0

    monkeypatch.setattr("models.training.batches.trust", noted)
    BatchMaker([prepared], [1.0], encoder, 30, 300, 3)()
    assert min(ages) < 3.0
    assert max(ages) == MEMORY_FRAMES
    # Of a uniform logarithm up to three times the memory, ln 3 / ln 3000 = 14 % lie beyond it.
    assert 0.08 < sum(age == MEMORY_FRAMES for age in ages) / 300 < 0.2
    assert 0.2 < sum(age < 10.0 for age in ages) / 300 < 0.38


def test_perturbations_come_at_their_shares_and_within_their_ranges() -> None:
    how = Perturbation()
    drawn = [EnvelopePerturbation(how, -20.0, np.random.default_rng(seed)) for seed in range(600)]
    shares = {
        "noise": sum(one._noise is not None for one in drawn) / 600,
        "smear": sum(one._smear_db is not None for one in drawn) / 600,
        "cutoff": sum(np.isfinite(one._cutoff) for one in drawn) / 600,
    }
    assert shares == pytest.approx({"noise": 1 / 2, "smear": 1 / 4, "cutoff": 1 / 3}, abs=0.06)
    low = ENVELOPE_GRID < 10000.0
    ratios = np.array([one._centres[low][1:] / ENVELOPE_GRID[low][1:] for one in drawn])
    assert 1.15 < ratios.max() <= 1.15 * 1.03
    assert 1.0 / 1.15 > ratios.min() >= 0.97 / 1.15
    blurs = [one._blur for one in drawn]
    assert min(blurs) < 1.05
    assert 1.48 < max(blurs) <= 1.5
    assert max(float(np.abs(one._tilt).max()) for one in drawn) == pytest.approx(6.0, abs=0.1)
    assert all(4000.0 <= one._cutoff <= 22000.0 for one in drawn if np.isfinite(one._cutoff))


def test_the_envelope_is_smoothed_by_the_pitch_of_the_frame_before() -> None:
    """As in the engine, where the pitch comes a hop later than the spectrum."""
    f0, voicing = np.array([[300.0, 310.0, 320.0, 330.0], [1.0, 0.0, 1.0, 1.0]], np.float32)
    assert smoothing_width(f0, voicing).tolist() == [200.0, 300.0, 200.0, 320.0]


def test_the_sawtooth_and_the_noise_are_as_loud_as_the_recording(prepared: PreparedRecording) -> None:
    """Gain is the loudness between the frames; of the voiced part, the share that voicing has of it."""
    loudness, voicing = np.full(200, -20.0, np.float32), np.full(200, 0.5, np.float32)
    loudness[101:] = -40.0
    part = replace(prepared, recording=replace(prepared.recording, loudness=loudness, voicing=voicing))
    _, _, saw, gate, gain, _ = excerpt(part, 99, 3)
    assert gain[[0, HOP, HOP + HOP // 2, 2 * HOP]] == pytest.approx([0.1, 0.1, 0.055, 0.01], abs=2e-5)
    assert gate == pytest.approx(0.5 * gain)
    assert saw == pytest.approx(gate * part.saw[99 * HOP : 102 * HOP])
