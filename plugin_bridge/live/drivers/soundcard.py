"""A sound card through PortAudio: ALSA, Core Audio, or JACK where PortAudio supports it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import sounddevice

from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.driver import Exchange
from plugin_bridge.live.settings import DriverSettings

_BLOCK = 256
_WARM_SECONDS = 1.0
_SILENT_SECONDS = 1.0


def cards() -> list[dict[str, object]]:
    """Return number, name, api, inputs, outputs and sample rate of each sound card."""
    apis = sounddevice.query_hostapis()
    return [
        {
            "number": number,
            "name": card["name"],
            "api": apis[card["hostapi"]]["name"],
            "inputs": card["max_input_channels"],
            "outputs": card["max_output_channels"],
            "sample_rate": round(card["default_samplerate"]),
        }
        for number, card in enumerate(sounddevice.query_devices())
    ]


class SoundcardDriver:
    """A stream of input and output.

    Args:
        settings: `device` is a number or a part of a name from `plugin-bridge devices`, or two of them with
            a comma between, for input and output; empty for the system's choice.
    """

    name = "soundcard"

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._stream: Any = None
        self._blocks = 0
        self._closing = threading.Event()

    def open(self, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]) -> Form:
        """See `Driver.open`."""
        sounddevice._terminate()  # noqa: SLF001 - PortAudio finds new devices only when it is initialized
        sounddevice._initialize()  # noqa: SLF001
        settings = self._settings
        devices = _devices(settings.device)
        try:
            rate = settings.sample_rate or round(
                sounddevice.query_devices(devices[0], "input")["default_samplerate"]
            )
            name = sounddevice.query_devices(devices[1], "output")["name"]
            self._form = form = Form(rate, settings.channels, settings.block or _BLOCK, name)
            self._stream = sounddevice.Stream(
                samplerate=rate,
                blocksize=form.block,
                device=devices,
                channels=form.channels,
                dtype="float32",
                latency="low",
                callback=self._callback,
                finished_callback=lambda: self._finished(lost),
            )
            self._exchange = exchange(form)
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            what = settings.device or "the default sound card"
            raise DeviceError(
                f"{what} cannot be opened ({reason}); see plugin-bridge devices, or use --driver null"
            ) from error
        threading.Thread(target=self._watch, args=(lost,), name="sound card", daemon=True).start()
        return form

    def close(self) -> None:
        """See `Driver.close`."""
        self._closing.set()
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.close()

    def _callback(self, source: Any, output: Any, frames: int, _: object, status: Any) -> None:  # noqa: ANN401 - untyped
        self._blocks += 1
        if frames != self._form.block:
            output.fill(0.0)
            return
        self._exchange.cycle(source.T, output.T)
        if status and self._blocks * frames > _WARM_SECONDS * self._form.sample_rate:
            self._exchange.overrun()

    def _finished(self, lost: Callable[[str], None]) -> None:
        if not self._closing.is_set():
            self._closing.set()
            lost(f"{self._form.device} is gone")

    def _watch(self, lost: Callable[[str], None]) -> None:
        """Notice a device that was pulled out: some systems just stop calling back."""
        seen = -1
        while self._blocks != seen:
            seen = self._blocks
            if self._closing.wait(_SILENT_SECONDS):
                return
        self._finished(lost)


def _devices(text: str) -> tuple[int | str | None, int | str | None]:
    """Return input and output device as PortAudio takes them."""
    parts = [int(part) if part.strip().isdecimal() else part.strip() or None for part in text.split(",")]
    return parts[0], parts[-1]
