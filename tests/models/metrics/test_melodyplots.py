"""The pictures of a melody table are drawn, of any number of trackers, whatever could not be told."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from models.metrics.melodyplots import plot_errors, plot_tracks
from models.metrics.pitch import PitchTrack
from models.metrics.reference import Reference
from tests.support.doubles import sung
from tests.support.extras import needs


def test_errors_over_snr_are_drawn(tmp_path: Path) -> None:
    needs("matplotlib")
    path = tmp_path / "errors.png"
    curves = {f"tracker {n}": (0.1 * n, math.nan, 0.3) for n in range(9)}
    plot_errors(path, "title", ("clean", "5 dB", "0 dB"), {"F0RMSE": curves, "F1": curves})
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_tracks_are_drawn_over_the_spectrogram(tmp_path: Path) -> None:
    needs("matplotlib")
    path = tmp_path / "tracks.png"
    held = PitchTrack(np.full(50, 220.0), np.arange(50) < 40)
    silent = PitchTrack(np.full(50, 60.0), np.zeros(50, bool))
    known = Reference(held, np.arange(50) > 5, exact=True)
    plot_tracks(path, "title", sung(24000, 0.5)[0], 24000, known, {"one": held, "none": silent})
    assert path.read_bytes()[:4] == b"\x89PNG"
