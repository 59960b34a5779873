"""`plugin-bridge enrol`: make a singer of half a minute of a voice, in about a minute."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import how_to_install
from models.wholefile import check_target
from plugin_bridge.commands.options import add_force, add_json
from plugin_bridge.commands.training import Bars, add_facts, end_by_exception, output_of, positive
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.singer.manifest import Manifest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Make a singer of 10 to 120 s of a voice, dry and alone, in about a minute on one core of a CPU. It "
        "is closest from 30 s on; from some minutes of recordings, 'plugin-bridge train' makes a better one. "
        "Needs the extra 'train'."
    )
    parser.add_argument(
        "references",
        nargs="+",
        type=Path,
        metavar="REFERENCE",
        help="recordings of the voice: WAV, AIFF, FLAC, OGG, MP3 and so on",
    )
    add_facts(parser)
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads; default: all")
    add_force(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enrol and print what was made; returns 130 after an interrupt, with nothing written."""
    output = output_of(arguments)
    check_target(output, force=arguments.force)
    end_by_exception()
    try:
        manifest = _enrol(arguments, output)
    except KeyboardInterrupt:
        print("\nplugin-bridge enrol: stopped; no file was written", file=sys.stderr)
        return 130
    if arguments.json:
        print(manifest.model_dump_json(indent=2, exclude={"tables"}))
    else:
        pitch = f"{manifest.f0_low:.0f}-{manifest.f0_high:.0f} Hz"
        print(printable(f"{output}: {manifest.name}, {pitch}, {manifest.scores['sung_seconds']:g} s sung"))
        print(printable(f"credits: {manifest.attribution}"))
    return 0


def _enrol(arguments: argparse.Namespace, output: Path) -> Manifest:
    try:
        from models.training.enrolment.enrol import ENROLMENT, enrol_singer  # noqa: PLC0415 - torch is an extra
        from models.training.singer.recipe import SingerFacts  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"enrolment needs {error.name}, which is not installed; {how_to_install('train')}"
        ) from error
    names = ", ".join(path.name for path in arguments.references)
    facts = SingerFacts(
        arguments.id,
        arguments.name or arguments.id,
        arguments.licence,
        arguments.attribution,
        f"{names}: a reference of one voice",
    )
    with Bars(ENROLMENT.steps) as bars:
        listener = replace(bars.listener(), told=_tell)
        return enrol_singer(arguments.references, facts, output, threads=arguments.threads, listener=listener)


def _tell(sentence: str) -> None:
    print(printable(f"plugin-bridge enrol: {sentence}"), file=sys.stderr)
