"""ReaStream over real sockets: a stem comes back sung to the sample, whatever network and sender do."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.downmix import Downmix
from plugin_bridge.control.form import Form
from plugin_bridge.engine.engine import Engine
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.catalogue import make_driver
from plugin_bridge.live.drivers.driver import MidiIn
from plugin_bridge.live.drivers.reastream import ReaStreamDriver
from plugin_bridge.live.drivers.reastreampackets import (
    AudioPacket,
    MidiPacket,
    audio_packets,
    packed_identifier,
    parse,
)
from plugin_bridge.live.drivers.reastreamrepair import Counts
from plugin_bridge.live.drivers.reastreamroute import Route
from plugin_bridge.live.settings import DriverSettings
from tests.support.doubles import DARK, sung
from tests.support.waiting import wait_until

Float32 = NDArray[np.float32]

RATE = 48000
DAW_BLOCK = 512
STEM = np.concatenate([sung(RATE, 0.4, vibrato=0.3), 0.3 * sung(RATE, 0.4, f0=330.0)])
NAMES = st.binary(min_size=1, max_size=31).filter(lambda name: b"\0" not in name)


def midi_packet(identifier: bytes, messages: list[tuple[int, bytes]]) -> bytes:
    """Return the datagram of MIDI messages with their samples within the block, as REAPER sends it."""
    events, before = b"", 0
    for at, message in messages:
        events += struct.pack("<6I3s", 1, 32, at - before, 0, 0, 0, message).ljust(32, b"\0")
        before = at
    return struct.pack("<4sI32s", b"mRSR", 40 + len(events), identifier) + events


class Sung:
    """The engine itself on the other side, in time with every block."""

    def __init__(self, form: Form) -> None:
        self.engine = Engine(form.sample_rate, form.channels, [DARK], parameters={"transpose": 0.0})
        self.form, self.latency = form, self.engine.latency
        self.midi: list[tuple[int, bytes]] = []
        self.taken: list[Float32] = []
        self.overruns = 0

    def cycle(self, source: Float32, output: Float32, midi: MidiIn = ()) -> None:
        self.midi += [(self.engine.position + at, message) for at, message in midi]
        self.taken.append(source.copy())
        output[:] = self.engine.process(source)

    def overrun(self) -> None:
        self.overruns += 1

    def settled(self, timeout: float) -> bool:
        del timeout
        return True


class Daw:
    """An insert of a DAW: sends packets at a simulated time and waits until each has been taken."""

    def __init__(self) -> None:
        self.now = 0.0
        self.out, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.back.bind(("127.0.0.1", 0))
        self._answers: list[Float32] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.device = f"vox@127.0.0.1:{self.port},127.0.0.1:{self.back.getsockname()[1]}"
        self.said: list[str] = []
        self.sides: list[Sung] = []
        self.driver = ReaStreamDriver(DriverSettings("reastream"))

    @contextmanager
    def playing(self, channels: int = 2, rate: int = RATE, block: int = 0) -> Iterator[Sung]:
        self.driver = ReaStreamDriver(
            DriverSettings("reastream", self.device, rate, channels, block), lambda: self.now
        )
        self.driver.open(self._side, self.said.append)
        try:
            yield self.sides[-1]
        finally:
            self.driver.close()

    def _side(self, form: Form) -> Sung:
        self.sides.append(Sung(form))
        return self.sides[-1]

    def raw(self, data: bytes) -> None:
        self.out.sendto(data, ("127.0.0.1", self.port))

    def send(self, packets: list[bytes]) -> None:
        """Send the packets of a block, and wait until they are taken; its time passes."""
        for packet in packets:
            taken = self.driver.counts.taken
            self.raw(packet)
            wait_until(lambda taken=taken: self.driver.counts.taken > taken)  # type: ignore[misc]
            self._receive(0.0)  # the system keeps few
        self.now += DAW_BLOCK / RATE

    def play(
        self, audio: Float32, network: Callable[[int, list[bytes]], list[bytes]] = lambda _, packets: packets
    ) -> None:
        for number, at in enumerate(range(0, audio.shape[1], DAW_BLOCK)):
            packets = audio_packets(b"vox", RATE, audio[:, at : at + DAW_BLOCK])
            self.send(network(number, packets))

    def heard(self, samples: int) -> Float32:
        """Return what came back, shape (channels, samples)."""
        while sum(part.shape[1] for part in self._answers) < samples:
            assert self._receive(10.0), "nothing came back for ten seconds"
        parts, self._answers = self._answers, []
        return np.concatenate(parts, axis=1)

    def _receive(self, timeout: float) -> bool:
        self.back.settimeout(timeout)
        with suppress(TimeoutError, BlockingIOError):
            while True:
                packet = parse(self.back.recv(2000))
                assert isinstance(packet, AudioPacket)
                assert (packet.identifier, packet.sample_rate) == (b"vox-sung", RATE)
                self._answers.append(packet.samples)
                self.back.settimeout(0.0)
        return self.back.gettimeout() == 0.0 and timeout > 0.0

    def close(self) -> None:
        self.out.close()
        self.back.close()


@pytest.fixture
def daw() -> Iterator[Daw]:
    one = Daw()
    yield one
    one.close()


def converted(source: Float32) -> Float32:
    """Sing it in one block."""
    return Engine(RATE, len(source), [DARK], parameters={"transpose": 0.0}).process(source)


@pytest.mark.parametrize("block", [0, 37, 480])
def test_a_stem_comes_back_sung_to_the_sample(daw: Daw, block: int) -> None:
    with daw.playing(block=block) as side:
        daw.play(STEM)
        n = STEM.shape[1] // side.form.block * side.form.block
        assert np.array_equal(daw.heard(n), converted(STEM)[:, :n])
    assert (side.form.sample_rate, side.form.channels, side.form.block) == (RATE, 2, block or 128)
    assert not daw.said


@pytest.mark.parametrize(("sender", "singer"), [(1, 2), (2, 1), (1, 1)])
def test_mono_and_stereo_meet(daw: Daw, sender: int, singer: int) -> None:
    x = STEM[:sender, : 512 * 10]
    with daw.playing(channels=singer):
        daw.play(x)
        out = daw.heard(x.shape[1])
    mono = x if len(x) == singer else Downmix(128).process(x)[None]
    source = np.repeat(mono, singer // len(mono), axis=0)
    sung_stem = converted(source)
    assert np.array_equal(out, np.repeat(sung_stem.mean(axis=0, keepdims=True), sender, axis=0))


def test_lost_repeated_and_reordered_packets(daw: Daw) -> None:
    """The engine hears the stem with silence where the lost one was, and that is what comes back."""

    def network(number: int, packets: list[bytes]) -> list[bytes]:
        if number == 10:
            return packets[:2] + packets[3:]
        if number == 15:
            return [packets[0], packets[1], packets[1], packets[2], packets[3], packets[2]]
        if number == 20:
            return [packets[0], packets[1], packets[3], packets[2]]
        return packets

    with daw.playing() as side:
        daw.play(STEM[:, : 512 * 30], network)
        expected = STEM[:, : 512 * 30].copy()
        expected[:, 512 * 10 + 300 : 512 * 10 + 450] = 0.0
        assert np.array_equal(daw.heard(512 * 30), converted(expected))
        assert np.array_equal(np.concatenate(side.taken, axis=1), expected)
    assert daw.driver.counts == Counts(taken=30 * 4 - 1 + 2, lost=1, repeated=2, reordered=1)
    assert side.overruns == 1


def test_the_rate_is_learned_from_the_first_packet(daw: Daw) -> None:
    driver = make_driver(DriverSettings("reastream", daw.device))
    assert isinstance(driver, ReaStreamDriver)
    packets = audio_packets(b"vox", 44100, STEM[:, :150])

    def exchange(form: Form) -> Sung:
        return daw._side(form)

    with pytest.raises(
        DeviceError, match=r"'vox' at 127\.0\.0\.1:\d+ sends nothing; start it, or give --rate"
    ):
        driver.open(exchange, daw.said.append)
    driver.close()
    with sending(daw, packets):
        form = driver_at(daw, exchange)
    assert (form.sample_rate, form.channels, form.block) == (44100, 1, 128)


@contextmanager
def sending(daw: Daw, packets: list[bytes]) -> Iterator[None]:
    """Send over and over, as a DAW does, while something else happens."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(0.005):
            for packet in packets:
                daw.raw(packet)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def driver_at(daw: Daw, exchange: Callable[[Form], Sung]) -> Form:
    driver = ReaStreamDriver(DriverSettings("reastream", daw.device))
    try:
        return driver.open(exchange, daw.said.append)
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("packets", "sentence"),
    [
        (
            audio_packets(b"other", RATE, STEM[:, :9]),
            "sends no audio, but 'other' does; name one with --device",
        ),
        (audio_packets(b"vox", 22050, STEM[:, :9]), "sample rate 22050 is not native"),
        (audio_packets(b"vox", RATE, np.zeros((8, 9), np.float32)), "sends 8 channels; 1 or 2 can be sung"),
        ([b"MRSR", b"nonsense", b""], "sends nothing"),
    ],
)
def test_what_cannot_be_sung_is_told_at_the_start(daw: Daw, packets: list[bytes], sentence: str) -> None:
    with sending(daw, packets), pytest.raises((DeviceError, ValueError), match=sentence):
        driver_at(daw, daw._side)


