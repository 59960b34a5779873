"""Plot how trackers do under accompaniment: their errors over SNR, and their tracks over a spectrogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import MAX_F0, MIN_F0
from models.metrics.extras import eval_extra
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack
from models.metrics.plots import spectrogram
from models.metrics.reference import Reference

FFT = 4096
RANGE_DB = 60.0
MARKS = "osD^vP*X"
OCTAVES_AROUND = 0.6

Curves = Mapping[str, Sequence[float]]


def plot_errors(path: Path, title: str, levels: Sequence[str], panels: Mapping[str, Curves]) -> None:
    """Write a picture of measures over SNR.

    Args:
        path: of the PNG.
        title: of the picture.
        levels: names of the SNRs, from left to right.
        panels: by measure, by tracker: its value at every level.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with eval_extra():
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    figure = Figure(figsize=(4.6 * len(panels), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, (measure, curves) in zip(axes, panels.items(), strict=True):
        for number, (name, values) in enumerate(curves.items()):
            panel.plot(levels, values, f"{MARKS[number % len(MARKS)]}-", label=name)
        panel.set_title(measure)
        panel.set_xlabel("voice over accompaniment")
        panel.set_ylim(bottom=0.0)
        panel.grid(visible=True, alpha=0.4)
    axes[0].legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=100, format="png")


def plot_tracks(
    path: Path,
    title: str,
    audio: NDArray[np.float32],
    sample_rate: int,
    reference: Reference,
    tracks: Mapping[str, PitchTrack],
) -> None:
    """Write a picture of what each tracker heard, over the spectrogram of what it was given.

    Args:
        path: of the PNG.
        title: of the picture.
        audio: mono, shape (samples,).
        sample_rate: hertz.
        reference: the pitch of the clean voice.
        tracks: by tracker.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with eval_extra():
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    seconds = audio.size / sample_rate
    columns = max(2, round(50 * seconds))
    levels = spectrogram(audio, sample_rate, columns, FFT)
    hertz = np.arange(levels.shape[0]) * sample_rate / FFT
    shown = (hertz >= 0.5 * MIN_F0) & (hertz <= 2.0 * MAX_F0)
    top = float(levels[shown].max())
    low, high = _range(reference, tracks)
    figure = Figure(
        figsize=(min(20.0, max(9.0, 1.6 * seconds)), 0.8 + 2.4 * len(tracks)), layout="constrained"
    )
    axes = figure.subplots(len(tracks), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    wanted = np.where(reference.track.voiced & reference.scored, reference.track.f0, np.nan)
    for panel, (name, track) in zip(axes, tracks.items(), strict=True):
        times = np.linspace(0.0, seconds, columns)
        panel.pcolormesh(
            times, hertz[shown], levels[shown], cmap="Greys", vmin=top - RANGE_DB, vmax=top, rasterized=True
        )
        panel.plot(_times(wanted), wanted, color="deepskyblue", linewidth=6.0, alpha=0.6, label="clean voice")
        found = np.where(track.voiced, track.f0, np.nan)
        panel.plot(_times(found), found, ".", color="crimson", markersize=3.0, label=name)
        panel.set_yscale("log", base=2)
        panel.set_ylim(low, high)
        panel.yaxis.set_major_formatter("{x:.0f}")
        panel.set_ylabel(f"{name}, Hz")
        panel.legend(loc="upper right", ncols=2)
    axes[-1].set_xlabel("seconds")
    figure.suptitle(title)
    figure.savefig(path, dpi=90, format="png")


def _times(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arange(values.size) / FRAMES_PER_SECOND


def _range(reference: Reference, tracks: Mapping[str, PitchTrack]) -> tuple[float, float]:
    """Return the hertz to be shown: all that was heard, and some room around it."""
    heard = [track.f0[track.voiced] for track in (reference.track, *tracks.values())]
    every = np.concatenate([*heard, [2.0 * MIN_F0, 0.5 * MAX_F0]])
    return max(50.0, float(every.min()) * 2.0**-OCTAVES_AROUND), float(every.max()) * 2.0**OCTAVES_AROUND
