"""A device that may go away: opened, watched, and opened again when it comes back."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from dsp.errors import DeviceError
from plugin_bridge.live.drivers.catalogue import make_driver
from plugin_bridge.live.drivers.driver import Driver, Exchange, Form
from plugin_bridge.live.settings import DriverSettings

_RETRY_SECONDS = 0.5


class Device:
    """A driver at a time. All but what the driver calls happens in one thread.

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
        """Let go of a device that is lost, or open it again if it is time; return whether `form` changed."""
        while self._losses:
            driver, sentence = self._losses.popleft()
            if driver is self._driver:
                self.close()
                self._say(f"{sentence}; waiting for it")
                self._said = ""
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
        """Let go of it; may be called twice."""
        self.form = None
        if self._driver is not None:
            driver, self._driver = self._driver, None
            driver.close()
