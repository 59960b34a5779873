"""What a refiner learns from: what a singer's coarse controls lack against recordings of the same singer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.ltas import AUDIBLE_DB
from dsp.movement import Movement
from dsp.spectrum import Analyzer, envelope
from dsp.units import MAX_HOPS, NEPER_PER_DB
from models.content.file import RunningEncoder
from models.onnxstep import RunningGraph, opened
from models.training.batches import (
    WARM_UP_FRAMES,
    PreparedRecording,
    clean_bands,
    described,
    excerpt,
    perturbed_bands,
    stack,
)
from models.training.corpus import AT_ONCE, HOP, TRAINING_RATE, Recording
from models.training.perturbation import Perturbation
from models.training.refiner.bands import BANDS, BANDS_HZ, read
from models.training.singer.renderers import SawSingRenderer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PITCH = 3
"""Numbers that say how a frame is sung: octaves above 220 Hz, voicing, loudness in dB."""
EXCERPT_FRAMES = 600
"""Of a recording with one draw of perturbations."""
RENDERS = 2
"""Of every copy, with other noise: the mean of their levels scatters less."""
MAX_LACK = 1.6
"""Nepers, 14 dB: what a band lacks beyond it is taken for a fault of the analysis."""
_READ_HARMONIC, _READ_NOISE = read(HARMONIC_GRID), read(NOISE_GRID)


class Frames(NamedTuple):
    """Frames that follow on each other."""

    condition: Float32
    """What the refiner is told, shape (frames, width); see `condition`."""
    lack: Float32
    """By how much the recording is above the copy, nepers, shape (frames, BANDS)."""
    weight: Float32
    """1 where a frame is sung and audible, else 0, shape (frames,)."""


def width(content: int) -> int:
    """Return the width of a condition, given that of the content."""
    return 3 * BANDS + PITCH + content


def condition(
    harmonic: Float32, noise: Float32, pitch: Float32, content: Float32, moving: Float32
) -> Float32:
    """Put together what a refiner is told.

    Args:
        harmonic: coarse controls, nepers, (frames, 142).
        noise: the same of the noise, (frames, 72).
        pitch: octaves above 220 Hz, voicing, loudness in dB, (frames, 3).
        content: what is sung, (frames, C).
        moving: `dsp.movement.Movement` of the source's envelope, dB, (frames, 72).

    Returns:
        (frames, width), float32.
    """
    parts = (harmonic @ _READ_HARMONIC.T, noise @ _READ_NOISE.T, pitch, content, moving @ _READ_NOISE.T)
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")


class Copied(NamedTuple):
    """A recording as its singer's coarse controls copy it."""

    harmonic: Float32
    """Natural-log magnitudes, (frames, 142)."""
    noise: Float32
    """The same of the noise, (frames, 72)."""
    lack: Float32
    """As in `Frames`."""


class CoarseSinger:
    """The network of a singer file, with what it gives before anything is made of it.

    Args:
        path: a singer file that was loaded once (`models.singer.file`); a refiner in it takes no step.
    """

    def __init__(self, path: Path) -> None:
        self._graph = RunningGraph(opened(path.read_bytes()), MAX_HOPS)

    def process(self, content: Float32, pitch: Float32) -> tuple[Float32, Float32]:
        """Return the controls, harmonic and noise, of frames that follow on silence.

        Args:
            content: (frames, C).
            pitch: octaves above 220 Hz, voicing, loudness in dB, (frames, 3).
        """
        self._graph.reset()
        given = {"content": content, "pitch": pitch, "likeness": np.zeros((content.shape[0], 1), np.float32)}
        found: list[tuple[Float32, Float32]] = []
        for start in range(0, content.shape[0], MAX_HOPS):
            frames = content[start : start + MAX_HOPS].shape[0]
            for name, rows in given.items():
                self._graph.arrays[name][:frames] = rows[start : start + frames]
            self._graph.run(frames)
            harmonic, noise = (self._graph.arrays[name][:frames].copy() for name in ("harmonic", "noise"))
            found.append((harmonic, noise))
        harmonic, noise = (np.concatenate(part) for part in zip(*found, strict=True))
        return harmonic, noise


