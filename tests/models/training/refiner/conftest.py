"""What the tests of refiners share: a singer that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.content.file import digest, shipped
from models.singer.manifest import Manifest
from tests.support.extras import needs

CONTENT = 32
"""Width of the content that it reads."""


@pytest.fixture(scope="session")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A singer whose network has learnt nothing."""
    needs("torch")
    import torch

    from models.training.singer.export import export_singer
    from models.training.singer.network import Estimator, NetworkSize

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
