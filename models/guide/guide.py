"""The guide singer: a backing track goes in, and a melody with syllables comes out as notes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.units import MAX_SEED, hz_to_semitones
from models.errors import BackingError
from models.guide.chords import Chord, Key, key_of
from models.guide.ground import Ground, ground_of
from models.guide.inputs import inputs_of
from models.guide.listening import Heard, hear
from models.guide.lyrics import syllables, velocities, vowel_of
from models.guide.melodynetwork import Melody, MelodyNetwork, shipped
from models.guide.range import Range
from models.guide.rules import composed
from models.guide.steps import BEATS_PER_BAR, PER_BAR
from models.guide.styles import DEFAULT, Style, style_of
from models.notes import Note

Composer = Literal["rules", "network"]
COMPOSERS: tuple[Composer, ...] = ("rules", "network")
DEFAULT_COMPOSER: Composer = "rules"
"""The one that `python -m models.training.guide.scoring` found better."""
LOWEST, HIGHEST = 28, 100
"""MIDI notes that a range may hold."""
MIN_RANGE = 7
"""Semitones that a range has at least."""
USUAL = Range(55, 74)
"""What is sung where no singer is known."""
SPARE = 2
"""Semitones beyond the 5th and 95th percentile of a singer's recordings that are sung, too."""


@dataclass(frozen=True)
class GuideSettings:
    """How a melody is written.

    Raises:
        ValueError: a field is out of its range; the sentence says which.
    """

    low: int | None = None
    """The lowest note, MIDI, 28 to 100; None for that of the singer, or of `USUAL`."""
    high: int | None = None
    """The highest note, MIDI, at least 7 above the lowest; None likewise."""
    density: float = 0.5
    """0 for few notes, 1 for many."""
    key: str = ""
    """Such as "F# minor"; empty to hear it."""
    style: str = DEFAULT
    """A name of `models.guide.styles.styles`."""
    seed: int = 0
    """The same seed gives the same melody; 0 to `dsp.units.MAX_SEED`."""
    composer: Composer = DEFAULT_COMPOSER
    """What writes it: rules, or the network that ships."""

    def __post_init__(self) -> None:
        if None not in (self.low, self.high):
            self.within(USUAL)
        if not (math.isfinite(self.density) and 0.0 <= self.density <= 1.0):
            raise ValueError(f"density {self.density:g} is not from 0 to 1; 0 gives few notes, 1 many")
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed {self.seed} is not from 0 to {MAX_SEED}; choose another")
        if self.composer not in COMPOSERS:
            raise ValueError(f"{self.composer!r} is no composer; choose from {', '.join(COMPOSERS)}")
        style_of(self.style)
        if self.key:
            key_of(self.key)

    def within(self, own: Range) -> Range:
        """Return the range in which the melody lies.

        Args:
            own: what is taken for an end that is not set.

        Raises:
            ValueError: it cannot be sung; the sentence says why.
        """
        low = own.low if self.low is None else self.low
        high = own.high if self.high is None else self.high
        if not LOWEST <= low <= high - MIN_RANGE <= HIGHEST - MIN_RANGE:
            raise ValueError(
                f"the range {low} to {high} cannot be sung; give MIDI notes from {LOWEST} to "
                f"{HIGHEST}, the highest at least {MIN_RANGE} above the lowest"
            )
        return Range(low, high)


class HeldChord(NamedTuple):
    """A chord in time."""

    start: float
    """Seconds."""
    seconds: float
    chord: Chord


@dataclass(frozen=True)
class Guide:
    """A melody for a backing track, and what was heard in that."""

    notes: list[Note]
    """In order, none before the other's end, with syllables; empty where nothing plays for a whole bar."""
    bpm: float
    """Beats a minute, 4/4."""
    beats: NDArray[np.float64]
    """Seconds of each beat from the first bar's on and of the last one's end, (4 * bars + 1,); the first may
    be below 0, and the last beyond the recording."""
    steady: bool
    """Whether beats were found; else the grid is one of 100 beats a minute."""
    key: Key
    chords: list[HeldChord]
    """One after the other, from the first beat to the last."""
    tuning: float
    """Semitones by which the backing track lies above A = 440 Hz, -.5 to .5."""

    @property
    def bars(self) -> NDArray[np.float64]:
        """Seconds at which the bars begin and the last one ends."""
        return self.beats[::BEATS_PER_BAR]


