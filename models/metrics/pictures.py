"""Draw sounds one above the other on the same axes: spectrogram with the pitch on it, level and voicing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.units import HOPS_PER_SECOND, hz_to_semitones, semitones_to_hz
from models.metrics.extras import pictures_extra
from models.metrics.plots import TOP_HZ, spectrogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

WIDTH = 1600
"""Pixels of a picture."""
HEIGHTS = (760, 1400)
"""Pixels of a picture of one sound, and of two."""
LOW_HZ = 50.0
FLOOR_DB = -180.0
ROWS, MAX_COLUMNS = 400, 720
"""Of a spectrogram: about as many as its panel is high, and half as many as it is wide, in pixels."""
_COLUMNS_PER_SECOND = 200
_WINDOW_SECONDS = 0.085  # resolves the harmonics of a bass at 50 Hz, and blurs a consonant by 40 ms
_RANGE_DB = 70.0
_SHADES = 24  # 3 dB each: noise of more shades would take three times the bytes and show no more
_COLORS = 256
_DPI = 100
_WINDOW_DPI = 60  # two sounds in 960 x 840 pixels, which fit a small screen
_LEVELS_DB = (-60.0, -40.0, -20.0, 0.0)
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_BACK, _FRONT, _DIM, _PITCH, _LEVEL, _VOICING = (
    "#14171c",
    "#d6dae0",
    "#3a414b",
    "#6ff0e0",
    "#e8b45a",
    "#58b3aa",
)
_TEXT, _TITLE = 13, 14


@dataclass(frozen=True)
class Sound:
    """What is drawn of a recording; frame k is centred at k * 10 ms."""

    name: str
    audio: Float32
    """Mono, shape (samples,), not empty."""
    sample_rate: int
    """Hertz."""
    f0: Float64
    """Hertz, positive, shape (frames,)."""
    voicing: Float64
    """0 (unvoiced) to 1 (voiced), shape (frames,)."""
    level: Float64
    """Peak, dBFS, at least `FLOOR_DB`, shape (frames,)."""
    start: float = 0.0
    """Seconds from the beginning of the file to the first sample."""

    @property
    def stop(self) -> float:
        """Seconds from the beginning of the file to the end of the last sample."""
        return self.start + self.audio.size / self.sample_rate

    @property
    def times(self) -> Float64:
        """Seconds from the beginning of the file to each frame, shape (frames,)."""
        return self.start + np.arange(self.f0.size) / HOPS_PER_SECOND

    @property
    def pitch(self) -> Float64:
        """Hertz, NaN where unvoiced, shape (frames,)."""
        return np.where(self.voicing > VOICED, self.f0, np.nan)

    @property
    def facts(self) -> str:
        """Its name, length, peak and pitch, as a line for a person."""
        peak = float(self.level.max())
        loudness = f"peak {peak:.1f} dBFS" if peak > FLOOR_DB else "silent"
        parts = [self.name, f"{self.stop - self.start:.2f} s", loudness]
        found = self.f0[self.voicing > VOICED]
        if not found.size:
            return ", ".join([*parts, "no pitch"])
        low, middle, high = np.percentile(found, (5, 50, 95))
        parts.append(f"voiced {100.0 * found.size / self.f0.size:.0f} %")
        return ", ".join(
            [*parts, f"{low:.0f} to {high:.0f} Hz, median {middle:.0f} Hz ({note_name(middle)})"]
        )


def note_name(hertz: float) -> str:
    """Return the nearest note, A4 for 440 Hz, and the cents beyond it where there are any."""
    exact = hz_to_semitones(hertz)
    note = round(exact)
    cents = round(100.0 * (exact - note))
    return f"{_NOTES[note % 12]}{note // 12 - 1}" + (f" {cents:+d} cents" if cents else "")


def log_spectrogram(sound: Sound, top_hz: float) -> Float64:
    """Return levels in dB re a full-scale sine, in steps of equal ratio from `LOW_HZ` to `top_hz`.

    A row holds its loudest bin or, where bins lie farther apart than rows, what is between them; above half
    the sample rate it holds `FLOOR_DB`.

    Args:
        sound: analysed with Hann windows of about 85 ms.
        top_hz: above `LOW_HZ`, up to 16000.

    Returns:
        Shape (`ROWS`, columns): at most `MAX_COLUMNS`, each at least 5 ms after the one before.
    """
    fft = int(2 ** round(math.log2(_WINDOW_SECONDS * sound.sample_rate)))
    columns = max(2, min(MAX_COLUMNS, round(_COLUMNS_PER_SECOND * (sound.stop - sound.start))))
    levels = spectrogram(sound.audio, sound.sample_rate, columns, fft)
    edges = np.geomspace(LOW_HZ, top_hz, ROWS + 1) * fft / sound.sample_rate
    centres = np.sqrt(edges[:-1] * edges[1:])
    known = centres < levels.shape[0] - 1
    below = centres[known].astype(np.intp)
    share = (centres[known] - below)[:, None]
    rows = np.full((ROWS, columns), FLOOR_DB)
    rows[known] = (1.0 - share) * levels[below] + share * levels[below + 1]
    bins = np.ceil(edges).astype(np.intp)
    for row in np.flatnonzero(known & (np.diff(bins) > 0)):
        rows[row] = levels[bins[row] : bins[row + 1]].max(axis=0)
    return rows


def draw(sounds: Sequence[Sound], figure: Figure) -> None:
    """Draw one or two sounds, which share axes and colours, so that what looks louder is louder.

    Args:
        sounds: from above to below.
        figure: an empty one, of `size(len(sounds))`.
    """
    figure.set_facecolor(_BACK)
    figure.set_layout_engine("constrained")
    rows = 2 * len(sounds)
    panels = figure.subplots(rows, 1, sharex=True, height_ratios=[4.4, 1.0] * len(sounds))
    top_hz = min(TOP_HZ, max(sound.sample_rate for sound in sounds) / 2.0)
    levels = [log_spectrogram(sound, top_hz) for sound in sounds]
    loudest = max(-60.0, *(float(each.max()) for each in levels))
    for number, (sound, each) in enumerate(zip(sounds, levels, strict=True)):
        _draw_spectrogram(panels[2 * number], sound, each, top_hz, loudest)
        _draw_level(panels[2 * number + 1], sound)
    bottom = panels[-1]
    bottom.set_xlim(min(sound.start for sound in sounds), max(sound.stop for sound in sounds))
    bottom.xaxis.get_major_locator().set_params(nbins=14, steps=[1, 2, 5, 10])
    bottom.set_xlabel("seconds", color=_FRONT, fontsize=_TEXT)


def size(sounds: int) -> tuple[float, float]:
    """Return what a figure of one or two sounds measures in inches, at 100 dots per inch."""
    return WIDTH / _DPI, HEIGHTS[sounds - 1] / _DPI


def write_picture(path: Path, sounds: Sequence[Sound]) -> None:
    """Write a PNG of `WIDTH` by `HEIGHTS` pixels.

    Args:
        path: of the file.
        sounds: as in `draw`.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    with pictures_extra():
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
        from PIL import Image  # noqa: PLC0415 - comes with matplotlib
    figure = Figure(figsize=size(len(sounds)), dpi=_DPI)
    draw(sounds, figure)
    canvas: Any = FigureCanvasAgg(figure)
    with _any_letters():
        canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    image.quantize(_COLORS, dither=Image.Dither.NONE).save(path, format="png", optimize=True)


