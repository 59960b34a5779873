"""Training examples: excerpts of recordings, their excitations and what is sung in them, as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import onset_hold
from dsp.ltas import AUDIBLE_DB, MEMORY_FRAMES, LtasNormalizer, normalized, trust
from dsp.oscillator import Sawtooth
from dsp.spectrum import envelope, loudness_gain
from models.content.file import RunningEncoder
from models.errors import TrainingError
from models.training.corpus import AT_ONCE, HOP, TRAINING_RATE, Recording
from models.training.perturbation import EnvelopePerturbation, Perturbation, smoothing_width

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


LTAS_FRAMES = 64
"""Frames from which an example's LTAS is estimated."""
WARM_UP_FRAMES = 40
"""The encoder hears these before an example, as it has always heard something in an engine."""


class Batch(NamedTuple):
    """Examples of equal length."""

    content: Tensor
    """(batch, frames, C), what is sung (`models.content`)."""
    pitch: Tensor
    """(batch, frames, 3): f0 in hertz, voicing, loudness in dB."""
    f0: Tensor
    """(batch, frames * hop) hertz."""
    saw: Tensor
    """(batch, frames * hop): sawtooth times gate and gain."""
    gate: Tensor
    """(batch, frames * hop): voicing times gain, for sources other than the sawtooth."""
    gain: Tensor
    """(batch, frames * hop): loudness as linear gain."""
    target: Tensor
    """(batch, frames * hop): the recording."""

    def to(self, device: torch.device) -> Batch:
        """Return it on a device."""
        return Batch(*(part.to(device) for part in self))


@dataclass(frozen=True)
class PreparedRecording:
    """A recording, and what is computed of it once for all examples."""

    recording: Recording
    width: Float64
    """Smoothing width of the envelope, hertz, (frames,)."""
    saw: Float32
    """The sawtooth at the recording's own f0, (frames * hop,)."""
    audible: NDArray[np.intp]
    """Indices of the frames that are not silence."""


def prepare(recording: Recording) -> PreparedRecording:
    """Render the sawtooth of a recording as the engine would."""
    saw, f0 = Sawtooth(TRAINING_RATE), sample_f0(recording, 0, recording.frames)
    wave = np.concatenate([saw.process(f0[at : at + AT_ONCE]) for at in range(0, f0.size, AT_ONCE)])
    audible = np.flatnonzero(recording.loudness > recording.loudness.max() - AUDIBLE_DB)
    return PreparedRecording(recording, smoothing_width(recording.f0, recording.voicing), wave, audible)


def sample_f0(recording: Recording, start: int, frames: int) -> Float64:
    """Return f0 in hertz per sample of an excerpt, (frames * hop,)."""
    f0, voicing = (_with_next(part, start, frames) for part in (recording.f0, recording.voicing))
    pitch = np.log2(f0)
    return np.exp2(between(onset_hold(pitch[:-1], voicing[:-1], pitch[1:]), pitch[1:]))


def between(start: Float64, stop: Float64) -> Float64:
    """Interpolate linearly within each hop, from (frames,) values to (frames,) others: (frames * hop,)."""
    part = np.arange(HOP) / HOP
    return np.asarray((start[:, None] + (stop - start)[:, None] * part).reshape(-1))


def _with_next(values: Float32, start: int, frames: int) -> Float64:
    index = np.minimum(np.arange(start, start + frames + 1), values.size - 1)
    return values[index].astype(np.float64)


def _linear(values: Float64) -> Float64:
    return between(values[:-1], values[1:])