@pytest.mark.parametrize(
    ("packet", "sentence"),
    [
        (audio_packets(b"vox", 44100, STEM[:, :9])[0], "sends 44100 Hz where 48000 is sung"),
        (audio_packets(b"vox", RATE, np.zeros((3, 9), np.float32))[0], "sends 3 channels; 1 or 2"),
    ],
)
def test_another_form_ends_the_stream_with_a_sentence(daw: Daw, packet: bytes, sentence: str) -> None:
    with daw.playing():
        daw.play(STEM[:, :512])
        daw.raw(packet)
        wait_until(lambda: bool(daw.said))
    assert len(daw.said) == 1
    assert sentence in daw.said[0]


def test_a_sender_that_is_gone_is_told_once_and_may_come_again(daw: Daw) -> None:
    with daw.playing():
        daw.play(STEM[:, : 512 * 4])
        daw.now += 3.0
        wait_until(lambda: bool(daw.said))
    assert daw.said == [f"ReaStream 'vox' at 127.0.0.1:{daw.port} has sent nothing for 2 s"]
    daw.heard(512 * 4)
    with daw.playing():
        daw.play(STEM[:, : 512 * 4])
        assert np.array_equal(daw.heard(512 * 4), converted(STEM[:, : 512 * 4]))
    assert len(daw.said) == 1


