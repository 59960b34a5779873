"""The graph written operator by operator equals the network, and recalls what it should."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.export import export_singer
from models.manifest import Manifest
from models.network import BANDS, Estimator, NetworkSize
from models.singer import load_singer
from models.stepgraph import NEIGHBOURS, SHARPNESS

FRAMES = 12


@pytest.fixture(scope="module")
def network() -> Estimator:
    torch.manual_seed(3)
    return Estimator(NetworkSize(harmonic=142, noise=72)).eval()


@pytest.fixture(scope="module")
def memory() -> Tensor:
    return torch.randn(50, 128, generator=torch.Generator().manual_seed(4))


def recalled(codes: Tensor, memory: Tensor) -> Tensor:
    """The softmax-weighted mean of the nearest memories of each frame, (frames, value)."""
    nearness = functional.normalize(codes, dim=1) @ functional.normalize(memory, dim=1).T
    best, index = nearness.topk(NEIGHBOURS, dim=1)
    return (torch.softmax(SHARPNESS * best, dim=1)[:, :, None] * memory[index]).sum(dim=1)


@pytest.mark.parametrize("likeness", [0.0, 0.4, 1.0])
@torch.no_grad()
def test_a_singer_file_steps_as_the_network_runs(
    tmp_path: Path, network: Estimator, memory: Tensor, likeness: float
) -> None:
    manifest = Manifest(
        id="made", name="Made", licence="CC0", attribution="nobody", training_data="none", bands=BANDS,
        harmonic=142, noise=72, f0_low=100.0, f0_median=200.0, f0_high=400.0,
    )  # fmt: skip
    full = export_singer(network, memory, manifest, tmp_path / "made.onnx")
    singer = load_singer(tmp_path / "made.onnx")
    assert singer.manifest == full
    envelope = -40.0 + 20.0 * torch.rand(1, FRAMES, BANDS)
    ends = torch.tensor([[80.0, 0.0, -90.0], [900.0, 1.0, 0.0]])
    pitch = ends[0] + (ends[1] - ends[0]) * torch.rand(1, FRAMES, 3)
    codes, _ = network.content(envelope, network.histories(1))
    codes = codes + likeness * (recalled(codes[0], memory) - codes)
    harmonic, noise, _ = network.controls(codes, pitch, torch.zeros(1, 1, network.size.recurrent))
    estimator = singer.start()
    for frame in range(FRAMES):
        f0, voicing, loudness = pitch[0, frame].tolist()
        found = estimator.step(envelope[0, frame].numpy(), f0, voicing, loudness, likeness)
        for part, wanted in zip(found, (harmonic, noise), strict=True):
            assert torch.max(torch.abs(torch.from_numpy(part) - wanted[0, frame])) < 1e-5
