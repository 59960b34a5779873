"""`plugin-bridge enrol`: make a singer of half a minute of a voice, in about a minute."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import how_to_install
from models.wholefile import Scratch, check_target, unwritable
from plugin_bridge.commands.options import add_force, add_json, add_progress
from plugin_bridge.commands.progress import printed_progress
from plugin_bridge.commands.training import Bars, add_facts, end_by_exception, output_of, positive
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.singer.manifest import Manifest

_MAX_SECONDS = 600.0
"""Of each reference; two minutes of singing are heard of all of them."""


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
        help="recordings of the voice: WAV, AIFF, FLAC, OGG, MP3 and so on, or sessions recorded live",
    )
    add_facts(parser)
    parser.add_argument("--threads", type=positive, metavar="N", help="CPU threads; default: all")
    add_force(parser)
    add_json(parser)
    add_progress(parser)
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
    with Bars(ENROLMENT.steps) as bars, _voices(arguments.references, output) as voices:
        listener = replace(bars.listener(), told=_tell)
        if arguments.progress:
            listener = replace(listener, step=_estimated(ENROLMENT.steps, printed_progress()))
        return enrol_singer(voices, facts, output, threads=arguments.threads, listener=listener)


@contextmanager
def _voices(references: Sequence[Path], output: Path) -> Iterator[list[Path]]:
    """Give the beginning of each reference as a WAV file beside the output, removed at the end.

    So that a session, of which the input is taken, and every format is heard that can be bounced.
    """
    with ExitStack() as stack:
        voices = [stack.enter_context(Scratch(output)).path for _ in references]
        for reference, voice in zip(references, voices, strict=True):
            try:
                _copy(reference, voice)
            except OSError as error:
                raise unwritable(output, error) from error
        yield voices


def _copy(reference: Path, voice: Path) -> None:
    from plugin_bridge.bounce.sources import open_source  # noqa: PLC0415 - loads numpy and soundfile
    from plugin_bridge.files.wavstream import WavStream  # noqa: PLC0415

    with open_source(reference) as source:
        if source.note:
            _tell(source.note)
        left = frames = min(source.frames, round(_MAX_SECONDS * source.sample_rate))
        if frames < source.frames:
            _tell(f"only the first {_MAX_SECONDS / 60.0:g} min of {reference.name} are heard")
        with voice.open("wb") as file:
            wave = WavStream(file, source.sample_rate, source.channels, "32f", frames)
            for chunk in source.chunks():
                wave.write(chunk[:, :left].T)
                left -= chunk.shape[1]
                if left <= 0:
                    break


def _estimated(steps: int, move: Callable[[float, float], None]) -> Callable[[int, float], None]:
    """Return what hears of each step and calls `move` with the seconds passed and, by their pace, in all."""
    began, first = time.monotonic(), 0.0

    def step(number: int, _: float) -> None:
        nonlocal first
        now = time.monotonic()
        first = first or now
        if number:  # the first tells no pace
            move(now - began, now - began + (now - first) / number * (steps - 1 - number))

    return step


def _tell(sentence: str) -> None:
    print(printable(f"plugin-bridge enrol: {sentence}"), file=sys.stderr)
