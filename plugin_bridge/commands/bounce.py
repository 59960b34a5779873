"""`plugin-bridge bounce`: convert stems to another singer's voice, file to file."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_jobs, add_pitch
from plugin_bridge.commands.progress import shown_progress
from plugin_bridge.commands.rendering import (
    BROKEN_PIPE,
    add_midi_part,
    add_midi_start,
    add_output,
    add_rate,
    add_voice,
    reports,
    say,
    settings_of,
    summary,
    told,
    use_one_thread,
)
from plugin_bridge.files.standardstreams import STANDARD_STREAM, give_up_standard_output
from plugin_bridge.interrupts import postponed

if TYPE_CHECKING:
    from plugin_bridge.bounce.batch import BounceJob
    from plugin_bridge.bounce.many import BounceOutcome
    from plugin_bridge.bounce.settings import BounceSettings

_EPILOG = """\
Reads WAV, AIFF, FLAC, OGG, MP3, CAF, W64, AU and VOC, and with the extra 'formats' also m4a, AAC, WebM,
Matroska, WMA, WavPack and the like; mono or stereo, at any rate from 8 kHz. The output has the rate, the
channels and the length of the input; Opus and MP3 have rates of their own, of which the next higher one is
taken. 16 and 24 bit are dithered (TPDF, drawn from --dither-seed and the sample position); digital silence
stays silent. Opus takes 128 kbit/s a channel, MP3 the best variable bit rate; players give back the length to
the sample. An automatic tail ends where the sound stays below -100 dBFS for two seconds, or after a minute.

Title, artist and so on are kept; pictures and other tags are lost. A WAV file keeps the bext, iXML, axml,
cue, smpl and adtl chunks of WAV, RF64 and W64, and the markers of AIFF; an AIFF file keeps markers. Times and
markers are those of the output's rate, the coding history has a line more, and the loudness is the new one.

A recorded session is rendered as it was heard, to the sample, with its own singers, parameter changes and
seed. Whatever you ask for here by an option, a preset or an automation file replaces everything the session
says about that parameter: --singer X is heard throughout, whatever was switched live, while all other changes
stay.

Exit status: 0 done, 2 bad input, 130 interrupted, 141 standard output was closed by its reader, 143
terminated.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Convert stems to another singer's voice."
    parser.epilog = _EPILOG
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="audio files, recorded sessions, or folders of them; - reads standard input",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="output file, or a folder for several inputs; - writes WAV to standard output; default: beside "
        "each input",
    )
    add_voice(parser)
    add_midi_part(parser, "the one named like a voice, or the one with the most notes")
    add_midi_start(parser)
    level = add_output(parser, tail="the input", seed="the voice's noise; default: the session's, else 0")
    level.add_argument(
        "--match-loudness", action="store_true", help="as --loudness, with the loudness of the input"
    )
    add_rate(parser, "as the input")
    add_pitch(parser, unset="", more="; default: as the session or the preset says, else ")
    add(
        "--no-dropouts",
        action="store_false",
        dest="dropouts",
        help="fill in what a live session dropped because the engine was late",
    )
    add_jobs(parser)
    add("--resume", action="store_true", help="skip inputs whose output exists already, to continue a batch")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Bounce every input; one that fails does not stop the rest."""
    use_one_thread()
    from plugin_bridge.bounce.batch import plan_jobs  # noqa: PLC0415 - loads numpy and soundfile
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime

    settings = _settings(arguments)
    label = Path(arguments.singer or arguments.preset or "bounced").stem
    notes: list[str] = []

    def tell(sentence: str) -> None:
        notes.append(sentence)
        say("bounce", sentence)

    try:
        jobs = plan_jobs(
            arguments.inputs,
            arguments.output,
            label,
            arguments.format,
            arguments.bits,
            force=arguments.force,
            resume=arguments.resume,
            report=tell,
        )
        if arguments.rate is not None:
            jobs = [replace(job, form=replace(job.form, sample_rate=arguments.rate)) for job in jobs]
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.singer:
        SingerLibrary().load([arguments.singer])  # one sentence for all of them where it is no singer
    try:
        rows, signal = _rows(jobs, settings, arguments)
    except BrokenPipeError:
        if arguments.output != STANDARD_STREAM:
            raise
        give_up_standard_output()
        return BROKEN_PIPE
    failed = sum("error" in row for row in rows)
    left = len(jobs) - len(rows)
    if arguments.json:
        found = {"files": rows, "bounced": len(rows) - failed, "failed": failed, "notes": notes}
        print(json.dumps(found, indent=2), file=reports(arguments))
    if len(jobs) > 1:
        more = f", {left} are left" if left else ""
        print(f"{len(rows) - failed} of {len(jobs)} files are done, {failed} failed{more}", file=sys.stderr)
    return 128 + signal if signal else 2 if failed else 0


def _settings(arguments: argparse.Namespace) -> BounceSettings:
    if arguments.automation is None:
        for name in ("midi_map", "midi_channel", "midi_track", "midi_start"):
            if getattr(arguments, name):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"{option} says how a MIDI file is taken; name the file with --automation")
    return settings_of(
        arguments,
        midi_channel=arguments.midi_channel,
        midi_track=arguments.midi_track,
        midi_start=arguments.midi_start,
        pitch=arguments.pitch,
        match_loudness=arguments.match_loudness,
        dropouts=arguments.dropouts,
    )


def _rows(
    jobs: list[BounceJob], settings: BounceSettings, arguments: argparse.Namespace
) -> tuple[list[dict[str, Any]], int]:
    """Bounce files; return the rows of the report in order, and the number of a signal that ended it."""
    from plugin_bridge.bounce.many import BatchListener, are_bounced_here, bounce_files  # noqa: PLC0415

    skipped = [job for job in jobs if arguments.resume and _is_there(job.target)]
    wanted = [job for job in jobs if job not in skipped]
    with shown_progress(wanted[0].source.name if wanted else "", len(wanted), arguments.progress) as shown:

        def ended(outcome: BounceOutcome) -> None:
            shown.ended()
            if outcome.result is None:
                shown.write(told("bounce", outcome.error), sys.stderr)
            elif not arguments.json:
                shown.write(summary(outcome.result), reports(arguments))

        def report(_: BounceJob, sentence: str) -> None:
            shown.write(told("bounce", sentence), sys.stderr)

        with nullcontext(_no_signal) if are_bounced_here(wanted) else postponed() as signal:
            listener = BatchListener(report, shown.move, ended, signal)
            found = bounce_files(wanted, settings, processes=arguments.jobs, listener=listener)
            number = signal()
    outcomes = {outcome.job.target: outcome for outcome in found}
    rows = [_row(job, outcomes.get(job.target)) for job in jobs]
    return [row for row in rows if row is not None], number


def _row(job: BounceJob, outcome: BounceOutcome | None) -> dict[str, Any] | None:
    """Return a file's row of the report, None where it was not come to."""
    row: dict[str, Any] = {"source": str(job.source), "target": str(job.target)}
    if outcome is None:
        return {**row, "skipped": True}
    if outcome.result is not None:
        return {**asdict(outcome.result), **row, "notes": outcome.notes}
    return {**row, "error": outcome.error} if outcome.error else None


def _no_signal() -> int:
    return 0


def _is_there(target: Path) -> bool:
    return target != STANDARD_STREAM and target.exists()
