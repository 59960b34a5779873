"""A live rig: a supervised audio process, and what a control surface can ask of it."""

from __future__ import annotations

import time as clock
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, in_force
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.control.rig import Listeners, Meters, Status
from plugin_bridge.engine.singers import check_events
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.link import EVENTS_PER_MESSAGE, NO_FIGURES, Figures, Message, event_of, rows_of
from plugin_bridge.live.rig.mirror import ParameterMirror
from plugin_bridge.live.rig.recordings import Recordings
from plugin_bridge.live.rig.supervisor import ProcessSupervisor
from plugin_bridge.live.settings import LiveSettings
from plugin_bridge.midi.map import Learned, movable

_CALM = ("bypass", "melody", "morph")
_LATER = "send it again when it runs"
_COUNTS = ("missed", "overruns", "dropped", "late", "refused", "faults")


class LiveRig:
    """Implements `plugin_bridge.control.rig.Rig`; use it in `async with`, or `start` and `stop` it.

    A program that makes one must be importable without running (`if __name__ == "__main__"`), for the audio
    process is spawned.

    Args:
        settings: what to play.
    """

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._heard: Listeners[AnyEvent] = Listeners()
        self._told: Listeners[str] = Listeners()
        self._supervisor = ProcessSupervisor(self._current, self._follow, self._ended, self._told.tell)
        self._mirror = ParameterMirror()
        self._singers: tuple[str, ...] = ()
        self._files: Mapping[str, str] = {}
        self._form: dict[str, object] = {}
        self._present = False  # of the device
        self.losses = 0
        """How often the device was lost, with its audio process or without."""
        self._past = NO_FIGURES  # counts of the processes before
        self._number = self._unsent = 0
        self._recordings = Recordings(settings.sessions.absolute(), self._send_recording)
        self._learned: list[Learned] = []
        self._learning = ""
        self._adding = False
        self.real_time = False
        """Whether the system grants the audio process real-time priority."""

    async def start(self) -> None:
        """Start the audio process and return when samples move.

        After `stop` it goes on with the singers and the values it had.

        Raises:
            DeviceError: the device is not there, or does not run at a native rate.
            SingerFileError, ScoreError, MissingExtraError: as the sentence says.
        """
        await self._supervisor.start()

    async def stop(self) -> None:
        """End the audio process; a recording is closed. May be called twice."""
        await self._supervisor.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def singers(self) -> Sequence[str]:
        """See `Rig.singers`."""
        return self._singers

    @property
    def files(self) -> Mapping[str, str]:
        """Files by singer id, without the singers that ship; filled once started."""
        return self._files

    def named(self) -> Mapping[str, str]:
        """Return by id, in the order of the set, the file of each singer, and the id of one that ships."""
        return {name: self._files.get(name, name) for name in self._singers}

    @property
    def values(self) -> Mapping[str, Value]:
        """See `Rig.values`."""
        return self._mirror.values

    @property
    def status(self) -> Status:
        """See `Rig.status`."""
        now, past, driver = self.figures, self._past, self._settings.driver
        facts = {"device": driver.device, "sample_rate": driver.sample_rate, "channels": driver.channels}
        facts |= {"block": driver.block, "latency": 0} | self._form
        return Status(
            running=self._present and bool(now.running),
            driver=driver.name,
            position=int(now.position),
            load=now.load,
            worst_ms=1000.0 * max(now.worst, past.worst),
            queue_ms=1000.0 * now.age,
            xruns=int(now.missed + now.overruns + past.missed + past.overruns),
            dropped=int(now.dropped + past.dropped),
            late=int(now.late + past.late),
            refused=int(now.refused + past.refused) + self._unsent,
            faults=int(now.faults + past.faults),
            restarts=self._supervisor.restarts,
            recording=self._recordings.name,
            learning=self._learning,
            **facts,  # type: ignore[arg-type] # from our own process
        )

    @property
    def meters(self) -> Meters:
        """See `Rig.meters`."""
        now = self.figures
        return Meters(now.input_db, now.output_db, now.f0, now.voicing, now.f0_out, now.load)

    @property
    def pid(self) -> int:
        """Number of the audio process, 0 for none."""
        return self._supervisor.audio.pid if self._supervisor.audio else 0

    def block_times(self) -> list[float]:
        """Return how many blocks took how long since the process began, in bins of `link.BIN_SECONDS`."""
        return self._supervisor.audio.page.times() if self._supervisor.audio else []

    def send(self, events: Iterable[AnyEvent], *, now: bool = True) -> None:
        """See `Rig.send`."""
        self.send_checked(check_events(events, self._singers), now=now)

    def send_checked(self, events: Sequence[AnyEvent], *, now: bool = True) -> None:
        """See `Rig.send_checked`."""
        if not self._supervisor.runs:
            self._put_off(events, now=now)
            return
        # Where they are to act together, few enough for one message.
        checked = in_force(events) if now else list(events)
        starts = range(0, len(checked), EVENTS_PER_MESSAGE)
        if not self._supervisor.has_room(len(starts)):
            self._unsent += len(checked)
            raise DeviceError(
                f"the audio process is too busy for {len(checked)} more events; send them later"
            )
        for start in starts:
            self._send(checked[start : start + EVENTS_PER_MESSAGE], now=now)

    def _put_off(self, events: Sequence[AnyEvent], *, now: bool) -> None:
        """Keep values for the next process; it will hold no note, so that none has to end."""
        for event in events:
            if not (now and isinstance(event, (Event, NoteOff, AllNotesOff))):
                what = type(event).__name__
                raise DeviceError(f"{what} cannot be taken, for the audio process is away; {_LATER}")
        self._mirror.send(list(events), self._number)

    def _send(self, events: list[AnyEvent], *, now: bool, urgent: bool = False) -> None:
        self._number += 1
        message = {"events": rows_of(events), "now": now, "number": self._number}
        if self._supervisor.send(message, urgent=urgent) and now:
            self._mirror.send(events, self._number)

    def position_at(self, time: float) -> int:
        """See `Rig.position_at`."""
        now = self.figures
        ahead = time - clock.time() + clock.monotonic() - now.clock
        return round(now.position + ahead * now.rate) if now.rate else 0

    def _send_recording(self, message: Message) -> bool:
        return self._present and self._supervisor.send(message, urgent="stop" in message)

    def midi(self, message: bytes, port: str = "") -> None:
        """See `Rig.midi`."""
        self._unsent += not self._supervisor.send({"midi": bytes(message).hex(), "port": port})

    def learn(self, parameter: str | None) -> None:
        """See `Rig.learn`."""
        found = None if parameter is None else movable(parameter).id
        if not self._supervisor.send({"learn": found}) and found is not None:
            raise DeviceError(f"{found} cannot be learned, for the audio process is away; {_LATER}")
        self._learning = found or ""

    def record(self, name: str) -> Awaitable[Path]:
        """See `Rig.record`."""
        return self._recordings.start(name)

    def stop_recording(self) -> Path | None:
        """See `Rig.stop_recording`."""
        return self._recordings.stop()

    async def add_singer(self, file: Path) -> str:
        """See `Rig.add_singer`.

        Another audio process loads the set with the singer in it, and takes over once it has: the device is
        away from the end of the one to the beginning of the other.
        """
        if self._adding:
            raise DeviceError("another singer is being added; ask again when it is in the set")
        self._adding = True
        try:
            return await self._add(file.resolve())
        finally:
            self._adding = False

    async def _add(self, file: Path) -> str:
        self._check_not_recording(file.stem)
        names = self.named().values()
        if str(file) in names:
            raise DeviceError(f"{file.name} is in the set already; switch to it")
        singers = (*names, str(file))
        heir = await self._supervisor.prepare(replace(self._settings, singers=singers))
        try:
            self._check_not_recording(file.stem)
        except DeviceError:
            heir.kill()
            raise
        began = clock.monotonic()
        await self._supervisor.hand_over(heir)
        name = next(known for known, path in self._files.items() if path == str(file))
        away = clock.monotonic() - began
        self._told.tell(f"{name} is in the set; the sound was away for {away:.1f} s")
        return name

    def _check_not_recording(self, name: str) -> None:
        if self._recordings.is_busy:
            raise DeviceError(f"{name} cannot be added while a session is being recorded; stop it first")

    def panic(self) -> None:
        """See `Rig.panic`."""
        start = self._settings.parameters
        calm = [Event(0, name, start.get(name, PARAMETERS[name].default)) for name in _CALM]
        if self._supervisor.send({"forget": True}, urgent=True):
            self._send([AllNotesOff(0), *calm], now=True, urgent=True)
        else:
            self._mirror.send(calm, self._number)

    def listen(self, heard: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """See `Rig.listen`."""
        return self._heard.add(heard)

    def reports(self, heard: Callable[[str], None]) -> Callable[[], None]:
        """See `Rig.reports`."""
        return self._told.add(heard)

    @property
    def figures(self) -> Figures:
        """Figures of the audio process; while there is none, the last clock, position and rate."""
        if self._supervisor.audio is not None:
            return self._supervisor.audio.page.read()
        last = self._supervisor.last
        return Figures(clock=last.clock, position=last.position, rate=last.rate)

    def _current(self) -> LiveSettings:
        """Return the settings of the next process: with the singers and values in force, if there was one."""
        if not self._singers:
            return self._settings
        singers = tuple(self.named().values())
        values = {**self._settings.parameters, **self._mirror.begin()}
        learned = (*self._settings.learned, *self._learned)
        return replace(self._settings, singers=singers, parameters=values, learned=learned)

    def _follow(self, message: Message) -> None:
        """Handle a message of the audio process."""
        match message:
            case {"ready": singers, "files": files, "values": values, "real_time": real_time}:
                self._singers, self._files, self.real_time = tuple(singers), files, real_time
                self._mirror.start(values)
            case {"form": None}:
                self._lose()
            case {"form": form, "latency": latency}:
                self._form = {**form, "latency": latency}
                self._present = True
            case {"heard": others, "own": own, "upto": upto}:
                self._confirm([event_of(row) for row in own], [event_of(row) for row in others], upto)
            case {"recording": number, "begun": _}:
                self._recordings.began(number)
            case {"recording": number, "ended": why}:
                self._recordings.ended(number, why)
            case {"learned": row}:
                self._learned.append(Learned(*row))
                self._learning = ""
            case {"say": sentence}:
                self._told.tell(sentence)

    def _confirm(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        self._mirror.confirm(own, others, upto)
        for event in (*own, *others):
            self._heard.tell(event)

    def _lose(self) -> None:
        self.losses += self._present
        self._present = False

    def _ended(self, last: Figures, how: str | None) -> None:
        past = self._past
        counts = {name: getattr(past, name) + getattr(last, name) for name in _COUNTS}
        self._past = past._replace(worst=max(past.worst, last.worst), **counts)
        name = self._recordings.lost()
        self._learning = ""
        self._lose()
        if how is not None:
            ending = f", and the session {name} ends here" if name else ""
            self._told.tell(f"the audio process {how}; it starts again with the values it had{ending}")
