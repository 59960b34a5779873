"""The system's MIDI ports through python-rtmidi: the choice of its API, and inputs that are polled."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from models.errors import how_to_install
from plugin_bridge.errors import DeviceError, MissingExtraError

_CLIENT = "plugin-bridge"
_SEQUENCER = Path("/dev/snd/seq")
_QUEUE = 4096  # messages that rtmidi keeps between two reads; a MIDI cable carries about 1000 a second
_FOREIGN = (OSError, ValueError, NotImplementedError)  # what rtmidi's own errors derive from


class Port(Protocol):
    """An open input."""

    def read(self) -> bytes | None:
        """Return the next message, or None when none waits; returns at once.

        Raises:
            DeviceError: the port no longer works.
        """

    def close(self) -> None:
        """Close it."""


class PortSystem(Protocol):
    """A source of MIDI ports."""

    name: str
    needs_server: bool
    """Whether its ports die with the audio server."""

    def inputs(self) -> list[str]:
        """Return the names of the ports that can be opened now.

        Raises:
            DeviceError: the system does not list them.
        """

    def renew(self) -> None:
        """Reconnect after the server was replaced; close all open ports first.

        Raises:
            DeviceError: it does not answer.
        """

    def open(self, name: str) -> Port:
        """Open one of `inputs`.

        Raises:
            DeviceError: it is gone, or in use.
        """

    def open_virtual(self, name: str) -> Port:
        """Create a port for other programs to connect to.

        Raises:
            DeviceError: the system has no virtual ports.
        """

    def close(self) -> None:
        """Release what `inputs` uses."""


class RtMidiSystem:
    """MIDI ports through rtmidi.

    Inputs are polled from rtmidi's own queue. A callback would wait for Python's global lock in the audio
    server's thread, and whoever holds that lock to open or close a port waits for that thread: under JACK, a
    deadlock.

    Args:
        api: one of rtmidi's APIs; None for the best one here.

    Raises:
        MissingExtraError: python-rtmidi is not installed.
        DeviceError: the system's MIDI is not available.
    """

    def __init__(self, api: int | None = None) -> None:
        self._rtmidi = _rtmidi()
        self._api = self._best_api() if api is None else api
        self.name: str = self._rtmidi.get_api_display_name(self._api)
        self.needs_server = self._api == self._rtmidi.API_UNIX_JACK
        self._lister = self._new_input()

    def inputs(self) -> list[str]:
        """Return the names of the ports that can be opened now."""
        try:
            return list(self._lister.get_ports())
        except _FOREIGN as error:
            raise DeviceError(f"{self.name} does not list its MIDI ports: {error}") from error

    def renew(self) -> None:
        """Reconnect."""
        self._lister.delete()
        self._lister = self._new_input()

    def open(self, name: str) -> Port:
        """Open a port by its full name."""
        port = self._new_input()
        try:
            port.open_port(port.get_ports().index(name), "in")
        except _FOREIGN as error:
            port.delete()
            raise DeviceError(f"MIDI port {name!r} cannot be opened ({error}); is it in use?") from error
        return _RtMidiPort(port, name)

    def open_virtual(self, name: str) -> Port:
        """Create a port for other programs to connect to."""
        port = self._new_input()
        try:
            port.open_virtual_port(name)
        except _FOREIGN as error:
            port.delete()
            raise DeviceError(
                f"virtual MIDI port {name!r} cannot be created by {self.name} ({error}); name one that exists"
            ) from error
        return _RtMidiPort(port, name)

    def close(self) -> None:
        """Release the system."""
        self._lister.delete()

    def _new_input(self) -> Any:  # noqa: ANN401 - rtmidi is published without types
        try:
            return self._rtmidi.MidiIn(rtapi=self._api, name=_CLIENT, queue_size_limit=_QUEUE)
        except _FOREIGN as error:
            raise DeviceError(f"no MIDI ports through {self.name}: {error}") from error

    def _best_api(self) -> int:
        """Return ALSA where the kernel has a sequencer, else JACK; elsewhere, the only one there is."""
        rtmidi = self._rtmidi
        compiled = rtmidi.get_compiled_api()
        if sys.platform.startswith("linux"):
            if rtmidi.API_LINUX_ALSA in compiled and os.access(_SEQUENCER, os.R_OK | os.W_OK):
                return int(rtmidi.API_LINUX_ALSA)
            if rtmidi.API_UNIX_JACK in compiled:
                return int(rtmidi.API_UNIX_JACK)
        if not compiled:
            raise DeviceError("this python-rtmidi was built without any MIDI API; install it again")
        return int(compiled[0])


class _RtMidiPort:
    def __init__(self, port: Any, name: str) -> None:  # noqa: ANN401 - as above
        self._port, self._name = port, name

    def read(self) -> bytes | None:
        try:
            found = self._port.get_message()
        except _FOREIGN as error:
            raise DeviceError(f"MIDI port {self._name!r} cannot be read: {error}") from error
        return None if found is None else bytes(found[0])

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()


def open_system() -> PortSystem:
    """Return the MIDI ports of this machine.

    Raises:
        MissingExtraError: python-rtmidi is not installed.
        DeviceError: there is neither an ALSA sequencer nor a JACK server, or no MIDI of another system.
    """
    try:
        return RtMidiSystem()
    except DeviceError as error:
        if not sys.platform.startswith("linux"):
            raise
        raise DeviceError(
            f"no MIDI ports: {_SEQUENCER} cannot be used and no JACK server answers; load the kernel module "
            "snd-seq, or start JACK and then this program"
        ) from error


def midi_inputs() -> list[str]:
    """Return the names of this machine's MIDI inputs.

    Raises:
        MissingExtraError, DeviceError: as `open_system`.
    """
    system = open_system()
    try:
        return system.inputs()
    finally:
        system.close()


def matching(names: Iterable[str], wanted: str) -> list[str]:
    """Return the ports whose names contain a text, in any case; for `all`, every port.

    `all` leaves out ALSA's loopback `Midi Through`, which must be named.
    """
    if wanted == "all":
        return [name for name in names if "midi through" not in name.lower()]
    return [name for name in names if wanted.lower() in name.lower()]


def _rtmidi() -> Any:  # noqa: ANN401 - as above
    try:
        import rtmidi  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            f"MIDI ports need python-rtmidi, which cannot be loaded ({error}); {how_to_install('midi')} "
            "(from Python 3.13 on with a C++ compiler)"
        ) from error
    return rtmidi
