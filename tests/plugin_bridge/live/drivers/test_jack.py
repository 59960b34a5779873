"""The JACK driver with a real server: declared latency, the bounce of what was heard, servers that go."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.bounce.bounce import bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.control.events import Event
from plugin_bridge.errors import DeviceError
from plugin_bridge.files.writer import OutputFormat
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.sessions.reader import SessionReader
from tests.support.doubles import sung
from tests.support.extras import needs, needs_program
from tests.support.jackserver import jack_server
from tests.support.singerfiles import write_singer
from tests.support.waiting import until

needs("jack")

import jack  # noqa: E402 - needed first

Float32 = NDArray[np.float32]


@pytest.fixture
def settings(tmp_path: Path) -> LiveSettings:
    singers = tuple(str(write_singer(tmp_path / f"{name}.onnx")) for name in ("dark", "bright"))
    return LiveSettings(DriverSettings("jack"), singers, {"transpose": 0.0}, sessions=tmp_path)


class Deck:
    """A client that plays a tape into the engine, and another that tapes what comes out.

    They are two because JACK delays what a client hears of itself by a block.
    """

    def __init__(self, tape: Float32) -> None:
        self.heard = np.zeros_like(tape)
        self._tape = tape
        self._start = self._at = -1
        self._player, self._taper = (jack.Client(name, no_start_server=True) for name in ("player", "taper"))
        self._out = self._player.outports.register("out")
        self._in = self._taper.inports.register("in")
        self._player.set_process_callback(self._play)
        self._taper.set_process_callback(self._listen)
        self._player.activate()
        self._taper.activate()
        self._player.connect("player:out", "plugin-bridge:in_1")
        self._taper.connect("plugin-bridge:out_1", "taper:in")

    def _play(self, frames: int) -> None:
        out = self._out.get_array()
        out[:] = 0.0
        if self._start >= 0:
            at = self._player.last_frame_time - self._start
            part = self._tape[at : at + frames] if at >= 0 else self._tape[:0]
            out[: part.size] = part

    def _listen(self, frames: int) -> None:
        if self._start >= 0:
            self._at = self._taper.last_frame_time - self._start
            if self._at >= 0:
                room = self.heard[self._at : self._at + frames]
                room[:] = self._in.get_array()[: room.size]

    async def run(self) -> None:
        """Play the tape as fast as the engine goes: the server waits for it."""
        self._player.set_freewheel(True)
        self._start = self._player.last_frame_time + 100 * self._player.blocksize
        await until(lambda: self._at >= self._tape.size)
        self._player.set_freewheel(False)
        for client in (self._player, self._taper):
            client.deactivate()
            client.close()


def printed(command: list[str]) -> str:
    """Run a tool of JACK's, which now and then aborts in its own heap (jackd 1.9.21), so up to ten times."""
    for _ in range(10):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        time.sleep(0.2)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("ring", [3])
def test_the_declared_latency_is_the_measured_one(jack_name: str, settings: LiveSettings, ring: int) -> None:
    lister = needs_program("jack_lsp", "jackd2")
    tape = np.zeros(12_800, np.float32)
    tape[[1000, 5003]] = 1.0, -0.5
    bypassed = replace(settings, parameters={"bypass": True}, ring=ring)

    async def play() -> tuple[int, Float32, str]:
        async with LiveRig(bypassed) as rig:
            deck = Deck(tape)
            await deck.run()
            return rig.status.latency, deck.heard, printed([lister, "-l", "--server", jack_name])

    latency, heard, ports = asyncio.run(play())
    found = dict(
        re.findall(r"^(\S+:\S+)\n.*\n\tport capture latency = \[ (\d+) \d+ \] frames", ports, re.MULTILINE)
    )
    assert latency == 3 * 480 + ring * 128
    np.testing.assert_array_equal(heard[latency:], tape[:-latency])
    assert not heard[:latency].any()
    assert int(found["plugin-bridge:out_1"]) == latency + int(found["system:capture_1"])


