"""Training examples: excerpts of voices in rooms, through microphones, under music, as spectra and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from dsp.units import MAX_F0, MIN_F0
from models.errors import TrainingError
from models.melody.features import windows
from models.melody.grid import BINS, MIN_POWER, MIN_SHARE_DB
from models.training.melody.takes import FRAME, FULL_SCALE, RATE, Take

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Random = np.random.Generator

DELAY = round(0.001 * RATE)
"""Delay of `dsp.decimator` at this rate, samples, by which the look-ahead is shorter."""


HEARD_DB = (-30.0, 25.0)
"""The loudest heard before an example, re its own loudest."""
MIN_RMS = 1e-3
"""Level of the singing re the peak of the recording, below which an excerpt counts as silent."""
PAUSE = 0.1
"""Music this far below its own level is a pause, and another stretch is drawn."""


@dataclass(frozen=True)
class Mixture:
    """How voices are mixed with other sounds."""

    moved: float = 0.5
    """Share of the voices played at another speed."""
    voice_semitones: tuple[float, float] = (-7.0, 9.0)
    """Semitones by which they rise, formants included, for pitches and vocal tracts that nobody recorded."""
    music_semitones: tuple[float, float] = (-4.0, 4.0)
    """Semitones by which all music rises."""
    accompanied: float = 0.7
    """Share of the examples with music."""
    doubled: float = 0.25
    """Share of the accompaniments that are two pieces at once."""
    snr_db: tuple[float, float] = (-6.0, 14.0)
    """Level of the voice over the music, over the frames in which it sings."""
    alone: float = 0.1
    """Share of the examples in which the voice is silent."""
    level_db: tuple[float, float] = (-40.0, -6.0)
    """RMS of the mixture re full scale."""
    response_db: float = 5.0
    """Standard deviation of the microphone's response at each of its corners."""
    rooms: float = 0.4
    """Share of the examples in a room."""
    decay_seconds: tuple[float, float] = (0.1, 1.2)
    """Reverberation time to -60 dB, seconds."""
    wet_db: tuple[float, float] = (-24.0, -6.0)
    """Level of the room re the voice."""
    hiss_db: tuple[float, float] = (-75.0, -10.0)
    """Level of microphone and room noise re the voice; like whispers, noise does not count as music."""


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
    share: Tensor
    """(batch, frames) level of all but the music re the mixture, dB, `network.MIN_SHARE_DB` to 0."""


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
        self._audio = np.concatenate([np.rint(FULL_SCALE * take.audio).astype(np.int16) for take in takes])
        self._f0 = np.concatenate([take.f0 for take in takes])
        self._voicing = np.concatenate([take.voicing for take in takes])
        longest = 2 * (frames + 12)
        self._music = [piece for piece in music if piece.size > longest * FRAME]
        if self._f0.size <= longest or not self._music:
            raise TrainingError(
                f"voices and music must each last {longest / 100.0:.0f} s; give longer recordings"
            )
        self._chance = np.array([float(piece.size) for piece in self._music])
        self._chance /= self._chance.sum()
        self._frames, self._batch, self._how = frames, batch, how or Mixture()
        shapes, after = windows(FRAME, DELAY)
        self._windows = torch.from_numpy(shapes)
        self._samples = (frames - 1) * FRAME + shapes.shape[1]
        self._reach = (frames - 1) * FRAME + after

    def __call__(self, seed: Sequence[int]) -> Batch:
        """Return the batch of a seed."""
        rng = np.random.default_rng(seed)
        voices, mixtures, f0, voicing = zip(*(self._example(rng) for _ in range(self._batch)), strict=True)
        voice, mixture = (torch.from_numpy(np.stack(part)) for part in (voices, mixtures))
        power = self._power(mixture, self._windows)
        level = _level(power[:, :, 1])
        share = _level(self._power(voice, self._windows[1:])[:, :, 0]) - level
        loudest = level.amax(1)
        heard = torch.from_numpy(rng.uniform(*HEARD_DB, self._batch).astype(np.float32))
        hertz, gate = (torch.from_numpy(np.stack(part)) for part in (f0, voicing))
        return Batch(power, loudest + heard, hertz, gate, share.clamp(MIN_SHARE_DB, 0.0))

    def _power(self, audio: Tensor, shapes: Tensor) -> Tensor:
        """Return the spectra of excerpts, (batch, frames, windows, bins), as `MelodySpectra` has them."""
        size = shapes.shape[1]
        pieces = audio.unfold(1, size, FRAME)[:, : self._frames, None] * shapes
        spectrum = torch.fft.rfft(pieces)[..., :BINS]
        power: Tensor = spectrum.real.square() + spectrum.imag.square()
        return power

    def _example(self, rng: Random) -> tuple[Float32, Float32, Float32, Float32]:
        """Return all but the music, and the mixture, with what the windows reach beyond; and the labels."""
        how = self._how
        voice, f0, voicing = self._voice(rng)
        wet = self._room(voice, rng) if rng.random() < how.rooms else voice
        wet = _filtered(wet, self._response(rng))
        wet = wet + _gain(rng, how.hiss_db) * _filtered(rng.standard_normal(wet.size), self._response(rng))
        mixture = wet
        if rng.random() < how.accompanied or not voice.any():
            music = _filtered(self._accompaniment(rng), self._response(rng))
            mixture = mixture + music / (_gain(rng, how.snr_db) * _rms(music))
        gain = _gain(rng, how.level_db) / _rms(mixture)
        return (gain * wet).astype(np.float32), (gain * mixture).astype(np.float32), f0, voicing

    def _voice(self, rng: Random) -> tuple[Float64, Float32, Float32]:
        """Draw a voice of RMS 1 where it sings, at its own speed or another, and the labels of its frames."""
        speed = self._how.voice_semitones if rng.random() < self._how.moved else (0.0, 0.0)
        taken = _taken(self._samples, speed, rng)
        start = int(rng.integers(self._audio.size - taken))
        voice = _played(self._audio[start : start + taken] / FULL_SCALE, self._samples)
        ratio, lead = taken / self._samples, self._samples - self._reach
        at = (start + (lead + FRAME * np.arange(self._frames)) * ratio) / FRAME
        f0, voicing = (_between(part, at) for part in (self._f0, self._voicing))
        f0 *= np.float32(ratio)
        beyond = (f0 < MIN_F0) | (f0 > MAX_F0)
        f0[beyond] = voicing[beyond] = np.nan
        sung = voice[lead : lead + self._frames * FRAME][np.repeat(np.nan_to_num(voicing) > VOICED, FRAME)]
        if rng.random() < self._how.alone or not sung.size or _rms(sung) < MIN_RMS:
            return np.zeros(self._samples), np.full_like(f0, np.nan), np.zeros_like(voicing)
        return voice / _rms(sung), f0, voicing

    def _accompaniment(self, rng: Random) -> Float64:
        music = self._excerpt(rng)
        if rng.random() < self._how.doubled:
            music = music + rng.uniform(0.3, 1.0) * self._excerpt(rng)
        return music

    def _excerpt(self, rng: Random) -> Float64:
        """Draw a stretch without a pause, at another speed, of RMS 1."""
        taken = _taken(self._samples, self._how.music_semitones, rng)
        while True:
            piece = self._music[int(rng.choice(len(self._music), p=self._chance))]
            start = int(rng.integers(piece.size - taken))
            found = piece[start : start + taken].astype(np.float64)
            if _rms(found) > PAUSE * _rms(piece):
                return _played(found / _rms(found), self._samples)

    def _response(self, rng: Random) -> Float64:
        """Frequency response of a microphone: lines in dB between corners just over an octave apart."""
        corners = np.linspace(np.log2(50.0), np.log2(RATE / 2.0), 8)
        levels = rng.normal(0.0, self._how.response_db, corners.size)
        hertz = np.fft.rfftfreq(self._samples, 1.0 / RATE)
        return np.asarray(10.0 ** (np.interp(np.log2(np.maximum(hertz, 20.0)), corners, levels) / 20.0))

    def _room(self, voice: Float64, rng: Random) -> Float64:
        seconds = np.exp(rng.uniform(*np.log(self._how.decay_seconds)))
        n = np.arange(min(voice.size, round(seconds * RATE)))
        tail = rng.standard_normal(n.size) * 10.0 ** (-3.0 * n / (seconds * RATE))
        tail *= _gain(rng, self._how.wet_db) / np.sqrt(np.sum(np.square(tail)))
        tail[0] += 1.0
        size = 2 * voice.size
        return np.fft.irfft(np.fft.rfft(voice, size) * np.fft.rfft(tail, size), size)[: voice.size]


def _level(power: Tensor) -> Tensor:
    """Return the sum over bins in dB."""
    return 10.0 * torch.log10(power.sum(-1) + MIN_POWER)


def _gain(rng: Random, decibels: tuple[float, float]) -> float:
    return float(10.0 ** (rng.uniform(*decibels) / 20.0))


def _rms(x: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(x)))) + 1e-9


def _taken(samples: int, semitones: tuple[float, float], rng: Random) -> int:
    """Draw how many samples to play in the time of `samples`."""
    ratio = float(2.0 ** (rng.uniform(*semitones) / 12.0))
    return FRAME * round(samples * ratio / FRAME)


def _played(x: Float64, samples: int) -> Float64:
    """Play audio faster or slower, so that it lasts this many samples."""
    return x if x.size == samples else np.fft.irfft(np.fft.rfft(x), samples) * (samples / x.size)


def _between(labels: Float32, at: Float64) -> Float32:
    """Interpolate labels between frames; next to one that is NaN there is none."""
    below = at.astype(np.intp)
    return np.asarray(labels[below] + (labels[below + 1] - labels[below]) * (at - below), np.float32)


def _filtered(x: Float64, gains: Float64) -> Float64:
    return np.fft.irfft(np.fft.rfft(x) * gains, x.size)
