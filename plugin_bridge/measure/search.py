"""What recordings, singers and presets sound like, as vectors whose cosine is the larger the more alike."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.embedding.file import embedding
from models.singer.file import load_singer, shipped
from plugin_bridge.chain.chain import Chain
from plugin_bridge.chain.preset import load_preset, shipped_presets
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.errors import AudioFileError, SingerFileError
from plugin_bridge.measure.clips import read_clip

Float32 = NDArray[np.float32]

SINGER, PRESET = ".onnx", ".toml"
"""Suffixes of their files."""
RATE = 16000
"""Hertz of the phrase: the embedding hears no higher, and it is the cheapest native rate."""
NOTES = (57, 60, 64, 62, 59, 55, 62, 67, 65, 60)
"""Of the phrase; a singer moves them by octaves into its range."""
VOWELS = (
    (800.0, 1200.0, 2600.0),
    (300.0, 2300.0, 3000.0),
    (350.0, 1200.0, 2300.0),
    (480.0, 1950.0, 2600.0),
    (500.0, 900.0, 2500.0),
)
"""Formants of a, i, u, e and o, hertz."""
_HIGHER = (3500.0, 4500.0)  # of every vowel
_SECONDS = 0.6  # of a vowel


class Found(NamedTuple):
    """A recording, a singer or a preset, and what it sounds like."""

    kind: Literal["recording", "singer", "preset"]
    name: str
    """Of a recording as it was given; of the others the id, or of a preset's file its path."""
    title: str
    vector: Float32
    """Shape (D,), length 1."""


def expanded(names: Iterable[str]) -> list[str]:
    """Return names, and in place of each folder the singer files and presets in it, sorted.

    Raises:
        SingerFileError: a folder holds none.
    """
    every: list[str] = []
    for name in names:
        if not Path(name).is_dir():
            every.append(name)
            continue
        inside = [str(path) for path in sorted(Path(name).iterdir()) if path.suffix in (SINGER, PRESET)]
        if not inside:
            raise SingerFileError(f"the folder {name} holds no singer files or presets; give another")
        every += inside
    return every


def found(name: str) -> Found:
    """Return what is of a name: a singer or a preset by id or file, else a recording.

    A singer's vector is that of what it sings, and a preset's with its effects: it is computed and not
    stored, so that it is true of every file, old ones and those of other programs, and never of another
    embedding than the one it is compared by.

    Raises:
        AudioFileError: a recording cannot be used, or what is heard is silent.
        EffectError: an effect of a preset is missing, or refuses its parameters or its state.
        PresetError: a file is no preset.
        SingerFileError: a file is no singer.
    """
    try:
        return _found(name)
    except ValueError as error:
        raise AudioFileError(f"{name}: {error}") from error


def _found(name: str) -> Found:
    suffix = Path(name).suffix
    if name in shipped() or suffix == SINGER:
        singer = load_singer(name)
        return Found("singer", singer.id, singer.manifest.name, _sung(SingerConversion(singer)))
    if name in shipped_presets() or suffix == PRESET:
        preset = load_preset(name)
        return Found("preset", name, preset.name, _sung(preset.chain()))
    clip = read_clip([Path(name)])
    return Found("recording", name, clip.name, embedding(clip.audio, clip.sample_rate))


def _sung(what: SingerConversion | Chain) -> Float32:
    return embedding(np.asarray(what(phrase(), RATE), np.float32), RATE)


@cache
def phrase() -> Float32:
    """Return five vowels on ten notes, by a made voice: shape (samples,), float32 at `RATE`."""
    n = round(_SECONDS * RATE)
    t = np.arange(n) / RATE
    fade = np.minimum(1.0, np.minimum(t, _SECONDS - t) / 0.03)
    parts = []
    for at in range(len(NOTES)):
        note = NOTES[at] + 0.3 * np.sin(2.0 * np.pi * 5.5 * t)
        hertz = 440.0 * 2.0 ** ((note - 69.0) / 12.0)
        cycles = np.cumsum(hertz) / RATE
        voice = np.zeros(n)
        for k in range(1, int(RATE / 2.0 / hertz.max())):
            gain = sum(
                1.0 / (1.0 + ((k * hertz - one) / 90.0) ** 2) for one in (*VOWELS[(at * 2) % 5], *_HIGHER)
            )
            voice += (gain + 0.005) / k**0.5 * np.sin(2.0 * np.pi * k * cycles)
        parts.append(0.2 * fade * voice / np.abs(voice).max())
    return np.concatenate(parts).astype(np.float32)
