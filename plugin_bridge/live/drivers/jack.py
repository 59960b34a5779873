"""JACK, or PipeWire in its place: audio and MIDI ports whose latency the server knows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import jack

from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.driver import Exchange
from plugin_bridge.live.drivers.jackbuffers import Buffers
from plugin_bridge.live.drivers.jacklatency import Latency
from plugin_bridge.live.settings import DriverSettings

CLIENT = "plugin-bridge"
UNCONNECTED = "none"
_WARM_SECONDS = 1.0
_FREEWHEEL_SECONDS = 1.0


def ports() -> list[str]:
    """Return the names of the server's audio and MIDI ports, each with its kind and direction.

    Raises:
        DeviceError: there is no server.
    """
    client = _new_client("plugin-bridge devices")
    try:
        kinds = ((True, "audio"), (False, "MIDI"))
        return [
            f"{port.name} ({what} {'output' if port.is_output else 'input'})"
            for audio, what in kinds
            for port in client.get_ports(is_audio=audio, is_midi=not audio)
        ]
    finally:
        client.close()


class JackDriver:
    """A client with `in_1`, `out_1` (and `in_2`, `out_2`) and `midi_in`.

    Args:
        settings: `device` is a regular expression of ports to connect to, empty for the sound card's own
            ("none" for no port at all); the rate and the block are the server's.
    """

    name = "jack"

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._cycles = 0
        self._closing = self._freewheels = False

    def open(self, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]) -> Form:
        """See `Driver.open`."""
        self._client = client = _new_client(CLIENT)
        try:
            return self._set_up(client, exchange, lost)
        except jack.JackError as error:
            raise DeviceError(f"the JACK server refuses the client ({error}); restart it") from error

    def _set_up(
        self, client: jack.Client, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]
    ) -> Form:
        self._form = form = self._checked(client)
        numbers = range(1, form.channels + 1)
        self._inputs = [client.inports.register(f"in_{n}") for n in numbers]
        self._outputs = [client.outports.register(f"out_{n}") for n in numbers]
        midi = client.midi_inports.register("midi_in")
        self._buffers = Buffers(self._inputs, self._outputs, midi, form.block)
        self._exchange = exchange(form)
        self._latency = Latency(client, self._inputs, self._outputs, self._exchange.latency)
        self._watch(client, lost)
        client.activate()
        self._connect(client)
        return form

    def close(self) -> None:
        """See `Driver.close`."""
        self._closing = True
        if self._client is not None:
            client, self._client = self._client, None
            client.deactivate()
            client.close()

    def _checked(self, client: jack.Client) -> Form:
        settings, rate, block = self._settings, client.samplerate, client.blocksize
        if settings.sample_rate not in (0, rate):
            raise DeviceError(f"JACK runs at {rate} Hz and not at {settings.sample_rate}; leave out --rate")
        if settings.block not in (0, block):
            raise DeviceError(
                f"JACK runs in blocks of {block} and not of {settings.block}; leave out --block"
            )
        return Form(rate, settings.channels, block, "JACK")

    def _watch(self, client: jack.Client, lost: Callable[[str], None]) -> None:
        """Register the callbacks; xruns of the first second and after closing are JACK's own."""
        form = self._form

        def gone(_: object, reason: str) -> None:
            if not self._closing:
                lost(f"the JACK server is gone ({reason})")

        def resized(block: int) -> None:
            if block != form.block:
                lost(f"JACK changed its block from {form.block} to {block} samples")

        def retuned(rate: int) -> None:
            if rate != form.sample_rate:
                lost(f"JACK changed its rate from {form.sample_rate} to {rate} Hz")

        def overrun(_: float) -> None:
            if self._cycles * form.block > _WARM_SECONDS * form.sample_rate and not self._closing:
                self._exchange.overrun()

        def freewheel(starting: bool) -> None:
            self._freewheels = starting

        client.set_shutdown_callback(gone)
        client.set_blocksize_callback(resized)
        client.set_samplerate_callback(retuned)
        client.set_xrun_callback(overrun)
        client.set_freewheel_callback(freewheel)
        client.set_process_callback(self._process)

    def _process(self, frames: int) -> None:
        self._cycles += 1
        buffers = self._buffers
        if frames != self._form.block:  # until the driver is closed
            buffers.silence(frames)
            return
        midi = buffers.read()
        self._exchange.cycle(buffers.source, buffers.output, midi)
        buffers.write()
        if self._freewheels:  # the server renders as fast as its clients do
            self._exchange.settled(_FREEWHEEL_SECONDS)

    def _connect(self, client: jack.Client) -> None:
        """Connect the requested ports, one for each channel, as far as they exist."""
        wanted = self._settings.device
        if wanted == UNCONNECTED:
            return
        found = {"name_pattern": wanted} if wanted else {"is_physical": True}
        sources = client.get_ports(is_audio=True, is_output=True, **found)
        targets = client.get_ports(is_audio=True, is_input=True, **found)
        pairs = [*zip(sources, self._inputs, strict=False), *zip(self._outputs, targets, strict=False)]
        if len(self._outputs) == 1 and len(targets) > 1:  # mono, to both speakers
            pairs.append((self._outputs[0], targets[1]))
        for source, target in pairs:
            with contextlib.suppress(jack.JackError):  # gone in between, or connected already
                client.connect(source, target)


def _new_client(name: str) -> jack.Client:
    jack.set_error_function(_nothing)
    jack.set_info_function(_nothing)
    try:
        return jack.Client(name, no_start_server=True)
    except jack.JackOpenError as error:
        raise DeviceError("no JACK server runs; start JACK or PipeWire") from error


def _nothing(_: str) -> None:
    """Print nothing; JACK would write to standard error."""
