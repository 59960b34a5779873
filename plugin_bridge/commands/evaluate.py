"""`plugin-bridge evaluate`: score conversions, copies and pitch trackers, with plots."""

from __future__ import annotations

import argparse
from pathlib import Path

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import (
    add_parameters,
    add_pitch,
    add_seconds,
    add_singer,
    from_text,
    number_within,
)
from plugin_bridge.commands.report import add_report
from plugin_bridge.control.parameters import PARAMETERS

SNR_DB = 5.0
JUDGES = ("resemblyzer", "d-vector", "tune")
"""Names of `models.metrics.speaker.JUDGES`, which takes a second to load."""
_EPILOG = """\
Conversion (SOURCE or --plan): cents, F0RMSE, corr. (correlation), gross (more than 50 cents off), octave
and F1 (voicing) compare the pitch of the output, measured by a tracker other than the engine's, with the
pitch the engine asked for. spread is the standard deviation of that pitch in cents: a held note has little
to correlate. src ct and src F1 compare the two trackers on the source. before and after are the similarity
of source and output to the singer's held-out recordings (by the judge --likeness: Resemblyzer, a d-vector
or TUNe, our own, which knows fewer voices than they and errs more about new ones), and real is that of
those recordings to each other, in clips of the same length, since short clips score lower. STOI compares
the output with the source; it drops when the voice is transposed, so "at pi." repeats it at the source's
pitch. With --music the engine hears the source mixed with accompaniment, and pitch is compared with that of
the clean source, moved by the interval the engine chose, in frames where two trackers agree.

Copy synthesis (--copy): the singer sings its own held-out recordings at their pitch and likeness 0.
Everything is compared with the recording; (rec.) is the similarity of the recording itself to all of them.
LSD is the log-spectral distance in dB (Gray and Markel 1976) of bands one harmonic wide, where it is voiced.

Words, for both: err. is the share of phonemes that a recogniser of speech (Whisper base) gets wrong, letters
where the language is not Japanese: against the labels (HTS, NAME.lab beside NAME.wav) or the words
(NAME.lyrics.txt), or else against what it understands of the source; err.src is that of the source itself.
vowels and cons. are the shares of labelled vowels and consonants that another recogniser (snfa, Japanese)
hears as such, with "src" in the source. rise is the dB by which consonants rise above 2 kHz within 4 ms, and
lead by how many ms they come before the source's. d-vec. and TUNe are judges of likeness, too, d real and t
real the singer's recordings among one another. level is the output's loudness over the source's, dB. At the
end stands how many phones of each kind are heard right, in the source and in the output, and what is heard
instead.

Life, for both: harmonics-to-noise ratio (HNR, dB) in 1-2, 2-4, 4-8 and 8-12 kHz, shimmer and jitter
(Praat), and by how many dB the spectrum moves within 10 ms of held vowels; "re." and "real" stand for the
singer's held-out recordings. GV is the global variance of bands (Toda and Tokuda 2007) as a ratio to the real
one, 1 being as alive; m. 4, m. 10 and m. 30 are by how many dB bands are modulated more than real ones
(modulation spectrum, Takamichi et al. 2016) at 4-10, 10-20 and 30-50 Hz. Real are, for a copy, its recording
and, for a conversion, the singer's held-out recordings.

Plans (--plan): every voice of the plan is sung by every --singer (default: all that ship); by the singer of
its own name it is a copy, and its recordings are that singer's reference. `heldout` and `quick` ship: the
recordings that no training of this project may hear, and a dozen of them. --data is the folder they are in.

Melody (--melody): every voice is mixed with an excerpt of the accompaniment, chosen by the voice's name, at
15 to 0 dB SNR (mean powers where the voice is within 40 dB of its loudest). Trackers are compared with the
pitch of the clean voice: seconds,hertz in NAME.f0.csv beside NAME.wav (0 hertz: unvoiced) or, without that
file, what the independent tracker and periodicity agree on within 50 cents; other frames are not scored,
which favours these two on clean voices. With --singer that singer sings the voices first, and the pitch it
was asked for is the exact label. F0RMSE is of ln f0 in frames voiced in both, x clean is its ratio to that
of clean voices; F0CORR is the mean over voices that move by 50 cents or more; right is the share of frames
with the right voicing and within 50 cents. RPA, RCA, OA, VR and VFA are MIREX's raw pitch and raw chroma
accuracy, overall accuracy, voicing recall and voicing false alarm rate, computed by mir_eval. ms/s is
computing time per second of audio.

Trackers: melody and periodicity are the engine's, pyin is librosa's, swiftf0 is SwiftF0 by itself, praat is
Praat's autocorrelation; crepe (torchcrepe) is compared if you installed it.

Exit status: 0 done, 2 bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Score conversions; with --copy, how well a singer reproduces its own recordings; with --melody, "
        "how well pitch trackers follow a voice under accompaniment."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("sources", nargs="*", type=Path, metavar="SOURCE", help="audio files, or folders of them")
    add_singer(parser, "may be repeated; with --plan default: all that ship", several=True)
    add(
        "--reference",
        action="append",
        default=[],
        metavar="[SINGER=]PATH",
        help="file or folder of held-out recordings of a singer; may be repeated",
    )
    add(
        "--plan",
        metavar="FILE",
        help="TOML file that names held-out voices, instead of SOURCE; or one that ships: heldout, quick",
    )
    add("--data", type=Path, metavar="FOLDER", help="where the plan's recordings lie; default: beside it")
    add("--copy", nargs="+", type=Path, metavar="PATH", help="held-out recordings to reproduce")
    add("--melody", nargs="+", type=Path, metavar="VOICE", help="clean voices to compare pitch trackers on")
    add(
        "--music",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="accompaniment: for --melody any files; for SOURCE one file for each or one for all, mixed from "
        "its start",
    )
    add(
        "--snr",
        type=number_within(-20, 60),
        default=SNR_DB,
        metavar="DB",
        help=f"level of SOURCE over --music where it sounds; default {SNR_DB:g}",
    )
    add(
        "--tracker",
        action="append",
        default=[],
        metavar="NAME",
        help="tracker to compare with --melody; may be repeated; default: all that are installed",
    )
    add(
        "--likeness",
        action=_Likeness,
        metavar="JUDGE",
        help=f"judge of similarity: {', '.join(JUDGES)}; default {JUDGES[0]}. A number from 0 to 1 is the "
        "parameter of that name: how strongly the singer's own sounds replace the source's",
    )
    add_pitch(parser)
    add_seconds(
        parser, 0.0, 0.0, "use only this much of each clip, where it has the most singing; default: all"
    )
    add_report(parser, "folder for a plot of each pair or voice: spectrograms and pitch")
    # No notes come that could be a melody.
    add_parameters(parser, leave_out=("singer", "melody", "likeness"))
    parser.set_defaults(run=run, judge=JUDGES[0], parameter_likeness=None)


class _Likeness(argparse.Action):
    """Take the name of a judge, or the value of the parameter, which is called so, too."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Set the one or the other."""
        if values in JUDGES:
            namespace.judge = values
            return
        try:
            namespace.parameter_likeness = from_text(PARAMETERS["likeness"], str(values))
        except argparse.ArgumentTypeError as error:
            names = ", ".join(JUDGES)
            parser.error(f"argument {option_string}: {error}; or name a judge: {names}")


