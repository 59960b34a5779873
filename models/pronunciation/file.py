"""The pronunciation at run time: load its ONNX file, refuse what is not one, and sing phones with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.units import HOPS_PER_SECOND
from models.errors import ModelFileError
from models.filekind import FileKind
from models.pronunciation.features import features, width
from models.pronunciation.manifest import FORMAT, METADATA_KEY, PronunciationManifest
from models.pronunciation.phones import PAUSE, Sound, SungPhone, bursts, check, sounds

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SHIPPED = Path(__file__).parent / "shipped" / "pronunciation.onnx"
WINDOW = 512
"""Frames that the network reads at once, ..."""
REACH = 48
"""... of which it needs so many on either side of those that it speaks of."""
CONTROLS = HARMONIC_GRID.size + NOISE_GRID.size + 2
"""Numbers that it gives of a frame: both filters in nepers, level in dB / 10 and voicing."""
MAX_LOG_MAGNITUDE = 12.0
"""Nepers, 104 dB; a voice has -16 to 6."""
LOWEST_DB, HIGHEST_DB = -70.0, 20.0
"""Of the level; the lowest is silence."""
RELEASE_FRAMES, ATTACK_FRAMES = 15, 5
"""Of a pause may sound: the end of what was before, and the start of what comes."""
HUSH_DB = 7.0
"""By so much a frame the rest is softer; recordings have a room, which is not to be sung."""
RANGE = 2.0
"""So far from the median of its pitch, as a ratio, a voice is asked at most: it has sung little beyond."""
_STEP = WINDOW - 2 * REACH
_KIND = FileKind(
    "pronunciation",
    "one made by 'python -m models.training.pronunciation'",
    "install or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    PronunciationManifest,
    ModelFileError,
)


class Pronounced(NamedTuple):
    """Control frames for `dsp.synth.SawSing`; frame k is at k * 10 ms."""

    harmonic: Float32
    """Natural-log magnitudes on `HARMONIC_GRID`, shape (frames, 142), float32."""
    noise: Float32
    """Natural-log magnitudes on `NOISE_GRID`, shape (frames, 72), float32."""
    voicing: Float32
    """0 (noise only) to 1, shape (frames,), float32."""
    level: Float32
    """dB by which a frame is louder than its note, `LOWEST_DB` to `HIGHEST_DB`: about 0 in vowels, below in
    consonants, the lowest in pauses. Shape (frames,), float32."""
    bursts: Float64
    """Seconds at which plosives burst, in order: there everything steps from the frame before to the one
    after, instead of gliding."""


class Pronunciation:
    """One loaded pronunciation, which may be shared by threads.

    Args:
        path: its file.

    Raises:
        ModelFileError: the file is not a pronunciation this version can use.
    """

    def __init__(self, path: Path = SHIPPED) -> None:
        self._path = path
        self._session = _KIND.load(path)
        self.manifest = _KIND.read(self._session, path)
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        if {end.name: end.shape for end in ends} != {
            "frames": [WINDOW, width(len(self.manifest.voices))],
            "controls": [WINDOW, CONTROLS],
        }:
            raise ModelFileError(
                f"{path} does not have a pronunciation's input and output; install or copy it again"
            )
        _KIND.try_out(self._session, path)

    def voice_near(self, hertz: float) -> str:
        """Return which of `manifest.voices` sings nearest to a pitch in hertz, > 0."""
        return min(self.manifest.voices, key=lambda name: abs(np.log(self.manifest.voices[name] / hertz)))

    def process(self, phones: Sequence[SungPhone], f0: Float64, voice: str = "") -> Pronounced:
        """Return the control frames of a song; memory and time grow with its length only by what is returned.

        Args:
            phones: in order; between them, before and after them there are pauses.
            f0: hertz per frame of 10 ms, shape (frames,), 0 where nothing is sung. Phones may go on after it.
            voice: one of `manifest.voices`, whose way of speaking is taken; the nearest to the median of f0
                for "".

        Raises:
            ValueError: a phone is unknown, has no length or overlaps another; the voice is unknown; f0 is not
                a row of finite numbers from 0 on.
            ModelFileError: the network gives what are no numbers.
        """
        check(phones)
        f0 = np.asarray(f0, np.float64)
        if f0.ndim != 1 or not f0.size or not (np.isfinite(f0) & (f0 >= 0.0)).all():
            raise ValueError(
                f"f0 of shape {f0.shape} is no line of hertz; give one number from 0 on per 10 ms"
            )
        name = self._voice(voice, f0)
        weights = np.array([one == name for one in self.manifest.voices], np.float32)
        every = sounds(phones, self.manifest.releases, f0.size / HOPS_PER_SECOND)
        found = np.empty((f0.size, CONTROLS), np.float32)
        middle = self.manifest.voices[name]
        given = np.clip(_padded(f0), middle / RANGE, middle * RANGE)
        for start in range(0, f0.size, _STEP):
            part = features(_moved(every, start - REACH), given[start : start + WINDOW], weights)
            (rows,) = self._session.run(["controls"], {"frames": part})
            stop = min(start + _STEP, f0.size)
            found[start:stop] = rows[REACH : REACH + stop - start]
        if not np.isfinite(found).all():
            raise ModelFileError(f"{self._path} gives what are no numbers; install or copy it again")
        return _told(found, every)

    def _voice(self, voice: str, f0: Float64) -> str:
        voices = list(self.manifest.voices)
        if voice and voice not in voices:
            raise ValueError(f"voice {voice[:40]!r} is unknown; use one of {', '.join(voices)}")
        sung = f0[f0 > 0.0]
        return voice or (self.voice_near(float(np.median(sung))) if sung.size else voices[0])


def _padded(f0: Float64) -> Float64:
    """Return a pitch for every frame, with those that the windows at both ends reach for."""
    filled = f0
    sung = np.flatnonzero(f0 > 0.0)
    if sung.size:
        filled = np.exp(np.interp(np.arange(f0.size), sung, np.log(f0[sung])))
    return np.pad(filled, (REACH, WINDOW), mode="edge")


def _moved(every: Sequence[Sound], frames: int) -> list[Sound]:
    """Return the sounds that a window hears, and two on either side, counted from its first frame."""
    start, stop = frames / HOPS_PER_SECOND, (frames + WINDOW) / HOPS_PER_SECOND
    near = [i for i, sound in enumerate(every) if sound.stop > start and sound.start < stop]
    first, last = (near[0], near[-1]) if near else (len(every) - 1, len(every) - 1)
    cut = every[max(0, first - 2) : last + 3]
    return [sound._replace(start=sound.start - start, stop=sound.stop - start) for sound in cut]


def _told(found: Float32, every: Sequence[Sound]) -> Pronounced:
    ends = np.cumsum([HARMONIC_GRID.size, NOISE_GRID.size, 1])
    harmonic, noise, level, voicing = np.split(found, ends, axis=1)
    for part in (harmonic, noise):
        np.clip(part, -MAX_LOG_MAGNITUDE, MAX_LOG_MAGNITUDE, out=part)
    levels = np.clip(level[:, 0] * 10.0 - _hush(every, len(found)), LOWEST_DB, HIGHEST_DB)
    return Pronounced(harmonic, noise, np.clip(voicing[:, 0], 0.0, 1.0), levels, np.array(bursts(every)))


def _hush(every: Sequence[Sound], frames: int) -> Float32:
    """Return by how much pauses are to be softer, dB, shape (frames,)."""
    found = np.zeros(frames, np.float32)
    for sound in every:
        if sound.base == PAUSE:
            first, stop = (round(at * HOPS_PER_SECOND) for at in (sound.start, sound.stop))
            places = np.arange(max(0, first), min(stop, frames))
            since = places - first - RELEASE_FRAMES if first > 0 else np.inf
            until = stop - places - ATTACK_FRAMES if stop < frames else np.inf
            found[places] = HUSH_DB * np.maximum(np.minimum(since, until), 0.0)
    return found


@lru_cache(maxsize=1)
def shipped() -> Pronunciation:
    """Return the pronunciation that comes with the package, loaded once."""
    return Pronunciation(SHIPPED)
