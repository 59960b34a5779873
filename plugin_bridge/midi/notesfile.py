"""Notes with their words from and to a MIDI file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import mido

from models.notes import Note
from models.wholefile import Draft
from plugin_bridge.midi.smf import counted
from plugin_bridge.midi.timeline import Timeline, open_part, timed_messages
from plugin_bridge.midi.words import Word, words

MIN_TEMPO, MAX_TEMPO = 10.0, 1000.0
"""Beats a minute."""
_DIVISION = 960
_MAX_TICK = 0x0FFFFFFF
"""What a MIDI file can say between two events."""
_NEAR_SECONDS = 0.1
"""A syllable belongs to the note that begins so near."""


def read_notes(
    path: Path,
    report: Callable[[str], None] = lambda _: None,
    *,
    channel: int | None = None,
    track: int | None = None,
) -> list[Note]:
    """Read the notes of one part of a MIDI or karaoke file, with the file's words as lyrics.

    Args:
        path: the file.
        report: called with a sentence for what is damaged and what is left out.
        channel: the only one to read, 1 to 16; without it and `track` the part is chosen whose notes begin
            with the words, one named like a voice, or the one with the most notes, and never the drums.
        track: the only one to read, from 1.

    Returns:
        The notes in order of their starts; they may overlap.

    Raises:
        ScoreError: missing, too large, no MIDI file, or without the channel or the track.
    """
    song, selection = open_part(path, "melody", report, channel, track)
    notes = _notes(list(timed_messages(song, selection)))
    timeline = Timeline(song, selection)
    found, lost = _with_words(notes, words(song, sorted(selection.tracks)), timeline)
    if lost:
        begins = "begins" if lost == 1 else "begin"
        report(f"{path}: {counted(lost, 'syllable')} {begins} where no note does, left out")
    return found


def _notes(messages: Sequence[tuple[Fraction, bytes]]) -> list[Note]:
    """Return notes in order; one that is struck again ends, and so does the last at the last event."""
    found: list[Note] = []
    sounding: dict[tuple[int, int], tuple[Fraction, int]] = {}

    def end(key: tuple[int, int], stop: Fraction) -> None:
        start, velocity = sounding.pop(key)
        if stop > start:
            found.append(Note(float(start), float(stop - start), key[1], velocity))

    for seconds, message in messages:
        if message[0] & 0xE0 == 0x80:
            key = message[0] & 0x0F, message[1]
            if key in sounding:
                end(key, seconds)
            if message[0] & 0x10 and message[2]:
                sounding[key] = seconds, message[2]
    for key in list(sounding):
        end(key, messages[-1][0])
    return sorted(found)


def _with_words(notes: list[Note], texts: Iterable[Word], timeline: Timeline) -> tuple[list[Note], int]:
    """Return the notes with the syllables that begin with them, and how many begin with none."""
    found = list(notes)
    starts = [note.start for note in notes]
    lost = at = 0
    for word in texts:
        seconds = float(timeline.seconds(word.tick))
        while at + 1 < len(starts) and abs(starts[at + 1] - seconds) < abs(starts[at] - seconds):
            at += 1
        if not starts or abs(starts[at] - seconds) > _NEAR_SECONDS:
            lost += 1
            continue
        found[at] = found[at]._replace(lyric=" ".join(filter(None, [found[at].lyric, word.text])))
    return found, lost


def write_notes(
    path: Path, notes: Iterable[Note], *, tempo: float = 120.0, name: str = "vocal", force: bool = False
) -> None:
    """Write notes as a MIDI file of two tracks, tempo and melody, with lyric events in UTF-8.

    Args:
        path: the file, which appears whole or not at all.
        notes: in any order; times are kept to half a tick, of which a beat has 960.
        tempo: beats a minute, `MIN_TEMPO` to `MAX_TEMPO`; it moves no note, but says where beats are.
        name: of the melody's track.
        force: replace a file that exists.

    Raises:
        OutputError: the file exists or cannot be written.
        ValueError: the tempo is out of range, or the notes are too long for a file.
    """
    if not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise ValueError(
            f"tempo {tempo:g} is out of range; give {MIN_TEMPO:g} to {MAX_TEMPO:g} beats a minute"
        )
    file = mido.MidiFile(type=1, ticks_per_beat=_DIVISION, charset="utf-8")
    beat = mido.bpm2tempo(tempo)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=beat)]))
    melody = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for tick, _, message in sorted(_messages(notes, _DIVISION * 1e6 / beat), key=lambda row: row[:2]):
        melody.append(message.copy(time=tick - now))
        now = tick
    if now > _MAX_TICK:
        raise ValueError("the notes are too far apart for a MIDI file; shorten the melody or lower the tempo")
    file.tracks.append(melody)
    with Draft(path, force=force) as draft:
        file.save(draft.path)
        draft.commit()


def _messages(
    notes: Iterable[Note], ticks_a_second: float
) -> Iterable[tuple[int, int, mido.Message | mido.MetaMessage]]:
    """Yield messages with their ticks, and their order within one: notes end, words come, notes begin."""
    rows = [
        (start, max(start + 1, round(note.stop * ticks_a_second)), note)
        for note in sorted(notes)
        for start in [round(note.start * ticks_a_second)]
    ]
    for start, stop, note in rows:
        if note.lyric:
            yield start, 1, mido.MetaMessage("lyrics", text=note.lyric)
        yield start, 2, mido.Message("note_on", note=note.pitch, velocity=note.velocity)
        yield stop, 0, mido.Message("note_off", note=note.pitch)
