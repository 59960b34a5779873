"""Read a MIDI file as timed events: the tempo map of all tracks, positions exact to the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import mido

from plugin_bridge.control.events import LAST_POSITION, AnyEvent, Event
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.decoder import DRUMS, MidiDecoder
from plugin_bridge.midi.map import MidiMap, load_midi_map
from plugin_bridge.midi.parts import Part, Selection, select
from plugin_bridge.midi.smf import MidiSong, parse

_DEFAULT_TEMPO = 500_000  # microseconds a beat: 120 beats a minute until the file says otherwise
_SIZE_LIMIT = 8 * 1024 * 1024  # twice what a million notes take


def read_midi(
    path: Path,
    sample_rate: int,
    midi_map: MidiMap | None = None,
    report: Callable[[str], None] = lambda _: None,
    *,
    channel: int | None = None,
    track: int | None = None,
) -> list[AnyEvent]:
    """Read a standard MIDI file of any format, damaged ones as far as they go.

    Args:
        path: the file.
        sample_rate: of the positions, hertz.
        midi_map: what programs and controls mean; the map that ships if absent.
        report: called with a sentence for each program without a singer, for what is damaged and for notes
            that are left out.
        channel: the only one to read, 1 to 16; without it and `track`, one part is chosen where several have
            notes, and never the drums of channel 10.
        track: the only one to read, from 1.

    Returns:
        The events in order. Of several values of one parameter at one sample only the last stays, so that the
        two halves of a 14-bit control act as one.

    Raises:
        ScoreError: missing, too large, no MIDI file, or without the channel or the track.
    """
    data = _bytes(path)
    try:
        song = parse(data)
        selection = select(song, channel, track)
    except ValueError as error:
        raise ScoreError(f"{path} {error}") from error
    for sentence in (*song.faults, selection.sentence):
        if sentence:
            report(f"{path}: {sentence}")
    decoder = MidiDecoder(midi_map or load_midi_map(), report)
    events: list[AnyEvent] = []
    for seconds, message in _timed(song, selection):
        position = min(round(seconds * sample_rate), LAST_POSITION)
        events.extend(decoder.process(mido.Message.from_bytes(message), position))
    return _last_of_each(events)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise ScoreError(f"{path} does not exist; check the path of the automation")
    if path.stat().st_size > _SIZE_LIMIT:
        raise ScoreError(f"{path} is larger than {_SIZE_LIMIT} bytes; give a smaller MIDI file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the automation") from error


def _timed(song: MidiSong, selection: Selection) -> Iterator[tuple[Fraction, bytes]]:
    """Yield the messages that count in time, with exact seconds."""
    passed = 0  # in ticks times microseconds a beat; in SMPTE time, in ticks
    tick = 0
    tempo = _DEFAULT_TEMPO
    for at, item in _merged(song, selection):
        passed += (at - tick) * (tempo if song.division > 0 else 1)
        tick = at
        if isinstance(item, int):
            tempo = item
        elif song.division > 0:
            yield Fraction(passed, song.division * 1_000_000), item
        else:
            yield passed * _smpte_tick(song.division), item


def _merged(song: MidiSong, selection: Selection) -> list[tuple[int, bytes | int]]:
    """Return messages and tempos by tick; at one tick tempos first, then messages in the order of tracks."""
    tempos = [row for number in selection.tracks for row in song.tracks[number].tempos]
    messages = [
        (tick, message)
        for number, track in enumerate(song.tracks)
        for tick, message in track.messages
        if Part(number, message[0] & 0x0F) in selection.parts and not _is_drum(message)
    ]
    return sorted([*tempos, *messages], key=lambda row: row[0])  # which keeps the order within a tick


def _is_drum(message: bytes) -> bool:
    return message[0] in {0x80 | DRUMS, 0x90 | DRUMS}


def _smpte_tick(division: int) -> Fraction:
    """Return the seconds of a tick; see `MidiSong.division`, 29 frames a second meaning 29.97."""
    frames, ticks = -(division >> 8), division & 0xFF
    rate = Fraction(30000, 1001) if frames == 29 else Fraction(frames)
    return 1 / (rate * max(1, ticks))


def _last_of_each(events: list[AnyEvent]) -> list[AnyEvent]:
    last = {
        (event.position, event.parameter): i for i, event in enumerate(events) if isinstance(event, Event)
    }
    return [
        event
        for i, event in enumerate(events)
        if not isinstance(event, Event) or last[event.position, event.parameter] == i
    ]
