"""From a folder of recordings to a singer file: split, analyse, train, score, publish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from dsp.controls import VOICED
from models.content.file import ContentEncoder, shipped
from models.differentiable.losses import FFT_SIZES, multi_scale_loss
from models.errors import TrainingError
from models.singer.manifest import Manifest, check_unicode, finite, plain_id
from models.training.batches import PreparedRecording, clean_example, prepare, stack
from models.training.corpus import HOP, Recording, analyse, held_out, load_corpus, recordings_in
from models.training.runfolder import claimed
from models.training.schedule import device_of, train
from models.training.singer.adversarial import AdversarialTrainer, read_other_voices
from models.training.singer.publish import publish, voiced_f0
from models.training.singer.training import Plan, Trainer
from models.wholefile import check_output

SHIFTS = (0.0, -4.0, 3.0)
"""Semitones by which recordings are also transposed, for voices recorded at few pitches."""
SHIFT_WEIGHT = 0.5
HELD_OUT_SHARE = 0.1
MAX_SCORED_FRAMES = 1000
MIN_SCORED_FRAMES = -(-max(FFT_SIZES) // HOP) + 2
"""The loss needs one transform; the first frame has no envelope, and the last one fades out."""


@dataclass(frozen=True)
class SingerFacts:
    """Where a singer comes from, as its file says it."""

    id: str
    name: str
    licence: str
    attribution: str
    training_data: str


@dataclass(frozen=True)
class TrainingListener:
    """How progress is shown: wrap the files that are analysed, and be told of every step.

    What a callback raises ends the training.
    """

    files: Callable[[Sequence[Path]], Iterable[Path]] = iter
    step: Callable[[int, float], None] = lambda _step, _loss: None
    """Called after each step with its number, from 0, and its loss."""
    told: Callable[[str], None] = lambda _sentence: None
    """Called with a sentence where a recording is less than it should be (`enrol_singer`)."""


@dataclass(frozen=True)
class Split:
    """A singer's recordings, apart."""

    training: list[PreparedRecording]
    weights: list[float]
    own: list[PreparedRecording]
    """The training recordings without transposition."""
    held_out: list[PreparedRecording]


def held_out_of(paths: Sequence[Path], patterns: Sequence[str]) -> list[Path]:
    """Return the files to hold out: those matching a pattern by name, else every tenth.

    Raises:
        TrainingError: a pattern matches nothing, or everything.
    """
    if not patterns:
        return list(paths[9::10])
    names = held_out([path.name for path in paths], patterns, "names such as 'song08*'")
    return [path for path in paths if path.name in names]


def split(folder: Path, patterns: Sequence[str], cache: Path, listener: TrainingListener) -> Split:
    """Read a folder and hold part of it out; with fewer than ten files, the last tenth of each.

    Held-out parts that are too short to be scored are left out.

    Raises:
        TrainingError: there are no recordings, nothing sung is left to train on, or nothing to be scored.
    """
    paths = recordings_in(folder)
    held = held_out_of(paths, patterns)
    training = [path for path in paths if path not in held]
    every = {path: load_corpus([path], cache, SHIFTS) for path in listener.files(training)}
    if held:
        unseen = load_corpus(held, cache)
    else:
        unseen = [_part(records[0], last=True) for records in every.values()]
        every = {path: [_part(record, last=False) for record in records] for path, records in every.items()}
    unseen = [record for record in unseen if record.frames >= MIN_SCORED_FRAMES]
    if not unseen:
        raise TrainingError(
            f"no part longer than {(MIN_SCORED_FRAMES - 1) / 100:g} s is held out for the scores; "
            "give longer recordings"
        )
    own = [prepare(records[0]) for records in every.values()]
    moved = [prepare(record) for records in every.values() for record in records[1:]]
    voiced_f0(own)  # here and not when the file is written, hours later
    weights = [1.0] * len(own) + [SHIFT_WEIGHT] * len(moved)
    return Split(own + moved, weights, own, [prepare(record) for record in unseen])


def _part(record: Recording, last: bool) -> Recording:
    cut = round(record.frames * (1.0 - HELD_OUT_SHARE))
    return record.cut(cut, record.frames) if last else record.cut(0, cut)


