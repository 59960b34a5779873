"""Write a trained network as a singer file: one ONNX step over frames with explicit state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.singer.manifest import Manifest
from models.training.onnxgraph import write_model
from models.training.singer.network import Estimator
from models.training.singer.stepgraph import step_graph


def export_singer(network: Estimator, memory: Tensor, manifest: Manifest, path: Path) -> None:
    """Write a singer file; nothing is left behind when it fails.

    Args:
        network: the trained network, on any device.
        memory: (entries, content), float32.
        manifest: what the file says of itself.
        path: the file to write.
    """
    write_model(step_graph(network, memory.cpu().numpy()), manifest.to_metadata(), path)


@torch.no_grad()
def choose_memory(content: Tensor, entries: int = 1024, rounds: int = 12, seed: int = 0) -> Tensor:
    """Pick frames that represent the target by k-means over directions, (frames, C) -> (entries, C).

    The centres are snapped to real frames, so that what is recalled is something the singer did.
    """
    rng = np.random.default_rng(seed)
    entries = min(entries, content.shape[0])
    unit = functional.normalize(content, dim=1)
    centres = unit[torch.from_numpy(rng.choice(content.shape[0], entries, replace=False))]
    for _ in range(rounds):
        nearest = (unit @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, unit)
        filled = sums.norm(dim=1) > 0
        centres[filled] = functional.normalize(sums[filled], dim=1)
    return content[(centres @ unit.T).argmax(dim=1)]
