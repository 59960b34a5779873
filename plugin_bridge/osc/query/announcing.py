"""Announce OSCQuery by zeroconf, so that control surfaces find the server by themselves."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from typing import TYPE_CHECKING

from models.errors import how_to_install
from plugin_bridge.errors import DeviceError, MissingExtraError

if TYPE_CHECKING:
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

QUERY_TYPE = "_oscjson._tcp.local."
OSC_TYPE = "_osc._udp.local."
_IP_BOUND_IF = 25
"""Of macOS's netinet/in.h."""


class Announcement:
    """A service of OSCQuery and one of OSC.

    Args:
        name: what people see.
        host: the address the server is bound to, announced on its own interface only, which for a loopback
            address nobody outside hears; one for all addresses is announced on all.
        port: of UDP; None for no UDP.
        http_port: of OSCQuery.
    """

    def __init__(self, name: str, host: str, port: int | None, http_port: int) -> None:
        self._name = name
        self._host = host
        self._ports = {QUERY_TYPE: http_port} | ({} if port is None else {OSC_TYPE: port})
        self._zeroconf: AsyncZeroconf | None = None
        self._services: list[ServiceInfo] = []

    async def start(self) -> None:
        """Announce.

        Raises:
            DeviceError: the network refuses.
            MissingExtraError: zeroconf is not installed.
        """
        try:
            import ifaddr  # noqa: PLC0415 - comes with zeroconf, of the extra `live`
            from zeroconf import Error, InterfaceChoice, ServiceInfo  # noqa: PLC0415
            from zeroconf.asyncio import AsyncZeroconf  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"OSCQuery's announcement needs zeroconf, which is not installed; {how_to_install('live')}"
            ) from error
        every = ipaddress.ip_address(self._host).is_unspecified
        devices = {
            str(place.ip if place.is_IPv4 else place.ip[0]): adapter.name
            for adapter in ifaddr.get_adapters()
            for place in adapter.ips
        }
        beyond = [address for address in devices if not ipaddress.ip_address(address).is_loopback]
        addresses = beyond if every else [self._host]
        try:
            self._zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All if every else addresses)
            await self._zeroconf.zeroconf.async_wait_for_start()
            if not every:
                for reader in self._zeroconf.zeroconf.engine.readers:
                    _keep_to(reader.transport.get_extra_info("socket"), devices.get(self._host, ""))
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


def _keep_to(sock: socket.socket, device: str) -> None:
    """Let a socket hear one interface only; zeroconf binds its listening one to all of them.

    Raises:
        OSError: the system refuses.
    """
    if not device:
        return
    if sys.platform == "linux":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    elif sys.platform == "darwin":
        sock.setsockopt(socket.IPPROTO_IP, _IP_BOUND_IF, struct.pack("@I", socket.if_nametoindex(device)))
