"""Sing a melody: notes and words to a stem, and the stem through the engine into a file, as in a bounce."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND, hop_size, hz_to_semitones, semitones_to_hz
from models.notes import Note
from models.pronunciation.file import shipped
from models.pronunciation.phones import SungPhone
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.bounce.sources import Stem
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.sourcepitch import octave_shift
from plugin_bridge.errors import ScoreError
from plugin_bridge.files.resampling import native_rate
from plugin_bridge.files.writer import OutputFormat, container_of
from plugin_bridge.midi.notesfile import read_notes
from plugin_bridge.singing.dynamics import loudness_line
from plugin_bridge.singing.lyrics import syllables
from plugin_bridge.singing.melody import SungNote, checked, one_voice, with_words
from plugin_bridge.singing.pitchline import pitch_line
from plugin_bridge.singing.source import render
from plugin_bridge.singing.timing import sung_phones

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SAMPLE_RATE = 48_000
USUAL_DB = -25.0
"""A-weighted loudness of an ordinary note of the stem, dB re full scale."""
_END_SECONDS = 0.3
"""After the last note."""
_LOWEST, _HIGHEST = 36, 84
"""MIDI notes of the stem; others are sung in the nearest octave between: voices and trackers end there."""


@dataclass(frozen=True)
class SungMelody:
    """A melody as it is sung: what each note's phones, pitch and loudness are, and the stem that has them."""

    notes: tuple[SungNote, ...]
    """Of one voice, in order, with their syllables."""
    seed: int = 0
    """Names all that is irregular."""

    @classmethod
    def of(
        cls,
        notes: Iterable[Note],
        lyrics: str | None = None,
        seed: int = 0,
        report: Callable[[str], None] = lambda _: None,
    ) -> SungMelody:
        """Make a melody of notes and words.

        Args:
            notes: in any order; of those that begin together the highest is sung, and one that overlaps the
                next ends there.
            lyrics: kana, romaji or words in Latin letters, as `plugin_bridge.singing.lyrics.syllables` reads
                them, from the beginning again where they are fewer than the notes; None for the notes' own.
            seed: names all that is irregular, 0 to 2^63 - 1.
            report: called with a sentence for what is left out.

        Raises:
            ScoreError: there is no note, or the lyrics cannot be read.
            ValueError: a note is out of range.
        """
        single = one_voice(checked(notes), report)
        if not single:
            raise ScoreError("the melody has no note that can be sung; give one with notes")
        try:
            words = None if lyrics is None else syllables(lyrics)
            sung = with_words(single, words, report)
        except ValueError as error:
            raise ScoreError(str(error)) from error
        if words == []:
            raise ScoreError(
                "the lyrics have no syllable; leave them out to sing those of the melody, or la where it has "
                "none"
            )
        return cls(tuple(sung), seed)

    @property
    def frames(self) -> int:
        """Frames of 10 ms to the end of the last release."""
        return int((self.notes[-1].note.stop + _END_SECONDS) * HOPS_PER_SECOND) + 1

    def phones(self) -> list[SungPhone]:
        """Return the phones in time; between them there is silence."""
        return sung_phones(self.notes)

    def pitch(self) -> Float64:
        """Return the pitch of each frame in hertz, 0 in rests, shape (frames,)."""
        return pitch_line(self.notes, self.frames, self.seed)

    def loudness(self) -> Float64:
        """Return the level of each frame, dB above an ordinary note, shape (frames,)."""
        return loudness_line(self.notes, self.frames, self.seed)

    def median_pitch(self) -> float:
        """Return the pitch in MIDI notes above and below which as much time is sung."""
        ordered = sorted((one.note.pitch, one.note.seconds) for one in self.notes)
        passed = np.cumsum([seconds for _, seconds in ordered])
        return float(ordered[int(np.searchsorted(passed, 0.5 * passed[-1]))][0])

    def moved(self, semitones: int, report: Callable[[str], None] = lambda _: None) -> SungMelody:
        """Return the melody higher by some semitones, with each note in an octave that voices reach.

        Args:
            semitones: may be negative.
            report: called with a sentence for notes that are sung in another octave.
        """
        pitches = [one.note.pitch + semitones for one in self.notes]
        within = [_folded(pitch) for pitch in pitches]
        strayed = sum(a != b for a, b in zip(pitches, within, strict=True))
        if strayed:
            report(
                f"{strayed} of {len(pitches)} notes lie out of the range of voices, MIDI notes {_LOWEST} to "
                f"{_HIGHEST}, and are sung in another octave"
            )
        notes = [
            one._replace(note=one.note._replace(pitch=pitch))
            for one, pitch in zip(self.notes, within, strict=True)
        ]
        return replace(self, notes=tuple(notes))

    def stem(self, sample_rate: int = SAMPLE_RATE) -> Iterator[Float32]:
        """Yield the stem, mono, float32 of shape (1, n), `frames` * 10 ms in all.

        Args:
            sample_rate: a native rate in hertz.
        """
        pitch = self.pitch()
        pronounced = shipped().process(self.phones(), pitch)
        for x in render(pronounced, pitch, USUAL_DB + self.loudness(), sample_rate, self.seed):
            yield x[np.newaxis]


