"""MIDI in the audio process: bytes with a sample position in, events out, and MIDI learn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import mido

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event
from plugin_bridge.errors import OutputError, ScoreError
from plugin_bridge.midi.decoder import MidiDecoder
from plugin_bridge.midi.map import RESERVED, Learned, MidiMap, load_midi_map, movable
from plugin_bridge.midi.mapfile import save_learned
from plugin_bridge.midi.stream import MidiStream

# Within this many samples a sentence is reported once, and at most this many are: a stuck controller must
# not flood its reader.
_SPAN, _SENTENCES = 48_000, 8
# The halves of a 14-bit control follow each other on the cable within 2 ms; a system port delivers them in
# one block or in two consecutive ones.
_SAME_CONTROL = 2_048
_CONTROL_CHANGE = 0xB0


class _Bound(NamedTuple):
    """A control just learned, whose other half may still arrive."""

    parameter: str
    channel: int
    number: int
    position: int


class _Cable(NamedTuple):
    """The state of a port."""

    stream: MidiStream
    decoder: MidiDecoder


class MidiInput:
    """Decode the bytes of MIDI ports; no input makes it fail.

    Construct it outside the engine's thread, since that reads files and starts the thread that saves learned
    controls. All methods may be called in the engine's thread: they neither block nor touch the disk.
    `report` is only called from within them.

    Args:
        map_path: the MIDI map; None for the one that ships, which is never written.
        report: called with a sentence for a person to see.
        singers: ids of the engine's set; a program that picks any other singer changes nothing. None for any.
        learned: controls learned earlier, in order; they are not written to the map file again.
        keep: called with each control as it is learned.

    Raises:
        ScoreError: the map is missing or does not fit.
        SingerFileError: the map names a singer file that is missing or is not one.
    """

    def __init__(
        self,
        map_path: Path | None,
        report: Callable[[str], None],
        singers: Iterable[str] | None = None,
        learned: Iterable[Learned] = (),
        keep: Callable[[Learned], None] = lambda _: None,
    ) -> None:
        self._path = map_path
        self._report, self._keep = report, keep
        self._singers = None if singers is None else tuple(singers)
        self._map = _with_ids(load_midi_map(map_path))
        for number, parameter, pair in learned:
            self._map = self._map.learned(number, parameter, pair=pair)
        self._cables: dict[str, _Cable] = {}
        self._said: set[str] = set()
        self._said_from = self._now = 0
        self._wanted: str | None = None
        self._bound: _Bound | None = None
        self._saver = None if map_path is None else _Saver(map_path)

    def process(self, data: bytes, position: int, port: str = "") -> list[AnyEvent]:
        """Return the events that these bytes complete.

        Args:
            data: as received, in pieces of any size.
            position: input sample for the events.
            port: where they came from; each port has its own channels.
        """
        self._now = position
        if port not in self._cables:
            self._cables[port] = _Cable(MidiStream(), MidiDecoder(self._map, self._say))
        stream, decoder = self._cables[port]
        events: list[AnyEvent] = []
        for message in stream.process(data):
            if message[0] & 0xF0 == _CONTROL_CHANGE:
                self._learn(message[0] & 0x0F, message[1])
            found = decoder.process(mido.Message.from_bytes(message), position)
            if any(isinstance(event, AllNotesOff) for event in found):  # it ends the notes of all ports
                for cable in self._cables.values():
                    cable.decoder.forget_notes()
            events += [event for event in found if self._can_sing(event)]
        self._report_failures()
        return events

    def learn(self, parameter: str | None) -> None:
        """Bind the next control change, on any channel, to a parameter; None stops waiting.

        Its low half is bound with it. The control no longer moves what it moved before, nor does the
        parameter's previous control move it; `low`, `high` and `step` stay. The map file is rewritten.

        Raises:
            ValueError: an unknown parameter, or one that controls cannot move.
        """
        if parameter is not None:
            movable(parameter)
        self._wanted, self._bound = parameter, None
        self._report_failures()

    def reset(self) -> None:
        """Forget banks, pairs, pedals, bend ranges and unfinished messages; the map stays."""
        self._cables.clear()

    def close(self) -> None:
        """Wait until all learned controls are saved; may be called twice."""
        if self._saver is not None:
            self._saver.close()
        self._report_failures()

    def _learn(self, channel: int, number: int) -> None:
        if self._wanted is not None and number not in RESERVED:
            self._bound = _Bound(self._wanted, channel, number, self._now)
            self._wanted = None
            self._bind(number, self._bound.parameter, pair=False)
        elif self._bound is not None:
            parameter, bound_channel, bound, position = self._bound
            halves = channel == bound_channel and abs(number - bound) == 32 and max(number, bound) < 64
            if halves and self._now - position <= _SAME_CONTROL:
                self._bind(min(number, bound), parameter, pair=True)
            self._bound = None

    def _bind(self, number: int, parameter: str, *, pair: bool) -> None:
        learned = self._map.learned(number, parameter, pair=pair)
        if learned != self._map:
            self._map = learned
            for cable in self._cables.values():
                cable.decoder.use(learned)
            if self._saver is not None:
                self._saver.save(number, parameter, pair=pair)
        self._keep(Learned(number, parameter, pair))
        end = (
            " until the end; to keep it, name a map of your own with --midi-map" if self._path is None else ""
        )
        self._report(f"control {number} moves {parameter} now{end}")

    def _can_sing(self, event: AnyEvent) -> bool:
        """Return False for a change to a singer who is not loaded, which could not be made without a gap."""
        if not isinstance(event, Event) or event.parameter != "singer" or self._singers is None:
            return True
        if event.value not in self._singers:
            self._say(
                f"singer {event.value!r} is not in the set, so the singer stays; "
                f"add it with --singer besides {', '.join(self._singers)}"
            )
        return event.value in self._singers

    def _say(self, sentence: str) -> None:
        if not 0 <= self._now - self._said_from < _SPAN:
            self._said.clear()
            self._said_from = self._now
        if sentence not in self._said and len(self._said) < _SENTENCES:
            self._said.add(sentence)
            self._report(sentence)

    def _report_failures(self) -> None:
        if self._saver is not None:
            for sentence in self._saver.failures():
                self._report(sentence)


class _Saver:
    """Writes learned controls in its own thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: SimpleQueue[tuple[int, str, bool] | None] = SimpleQueue()
        self._failures: SimpleQueue[str] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="midi map", daemon=True)
        self._thread.start()

    def save(self, number: int, parameter: str, *, pair: bool) -> None:
        """Queue a control to be saved."""
        self._jobs.put((number, parameter, pair))

    def failures(self) -> list[str]:
        """Take the sentences about what could not be saved."""
        found: list[str] = []
        try:
            while True:
                found.append(self._failures.get_nowait())
        except Empty:
            return found

    def close(self) -> None:
        """Save what is queued, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            number, parameter, pair = job
            try:
                save_learned(self._path, number, parameter, pair=pair)
            except (ScoreError, OutputError, ValueError) as error:
                self._failures.put(f"control {number} moves {parameter} but could not be saved: {error}")


def _with_ids(midi_map: MidiMap) -> MidiMap:
    """Replace singer files by ids, which is how the engine knows its singers."""
    if not any(row.singer.endswith(".onnx") for row in midi_map.program):
        return midi_map
    from plugin_bridge.engine.library import SingerLibrary  # noqa: PLC0415 - onnxruntime is loaded only where a file is named

    library = SingerLibrary()
    rows = (
        row.model_copy(update={"singer": library.id_of(row.singer)}) if row.singer.endswith(".onnx") else row
        for row in midi_map.program
    )
    return midi_map.model_copy(update={"program": tuple(rows)})
