"""The graph written operator by operator equals the network, recalls what it should, takes frames at once."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from dsp.singerltas import LTAS_SIZE, SingerLtas
from dsp.synth import TABLES
from models.content.file import ContentEncoder, digest, shipped
from models.singer.file import Estimator as Running
from models.singer.file import Singer, load_singer
from models.singer.manifest import Manifest
from models.training.singer.export import export_singer
from models.training.singer.network import Estimator, NetworkSize
from models.training.singer.stepgraph import NEIGHBOURS, SHARPNESS
from plugin_bridge.errors import SingerFileError

SIZE = ContentEncoder(shipped()).manifest.size
FRAMES = 12
MANY = 60
LTAS = tuple(np.linspace(-2.0, -4.0, LTAS_SIZE).tolist())

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Frames(NamedTuple):
    """What `process` takes."""

    content: Float32
    movement: Float32
    f0: Float64
    voicing: Float64
    loudness: Float64
    likeness: Float64
    steps: Float64

    def at(self, here: slice) -> Frames:
        """Return some of them."""
        return Frames(*(part[here] for part in self))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def network() -> Estimator:
    torch.manual_seed(3)
    return Estimator(NetworkSize(SIZE, harmonic=142, noise=72)).eval()


@pytest.fixture(scope="module")
def memory() -> Tensor:
    return torch.randn(50, SIZE, generator=torch.Generator().manual_seed(4))


def facts_of(ltas: tuple[float, ...]) -> Manifest:
    return Manifest(
        id="made", name="Made", licence="CC0", attribution="nobody", training_data="none",
        content=digest(shipped()), harmonic=142, noise=72, state_size=256, f0_low=100.0, f0_median=200.0,
        f0_high=400.0, ltas=ltas,
    )  # fmt: skip


def recalled(content: Tensor, memory: Tensor) -> Tensor:
    """The softmax-weighted mean of the nearest memories of each frame, (frames, C)."""
    nearness = functional.normalize(content, dim=1) @ functional.normalize(memory, dim=1).T
    best, index = nearness.topk(NEIGHBOURS, dim=1)
    return (torch.softmax(SHARPNESS * best, dim=1)[:, :, None] * memory[index]).sum(dim=1)


@pytest.fixture(scope="module")
def singer(tmp_path_factory: pytest.TempPathFactory, network: Estimator, memory: Tensor) -> Singer:
    path = tmp_path_factory.mktemp("singers") / "made.onnx"
    export_singer(network, memory, facts_of(LTAS), path)
    made = load_singer(path)
    assert made.manifest == facts_of(LTAS)
    return made


def drawn(likeness: Float64) -> Frames:
    """Frames drawn by lot, with a likeness for each of them."""
    rng, n = np.random.default_rng(8), likeness.size
    content = rng.uniform(-1.0, 1.0, (n, SIZE)).astype(np.float32)
    f0, voicing, loudness = (rng.uniform(*ends, n) for ends in ((80.0, 900.0), (0.0, 1.0), (-90.0, 0.0)))
    movement = np.full((n, 72), math.nan, np.float32)  # without a refiner nobody reads it
    return Frames(content, movement, f0, voicing, loudness, likeness, rng.integers(0, 9, n).astype(float))


def run(estimator: Running, frames: Frames, sizes: Sequence[int]) -> Float32:
    """Call with so many frames and so many, over and over; return both controls side by side."""
    found, start = [], 0
    for size in cycle(sizes):
        if start >= frames.f0.size:
            break
        found.append(np.concatenate(estimator.process(*frames.at(slice(start, start + size))), axis=1))
        start += size
    return np.concatenate(found)


MOVING = np.random.default_rng(9).uniform(-1.0, 1.0, MANY).clip(min=0.0)  # 0 in half of the frames


@pytest.mark.parametrize("likeness", [0.0, 0.4, 1.0])
@torch.no_grad()
def test_a_singer_file_runs_as_the_network_does(
    network: Estimator, memory: Tensor, singer: Singer, likeness: float
) -> None:
    frames = drawn(np.full(FRAMES, likeness))
    pitch = torch.from_numpy(np.stack([frames.f0, frames.voicing, frames.loudness], axis=1)).float()[None]
    content = torch.from_numpy(frames.content)
    content = content + likeness * (recalled(content, memory) - content)
    harmonic, noise = network(content[None], pitch)
    ltas = SingerLtas(singer.manifest.ltas)
    wanted = ltas.process(harmonic[0].numpy(), noise[0].numpy(), frames.voicing, frames.loudness)
    found = singer.start().process(*frames)
    for part, other in zip(found, wanted, strict=True):
        assert part.dtype == np.float32
        assert np.max(np.abs(part - other)) < 1e-5


@pytest.mark.parametrize("likeness", [np.zeros(MANY), np.full(MANY, 0.5), MOVING], ids=["0", "0.5", "moving"])
def test_frames_have_the_same_bits_however_many_come_at_once(singer: Singer, likeness: Float64) -> None:
    frames = drawn(likeness)
    one_by_one = run(singer.start(), frames, [1])
    for sizes in ([2], [3], [4], [5], [6], [7], [8], [9], [23], [MANY], [1, 8, 3, 20, 2]):
        assert np.array_equal(run(singer.start(), frames, sizes), one_by_one), sizes


def test_a_frame_without_likeness_is_as_if_there_were_none(singer: Singer) -> None:
    plain = run(singer.start(), drawn(np.zeros(MANY)), [1])
    mixed = run(singer.start(), drawn(np.where(np.arange(MANY) < 5, 0.0, 0.7)), [8])
    assert np.array_equal(mixed[:5], plain[:5])
    assert not np.array_equal(mixed[5], plain[5])


@pytest.mark.parametrize("before", [1, 2, 3])
def test_the_state_is_carried_until_the_reset(singer: Singer, before: int) -> None:
    frames = drawn(np.zeros(MANY))
    fresh = run(singer.start(), frames, [8])
    estimator = singer.start()
    run(estimator, frames.at(slice(before)), [1])
    assert not np.array_equal(run(estimator, frames, [8])[0], fresh[0])
    estimator.reset()
    assert np.array_equal(run(estimator, frames, [8]), fresh)


@pytest.mark.parametrize("ltas", [(), LTAS], ids=["no LTAS", "LTAS"])
def test_the_next_call_overwrites_nothing(
    tmp_path: Path, network: Estimator, memory: Tensor, ltas: tuple[float, ...]
) -> None:
    export_singer(network, memory, facts_of(ltas), tmp_path / "made.onnx")
    estimator = load_singer(tmp_path / "made.onnx").start()
    first = estimator.process(*drawn(np.zeros(3)))
    kept = [part.copy() for part in first]
    for _ in range(2):
        estimator.process(*drawn(np.ones(3)))
    assert all(np.array_equal(part, copy) for part, copy in zip(first, kept, strict=True))


def test_frames_that_do_not_fit_are_refused(singer: Singer) -> None:
    frames, estimator = drawn(np.zeros(3)), singer.start()
    short = frames.at(slice(2))
    wrong = [frames._replace(content=frames.content[:, 1:]), frames._replace(content=short.content)]
    wrong += [frames._replace(**{name: getattr(short, name)}) for name in Frames._fields[1:]]
    for each in wrong:
        with pytest.raises(ValueError, match=r"do not fit; give \(n, 32\), \(n, 72\) and five times \(n,\)"):
            estimator.process(*each)


def tables_of(amplitude: complex) -> str:
    return base64.b64encode(np.full((TABLES, 150), amplitude, "<c8").tobytes()).decode()


@pytest.mark.parametrize(
    "tables",
    [
        "",
        "A",
        "AAAA",
        "AAAAAAAAAAA=",
        tables_of(math.nan),
        tables_of(complex(0.0, math.inf)),
        tables_of(1e30),
    ],
    ids=["", "1", "3", "8", "nan", "inf", "huge"],
)
def test_a_singer_with_broken_wavetables_is_refused(tmp_path: Path, memory: Tensor, tables: str) -> None:
    path, small = tmp_path / "broken.onnx", Estimator(NetworkSize(SIZE, harmonic=TABLES, noise=72)).eval()
    facts = facts_of(()).model_copy(update={"kind": "dwts", "harmonic": TABLES, "tables": tables})
    export_singer(small, memory, facts, path)
    with pytest.raises(SingerFileError, match="broken wavetables; download or train the singer again"):
        load_singer(path)


def test_a_graph_of_one_frame_is_refused(tmp_path: Path, network: Estimator, memory: Tensor) -> None:
    path = tmp_path / "narrow.onnx"
    export_singer(network, memory, facts_of(()), path)
    model = onnx.load(path)
    for part in (*model.graph.input, *model.graph.output):
        part.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, path)
    with pytest.raises(SingerFileError, match="does not have a singer's inputs and outputs"):
        load_singer(path)
