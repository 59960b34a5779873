"""The styles in which made-up songs are accompanied: patterns of a bar of sixteenths, as data."""

from __future__ import annotations

from typing import NamedTuple


class Style(NamedTuple):
    """How an accompaniment is played; patterns have a sign for each sixteenth, "." for none."""

    name: str
    beats_per_chord: int
    kick: str
    snare: str
    hat: str
    bass: str
    """1: root, 5: fifth, 8: octave."""
    comp: str
    """c: the chord, short; C: held to the next; 0 to 3: one of its tones."""
    pad: float
    """Level of held chords, 0 for none."""
    sevenths: float
    """Chance that a chord has its seventh."""
    suspended: float
    """Chance that a major chord is suspended."""
    surprise: float
    """How much chance decides of the chords, against what fits."""


STYLES = (
    Style("ballad", 4, "x.......x.......", "....x.......x...", "x...x...x...x...",
          "1.......1.....5.", "C.......c...c...", 0.5, 0.3, 0.1, 0.7),
    Style("arpeggio", 4, "................", "................", "................",
          "1...............", "0.1.2.3.2.1.2.1.", 0.4, 0.3, 0.1, 0.7),
    Style("pop", 4, "x.....x.x.......", "....x.......x..x", "x.x.x.x.x.x.x.x.",
          "1..1..1.1..1..5.", "c..c..c.c..c..c.", 0.3, 0.15, 0.1, 0.7),
    Style("rock", 4, "x.x.....x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x.",
          "1.1.1.1.1.1.1.1.", "C.....C...C.....", 0.0, 0.05, 0.1, 0.6),
    Style("house", 4, "x...x...x...x...", "....x.......x...", "..x...x...x...x.",
          "..1...1...1...1.", "c..c..c...c..c..", 0.5, 0.4, 0.05, 0.8),
    Style("funk", 4, "x..x......x..x..", "....x..x.x..x..x", "xxxxxxxxxxxxxxxx",
          "1..1.8..1...5.8.", "..c...c...c..c..", 0.0, 0.6, 0.1, 0.9),
    Style("folk", 2, "x.......x.......", "....x.......x...", "................",
          "1...5...1...5...", "....c.c.....c.c.", 0.0, 0.05, 0.1, 0.6),
    Style("half-time", 2, "x.........x.....", "........x.......", "x.x.x.x.x.x.xxxx",
          "1.........1.....", "C.......C.......", 0.6, 0.3, 0.05, 0.8),
    Style("march", 2, "x.......x.......", "....x.......x.x.", "x...x...x...x...",
          "1...5...1...5...", "..c...c...c...c.", 0.2, 0.05, 0.05, 0.6),
    Style("synth", 4, "x.......x.x.....", "....x.......x...", "x.x.x.xxx.x.x.xx",
          "1.8.1.8.1.8.1.8.", "0213021302130213", 0.4, 0.2, 0.1, 0.8),
)  # fmt: skip
