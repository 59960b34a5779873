"""Read a MIDI file as timed events, positions exact to the sample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mido

from plugin_bridge.control.events import LAST_POSITION, AnyEvent, Event
from plugin_bridge.midi.decoder import MidiDecoder
from plugin_bridge.midi.map import MidiMap, load_midi_map
from plugin_bridge.midi.timeline import open_part, timed_messages


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
    song, selection = open_part(path, "automation", report, channel, track)
    decoder = MidiDecoder(midi_map or load_midi_map(), report)
    events: list[AnyEvent] = []
    for seconds, message in timed_messages(song, selection):
        position = min(round(seconds * sample_rate), LAST_POSITION)
        events.extend(decoder.process(mido.Message.from_bytes(message), position))
    return _last_of_each(events)


def _last_of_each(events: list[AnyEvent]) -> list[AnyEvent]:
    last = {
        (event.position, event.parameter): i for i, event in enumerate(events) if isinstance(event, Event)
    }
    return [
        event
        for i, event in enumerate(events)
        if not isinstance(event, Event) or last[event.position, event.parameter] == i
    ]
