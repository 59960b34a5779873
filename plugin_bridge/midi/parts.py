"""Choose the part of a MIDI file that is sung: a track, a channel, never the drums."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from plugin_bridge.midi.decoder import DRUMS
from plugin_bridge.midi.smf import MidiSong, counted
from plugin_bridge.midi.words import words

_VOICE = re.compile("voc|voice|vox|melod", re.IGNORECASE)
_LISTED = 4


class Part(NamedTuple):
    """The messages of one channel in one track, both counted from 0."""

    track: int
    channel: int


class Selection(NamedTuple):
    """What of a file counts."""

    parts: Collection[Part]
    """Whose messages count, all but the notes of drums."""
    tracks: Collection[int]
    """Whose tempo changes count."""
    sentence: str
    """Which notes are left out, and why; empty for none."""


def select(song: MidiSong, channel: int | None = None, track: int | None = None) -> Selection:
    """Choose what of a file counts.

    What is asked for counts, and nothing else. Where nothing is asked for and several parts have notes, one
    of them is sung: one whose notes begin with the file's words, or else one whose track is named
    like a voice, and of those the one with the most notes. The controls of its channel in any track count,
    too, and those of channels without notes. Of a file of format 2, one pattern counts.

    Args:
        song: a parsed file.
        channel: the only channel that counts, 1 to 16; None for any.
        track: the only track that counts, from 1; None for any.

    Raises:
        ValueError: the file has no such part; the text is the end of a sentence that begins with its name.
    """
    notes = _notes(song)
    kept = {p for p in notes if channel in {None, p.channel + 1} and track in {None, p.track + 1}}
    if notes and not kept:
        asked = [f"in track {track}"] if track is not None else []
        asked += [f"on channel {channel}"] if channel is not None else []
        listed = _list([_named(song, part) for part in sorted(notes)])
        raise ValueError(f"holds nothing {' '.join(asked)}; choose among {listed}")
    tracks: Collection[int] = range(len(song.tracks))
    sung = None
    if song.format == 2 or (channel is None and track is None):
        sung = _sung(song, notes, kept)
        kept -= _rivals(notes, sung)
    if song.format == 2 and sung is not None:
        kept = {part for part in kept if part.track == sung.track}
        tracks = {sung.track}
    lost = {part: n for part, n in notes.items() if n and (part not in kept or part.channel == DRUMS)}
    return Selection(kept, tracks, _sentence(song, sung, lost))


def _notes(song: MidiSong) -> dict[Part, int]:
    """Count the notes of all parts, 0 for one that has other messages only."""
    found: dict[Part, int] = {}
    for number, track in enumerate(song.tracks):
        for _, message in track.messages:
            part = Part(number, message[0] & 0x0F)
            begins = message[0] & 0xF0 == 0x90 and message[2] > 0
            found[part] = found.get(part, 0) + begins
    return found


def _sung(song: MidiSong, notes: Mapping[Part, int], parts: Iterable[Part]) -> Part | None:
    worded = _worded(song)

    def rank(part: Part) -> tuple[float, bool, int, int]:
        named = _VOICE.search(song.tracks[part.track].name) is not None
        return worded.get(part, 0.0), named, notes[part], -part.track

    return max((p for p in sorted(parts) if notes[p] and p.channel != DRUMS), key=rank, default=None)


def _worded(song: MidiSong) -> dict[Part, float]:
    """Return how well words and notes begin together (F1), of the parts where mostly they do."""
    ticks = {word.tick for word in words(song, range(len(song.tracks)))}
    begun: dict[Part, set[int]] = {}
    for number, track in enumerate(song.tracks):
        for tick, message in track.messages:
            if message[0] & 0xF0 == 0x90 and message[2] > 0:
                begun.setdefault(Part(number, message[0] & 0x0F), set()).add(tick)
    fits = {part: 2 * len(own & ticks) / (len(own) + len(ticks)) for part, own in begun.items()}
    return {part: fit for part, fit in fits.items() if fit > 0.5}


def _rivals(notes: Mapping[Part, int], sung: Part | None) -> set[Part]:
    """Return the parts with other notes, and all of the channels that only they use."""
    rivals = {part for part, n in notes.items() if n and part != sung}
    channels = {part.channel for part in rivals} - {sung.channel if sung else None}
    return rivals | {part for part in notes if part.channel in channels}


def _sentence(song: MidiSong, sung: Part | None, lost: Mapping[Part, int]) -> str:
    drums = sum(n for part, n in lost.items() if part.channel == DRUMS)
    others = sorted(((n, part) for part, n in lost.items() if part.channel != DRUMS), reverse=True)
    left_out = [f"{counted(n, 'note')} of {_named(song, part)}" for n, part in others]
    if len(left_out) > _LISTED:
        rest = sum(n for n, _ in others[_LISTED:])
        left_out[_LISTED:] = [f"{rest} notes of {counted(len(others) - _LISTED, 'more part')}"]
    if not others:
        return (
            f"channel 10 is drums, which are never sung: {counted(drums, 'note')} left out" if drums else ""
        )
    if drums:
        left_out.append(f"{counted(drums, 'note')} of the drums on channel 10")
    if sung is None:
        return f"the part that was asked for leaves out {_list(left_out)}"
    remedy = "choose another with --midi-track and --midi-channel"
    return f"{_named(song, sung)} is sung, which leaves out {_list(left_out)}; {remedy}"


def _named(song: MidiSong, part: Part) -> str:
    name = song.tracks[part.track].name
    return f"track {part.track + 1} channel {part.channel + 1}" + (f" ({name})" if name else "")


def _list(texts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))
