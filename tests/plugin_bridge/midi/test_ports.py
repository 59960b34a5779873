"""MIDI ports: several, virtual ones, those that come, go, break or never were, and the real ones by JACK."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.rig import Status
from plugin_bridge.engine.engine import Engine
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.survey import survey
from plugin_bridge.midi import ports as midiports
from plugin_bridge.midi.backend import RtMidiSystem, matching
from plugin_bridge.midi.input import MidiInput
from plugin_bridge.midi.ports import MidiPorts
from tests.support.doubles import BRIGHT, DARK, sung
from tests.support.extras import needs

STATUS = Status(
    running=True, driver="null", device="", sample_rate=24000, channels=1, block=128, latency=0, position=0,
    load=0.0, worst_ms=0.0, queue_ms=0.0, xruns=0, dropped=0, late=0, refused=0, restarts=0, recording="",
)  # fmt: skip


@dataclass
class Cable:
    """A port of the fake system: what is put in comes out."""

    waiting: list[bytes] = field(default_factory=list)
    is_open: bool = False
    broken: bool = False

    def read(self) -> bytes | None:
        if self.broken:
            raise DeviceError("the cable is cut; plug in another")
        return self.waiting.pop(0) if self.waiting else None

    def close(self) -> None:
        assert self.is_open
        self.is_open = False


class Cables:
    """A MIDI system of cables by name."""

    name = "cables"

    def __init__(self, *names: str, needs_server: bool = False) -> None:
        self.needs_server = needs_server
        self.there = {name: Cable() for name in names}
        self.virtual: dict[str, Cable] = {}
        self.busy: set[str] = set()
        self.renewals = 0
        self.is_open = True

    def inputs(self) -> list[str]:
        return list(self.there)

    def renew(self) -> None:
        assert not any(cable.is_open for cable in (*self.there.values(), *self.virtual.values()))
        self.renewals += 1

    def open(self, name: str) -> Cable:
        if name in self.busy:
            raise DeviceError(f"{name} is in use")
        self.there[name].is_open = True
        return self.there[name]

    def open_virtual(self, name: str) -> Cable:
        self.virtual[name] = Cable(is_open=True)
        return self.virtual[name]

    def close(self) -> None:
        self.is_open = False


class Rig:
    """Takes messages as a rig does, and makes events of them."""

    def __init__(self) -> None:
        self.status = STATUS
        self.losses = 0
        self.messages: list[bytes] = []
        self.events: list[AnyEvent] = []
        self.said: list[str] = []
        self._input = MidiInput(None, self.said.append, ("pjs", "nit"))

    def midi(self, message: bytes, port: str) -> None:
        self.messages.append(message)
        self.events += self._input.process(message, len(self.messages) - 1, port)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midiports, "_WATCH_SECONDS", 0.02)


async def until(done: Callable[[], object]) -> None:
    async with asyncio.timeout(10.0):
        while not done():
            await asyncio.sleep(0.002)


def play(
    rig: Rig, system: Cables | RtMidiSystem | None, names: list[str], virtual: list[str],
    scene: Callable[[MidiPorts], Awaitable[None]],
) -> None:  # fmt: skip
    async def run() -> None:
        ports = MidiPorts(rig, names, virtual, report=rig.said.append, system=system)
        await ports.start()
        try:
            await scene(ports)
        finally:
            await ports.stop()
            await ports.stop()

    asyncio.run(run())


def test_several_ports_at_once_each_with_its_own_running_status(rig: Rig) -> None:
    system = Cables("Keys 20:0", "Pads 24:0", "Midi Through 14:0")

    async def scene(ports: MidiPorts) -> None:
        assert ports.open == ["Keys 20:0", "Pads 24:0"]
        system.there["Keys 20:0"].waiting += [b"\x90\x3c", b"\x40\x3e", b"\x40"]
        system.there["Pads 24:0"].waiting += [b"\xb0\x10\x7f", b"\x10\x00", b"\xfe", b"\xf0\x01\xf7"]
        await until(lambda: len(rig.messages) == 4)

    play(rig, system, ["all"], [], scene)
    assert sorted(rig.messages[:4]) == [b"\x90\x3c\x40", b"\x90\x3e\x40", b"\xb0\x10\x00", b"\xb0\x10\x7f"]
    assert rig.events[-2:] == [NoteOff(4, 60.0), NoteOff(5, 62.0)]  # nothing hangs after the end
    assert not system.is_open
    assert not any(cable.is_open for cable in system.there.values())


def test_a_part_of_the_name_in_any_case_is_enough() -> None:
    assert matching(["USB Keys 20:0", "usb KEYS 24:0", "Pads"], "keys") == ["USB Keys 20:0", "usb KEYS 24:0"]
    assert matching(["Midi Through 14:0"], "through") == ["Midi Through 14:0"]
    assert matching([], "all") == []


def test_a_keyboard_that_is_pulled_out_leaves_no_note_and_comes_back_under_another_number(rig: Rig) -> None:
    system = Cables("Keys 20:0")

    async def scene(ports: MidiPorts) -> None:
        keys = system.there["Keys 20:0"]
        keys.waiting += [b"\x90\x3c\x40", b"\x91\x40\x40", b"\x91\x40\x00", b"\xe0\x00\x60", b"\xb3\x40\x7f"]
        await until(lambda: len(rig.messages) == 5)
        del system.there["Keys 20:0"]
        await until(lambda: ports.open == [])
        system.there["Keys 28:0"] = Cable()
        await until(lambda: ports.open == ["Keys 28:0"])
        system.there["Keys 28:0"].waiting.append(b"\xc0\x01")
        await until(lambda: len(rig.messages) == 9)

    play(rig, system, ["keys"], [], scene)
    assert rig.messages[5:] == [b"\x80\x3c\x00", b"\xb0\x79\x00", b"\xb3\x79\x00", b"\xc0\x01"]
    assert rig.events[-3:] == [
        NoteOff(5, 60.0), PitchBend(6, 0.0), Event(8, "singer", "nit"),
    ]  # fmt: skip
    assert rig.said == [
        "MIDI port 'Keys 20:0' is open",
        "MIDI port 'Keys 20:0' is gone; it will be opened again when it is back",
        "no MIDI port is called 'keys'; it will be opened when it appears (now: none)",
        "MIDI port 'Keys 28:0' is open",
    ]


def test_what_is_in_use_or_absent_is_said_once_and_taken_when_it_can_be(rig: Rig) -> None:
    system = Cables("Keys")
    system.busy.add("Keys")

    async def scene(ports: MidiPorts) -> None:
        await asyncio.sleep(0.2)
        assert rig.said == [
            "Keys is in use",
            "no MIDI port is called 'organ'; it will be opened when it appears (now: 'Keys')",
        ]
        system.busy.clear()
        system.there["Organ"] = Cable()
        await until(lambda: ports.open == ["Keys", "Organ"])

    play(rig, system, ["Keys", "organ"], [], scene)


def test_a_port_that_breaks_is_closed_said_and_the_others_go_on(rig: Rig) -> None:
    system = Cables("Keys", "Pads")

    async def scene(ports: MidiPorts) -> None:
        system.there["Keys"].waiting.append(b"\x90\x3c\x40")
        await until(lambda: rig.messages)
        system.there.pop("Keys").broken = True
        await until(lambda: ports.open == ["Pads"])
        system.there["Pads"].waiting.append(b"\x90\x3e\x40")
        await until(lambda: rig.events[-1] == NoteOn(2, 62.0))

    play(rig, system, ["all"], [], scene)
    assert "the cable is cut; plug in another" in rig.said
    assert rig.messages[1] == b"\x80\x3c\x00"


def test_virtual_ports_stay_though_nothing_lists_them(rig: Rig) -> None:
    system = Cables()

    async def scene(ports: MidiPorts) -> None:
        await asyncio.sleep(0.1)
        assert ports.open == ["in", "second"]
        system.virtual["second"].waiting.append(b"\xb0\x07\x40")
        await until(lambda: rig.messages)

    play(rig, system, [], ["in", "second"], scene)
    assert rig.said == ["MIDI port 'in' is open", "MIDI port 'second' is open"]


@pytest.mark.parametrize("needs_server", [True, False])
def test_ports_of_a_server_are_made_again_once_it_is_back(rig: Rig, needs_server: bool) -> None:
    system = Cables("Keys", needs_server=needs_server)

    async def scene(ports: MidiPorts) -> None:
        before = system.virtual["in"]
        await asyncio.sleep(0.1)
        rig.status, rig.losses = replace(STATUS, running=False), 1
        await asyncio.sleep(0.1)
        rig.status = STATUS
        await until(lambda: system.renewals == needs_server)
        await asyncio.sleep(0.1)
        assert sorted(ports.open) == ["Keys", "in"]
        assert (system.virtual["in"] is before) is not needs_server
        assert system.renewals == needs_server

    play(rig, system, ["Keys"], ["in"], scene)


def test_a_server_that_is_back_before_anyone_looked_is_noticed(rig: Rig) -> None:
    system = Cables("Keys", needs_server=True)

    async def scene(ports: MidiPorts) -> None:
        rig.losses = 1  # and it runs again
        await until(lambda: system.renewals == 1)
        await asyncio.sleep(0.1)
        assert ports.open == ["Keys"]
        assert system.renewals == 1

    play(rig, system, ["Keys"], [], scene)


def test_a_flood_does_not_keep_the_loop_from_its_other_work(rig: Rig) -> None:
    system = Cables("Keys")

    async def scene(_: MidiPorts) -> None:
        system.there["Keys"].waiting += [b"\xb0\x10\x00"] * 5_000
        turns = 0
        while len(rig.messages) < 5_000:
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 5_000 // 256

    play(rig, system, ["Keys"], [], scene)


def test_nothing_wanted_touches_nothing(rig: Rig) -> None:
    async def scene(ports: MidiPorts) -> None:
        assert ports.open == []

    play(rig, None, [], [], scene)
    assert not rig.said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a MIDI of their own")
def test_a_machine_without_midi_is_said_and_nothing_else_happens(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    needs("rtmidi")
    monkeypatch.setattr("plugin_bridge.midi.backend._SEQUENCER", tmp_path / "seq")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody-plays-here")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")

    async def scene(ports: MidiPorts) -> None:
        assert ports.open == []

    play(rig, None, ["all"], ["in"], scene)
    (said,) = rig.said
    assert said.startswith(
        f"no MIDI ports: {tmp_path / 'seq'} cannot be used and no JACK server answers; load"
    )


def test_without_python_rtmidi_it_is_said_how_to_get_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)  # as if it were not installed

    async def scene(ports: MidiPorts) -> None:
        assert ports.open == []

    play(rig, None, ["all"], [], scene)
    (said,) = rig.said
    assert said.startswith("MIDI ports need python-rtmidi, which cannot be loaded (")
    assert "); install the extra: " in said
    assert "sh .ci/setup midi" in said
    assert "pip install 'plugin-bridge[midi]'" in said
    assert survey()["MIDI ports"] == [said]


@pytest.mark.usefixtures("jack_name")
def test_virtual_and_named_ports_by_jack_switch_a_singer(rig: Rig) -> None:
    """Another client's port comes late, goes and comes again; the virtual one is found and played."""
    needs("rtmidi")
    import rtmidi

    def keyboard() -> rtmidi.MidiOut:
        made = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="keyboard")
        made.open_virtual_port("out")
        return made

    async def heard(port: rtmidi.MidiOut, data: list[int], event: AnyEvent) -> None:
        """JACK drops what is sent before a connection is in force."""
        async with asyncio.timeout(10.0):
            while event not in rig.events:
                rig.messages.clear()
                port.send_message(data)
                await asyncio.sleep(0.1)

    async def scene(ports: MidiPorts) -> None:
        assert ports.open == ["in"]
        first = keyboard()
        await until(lambda: ports.open == ["in", "keyboard:out"])
        await heard(first, [0xC0, 1], Event(0, "singer", "nit"))
        first.delete()
        await until(lambda: ports.open == ["in"])
        again = keyboard()
        await until(lambda: len(ports.open) == 2)
        await heard(again, [0xC0, 0], Event(0, "singer", "pjs"))
        again.delete()
        other = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="other")
        found = [k for k, name in enumerate(other.get_ports()) if name.endswith(":in")]
        other.open_port(found[0], "out")
        await heard(other, [0x90, 60, 64], NoteOn(0, 60.0))
        other.delete()

    play(rig, RtMidiSystem(rtmidi.API_UNIX_JACK), ["keyboard"], ["in"], scene)


def test_from_the_port_to_the_sound() -> None:
    """A program and a note from a port, taken by an engine at its next block, are what the events give."""
    system = Cables("Keys")
    engine = Engine(24000, 1, [DARK, BRIGHT], parameters={"transpose": 0.0, "melody": True})
    x = sung(24000, 0.4, 220)
    rig = Rig()

    async def scene(_: MidiPorts) -> None:
        system.there["Keys"].waiting += [b"\x90\x43\x40", b"\xe0\x7f\x7f"]
        await until(lambda: len(rig.messages) == 2)

    play(rig, system, ["Keys"], [], scene)
    events = [replace(event, position=4800) for event in rig.events[:2]]
    y = engine.process(x, events)
    engine.reset()
    assert np.array_equal(y, engine.process(x, [NoteOn(4800, 67.0), PitchBend(4800, 2.0)]))
    assert engine.reading.f0_out == pytest.approx(440.0, rel=1e-6)
