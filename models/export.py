"""Write a trained network as a singer file: one ONNX one-frame step with explicit state."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.manifest import Manifest
from models.network import BANDS, TAPS, CausalLayer, Estimator, normalized_bands

OPSET = 20
"""The first with GELU as one operator."""
NEIGHBOURS = 8
SHARPNESS = 12.0  # of the softmax over cosine similarities of the nearest memories


class Step(nn.Module):
    """One frame of an `Estimator` with all of its state in one vector, and retrieval from a memory.

    It repeats the network in matrix products of single rows, which the ONNX run time steps through in two
    thirds of the time that the sequence form takes; a test holds the two together.

    Args:
        network: the trained network.
        memory: codes of the target's own frames, (entries, value), from which `likeness` retrieves.
    """

    memory: Tensor
    directions: Tensor
    keys: Tensor

    def __init__(self, network: Estimator, memory: Tensor) -> None:
        super().__init__()
        size = network.size
        self.network = network
        self.register_buffer("memory", memory)
        self.register_buffer("directions", functional.normalize(memory, dim=1).T.contiguous())
        self.register_buffer("keys", (network.keys.detach().T / size.key**0.5).contiguous())
        self.widths = [BANDS] + [size.hidden] * (size.layers - 1)
        self.split = [(TAPS - 1) * width for width in self.widths] + [size.recurrent]

    @property
    def state_size(self) -> int:
        """Length of the state vector."""
        return sum(self.split)

    def forward(
        self, envelope: Tensor, pitch: Tensor, likeness: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map (1, bands), (1, 3), (1, 1) and (1, state) to (1, H), (1, N) and the next (1, state)."""
        network = self.network
        *histories, hidden = torch.split(state, self.split, dim=1)
        x, after = normalized_bands(envelope), []
        for layer, history, width in zip(network.convolutions, histories, self.widths, strict=True):
            assert isinstance(layer, CausalLayer)
            frames = torch.cat([history, x], dim=1)
            after.append(frames[:, width:])
            x = layer.activate(frames, x)
        codes = torch.softmax(network.query(x) @ self.keys, dim=1) @ network.codes
        codes = codes + likeness * (self._recall(codes) - codes)
        joined = network.joined(codes, pitch)
        hidden = self._remember(joined, hidden)
        y = network.tail(hidden, joined)
        return network.harmonic(y), network.noise(y), torch.cat([*after, hidden], dim=1)

    def _remember(self, x: Tensor, hidden: Tensor) -> Tensor:
        units = self.network.size.recurrent
        weight_new, weight_old, bias_new, bias_old = self.network.gru.all_weights[0]
        new = functional.linear(x, weight_new, bias_new)
        old = functional.linear(hidden, weight_old, bias_old)
        gates = torch.sigmoid(new[:, : 2 * units] + old[:, : 2 * units])
        candidate = torch.tanh(new[:, 2 * units :] + gates[:, :units] * old[:, 2 * units :])
        return candidate + gates[:, units:] * (hidden - candidate)

    def _recall(self, codes: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(codes, dim=1, keepdim=True)
        nearness, index = torch.topk(codes @ self.directions / length, NEIGHBOURS, dim=1)
        return torch.softmax(SHARPNESS * nearness, dim=1) @ self.memory[index[0]]


def export_singer(network: Estimator, memory: Tensor, manifest: Manifest, path: Path) -> Manifest:
    """Write a singer file; nothing is left behind when it fails.

    Args:
        network: the trained network, on any device.
        memory: (entries, value), float32.
        manifest: what the file says of itself; its state size is filled in here.
        path: the file to write.

    Returns:
        The manifest as written.
    """
    step = Step(network.cpu().eval(), memory.cpu()).eval()
    example = (
        torch.zeros(1, BANDS),
        torch.tensor([[220.0, 1.0, -20.0]]),
        torch.zeros(1, 1),
        torch.zeros(1, step.state_size),
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            step,
            example,
            buffer,  # type: ignore[arg-type]  # the stubs forget the file object of dynamo=False
            input_names=["envelope", "pitch", "likeness", "state"],
            output_names=["harmonic", "noise", "next_state"],
            dynamo=False,
            opset_version=OPSET,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    full = manifest.model_copy(update={"state_size": step.state_size})
    onnx.helper.set_model_props(graph, full.to_metadata())
    onnx.checker.check_model(graph)
    partial = path.with_suffix(".part")
    partial.write_bytes(graph.SerializeToString())
    partial.replace(path)
    return full


@torch.no_grad()
def choose_memory(codes: Tensor, entries: int = 1024, rounds: int = 12, seed: int = 0) -> Tensor:
    """Pick codes that represent the target by k-means over directions, (frames, value) -> (entries, value).

    The centres are snapped to real frames, so that what is recalled is something the singer did.
    """
    rng = np.random.default_rng(seed)
    entries = min(entries, codes.shape[0])
    unit = functional.normalize(codes, dim=1)
    centres = unit[torch.from_numpy(rng.choice(codes.shape[0], entries, replace=False))]
    for _ in range(rounds):
        nearest = (unit @ centres.T).argmax(dim=1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, unit)
        filled = sums.norm(dim=1) > 0
        centres[filled] = functional.normalize(sums[filled], dim=1)
    return codes[(centres @ unit.T).argmax(dim=1)]
