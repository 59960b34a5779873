"""Count rhythms and intervals of tunes, and write them as the tables of the guide's rules.

    python -m models.training.guide.tables FOLDER [--hold-out PATTERN ...] -o models/guide/tables.toml

FOLDER holds MIDI files, one melody each (`models.training.guide.tunes`). The tables are text that people can
read: how often each rhythm of a bar occurs, and how often each interval follows each kind of interval.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import tomli_w

from models.guide.steps import PER_BAR
from models.guide.tables import HELD, INTERVALS, KINDS, REST, STARTS, kind_of
from models.training.command import parser_of, run
from models.training.corpus import matching
from models.training.guide.tunes import Tune, read_tune, tunes_in
from models.wholefile import check_output, whole

COMMAND = "python -m models.training.guide.tables"
MIN_STARTS = 2
"""Of a bar whose rhythm counts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input."""
    parser = parser_of(COMMAND, __doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="MIDI files of one melody each")
    parser.add_argument("--hold-out", nargs="+", default=[], metavar="PATTERN", help="files to leave out")
    parser.add_argument(
        "--source", default="", metavar="TEXT", help="where they come from, and their licence"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the TOML file to write"
    )
    options = parser.parse_args(arguments)

    def work() -> int:
        check_output(options.output)
        held = set(matching(tunes_in(options.folder), options.hold_out))
        tunes = [read_tune(path) for path in tunes_in(options.folder) if path not in held]
        with whole(options.output) as partial:
            partial.write_text(
                tomli_w.dumps({"source": options.source, **counted(tunes)}), encoding="utf-8", newline="\n"
            )
        return 0

    return run(COMMAND, work)


def counted(tunes: Sequence[Tune]) -> dict[str, object]:
    """Return the tables: rhythms of a bar with their counts, and intervals after each kind of interval."""
    rhythms: Counter[str] = Counter()
    intervals = {kind: [0] * len(INTERVALS) for kind in KINDS}
    for tune in tunes:
        line = drawn(tune)
        bars = (line[at : at + PER_BAR] for at in range(0, len(line), PER_BAR))
        rhythms.update(bar for bar in bars if bar.count(STARTS) >= MIN_STARTS)
        pitches = [note.pitch for note in tune.notes]
        steps = [after - before for before, after in pairwise(pitches)]
        for before, step in zip([0, *steps], steps, strict=False):
            if step in INTERVALS:
                intervals[kind_of(before)][INTERVALS.index(step)] += 1
    return {"rhythms": dict(sorted(rhythms.items())), "intervals": intervals}


def drawn(tune: Tune) -> str:
    """Return the rhythm of a tune, a sign for each sixteenth of its bars."""
    signs = [REST] * (tune.bars * PER_BAR)
    for note in tune.notes:
        signs[note.step : note.stop] = [STARTS, *[HELD] * (note.length - 1)]
    return "".join(signs)


if __name__ == "__main__":
    sys.exit(main())
