"""From half a minute of a voice to a singer file: read the reference, fit, publish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from dsp.controls import VOICED
from dsp.ltas import AUDIBLE_DB
from dsp.units import HOPS_PER_SECOND
from models.errors import TrainingError
from models.singer.file import load_singer
from models.singer.manifest import Manifest, check_unicode, plain_id
from models.training.corpus import TRAINING_RATE, Recording, analyse, read_voice
from models.training.enrolment.bandlimit import band_limit
from models.training.enrolment.file import read_shared, shipped
from models.training.enrolment.fitting import PULL, FittingTrainer
from models.training.refiner.graft import lend
from models.training.singer.adversarial import prepared_pieces
from models.training.singer.publish import publish
from models.training.singer.recipe import SingerFacts, TrainingListener
from models.training.singer.training import Plan
from models.wholefile import check_output, whole

MIN_SECONDS = 5.0
"""Without the pauses; less holds too few vowels and consonants."""
MIN_SUNG_SECONDS = 2.5
SHORT_SECONDS = 10.0
ENROLMENT = Plan(steps=150, batch=4, learning_rate=3e-3, warmup_steps=20, cooldown=0.5, average=0.98)
"""About a minute on a core."""
DONOR = "pjs"
"""The singer whose refiner a voice gets: there is no time to train one, and voices move much alike."""
MAX_SECONDS = 120.0
"""More changes nothing that is heard; `plugin-bridge train` makes more of more."""
MAX_READ_SECONDS = 600.0
"""Of one file, so that an hour of it takes no hour's memory."""


def enrol_singer(
    references: Sequence[Path],
    facts: SingerFacts,
    output: Path,
    *,
    plan: Plan | None = None,
    shared: Path | None = None,
    threads: int | None = None,
    listener: TrainingListener | None = None,
) -> Manifest:
    """Make a singer of 10 to 120 s of a voice, in about a minute.

    Args:
        references: WAV, AIFF, FLAC, OGG or MP3 files of one voice, dry and alone, at any rate.
        facts: what the file says of itself; what it owes to the shared network is added.
        output: the singer file to write (.onnx); one that is there is replaced.
        plan: how long to fit; the same plan makes the same file on the same machine.
        shared: file of a shared network; by default the one that ships.
        threads: of the CPU; by default as many as torch finds right.
        listener: shows progress; what it raises ends the enrolment, and no file is left.

    Returns:
        The manifest.

    Raises:
        TrainingError: the id is not plain, a text is no Unicode, a reference cannot be read, or they hold
            less than 5 s of a voice, or less than 2.5 s of it sung, or the loss is not finite.
        ModelFileError: the shared network cannot be used.
        OutputError: the singer file cannot be written.
    """
    try:
        plain_id(facts.id)
    except ValueError as error:  # here and not when the file is written, a minute later
        raise TrainingError(str(error)) from error
    check_unicode(asdict(facts))
    check_output(output)
    listener, plan = listener or TrainingListener(), plan or ENROLMENT
    if threads:
        torch.set_num_threads(threads)
    records = read_references(references, listener)
    known = read_shared(shared or shipped())
    own, limit = prepared_pieces(records), band_limit(records)
    trainer = FittingTrainer(own, limit, known, plan, PULL / sung_seconds(records))
    while trainer.step < plan.steps:
        step, loss = trainer.step, trainer.advance()
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of step {step} is not finite; give another part of the recording")
        listener.step(step, loss)
    source = known.manifest
    owed = f"; on the shared network of plugin_bridge ({source.licence}): {source.attribution}"
    told = replace(facts, attribution=f"{facts.attribution}{owed}".removeprefix("; "))
    scores = {"sung_seconds": round(sung_seconds(records), 1)}
    with whole(output) as partial:
        manifest = publish(trainer, own, partial, asdict(told), scores)
        donor = load_singer(DONOR)
        return lend(donor.path, partial, partial) if donor.manifest.content == manifest.content else manifest


def read_references(paths: Sequence[Path], listener: TrainingListener) -> list[Recording]:
    """Read and analyse a reference, up to `MAX_SECONDS` of singing.

    Args:
        paths: files of one voice.
        listener: shows progress, and is told where less than all is well.

    Raises:
        TrainingError: a file cannot be read, or they hold less than `MIN_SECONDS` of a voice.
    """
    found: list[Recording] = []
    left = round(MAX_SECONDS * HOPS_PER_SECOND)
    for path in listener.files(paths):
        audio = read_voice(path)
        record = analyse(path.stem, audio[: round(MAX_READ_SECONDS * TRAINING_RATE)])
        so_far = np.cumsum(record.voicing > VOICED)
        enough = int(np.searchsorted(so_far, left)) + 1
        found.append(record.cut(0, enough))
        left -= int(so_far[-1])
        if left < 0 or (left == 0 and path is not paths[-1]):
            listener.told(
                f"only the first {MAX_SECONDS:g} s of singing are heard; 'plugin-bridge train' hears all"
            )
            break
        if audio.size > MAX_READ_SECONDS * TRAINING_RATE:
            listener.told(f"only the first {MAX_READ_SECONDS / 60.0:g} minutes of {path} are heard")
    heard, sung = heard_seconds(found), sung_seconds(found)
    if heard < MIN_SECONDS or sung < MIN_SUNG_SECONDS:
        raise TrainingError(
            f"the reference lasts {heard:.1f} s without its pauses, of which {sung:.1f} s are sung, and "
            f"{MIN_SECONDS:g} and {MIN_SUNG_SECONDS:g} are needed; give more, 30 s if you can, dry and alone"
        )
    if heard < SHORT_SECONDS:
        listener.told(f"the reference lasts {heard:.1f} s without its pauses; a voice is closer from 30 s on")
    return found


def heard_seconds(recordings: Sequence[Recording]) -> float:
    """Return for how long recordings are not silent."""
    loudest = max(float(record.loudness.max()) for record in recordings)
    frames = sum(np.count_nonzero(record.loudness > loudest - AUDIBLE_DB) for record in recordings)
    return float(frames) / HOPS_PER_SECOND


def sung_seconds(recordings: Sequence[Recording]) -> float:
    """Return for how long recordings are voiced."""
    return float(sum(np.count_nonzero(record.voicing > VOICED) for record in recordings)) / HOPS_PER_SECOND
