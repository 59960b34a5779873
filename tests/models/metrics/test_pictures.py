"""A picture shows what it is given: a tone at its frequency and level, in a whole PNG of the stated size."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.metrics.pictures import (
    FLOOR_DB,
    HEIGHTS,
    LOW_HZ,
    ROWS,
    WIDTH,
    Sound,
    draw,
    log_spectrogram,
    note_name,
    write_picture,
)
from tests.support.extras import needs

RATE = 48000


def tone(
    hertz: float, amplitude: float = 0.5, seconds: float = 1.0, rate: int = RATE, start: float = 0.0
) -> Sound:
    """A tone that is unvoiced in its first half, as far as its track says."""
    frames = round(100 * seconds)
    audio = amplitude * np.sin(2.0 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    level = np.full(frames, 20.0 * np.log10(amplitude)) if amplitude else np.full(frames, FLOOR_DB)
    voicing = (np.arange(frames) >= frames // 2).astype(np.float64)
    return Sound("tone.wav", audio.astype(np.float32), rate, np.full(frames, hertz), voicing, level, start)


def png(path: Path) -> tuple[int, int]:
    """Return the width and the height of a PNG whose every chunk is whole, the last one included."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, pixels, kinds = 8, b"", []
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + content),)
        kinds.append(kind)
        pixels += content if kind == b"IDAT" else b""
        at += 12 + size
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    assert (kinds[0], kinds[-1], depth, color) == (b"IHDR", b"IEND", 8, 3)
    assert len(zlib.decompress(pixels)) == height * (width + 1)
    return width, height


@pytest.mark.parametrize(
    ("hertz", "name"),
    [
        (440.0, "A4"),
        (261.6256, "C4"),
        (50.0, "G1 +35 cents"),
        (445.0, "A4 +20 cents"),
        (246.0, "B3 -7 cents"),
    ],
)
def test_notes_have_their_names(hertz: float, name: str) -> None:
    assert note_name(hertz) == name


@pytest.mark.parametrize("hertz", [60.0, 110.0, 440.0, 3000.0, 12000.0])
@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_tone_is_brightest_at_its_frequency_and_level(hertz: float, rate: int) -> None:
    levels = log_spectrogram(tone(hertz, 0.25, rate=rate), 16000.0)
    middle = levels[:, levels.shape[1] // 2]
    row = (16000.0 / LOW_HZ) ** (1.0 / ROWS)
    found = LOW_HZ * row ** (int(np.argmax(middle)) + 0.5)
    bin_hz = rate / (4096 if rate < 96000 else 8192)
    assert abs(found - hertz) < max(0.5 * bin_hz, hertz * (row - 1.0))
    assert middle.max() == pytest.approx(20.0 * np.log10(0.25), abs=1.5)  # between bins a Hann window dips
    assert middle[np.abs(np.arange(ROWS) - np.argmax(middle)) > ROWS // 4].max() < -70.0


def test_nothing_is_shown_above_half_the_sample_rate() -> None:
    levels = log_spectrogram(tone(7000.0, rate=16000), 16000.0)
    above = np.geomspace(LOW_HZ, 16000.0, ROWS + 1)[:-1] > 8000.0
    assert (levels[above] == FLOOR_DB).all()
    assert levels[~above].max() > -9.0


def test_what_is_drawn_is_what_was_given() -> None:
    needs("matplotlib")
    from matplotlib.figure import Figure

    figure: Any = Figure()
    draw([tone(440.0, start=3.0), tone(220.0, 0.125, seconds=2.0, rate=16000, start=3.0)], figure)
    above, level, below, _, *behind = figure.axes
    for panel, hertz, frames in ((above, 440.0, 100), (below, 220.0, 200)):
        (line,) = panel.lines
        times, octaves = line.get_data()
        assert times == pytest.approx(3.0 + 0.01 * np.arange(frames))
        assert np.isnan(octaves[: frames // 2]).all()
        assert octaves[frames // 2 :] == pytest.approx(np.log2(hertz))
        assert panel.get_xlim() == (3.0, 5.0)
        assert panel.get_ylim() == pytest.approx((np.log2(50.0), np.log2(16000.0)))
        (image,) = panel.images
        assert image.get_clim() == above.images[0].get_clim()
        seen = np.asarray(image.get_array())
        rows = np.linspace(np.log2(50.0), np.log2(16000.0), ROWS)
        assert rows[np.argmax(seen[:, seen.shape[1] // 2])] == pytest.approx(np.log2(hertz), abs=0.03)
    assert above.images[0].get_clim()[1] == pytest.approx(-6.0, abs=1.5)
    assert level.lines[0].get_ydata() == pytest.approx(-6.02, abs=0.01)
    assert above.get_title(loc="left").startswith(
        "tone.wav, 1.00 s, peak -6.0 dBFS, voiced 50 %, 440 to 440 Hz"
    )
    voicing = behind[0].collections[0].get_paths()[0].vertices
    assert voicing[:, 1].max() == 1.0
    assert voicing[voicing[:, 1] == 1.0, 0].min() == pytest.approx(3.5)
    ticks = dict(zip((text.get_text() for text in above.get_yticklabels()), above.get_yticks(), strict=True))
    assert ticks["1 kHz"] == pytest.approx(np.log2(1000.0))


@pytest.mark.parametrize("count", [1, 2])
def test_a_picture_is_a_whole_png_of_the_stated_size(tmp_path: Path, count: int) -> None:
    needs("matplotlib")
    sounds = [tone(440.0), tone(100.0, 0.0, seconds=0.01, rate=16000)][:count]
    write_picture(tmp_path / "it.png", sounds)
    assert png(tmp_path / "it.png") == (WIDTH, HEIGHTS[count - 1])


def test_any_name_can_be_written_over_a_picture(tmp_path: Path) -> None:
    needs("matplotlib")
    sound = tone(440.0, seconds=0.1)
    named = Sound("歌 $a_b$.wav", sound.audio, RATE, sound.f0, sound.voicing, sound.level)
    write_picture(tmp_path / "it.png", [named])
    assert png(tmp_path / "it.png") == (WIDTH, HEIGHTS[0])
