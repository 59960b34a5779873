"""Training examples: excerpts of voices in rooms, before microphones, under music, as spectra and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.errors import TrainingError
from models.melody.features import windows
from models.melody.grid import BINS
from models.melody.network import LEAST_POWER
from models.melody.takes import FRAME, RATE, Take

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator

DELAY = round(0.001 * RATE)
"""Of `dsp.decimator` at this rate, samples: it shortens the look-ahead."""


@dataclass(frozen=True)
class Mixture:
    """How voices are put among other sounds."""

    accompanied: float = 0.6
    """Share of the examples with music."""
    snr_db: tuple[float, float] = (-3.0, 20.0)
    """Level of the voice over the music, over the frames in which it sings."""
    alone: float = 0.04
    """Share of the examples in which the voice is silent."""
    level_db: tuple[float, float] = (-40.0, -6.0)
    """RMS of the mixture re full scale."""
    colour_db: float = 5.0
    """Standard deviation of the microphone's colour at each of its corners."""
    rooms: float = 0.4
    """Share of the examples in a room."""
    decay_seconds: tuple[float, float] = (0.1, 1.2)
    """For 60 dB."""
    wet_db: tuple[float, float] = (-24.0, -6.0)
    """Level of the room re the voice."""
    hiss_db: tuple[float, float] = (-75.0, -30.0)
    """Level of the noise of microphone and room re the voice."""


class Batch(NamedTuple):
    """Examples of equal length."""

    power: Tensor
    """(batch, frames, 2, 401)."""
    level: Tensor
    """The loudest heard before, dB, (batch,)."""
    f0: Tensor
    """(batch, frames) hertz; not a number where unknown or unvoiced."""
    voicing: Tensor
    """(batch, frames) 0..1; not a number where unknown."""
    energy: Tensor
    """(batch, frames) level of the voice as it arrives, dB."""