def test_others_and_garbage_leave_the_stream_alone(daw: Daw) -> None:
    rng = np.random.default_rng(9)
    stranger = Daw()
    good = audio_packets(b"vox", RATE, STEM[:, :150])[0]

    def network(number: int, packets: list[bytes]) -> list[bytes]:
        for _ in range(20):
            cut = bytearray(good[: rng.integers(0, len(good))])
            for at in rng.integers(0, max(1, len(cut)), 3):
                cut[at : at + 1] = rng.bytes(1)
            daw.raw(bytes(cut))
        daw.raw(audio_packets(b"vox-sung", RATE, STEM[:, :150])[0])
        daw.raw(audio_packets(b"other", RATE, STEM[:, :150])[0])
        if number:  # of the right name, from somebody else
            stranger.out.sendto(good, ("127.0.0.1", daw.port))
        return packets

    with daw.playing():
        daw.play(STEM[:, : 512 * 20], network)
        assert np.array_equal(daw.heard(512 * 20), converted(STEM[:, : 512 * 20]))
    stranger.close()
    assert not daw.said


def test_midi_comes_at_its_sample(daw: Daw) -> None:
    messages = [(0, b"\x90\x45\x40"), (130, b"\xc3\x05"), (130, b"\xb0\x01\x7f"), (511, b"\x80\x45\x00")]
    with daw.playing() as side:
        daw.play(STEM[:, : 512 * 2])
        daw.raw(midi_packet(b"vox", messages))
        daw.raw(midi_packet(b"other", messages))
        daw.play(STEM[:, 512 * 2 : 512 * 4])
        daw.heard(512 * 4)
    assert side.midi == [(1024 + at, message) for at, message in messages]


