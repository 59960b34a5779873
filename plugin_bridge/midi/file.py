"""Read a MIDI file as timed events: the tempo map of all tracks, positions exact to the sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import mido
from mido.midifiles.meta import KeySignatureError

from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.decoder import MidiDecoder
from plugin_bridge.midi.map import MidiMap, load_midi_map

_DEFAULT_TEMPO = 500_000  # microseconds a beat: 120 beats a minute until the file says otherwise
_SIZE_LIMIT = 32 * 1024 * 1024
_FOREIGN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    KeySignatureError,
)  # what mido raises on damaged files


def read_midi(
    path: Path,
    sample_rate: int,
    midi_map: MidiMap | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[AnyEvent]:
    """Read a standard MIDI file of type 0 or 1.

    Args:
        path: the file.
        sample_rate: of the positions, hertz.
        midi_map: what programs and controls mean; the map that ships if absent.
        report: called with a sentence for each program without a singer.

    Returns:
        The events in order. Of several values of one parameter at one sample only the last stays, so that the
        two halves of a 14-bit control act as one.

    Raises:
        ScoreError: missing, too large, damaged, or of type 2.
    """
    file = _open(path)
    decoder = MidiDecoder(midi_map or load_midi_map(), report)
    events: list[AnyEvent] = []
    for seconds, message in _timed(file):
        events.extend(decoder.process(message, round(seconds * sample_rate)))
    return _last_of_each(events)


def _open(path: Path) -> mido.MidiFile:
    if not path.is_file():
        raise ScoreError(f"{path} does not exist; check the path of the automation")
    if path.stat().st_size > _SIZE_LIMIT:
        raise ScoreError(f"{path} is larger than {_SIZE_LIMIT} bytes; give a smaller MIDI file")
    try:
        file = mido.MidiFile(path)
    except _FOREIGN as error:
        raise ScoreError(
            f"{path} is not a MIDI file or is damaged ({str(error) or type(error).__name__}); export it again"
        ) from error
    if file.type == 2:
        raise ScoreError(f"{path} is of type 2 (separate patterns); save it as type 0 or 1")
    if file.ticks_per_beat == 0:
        raise ScoreError(f"{path} has no ticks in a beat; export it again")
    return file


def _timed(file: mido.MidiFile) -> Iterator[tuple[Fraction, mido.Message]]:
    """Yield the messages of all tracks in time, with exact seconds."""
    division = file.ticks_per_beat
    passed = 0  # in ticks times microseconds a beat; with film frames, in ticks
    tick = 0
    tempo = _DEFAULT_TEMPO
    for at, message in _merged(file):
        passed += (at - tick) * (tempo if division > 0 else 1)
        tick = at
        if message.type == "set_tempo":
            tempo = message.tempo
        elif division > 0:
            yield Fraction(passed, division * 1_000_000), message
        else:
            yield passed * _film_tick(division), message


def _merged(file: mido.MidiFile) -> list[tuple[int, mido.Message]]:
    """All messages by tick; at one tick in the order of tracks, but tempo changes of any track first."""
    found: list[tuple[int, bool, int, mido.Message]] = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            found.append((tick, message.type != "set_tempo", len(found), message))
    found.sort(key=lambda row: row[:3])
    return [(tick, message) for tick, _, _, message in found]


def _film_tick(division: int) -> Fraction:
    """SMPTE division: high byte = minus the frames a second (29 means 29.97), low byte = ticks in a frame."""
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
