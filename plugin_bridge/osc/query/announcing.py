"""Announce OSCQuery by zeroconf, so that control surfaces find the server by themselves."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

from plugin_bridge.errors import DeviceError, MissingExtraError

if TYPE_CHECKING:
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

QUERY_TYPE = "_oscjson._tcp.local."
OSC_TYPE = "_osc._udp.local."


class Announcement:
    """A service of OSCQuery and one of OSC.

    Args:
        name: what people see.
        host: the address the server is bound to, announced on its own network only; one for all addresses
            is announced on all.
        port: of UDP.
        http_port: of OSCQuery.
    """

    def __init__(self, name: str, host: str, port: int, http_port: int) -> None:
        self._name = name
        self._host = host
        self._ports = {QUERY_TYPE: http_port, OSC_TYPE: port}
        self._zeroconf: AsyncZeroconf | None = None
        self._services: list[ServiceInfo] = []

    async def start(self) -> None:
        """Announce.

        Raises:
            DeviceError: the network refuses.
            MissingExtraError: zeroconf is not installed.
        """
        try:
            from zeroconf import Error, InterfaceChoice, ServiceInfo  # noqa: PLC0415 - of the extra `live`
            from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "an announcement needs zeroconf, which is missing; run: pip install 'plugin-bridge[live]'"
            ) from error
        every = ipaddress.ip_address(self._host).is_unspecified
        addresses = _own_addresses() if every else [self._host]
        try:
            self._zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All if every else addresses)
            for kind, port in self._ports.items():
                info = ServiceInfo(kind, f"{self._name}.{kind}", port, parsed_addresses=addresses)
                await (await self._zeroconf.async_register_service(info, allow_name_change=True))
                self._services.append(info)
        except (OSError, Error) as error:
            await self.stop()
            raise DeviceError(
                f"{self._name} cannot be announced on {self._host}: {error}; start without announcing it"
            ) from error

    async def stop(self) -> None:
        """Take it back; may be called twice."""
        zeroconf, self._zeroconf = self._zeroconf, None
        if zeroconf is None:
            return
        for info in self._services:
            await (await zeroconf.async_unregister_service(info))
        self._services.clear()
        await zeroconf.async_close()


def _own_addresses() -> list[str]:
    """The addresses of this machine by its name; the loop-back one where that is not known."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return ["127.0.0.1"]
    return list(dict.fromkeys(str(place[4][0]) for place in found))
