"""The file of an encoder of waves: what it says about itself, how it is written, and how it is run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.errors import ModelFileError
from models.filekind import MAX_BYTES, FileKind
from models.graphcheck import OPERATORS, GraphError, check_structure
from models.onnxstep import opened
from models.training.onnxgraph import write_model
from models.training.tune.architecture import SAMPLES
from models.training.tune.graph import encoder_graph
from models.training.tune.network import TuneNetwork

Float32 = NDArray[np.float32]

FORMAT = 1
"""Version of the file; another one is refused."""
METADATA_KEY = "plugin_bridge.tune"


class TuneManifest(BaseModel):
    """The facts of one encoder, stored as JSON under `METADATA_KEY`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=1)] = FORMAT
    licence: str
    attribution: str
    training_data: str
    variant: str
    architecture: dict[str, int | bool | None]
    """The fields of `models.training.tune.architecture.Architecture`."""
    rate: Literal[22050] = 22050
    samples: Literal[59049] = 59049
    """Of one example."""
    size: Annotated[int, Field(ge=1)]
    """Numbers that describe an example."""
    steps: int


_KIND = FileKind(
    "TUNe encoder",
    "one made by 'python -m models.training.tune'",
    "make or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    TuneManifest,
    ModelFileError,
)


def write_encoder(network: TuneNetwork, manifest: TuneManifest, path: Path) -> None:
    """Write an encoder as one ONNX file; nothing is left behind when it fails."""
    write_model(encoder_graph(network, SAMPLES), {METADATA_KEY: manifest.model_dump_json()}, path)


def manifest_of(network: TuneNetwork, variant: str, steps: int, **words: str) -> TuneManifest:
    """Return the manifest of a network.

    Args:
        network: the encoder.
        variant: its name.
        steps: of its training.
        words: `licence`, `attribution` and `training_data`.
    """
    made = network.architecture
    return TuneManifest(variant=variant, architecture=asdict(made), size=made.size, steps=steps, **words)


class TuneEncoder:
    """One loaded encoder.

    Args:
        path: its file.

    Raises:
        ModelFileError: the file is not an encoder this version can use.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ModelFileError(f"{path} is larger than {MAX_BYTES / 2**20:.0f} MB; {_KIND.remedy}")
            model = path.read_bytes()
            # Of the structure alone: the widest variants take more than what runs live may take.
            check_structure(memoryview(model), OPERATORS)
            self._session = opened(model)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read: {error.strerror}; {_KIND.remedy}") from error
        except GraphError as error:
            raise ModelFileError(f"{path} {error}; {_KIND.remedy}") from error
        self.manifest = _KIND.read(self._session, path)
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        wanted = {"audio": [1, 1, SAMPLES], "vector": [1, self.manifest.size]}
        if {end.name: end.shape for end in ends} != wanted:
            raise ModelFileError(f"{path} has not a TUNe encoder's input and output; {_KIND.remedy}")

    def process(self, examples: Float32) -> Float32:
        """Return what is said of each example.

        Args:
            examples: (n, SAMPLES), float32, mono at `RATE`.

        Returns:
            (n, size), float32.
        """
        said = [self._session.run(["vector"], {"audio": one[None, None]})[0] for one in examples]
        return np.concatenate([np.empty((0, self.manifest.size), np.float32), *said])
