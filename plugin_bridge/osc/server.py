"""The OSC server of a rig: UDP, TCP and OSCQuery on the running event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable

from plugin_bridge.control.rig import Rig
from plugin_bridge.errors import DeviceError
from plugin_bridge.osc.addresses.values import read
from plugin_bridge.osc.bounceplan import BouncePlanner
from plugin_bridge.osc.commands import Commands
from plugin_bridge.osc.dispatcher import Dispatcher
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.query.announcing import Announcement
from plugin_bridge.osc.query.server import QueryServer
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.osc.subscriptions import Subscriptions
from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.limits import Budget, Limiter
from plugin_bridge.osc.wire.tcp import WORK_SECONDS, TcpConnection
from plugin_bridge.osc.wire.udp import UdpEndpoint
from plugin_bridge.osc.wire.validation import AddressValidation, is_local

__all__ = ["OscServer", "OscSettings"]


class OscServer:
    """Controls a rig by OSC; nothing in it waits or blocks the loop.

    Args:
        rig: used from the loop that `start` runs on only.
        settings: where it listens and what it may touch.
        clock: seconds since 1970, what time tags are measured by.
    """

    def __init__(self, rig: Rig, settings: OscSettings, clock: Callable[[], float] = time.time) -> None:
        self._rig = rig
        self._settings = settings
        self.counters = Counters()
        """What `/status` tells of the server."""
        self.clock = clock
        """Seconds since 1970."""
        self._limiter = Limiter(settings.rate, settings.burst)
        self._subscriptions = Subscriptions(lambda row: read(rig, row))
        singers = {name: name for name in rig.singers} | dict(settings.singers)
        presets = PresetStore(settings.presets, singers)
        planner = BouncePlanner(
            settings.folder, presets, singers, settings.pitch, settings.seed, settings.allow_effects
        )
        self._commands = Commands(rig, presets, planner, self._subscriptions, self.counters)
        self._dispatcher = Dispatcher(
            rig,
            self._commands.handlers,
            self._limiter,
            Budget(settings.events),
            self.counters,
            settings.horizon,
            clock,
        )
        self._udp: UdpEndpoint | None = None
        self._tcp: asyncio.Server | None = None
        self._http: QueryServer | None = None
        self._announcement: Announcement | None = None
        self._connections: set[TcpConnection] = set()
        self._unlisten: Callable[[], None] | None = None

    @property
    def port(self) -> int:
        """Of UDP, once started."""
        return 0 if self._udp is None else self._udp.port

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it, once started."""
        return self._udp is None or is_local(self._udp.host)

    @property
    def tcp_port(self) -> int | None:
        """Once started; None for no TCP."""
        return None if self._tcp is None else int(self._tcp.sockets[0].getsockname()[1])

    @property
    def http_port(self) -> int | None:
        """Of OSCQuery, once started; None for no OSCQuery."""
        return None if self._http is None else self._http.port

    @property
    def ports(self) -> str:
        """All of them for people, once started; TCP's where it is not UDP's."""
        tcp = "" if self.tcp_port in (None, self.port) else f", TCP port {self.tcp_port}"
        http = "" if self.http_port is None else f", OSCQuery port {self.http_port}"
        return f"port {self.port}{tcp}{http}"

    async def start(self) -> None:
        """Listen.

        Raises:
            DeviceError: a port is taken, or the host is none of this machine's.
            MissingExtraError: it shall be announced and zeroconf is missing.
        """
        try:
            await self._listen()
        except BaseException:
            await self.stop()
            raise
        self._unlisten = self._rig.reports(lambda text: self._subscriptions.tell("/report", text))

    async def stop(self) -> None:
        """Close everything, bounces under way with their unfinished files too; may be called twice."""
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None
        if self._udp is not None:
            self._udp.stop_reading()
        if self._announcement is not None:
            await self._announcement.stop()
        if self._http is not None:
            await self._http.stop()
        if self._tcp is not None:
            self._tcp.close()
        for connection in list(self._connections):
            connection.hang_up()
        self._subscriptions.close()
        await self._commands.bounces.close()
        await self._dispatcher.close()
        if self._udp is not None:
            self._udp.close()
        self._udp = self._tcp = self._http = self._announcement = None

    async def _listen(self) -> None:
        settings = self._settings
        sock = await _bound(settings.host, settings.port)
        host = str(sock.getsockname()[0])
        handle, refuse = self._dispatcher.handle, self._dispatcher.refuse
        self._udp = UdpEndpoint(sock, handle, refuse, self._limiter, self.counters, AddressValidation())
        if settings.tcp_port is not None:
            loop = asyncio.get_running_loop()
            try:
                self._tcp = await loop.create_server(self._connection, host, settings.tcp_port)
            except OSError as error:
                raise _taken("TCP", settings.host, settings.tcp_port, error) from error
        if settings.http_port is not None:
            self._http = QueryServer(self._rig, settings.name, host, self.port)
            try:
                await self._http.start(settings.http_port)
            except OSError as error:
                raise _taken("HTTP", settings.host, settings.http_port, error) from error
            if settings.announce:
                self._announcement = Announcement(settings.name, host, self.port, self._http.port)
                await self._announcement.start()

    def _connection(self) -> TcpConnection:
        handle, refuse, answered = (
            self._dispatcher.handle,
            self._dispatcher.refuse,
            self._dispatcher.when_answered,
        )

        def share() -> float:
            return WORK_SECONDS / max(1, len(self._connections))

        return TcpConnection(handle, refuse, answered, self._limiter, share, self._opened, self._closed)

    def _opened(self, connection: TcpConnection) -> None:
        """Take a connection in; beyond the limit, close another one.

        It is chosen from the host that has most: first one that has sent nothing yet, then one that has no
        subscription; among equals the one silent for longest.
        """
        self._connections.add(connection)
        if len(self._connections) <= self._settings.connections:
            return
        others = self._connections - {connection}
        by_host = Counter(other.host for other in others)
        least = min(
            others,
            key=lambda other: (-by_host[other.host], self._subscriptions.has(other.key), other.spoke),
        )
        least.hang_up()

    def _closed(self, connection: TcpConnection) -> None:
        self._connections.discard(connection)
        self._subscriptions.drop(connection)


async def _bound(host: str, port: int) -> socket.socket:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, place = found[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _taken("UDP", host, port, error) from error
    try:
        sock.setblocking(False)
        sock.bind(place)
    except OSError as error:
        sock.close()
        raise _taken("UDP", host, port, error) from error
    return sock


def _taken(what: str, host: str, port: int, error: OSError) -> DeviceError:
    return DeviceError(
        f"{what} port {port} of {host} cannot be used: {error.strerror or error}; choose another"
    )