def range_of(f0_low: float, f0_high: float) -> Range:
    """Return the range of a singer, MIDI notes, as `GuideSettings` takes it.

    Args:
        f0_low: 5th percentile of the singer's recordings, hertz, as in the manifest.
        f0_high: 95th percentile.
    """
    low = int(np.clip(round(hz_to_semitones(f0_low)) - SPARE, LOWEST, HIGHEST - MIN_RANGE))
    high = int(np.clip(round(hz_to_semitones(f0_high)) + SPARE, low + MIN_RANGE, HIGHEST))
    return Range(low, high)


def compose(
    audio: NDArray[np.floating],
    sample_rate: int,
    settings: GuideSettings | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Guide:
    """Write a melody for a backing track; it needs the extra `guide`.

    Args:
        audio: mono or stereo, shape (samples,), (1, samples) or (2, samples), floats in -1..1, 4 s or more.
        sample_rate: hertz, any.
        settings: how the melody is written.
        report: called with a sentence where what was heard leaves a doubt.

    Raises:
        BackingError: the backing track is silent, too short or too long.
        MissingExtraError: the extra `guide` is not installed.
        ValueError: the audio has another shape, or holds a sample that is not finite.
    """
    return compose_for(hear(audio, sample_rate), settings, report)


def compose_for(
    heard: Heard,
    settings: GuideSettings | None = None,
    report: Callable[[str], None] = lambda _: None,
    network: MelodyNetwork | None = None,
) -> Guide:
    """Write a melody for what was heard in a backing track, as `compose`; other seeds need not hear it again.

    Args:
        heard: the backing track.
        settings: how the melody is written.
        report: called with a sentence where what was heard leaves a doubt.
        network: another one than the one that ships, for the composer "network".

    Raises:
        BackingError: nothing plays for a whole bar.
    """
    settings = settings or GuideSettings()
    ground = ground_of(heard, key_of(settings.key) if settings.key else None)
    if not any(map(ground.is_sung, range(ground.bars))):
        raise BackingError("the backing track has no bar of music; give one in which music plays for longer")
    if not heard.steady:
        report(f"no beats were found in the backing track; the melody keeps to {heard.bpm:g} beats a minute")
    style = style_of(settings.style)
    rng = np.random.default_rng([settings.seed, 1])
    voice = settings.within(USUAL)
    if settings.composer == "network":
        network = network or shipped()
        melody = network.write(inputs_of(heard, ground), ground, voice, style, settings.density, rng)
    else:
        line = composed(ground, voice, style, settings.density, rng)
        melody = Melody(line, [vowel_of(note) for note in line])
    return Guide(
        _in_time(melody, ground, heard, style),
        heard.bpm,
        np.append(heard.beats, heard.times[-1]),
        heard.steady,
        ground.key,
        _held(ground, heard),
        heard.tuning,
    )


def _in_time(melody: Melody, ground: Ground, heard: Heard, style: Style) -> list[Note]:
    line = melody.notes
    sung = syllables(line, melody.vowels, style)
    loud = velocities(line, [float(ground.energy[note.step // PER_BAR]) for note in line])
    notes = []
    for note, lyric, velocity in zip(line, sung, loud, strict=True):
        start, stop = float(heard.times[note.step]), float(heard.times[min(note.stop, heard.steps)])
        stop = min(stop, heard.seconds)
        if start >= 0.0 and stop - start > 0.0:
            notes.append(Note(start, stop - start, note.pitch, velocity, lyric))
    return notes


def _held(ground: Ground, heard: Heard) -> list[HeldChord]:
    beats = np.append(heard.beats, heard.times[-1])
    found: list[HeldChord] = []
    for number, chord in enumerate(ground.chords):
        start, stop = float(beats[number]), float(beats[number + 1])
        if found and found[-1].chord == chord:
            found[-1] = found[-1]._replace(seconds=stop - found[-1].start)
        else:
            found.append(HeldChord(start, stop - start, chord))
    return found
