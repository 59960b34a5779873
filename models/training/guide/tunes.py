"""Melodies on the grid of sixteenths, read from MIDI files: what is harmonised to make songs for training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mido

from models.errors import TrainingError
from models.guide.chords import Key, key_of
from models.guide.steps import PER_BAR, PER_BEAT, GridNote

MIN_NOTES = 8
"""A file with fewer holds no tune."""
MAX_BARS = 400


@dataclass(frozen=True)
class Tune:
    """A melody without accompaniment, in 4/4."""

    name: str
    bpm: float
    key: Key
    """Major; its scale is that of the relative minor, too."""
    notes: tuple[GridNote, ...]
    """One after the other, from the first bar of the file on."""

    @property
    def bars(self) -> int:
        """How many whole bars it takes."""
        return -(-self.notes[-1].stop // PER_BAR)


def read_tune(path: Path) -> Tune:
    """Read the melody of a MIDI file whose tempo and key do not change.

    Args:
        path: a file in 4/4 with a key signature. Starts and ends of notes move to the nearest sixteenth; of
            notes at once the highest stays.

    Raises:
        TrainingError: it is no MIDI file, names no key, or holds hardly any notes.
    """
    try:
        song = mido.MidiFile(path)
    except (OSError, ValueError, EOFError, LookupError) as error:
        raise TrainingError(f"{path} cannot be read as MIDI ({error}); export it again") from error
    events = [message for track in song.tracks for message in track]
    tempo = next((one.tempo for one in events if one.type == "set_tempo"), 500_000)
    signature = next((one.key for one in events if one.type == "key_signature"), None)
    if signature is None:
        raise TrainingError(f"{path} names no key; write a key signature into it")
    key = key_of(signature)
    if key.mode == "minor":
        key = Key((key.tonic + 3) % 12)
    notes = _in_turn([note for track in song.tracks for note in _notes(track, song.ticks_per_beat)])
    if len(notes) < MIN_NOTES or notes[-1].stop > MAX_BARS * PER_BAR:
        raise TrainingError(f"{path} holds {len(notes)} notes and a tune {MIN_NOTES} or more; leave it out")
    return Tune(path.stem, 60e6 / tempo, key, tuple(notes))


def _notes(track: mido.MidiTrack, ticks_per_beat: int) -> list[GridNote]:
    found: list[GridNote] = []
    sounding: dict[int, int] = {}
    tick = 0

    def step() -> int:
        return round(tick * PER_BEAT / ticks_per_beat)

    for message in track:
        tick += message.time
        if message.type not in {"note_on", "note_off"} or message.channel == 9:
            continue
        start = sounding.pop(message.note, None)
        if start is not None:
            found.append(GridNote(start, max(1, step() - start), message.note))
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = step()
    return found


def _in_turn(notes: list[GridNote]) -> list[GridNote]:
    highest = {note.step: note for note in sorted(notes, key=lambda note: note.pitch)}
    turns = [highest[step] for step in sorted(highest)]
    ends = [note.step for note in turns[1:]] + [turns[-1].stop] if turns else []
    return [
        note._replace(length=min(note.length, end - note.step)) for note, end in zip(turns, ends, strict=True)
    ]


def tunes_in(folder: Path) -> list[Path]:
    """List the MIDI files of a folder and its subfolders, in order of their names.

    Raises:
        TrainingError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".mid", ".midi"})
    if not found:
        raise TrainingError(f"{folder} holds no MIDI files; give a folder of melodies")
    return found
