"""ReaStream: a DAW's insert sends its track over UDP and gets it back converted, without an audio driver."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from dsp.downmix import Downmix
from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.driver import Exchange
from plugin_bridge.live.drivers.reastreampackets import (
    MAX_PACKET_BYTES,
    PORT,
    AudioPacket,
    MidiPacket,
    audio_packets,
    parse,
)
from plugin_bridge.live.drivers.reastreamrepair import Counts, StreamRepair
from plugin_bridge.live.drivers.reastreamroute import Address, Route
from plugin_bridge.live.settings import DriverSettings

Float32 = NDArray[np.float32]

BLOCK = 128
GONE_SECONDS = 2.0
_FIRST_SECONDS = 1.0
_STALL_SECONDS = 0.05
_TICK_SECONDS = 0.1
_BUFFER_BYTES = 1 << 20
_MAX_MIDI = 1000


class ReaStreamDriver:
    """One stream in, one stream out; the sender's clock drives the engine.

    Args:
        settings: `device` is a `Route`; the rate is the sender's, and where it is given the driver need not
            wait for a sender to open.
        clock: seconds, at which packets arrive.
    """

    name = "reastream"

    def __init__(self, settings: DriverSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._closing = threading.Event()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stream: _Stream | None = None

    @property
    def counts(self) -> Counts:
        """Packets received, lost, repeated and reordered so far."""
        return Counts() if self._stream is None else self._stream.counts

    def open(self, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]) -> Form:
        """See `Driver.open`."""
        settings, route = self._settings, Route.of(self._settings.device).resolved()
        self._socket = sock = _bound(route)
        first = None if settings.sample_rate else _first_packet(sock, route)
        rate = settings.sample_rate or (first[0].sample_rate if first else 0)
        form = Form(rate, settings.channels, settings.block or BLOCK, str(route))
        self._stream = stream = _Stream(form, exchange(form), sock, route, self._clock)
        self._thread = threading.Thread(target=self._run, args=(stream, sock, lost, first), name="reastream")
        self._thread.start()
        return form

    def close(self) -> None:
        """See `Driver.close`."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    def _run(
        self,
        stream: _Stream,
        sock: socket.socket,
        lost: Callable[[str], None],
        first: tuple[AudioPacket, Address] | None,
    ) -> None:
        try:
            if first is not None:
                stream.audio(*first)
            while not self._closing.is_set():
                with suppress(TimeoutError, ConnectionError):  # nobody listens to the answer
                    data, sender = sock.recvfrom(MAX_PACKET_BYTES)
                    stream.take(data, sender)
                stream.watch()
        except (DeviceError, OSError) as error:
            lost(str(error))


