"""The system's MIDI ports for a live rig: several at once, virtual ones, and ports that come and go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

from plugin_bridge.control.rig import Status
from plugin_bridge.errors import BridgeError, DeviceError
from plugin_bridge.midi.backend import Port, PortSystem, matching, open_system
from plugin_bridge.midi.stream import MidiStream

# Polling this often costs about 3 % of a core and delays a note by 1 ms on average; JACK MIDI, which arrives
# with the audio, is exact to the sample.
_READ_SECONDS = 0.002
_WATCH_SECONDS = 1.0
_MESSAGES_PER_READ = 256
_RESET = 121


class MidiTaker(Protocol):
    """The part of `Rig` that is used here."""

    @property
    def status(self) -> Status:
        """Whether it runs."""

    @property
    def losses(self) -> int:
        """How often it lost its device."""

    def midi(self, message: bytes, port: str) -> None:
        """Take a message of a port."""


class MidiPorts:
    """Feeds a rig from MIDI ports. A missing port is reported and waited for, and never an error.

    Args:
        rig: takes the messages.
        names: ports to open, each by all or part of its name; `all` for every port.
        virtual: names of ports to create, for other programs to connect to.
        report: called with a sentence for a person to see.
        system: source of the ports; None for this machine's.
    """

    def __init__(
        self,
        rig: MidiTaker,
        names: Sequence[str] = (),
        virtual: Sequence[str] = (),
        *,
        report: Callable[[str], None] = lambda _: None,
        system: PortSystem | None = None,
    ) -> None:
        self._rig, self._names, self._virtual = rig, tuple(names), tuple(virtual)
        self._report = report
        self._system = system
        self._cables: dict[str, _Cable] = {}
        self._missing: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def open(self) -> list[str]:
        """Names of the open ports, in the order of opening."""
        return list(self._cables)

    async def start(self) -> None:
        """Open the ports that are there, and watch for the others."""
        if self._tasks or not (self._names or self._virtual):
            return
        try:
            self._system = self._system or open_system()
        except BridgeError as error:
            self._report(str(error))
            return
        losses = self._rig.losses
        self._look(self._system)
        self._tasks = [asyncio.create_task(self._read())]
        self._tasks.append(asyncio.create_task(self._watch(self._system, losses)))

    async def stop(self) -> None:
        """Close all ports; may be called twice."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._close_all()
        if self._system is not None:
            self._system.close()
            self._system = None

    async def _read(self) -> None:
        while True:
            for name, cable in list(self._cables.items()):
                try:
                    for message in cable.read():
                        self._rig.midi(message, name)
                except DeviceError as error:
                    self._report(str(error))
                    self._close(name)
            await asyncio.sleep(_READ_SECONDS)

    async def _watch(self, system: PortSystem, seen: int) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            losses = self._rig.losses  # the only trace of a server that was back within a second
            lost = system.needs_server and losses != seen
            if not lost or (self._rig.status.running and self._renewed(system)):
                seen = losses
                self._look(system)

    def _renewed(self, system: PortSystem) -> bool:
        """Connect to the current server; ports of the previous one are dead, though none reports it."""
        self._close_all()
        try:
            system.renew()
        except DeviceError as error:
            self._report_once("server", str(error))
            return False
        self._missing.discard("server")
        return True

    def _look(self, system: PortSystem) -> None:
        """Close ports that are gone and open ports that have appeared."""
        try:
            there = system.inputs()
        except DeviceError as error:
            self._report_once("list", str(error))
            return
        self._missing.discard("list")
        for name in self.open:
            if name not in there and name not in self._virtual:
                self._close(name)
                self._report(f"MIDI port {name!r} is gone; it will be opened again when it is back")
        for name in self._virtual:
            if name not in self._cables:
                self._open(name, partial(system.open_virtual, name))
        for wanted in self._names:
            found = matching(there, wanted)
            if found:
                self._missing.discard(f"name {wanted}")
            else:
                listed = ", ".join(map(repr, there)) or "none"
                self._report_once(
                    f"name {wanted}",
                    f"no MIDI port is called {wanted!r}; it will be opened when it appears (now: {listed})",
                )
            for name in found:
                if name not in self._cables:
                    self._open(name, partial(system.open, name))

    def _open(self, name: str, opened: Callable[[], Port]) -> None:
        try:
            self._cables[name] = _Cable(opened())
        except DeviceError as error:
            self._report_once(f"open {name}", str(error))
            return
        self._missing.discard(f"open {name}")
        self._report(f"MIDI port {name!r} is open")

    def _report_once(self, key: str, sentence: str) -> None:
        if key not in self._missing:
            self._missing.add(key)
            self._report(sentence)

    def _close_all(self) -> None:
        for name in self.open:
            self._close(name)

    def _close(self, name: str) -> None:
        cable = self._cables.pop(name)
        for message in cable.close():
            self._rig.midi(message, name)


class _Cable:
    """An open port and what is held on it, so that no note hangs when it goes."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._stream = MidiStream()
        self._notes: dict[tuple[int, int], None] = {}
        self._moved: set[int] = set()

    def read(self) -> Iterator[bytes]:
        """Yield the channel messages that wait, a few hundred at most."""
        for _ in range(_MESSAGES_PER_READ):
            data = self._port.read()
            if data is None:
                return
            for message in self._stream.process(data):
                self._follow(message)
                yield message

    def close(self) -> list[bytes]:
        """Close the port; return messages that end its notes, bends and pedals."""
        self._port.close()
        ends = [bytes((0x80 | channel, note, 0)) for channel, note in self._notes]
        return ends + [bytes((0xB0 | channel, _RESET, 0)) for channel in sorted(self._moved)]

    def _follow(self, message: bytes) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == 0x90 and message[2] > 0:
            self._notes[channel, message[1]] = None
        elif kind in (0x80, 0x90):
            self._notes.pop((channel, message[1]), None)
        elif kind == 0xE0 or (kind == 0xB0 and message[1] == 64):
            self._moved.add(channel)
