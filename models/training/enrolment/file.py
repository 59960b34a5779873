"""The file of a shared network: its weights and a manifest in an archive of arrays, which holds no code."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from models.content.file import ContentEncoder, find
from models.errors import ModelFileError
from models.training.cache import DAMAGE, read_arrays
from models.training.enrolment.network import SharedEstimator
from models.training.enrolment.songs import FRAMES
from models.training.singer.renderers import size_of
from models.wholefile import whole

MAX_BYTES = 64 * 2**20
_MANIFEST, _SONGS = "manifest", "songs"
"""Arrays beside the weights."""
_REMEDY = "install it again, or make one by 'python -m models.training.enrolment'"


class SharedManifest(BaseModel):
    """What the file of a shared network says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    licence: str
    attribution: str
    training_data: str
    content: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the content encoder's file."""
    voices: tuple[str, ...]
    """Names of those that it learned, in the order of their vectors."""
    steps: int


def shipped() -> Path:
    """Return the file that comes with the package."""
    return Path(__file__).parent / "shipped" / "shared.npz"


class Shared(NamedTuple):
    """What is needed to enrol a voice."""

    network: SharedEstimator
    songs: Tensor
    """What others sang (`models.training.enrolment.songs`)."""
    manifest: SharedManifest
    encoder: ContentEncoder
    """The one that the network was trained on."""


def write_shared(network: SharedEstimator, songs: Tensor, manifest: SharedManifest, path: Path) -> None:
    """Write the file; nothing is left behind when it fails.

    Raises:
        OutputError: it cannot be written.
    """
    arrays = {name: part.cpu().numpy().astype(np.float32) for name, part in network.state_dict().items()}
    arrays[_SONGS] = songs.numpy()
    arrays[_MANIFEST] = np.frombuffer(manifest.model_dump_json().encode(), np.uint8)
    with whole(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_shared(path: Path) -> Shared:
    """Read the file, which may be hostile, find its content encoder, and freeze the network.

    Raises:
        ModelFileError: it is missing, damaged, of another version, too large or not finite, or its encoder is
            not here.
    """
    try:
        arrays = _arrays(path)
        songs = torch.from_numpy(arrays.pop(_SONGS))
        said = arrays.pop(_MANIFEST).astype(np.uint8).tobytes()
        manifest = SharedManifest.model_validate_json(said)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}; {_REMEDY}") from error
    except DAMAGE as error:  # what pydantic raises is a ValueError, too
        raise ModelFileError(f"{path} is no shared network of this version; {_REMEDY}") from error
    encoder = find(manifest.content, path.parent)
    network = SharedEstimator(size_of("sawsing", encoder.manifest.size), len(manifest.voices))
    try:
        network.load_state_dict({name: torch.from_numpy(part) for name, part in arrays.items()})
    except (RuntimeError, TypeError) as error:
        raise ModelFileError(f"{path} has weights that do not fit; {_REMEDY}") from error
    if songs.dtype != torch.float16 or songs.shape != (max(1, len(songs)), FRAMES, encoder.manifest.size + 3):
        raise ModelFileError(f"{path} has songs that do not fit; {_REMEDY}")
    return Shared(network.requires_grad_(requires_grad=False), songs, manifest, encoder)


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    with zipfile.ZipFile(path) as file:
        if sum(entry.file_size for entry in file.infolist()) > MAX_BYTES:
            raise ValueError("it is too large")
    arrays = read_arrays(path)
    if not all(part.dtype.kind in "fu" and np.isfinite(part).all() for part in arrays.values()):
        raise ValueError("it holds something else than finite numbers")
    return arrays
