"""Write a trained extractor as ONNX: the whole path from 16 kHz audio, of any length, with its manifest."""

from __future__ import annotations

import copy
import logging
import shutil
import tempfile
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from models.extractor.manifest import METADATA_KEY, ExtractorManifest
from models.extractor.windows import STEP
from models.training.extractor.network import Extractor

OPSET = 20
_IR_VERSION = 9  # of opset 20; what the exporter would write by itself is too new for older run times
MAX_FILE_BYTES = 2 * 2**30 - 2**20
"""Bytes: protobuf's limit of 2 GB, less room for the graph; larger weights go into a file beside."""
OUTPUTS = ("feature", "f0", "voicing", "energy")


class _Path(nn.Module):
    """The network as it runs: units of the outside."""

    def __init__(self, network: Extractor) -> None:
        super().__init__()
        self.network = network

    def forward(self, audio: Tensor) -> tuple[Tensor, ...]:
        heard = self.network(audio, tune=False)
        return heard.feature, torch.exp(heard.pitch), torch.sigmoid(heard.voicing), heard.energy


def export_extractor(
    network: Extractor, manifest: ExtractorManifest, path: Path, largest: int = MAX_FILE_BYTES
) -> None:
    """Write an extractor file; nothing is left behind when it fails.

    It maps audio (1, samples), a multiple of 320 at 16 kHz, to feature (1, frames, 256) and f0 in hertz,
    voicing 0..1 and energy in dB, each (1, frames), of 10 ms.

    Args:
        network: the trained network, on any device.
        manifest: what the file says of itself.
        path: the file to write; weights of more than `largest` bytes go beside it, into NAME.onnx.data.
        largest: bytes.
    """
    program = _program(network)
    program.model.metadata_props[METADATA_KEY] = manifest.model_dump_json()
    program.model.ir_version = _IR_VERSION
    size = sum(part.numel() * part.element_size() for part in network.parameters())
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".extractor-") as folder:
        written = Path(folder) / path.name
        program.save(written, external_data=size > largest)
        # The weights first: where the file is, all is there.
        for part in sorted(Path(folder).iterdir(), key=lambda part: part == written):
            shutil.move(part, path.parent / part.name)


@torch.no_grad()
def _program(network: Extractor) -> torch.onnx.ONNXProgram:
    ready = copy.deepcopy(network).cpu().eval()
    steps = torch.export.Dim("steps", min=1, max=2**16)
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporter warns of torch
            program = torch.onnx.export(
                _Path(ready).eval(),
                (torch.zeros(1, 50 * STEP),),
                dynamo=True,
                dynamic_shapes=({1: STEP * steps},),
                input_names=["audio"],
                output_names=list(OUTPUTS),
                opset_version=OPSET,
                verbose=False,
            )
    finally:
        exporter.setLevel(before)
    assert program is not None
    return program