def show_picture(sounds: Sequence[Sound]) -> None:
    """Show a picture in a window, which zooms, until it is closed; see `can_show`.

    Args:
        sounds: as in `draw`.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with pictures_extra():
        from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra
    draw(sounds, plt.figure("plugin-bridge inspect", figsize=size(len(sounds)), dpi=_WINDOW_DPI))
    with _any_letters():
        plt.show()


def can_show() -> bool:
    """Return whether a window can be opened here, which takes a desktop, and Tk or Qt on Linux.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with pictures_extra():
        from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra
        from matplotlib.backends.registry import BackendFilter, backend_registry  # noqa: PLC0415
    registry: Any = backend_registry
    return plt.get_backend().lower() in registry.list_builtin(BackendFilter.INTERACTIVE)


@contextmanager
def _any_letters() -> Iterator[None]:
    """A file name may have letters that the font lacks; they become boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _draw_spectrogram(panel: Any, sound: Sound, levels: Float64, top_hz: float, loudest: float) -> None:  # noqa: ANN401 - of matplotlib, as below
    with pictures_extra():
        from matplotlib import colormaps  # noqa: PLC0415 - an extra
        from matplotlib.patheffects import withStroke  # noqa: PLC0415
    _color(panel)
    panel.set_title(sound.facts, color=_FRONT, fontsize=_TITLE, loc="left", parse_math=False)
    shades = colormaps["magma"].resampled(_SHADES)
    panel.set_facecolor(shades(0))
    low, high = math.log2(LOW_HZ), math.log2(top_hz)
    half = 0.5 * (sound.stop - sound.start) / (levels.shape[1] - 1)
    panel.imshow(
        levels,
        origin="lower",
        aspect="auto",
        extent=(sound.start - half, sound.stop + half, low, high),
        cmap=shades,
        vmin=loudest - _RANGE_DB,
        vmax=loudest,
        interpolation="nearest",
    )
    outline = withStroke(linewidth=4.0, foreground=_BACK)
    panel.plot(sound.times, np.log2(sound.pitch), color=_PITCH, linewidth=1.8, path_effects=[outline])
    panel.set_ylim(low, high)
    hertz = [each for each in _TICKS_HZ if each <= top_hz]
    names = [f"{each} Hz" if each < 1000 else f"{each // 1000} kHz" for each in hertz]
    panel.set_yticks(np.log2(hertz), names)
    octaves = {f"C{number}": math.log2(semitones_to_hz(12.0 * (number + 1))) for number in range(2, 10)}
    octaves = {name: place for name, place in octaves.items() if place <= high}
    notes = panel.secondary_yaxis("right")
    notes.set_yticks([*octaves.values()], [*octaves])
    _color(notes)


def _draw_level(panel: Any, sound: Sound) -> None:  # noqa: ANN401
    behind = panel.twinx()
    behind.fill_between(sound.times, sound.voicing, color=_VOICING, alpha=0.3, linewidth=0.0)
    behind.set_ylim(0.0, 1.05)
    behind.set_yticks([0.0, 1.0])
    behind.set_ylabel("voicing", color=_VOICING, fontsize=_TEXT)
    behind.set_facecolor(_BACK)
    _color(behind)
    _color(panel)
    panel.set_zorder(behind.get_zorder() + 1)
    panel.patch.set_visible(False)
    panel.plot(sound.times, np.maximum(sound.level, _LEVELS_DB[0]), color=_LEVEL, linewidth=1.4)
    panel.set_ylim(_LEVELS_DB[0], max(3.0, float(sound.level.max())))
    panel.set_yticks(_LEVELS_DB)
    panel.set_ylabel("peak, dBFS", color=_LEVEL, fontsize=_TEXT)
    panel.grid(visible=True, color=_DIM, linewidth=0.7)


def _color(panel: Any) -> None:  # noqa: ANN401
    panel.tick_params(colors=_FRONT, labelsize=_TEXT)
    for spine in panel.spines.values():
        spine.set_color(_DIM)