@torch.no_grad()
def copy_scores(trainer: Trainer, held_out: Sequence[PreparedRecording]) -> dict[str, float]:
    """Score copy synthesis of unseen recordings: spectral loss, f0 error in cents, voicing F1.

    Where no frame is voiced in both recording and copy there is no f0 error.
    """
    network, render = trainer.averaged
    encoder = trainer.encoder.start()
    losses, cents, hits, wanted, found = [], [], 0, 0, 0
    for prepared in held_out:
        batch = stack([clean_example(prepared, encoder, MAX_SCORED_FRAMES)]).to(trainer.device)
        audio = render(batch, *network(batch.content, batch.pitch))[:, :-HOP]
        losses.append(float(multi_scale_loss(audio, batch.target[:, :-HOP])))
        again = analyse(prepared.recording.name, audio[0].cpu().numpy())
        here, there = (part > VOICED for part in (prepared.recording.voicing[: again.frames], again.voicing))
        both = here & there
        ratio = again.f0[both] / prepared.recording.f0[: again.frames][both]
        cents.append(1200.0 * np.abs(np.log2(ratio)))
        hits += int(both.sum())
        wanted += int(here.sum())
        found += int(there.sum())
    every = np.concatenate(cents)
    scores = {
        "held_out_seconds": round(sum(m.recording.frames for m in held_out) / 100.0, 1),
        "multi_scale_loss": round(float(np.mean(losses)), 4),
        "f0_cents": round(float(np.median(every)) if every.size else float("nan"), 2),
        "voicing_f1": round(float(2 * hits / max(1, wanted + found)), 4),
    }
    return finite(scores)


def train_singer(
    folder: Path,
    facts: SingerFacts,
    output: Path,
    *,
    plan: Plan | None = None,
    run_folder: Path | None = None,
    device: str | None = None,
    threads: int | None = None,
    listener: TrainingListener | None = None,
) -> Manifest:
    """Train a singer on a folder of recordings and write its file.

    Run it again to go on where it stopped: analyses and the checkpoint stay in the run folder.

    Args:
        folder: WAV, AIFF, FLAC, OGG or MP3 files of one voice, dry and alone, at any rate; subfolders count.
        facts: what the file says of itself.
        output: the singer file to write (.onnx).
        plan: how to train, and for how long.
        run_folder: where the run is kept; by default beside the output, `NAME.training`.
        device: "cpu" or "cuda"; by default CUDA where there is one.
        threads: of the CPU; by default as many as torch finds right.
        listener: shows progress.

    Returns:
        The manifest, held-out scores included.

    Raises:
        TrainingError: the id is not plain, a text is no Unicode, recordings are missing, too short or
            unvoiced, another process trains in the run folder or its checkpoint is of another kind, the loss
            is not finite, or the other voices are too short or share the singer's folder.
        OutputError: the singer file cannot be written.
    """
    try:
        plain_id(facts.id)
    except ValueError as error:  # here and not when the file is written, hours later
        raise TrainingError(str(error)) from error
    check_unicode(asdict(facts))
    listener = listener or TrainingListener()
    if threads:
        torch.set_num_threads(threads)
    place = device_of(device)
    check_output(output)
    run = run_folder or output.with_suffix(".training")
    with claimed(run):
        return _trained(folder, facts, output, plan or Plan(), run, place, listener)


def _trained(
    folder: Path,
    facts: SingerFacts,
    output: Path,
    plan: Plan,
    run: Path,
    device: str,
    listener: TrainingListener,
) -> Manifest:
    """Do what `train_singer` does in a run folder that is ours."""
    parts = split(folder, plan.hold_out, run / "analyses", listener)
    others: list[PreparedRecording] = []
    if plan.other_voices:
        others = read_other_voices(plan.other_voices, folder, plan.frames, run / "analyses", listener.files)
    trainer = Trainer(parts.training, parts.weights, ContentEncoder(shipped()), plan, device)
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
    second = run / "adversarial.pt"
    if trainer.step < plan.steps:
        second.unlink(missing_ok=True)
    train(trainer, checkpoint, listener.step)
    if plan.other_voices:
        told = f"{facts.training_data.rstrip('.')}. {_contrast(plan.other_voices)}"
        facts = replace(facts, training_data=told)
        trainer = AdversarialTrainer(trainer, parts.own, others)
        if second.exists():
            trainer.load(second)
        train(trainer, second, listener.step)
    return publish(trainer, parts.own, output, asdict(facts), copy_scores(trainer, parts.held_out))


def _contrast(others: Path) -> str:
    """Say in a singer file which other voices its training used."""
    return f"Recordings of other voices were heard to tell them from this one: {others.resolve().name}."
