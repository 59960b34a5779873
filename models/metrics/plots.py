"""Plot a conversion: the spectrograms of source and output, and the pitch asked for and measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.metrics.extras import eval_extra
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack

FFT = 2048
TOP_HZ = 16000.0
RANGE_DB = 80.0

Float32 = NDArray[np.float32]


def spectrogram(audio: Float32, sample_rate: int, columns: int = 1200, fft: int = FFT) -> NDArray[np.float64]:
    """Return levels in dB re a full-scale sine, shape (bins up to 16 kHz, columns), Hann window of `fft`."""
    padded = np.pad(np.asarray(audio, np.float64), fft // 2)
    starts = np.linspace(0, padded.size - fft, columns).astype(np.intp)
    window = np.hanning(fft)
    frames = np.lib.stride_tricks.sliding_window_view(padded, fft)[starts]
    bins = int(min(TOP_HZ, sample_rate / 2) / sample_rate * fft)
    magnitudes = np.abs(np.fft.rfft(frames * window, axis=1))[:, :bins] * (2.0 / window.sum())
    return np.asarray(20.0 * np.log10(magnitudes.T + 1e-7))


def plot_pair(
    path: Path,
    title: str,
    sounds: tuple[Float32, Float32],
    sample_rate: int,
    pitches: tuple[PitchTrack, PitchTrack],
) -> None:
    """Write a picture of a conversion.

    Args:
        path: of the PNG.
        title: of the picture.
        sounds: source and output, each of shape (samples,).
        sample_rate: of both, hertz.
        pitches: requested and measured.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with eval_extra():
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    seconds = sounds[0].size / sample_rate
    figure = Figure(figsize=(min(24.0, max(8.0, 1.6 * seconds)), 10.0), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    for panel, sound, name in zip(panels[:2], sounds, ("source", "output"), strict=True):
        levels = spectrogram(sound, sample_rate)
        extent = (0.0, seconds, 0.0, levels.shape[0] * sample_rate / FFT / 1000.0)
        top = float(levels.max())
        panel.imshow(levels, origin="lower", aspect="auto", extent=extent, vmin=top - RANGE_DB, vmax=top)
        panel.set_ylabel(f"{name}, kHz")
    for track, name, style in zip(pitches, ("requested", "measured"), ("-", "."), strict=True):
        notes = np.where(track.voiced, 69.0 + 12.0 * np.log2(track.f0 / 440.0), np.nan)
        panels[2].plot(np.arange(notes.size) / FRAMES_PER_SECOND, notes, style, markersize=3, label=name)
    panels[2].grid(visible=True, axis="y")
    panels[2].set_ylabel("MIDI note")
    panels[2].set_xlabel("seconds")
    panels[2].legend(loc="upper right")
    figure.suptitle(title)
    figure.savefig(path, dpi=80, format="png")
