"""Parse a standard MIDI file as tolerant players do: use what is there, and say what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from plugin_bridge.files.printable import printable

MAX_MESSAGES = 1_000_000
"""Channel messages in a file."""
_MAX_TRACKS = 0xFFFF  # as many as a header can promise
_HEADER, _TRACK = b"MThd", b"MTrk"
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # system messages do not belong in a file, but are found there
_SYSEX, _ESCAPE, _META = 0xF0, 0xF7, 0xFF
_TEXT, _NAME, _LYRIC, _END, _TEMPO = 0x01, 0x03, 0x05, 0x2F, 0x51
_UNUSED = {0xA0, 0xD0}  # pressure of keys and channels
_NAME_LENGTH = 40
_STATUS = re.compile(rb"[\x80-\xff]")


@dataclass
class Track:
    """What a track holds, by tick since its start."""

    name: str = ""
    messages: list[tuple[int, bytes]] = field(default_factory=list)
    """Channel messages with their status, data bytes 0..127; pressure is left out."""
    tempos: list[tuple[int, int]] = field(default_factory=list)
    """Microseconds a beat, from 1."""
    lyrics: list[tuple[int, bytes]] = field(default_factory=list)
    """Lyric events, in the encoding of the file."""
    texts: list[tuple[int, bytes]] = field(default_factory=list)
    """Text events, which karaoke files use for lyrics."""

    @property
    def events(self) -> int:
        """How many there are that may be many."""
        return len(self.messages) + len(self.lyrics) + len(self.texts)


@dataclass
class MidiSong:
    """A parsed file."""

    format: int
    """2 for independent patterns."""
    division: int
    """Ticks a beat; in SMPTE time negative: minus the frames a second and, as the low byte, ticks a frame."""
    tracks: list[Track]
    faults: list[str]
    """What was lost: sentences without the file's name."""


def parse(data: bytes) -> MidiSong:
    """Parse a standard MIDI file.

    The header may stand behind something else, as in RMID files. Lengths of chunks and the number of tracks
    are checked against what is there, alien chunks are skipped, running status goes on after system exclusive
    and meta events, and text is of no concern.

    Args:
        data: the bytes of the file.

    Raises:
        ValueError: there is no whole header, no track of those promised or no time division, or there are
            more than `MAX_MESSAGES`; the text is the end of a sentence that begins with the file's name.
    """
    start = data.find(_HEADER)
    header = data[start + 8 : start + 14]
    if start < 0 or len(header) < 6 or 0 <= data.find(_TRACK, start) < start + 14:
        raise ValueError("is not a MIDI file or is damaged (it has no whole header); export it again")
    division = int.from_bytes(header[4:6], "big", signed=True)
    if division == 0:
        raise ValueError("has no ticks in a beat; export it again")
    song = MidiSong(int.from_bytes(header[:2], "big"), division, [], [])
    at, room = _after_chunk(data, start, start + 14), MAX_MESSAGES
    while at < len(data) and not data.startswith(_HEADER, at):
        if data.startswith(_TRACK, at):
            at = _add_track(song, data, at, room)
            room -= song.tracks[-1].events
        else:
            at = _after_chunk(data, at, at + 1)
    promised = int.from_bytes(header[2:4], "big")
    if promised and not song.tracks:
        raise ValueError("holds no MIDI track; export it again")
    if len(song.tracks) < promised:
        song.faults.append(
            f"its header promises {counted(promised, 'track')}, and it holds {len(song.tracks)}"
        )
    return song


def _add_track(song: MidiSong, data: bytes, at: int, room: int) -> int:
    """Parse the track chunk at a place, of `room` messages at most; return where the next chunk begins."""
    end = _declared_end(data, at)
    trusted = _ends_chunk(data, end)
    reader = _TrackReader(data, at + 8, end if trusted else len(data), trusted=trusted)
    reader.read(room)
    song.tracks.append(reader.track)
    if len(song.tracks) > _MAX_TRACKS:
        raise ValueError(f"holds more than {_MAX_TRACKS} MIDI tracks; split it")
    song.faults += reader.faults(len(song.tracks))
    if data.startswith(_TRACK, reader.at):  # where a length is wrong, the next track tells
        return reader.at
    return _after_chunk(data, at, reader.at)


def _declared_end(data: bytes, at: int) -> int:
    return at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")


def _ends_chunk(data: bytes, end: int) -> bool:
    """Return whether a chunk may well end here: at the end of the file, or before another chunk."""
    if end >= len(data) or data.startswith(_TRACK, end):
        return end <= len(data)
    return data[end : end + 4].isalnum() and _declared_end(data, end) <= len(data)


def _after_chunk(data: bytes, at: int, least: int) -> int:
    """Return where the chunk after the one at a place begins: where its length says, else the next track."""
    end = _declared_end(data, at)
    if end >= least and _ends_chunk(data, end):
        return end
    found = data.find(_TRACK, least)
    return found if found >= 0 else len(data)


