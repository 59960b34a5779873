"""An instance of the plug-in as control surfaces see it: its host owns the values, and is asked for moves."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, in_force
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.control.rig import Listeners, Meters, Status
from plugin_bridge.engine.core import LATENCY_HOPS
from plugin_bridge.engine.singers import check_events
from plugin_bridge.errors import DeviceError, OutputError
from plugin_bridge.plugin.bridge import REFUSED, TAKEN, Segment, Stream
from plugin_bridge.plugin.table import CALM, REFUSALS, STATUSES, HostValues, rows

_STILL_SECONDS = 0.5
"""Without new audio, from which on the host counts as not playing the plug-in."""
_PATIENCE_SECONDS = 1.0
"""Until the host has a move in its values, or answers, or it is told and no longer shown."""
_ROUNDED = 1e-5
"""Share of a range by which a host may miss a value."""
_AGAIN_SECONDS = 3.0
"""Until the same sentence is told again."""
_SILENT = Meters(-120.0, -120.0, 0.0, 0.0, 0.0, 0.0)
_CALM = {"bypass": False, "melody": False, "morph": 0.0}
_NUMBER = {row.id: row.number for row in rows()}


@dataclass
class _Move:
    """A parameter on its way to the host."""

    value: float
    before: float
    """What the host had."""
    ask: int
    since: float
    taken: bool = False


class PluginRig:
    """Implements `plugin_bridge.control.rig.Rig` on a segment that is looked at; `poll` keeps it up to date.

    Args:
        segment: of the instance.
        singers: by number, the ids of those that can sing.
        clock: seconds.
    """

    def __init__(
        self, segment: Segment, singers: Mapping[int, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._segment, self._singers, self._clock = segment, dict(singers), clock
        self._host = HostValues(self._singers)
        self._rows = rows()
        self._numbers = segment.values(len(self._rows))
        self._moves: dict[int, _Move] = {}
        self._values: dict[str, Value] = {row.id: row.default for row in PARAMETERS.values()}
        self._shown = MappingProxyType(self._values)
        self._heard: Listeners[AnyEvent] = Listeners()
        self._told: Listeners[str] = Listeners()
        self._said: dict[str, float] = {}
        self._refused = self._restarts = 0
        self._late = self._numbers[_NUMBER["late"]]  # most of it while the engine began
        self._trouble = ""
        self._process = self._position = 0
        self._moved = -_STILL_SECONDS
        self.alive = True
        """Whether the instance is there, as of the last `poll`."""
        self.poll()

    def poll(self) -> None:
        """Look at the instance; to be called some twenty times a second."""
        now = self._clock()
        self._numbers = self._segment.values(len(self._rows))
        for number, move in list(self._moves.items()):
            self._follow(number, move, now)
        stream = self._segment.stream()
        self.alive = self._segment.alive
        if stream is not None:
            if stream.taken != self._position:
                self._position, self._moved = stream.taken, now
            if stream.process not in {0, self._process}:
                self._restarts += self._process != 0
                self._process = stream.process
        self._refresh()
        self._tell_trouble()

    def _refresh(self) -> None:
        found: dict[str, Value] = {}
        for number, value in enumerate(self._numbers):
            move = self._moves.get(number)
            if (taken := self._host.take(number, value if move is None else move.value)) is not None:
                found[taken[0]] = taken[1]
        for name, known in found.items():
            if self._values[name] != known:
                self._values[name] = known
                self._heard.tell(Event(max(0, self._position), name, known))

    def _follow(self, number: int, move: _Move, now: float) -> None:
        """See what became of a move; it is shown until the host has it or has not taken it."""
        name = self._rows[number].id
        answer = self._segment.answer(move.ask)
        if answer == TAKEN and not move.taken:
            move.taken, move.since = True, now
        if answer == REFUSED:
            self._refused += 1
            self._give_up(number, f"the DAW does not let its plug-in move {name} now; move it in the DAW")
        elif move.taken and self._is_near(number, move.value):
            self._give_up(number)
        elif now - move.since > _PATIENCE_SECONDS:
            if not self._is_played:
                self._give_up(number, f"the DAW does not play the plug-in: the move of {name} waits")
            elif self._is_near(number, move.before):
                self._give_up(number, f"the DAW has left {name} where it was; move it in the DAW")
            else:
                self._give_up(number)  # to what the DAW has moved it meanwhile

    def _is_near(self, number: int, value: float) -> bool:
        """Return whether the host has this value, but for what hosts round."""
        row = self._rows[number]
        return abs(self._numbers[number] - value) <= _ROUNDED * (row.high - row.low)

    def _give_up(self, number: int, sentence: str = "") -> None:
        del self._moves[number]
        if sentence:
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        now = self._clock()
        if now - self._said.get(sentence, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
            self._said = {kept: at for kept, at in self._said.items() if now - at < _AGAIN_SECONDS}
            self._said[sentence] = now
            self._told.tell(sentence)

    def _tell_trouble(self) -> None:
        word = self._word
        trouble = word if STATUSES.index(word) >= REFUSALS or word == "singer changed" else ""
        if trouble != self._trouble:
            self._trouble = trouble
            self._told.tell(f"the plug-in says: {trouble}" if trouble else f"the plug-in says: {word} again")

    @property
    def _word(self) -> str:
        """Status of the plug-in, one of `table.STATUSES`."""
        number = round(self._numbers[_NUMBER["status"]])
        return STATUSES[number] if 0 <= number < len(STATUSES) else STATUSES[0]

    @property
    def _is_played(self) -> bool:
        return self._clock() - self._moved < _STILL_SECONDS

    @property
    def singers(self) -> Sequence[str]:
        """See `Rig.singers`."""
        return list(dict.fromkeys(self._singers.values()))

    @property
    def values(self) -> Mapping[str, Value]:
        """See `Rig.values`: what the host has, and moves on their way to it."""
        return self._shown

    @property
    def status(self) -> Status:
        """See `Rig.status`; what a plug-in cannot know is 0."""
        stream = self._segment.stream() or Stream()
        position, queue = stream.taken - stream.base, 0.0
        if self._is_played and stream.ack == stream.epoch:
            queue = 1000.0 * max(0, stream.taken - stream.made) / stream.rate
        figures = self._segment.meters()
        return Status(
            running=self._is_played and STATUSES.index(self._word) < REFUSALS,
            driver="plug-in",
            device=f"{self._segment.format()}: {self._word}",
            sample_rate=round(stream.rate),
            channels=stream.channels,
            block=stream.block,
            latency=stream.delay + LATENCY_HOPS * stream.hop,
            position=position,
            load=figures[5],
            worst_ms=figures[6],
            queue_ms=queue,
            xruns=0,
            dropped=round(self._numbers[_NUMBER["late"]] - self._late),
            late=0,
            refused=self._refused,
            restarts=self._restarts,
            recording="",
            faults=round(figures[7]),
        )

    @property
    def meters(self) -> Meters:
        """See `Rig.meters`; silent while the host does not play the plug-in."""
        return Meters(*self._segment.meters()[:6]) if self._is_played else _SILENT

    def send(self, events: Iterable[AnyEvent], *, now: bool = True) -> None:
        """See `Rig.send`."""
        self.send_checked(check_events(events, self.singers), now=now)

    def send_checked(self, events: Sequence[AnyEvent], *, now: bool = True) -> None:
        """Ask the host for moves; notes and times of their own are refused.

        Raises:
            DeviceError: such an event, or the host takes no moves, or too many wait for it.
        """
        if not now:
            raise DeviceError("a move with a time of its own is the DAW's automation; draw it there")
        kept = in_force(events)
        moves = [event for event in kept if isinstance(event, Event)]
        ends = [event for event in kept if isinstance(event, AllNotesOff)]
        if len(moves) + len(ends) < len(kept):
            raise DeviceError("notes come from the DAW's MIDI; play them on a track that goes to the plug-in")
        if ends:
            self._ask(CALM, 0.0, "notes")
        if moves and not self._segment.takes_moves():
            name, kind = moves[0].parameter, self._segment.format()
            raise DeviceError(f"this {kind} host takes no moves from a plug-in; move {name} in the DAW")
        for event in moves:
            for number, value in self._host.given(event.parameter, event.value):
                self._move(number, value)
        self._refresh()

    def _move(self, number: int, value: float) -> None:
        move, before = self._moves.get(number), self._numbers[number]
        if self._is_near(number, value) if move is None else value == move.value:
            return
        self._moves[number] = _Move(
            value, before, self._ask(number, value, self._rows[number].id), self._clock()
        )

    def _ask(self, number: int, value: float, name: str) -> int:
        ask = self._segment.ask(number, value)
        if not ask:
            raise DeviceError(f"the DAW has not taken the moves before; move {name} when it plays")
        return ask

    def position_at(self, time: float) -> int:
        """Return where the stream is now; events with a time of their own are refused."""
        del time
        stream = self._segment.stream()
        return 0 if stream is None else stream.taken - stream.base

    def midi(self, message: bytes, port: str = "") -> NoReturn:
        """Refuse: see `send_checked`."""
        del message, port
        raise DeviceError("MIDI comes from the DAW; send it to the plug-in's track")

    def learn(self, parameter: str | None) -> None:
        """Refuse to learn; there is nothing to give up."""
        if parameter is not None:
            raise DeviceError(f"a DAW learns for its plug-ins; learn {parameter} there")

    def record(self, name: str) -> Awaitable[Path]:
        """Refuse."""
        raise OutputError(f"session {name!r} cannot begin in a plug-in; record in the DAW")

    def stop_recording(self) -> Path | None:
        """Return None: there is no recording."""
        return None

    async def add_singer(self, file: Path) -> NoReturn:
        """Refuse."""
        raise DeviceError(f"{file.stem} cannot be added here; name it in the MIDI map of the plug-in")

    def panic(self) -> None:
        """See `Rig.panic`."""
        self.send_checked([AllNotesOff(0), *(Event(0, name, value) for name, value in _CALM.items())])

    def listen(self, heard: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """See `Rig.listen`: what the host has set, at about its time."""
        return self._heard.add(heard)

    def reports(self, heard: Callable[[str], None]) -> Callable[[], None]:
        """See `Rig.reports`."""
        return self._told.add(heard)
