"""A refiner trained on a voice made here: it learns, goes on where it stopped, sings as it was trained."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.extras import needs

needs("torch")

import torch  # noqa: E402

from dsp.filters import HARMONIC_GRID, NOISE_GRID  # noqa: E402
from models.content.file import digest, shipped  # noqa: E402
from models.errors import TrainingError  # noqa: E402
from models.refiner.facts import Refiner  # noqa: E402
from models.refiner.randomness import Randomness  # noqa: E402
from models.singer.file import load_singer  # noqa: E402
from models.singer.manifest import Manifest  # noqa: E402
from models.training.refiner.bands import BANDS, BANDS_HZ, read, written  # noqa: E402
from models.training.refiner.frames import condition, sung_part, width  # noqa: E402
from models.training.refiner.graft import graft  # noqa: E402
from models.training.refiner.network import Denoiser, RefinerSize  # noqa: E402
from models.training.refiner.recipe import refine_singer, refined  # noqa: E402
from models.training.refiner.training import RefinerPlan  # noqa: E402
from models.training.singer.export import export_singer  # noqa: E402
from models.training.singer.network import Estimator, NetworkSize  # noqa: E402
from models.training.singer.recipe import TrainingListener  # noqa: E402

Float32 = NDArray[np.float32]

RATE = 48000
CONTENT = 32
SMALL = RefinerPlan(
    steps=120, channels=24, blocks=2, draws=1, frames=40, batch=4, halving_updates=8, adjust_every=0
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
        soundfile.write(place / f"take{number}.wav", voice(2.5, 180.0 + 40.0 * number, number), RATE)
    return place


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A singer whose network has learnt nothing."""
    torch.manual_seed(3)
    network = Estimator(NetworkSize(CONTENT, HARMONIC_GRID.size, NOISE_GRID.size)).eval()
    facts = Manifest(
        id="made", name="Made", licence="CC0", attribution="nobody", training_data="none",
        content=digest(shipped()), harmonic=HARMONIC_GRID.size, noise=NOISE_GRID.size, state_size=256,
        f0_low=150.0, f0_median=200.0, f0_high=300.0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("singer") / "made.onnx"
    export_singer(network, torch.randn(20, CONTENT), facts, path)
    return path


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


def test_a_regression_learns_what_the_voice_does(regression: Path) -> None:
    manifest = load_singer(regression).manifest
    assert manifest.refiner is not None
    assert (manifest.refiner.steps, manifest.refiner.noise, manifest.refiner.bands) == ((1,), False, BANDS)
    assert manifest.refiner.milliseconds > 0.0
    assert manifest.scores["lack_db_1"] < 0.7 * manifest.scores["lack_db"]


def test_the_same_command_goes_on_and_ends_on_the_same_file(
    tmp_path: Path, folder: Path, coarse: Path, regression: Path
) -> None:
    run = tmp_path / "run"
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
    tmp_path: Path, folder: Path, coarse: Path
) -> None:
    run, path = tmp_path / "run", tmp_path / "made.onnx"
    plan = replace(SMALL, kind="diffusion", steps=60, adjust_every=15, milliseconds=0.001)
    made = refine_singer(coarse, folder, path, plan=plan, run_folder=run)
    assert made.refiner is not None
    assert (made.refiner.steps, made.refiner.noise) == ((1, 2, 4), True)
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


def _never(step: int, _: float) -> None:
    raise AssertionError(f"step {step} was trained again")


def test_a_refined_singer_or_one_of_another_kind_is_refused(
    tmp_path: Path, folder: Path, regression: Path, coarse: Path
) -> None:
    with pytest.raises(TrainingError, match="has a refiner; give a sawsing singer without one"):
        refine_singer(regression, folder, tmp_path / "made.onnx", plan=SMALL)
    run = tmp_path / "run"
    run.mkdir()
    refine_singer(coarse, folder, tmp_path / "one.onnx", plan=replace(SMALL, steps=1), run_folder=run)
    shutil.copy(run / "regression.pt", run / "diffusion.pt")
    plan = replace(SMALL, kind="diffusion", steps=1)
    with pytest.raises(TrainingError, match="is no checkpoint of this version of a diffusion refiner"):
        refine_singer(coarse, folder, tmp_path / "two.onnx", plan=plan, run_folder=run)


def random_networks(counts: tuple[int, ...]) -> dict[int, Denoiser]:
    torch.manual_seed(1)
    found = {}
    for count in counts:
        network = Denoiser(RefinerSize(BANDS, width(CONTENT), 24, 2)).eval()
        told = torch.randn(500, width(CONTENT)) * 3.0 + 1.0
        network.fit(told, 0.2 * torch.randn(500, BANDS) + 0.1)
        found[count] = network
    return found


@pytest.mark.parametrize(("counts", "noise"), [((1,), False), ((1, 2, 4), True)])
def test_the_file_sings_what_the_network_says(
    tmp_path: Path, coarse: Path, counts: tuple[int, ...], noise: bool
) -> None:
    """Coarse controls and what the network adds, as far as it is voiced; the same bits in any chunks."""
    networks, path, n = random_networks(counts), tmp_path / "made.onnx", 90
    graft(coarse, networks, Refiner(bands=BANDS, steps=counts, noise=noise), path, {"lack_db": 3.0})
    plain, singer, rng = load_singer(coarse), load_singer(path), np.random.default_rng(2)
    content = rng.uniform(-1.0, 1.0, (n, CONTENT)).astype(np.float32)
    movement = rng.uniform(-6.0, 6.0, (n, NOISE_GRID.size)).astype(np.float32)
    f0, voicing, loudness = (rng.uniform(*ends, n) for ends in ((90.0, 700.0), (0.0, 1.0), (-60.0, -10.0)))
    given = (content, movement, f0, voicing, loudness, np.zeros(n))
    harmonic, hiss = plain.start().process(*given, np.zeros(n))
    pitch = np.stack([np.log2(f0 / 220.0), voicing, loudness], axis=1).astype(np.float32)
    told = torch.from_numpy(condition(harmonic, hiss, pitch, content, movement))[None]
    for count in (0, *counts):
        asked = np.full(n, float(count))
        estimator = singer.start()
        found = estimator.process(*given, asked)
        estimator.reset()
        cuts = pairwise([0, 1, 2, 9, 30, 31, 75, n])
        parts = [
            estimator.process(*(row[a:b] for row in given), asked[a:b])  # type: ignore[arg-type, call-arg]
            for a, b in cuts
        ]
        for place in (0, 1):
            assert np.array_equal(np.concatenate([part[place] for part in parts]), found[place])
        if count == 0:
            assert np.array_equal(found[0], harmonic)
            assert np.array_equal(found[1], hiss)
            continue
        start = torch.from_numpy(Randomness(BANDS).process(n))[None] if noise else None
        added = refined(networks[count], told, count, start)[0].numpy()
        added *= voicing[:, None]
        for was, now, grid in zip((harmonic, hiss), found, (HARMONIC_GRID, NOISE_GRID), strict=True):
            np.testing.assert_allclose(now, was + added @ written(grid).T, atol=2e-4)
