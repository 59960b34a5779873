"""Train an encoder of music or singing by contrast alone, and write it as one ONNX file.

    python -m models.training.tune MUSIC/ -o encoder.onnx

MUSIC holds any recordings, in subfolders too; nothing needs to be labelled, as all that is learnt is which
two excerpts, filtered, transposed and reverberant, are of the same half minute. The variants are those of the
paper, and four of 0.11 million weights to be compared, of which one core trains one in an hour. What an
encoder knows then is told by `python -m models.training.tune.probe`. The folder `--work` holds the run;
interrupt it when you like, the same command goes on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from models.errors import TrainingError
from models.training.command import add_run, check_run, parser_of, printed, run
from models.training.runfolder import claimed
from models.training.schedule import device_of, resume
from models.training.tune.architecture import CPU_SIZED, SMALL, VARIANTS
from models.training.tune.examples import PairMaker, read_clips
from models.training.tune.file import manifest_of, write_encoder
from models.training.tune.training import PUBLISHED_RATE, Plan, Trainer
from models.wholefile import check_output

COMMAND = "python -m models.training.tune"
REPORT_EVERY = 20
CHECKPOINT_EVERY = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("music", type=Path, metavar="MUSIC", help="folder of recordings; subfolders count")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the ONNX file to write")
    add("--variant", choices=VARIANTS, default=CPU_SIZED, help=f"what to train; default {CPU_SIZED}")
    add(
        "--batch",
        type=int,
        default=Plan.batch,
        metavar="N",
        help=f"clips at once, two views of each; default {Plan.batch}, as published 48",
    )
    add("--device", choices=("cpu", "cuda"), help="where to train; default cuda where there is one")
    add_run(parser, "the music", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    if options.batch < 2:
        raise TrainingError(f"a batch of {options.batch} has nothing to tell apart; give 2 clips or more")
    words = {name: getattr(options, name) for name in ("licence", "attribution", "training_data")}
    device = device_of(options.device)
    check_output(options.output)
    torch.set_num_threads(1)
    with claimed(options.work):
        pairs = PairMaker(read_clips(options.music, _shown), options.batch)
        rate = Plan.learning_rate if options.variant in SMALL else PUBLISHED_RATE
        plan = Plan(steps=options.steps, batch=options.batch, learning_rate=rate)
        trainer = Trainer(VARIANTS[options.variant], pairs, plan, device)
        resume(trainer, options.work, printed(REPORT_EVERY), CHECKPOINT_EVERY)
    manifest = manifest_of(trainer.network, options.variant, trainer.step, **words)
    write_encoder(trainer.network, manifest, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def _shown(paths: Sequence[Path]) -> Iterable[Path]:
    return tqdm(paths, "music", disable=None)


if __name__ == "__main__":
    sys.exit(main())