class _Stream:
    """The packets of one sender, cut into blocks, and the answers."""

    def __init__(
        self, form: Form, exchange: Exchange, sock: socket.socket, route: Route, clock: Callable[[], float]
    ) -> None:
        self.counts = Counts()
        self._clock = clock
        self._form, self._exchange, self._socket, self._route = form, exchange, sock, route
        self._repair: StreamRepair | None = None
        self._channels = 0  # of the sender
        self._sender: Address | None = None
        self._heard = 0.0
        self._source = np.zeros((2, form.block), np.float32)
        self._output = np.zeros((form.channels, form.block), np.float32)
        self._downmix = Downmix(form.block)
        self._filled = 0  # samples of `_source`
        self._midi: list[tuple[int, bytes]] = []
        self._stalled = False

    def take(self, data: bytes, sender: Address) -> None:
        """Take a datagram; those of other streams are ignored.

        Raises:
            DeviceError: the sender has changed its form to one that cannot be sung.
        """
        try:
            packet = parse(data)
        except ValueError:
            return
        if packet.identifier != self._route.name or self._sender not in (None, sender):
            return
        if isinstance(packet, MidiPacket):
            self._midi += [
                (self._filled + at, message)
                for at, message in packet.messages[: _MAX_MIDI - len(self._midi)]
                if at < self._form.sample_rate  # a second; a block of a DAW is shorter
            ]
        else:
            self.audio(packet, sender)

    def audio(self, packet: AudioPacket, sender: Address) -> None:
        """Take audio; raises as `take`."""
        channels, n = packet.samples.shape
        _check_form(packet, self._form.sample_rate, self._route)
        self._sender, self._heard = sender, self._clock()
        if n == 0:
            return
        lost = self.counts.lost
        if self._repair is None or channels != self._channels:
            self._repair, self._channels = StreamRepair(channels, self._form.sample_rate), channels
            self._repair.counts = self.counts
        for samples in self._repair.push(packet.samples, self._heard):
            self._feed(samples)
        if self.counts.lost > lost:
            self._exchange.overrun()
        self.counts.taken += 1

    def watch(self) -> None:
        """Raise DeviceError when the sender has stopped."""
        if self._sender is not None and self._clock() - self._heard > GONE_SECONDS:
            raise DeviceError(f"{self._route} has sent nothing for {GONE_SECONDS:g} s")

    def _feed(self, samples: Float32) -> None:
        at, n = 0, samples.shape[1]
        while at < n:
            size = min(n - at, self._form.block - self._filled)
            self._source[:, self._filled : self._filled + size] = samples[:, at : at + size]
            self._filled += size
            at += size
            if self._filled == self._form.block:
                self._cycle()

    def _cycle(self) -> None:
        """Process a block and send the answer; packets come in bursts, so the engine is waited for."""
        block = self._form.block
        due = [message for message in self._midi if message[0] < block]
        self._midi = [(at - block, message) for at, message in self._midi if at >= block]
        self._filled = 0
        source = self._source if self._form.channels == 2 else self._downmix.process(self._source)[None]
        self._exchange.cycle(source, self._output, due)
        self._stalled = not self._exchange.settled(0.0 if self._stalled else _STALL_SECONDS)
        rows = self._output
        if len(rows) != self._channels:
            rows = np.repeat(rows.mean(axis=0, keepdims=True), self._channels, axis=0)
        for packet in audio_packets(self._route.answer, self._form.sample_rate, rows):
            with suppress(OSError):  # nobody listens, or the network is away: the source counts
                self._socket.sendto(packet, self._target())

    def _target(self) -> Address:
        assert self._sender is not None
        if self._route.target is not None:
            return self._route.target
        usual = (self._sender[0], PORT)
        return self._sender if usual == self._socket.getsockname() else usual


def _bound(route: Route) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        sock.settimeout(_TICK_SECONDS)
        sock.bind(route.listen)
    except OSError as error:
        sock.close()
        reason = error.strerror or error
        raise DeviceError(f"{route} cannot be listened to: {reason}; give another host or port") from error
    return sock


def _first_packet(sock: socket.socket, route: Route) -> tuple[AudioPacket, Address]:
    """Return the first audio packet of the stream, and its sender."""
    others: set[bytes] = set()
    end = time.monotonic() + _FIRST_SECONDS
    while time.monotonic() < end:
        try:
            data, sender = sock.recvfrom(MAX_PACKET_BYTES)
            packet = parse(data)
        except (OSError, ValueError):
            continue
        if isinstance(packet, AudioPacket) and packet.identifier == route.name:
            _check_form(packet, packet.sample_rate, route)
            return packet, sender
        others.add(packet.identifier)
    if others:
        known = ", ".join(sorted(repr(name.decode(errors="replace")) for name in others))
        raise DeviceError(f"{route} sends no audio, but {known} does; name one with --device")
    raise DeviceError(f"{route} sends nothing; start it, or give --rate so as not to wait for it")


def _check_form(packet: AudioPacket, sample_rate: int, route: Route) -> None:
    if len(packet.samples) > 2:
        raise DeviceError(f"{route} sends {len(packet.samples)} channels; 1 or 2 can be sung: send those")
    if packet.sample_rate != sample_rate:
        raise DeviceError(f"{route} sends {packet.sample_rate} Hz where {sample_rate} is sung")
