"""A refiner trained on a voice made here: it learns, goes on where it stopped, sings as it was trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.extras import needs

needs("torch")

import torch  # noqa: E402

from dsp.filters import HARMONIC_GRID, NOISE_GRID  # noqa: E402
from models.errors import TrainingError  # noqa: E402
from models.singer.file import load_singer  # noqa: E402
from models.training.refiner.bands import BANDS, BANDS_HZ, read, written  # noqa: E402
from models.training.refiner.frames import sung_part  # noqa: E402
from models.training.refiner.recipe import NOISE, refine_singer  # noqa: E402
from models.training.refiner.training import RefinerPlan  # noqa: E402
from models.training.singer.recipe import TrainingListener  # noqa: E402

Float32 = NDArray[np.float32]

RATE = 48000
CONTENT = 32
SMALL = RefinerPlan(
    kind="regression",
    steps=120,
    channels=24,
    blocks=2,
    draws=1,
    frames=40,
    batch=4,
    halving_updates=8,
    adjust_every=0,
)


def voice(seconds: float, f0: float, seed: int) -> Float32:
    """A sawtooth through two formants, the upper of which is as loud as a slow noise says."""
    samples = round(seconds * RATE)
    time, rng = np.arange(samples) / RATE, np.random.default_rng(seed)
    wave = 2.0 * ((f0 * time + 3.0 * np.sin(2.0 * np.pi * 4.0 * time) / 4.0) % 1.0) - 1.0
    hertz, spectrum = np.fft.rfftfreq(samples, 1.0 / RATE), np.fft.rfft(wave)
    low, high = (
        np.fft.irfft(spectrum / (0.2 + ((hertz - formant) / 400.0) ** 2), samples)
        for formant in (600.0, 2400.0)
    )
    knots = rng.uniform(-2.0, 1.0, round(seconds * 20.0) + 1)
    gain = 10.0 ** np.interp(time, np.arange(knots.size) / 20.0, knots / 2.0)
    sound = low + gain * high
    return np.asarray(0.3 * sound / np.abs(sound).max(), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("voice")
    for number in range(3):
        soundfile.write(place / f"take{number}.wav", voice(1.5, 180.0 + 40.0 * number, number), RATE)
    return place


def test_bands_are_written_to_a_grid_and_read_back() -> None:
    slope = np.linspace(-1.0, 2.0, BANDS)
    for grid in (HARMONIC_GRID, NOISE_GRID):
        there = written(grid) @ slope
        np.testing.assert_allclose(there, np.interp(grid, BANDS_HZ, slope))
        np.testing.assert_allclose((read(grid) @ there)[1:-1], slope[1:-1], atol=0.01)
        np.testing.assert_allclose(read(grid).sum(axis=1), 1.0)


def test_below_the_pitch_nothing_of_the_room_is_learnt() -> None:
    lack = np.arange(3.0 * BANDS).reshape(3, BANDS)
    found = sung_part(lack, np.array([150.0, 200.0, 450.0]))
    assert found[0, :3].tolist() == [1.0, 1.0, 2.0]
    assert found[1, :3].tolist() == [BANDS + 1.0, BANDS + 1.0, BANDS + 2.0]
    assert found[2, :5].tolist() == [2 * BANDS + band for band in (3.0, 3.0, 3.0, 3.0, 4.0)]


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory, folder: Path, coarse: Path) -> Path:
    path = tmp_path_factory.mktemp("regression") / "made.onnx"
    refine_singer(coarse, folder, path, plan=SMALL)
    return path


@pytest.fixture
def run(tmp_path: Path, regression: Path) -> Path:
    """A run folder with nothing but the analyses of the recordings."""
    made = regression.with_suffix(".training") / "analyses"
    shutil.copytree(made, tmp_path / "run" / "analyses")
    return tmp_path / "run"


def test_a_regression_learns_what_the_voice_does(regression: Path) -> None:
    manifest = load_singer(regression).manifest
    assert manifest.refiner is not None
    assert (manifest.refiner.steps, manifest.refiner.noise, manifest.refiner.bands) == ((1,), 0.0, BANDS)
    assert manifest.refiner.milliseconds > 0.0
    assert manifest.scores["lack_db_1"] < 0.7 * manifest.scores["lack_db"]


def test_the_same_command_goes_on_and_ends_on_the_same_file(
    tmp_path: Path, folder: Path, coarse: Path, regression: Path, run: Path
) -> None:
    taken: list[int] = []

    def stop(step: int, _: float) -> None:
        taken.append(step)
        if len(taken) == 50:
            raise KeyboardInterrupt

    path = tmp_path / "made.onnx"
    with pytest.raises(KeyboardInterrupt):
        refine_singer(coarse, folder, path, plan=SMALL, run_folder=run, listener=TrainingListener(step=stop))
    assert not path.exists()
    refine_singer(coarse, folder, path, plan=SMALL, run_folder=run, listener=TrainingListener(step=stop))
    assert taken == [*range(50), *range(50, SMALL.steps)]
    one, other = load_singer(path).manifest, load_singer(regression).manifest
    assert one.scores == other.scores


def test_a_diffusion_has_a_network_for_each_number_of_steps_and_goes_on(
    tmp_path: Path, folder: Path, coarse: Path, run: Path
) -> None:
    path = tmp_path / "made.onnx"
    plan = replace(SMALL, kind="diffusion", steps=60, adjust_every=15, milliseconds=0.001)
    made = refine_singer(coarse, folder, path, plan=plan, run_folder=run)
    assert made.refiner is not None
    assert (made.refiner.steps, made.refiner.noise) == ((1, 2, 4), NOISE)
    log = json.loads((run / "adjustment.json").read_text())
    assert [(one["update"], one["action"]) for one in log] == [(15, "removed"), (30, "kept")]
    assert len(log[0]["worths"]) == 2
    assert all(np.isfinite(worth["milliseconds"]) for worth in log[0]["worths"])
    before = path.read_bytes()
    again = refine_singer(
        coarse, folder, path, plan=plan, run_folder=run, listener=TrainingListener(step=_never)
    )
    assert again.scores == made.scores
    assert abs(len(path.read_bytes()) - len(before)) < 100  # the measured time is another


def test_a_teacher_that_goes_on_gets_new_students(
    tmp_path: Path, folder: Path, coarse: Path, run: Path
) -> None:
    """Those of the teacher as it was are not read, and not refused either."""
    path = tmp_path / "made.onnx"
    plan = replace(SMALL, kind="diffusion", steps=2, halving_updates=1)
    for steps in (2, 4):
        refine_singer(coarse, folder, path, plan=replace(plan, steps=steps), run_folder=run)
    taught = torch.load(run / "diffusion-4.pt", weights_only=True)
    assert taught["steps"] == 4
    (run / "diffusion.pt").unlink()  # as a refused checkpoint's sentence says
    before = (run / "diffusion-1.pt").stat().st_mtime_ns
    refine_singer(coarse, folder, path, plan=replace(plan, steps=4), run_folder=run)
    assert (run / "diffusion-1.pt").stat().st_mtime_ns > before


def _never(step: int, _: float) -> None:
    raise AssertionError(f"step {step} was trained again")


def test_a_refined_singer_or_one_of_another_kind_is_refused(
    tmp_path: Path, folder: Path, regression: Path, coarse: Path, run: Path
) -> None:
    with pytest.raises(TrainingError, match="has a refiner; give a sawsing singer without one"):
        refine_singer(regression, folder, tmp_path / "made.onnx", plan=SMALL)
    refine_singer(coarse, folder, tmp_path / "one.onnx", plan=replace(SMALL, steps=1), run_folder=run)
    shutil.copy(run / "regression.pt", run / "diffusion.pt")
    plan = replace(SMALL, kind="diffusion", steps=1)
    with pytest.raises(TrainingError, match="is no checkpoint of this version of a diffusion refiner"):
        refine_singer(coarse, folder, tmp_path / "two.onnx", plan=plan, run_folder=run)