@pytest.mark.usefixtures("jack_name")
def test_what_jack_heard_is_the_bounce_of_the_session(settings: LiveSettings, tmp_path: Path) -> None:
    tape = np.ascontiguousarray(sung(48000, 3.2, vibrato=0.4)[0, : 1190 * 128])
    tape[0] = 0.7  # a mark

    async def play() -> tuple[int, Float32]:
        rig = LiveRig(settings)
        async with rig:
            await rig.record("take")
            await until((tmp_path / "take" / "audio.f32").exists)
            start = rig.status.position
            await until(lambda: rig.status.position > start + 4800)
            deck = Deck(tape)
            now = rig.status.position
            moves = [Event(now + 60_000, "singer", "bright"), Event(now + 90_001, "gain", -3.0)]
            rig.send(moves, now=False)
            await deck.run()
            return rig.status.latency, deck.heard

    latency, heard = asyncio.run(play())
    done = bounce(tmp_path / "take", tmp_path / "take.wav", OutputFormat("wav", "32f"), BounceSettings())
    bounced = soundfile.read(done.target, dtype="float32")[0]
    with SessionReader(tmp_path / "take") as session:
        source = np.concatenate(list(session.chunks()), axis=1)[0]
        assert {event.parameter for event in session.events if isinstance(event, Event)} >= {"singer", "gain"}
    [mark] = np.flatnonzero(source == tape[0])
    n = tape.size - latency
    assert np.abs(heard).max() > 0.01
    np.testing.assert_array_equal(heard[latency:], bounced[mark : mark + n])


def test_a_server_that_goes_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, settings: LiveSettings
) -> None:
    said: list[str] = []

    async def play() -> None:
        rig = LiveRig(settings)
        rig.reports(said.append)
        with jack_server(48000) as name:
            monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
            await rig.start()
            rig.send([Event(0, "gain", -5.0)])
            await until(lambda: rig.status.position > 0)
        await until(lambda: not rig.status.running)
        with jack_server(44100, 256, name=name):
            await until(lambda: rig.status.running and rig.status.sample_rate == 44100)
            assert rig.status.block == 256
            assert rig.status.latency == 3 * 441 + 2 * 256
            assert rig.values["gain"] == -5.0
            subprocess.run([needs_program("jack_bufsize", "jackd2"), "512"], capture_output=True, check=True)
            await until(lambda: rig.status.block == 512)
            await until(lambda: rig.status.running)
        assert rig.status.restarts == 0
        await rig.stop()

    asyncio.run(play())
    assert "the JACK server is gone" in said[0]
    assert "waiting for it" in said[0]
    assert "JACK runs at 44100 Hz in blocks of 256 samples" in said
    assert any("from 256 to 512 samples" in sentence for sentence in said)


def test_a_rate_that_is_not_native_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: LiveSettings
) -> None:
    with jack_server(22050) as name:
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        with pytest.raises(DeviceError, match=r"22050.*16000, 24000"):
            asyncio.run(LiveRig(settings).start())


def test_a_sound_card_that_goes_away_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, settings: LiveSettings
) -> None:
    """PortAudio shows a JACK server as a sound card where it was built with JACK."""
    card = replace(settings, driver=DriverSettings("soundcard", block=256))
    said: list[str] = []

    async def play() -> None:
        rig = LiveRig(card)
        rig.reports(said.append)
        with jack_server(48000, 256) as name:
            monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
            try:
                await rig.start()
            except DeviceError as error:
                pytest.skip(f"PortAudio was built without JACK: {error}")
            assert (rig.status.sample_rate, rig.status.block) == (48000, 256)
            await until(lambda: rig.status.position > 4800)
        await until(lambda: not rig.status.running)
        with jack_server(48000, 256, name=name):
            await until(lambda: rig.status.running)
            await until(lambda: rig.status.position > 4800)
        await rig.stop()

    asyncio.run(play())
    assert "is gone" in said[0]
