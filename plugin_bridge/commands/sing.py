"""`plugin-bridge sing`: a melody with words in, a vocal out."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.progress import shown_progress
from plugin_bridge.commands.rendering import (
    BROKEN_PIPE,
    add_midi_part,
    add_output,
    add_rate,
    add_voice,
    listener_of,
    reports,
    settings_of,
    summary,
)
from plugin_bridge.files.standardstreams import STANDARD_STREAM, give_up_standard_output

_EPILOG = """\
One syllable a note. Hiragana, katakana, romaji (sakura), and plain syllables and words in Latin letters (la
la, doo, hey, ooh, yeah, love) are read; fewer syllables than notes begin again, and - or a long mark holds on
for one more note: "la la - lu" is four notes. Where neither --lyrics nor --lyrics-file is given, the lyric
events of the MIDI file or the text of a karaoke file are sung, and la where there are none. Kanji are not
read.

Vowels begin on their notes, consonants before them, so the vocal lies in time with the song that the MIDI
file belongs to, from its first bar. Notes glide into each other, long ones get a vibrato, and there is a
breath in every rest that has room for one. Velocity is loudness. Of a file with several parts the one that
the words go with is sung, else the one named like a voice, else the one with the most notes; of chords the
highest note; drums never. Without --singer the one of those that ship sings whose voice is nearest; the
melody goes to the octave that suits the singer, and --transpose 0 keeps it as written. Every parameter and
preset of a bounce works here, too: the stem goes through the same engine.

The same melody, singer and seed give the same bytes; another seed is another take.

Exit status: 0 done, 2 bad input, 130 interrupted, 141 standard output was closed by its reader, 143
terminated.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Sing a melody from a MIDI file, with words, in any singer's voice."
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("melody", type=Path, metavar="MELODY", help="MIDI or karaoke file (.mid, .kar)")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="PATH",
        help="output file; - writes WAV to standard output; default: beside the melody",
    )
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--lyrics", metavar="TEXT", help='what is sung, as "la la" or "さくら"')
    words.add_argument(
        "--lyrics-file", type=Path, metavar="FILE", help="text file of what is sung, UTF-8 or Shift-JIS"
    )
    add_voice(parser)
    add_midi_part(parser, "the one that the words go with, that is named like a voice, or has the most notes")
    add_rate(parser, "48000")
    add_output(parser, tail="the last note", seed="the take and of the voice's noise; default 0")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sing the melody."""
    from plugin_bridge.files.writer import OutputFormat, container_of  # noqa: PLC0415 - loads numpy
    from plugin_bridge.midi.notesfile import read_notes  # noqa: PLC0415 - loads mido
    from plugin_bridge.singing.lyrics import read_lyrics  # noqa: PLC0415
    from plugin_bridge.singing.sing import sing  # noqa: PLC0415

    settings = settings_of(arguments)
    label = Path(arguments.singer or arguments.preset or "sung").stem
    target = arguments.output or arguments.melody.with_suffix(f".{label}.{arguments.format or 'wav'}")
    try:
        named = "wav" if target == STANDARD_STREAM else container_of(target)
        if arguments.format not in {None, named}:
            raise UsageError(f"{target.name!r} does not fit --format {arguments.format}; leave one out")
        form = OutputFormat(named, arguments.bits or "", arguments.rate)
    except ValueError as error:
        raise UsageError(str(error)) from error
    lyrics = arguments.lyrics
    if arguments.lyrics_file:
        lyrics = read_lyrics(arguments.lyrics_file)
    with shown_progress(arguments.melody.name, 1, arguments.progress) as shown:
        notes: list[str] = []
        listener = listener_of("sing", shown, notes)
        try:
            done = sing(
                read_notes(
                    arguments.melody,
                    listener.report,
                    channel=arguments.midi_channel,
                    track=arguments.midi_track,
                ),
                target,
                settings,
                lyrics=lyrics,
                form=form,
                listener=listener,
            )
        except BrokenPipeError:
            if target != STANDARD_STREAM:
                raise
            give_up_standard_output()
            return BROKEN_PIPE
        found = {**asdict(done), "source": str(arguments.melody), "target": str(target), "notes": notes}
        shown.write(
            json.dumps(found, indent=2) if arguments.json else summary(done, compared=False),
            reports(arguments),
        )
    return 0
