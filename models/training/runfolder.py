"""The folder of a training run: one process at a time works in it, and only its own checkpoints are read."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from models.errors import TrainingError
from models.wholefile import unwritable, whole

_FRESH = "delete it to start afresh"
_MISFIT = (EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)
"""What torch raises where a file, or what it holds, is something else."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder, which is made when missing, until the `with` block ends.

    The lock is the system's: it ends with the process, however that ends.

    Raises:
        TrainingError: another process trains there.
        OutputError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainingError(
            f"another process trains in {folder}; wait for it, stop it, or give another output"
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the state of a run; the old checkpoint stays until the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    with whole(path) as partial:
        try:
            torch.save(state, partial)
        except (OSError, RuntimeError) as error:  # RuntimeError: torch's own writer found the disk full
            raise unwritable(path, error if isinstance(error, OSError) else OSError(str(error))) from error


@contextmanager
def read_checkpoint(
    path: Path, device: torch.device, kind: Mapping[str, object], refusal: str
) -> Iterator[dict[str, Any]]:
    """Read a checkpoint; what does not fit while it is taken over in the `with` block is told, too.

    Args:
        path: the file; of a pickle, only tensors and plain values are read.
        device: where the tensors go.
        kind: entries it must have: its format and whatever else makes runs differ.
        refusal: what is said of one of another kind, such as "is no checkpoint of this version".

    Raises:
        TrainingError: it is none, is of another kind, or holds numbers that are not finite.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}; {_FRESH}") from error
    try:
        with file, warnings.catch_warnings(action="ignore"):  # torch remarks on foreign pickles
            state = torch.load(file, map_location=device, weights_only=True)
    except (OSError, pickle.UnpicklingError, *_MISFIT) as error:
        raise TrainingError(f"{path} is damaged or no checkpoint; {_FRESH}") from error
    if not isinstance(state, dict) or any(state.get(name) != value for name, value in kind.items()):
        raise TrainingError(f"{path} {refusal}; {_FRESH}")
    if not _is_finite(state):
        raise TrainingError(
            f"{path} holds numbers that are not finite, of a training that diverged; {_FRESH}"
        )
    try:
        yield state
    except _MISFIT as error:
        raise TrainingError(f"{path} has weights that do not fit this run; {_FRESH}") from error


def _is_finite(value: object) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(torch.isfinite(value).all())
    return not isinstance(value, dict) or all(map(_is_finite, value.values()))