def test_the_answer_goes_back_where_the_source_came_from(daw: Daw) -> None:
    daw.device = f"vox@127.0.0.1:{daw.port}"
    with daw.playing():
        daw.play(STEM[:, :512])
        assert daw.driver._stream is not None
        assert daw.driver._stream._target() == ("127.0.0.1", 58710)


def test_a_port_that_is_taken_is_told(daw: Daw) -> None:
    with (
        daw.playing(),
        pytest.raises(DeviceError, match=r"cannot be listened to: .*; give another host or port"),
    ):
        driver_at(daw, daw._side)


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("", Route(b"default", ("127.0.0.1", 58710), b"default-sung", None)),
        ("vox", Route(b"vox", ("127.0.0.1", 58710), b"vox-sung", None)),
        ("@10.0.0.7", Route(b"default", ("10.0.0.7", 58710), b"default-sung", None)),
        ("a b@127.0.0.2:5,daw", Route(b"a b", ("127.0.0.2", 5), b"a b-sung", ("daw", 58710))),
        ("ä,x@1.2.3.4:9", Route("ä".encode(), ("127.0.0.1", 58710), b"x", ("1.2.3.4", 9))),
    ],
)
def test_a_route_is_one_word(text: str, route: Route) -> None:
    assert Route.of(text) == route


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("vox@", "is no route; write NAME@HOST:PORT,NAME@HOST:PORT or less"),
        ("vox@127.0.0.1:1:2", "is no route"),
        ("vox@127.0.0.1:0", "port 0 is out of range; give 1 to 65535"),
        ("vox@127.0.0.1:99999", "port 99999 is out of range"),
        ("vox,vox@127.0.0.1", "would be taken for the source; give it another name"),
        ("x" * 32, "does not fit ReaStream; give 1 to 31 bytes"),
        ("x" * 30, "does not fit ReaStream"),
    ],
)
def test_a_wrong_route_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(DeviceError, match=sentence):
        Route.of(text)


def test_an_unknown_host_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"host 'no such host' is unknown; give its number"):
        Route.of("vox@no such host").resolved()


@given(NAMES, st.integers(1, 64), st.integers(0, 700), st.integers(0, 2**32 - 1))
def test_audio_packets_hold_what_was_put_in(name: bytes, channels: int, n: int, rate: int) -> None:
    x = np.random.default_rng(n).normal(size=(channels, n)).astype(np.float32)
    packets = audio_packets(name, rate, x)
    found = [parse(packet) for packet in packets]
    assert all(len(packet) <= 47 + 1200 for packet in packets)
    assert all(isinstance(p, AudioPacket) and (p.identifier, p.sample_rate) == (name, rate) for p in found)
    parts = [packet.samples for packet in found if isinstance(packet, AudioPacket)]
    assert np.array_equal(np.concatenate([x[:, :0], *parts], axis=1), x)


def test_a_packet_is_laid_out_as_described() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    (packet,) = audio_packets(b"vox", 44100, x)
    assert packet[:8] == b"MRSR\x3f\0\0\0"
    assert packet[8:40] == b"vox".ljust(32, b"\0")
    assert packet[40:47] == b"\x02\x44\xac\0\0\x10\0"
    assert packet[47:] == np.array([1, 2, 3, 4], "<f4").tobytes()
    assert len(midi_packet(b"vox", [(0, b"\x90\x45\x40")])) == 40 + 32


@given(st.binary(max_size=120), st.sampled_from([b"", b"MRSR", b"mRSR"]), st.integers(0, 80))
def test_any_datagram_is_a_packet_or_refused(data: bytes, magic: bytes, size: int) -> None:
    for datagram in (magic + data, magic + size.to_bytes(4, "little") + data):
        try:
            packet = parse(datagram)
        except ValueError:
            continue
        assert isinstance(packet, AudioPacket | MidiPacket)


def test_identifiers_are_checked() -> None:
    assert packed_identifier("ä") == b"\xc3\xa4"
    for wrong in ("", "x" * 32, "a\0b"):
        with pytest.raises(ValueError, match="give 1 to 31 bytes"):
            packed_identifier(wrong)
