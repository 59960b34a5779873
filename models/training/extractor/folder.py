"""Check an encoder's folder before anything in it is loaded: what it must hold, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from models.errors import ModelFileError

ARCHITECTURES = ("hubert", "wavlm")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def architecture_of(folder: Path) -> str:
    """Return "hubert" or "wavlm".

    Args:
        folder: as `save_pretrained` of transformers leaves it: config.json and model.safetensors.

    Raises:
        ModelFileError: there is no such folder, it holds another model, or no weights that are safe to read.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise ModelFileError(
            f"{folder} holds no config.json; give the folder of a HuBERT or WavLM from Hugging Face, "
            "which you fetch yourself"
        )
    try:
        found = json.loads(config.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f"{config} names no model_type; fetch the folder again") from error
    if found not in ARCHITECTURES:
        raise ModelFileError(
            f"{folder} holds a model of type {found!r}; give one of {', '.join(ARCHITECTURES)}"
        )
    weights_of(folder)
    return str(found)


def weights_of(folder: Path) -> list[Path]:
    """Return the files that hold the weights.

    Raises:
        ModelFileError: they are missing, or pickled.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return sorted(folder.glob("model-*.safetensors"))
    pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
    if pickled:
        raise ModelFileError(
            f"{folder} holds its weights only as {pickled[0]}, a pickle, which is not read because it could "
            'run any code; convert it where you trust it: python -c "from transformers import AutoModel; '
            "AutoModel.from_pretrained('FOLDER').save_pretrained('NEW_FOLDER')\""
        )
    raise ModelFileError(f"{folder} holds no {WEIGHTS}; fetch the weights, which nothing here downloads")


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the weights."""
    digest = hashlib.sha256()
    for path in weights_of(folder):
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
