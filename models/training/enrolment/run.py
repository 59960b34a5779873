"""Train the network that all voices share, upon which `plugin-bridge enrol` makes singers.

    python -m models.training.enrolment VOICES/ -o shared.npz

VOICES holds a folder of recordings for each voice. `--start` takes the checkpoint of a singer's training,
from which it begins; that saves hours. All that is made on the way lies in the folder `--work`; interrupt it
when you like, the same command goes on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from tqdm import tqdm

from models.content.file import ContentEncoder, digest, shipped
from models.training.command import add_run, check_run, parser_of, run
from models.training.enrolment.file import SharedManifest, write_shared
from models.training.enrolment.network import SharedEstimator
from models.training.enrolment.songs import songs_of
from models.training.enrolment.training import SharedTrainer
from models.training.enrolment.voices import read_voices
from models.training.runfolder import claimed
from models.training.schedule import train
from models.training.singer.training import Plan
from models.wholefile import check_output

COMMAND = "python -m models.training.enrolment"
STEPS = 12000
REPORT_EVERY = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("voices", type=Path, metavar="VOICES", help="folder of a folder for each voice")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    add("--start", type=Path, metavar="FILE", help="checkpoint.pt of a singer's training to begin with")
    add_run(parser, "the voices", STEPS)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    check_output(options.output)
    torch.set_num_threads(1)
    with claimed(options.work):
        voices = read_voices(options.voices, options.work / "analyses", _shown)
        encoder = ContentEncoder(shipped())
        trainer = SharedTrainer(voices, encoder, Plan(steps=options.steps))
        checkpoint = options.work / "checkpoint.pt"
        if checkpoint.exists():
            trainer.load(checkpoint)
        elif options.start:
            trainer.begin_with(options.start)
        losses: deque[float] = deque(maxlen=REPORT_EVERY)

        def report(step: int, loss: float) -> None:
            losses.append(loss)
            if (step + 1) % REPORT_EVERY == 0:
                print(step + 1, f"{np.mean(losses):.4f}", flush=True)  # noqa: T201

        train(trainer, checkpoint, report)
    manifest = SharedManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        content=digest(encoder.path),
        voices=tuple(voice.name for voice in voices),
        steps=trainer.step,
    )
    network = cast(SharedEstimator, trainer.averaged[0])
    write_shared(network, songs_of(voices, encoder), manifest, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def _shown(paths: Sequence[Path]) -> Iterable[Path]:
    return tqdm(paths, "voices", disable=None)


if __name__ == "__main__":
    sys.exit(main())