class ExampleMaker:
    """Draw batches.

    Args:
        takes: voices.
        music: accompaniments at `takes.RATE`, any level.
        frames: length of an example.
        batch: examples of a batch.
        how: the ranges of everything.

    Raises:
        TrainingError: the voices, or a piece of music, are shorter than an example.
    """

    def __init__(
        self,
        takes: Sequence[Take],
        music: Sequence[Float32],
        frames: int,
        batch: int,
        how: Mixture | None = None,
    ) -> None:
        self._audio = np.concatenate([np.rint(32767.0 * take.audio).astype(np.int16) for take in takes])
        self._f0 = np.concatenate([take.f0 for take in takes])
        self._voicing = np.concatenate([take.voicing for take in takes])
        self._music = [piece for piece in music if piece.size > (frames + 12) * FRAME]
        if self._f0.size <= frames + 12 or not self._music:
            raise TrainingError(
                f"voices and music must each last {frames / 100.0:.0f} s; give longer recordings"
            )
        self._chance = np.array([float(piece.size) for piece in self._music])
        self._chance /= self._chance.sum()
        self._frames, self._batch, self._how = frames, batch, how or Mixture()
        shapes, self._after = windows(FRAME, DELAY)
        self._windows = torch.from_numpy(shapes)

    def __call__(self, seed: Sequence[int]) -> Batch:
        """Return the batch that a seed names."""
        rng = np.random.default_rng(seed)
        voices, mixtures, f0, voicing = zip(*(self._example(rng) for _ in range(self._batch)), strict=True)
        voice, mixture = (torch.from_numpy(np.stack(part)) for part in (voices, mixtures))
        power = self._power(mixture, self._windows)
        energy = 10.0 * torch.log10(self._power(voice, self._windows[1:])[:, :, 0].sum(-1) + LEAST_POWER)
        loudest = 10.0 * torch.log10(power[:, :, 1].sum(-1).amax(1) + LEAST_POWER)
        heard = torch.from_numpy(rng.uniform(-30.0, 10.0, self._batch).astype(np.float32))
        labels = (torch.from_numpy(np.stack(part)) for part in (f0, voicing))
        return Batch(power, loudest + heard, *labels, energy)

    def _power(self, audio: Tensor, shapes: Tensor) -> Tensor:
        """Return the spectra of excerpts, (batch, frames, windows, bins), as `MelodySpectra` has them."""
        size = shapes.shape[1]
        pieces = audio.unfold(1, size, FRAME)[:, : self._frames, None] * shapes
        spectrum = torch.fft.rfft(pieces)[..., :BINS]
        return spectrum.real.square() + spectrum.imag.square()

    def _example(self, rng: Random) -> tuple[Float32, Float32, Float32, Float32]:
        """Return voice and mixture, with what the windows reach beyond the frames, and the labels."""
        how, frames = self._how, self._frames
        size = self._windows.shape[1]
        samples = (frames - 1) * FRAME + size
        lead = size - self._after
        first = int(rng.integers(10, self._f0.size - frames - 2))
        start = first * FRAME - lead
        voice = self._audio[start : start + samples] / 32767.0
        f0, voicing = (part[first : first + frames].copy() for part in (self._f0, self._voicing))
        sung = np.repeat(np.nan_to_num(voicing) > 0.5, FRAME)
        level = (
            np.sqrt(np.mean(np.square(voice[lead : lead + sung.size][sung[: samples - lead]])))
            if sung.any()
            else 0.0
        )
        if rng.random() < how.alone or level < 1e-4:
            voice, level = np.zeros(samples), 0.0
            f0[:], voicing[:] = np.nan, 0.0
        voice = voice / level if level else voice
        wet = self._room(voice, rng) if rng.random() < how.rooms else voice
        wet = _filtered(wet, self._colour(samples, rng))
        mixture = wet + 10.0 ** (rng.uniform(*how.hiss_db) / 20.0) * rng.standard_normal(samples)
        if rng.random() < how.accompanied or not level:
            music = _filtered(self._excerpt(samples, rng), self._colour(samples, rng))
            music *= 10.0 ** (-rng.uniform(*how.snr_db) / 20.0) / (np.sqrt(np.mean(np.square(music))) + 1e-6)
            mixture = mixture + music
        gain = 10.0 ** (rng.uniform(*how.level_db) / 20.0) / (np.sqrt(np.mean(np.square(mixture))) + 1e-6)
        return (gain * wet).astype(np.float32), (gain * mixture).astype(np.float32), f0, voicing

    def _excerpt(self, samples: int, rng: Random) -> Float64:
        while True:
            piece = self._music[int(rng.choice(len(self._music), p=self._chance))]
            start = int(rng.integers(piece.size - samples))
            found = piece[start : start + samples].astype(np.float64)
            if np.square(found).mean() > 0.01 * np.square(piece).mean():
                return found

    def _colour(self, samples: int, rng: Random) -> Float64:
        """Gains of a microphone: straight lines in dB between corners an octave and a bit apart."""
        corners = np.linspace(np.log2(50.0), np.log2(RATE / 2.0), 8)
        levels = rng.normal(0.0, self._how.colour_db, corners.size)
        hertz = np.fft.rfftfreq(samples, 1.0 / RATE)
        return np.asarray(10.0 ** (np.interp(np.log2(np.maximum(hertz, 20.0)), corners, levels) / 20.0))

    def _room(self, voice: Float64, rng: Random) -> Float64:
        seconds = np.exp(rng.uniform(*np.log(self._how.decay_seconds)))
        n = np.arange(min(voice.size, round(seconds * RATE)))
        tail = rng.standard_normal(n.size) * 10.0 ** (-3.0 * n / (seconds * RATE))
        tail *= 10.0 ** (rng.uniform(*self._how.wet_db) / 20.0) / np.sqrt(np.sum(np.square(tail)))
        tail[0] += 1.0
        size = 2 * voice.size
        return np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(tail, size), size)[: voice.size]


def _filtered(x: Float64, gains: Float64) -> Float64:
    return np.fft.irfft(np.fft.rfft(x) * gains, x.size)
