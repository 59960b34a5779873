"""`plugin-bridge notes`: a vocal in, its notes as a MIDI file out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_force, add_pitch, number_within
from plugin_bridge.files.printable import printable
from plugin_bridge.files.standardstreams import STANDARD_STREAM

if TYPE_CHECKING:
    from plugin_bridge.measure.transcription import Transcription

_SUFFIXES = (".mid", ".midi")
_EPILOG = """\
A note begins where the voice sets in, where its pitch steps, and where its level dips and rises on one pitch.
Vibrato and slides begin none, and grace notes under 60 ms join their neighbour; two vowels on one pitch
without a consonant between them are one note. A voice that is tuned higher or lower than A = 440 Hz is
brought to the nearest notes as a whole, and a line says by how much. Velocity is loudness.

The notes lie in time with the recording. --tempo says where the beats of the MIDI file are, and moves no
note. 'plugin-bridge sing melody.mid' sings them again.

Exit status: 0 done, 2 bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Write the notes that a voice sings as a MIDI file."
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="audio file; - is standard input")
    add("-o", "--output", type=Path, metavar="MIDI", help="MIDI file to write; default: beside FILE")
    add(
        "--tempo",
        type=number_within(10, 1000),
        default=120.0,
        metavar="BPM",
        help="beats a minute of the MIDI file, 10 to 1000; default 120",
    )
    add_pitch(parser)
    add_force(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the notes and print a line."""
    from models.wholefile import check_target  # noqa: PLC0415
    from plugin_bridge.measure.transcription import transcription  # noqa: PLC0415 - loads soundfile
    from plugin_bridge.midi.notesfile import write_notes  # noqa: PLC0415 - loads mido

    target = _target(arguments)
    check_target(target, force=arguments.force)
    found = transcription(arguments.file, arguments.pitch)
    if found.remark:
        print(printable(f"plugin-bridge notes: {found.remark}"), file=sys.stderr)
    write_notes(target, found.notes, tempo=arguments.tempo, force=arguments.force)
    print(printable(f"{target}: {_summary(found)}"))
    return 0


def _target(arguments: argparse.Namespace) -> Path:
    target: Path | None = arguments.output
    if target is None:
        if arguments.file == STANDARD_STREAM:
            raise UsageError("standard input has no folder to write to; name the MIDI file with -o")
        target = arguments.file.with_suffix(_SUFFIXES[0])
    if target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{str(target)!r} does not end in {_SUFFIXES[0]}; name such a file with -o")
    return target


def _summary(found: Transcription) -> str:
    from dsp.units import semitones_to_hz  # noqa: PLC0415
    from models.metrics.pictures import note_name  # noqa: PLC0415

    pitches = [note.pitch for note in found.notes]
    low, high = (note_name(semitones_to_hz(pitch)) for pitch in (min(pitches), max(pitches)))
    count = f"{len(pitches)} note{'s' * (len(pitches) != 1)}"
    return f"{count}, {low} to {high}, tuned {100.0 * found.tuning:+.0f} cents"
