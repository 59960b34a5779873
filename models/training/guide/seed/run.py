"""Train one of the seed's three models on pairs of accompaniments and vocals, and write it as one file.

    python -m models.training.guide.seed PAIRS/ -o vae.pt --model vae
    python -m models.training.guide.seed PAIRS/ -o autovc.pt --model autovc --held HELD/
    python -m models.training.guide.seed.score vae.pt autovc.pt --pairs HELD/ --pictures PICTURES/

PAIRS is what `python -m models.training.guide.pairs` made. The models are those of the paper "Generation of
vocals for accompanying music": a VAE with ResNet-18 blocks, a VAE/GAN, and an AutoVC whose second encoder
hears the accompaniment. The variant `published` has the published size and is for a GPU's day; `small` has
two to fourteen million weights, and one core trains it in a quarter of an hour; `narrow`, of autovc alone, is
the small one with a bottleneck of 16. With `--held` the error of
other pairs is measured on the way. The folder `--work` holds the run; interrupt it when you like, the same
command goes on. These are studies: what they make is no vocal to use. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from models.errors import TrainingError
from models.training.command import add_run, check_run, parser_of, run
from models.training.guide.pairs.database import read_clips
from models.training.guide.seed.examples import examples_of
from models.training.guide.seed.file import described, write_model
from models.training.guide.seed.training import Plan, Trainer
from models.training.guide.seed.variants import SIZES
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.wholefile import check_output

COMMAND = "python -m models.training.guide.seed"
REPORT_EVERY = 20
CHECKPOINT_EVERY = 50
MIN_BATCH = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("pairs", type=Path, metavar="PAIRS", help="folder of a database of pairs")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    add("--model", choices=SIZES, required=True, help="what to train")
    variants = sorted({name for sizes in SIZES.values() for name in sizes})
    add("--variant", choices=variants, default="small", help="its size; default small; narrow is of autovc")
    add("--held", type=Path, metavar="PAIRS", help="another database, to measure on while it trains")
    add("--batch", type=int, default=Plan.batch, metavar="N", help=f"clips at once; default {Plan.batch}")
    add("--seed", type=int, default=Plan.seed, metavar="N", help="of all that is drawn; default 0")
    add_run(parser, "the pairs", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    if options.batch < MIN_BATCH or options.seed < 0:
        raise TrainingError(
            f"a batch of {options.batch} with the seed {options.seed} cannot be drawn; give {MIN_BATCH} or "
            "more clips, and a seed from 0"
        )
    if options.variant not in SIZES[options.model]:
        known = ", ".join(SIZES[options.model])
        raise TrainingError(f"{options.model} has no variant {options.variant!r}; give one of {known}")
    check_output(options.output)
    torch.set_num_threads(1)
    size = SIZES[options.model][options.variant].image
    with claimed(options.work):
        examples = examples_of(read_clips(options.pairs), size)
        held = examples_of(read_clips(options.held), size) if options.held else None
        plan = Plan(steps=options.steps, batch=options.batch, seed=options.seed)
        trainer = Trainer(options.model, options.variant, examples, plan, held)
        resume(trainer, options.work, _report, CHECKPOINT_EVERY)
    words = {name: getattr(options, name) for name in ("licence", "attribution", "training_data")}
    facts = {"steps": trainer.step, **words}
    made = described(options.model, options.variant, trainer.network, examples, trainer.history, facts)
    write_model(made, options.output)
    print(f"{options.output}: {options.model} {options.variant}, {trainer.step} steps")  # noqa: T201
    return 0


def _report(step: int, terms: dict[str, float]) -> None:
    if (step + 1) % REPORT_EVERY == 0:
        print(step + 1, f"loss {terms['loss']:.1f}, {terms['error']:.2f} dB", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
