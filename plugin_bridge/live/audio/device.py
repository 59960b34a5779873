"""A device that may be lost: opened, watched, and reopened when it is back."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from plugin_bridge.control.form import Form
from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.catalogue import make_driver
from plugin_bridge.live.drivers.driver import Driver, Exchange
from plugin_bridge.live.settings import DriverSettings

_RETRY_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0


class Device:
    """One driver at a time. Everything but the driver's callbacks happens in one thread.

    Args:
        settings: which driver and device.
        exchange: makes the engine's side of a form; raises ValueError for a rate that is not native.
        say: called with a sentence for a person.
    """

    def __init__(
        self, settings: DriverSettings, exchange: Callable[[Form], Exchange], say: Callable[[str], None]
    ) -> None:
        self.form: Form | None = None
        """What it runs at; None while it is away."""
        self.stuck = False
        """Whether a driver could not be closed."""
        self._settings, self._exchange, self._say = settings, exchange, say
        self._driver: Driver | None = None
        self._losses: deque[tuple[Driver, str]] = deque()
        self._retry = 0.0
        self._said = ""

    def open(self) -> Form:
        """Open it.

        Raises:
            DeviceError: it is not there, or will not run at a native rate.
        """
        self._driver = driver = make_driver(self._settings)
        try:
            self.form = driver.open(self._exchange, lambda sentence: self._losses.append((driver, sentence)))
        except (DeviceError, ValueError) as error:
            self.close()
            raise DeviceError(str(error)) from error
        return self.form

    def watch(self) -> bool:
        """Notice a loss, or try to reopen it when that is due; return whether `form` changed.

        Raises:
            DeviceError: it was lost and cannot be closed; only a new process can go on.
        """
        if self.form is None:
            self.close()
            if self.stuck:
                self._say("the lost device cannot be closed, so the audio process has to end")
                raise DeviceError("the lost device cannot be closed")
        while self._losses:
            driver, sentence = self._losses.popleft()
            if driver is self._driver:
                self.form = None
                self._say(f"{sentence}; waiting for it")
                self._said = ""
                self._retry = time.monotonic() + _RETRY_SECONDS  # a server takes time to end
                return True
        if self.form is not None or time.monotonic() < self._retry:
            return False
        try:
            form = self.open()
        except DeviceError as error:
            self._retry = time.monotonic() + _RETRY_SECONDS
            if str(error) != self._said:
                self._say(f"{error}; waiting for it")
                self._said = str(error)
            return False
        self._say(f"{form.device} runs at {form.sample_rate} Hz in blocks of {form.block} samples")
        return True

    def close(self) -> None:
        """Close it; may be called twice. PortAudio can wait for a lost device for ever: see `stuck`."""
        self.form = None
        if self._driver is not None:
            closing = threading.Thread(target=self._driver.close, name="closing", daemon=True)
            self._driver = None
            closing.start()
            closing.join(_PATIENCE_SECONDS)
            self.stuck = closing.is_alive()
