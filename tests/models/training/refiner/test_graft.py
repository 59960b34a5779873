"""A grafted file: without steps the singer as it was, with them the same bits however frames come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.refiner.facts import Refiner
from models.singer.file import Singer, load_singer, shipped
from models.training.refiner.bands import BANDS
from models.training.refiner.frames import width
from models.training.refiner.graft import graft
from models.training.refiner.network import Denoiser, RefinerSize

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FRAMES = 130


@pytest.fixture(scope="module")
def plain() -> Singer:
    return load_singer("pjs")


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
    graft(shipped()["pjs"], networks, Refiner(bands=BANDS, steps=counts, noise=len(counts) > 1), path, {})
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
    changing = np.repeat(np.random.default_rng(5).choice([0.0, 1.0, 2.0, 8.0], FRAMES), 4)[:FRAMES]
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
