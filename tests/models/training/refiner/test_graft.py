"""A grafted file: without steps the singer as it was, with them the same bits however frames come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.refiner.facts import Refiner
from models.refiner.randomness import Randomness
from models.singer.file import Singer, load_singer
from models.training.refiner.bands import BANDS, written
from models.training.refiner.frames import condition, width
from models.training.refiner.graft import graft, lend
from models.training.refiner.network import Denoiser, RefinerSize
from models.training.refiner.recipe import refined as added_by
from tests.models.training.refiner.conftest import CONTENT

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FRAMES = 130


@pytest.fixture(scope="module")
def plain(coarse: Path) -> Singer:
    return load_singer(coarse)


@pytest.fixture(scope="module", params=[(1, 2, 4, 8), (1,)], ids=["diffusion", "regression"])
def refined(
    request: pytest.FixtureRequest, plain: Singer, tmp_path_factory: pytest.TempPathFactory
) -> Singer:
    """A singer with an untrained refiner of the usual size."""
    torch.manual_seed(1)
    counts: tuple[int, ...] = request.param
    assert plain.content is not None
    size = RefinerSize(BANDS, width(plain.content.manifest.size))
    path = tmp_path_factory.mktemp("grafted") / "fine.onnx"
    networks = {count: Denoiser(size).eval() for count in counts}
    facts = Refiner(bands=BANDS, steps=counts, noise=float(len(counts) > 1))
    graft(plain.path, networks, facts, path, {})
    return load_singer(path)


def run(singer: Singer, steps: Float64, sizes: Sequence[int]) -> Float32:
    """Return both controls side by side of frames that come so many and so many at a time."""
    rng = np.random.default_rng(3)
    assert singer.content is not None
    content = rng.uniform(-1.0, 1.0, (FRAMES, singer.content.manifest.size)).astype(np.float32)
    movement = rng.normal(0.0, 3.0, (FRAMES, 72)).astype(np.float32)
    ends = (80.0, 900.0), (0.0, 1.0), (-60.0, 0.0), (-0.5, 0.5)
    facts = np.stack([*(rng.uniform(low, high, FRAMES) for low, high in ends), steps])
    facts[3] = facts[3].clip(min=0.0)  # half without likeness
    estimator, found, start = singer.start(), [], 0
    for size in cycle(sizes):
        here = slice(start, start + size)
        found.append(
            np.concatenate(estimator.process(content[here], movement[here], *facts[:, here]), axis=1)
        )
        start += size
        if start >= FRAMES:
            break
    return np.concatenate(found)


def test_without_steps_the_bits_are_the_singers_own(refined: Singer, plain: Singer) -> None:
    nothing = np.zeros(FRAMES)
    for sizes in ([1], [FRAMES]):
        assert np.array_equal(run(refined, nothing, sizes), run(plain, nothing, sizes))


@pytest.mark.parametrize("steps", [1.0, 8.0, None])
def test_frames_have_the_same_bits_however_many_come_at_once(refined: Singer, steps: float | None) -> None:
    changing = np.repeat(np.random.default_rng(5).choice(np.array([0.0, 1.0, 2.0, 8.0]), FRAMES), 4)[:FRAMES]
    asked = changing if steps is None else np.full(FRAMES, steps)
    one_by_one = run(refined, asked, [1])
    assert np.isfinite(one_by_one).all()
    for sizes in ([2], [3], [5], [8], [64], [FRAMES], [1, 8, 3, 20, 2]):
        assert np.array_equal(run(refined, asked, sizes), one_by_one), sizes


def test_a_file_holds_each_network_once(refined: Singer, plain: Singer) -> None:
    refiner = refined.manifest.refiner
    assert refiner is not None
    more = refined.path.stat().st_size - plain.path.stat().st_size
    assert more < len(refiner.steps) * 1.5e6


def test_a_refiner_that_is_lent_does_what_it_did(refined: Singer, plain: Singer, tmp_path: Path) -> None:
    manifest = lend(refined.path, plain.path, tmp_path / "lent.onnx")
    lent = load_singer(tmp_path / "lent.onnx")
    assert lent.manifest == manifest
    assert manifest.refiner == refined.manifest.refiner
    assert manifest.scores == plain.manifest.scores
    for steps in (0.0, 1.0, 8.0):
        asked = np.full(FRAMES, steps)
        assert np.array_equal(run(lent, asked, [3]), run(refined, asked, [3]))


def random_networks(counts: tuple[int, ...]) -> dict[int, Denoiser]:
    torch.manual_seed(1)
    found = {}
    for count in counts:
        network = Denoiser(RefinerSize(BANDS, width(CONTENT), 24, 2)).eval()
        told = torch.randn(500, width(CONTENT)) * 3.0 + 1.0
        network.fit(told, 0.2 * torch.randn(500, BANDS) + 0.1)
        found[count] = network
    return found


@pytest.mark.parametrize(("counts", "noise"), [((1,), 0.0), ((1, 2, 4), 0.7)])
def test_the_file_sings_what_the_network_says(
    tmp_path: Path, coarse: Path, counts: tuple[int, ...], noise: float
) -> None:
    """Coarse controls and what the network adds, as far as the source is voiced."""
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
    for count in counts:
        asked = np.full(n, float(count))
        found = singer.start().process(*given, asked)
        start = noise * torch.from_numpy(Randomness(BANDS).process(n))[None] if noise else None
        added = added_by(networks[count], told, count, start)[0].numpy()
        added *= voicing[:, None]
        for was, now, grid in zip((harmonic, hiss), found, (HARMONIC_GRID, NOISE_GRID), strict=True):
            np.testing.assert_allclose(now, was + added @ written(grid).T, atol=2e-4)
