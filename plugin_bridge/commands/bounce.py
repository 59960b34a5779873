"""`plugin-bridge bounce`: convert stems to another singer's voice, file to file."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dsp.units import MAX_SEED
from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import (
    add_force,
    add_jobs,
    add_parameters,
    add_pitch,
    add_progress,
    number_within,
    parameter_values,
)
from plugin_bridge.commands.progress import shown_progress
from plugin_bridge.files.printable import printable
from plugin_bridge.files.standardstreams import STANDARD_STREAM, give_up_standard_output
from plugin_bridge.interrupts import postponed

if TYPE_CHECKING:
    from plugin_bridge.bounce.batch import BounceJob
    from plugin_bridge.bounce.bounce import BounceResult
    from plugin_bridge.bounce.many import BounceOutcome
    from plugin_bridge.bounce.settings import BounceSettings

BROKEN_PIPE = 141
"""Exit status when the reader of standard output has closed it: 128 + SIGPIPE, as in a shell."""
_EPILOG = """\
Reads WAV, AIFF, FLAC, OGG, MP3, CAF, W64, AU and VOC, and with the extra 'formats' also m4a, AAC, WebM,
Matroska, WMA, WavPack and the like; mono or stereo, at any rate from 8 kHz. The output has the rate, the
channels and the length of the input. 16 and 24 bit are dithered (TPDF, drawn from --dither-seed and the
sample position); digital silence stays silent. An automatic tail ends where the sound stays below -100 dBFS
for two seconds, or after a minute. Title, artist and so on are kept, and from WAV to WAV also the bext, iXML,
axml, cue and smpl chunks; pictures and other tags are lost.

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
    add(
        "--singer",
        metavar="SINGER",
        default="",
        help="id of a singer (see 'plugin-bridge singers') or path of a singer file",
    )
    add(
        "--preset",
        metavar="PRESET",
        help="name or TOML file of a preset: singer, parameters and effects; options override it",
    )
    add(
        "--trust-preset",
        action="store_true",
        help="let the preset load VST3 plug-ins from outside the system's plug-in folders",
    )
    add("--automation", type=Path, metavar="FILE", help="MIDI file, or score of timed events in JSON lines")
    add(
        "--midi-map",
        type=Path,
        metavar="FILE",
        help="TOML file that assigns MIDI programs and controllers, instead of the built-in map",
    )
    add(
        "--midi-channel",
        type=number_within(1, 16, whole=True),
        metavar="N",
        help="use only this channel of the MIDI file, 1 to 16; never drums (channel 10)",
    )
    add(
        "--midi-track",
        type=number_within(1, 65535, whole=True),
        metavar="N",
        help="use only this track of the MIDI file, counted from 1; default: the one named like a voice, "
        "or the one with the most notes",
    )
    add(
        "--midi-start",
        action="store_true",
        help="let program changes and controllers at the very start of the MIDI file, which many programs "
        "export unasked, override --singer, --gain and the other options",
    )
    add(
        "--format",
        choices=("wav", "aiff", "flac"),
        help="output format; default: from the name of the output, else wav",
    )
    add(
        "--bits",
        choices=("16", "24", "32f"),
        help="output sample format; 32f is float (wav only); default 24",
    )
    add(
        "--tail",
        type=_tail,
        default=0.0,
        metavar="SECONDS",
        help="render this much after the end of the input, or 'auto' until it is silent; default 0",
    )
    level = parser.add_mutually_exclusive_group().add_argument
    level(
        "--normalize",
        nargs="?",
        type=number_within(-60, 0),
        const=-1.0,
        metavar="DBFS",
        help="bring the peak to this level; -1 dBFS if no level is given",
    )
    level(
        "--loudness",
        type=number_within(-60, 0),
        metavar="LUFS",
        help="bring the integrated loudness (ITU-R BS.1770) to this level, such as -23, as far as the true "
        "peak stays at or below -1 dBTP",
    )
    level("--match-loudness", action="store_true", help="as --loudness, with the loudness of the input")
    add(
        "--seed",
        type=number_within(0, MAX_SEED, whole=True),
        metavar="N",
        help="seed of the voice's noise; default: the session's, else 0",
    )
    add_pitch(parser, unset="", more="; default: as the session or the preset says, else ")
    add("--dither-seed", type=number_within(0, MAX_SEED, whole=True), metavar="N", help="seed of the dither")
    add(
        "--block",
        type=number_within(1, 2**20, whole=True),
        metavar="N",
        help="samples processed at a time; does not change the sound",
    )
    add(
        "--no-dropouts",
        action="store_false",
        dest="dropouts",
        help="fill in what a live session dropped because the engine was late",
    )
    add_force(parser)
    add_jobs(parser)
    add("--resume", action="store_true", help="skip inputs whose output exists already, to continue a batch")
    add("--json", action="store_true", help="print the report as JSON")
    add_progress(parser)
    add_parameters(parser, leave_out=("singer",))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Bounce every input; one that fails does not stop the rest."""
    from plugin_bridge.bounce.batch import plan_jobs  # noqa: PLC0415 - loads numpy and soundfile
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - loads onnxruntime

    settings = _settings(arguments)
    label = Path(arguments.singer or arguments.preset or "bounced").stem
    notes: list[str] = []

    def tell(sentence: str) -> None:
        notes.append(sentence)
        _say(sentence)

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
        print(json.dumps(found, indent=2), file=_reports(arguments))
    if len(jobs) > 1:
        more = f", {left} are left" if left else ""
        print(f"{len(rows) - failed} of {len(jobs)} files are done, {failed} failed{more}", file=sys.stderr)
    return 128 + signal if signal else 2 if failed else 0


def _settings(arguments: argparse.Namespace) -> BounceSettings:
    from plugin_bridge.bounce.settings import BLOCK, BounceSettings  # noqa: PLC0415
    from plugin_bridge.files.dither import DITHER_SEED  # noqa: PLC0415 - loads numpy

    if arguments.automation is None:
        for name in ("midi_map", "midi_channel", "midi_track", "midi_start"):
            if getattr(arguments, name):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"{option} says how a MIDI file is taken; name the file with --automation")
    preset = None
    if arguments.preset:
        from plugin_bridge.chain.preset import load_preset  # noqa: PLC0415 - loads the chain

        preset = load_preset(arguments.preset, trusted=arguments.trust_preset)
    return BounceSettings(
        singer=arguments.singer,
        preset=preset,
        parameters=parameter_values(arguments),
        automation=arguments.automation,
        midi_map=arguments.midi_map,
        midi_channel=arguments.midi_channel,
        midi_track=arguments.midi_track,
        midi_start=arguments.midi_start,
        seed=arguments.seed,
        pitch=arguments.pitch,
        dither_seed=DITHER_SEED if arguments.dither_seed is None else arguments.dither_seed,
        block=BLOCK if arguments.block is None else arguments.block,
        tail_seconds=arguments.tail,
        normalize_db=arguments.normalize,
        loudness=arguments.loudness,
        match_loudness=arguments.match_loudness,
        dropouts=arguments.dropouts,
        force=arguments.force,
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
                shown.write(_sentence(outcome.error), sys.stderr)
            elif not arguments.json:
                shown.write(_line(outcome.result), _reports(arguments))

        def report(_: BounceJob, sentence: str) -> None:
            shown.write(_sentence(sentence), sys.stderr)

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


def _reports(arguments: argparse.Namespace) -> TextIO:
    """Return where reports go: not between the audio."""
    return sys.stderr if arguments.output == STANDARD_STREAM else sys.stdout


def _say(sentence: str) -> None:
    with suppress(OSError):  # a note that nobody can read is no reason to fail
        print(_sentence(sentence), file=sys.stderr)


def _sentence(sentence: str) -> str:
    return f"plugin-bridge bounce: {printable(sentence)}"


def _line(done: BounceResult) -> str:
    peak = "silent" if done.peak_db is None else f"peak {done.peak_db:.1f} dBFS"
    before = _levels(done.source_loudness, done.source_true_peak_db)
    after = _levels(done.loudness, done.true_peak_db)
    levels = f"{before} before" + (f", {after} now" if done.peak_db is not None else "")
    speed = done.seconds / done.render_seconds
    target = "standard output" if done.target == STANDARD_STREAM else done.target
    return printable(
        f"{target}: {done.singer}, {done.seconds:.2f} s, {peak}, {levels}, {speed:.0f} times real time"
    )


def _levels(loudness: float | None, true_peak: float | None) -> str:
    heard = "no LUFS" if loudness is None else f"{loudness:.1f} LUFS"
    return "silent" if true_peak is None else f"{heard} and {true_peak:.1f} dBTP"


def _tail(text: str) -> float | None:
    if text == "auto":
        return None
    found: float = number_within(0, 3600)(text)
    return found
