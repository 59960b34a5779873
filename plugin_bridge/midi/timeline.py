"""Open a MIDI file, choose what of it counts, and say when, in exact seconds, its ticks are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.decoder import DRUMS
from plugin_bridge.midi.parts import Part, Selection, select
from plugin_bridge.midi.smf import MidiSong, parse

_DEFAULT_TEMPO = 500_000  # microseconds a beat: 120 beats a minute until the file says otherwise
_SIZE_LIMIT = 8 * 1024 * 1024  # twice what a million notes take


def open_part(
    path: Path, what: str, report: Callable[[str], None], channel: int | None, track: int | None
) -> tuple[MidiSong, Selection]:
    """Read a MIDI file and choose what of it counts, as `select` does.

    Args:
        path: the file.
        what: it is for, as sentences name it.
        report: called with a sentence for what is damaged and what is left out.
        channel: the only one to read, 1 to 16.
        track: the only one to read, from 1.

    Raises:
        ScoreError: missing, too large, no MIDI file, or without the channel or the track.
    """
    song = _opened(path, what)
    try:
        selection = select(song, channel, track)
    except ValueError as error:
        raise ScoreError(f"{path} {error}") from error
    for sentence in (*song.faults, selection.sentence):
        if sentence:
            report(f"{path}: {sentence}")
    return song, selection


def _opened(path: Path, what: str) -> MidiSong:
    if not path.exists():
        raise ScoreError(f"{path} does not exist; check the path of the {what}")
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise ScoreError(f"{path} is larger than {_SIZE_LIMIT} bytes; give a smaller MIDI file")
        return parse(path.read_bytes())
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the {what}") from error
    except ValueError as error:
        raise ScoreError(f"{path} {error}") from error


class Timeline:
    """The seconds of ticks.

    Args:
        song: a parsed file.
        selection: whose tempo changes count.
    """

    def __init__(self, song: MidiSong, selection: Selection) -> None:
        self._division = song.division
        self._ticks, self._tempos, self._passed = [0], [_DEFAULT_TEMPO], [0]
        tempos = [row for number in selection.tracks for row in song.tracks[number].tempos]
        for tick, tempo in sorted(tempos, key=lambda row: row[0]):  # of several at one tick the last counts
            self._passed.append(self._passed[-1] + (tick - self._ticks[-1]) * self._tempos[-1])
            self._ticks.append(tick)
            self._tempos.append(tempo)

    def seconds(self, tick: int) -> Fraction:
        """Return when a tick is, in seconds from the start."""
        if self._division < 0:
            return tick * _smpte_tick(self._division)
        at = bisect_right(self._ticks, tick) - 1
        passed = self._passed[at] + (tick - self._ticks[at]) * self._tempos[at]  # microseconds times division
        return Fraction(passed, self._division * 1_000_000)


def timed_messages(song: MidiSong, selection: Selection) -> Iterator[tuple[Fraction, bytes]]:
    """Yield the messages that count, in order, with their seconds; at one tick in the order of tracks."""
    timeline = Timeline(song, selection)
    messages = [
        (tick, message)
        for number, track in enumerate(song.tracks)
        for tick, message in track.messages
        if Part(number, message[0] & 0x0F) in selection.parts and not _is_drum(message)
    ]
    for tick, message in sorted(messages, key=lambda row: row[0]):  # which keeps the order within a tick
        yield timeline.seconds(tick), message


def _is_drum(message: bytes) -> bool:
    return message[0] in {0x80 | DRUMS, 0x90 | DRUMS}


def _smpte_tick(division: int) -> Fraction:
    """Return the seconds of a tick; see `MidiSong.division`, 29 frames a second meaning 29.97."""
    frames, ticks = -(division >> 8), division & 0xFF
    rate = Fraction(30000, 1001) if frames == 29 else Fraction(frames)
    return 1 / (rate * max(1, ticks))