class BatchMaker:
    """Draw perturbed training batches.

    Args:
        recordings: prepared recordings.
        weights: how often each is drawn relative to its length.
        encoder: describes what is sung.
        frames: length of an example.
        batch: examples per batch.
        seed: of everything drawn.
        how: the ranges of perturbation.

    Raises:
        TrainingError: no recording is longer than an example.
    """

    def __init__(
        self,
        recordings: Sequence[PreparedRecording],
        weights: Sequence[float],
        encoder: RunningEncoder,
        frames: int,
        batch: int,
        seed: int,
        how: Perturbation | None = None,
    ) -> None:
        usable = [
            (prepared, weight)
            for prepared, weight in zip(recordings, weights, strict=True)
            if prepared.recording.frames > frames + 1
        ]
        if not usable:
            raise TrainingError(f"no recording is longer than {frames / 100:.1f} s; give longer recordings")
        self._recordings = [prepared for prepared, _ in usable]
        mass = np.array([weight * prepared.recording.frames for prepared, weight in usable])
        self._chance = mass / mass.sum()
        self._encoder = encoder
        self._frames = frames
        self._batch = batch
        self._how = how or Perturbation()
        self._rng = np.random.default_rng(seed)

    def __call__(self) -> Batch:
        """Draw the next batch."""
        return stack([self._example() for _ in range(self._batch)])

    def _example(self) -> tuple[Float32, ...]:
        while True:
            prepared = self._recordings[self._rng.choice(len(self._recordings), p=self._chance)]
            start = int(self._rng.integers(prepared.recording.frames - self._frames))
            loudness = prepared.recording.loudness[start : start + self._frames]
            if np.mean(loudness > loudness.max() - 40.0) > 0.3:
                break
        offset = self._rng.uniform(-self._how.level_db, self._how.level_db)
        early = min(start, WARM_UP_FRAMES)
        bands = perturbed_bands(prepared, start - early, early + self._frames, self._how, self._rng)
        content = described(self._encoder, bands)[early:]
        return (content, *excerpt(prepared, start, self._frames, offset))


def described(encoder: RunningEncoder, bands: Float32) -> Float32:
    """Return the content of envelopes, (frames, bands), from silence on: (frames, C), float32."""
    encoder.reset()
    return encoder.process(bands)


def perturbed_bands(
    prepared: PreparedRecording, start: int, frames: int, how: Perturbation, rng: np.random.Generator
) -> Float32:
    """Perturb an excerpt, then subtract the LTAS that an engine would have estimated by then.

    Returns:
        Envelopes in dB, each of the frame after, (frames, bands), float32.
    """
    recording = prepared.recording
    perturbing = EnvelopePerturbation(how, float(np.percentile(recording.loudness, 90)), rng)
    ahead = slice(start + 1, start + 1 + frames)
    bands = perturbing.envelope(recording.power[ahead], recording.loudness[ahead], prepared.width[ahead])
    heard = float(np.exp(rng.uniform(0.0, np.log(3.0 * MEMORY_FRAMES))))
    known = rng.choice(prepared.audible, max(1, min(LTAS_FRAMES, int(heard))))
    known.sort()
    far = perturbing.envelope(recording.power[known], recording.loudness[known], prepared.width[known])
    return normalized(bands, far.mean(0), trust(min(heard, MEMORY_FRAMES)))


def excerpt(
    prepared: PreparedRecording, start: int, frames: int, loudness_offset: float = 0.0
) -> tuple[Float32, ...]:
    """Return pitch, f0, saw, gate, gain and target of an excerpt, in the order of `Batch`."""
    recording = prepared.recording
    span = slice(start, start + frames)
    samples = slice(start * HOP, (start + frames) * HOP)
    pitch = np.stack(
        [recording.f0[span], recording.voicing[span], recording.loudness[span] + loudness_offset], axis=1
    )
    gain = _linear(loudness_gain(_with_next(recording.loudness, start, frames)))
    gate = _linear(_with_next(recording.voicing, start, frames)) * gain
    f0 = sample_f0(recording, start, frames)
    parts = (pitch, f0, prepared.saw[samples] * gate, gate, gain, recording.audio[samples])
    return tuple(part.astype(np.float32) for part in parts)


def clean_bands(prepared: PreparedRecording, longest: int | None = None) -> Float32:
    """Return a recording's envelopes as an engine has them, each of the frame after; `longest` at most."""
    recording = prepared.recording
    frames = min(recording.frames - 1, longest or recording.frames)
    ahead, levels = slice(1, frames + 1), recording.loudness[:frames].tolist()
    bands = envelope(
        recording.power[ahead].astype(np.float64), recording.loudness[ahead], prepared.width[ahead]
    )
    return LtasNormalizer().process(bands, levels)


def clean_example(
    prepared: PreparedRecording, encoder: RunningEncoder, longest: int | None = None
) -> tuple[Float32, ...]:
    """Return a recording unperturbed, in the order of `Batch`, for scores; at most `longest` frames of it."""
    bands = clean_bands(prepared, longest)
    return (described(encoder, bands), *excerpt(prepared, 0, bands.shape[0]))


def stack(examples: Sequence[tuple[Float32, ...]]) -> Batch:
    """Stack examples of equal length."""
    return Batch(*(torch.from_numpy(np.stack(parts)) for parts in zip(*examples, strict=True)))
