"""Make a database of pairs of 10 s: an accompaniment, and the vocal that goes with it.

    python -m models.training.guide.pairs SONGS/ -o PAIRS/ --licence "CC BY 4.0"
    python -m models.training.guide.pairs MIXES/ --separator separator.onnx -o PAIRS/
    python -m models.training.guide.pairs --made VOICES/ --versions 4 -o PAIRS/

SONGS holds a folder for each song: vocal*.wav beside instrumental*.wav, or beside stems that are summed
(bass, drums, ...). Stems that were exported together are aligned, and stay so to the sample; shorter ones go
on in silence. A file without a folder is a mix, which `--separator` takes apart: an ONNX file of your own. It
takes a piece of a mix, float32 (1, channels, samples), -1 to 1, of a fixed size, and gives the vocal and then
the accompaniment: two waveforms of that shape, or two masks (1, 1 or channels, bins, frames) of its spectrum
with Hann windows of 2 (bins - 1) samples, a quarter of one apart. Its rate is 44100 Hz or what its metadata
sample_rate says.

VOICES holds dry recordings, each with its melody beside it as a MIDI file of the same name, in 4/4 and with a
key signature, that begins with the recording. Each is accompanied in several styles, keys and tempi; the
vocal stays the real one.

PAIRS has a line for each clip in pairs.jsonl: its files (both sides as FLAC; their mel spectrograms, 80 bands
by 860 frames, 0 for -80 dB to 1 for 0 dB, as .npz), the notes of the vocal (start and length in seconds, MIDI
note, velocity, lyric), source and licence. Clips whose vocal is nowhere 27 dB above -80 dB are left out. Run
several commands into one folder to join what they make; interrupt one when you like, the same command goes
on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from models.errors import TrainingError
from models.singer.manifest import check_unicode
from models.training.command import parser_of, run
from models.training.guide.pairs.database import Database
from models.training.guide.pairs.sources import Origin, Source, songs_in, voices_in
from models.training.runfolder import claimed

COMMAND = "python -m models.training.guide.pairs"
VERSIONS = 4
MAX_VERSIONS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("songs", type=Path, nargs="?", metavar="SONGS", help="folder of a folder for each song, or of mixes")
    add("-o", "--output", type=Path, required=True, metavar="PAIRS", help="the folder to write")
    add("--separator", type=Path, metavar="FILE", help="the ONNX file that takes mixes apart")
    add("--made", type=Path, metavar="VOICES", help="voices with melodies, which get accompaniments")
    add(
        "--versions",
        type=int,
        default=VERSIONS,
        metavar="N",
        help=f"accompaniments for each voice; default {VERSIONS}",
    )
    add("--seed", type=int, default=0, metavar="N", help="of what is drawn; default 0")
    add(
        "--licence",
        default="unspecified",
        metavar="TEXT",
        help="of songs without a LICENSE file of their own",
    )
    add("--attribution", default="", metavar="TEXT", help="who is to be credited")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.songs is None and options.made is None:
        raise TrainingError("there is nothing to make pairs of; give a folder of songs, or --made VOICES")
    if not 1 <= options.versions <= MAX_VERSIONS or options.seed < 0:
        raise TrainingError(
            f"{options.versions} versions with the seed {options.seed} cannot be made; give 1 to "
            f"{MAX_VERSIONS} versions, and a seed from 0"
        )
    check_unicode({name: getattr(options, name) for name in ("licence", "attribution")})
    with claimed(options.output):
        database = Database(options.output)
        names: set[str] = set()
        for source in _sources(options):
            if source.name in names:
                raise TrainingError(
                    f"two songs are named {source.name}; rename one, as its files get its name"
                )
            names.add(source.name)
            known = database.has(source.name, source.key)
            made = "as before" if known else f"{database.add(source.make())} clips"
            print(f"{source.name}: {made}", flush=True)  # noqa: T201
            if not known:
                database.write_list()
        total = database.write_list()
    print(f"{total} clips in {options.output}")  # noqa: T201
    if not total:
        raise TrainingError(
            f"{options.output} has no clip in which somebody sings; give songs with a louder vocal"
        )
    return 0


def _sources(options: argparse.Namespace) -> Iterator[Source]:
    origin = Origin(options.licence, options.attribution)
    if options.songs is not None:
        yield from songs_in(options.songs, options.separator, origin)
    if options.made is not None:
        yield from voices_in(options.made, options.versions, options.seed, origin, _told)


def _told(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
