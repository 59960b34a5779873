"""An automated bounce: the singer changes on the beat, the breath swells and the last beat goes sharp.

    python examples/automated_bounce.py --singers nit pjs --bpm 100 -o automated.wav

The moves are written as a score, a file of JSON lines that `plugin-bridge bounce --automation` reads as well
and that any program can write. A MIDI file from a DAW does the same work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import soundfile

from plugin_bridge import (
    AnyEvent,
    BounceListener,
    BounceSettings,
    BridgeError,
    Event,
    OutputFormat,
    bounce_file,
    write_score,
)

STEM = Path(__file__).parent / "two_singers.flac"
BEATS_PER_SINGER = 4
SWELL_DB = 6.0


def main(arguments: list[str] | None = None) -> int:
    """Write the score and bounce the stem with it."""
    options = parsed(arguments)
    stem = soundfile.info(options.stem)
    score = options.output.with_suffix(".jsonl")
    events = list(moves(options.singers, options.bpm, stem.duration, stem.samplerate))
    write_score(score, events, stem.samplerate)
    settings = BounceSettings(singer=options.singers[0], automation=score, force=True)
    listener = BounceListener(report=lambda sentence: print(sentence, file=sys.stderr))
    try:
        done = bounce_file(
            options.stem, options.output, OutputFormat("wav", "24"), settings, listener=listener
        )
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{done.target}: {done.seconds:.2f} s with {len(events)} events from {score}")
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("stem", nargs="?", type=Path, default=STEM, help="default: the stem beside this file")
    parser.add_argument("-o", "--output", type=Path, default=Path("automated.wav"))
    parser.add_argument("--singers", nargs="+", default=["nit", "pjs"], help="ids or paths, sung in turn")
    parser.add_argument("--bpm", type=float, default=100.0)
    return parser.parse_args(arguments)


def moves(singers: list[str], bpm: float, seconds: float, sample_rate: int) -> Iterator[AnyEvent]:
    """Yield the events of the piece.

    Args:
        singers: each sings four beats.
        bpm: beats per minute.
        seconds: length of the piece.
        sample_rate: of the positions, hertz.
    """
    beat = 60.0 / bpm
    turns = cycle(singers)
    for number in range(int(seconds / beat)):
        position = round(number * beat * sample_rate)
        if number % BEATS_PER_SINGER == 0:
            yield Event(position, "singer", next(turns))
        # Within four beats the breath rises; the parameter's own smoothing makes the steps a line.
        rise = number % BEATS_PER_SINGER / (BEATS_PER_SINGER - 1)
        yield Event(position, "breath", SWELL_DB * rise)
        yield Event(position, "fine_tune", 0.0 if rise < 1.0 else 30.0)


if __name__ == "__main__":
    sys.exit(main())
