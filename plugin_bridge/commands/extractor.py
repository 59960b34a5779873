"""`plugin-bridge extractor`: train a melody extractor on a self-supervised encoder; can be continued."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import how_to_install
from models.wholefile import check_target
from plugin_bridge.commands.options import add_force, add_json
from plugin_bridge.commands.training import Bars, end_by_exception, positive
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.extractor.manifest import ExtractorManifest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Train an extractor of pitch, energy, voicing and a melody feature that works on mixes, on top of "
        "an encoder that you provide; nothing is downloaded. You can interrupt it at any time: the same "
        "command continues where it stopped. Needs the extra 'ssl'."
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="dry recordings of voices; subfolders are included")
    add("--music", type=Path, required=True, metavar="FOLDER", help="accompaniment without a voice")
    add(
        "--encoder",
        type=Path,
        required=True,
        metavar="HF_FOLDER",
        help="HuBERT or WavLM from Hugging Face: config.json and model.safetensors",
    )
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="extractor file to write, .onnx")
    add(
        "--steps",
        type=positive,
        default=5000,
        metavar="N",
        help="training steps, including those of earlier runs; default 5000",
    )
    add(
        "--layers",
        choices=("weighted", "last"),
        default="weighted",
        help="use a weighted sum of all layers of the encoder, or the last one; default weighted",
    )
    add("--no-fft", action="store_true", help="train without the FFT blocks")
    add("--freeze", action="store_true", help="do not train the encoder")
    add(
        "--hold-out",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="voices and music to leave out of the training and score with; default: every tenth voice. The "
        "last third of all other music is left out, too",
    )
    add("--device", choices=("cpu", "cuda"), help="default: cuda where available")
    add("--threads", type=positive, metavar="N", help="CPU threads; default: all")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train and print the scores; returns 130 after an interrupt, with the checkpoint written."""
    check_target(arguments.output, force=arguments.force)
    end_by_exception()
    try:
        manifest = _train(arguments)
    except KeyboardInterrupt:
        print("\nplugin-bridge extractor: stopped; run the same command to go on", file=sys.stderr)
        return 130
    if arguments.json:
        print(manifest.model_dump_json(indent=2))
    else:
        print(printable(f"{arguments.output}: {manifest.encoder}, {manifest.steps} steps"))
        for when in ("before", "after"):
            shares = getattr(manifest, f"layer_weights_{when}")
            print(f"layer weights {when} tuning: {' '.join(f'{share:.3f}' for share in shares)}")
        print(f"held out: {json.dumps(manifest.scores)}")
    return 0


def _train(arguments: argparse.Namespace) -> ExtractorManifest:
    try:
        from models.training.extractor.recipe import Sources, train_extractor  # noqa: PLC0415 - torch is an extra
        from models.training.extractor.training import Plan  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the extractor needs {error.name}, which is not installed; {how_to_install('ssl')}"
        ) from error
    plan = Plan(
        steps=arguments.steps,
        layers=arguments.layers,
        fft=not arguments.no_fft,
        freeze=arguments.freeze,
    )
    with Bars(plan.steps) as bars:
        return train_extractor(
            Sources(arguments.folder, arguments.music, arguments.encoder),
            arguments.output,
            plan=plan,
            hold_out=arguments.hold_out,
            device=arguments.device,
            threads=arguments.threads,
            listener=bars.listener(),
        )
