"""The system's MIDI ports by python-rtmidi: which of its systems to use, and ports that never call back."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

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
            DeviceError: the port does not work any longer.
        """

    def close(self) -> None:
        """Let go of it."""


class PortSystem(Protocol):
    """Where ports come from."""

    name: str
    needs_server: bool
    """Whether its ports die with an audio server."""

    def inputs(self) -> list[str]:
        """Return the names of the ports that can be opened now.

        Raises:
            DeviceError: the system does not tell.
        """

    def renew(self) -> None:
        """Begin anew where the server is another one; ports opened before are to be closed first.

        Raises:
            DeviceError: it does not answer.
        """

    def open(self, name: str) -> Port:
        """Open one of `inputs`.

        Raises:
            DeviceError: it is gone, or in use.
        """

    def open_virtual(self, name: str) -> Port:
        """Make a port that other programs connect to.

        Raises:
            DeviceError: the system has no such thing.
        """

    def close(self) -> None:
        """Let go of what `inputs` uses."""


class RtMidiSystem:
    """Ports by rtmidi.

    They are read from rtmidi's own queue and never call back. A callback would have to wait for Python's lock
    inside the thread of the audio server, which waits for it in turn whenever a port is made or closed: with
    JACK, both then stand still for good.

    Args:
        api: one of rtmidi's; None for the one that suits.

    Raises:
        MissingExtraError: python-rtmidi is not installed.
        DeviceError: the system's MIDI is not there.
    """

    def __init__(self, api: int | None = None) -> None:
        self._rtmidi = _rtmidi()
        self._api = self._suitable() if api is None else api
        self.name: str = self._rtmidi.get_api_display_name(self._api)
        self.needs_server = self._api == self._rtmidi.API_UNIX_JACK
        self._scout = self._made()

    def inputs(self) -> list[str]:
        """Return the names of the ports that can be opened now."""
        try:
            return list(self._scout.get_ports())
        except _FOREIGN as error:
            raise DeviceError(f"{self.name} does not list its MIDI ports: {error}") from error

    def renew(self) -> None:
        """Connect again."""
        self._scout.delete()
        self._scout = self._made()

    def open(self, name: str) -> Port:
        """Open a port by its full name."""
        port = self._made()
        try:
            port.open_port(port.get_ports().index(name), "in")
        except _FOREIGN as error:
            port.delete()
            raise DeviceError(f"MIDI port {name!r} cannot be opened ({error}); is it in use?") from error
        return _RtMidiPort(port, name)

    def open_virtual(self, name: str) -> Port:
        """Make a port that other programs connect to."""
        port = self._made()
        try:
            port.open_virtual_port(name)
        except _FOREIGN as error:
            port.delete()
            raise DeviceError(
                f"virtual MIDI port {name!r} cannot be made by {self.name} ({error}); name a port there is"
            ) from error
        return _RtMidiPort(port, name)

    def close(self) -> None:
        """Let go of the system."""
        self._scout.delete()

    def _made(self) -> Any:  # noqa: ANN401 - rtmidi is published without types
        try:
            return self._rtmidi.MidiIn(rtapi=self._api, name=_CLIENT, queue_size_limit=_QUEUE)
        except _FOREIGN as error:
            raise DeviceError(f"no MIDI ports by {self.name}: {error}") from error

    def _suitable(self) -> int:
        """ALSA where the kernel has a sequencer, else JACK; the one there is on other systems."""
        rtmidi = self._rtmidi
        compiled = rtmidi.get_compiled_api()
        if sys.platform.startswith("linux"):
            if rtmidi.API_LINUX_ALSA in compiled and os.access(_SEQUENCER, os.R_OK | os.W_OK):
                return int(rtmidi.API_LINUX_ALSA)
            if rtmidi.API_UNIX_JACK in compiled:
                return int(rtmidi.API_UNIX_JACK)
        if not compiled:
            raise DeviceError("this python-rtmidi knows no MIDI system; install it again")
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
        DeviceError: there is neither an ALSA sequencer nor a JACK server, or what the system has instead.
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
    """Return the ports that a name means: those that hold it, in any case, or for `all` every one.

    ALSA's loop `Midi Through` is no keyboard and must be named.
    """
    if wanted == "all":
        return [name for name in names if "midi through" not in name.lower()]
    return [name for name in names if wanted.lower() in name.lower()]


def _rtmidi() -> Any:  # noqa: ANN401 - as above
    try:
        import rtmidi  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            "MIDI ports need python-rtmidi, which is not installed; install the extra: "
            "sh .ci/setup midi, or pip install 'plugin-bridge[midi]', with a C++ compiler from Python 3.13 on"
        ) from error
    return rtmidi
