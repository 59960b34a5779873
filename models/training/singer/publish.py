"""From a trained network to a singer file: memory, pitch range, LTAS, manifest and held-out scores."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from dsp.singerltas import ltas_of
from models.content.file import RunningEncoder, digest
from models.errors import TrainingError
from models.singer.manifest import Manifest
from models.training.batches import PreparedRecording, clean_example, stack
from models.training.singer.export import choose_memory, export_singer
from models.training.singer.network import Estimator
from models.training.singer.renderers import tables_of
from models.training.singer.training import Trainer

Float32 = NDArray[np.float32]

MEMORY_FRAMES = 30000


def voiced_f0(recordings: Sequence[PreparedRecording]) -> Float32:
    """Return the f0 of all voiced frames, hertz, shape (frames,).

    Raises:
        TrainingError: nothing is voiced.
    """
    voiced = np.concatenate([m.recording.f0[m.recording.voicing > VOICED] for m in recordings])
    if voiced.size == 0:
        raise TrainingError("no recording holds a sung note; give recordings of a singing voice")
    return voiced


def pitch_range(recordings: Sequence[PreparedRecording]) -> tuple[float, float, float]:
    """Return the 5th, 50th and 95th percentile of the voiced f0, hertz.

    Raises:
        TrainingError: nothing is voiced.
    """
    low, median, high = np.percentile(voiced_f0(recordings), [5.0, 50.0, 95.0])
    return float(low), float(median), float(high)


def memory_of(encoder: RunningEncoder, recordings: Sequence[PreparedRecording]) -> Tensor:
    """Return the memory that `likeness` recalls from: content of the singer's own audible frames."""
    found = []
    total = 0
    for prepared in recordings:
        batch = stack([clean_example(prepared, encoder)])
        loudness = batch.pitch[0, :, 2]
        kept = batch.content[0, loudness > loudness.max() - 45.0]
        found.append(kept)
        total += kept.shape[0]
    every = torch.cat(found)
    stride = max(1, total // MEMORY_FRAMES)
    return choose_memory(every[::stride])


@torch.no_grad()
def ltas_of_singer(
    network: Estimator, encoder: RunningEncoder, recordings: Sequence[PreparedRecording]
) -> tuple[float, ...]:
    """Return the LTAS of the singer's filters over its own recordings."""
    parts = []
    for prepared in recordings:
        batch = stack([clean_example(prepared, encoder)])
        harmonic, noise = network(*(part.to(network.device) for part in (batch.content, batch.pitch)))
        parts.append((harmonic[0].cpu(), noise[0].cpu(), batch.pitch[0, :, 1], batch.pitch[0, :, 2]))
    every = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return tuple(round(float(level), 3) for level in ltas_of(*every))


def publish(
    trainer: Trainer,
    own: Sequence[PreparedRecording],
    path: Path,
    facts: dict[str, str],
    scores: dict[str, float],
) -> Manifest:
    """Write the singer file of a training run.

    Args:
        trainer: the run; its averaged weights are used.
        own: the singer's recordings without transposition.
        path: the file to write.
        facts: id, name, licence, attribution and training_data.
        scores: held-out scores by name.
    """
    network, render = trainer.averaged
    encoder = trainer.encoder.start()
    low, median, high = pitch_range(own)
    tables = tables_of(render)
    manifest = Manifest(
        **facts,
        kind=trainer.plan.kind,
        content=digest(trainer.encoder.path),
        harmonic=network.size.harmonic,
        noise=network.size.noise,
        state_size=network.size.recurrent,
        f0_low=low,
        f0_median=median,
        f0_high=high,
        steps=trainer.step,
        scores=scores,
        ltas=ltas_of_singer(network, encoder, own) if trainer.plan.kind == "sawsing" else (),
        tables="" if tables is None else base64.b64encode(tables.astype("<c8").tobytes()).decode(),
    )
    export_singer(network, memory_of(encoder, own), manifest, path)
    return manifest
