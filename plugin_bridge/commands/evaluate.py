"""`plugin-bridge evaluate`: conversions, copies and pitch trackers, in figures and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_parameters, add_pitch, add_seconds, add_singer, number_within
from plugin_bridge.commands.report import add_report

SNR_DB = 5.0
_EPILOG = """\
Conversion: cents, corr(elation), gross (beyond 50 cents), octave and F1 (voicing) compare the output's pitch,
measured by another tracker than the engine's, with what the engine asked for; spread is how many cents that
moves: a held note has little to correlate. src ct and src F1 compare the two trackers on the source. before
and after are the likeness of source and output to the singer's held-out recordings (Resemblyzer), real that
of those recordings among themselves in clips as long: short ones tell less. STOI is of the output against the
source; it falls when the voice is transposed, so "at pi." is the same at the source's pitch.
With --music the engine hears the source under accompaniment; cents and the rest compare the output's pitch
with that of the clean source, moved by the interval the engine chose, where two trackers agree on it.
Copy synthesis: the singer sings its own held-out recordings at their own pitch and likeness 0; all is
compared with the recording, and (rec.) is the recording's own likeness to them all.
Melody: every voice is mixed with an excerpt of the accompaniment drawn by its name, at 15 to 0 dB SNR (mean
powers where the voice is within 40 dB of its loudest). Trackers are compared with the pitch of the clean
voice: seconds,hertz in NAME.f0.csv beside NAME.wav (0 hertz: unvoiced), or what the independent tracker and
`periodicity` agree on within 50 cents; other frames carry no score, which favours these two when clean.
With --singer the voices are sung by it first, and the pitch it was asked for is the exact label. F0RMSE is of
ln f0 over frames voiced in both, x clean its rise; F0CORR the mean over voices that move by 50 cents; right
the share of frames right in voicing and within 50 cents; RPA, RCA, OA, VR and VFA are MIREX's raw pitch and
raw chroma accuracy, overall accuracy, voicing recall and voicing false alarm, by mir_eval; ms/s is the
computing for a second of audio.
Trackers: melody and periodicity are the engine's, pyin is librosa's, swiftf0 SwiftF0 by itself; praat
(praat-parselmouth) and crepe (torchcrepe) where you installed them.
Exit status: 0 done, 2 bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Score conversions; with --copy how well a singer copies its own recordings; with "
        "--melody how pitch trackers do under accompaniment."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("sources", nargs="*", type=Path, metavar="SOURCE", help="audio files, or folders of them")
    add_singer(parser, "may be repeated", several=True)
    add(
        "--reference",
        action="append",
        default=[],
        metavar="[SINGER=]PATH",
        help="held-out recordings of a singer, a file or a folder; may be repeated",
    )
    add("--plan", type=Path, metavar="FILE", help="TOML with pairs and references, instead of these three")
    add("--copy", nargs="+", type=Path, metavar="PATH", help="held-out recordings for copy synthesis")
    add("--melody", nargs="+", type=Path, metavar="VOICE", help="clean voices to compare pitch trackers on")
    add(
        "--music",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="accompaniment for --melody; for SOURCE one file for each or one for all, from the start",
    )
    add(
        "--snr",
        type=number_within(-20, 60),
        default=SNR_DB,
        metavar="DB",
        help=f"of SOURCE over --music, where it is heard (default {SNR_DB:g})",
    )
    add("--tracker", action="append", default=[], metavar="NAME", help="for --melody; may be repeated")
    add_pitch(parser)
    add_seconds(parser, 0.0, 0.0, "of a longer clip take the stretch of this length with the most singing")
    add_report(parser, "a picture of each pair or voice: spectrograms and pitch")
    add_parameters(parser, leave_out=("singer", "melody"))  # no notes come that could be a melody
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table that was asked for."""
    from plugin_bridge.commands.evaluatemelody import run_melody  # noqa: PLC0415
    from plugin_bridge.commands.evaluatepairs import run_pairs  # noqa: PLC0415

    _check(arguments)
    return run_melody(arguments) if arguments.melody else run_pairs(arguments)


def _check(arguments: argparse.Namespace) -> None:
    listed = bool(arguments.sources or arguments.reference)
    tasks = (listed, *(task is not None for task in (arguments.plan, arguments.copy, arguments.melody)))
    if sum(tasks) != 1:
        raise UsageError(
            "one thing to evaluate is needed; give SOURCE... with --reference, --copy, --plan or --melody"
        )
    if arguments.melody is None and arguments.tracker:
        raise UsageError("--tracker goes with --melody only; leave it out")
    if arguments.music and not (listed or arguments.melody):
        raise UsageError("--music goes with SOURCE... or --melody only; leave it out")
    if arguments.plan is not None and arguments.singer:
        raise UsageError("--singer does not go with --plan, which names the singers; leave one out")
    if (listed or arguments.copy) and not arguments.singer:
        raise UsageError("a singer is needed; name it with --singer")
    if listed and not (arguments.sources and arguments.reference):
        raise UsageError("sources and held-out recordings are needed; give SOURCE... and --reference")
