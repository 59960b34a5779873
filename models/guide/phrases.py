"""Plan a melody before it has notes: sections, phrases that come back, their rhythms, rests and arcs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.guide.ground import Ground
from models.guide.steps import PER_BAR, PER_BEAT
from models.guide.styles import Style
from models.guide.tables import HELD, REST, STARTS, Rhythm, shipped

Float64 = NDArray[np.float64]
Random = np.random.Generator

SECTION_BARS = 8
INTRO_SECTIONS = 5
"""From so many on, the first half of the first section is left to the instruments."""
PAUSE_EVERY = 4
"""After so many sung sections, half of one is left to the instruments."""
FORMS = ("aaba", "abac", "aabc", "abab", "abcb")
"""How the phrases of a section repeat each other."""
MAX_NOTES_PER_SECOND = 5.5
SPREAD = 1.3
"""Standard deviation of the notes in a bar around the wanted number."""
WITH_BACKING = 1.5
"""How much a rhythm is preferred whose notes begin where the backing track has onsets."""
SAME_BAR = 0.5
"""Chance that the next bar of a phrase has the rhythm of the first."""
LONGEST = 12
"""Steps of a note."""
LIFT = 2.5
"""Semitones by which loud sections lie above quiet ones."""
CLIMAX = 3.0
"""Semitones by which the phrase at the climax lies higher still."""
ARCS = {
    "arch": (0.0, 0.7, 1.0, 0.6, 0.0),
    "fall": (1.0, 0.8, 0.5, 0.2, 0.0),
    "rise": (0.0, 0.2, 0.5, 0.9, 1.0),
    "wave": (0.3, 1.0, 0.4, 0.8, 0.0),
    "late": (0.0, 0.1, 0.3, 1.0, 0.3),
}
"""How a phrase moves, from 0 to 1 of the swell, at even times."""


class Slot(NamedTuple):
    """A note without pitch."""

    step: int
    length: int
    height: float
    """Where it should lie, semitones above the middle of the range."""
    motif: tuple[str, int]
    """Which phrase this states, and the step in it; the same place has the same pitch if it can."""
    ends: str
    """"phrase" or "section" where it is the last of one."""


class _Motif(NamedTuple):
    signs: str
    arc: str


class Section(NamedTuple):
    """Some bars of a song that are sung."""

    first: int
    """Bar."""
    stop: int
    """The bar after the last."""
    kind: str
    """"loud" or "quiet": sections of one kind are sung alike."""
    is_climax: bool

    def phrases(self, bars: int) -> list[tuple[int, int]]:
        """Return first bar and length in bars of each phrase."""
        return [(bar, min(bars, self.stop - bar)) for bar in range(self.first, self.stop, bars)]


class Frame(NamedTuple):
    """Where a song is sung."""

    sections: list[Section]
    rests: NDArray[np.bool_]
    """Steps at which nothing is sung: pauses, and the ends of phrases, (steps,)."""

    @classmethod
    def of(cls, ground: Ground, style: Style) -> Frame:
        """Return it for a backing track and a style."""
        sections = _sections(ground)
        rests = np.ones(ground.bars * PER_BAR, bool)
        for section in sections:
            for bar, bars in section.phrases(style.phrase):
                rests[bar * PER_BAR : (bar + bars) * PER_BAR - style.breath] = False
        rests |= np.repeat([not ground.is_sung(bar) for bar in range(ground.bars)], PER_BAR)
        return cls(sections, rests)

    def windows(self, steps: int) -> list[tuple[int, str]]:
        """Return the first step of each window that is sung, and its name: windows of one name are alike."""
        return [
            (at, f"{section.kind} {number}")
            for section in self.sections
            for number, at in enumerate(range(section.first * PER_BAR, section.stop * PER_BAR, steps))
        ]


def planned(ground: Ground, style: Style, density: float, rng: Random) -> list[list[Slot]]:
    """Return phrases of slots, one after the other.

    Args:
        ground: the backing track.
        style: how it is sung.
        density: 0 for few notes, 1 for many.
        rng: what is drawn from.
    """
    phrases: list[list[Slot]] = []
    forms: dict[str, str] = {}
    motifs: dict[str, _Motif] = {}
    for section in _sections(ground):
        form = forms.setdefault(section.kind, str(rng.choice(FORMS)))
        parts = section.phrases(style.phrase)
        for place, (bar, bars) in enumerate(parts):
            name = f"{section.kind} {form[place % len(form)]} {bars}"
            if name not in motifs:
                rhythm = _rhythm(ground, bar, bars, style, density, rng)
                motifs[name] = _Motif(rhythm, str(rng.choice(list(ARCS))))
            lift = 0.5 * LIFT if section.kind == "loud" else -0.5 * LIFT
            if section.is_climax and place == max(0, 3 * len(parts) // 4 - 1):
                lift += CLIMAX
            slots = _slots(bar, motifs[name], name, style, lift)
            slots = [slot for slot in slots if ground.is_sung(slot.step // PER_BAR)]
            if slots:
                ends = "section" if place == len(parts) - 1 else "phrase"
                phrases.append([*slots[:-1], slots[-1]._replace(ends=ends)])
    return phrases


def _sections(ground: Ground) -> list[Section]:
    """Return the sections that are sung."""
    spans = _spans(ground)
    loud = [float(ground.energy[first:stop].mean()) for first, stop in spans]
    highest = _climax(loud)
    return [
        Section(
            first,
            stop,
            "loud" if loud[number] >= np.median(loud) and (number or len(spans) == 1) else "quiet",
            number == highest,
        )
        for number, (first, stop) in enumerate(spans)
    ]


def _spans(ground: Ground) -> list[tuple[int, int]]:
    """Return first bar and the bar after the last of each section that is sung."""
    sung = [bar for bar in range(ground.bars) if ground.is_sung(bar)]
    if not sung:
        return []
    first, end = sung[0], sung[-1] + 1
    found = [(at, min(at + SECTION_BARS, end)) for at in range(first, end, SECTION_BARS)]
    half = SECTION_BARS // 2
    if len(found) >= INTRO_SECTIONS:
        found[0] = (found[0][0] + half, found[0][1])
        for number in range(PAUSE_EVERY, len(found) - 1, PAUSE_EVERY + 1):
            found[number] = (found[number][0] + half, found[number][1])
    return [(start, stop) for start, stop in found if stop > start]


def _climax(loud: list[float]) -> int:
    """Return the section with the highest phrase: the loudest one, of equals the one two thirds through."""
    wanted = 0.66 * (len(loud) - 1)
    return (
        int(np.argmax([value - 0.05 * abs(place - wanted) for place, value in enumerate(loud)]))
        if loud
        else 0
    )


def notes_per_bar(style: Style, density: float, bpm: float) -> float:
    """Return how many notes a bar should have: fewer where the beats are fast, as singers do."""
    wanted = style.notes * 2.0 ** (1.6 * (density - 0.5)) * (100.0 / bpm) ** 0.5
    return float(np.clip(wanted, 1.5, MAX_NOTES_PER_SECOND * 240.0 / bpm))


def _rhythm(ground: Ground, bar: int, bars: int, style: Style, density: float, rng: Random) -> str:
    """Draw the rhythm of a phrase from those that were sung."""
    wanted = notes_per_bar(style, density, ground.bpm)
    drawn: list[str] = []
    for number in range(bars):
        if drawn and rng.random() < SAME_BAR:
            drawn.append(drawn[0])
            continue
        begun = ground.onset[(bar + number) * PER_BAR : (bar + number + 1) * PER_BAR]
        drawn.append(_draw(shipped().rhythms, wanted, begun, rng).signs)
    return _with_breath("".join(drawn), style.breath)


def _draw(rhythms: tuple[Rhythm, ...], wanted: float, begun: Float64, rng: Random) -> Rhythm:
    weights = []
    for rhythm in rhythms:
        starts = [step for step, sign in enumerate(rhythm.signs) if sign == STARTS]
        near = np.exp(-0.5 * ((rhythm.starts - wanted) / SPREAD) ** 2) + 1e-9
        weights.append(rhythm.times**0.5 * near * np.exp(WITH_BACKING * float(begun[starts].mean())))
    return rhythms[int(rng.choice(len(rhythms), p=np.array(weights) / np.sum(weights)))]


def _with_breath(signs: str, breath: int) -> str:
    """Let the last note end, long, before a rest; a note that begins before the phrase is left out."""
    row = list(signs)
    for step in range(len(row)):
        if row[step] != HELD:
            break
        row[step] = REST
    end = len(row) - breath
    # The last note begins on a beat and takes at least one.
    beats = range(0, max(1, end - PER_BEAT + 1), PER_BEAT)
    last = max((step for step in beats if row[step] == STARTS), default=beats[-1])
    row[last:] = [STARTS, *[HELD] * (end - last - 1), *[REST] * breath]
    return "".join(row)


def _slots(bar: int, motif: _Motif, name: str, style: Style, lift: float) -> list[Slot]:
    found: list[Slot] = []
    arc = ARCS[motif.arc]
    size = len(motif.signs)
    for step, sign in enumerate(motif.signs):
        if sign != STARTS:
            continue
        length = len(motif.signs[step + 1 :]) - len(motif.signs[step + 1 :].lstrip(HELD)) + 1
        moved = float(np.interp(step / size, np.linspace(0.0, 1.0, len(arc)), arc)) - 0.5
        height = lift + style.swell * moved
        found.append(Slot(bar * PER_BAR + step, min(length, LONGEST), height, (name, step), ""))
    return found
