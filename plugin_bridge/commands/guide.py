"""`plugin-bridge guide`: a backing track in, a vocal that fits it out, with its notes and a mix."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from dsp.units import MAX_SEED
from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_force, add_json, add_progress, number_within
from plugin_bridge.commands.progress import shown_progress
from plugin_bridge.commands.rendering import listener_of
from plugin_bridge.errors import ScoreError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.guide.guide import GuideSettings
    from plugin_bridge.singing.guide import GuideResult

_EPILOG = """\
Beats, chords and key are heard in the backing track, a melody is composed to them within the range of the
singer, and sung from the first bar on. It is a guide: for a demo, for a singer to learn, or to be edited.
Open the notes (--midi) in a DAW, change what you like, and have them sung again by 'plugin-bridge sing'.

Another seed is another melody; the same seed, singer and options give the same bytes. Backing tracks are
taken to be in four-four time, 4 s to 20 minutes long.

Exit status: 0 done, 2 bad input, 130 interrupted, 143 terminated.
"""
_NOTE = re.compile(r"([A-Ga-g])([#b♯♭]?)(-?\d)")
_LETTERS = "C D EF G A B"
"""Each at its semitone."""
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "Compose a melody to a backing track and sing it in any singer's voice. Needs the extra 'guide'."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("backing", type=Path, metavar="BACKING", help="audio file of the music without its voice")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="file of the vocal: .wav, .aiff or .flac; default: beside the backing track",
    )
    add("--midi", type=Path, metavar="PATH", help="also write its notes and syllables, as a MIDI file")
    add("--mix", type=Path, metavar="PATH", help="also write it mixed with the backing track")
    add("--singer", required=True, metavar="SINGER", help="id or path of a singer file")
    add(
        "--seed",
        type=number_within(0, MAX_SEED, whole=True),
        default=0,
        metavar="N",
        help="names the melody and the take; default 0",
    )
    add("--low", type=note_number, metavar="NOTE", help="lowest note, as A3 or 57; default: the singer's")
    add("--high", type=note_number, metavar="NOTE", help="highest note; default: the singer's")
    add(
        "--density",
        type=number_within(0, 1),
        default=0.5,
        metavar="X",
        help="0 for few notes, 1 for many; default 0.5",
    )
    add("--key", default="", metavar="KEY", help='such as "A minor" or "Eb major"; default: as it is heard')
    add("--style", metavar="NAME", help="how it is phrased, pop if absent; a wrong name lists them")
    add("--composer", metavar="NAME", help="what composes it; a wrong name lists them")
    add("--lyrics", default="", metavar="TEXT", help="what is sung, as of 'sing'; default: la, na and so on")
    add_force(parser)
    add_json(parser)
    add_progress(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compose and sing."""
    from plugin_bridge.singing.guide import GuideFiles, make_guide  # noqa: PLC0415 - loads numpy

    vocal = arguments.output or arguments.backing.with_suffix(f".{Path(arguments.singer).stem}-guide.wav")
    try:
        files = GuideFiles(vocal, arguments.midi, arguments.mix, force=arguments.force)
        settings = _settings(arguments)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.lyrics and not arguments.lyrics.strip():
        raise ScoreError("the lyrics are empty; leave them out for syllables such as la and na")
    with shown_progress(arguments.backing.name, 1, arguments.progress) as shown:
        notes: list[str] = []
        try:
            done = make_guide(
                arguments.backing,
                files,
                arguments.singer,
                settings,
                lyrics=arguments.lyrics,
                listener=listener_of("guide", shown, notes),
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
    if arguments.json:
        print(json.dumps(_found(done, notes), indent=2))
    else:
        print("\n".join(printable(line) for line in _lines(done, files.all)))
    return 0


def note_number(text: str) -> int:
    """Return the MIDI note that a text names: a number, or a letter and an octave, of which A4 is 69.

    Raises:
        argparse.ArgumentTypeError: it names none.
    """
    if named := _NOTE.fullmatch(text):
        letter, sign, octave = named.groups()
        number = 12 * (int(octave) + 1) + _LETTERS.index(letter.upper()) + _SIGNS[sign]
    else:
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else -1
    if not 0 <= number <= 127:
        raise argparse.ArgumentTypeError(f"{text!r} is no note; give one as A3, F#4 or a MIDI number")
    return number


def _settings(arguments: argparse.Namespace) -> GuideSettings:
    from models.guide.guide import GuideSettings  # noqa: PLC0415 - loads numpy

    named = {name: getattr(arguments, name) for name in ("style", "composer") if getattr(arguments, name)}
    return GuideSettings(
        low=arguments.low,
        high=arguments.high,
        density=arguments.density,
        key=arguments.key,
        seed=arguments.seed,
        **named,
    )


def _found(done: GuideResult, sentences: list[str]) -> dict[str, object]:
    guide = done.guide
    return {
        "vocal": {**asdict(done.vocal), "source": str(done.vocal.source), "target": str(done.vocal.target)},
        "bpm": round(guide.bpm, 3),
        "key": guide.key.name,
        "tuning_cents": round(100.0 * guide.tuning, 1),
        "chords": [
            {"start": round(one.start, 3), "seconds": round(one.seconds, 3), "chord": one.chord.name}
            for one in guide.chords
        ],
        "melody": [note._asdict() for note in guide.notes],
        "listening_seconds": round(done.listening_seconds, 3),
        "notes": sentences,
    }


def _lines(done: GuideResult, files: list[Path]) -> list[str]:
    guide = done.guide
    heard = f"{guide.key.name}, {guide.bpm:.1f} beats a minute, {len(guide.notes)} notes"
    return [f"{files[0]}: {done.vocal.singer}, {done.vocal.seconds:.2f} s, {heard}", *map(str, files[1:])]
