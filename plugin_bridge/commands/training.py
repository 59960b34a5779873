"""What the training commands share: facts of a singer, progress bars, an end on request, whole numbers."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from models.training.singer.recipe import TrainingListener

SMOOTHING = 0.99


def positive(text: str) -> int:
    """Read a whole number from 1 up, as the type of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up; give one")
    return int(text)


def add_facts(parser: argparse.ArgumentParser) -> None:
    """Add what a singer file says of itself, and where it is written."""
    add = parser.add_argument
    add(
        "--id",
        type=_id,
        required=True,
        metavar="NAME",
        help="id of the new singer: lower-case letters, digits, '-' and '_'",
    )
    add("-o", "--output", type=Path, metavar="FILE", help="singer file to write; default: the id with .onnx")
    add("--name", metavar="TEXT", help="name of the singer for people; default: the id")
    add(
        "--licence",
        default="unspecified",
        metavar="TEXT",
        help="licence of the recordings, stored in the singer file",
    )
    add("--attribution", default="", metavar="TEXT", help="who is to be credited, stored in the singer file")


def output_of(arguments: argparse.Namespace) -> Path:
    """Return the file that is to be written."""
    return arguments.output or Path(f"{arguments.id}.onnx")


def _id(text: str) -> str:
    from models.singer.manifest import plain_id  # noqa: PLC0415 - loads pydantic

    try:
        return plain_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def end_by_exception() -> None:
    """Let an interrupt or a termination raise `KeyboardInterrupt`, so that the checkpoint is written."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Bars:
    """Two progress bars on a terminal: files analysed, steps done with the running loss."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._bar: Any = None
        self._loss = 0.0
        self._weight = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def listener(self) -> TrainingListener:
        """Return what the training calls."""
        from models.training.singer.recipe import TrainingListener  # noqa: PLC0415 - loads torch

        return TrainingListener(self._files, self._step)

    def _files(self, paths: Sequence[Path]) -> Iterable[Path]:
        from tqdm import tqdm  # noqa: PLC0415

        return tqdm(paths, desc="analysing", unit="file", disable=None, leave=False)

    def _step(self, step: int, loss: float) -> None:
        from tqdm import tqdm  # noqa: PLC0415

        if self._bar is None:
            self._bar = tqdm(total=self._steps, initial=step, desc="training", unit="step", disable=None)
        self._loss = SMOOTHING * self._loss + (1.0 - SMOOTHING) * loss
        self._weight = SMOOTHING * self._weight + (1.0 - SMOOTHING)
        self._bar.set_postfix(loss=f"{self._loss / self._weight:.3f}", refresh=False)
        self._bar.update()