def _folded(pitch: int) -> int:
    if pitch > _HIGHEST:
        return _HIGHEST - 11 + (pitch - _HIGHEST - 1) % 12
    if pitch < _LOWEST:
        return _LOWEST + (pitch - _LOWEST) % 12
    return pitch


def sing(
    melody: Path | Iterable[Note],
    target: Path,
    settings: BounceSettings,
    *,
    lyrics: str | None = None,
    form: OutputFormat | None = None,
    library: SingerLibrary | None = None,
    listener: BounceListener | None = None,
) -> BounceResult:
    """Sing a melody into a mono file, which ends soon after the last note.

    Vowels begin on their notes, so the file lies in time with the song. Whatever a bounce can do with a stem
    happens to this one: presets, parameters, automation.

    Args:
        melody: a MIDI or karaoke file, or notes.
        target: the file to write, or `STANDARD_STREAM` for standard output.
        settings: singer, parameters and so on; without a singer, preset or automation, the one whose voice is
            nearest sings. Its seed names the irregularities of the melody, too. Where
            `transpose` is auto, the melody is sung in the octave nearest to the singer.
        lyrics: as of `SungMelody.of`; None for those of the melody, and "la" where it has none.
        form: kind of the file and its rate, 48 kHz where it names none; of the name of the target if absent.
        library: singers loaded before, to share them between files.
        listener: hears notes and progress.

    Raises:
        EffectError, ModelFileError, OutputError, ScoreError, SingerFileError: one sentence; no file is left.
        ValueError: a note or the name of the target does not fit.
        BrokenPipeError: whoever read standard output has gone.
    """
    listener = listener or BounceListener()
    library = library or SingerLibrary()
    form = form or OutputFormat(container_of(target))
    rate = native_rate(form.sample_rate or SAMPLE_RATE)
    notes = read_notes(melody, listener.report) if isinstance(melody, Path) else melody
    sung = SungMelody.of(notes, lyrics, settings.seed or 0, listener.report)
    sung, settings = _in_range(sung, settings, library, listener.report)
    name = melody if isinstance(melody, Path) else Path("melody")
    stem = Stem(name, rate, sung.frames * hop_size(rate), lambda: sung.stem(rate))
    return bounce(stem, target, form, settings, library=library, listener=listener)


def _nearest(sung: SungMelody, library: SingerLibrary) -> str:
    """Return the id of the singer that is known whose median pitch is nearest to the melody's."""
    singers = library.load(library.known())
    median = sung.median_pitch()
    return min(singers, key=lambda one: abs(hz_to_semitones(one.manifest.f0_median) - median)).id


def _in_range(
    sung: SungMelody, settings: BounceSettings, library: SingerLibrary, report: Callable[[str], None]
) -> tuple[SungMelody, BounceSettings]:
    """Return the melody in the octave that suits the singer, and settings that know how high it lies."""
    preset = settings.preset
    values = {**(preset.values() if preset else {}), **settings.parameters}
    singer = settings.singer or (preset.singer if preset else "")
    if not singer and settings.automation is None:
        singer = _nearest(sung, library)
        settings = replace(settings, singer=singer)
        report(f"{singer} sings, whose voice is nearest to the melody; name another with --singer")
    shift = 0
    if singer and values.get("transpose", PARAMETERS["transpose"].default) == "auto":
        (first,) = library.load([singer])
        median = sung.median_pitch()
        shift = int(octave_shift(median, hz_to_semitones(first.manifest.f0_median)))
        if shift:
            hertz = semitones_to_hz(median)
            report(f"transpose auto: the melody lies around {hertz:.0f} Hz, so {shift:+d} semitones")
    sung = sung.moved(shift, report)
    source_pitch = values.get("source_pitch") or semitones_to_hz(sung.median_pitch())
    return sung, replace(settings, parameters={**settings.parameters, "source_pitch": source_pitch})
