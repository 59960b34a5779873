"""`plugin-bridge train`: train a singer from a folder of recordings; can be interrupted and continued."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import TrainingError, how_to_install
from models.wholefile import check_target
from plugin_bridge.commands.options import add_force, add_json
from plugin_bridge.commands.training import Bars, add_facts, end_by_exception, output_of, positive
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.singer.manifest import Manifest

KINDS = ("sawsing", "ddsp-add", "dwts")
REFINERS = ("diffusion", "regression")
REFINER_SIZES = ("full", "mobile")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Train a singer on a folder of dry recordings of one voice. You can interrupt it at any time: the "
        "same command continues where it stopped. Needs the extra 'train'."
    )
    add = parser.add_argument
    add(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="recordings: WAV, AIFF, FLAC, OGG, MP3 and so on; subfolders are included",
    )
    add_facts(parser)
    add(
        "--steps",
        type=positive,
        default=20000,
        metavar="N",
        help="training steps, including those of earlier runs; default 20000",
    )
    add("--kind", choices=KINDS, default="sawsing", help="synthesizer; default sawsing")
    add(
        "--hold-out",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="recordings to leave out of the training and score with; default: every tenth",
    )
    add(
        "--other-voices",
        type=Path,
        metavar="FOLDER",
        help="recordings of other voices; a second stage of training guards the words of what they sing",
    )
    add(
        "--refiner",
        nargs="?",
        const=REFINERS[0],
        choices=REFINERS,
        help="then train a refiner, which gives the voice the movement that it lacks: a diffusion (the "
        "default), which is distilled to 4, 2 and 1 steps, or a regression; on the CPU",
    )
    add(
        "--refiner-size",
        choices=REFINER_SIZES,
        default=REFINER_SIZES[0],
        help="mobile costs half as much time as full, the default",
    )
    add(
        "--refiner-steps",
        type=positive,
        default=5000,
        metavar="N",
        help="training steps of the refiner, including those of earlier runs; default 5000",
    )
    add("--device", choices=("cpu", "cuda"), help="default: cuda where available")
    add("--threads", type=positive, metavar="N", help="CPU threads; default: all")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and print the scores; returns 130 after an interrupt, with the checkpoint written."""
    output = output_of(arguments)
    if arguments.refiner and arguments.kind != "sawsing":
        raise TrainingError(f"a {arguments.kind} singer takes no refiner; train one of --kind sawsing")
    check_target(output, force=arguments.force)
    end_by_exception()
    try:
        manifest = _train(arguments, output)
    except KeyboardInterrupt:
        print("\nplugin-bridge train: stopped; run the same command to go on", file=sys.stderr)
        return 130
    if arguments.json:
        print(manifest.model_dump_json(indent=2, exclude={"tables"}))
    else:
        pitch = f"{manifest.f0_low:.0f}-{manifest.f0_high:.0f} Hz"
        print(printable(f"{output}: {manifest.name}, {pitch}, {manifest.steps} steps"))
        print(f"held out: {json.dumps(manifest.scores)}")
    return 0


def _train(arguments: argparse.Namespace, output: Path) -> Manifest:
    try:
        from models.training.singer.recipe import SingerFacts, train_singer  # noqa: PLC0415 - torch is an extra
        from models.training.singer.training import Plan  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"training needs {error.name}, which is not installed; {how_to_install('train')}"
        ) from error
    facts = SingerFacts(
        arguments.id,
        arguments.name or arguments.id,
        arguments.licence,
        arguments.attribution,
        f"{arguments.folder.name}: recordings of one voice",
    )
    plan = Plan(
        kind=arguments.kind,
        steps=arguments.steps,
        hold_out=tuple(arguments.hold_out),
        other_voices=arguments.other_voices,
    )
    run_folder = output.with_suffix(".training")
    # An output that is there is refused, so that it may not be before the refiner is trained, too.
    singer = run_folder / "coarse.onnx" if arguments.refiner else output
    with Bars(plan.steps + (plan.adversarial_steps if arguments.other_voices else 0)) as bars:
        manifest = train_singer(
            arguments.folder,
            facts,
            singer,
            plan=plan,
            run_folder=run_folder,
            device=arguments.device,
            threads=arguments.threads,
            listener=bars.listener(),
        )
    return _refine(arguments, singer, output) if arguments.refiner else manifest


def _refine(arguments: argparse.Namespace, singer: Path, output: Path) -> Manifest:
    from models.training.refiner.recipe import refine_singer  # noqa: PLC0415 - loads torch
    from models.training.refiner.training import SIZES, RefinerPlan  # noqa: PLC0415

    channels, blocks, milliseconds = SIZES[arguments.refiner_size]
    plan = RefinerPlan(
        kind=arguments.refiner,
        steps=arguments.refiner_steps,
        channels=channels,
        blocks=blocks,
        milliseconds=milliseconds,
    )
    with Bars(plan.steps) as bars:
        return refine_singer(
            singer,
            arguments.folder,
            output,
            plan=plan,
            hold_out=arguments.hold_out,
            threads=arguments.threads,
            listener=bars.listener(),
        )