class FrameMaker:
    """Compare recordings of a singer with their copies by its coarse controls.

    Args:
        singer: makes the coarse controls.
        encoder: describes what is sung.
    """

    def __init__(self, singer: CoarseSinger, encoder: RunningEncoder) -> None:
        self._singer = singer
        self._encoder = encoder
        self._renderer = SawSingRenderer()

    def clean(self, prepared: PreparedRecording, longest: int | None = None) -> Frames:
        """Return the frames of a recording as it is; `longest` at most."""
        return self._made(prepared, 0, 0, clean_bands(prepared, longest))

    def perturbed(self, prepared: PreparedRecording, rng: np.random.Generator) -> Iterator[Frames]:
        """Yield the frames of a recording in excerpts, each as if another singer had sung it."""
        last = prepared.recording.frames - 1
        for start in range(0, last, EXCERPT_FRAMES):
            early = min(start, WARM_UP_FRAMES)
            frames = min(EXCERPT_FRAMES, last - start) + early
            yield self._made(
                prepared, start, early, perturbed_bands(prepared, start - early, frames, Perturbation(), rng)
            )

    def copied(self, prepared: PreparedRecording) -> Copied:
        """Return what the coarse controls make of a recording as it is."""
        content = described(self._encoder, clean_bands(prepared))
        return self._copied(content, excerpt(prepared, 0, content.shape[0]), prepared.recording)

    def _made(self, prepared: PreparedRecording, start: int, early: int, bands: Float32) -> Frames:
        """Return frames from `start` on; the encoder hears `early` more before them."""
        recording, frames = prepared.recording, bands.shape[0] - early
        content = described(self._encoder, bands)[early:]
        example = excerpt(prepared, start, frames)
        part = recording.cut(start, start + frames)
        copied = self._copied(content, example, part)
        sung = (part.voicing > VOICED) & (part.loudness > recording.loudness.max() - AUDIBLE_DB)
        moving = Movement().process(bands)[early:]
        return Frames(
            condition(copied.harmonic, copied.noise, _told(example), content, moving),
            copied.lack,
            sung.astype(np.float32),
        )

    def _copied(self, content: Float32, example: tuple[Float32, ...], recording: Recording) -> Copied:
        coarse = self._singer.process(content, _told(example))
        batch = stack([(content, *example)])
        f0 = example[0][:, 0].astype(np.float64)
        with torch.inference_mode():
            controls = [torch.from_numpy(part)[None] for part in coarse]
            copies = [self._renderer(batch, *controls)[0].numpy() for _ in range(RENDERS)]
        copied = sum(_levels(_power(copy), f0) for copy in copies) / RENDERS
        lack = sung_part(NEPER_PER_DB * (_levels(recording.power[: f0.size], f0) - copied), f0)
        return Copied(*coarse, np.clip(lack, -MAX_LACK, MAX_LACK).astype(np.float32))


def _told(example: tuple[Float32, ...]) -> Float32:
    """Return what networks are told of the pitch of an example: octaves above 220 Hz, voicing, loudness."""
    pitch = example[0].copy()
    pitch[:, 0] = [math.log2(hertz / 220.0) for hertz in pitch[:, 0].tolist()]
    return pitch


def sung_part(lack: Float64, f0: Float64) -> Float64:
    """Return what bands lack; those below the pitch take what the first one from the pitch on lacks.

    Below its pitch a recording holds no voice but the room, which is not to be learnt.

    Args:
        lack: (frames, BANDS).
        f0: hertz, (frames,).
    """
    first = np.searchsorted(BANDS_HZ, f0)[:, None]
    return np.take_along_axis(lack, np.maximum(first, np.arange(BANDS)), axis=1)


def _levels(power: NDArray[np.floating], f0: Float64) -> Float64:
    """Return levels in dB of bands that hold one harmonic at least, (frames, BANDS)."""
    silent = np.zeros(f0.size)
    return np.asarray(envelope(np.asarray(power, np.float64), silent, f0) @ _READ_NOISE.T, np.float64)


def _power(audio: Float32) -> Float64:
    """Return the spectra of audio as `models.training.corpus.analyse` has them, (frames, bins)."""
    analyzer, frames = Analyzer(TRAINING_RATE), audio.size // HOP
    padded = np.concatenate([audio, np.zeros(2 * HOP, np.float32)])
    parts = [analyzer.process(padded[at : at + AT_ONCE]).power for at in range(0, padded.size, AT_ONCE)]
    return np.concatenate(parts)[:frames]


def training_frames(
    maker: FrameMaker, recordings: Sequence[PreparedRecording], draws: int, seed: int
) -> list[Frames]:
    """Return the frames of recordings, each as it is and with so many draws of perturbations."""
    rng = np.random.default_rng(seed)
    found: list[Frames] = []
    for prepared in recordings:
        found.append(maker.clean(prepared))
        for _ in range(draws):
            found.extend(maker.perturbed(prepared, rng))
    return found
