"""Give a singer file a refiner: frames of its recordings, training, distillation, scores, the graft."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.units import NEPER_PER_DB
from models.content.file import find
from models.errors import TrainingError
from models.refiner.facts import Refiner
from models.refiner.randomness import Randomness
from models.singer.file import load_singer
from models.singer.manifest import Manifest, finite
from models.training.refiner.adjustment import Decision
from models.training.refiner.bands import BANDS
from models.training.refiner.diffusion import ddim_step, sample, steps
from models.training.refiner.distillation import Halving, halved
from models.training.refiner.frames import CoarseSinger, FrameMaker, Frames, training_frames
from models.training.refiner.graft import graft
from models.training.refiner.network import Denoiser
from models.training.refiner.stepgraph import frame_milliseconds
from models.training.refiner.training import RefinerPlan, RefinerTraining, denoiser_of, regressed
from models.training.runfolder import claimed, read_checkpoint, write_checkpoint
from models.training.schedule import train
from models.training.singer.recipe import TrainingListener, split
from models.wholefile import check_output, whole

Float32 = NDArray[np.float32]

STUDENT_STEPS = (4, 2, 1)
"""Each student makes half the steps of the one before it, the first half the 8 of the teacher."""
NOISE = 0.6
"""Standard deviation of the noise that a diffusion starts from at run time. With that of the training, 1,
bands of copies move by 1 dB more at 10 to 50 Hz than those of recordings; with this one as much."""
_STUDENT_FORMAT = 1


def refine_singer(
    singer: Path,
    folder: Path,
    output: Path,
    *,
    plan: RefinerPlan | None = None,
    hold_out: Sequence[str] = (),
    run_folder: Path | None = None,
    threads: int | None = None,
    listener: TrainingListener | None = None,
) -> Manifest:
    """Train a refiner on a singer's recordings and write the singer's file with it.

    Run it again to go on where it stopped: the run folder keeps analyses, the checkpoint and every student.

    Args:
        singer: a singer file of the kind sawsing, without a refiner, trained on the same recordings.
        folder: the recordings (`models.training.singer.recipe.train_singer`).
        output: the file to write; it may be the same.
        plan: how to train.
        hold_out: name patterns of the recordings kept for the scores; every tenth when empty.
        run_folder: where the run is kept; by default beside the output, `NAME.training`, as a singer's.
        threads: of the CPU; by default as many as torch finds right.
        listener: shows progress.

    Returns:
        The manifest; `scores` has what the singer lacked on held-out recordings before and after, in dB.

    Raises:
        SingerFileError: the singer's file cannot be used.
        TrainingError: it has a refiner, is of another kind or reads envelopes; the recordings or the run
            folder do not serve, or the loss is not finite.
        OutputError: the file cannot be written.
    """
    plan, listener = plan or RefinerPlan(), listener or TrainingListener()
    manifest = load_singer(singer).manifest
    if manifest.kind != "sawsing" or not manifest.content or manifest.refiner:
        state = "has a refiner" if manifest.refiner else "is of another kind than sawsing, or of format 3"
        raise TrainingError(f"{singer} {state}; give a sawsing singer without one, as train writes it")
    if threads:
        torch.set_num_threads(threads)
    check_output(output)
    run = run_folder or output.with_suffix(".training")
    with claimed(run):
        parts = split(folder, hold_out, run / "analyses", listener)
        torch.manual_seed(plan.seed)  # of the noise in the copies
        maker = FrameMaker(CoarseSinger(singer), find(manifest.content, singer.parent).start())
        unseen = [maker.clean(prepared) for prepared in parts.held_out]
        learnt = training_frames(maker, parts.own, plan.draws, plan.seed)
        training = RefinerTraining(learnt, unseen, plan)
        checkpoint = run / f"{plan.kind}.pt"
        if checkpoint.exists():
            training.load(checkpoint)
        if training.step < plan.steps:  # students of the teacher as it was
            for count in STUDENT_STEPS:
                _student_file(run, count).unlink(missing_ok=True)
        train(training, checkpoint, listener.step)
        _write_log(run / "adjustment.json", training.log)
        networks = {1: training.average} if plan.kind == "regression" else _students(training, run)
    facts = Refiner(
        bands=BANDS,
        steps=tuple(sorted(networks)),
        noise=NOISE if plan.kind == "diffusion" else 0.0,
        milliseconds=round(frame_milliseconds(networks[1]), 4),
    )
    scores = lacking(unseen, networks, facts.noise)
    return graft(singer, networks, facts, output, finite(scores))


def _students(training: RefinerTraining, run: Path) -> dict[int, Denoiser]:
    """Halve a teacher's steps again and again; students that were made before are read."""
    plan, found = training.plan, {}
    teacher = training.average
    for count in STUDENT_STEPS:
        path = _student_file(run, count)
        kind = {"format": _STUDENT_FORMAT, "steps": plan.steps, "updates": plan.halving_updates}
        student = copy.deepcopy(teacher)
        if path.exists():
            with read_checkpoint(
                path, torch.device("cpu"), kind, "is a student of another training"
            ) as state:
                student.load_state_dict(state["network"])
        else:
            halving = Halving(plan.halving_updates, plan.halving_rate)
            generator = torch.Generator().manual_seed(plan.seed + count)
            made = halved(teacher, training.batches(count), count, halving, generator)
            student.load_state_dict(made.state_dict())
            write_checkpoint(path, {**kind, "network": student.state_dict()})
        found[count] = teacher = student
    return found


def _student_file(run: Path, count: int) -> Path:
    return run / f"diffusion-{count}.pt"


@torch.inference_mode()
def refined(network: Denoiser, told: Tensor, count: int, start: Tensor | None) -> Tensor:
    """Return what a refiner adds to coarse controls, nepers, (batch, frames, bands).

    Args:
        network: a regression, or one that makes so many steps.
        told: conditions, (batch, frames, width).
        count: steps.
        start: the noise that a diffusion starts from, (batch, frames, bands); None for a regression.
    """
    if start is None:
        return network.from_unit(regressed(network, told))
    noise = start
    return network.from_unit(
        sample(denoiser_of(network, told), noise, steps(count), ddim_step, lambda _: noise)
    )


def lacking(unseen: Sequence[Frames], networks: Mapping[int, Denoiser], noise: float) -> dict[str, float]:
    """Return by how much bands are off on unseen recordings, root mean square in dB: before, and by steps."""
    before: list[Float32] = []
    after: dict[int, list[Float32]] = {count: [] for count in networks}
    for one in unseen:
        sung = one.weight > 0.0
        before.append(one.lack[sung])
        told = torch.from_numpy(one.condition)[None]
        start = noise * torch.from_numpy(Randomness(BANDS).process(sung.size))[None] if noise else None
        for count, network in networks.items():
            added = refined(network, told, count, start)[0].numpy()
            after[count].append((one.lack - added)[sung])
    scores = {"lack_db": _db(before)}
    return scores | {f"lack_db_{count}": _db(left) for count, left in sorted(after.items())}


def _db(parts: Sequence[Float32]) -> float:
    every = np.concatenate(parts)
    return round(float(np.sqrt(np.mean(every**2))) / NEPER_PER_DB, 3) if every.size else float("nan")


def _write_log(path: Path, log: Sequence[Decision]) -> None:
    """Write the decisions of the dynamic adjustment with their figures, as JSON."""
    if not log:
        return
    entries = [
        {**one._asdict(), "worths": [{**worth._asdict(), "ratio": worth.ratio} for worth in one.worths]}
        for one in log
    ]
    with whole(path) as partial:
        partial.write_text(json.dumps(entries, indent=2), encoding="utf-8")