def run(arguments: argparse.Namespace) -> int:
    """Print the table that was asked for."""
    from plugin_bridge.commands.evaluatemelody import run_melody  # noqa: PLC0415
    from plugin_bridge.commands.evaluatepairs import run_pairs  # noqa: PLC0415

    _check(arguments)
    return run_melody(arguments) if arguments.melody else run_pairs(arguments)


def _check(arguments: argparse.Namespace) -> None:
    planned = arguments.plan is not None
    listed = bool(arguments.sources or (arguments.reference and not planned))
    tasks = (listed, planned, arguments.copy is not None, arguments.melody is not None)
    if sum(tasks) != 1:
        raise UsageError(
            "one thing to evaluate is needed; give SOURCE... with --reference, --copy, --plan or --melody"
        )
    if arguments.melody is None and arguments.tracker:
        raise UsageError("--tracker goes with --melody only; leave it out")
    if arguments.music and not (listed or arguments.melody):
        raise UsageError("--music goes with SOURCE... or --melody only; leave it out")
    if arguments.data is not None and not planned:
        raise UsageError("--data goes with --plan only; leave it out")
    if (listed or arguments.copy) and not arguments.singer:
        raise UsageError("a singer is needed; name it with --singer")
    if listed and not (arguments.sources and arguments.reference):
        raise UsageError("sources and held-out recordings are needed; give SOURCE... and --reference")
