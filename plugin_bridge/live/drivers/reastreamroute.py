"""Source and destination of a ReaStream, parsed from the device string."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, replace

from plugin_bridge.errors import DeviceError
from plugin_bridge.live.drivers.reastreampackets import PORT, packed_identifier

Address = tuple[str, int]
"""Host and port."""

_ANSWER = "-sung"


@dataclass(frozen=True)
class Route:
    """Where audio comes from and goes to.

    Written as `NAME[@HOST[:PORT]][,[NAME@]HOST[:PORT]]`: what to listen for and where, and what to answer as
    and whereto.
    """

    name: bytes
    """Identifier of the packets to sing."""
    listen: Address
    answer: bytes
    """Identifier of the answer."""
    target: Address | None
    """None for the sender's own address."""

    @classmethod
    def of(cls, text: str) -> Route:
        """Read a route; what is left out is `default`, 127.0.0.1, 58710, the name with `-sung` behind it, and
        the sender.

        Raises:
            DeviceError: it cannot be read, or the answer would be taken for the source.
        """
        found = re.fullmatch(
            r"(?P<name>[^@,]*)(@(?P<host>[^@:,]+)(:(?P<port>\d{1,5}))?)?"
            r"(,((?P<answer>[^@,]+)@)?(?P<to>[^@:,]+)(:(?P<to_port>\d{1,5}))?)?",
            text.strip(),
        )
        if found is None:
            raise DeviceError(f"--device {text!r} is no route; write NAME@HOST:PORT,NAME@HOST:PORT or less")
        name = found["name"] or "default"
        try:
            listen = (found["host"] or "127.0.0.1", _port(found["port"]))
            target = (found["to"], _port(found["to_port"])) if found["to"] else None
            answer = packed_identifier(found["answer"] or name + _ANSWER)
            route = cls(packed_identifier(name), listen, answer, target)
        except ValueError as error:
            raise DeviceError(str(error)) from error
        if route.name == route.answer:
            raise DeviceError(f"the answer {name!r} would be taken for the source; give it another name")
        return route

    def resolved(self) -> Route:
        """Return it with numbers for the names of hosts.

        Raises:
            DeviceError: a host is unknown.
        """
        target = None if self.target is None else _resolved(self.target)
        return replace(self, listen=_resolved(self.listen), target=target)

    def __str__(self) -> str:
        return f"ReaStream {self.name.decode()!r} at {self.listen[0]}:{self.listen[1]}"


def _port(text: str | None) -> int:
    port = int(text) if text else PORT
    if not 0 < port < 65536:
        raise ValueError(f"port {port} is out of range; give 1 to 65535")
    return port


def _resolved(address: Address) -> Address:
    try:
        return socket.gethostbyname(address[0]), address[1]
    except OSError as error:
        raise DeviceError(f"host {address[0]!r} is unknown; give its number, such as 127.0.0.1") from error
