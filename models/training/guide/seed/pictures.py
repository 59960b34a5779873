"""Pictures of a seed model: its curves, and its spectrograms beside the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.metrics.extras import pictures_extra
from models.training.guide.pairs.spectrogram import FLOOR_DB, SECONDS
from models.training.guide.seed.file import SeedModel
from models.wholefile import whole

Float32 = NDArray[np.float32]
Rows = Sequence[tuple[str, Float32]]
"""A title, and a normalised spectrogram (bands, frames)."""

_INCHES = (11.0, 1.7)


def draw_curves(models: Sequence[SeedModel], path: Path) -> None:
    """Draw loss and error of trainings over their steps.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    with pictures_extra():
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    figure = Figure((11.0, 3.2 * len(models)), layout="constrained")
    axes = figure.subplots(len(models), 2, squeeze=False)
    for row, made in zip(axes, models, strict=True):
        step, loss, error, held = np.array(made.history, float).reshape(-1, 4).T
        row[0].plot(step, loss, label="loss, training")
        row[1].plot(step, error, label="training, drawn")
        row[1].plot(step, held, label="held out, not drawn")
        for axis, values in ((row[0], loss), (row[1], np.concatenate([error, held]))):
            axis.set_ylim(*_range(values))
        row[0].set_title(f"{made.model}, {made.variant}")
        row[1].set_ylabel("mean absolute difference, dB")
        for axis in row:
            axis.set_xlabel("step")
            axis.legend()
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=90)


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return what an axis shows: all but the first steps, whose losses dwarf the rest."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [0.0, 95.0]) if known.size else (0.0, 1.0)
    margin = max(0.1 * (high - low), 1e-6)
    return float(low - margin), float(high + margin)


def draw_spectrograms(rows: Rows, path: Path) -> None:
    """Draw spectrograms one above the other, in the same colours.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    with pictures_extra():
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    figure = Figure((_INCHES[0], _INCHES[1] * len(rows)), layout="constrained")
    for axis, (title, spectrogram) in zip(
        figure.subplots(len(rows), 1, squeeze=False)[:, 0], rows, strict=True
    ):
        level = (1.0 - spectrogram) * FLOOR_DB
        place = (0.0, float(SECONDS), 0.0, float(len(spectrogram)))
        drawn = axis.imshow(level, origin="lower", aspect="auto", extent=place, vmin=FLOOR_DB, vmax=-10.0)
        axis.set_title(title, fontsize=9)
        axis.set_ylabel("mel band")
    figure.colorbar(drawn, ax=figure.axes, label="dB")
    with whole(path) as partial:
        figure.savefig(partial, format="png", dpi=80)
