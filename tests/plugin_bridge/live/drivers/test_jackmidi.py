"""MIDI into a live engine: from another JACK client exact to the sample, and by a virtual port beside it."""

from __future__ import annotations

import asyncio
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.control.events import AnyEvent, Event, NoteOn
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.midi.backend import RtMidiSystem
from plugin_bridge.midi.ports import MidiPorts
from tests.support.extras import needs

needs("jack")
needs("rtmidi")

import jack  # noqa: E402 - needed first
import rtmidi  # noqa: E402 - needed first

TONE, CLICK = 0.25, 0.5
CLICK_AT, GAIN_AT = 12_007, 24_001
MAP = '[[program]]\nprogram = 5\nsinger = "nit"\n[[program]]\nprogram = 6\nsinger = "pjs"\n'
MAP += '[[control]]\nnumber = 7\nparameter = "gain"\n'
PLAYED = {
    GAIN_AT: b"\xb0\x07\x00",
    30_000: b"\xc0\x05",
    30_127: b"\x90\x45\x40",
    36_160: b"\xc0\x06",
    36_161: b"\xc0\x05",
    40_063: b"\xc3\x63",
    41_000: b"\xc0\x06",
}
LENGTH = 48_000


class Keyboard:
    """A client that plays a steady tone with a click, messages at samples, and hears what comes back."""

    def __init__(self) -> None:
        self.client = jack.Client("keyboard", no_start_server=True)
        self._tone = self.client.outports.register("tone")
        self._midi = self.client.midi_outports.register("midi")
        self._ear = self.client.inports.register("ear")
        self._sent = np.full(LENGTH, TONE, np.float32)
        self._sent[CLICK_AT] = CLICK
        self.heard = np.zeros(LENGTH, np.float32)
        self.at: int | None = None
        """Samples played; None before the start."""
        self.client.set_process_callback(self._process)
        self.client.activate()
        for ours, theirs in (("tone", "in_1"), ("midi", "midi_in")):
            self.client.connect(f"keyboard:{ours}", f"plugin-bridge:{theirs}")
        self.client.connect("plugin-bridge:out_1", "keyboard:ear")

    def _process(self, frames: int) -> None:
        self._midi.clear_buffer()
        self._tone.get_array()[:] = TONE
        if self.at is None or self.at + frames > LENGTH:
            return
        now = slice(self.at, self.at + frames)
        self._tone.get_array()[:] = self._sent[now]
        self.heard[now] = self._ear.get_array()
        for when, message in PLAYED.items():
            if now.start <= when < now.stop:
                self._midi.write_midi_event(when - now.start, message)
        self.at += frames


@pytest.mark.usefixtures("jack_name")
def test_messages_of_another_client_act_on_their_sample(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(MAP, encoding="utf-8")
    settings = LiveSettings(
        DriverSettings("jack", device="none"), ("pjs", "nit"), {"mix": 0.0}, midi_map=path, sessions=tmp_path
    )
    taken: list[AnyEvent] = []
    said: list[str] = []

    async def play() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        async with LiveRig(settings) as rig:
            rig.listen(taken.append)
            rig.reports(said.append)
            keyboard = Keyboard()
            keyboard.client.set_freewheel(True)  # the server waits for the engine: no block is ever missed
            keyboard.at = 0
            async with asyncio.timeout(60.0):
                while keyboard.at + 128 <= LENGTH or len(taken) < len(PLAYED) - 1:
                    await asyncio.sleep(0.01)
            keyboard.client.set_freewheel(False)
            keyboard.client.deactivate()
            keyboard.client.close()
            return keyboard.heard

    heard = asyncio.run(play())
    [clicked] = np.flatnonzero(heard > 0.5 * (TONE + CLICK))
    latency = int(clicked) - CLICK_AT
    steady = heard[clicked + 1 :]
    assert clicked + 1 + int(np.flatnonzero(steady != TONE)[0]) == GAIN_AT + latency
    start = taken[0].position - GAIN_AT
    assert taken == [
        Event(start + GAIN_AT, "gain", -60.0),
        Event(start + 30_000, "singer", "nit"),
        NoteOn(start + 30_127, 69.0),
        Event(start + 36_160, "singer", "pjs"),
        Event(start + 36_161, "singer", "nit"),
        Event(start + 41_000, "singer", "pjs"),
    ]
    assert said == ["no singer for program 99 of bank 0; the singer stays (see the MIDI map)"]


@pytest.mark.usefixtures("jack_name")
def test_a_virtual_port_beside_a_running_jack_engine(tmp_path: Path) -> None:
    """Ports are made and let go again and again while JACK calls back in the audio process."""
    path = tmp_path / "map.toml"
    path.write_text(MAP, encoding="utf-8")
    settings = LiveSettings(DriverSettings("jack", device="none"), ("pjs", "nit"), midi_map=path)
    singers = ["nit", "pjs", "nit"]
    taken: list[AnyEvent] = []

    async def play() -> None:
        async with LiveRig(settings) as rig, asyncio.timeout(60.0):
            rig.listen(taken.append)
            for singer in singers:
                ports = MidiPorts(rig, [], ["in"], system=RtMidiSystem(rtmidi.API_UNIX_JACK))
                await ports.start()
                other = rtmidi.MidiOut(rtapi=rtmidi.API_UNIX_JACK, name="other")
                [ours] = [k for k, name in enumerate(other.get_ports()) if name.endswith(":in")]
                other.open_port(ours, "out")
                while not (taken and isinstance(taken[-1], Event) and taken[-1].value == singer):
                    other.send_message([0xC0, 5 if singer == "nit" else 6])
                    await asyncio.sleep(0.1)  # JACK drops what is sent before a connection is in force
                other.delete()
                await ports.stop()
            rig.learn("morph")
            rig.midi(b"\xb0\x15\x40")
            while "number = 21" not in path.read_text(encoding="utf-8"):
                await asyncio.sleep(0.01)

    asyncio.run(play())
    values = [event.value for event in taken if isinstance(event, Event)]
    assert [value for value, _ in groupby(values)] == [*singers, 0.5]
