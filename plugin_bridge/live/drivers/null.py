"""No device: a looped file, or silence, at the pace of a simulated clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from dsp.downmix import mono_of
from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.driver import Exchange
from plugin_bridge.live.settings import DriverSettings

Float32 = NDArray[np.float32]

_RATE = 48000
_BLOCK = 128
_MAX_SECONDS = 600.0


class NullDriver:
    """A clock that waits for the engine, so that there are no xruns; the output is discarded.

    Args:
        settings: `device` is an audio file to loop, empty for silence; the rate is that of the file.
        speed: times real time; infinity for as fast as the engine goes.
    """

    name = "null"

    def __init__(self, settings: DriverSettings, speed: float = 1.0) -> None:
        self._settings, self._speed = settings, speed
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, exchange: Callable[[Form], Exchange], lost: Callable[[str], None]) -> Form:
        """See `Driver.open`; nothing is ever lost."""
        del lost
        settings = self._settings
        audio, rate = _source(settings)
        form = Form(rate, settings.channels, settings.block or _BLOCK, settings.device or "silence")
        other_side = exchange(form)
        self._thread = threading.Thread(target=self._run, args=(form, other_side, audio), name="null driver")
        self._thread.start()
        return form

    def close(self) -> None:
        """See `Driver.close`."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, form: Form, exchange: Exchange, audio: Float32) -> None:
        source, output = np.zeros((2, form.channels, form.block), np.float32)
        period = form.block / form.sample_rate / self._speed
        place = np.arange(form.block)
        due = time.monotonic()
        while not self._closing.is_set():
            source[:] = audio[:, place % audio.shape[1]]
            place += form.block
            exchange.cycle(source, output)
            exchange.settled(1.0)
            due = max(due + period, time.monotonic())  # delays are not made up for
            self._closing.wait(due - time.monotonic())


def _source(settings: DriverSettings) -> tuple[Float32, int]:
    """Return the audio to loop, float32 (channels, samples), and its rate in hertz."""
    if not settings.device:
        return np.zeros((settings.channels, _BLOCK), np.float32), settings.sample_rate or _RATE
    path = Path(settings.device)
    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            audio = file.read(round(_MAX_SECONDS * rate), dtype="float32", always_2d=True).T
    except (OSError, soundfile.LibsndfileError) as error:
        raise DeviceError(f"{path} is not an audio file to sing; name one with --device") from error
    if not audio.size or settings.sample_rate not in (0, rate):
        raise DeviceError(
            f"{path} has {audio.shape[1]} samples at {rate} Hz; leave out --rate or name another"
        )
    if audio.shape[0] > 2:
        raise DeviceError(
            f"{path} has {audio.shape[0]} channels; mono or stereo is needed: name another file"
        )
    rows = audio if audio.shape[0] == settings.channels else mono_of(audio, rate)[None]
    return np.ascontiguousarray(np.broadcast_to(rows, (settings.channels, rows.shape[1]))), rate