class _TrackReader:
    """Reads the events of one track.

    Args:
        data: of the whole file.
        at: where the first event begins.
        stop: where the track ends, at the latest.
        trusted: it ends there and nowhere else; otherwise the end-of-track event or the next track ends it.
    """

    def __init__(self, data: bytes, at: int, stop: int, *, trusted: bool) -> None:
        self.track = Track()
        self.at = at
        self._data, self._stop, self._trusted = data, stop, trusted
        self._tick = self._status = 0
        self._ended = self._cut = False
        self._strays = self._lost_notes = self._lost_others = self._lost_tempos = 0

    def read(self, room: int) -> None:
        """Read all events.

        Raises:
            ValueError: more than `room` messages.
        """
        while self.at < self._stop and not (self._ended and not self._trusted):
            if (self._ended or not self._trusted) and self._data.startswith(_TRACK, self.at):
                return
            try:
                self._tick += self._length()
                self._event()
            except EOFError:
                self._cut = not self._ended
                return
            if self.track.events > room:
                raise ValueError(f"holds more than {MAX_MESSAGES} MIDI messages; split it")
        self._cut = not (self._ended or self._trusted)

    def faults(self, number: int) -> list[str]:
        """Return what was lost of track `number`, in sentences."""
        notes, others = counted(self._lost_notes, "note"), counted(self._lost_others, "control or program")
        tempos, bytes_ = counted(self._lost_tempos, "tempo change"), counted(self._strays, "byte")
        lost = (
            (self._cut, "breaks off; what should follow is lost"),
            (self._lost_notes, f"has {notes} with a number above 127, left out"),
            (self._lost_others, f"has {others} with a number above 127, left out"),
            (self._lost_tempos, f"has {tempos} without a tempo, left out"),
            (self._strays, f"has {bytes_} outside any event, left out"),
        )
        return [f"track {number} {sentence}" for fault, sentence in lost if fault]

    def _event(self) -> None:
        byte = self._byte()
        if byte < 0x80:
            if self._status == 0:
                self._skip_strays()
                return
            self._message(byte)
        elif byte < _SYSEX:
            self._status = byte
            self._message(self._byte())
        elif byte == _META:
            self._meta(self._byte(), self._take(self._length()))
        elif byte in {_SYSEX, _ESCAPE}:
            self._take(self._length())
        else:
            self._take(_SYSTEM_BYTES.get(byte, 0))

    def _message(self, first: int) -> None:
        kind = self._status & 0xF0
        second = self._take(_DATA_BYTES[kind] - 1)
        if first > 127 and kind != 0xE0:  # no such note, control or program
            self._lost_notes += kind == 0x90
            self._lost_others += kind in {0xB0, 0xC0}
        elif kind not in _UNUSED:
            message = bytes((self._status, min(first, 127), *(min(byte, 127) for byte in second)))
            self.track.messages.append((self._tick, message))

    def _meta(self, kind: int, data: bytes) -> None:
        if kind == _NAME and not self.track.name:
            self.track.name = _text(data)
        elif kind == _TEMPO and (tempo := int.from_bytes(data[:3], "big")) and len(data) >= 3:
            self.track.tempos.append((self._tick, tempo))
        elif kind == _TEMPO:
            self._lost_tempos += 1
        elif kind == _LYRIC:
            self.track.lyrics.append((self._tick, data))
        elif kind == _TEXT:
            self.track.texts.append((self._tick, data))
        elif kind == _END:
            self._ended, self._status = True, 0

    def _skip_strays(self) -> None:
        """Skip data that follow no status, to the next status or track."""
        first = self.at - 1
        status = _STATUS.search(self._data, self.at, self._stop)
        self.at = status.start() if status else self._stop
        following = self._data.find(_TRACK, first, self.at)
        if following >= 0 and (self._ended or not self._trusted):
            self.at = following
        if not self._ended:  # zeros behind the end fill a chunk up
            self._strays += self.at - first
        if following < 0 and self.at < self._stop:
            self._event()

    def _byte(self) -> int:
        if self.at >= self._stop:
            raise EOFError
        self.at += 1
        return self._data[self.at - 1]

    def _take(self, size: int) -> bytes:
        if self.at + size > self._stop:
            self.at = self._stop
            raise EOFError
        found = self._data[self.at : self.at + size]
        self.at += size
        return found

    def _length(self) -> int:
        """Take a number of variable length, 4 bytes at most."""
        value = 0
        for _ in range(4):
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                break
        return value


def counted(number: int, what: str) -> str:
    """Return a number of things, such as "1 note" and "2 notes"."""
    return f"{number} {what}" if number == 1 else f"{number} {what.replace(' or', 's or')}s"


def _text(data: bytes) -> str:
    """Decode a name of any encoding for people to read."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return printable(text).strip()[:_NAME_LENGTH]
