"""The OSC server of a rig: UDP, TCP and OSCQuery with its WebSocket, on the running event loop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from models.errors import how_to_install
from plugin_bridge.control.rig import Rig
from plugin_bridge.errors import DeviceError, MissingExtraError
from plugin_bridge.osc.addresses.namespace import PRESETS, SINGERS
from plugin_bridge.osc.addresses.values import read
from plugin_bridge.osc.bounceplan import BouncePlanner
from plugin_bridge.osc.commands import Commands
from plugin_bridge.osc.dispatcher import Dispatcher
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.presetwatch import PresetWatch
from plugin_bridge.osc.query.announcing import Announcement
from plugin_bridge.osc.reports import Reports
from plugin_bridge.osc.settings import OscSettings
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.subscriptions import Subscriptions
from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.limits import Budget, Limiter
from plugin_bridge.osc.wire.service import WORK_SECONDS, Connection, Service
from plugin_bridge.osc.wire.tcp import TcpConnection
from plugin_bridge.osc.wire.udp import UdpEndpoint
from plugin_bridge.osc.wire.validation import AddressValidation, is_local

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

    from plugin_bridge.osc.query.server import QueryServer

__all__ = ["OscServer", "OscSettings"]


class OscServer:
    """Controls a rig by OSC; nothing in it waits or blocks the loop.

    Args:
        rig: used from the loop that `start` runs on only.
        settings: where it listens and what it may touch.
        clock: seconds since 1970, what time tags are measured by.
        pages: returns routes beside those of OSCQuery, on its port and behind its checks.
    """

    def __init__(
        self,
        rig: Rig,
        settings: OscSettings,
        clock: Callable[[], float] = time.time,
        pages: Callable[[], Sequence[RouteDef]] = lambda: (),
    ) -> None:
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
        self._pages = pages
        self._presets = PresetWatch(presets.names, self._is_queried, lambda: self.changed(PRESETS))
        self._reports = Reports(lambda sentence: self._subscriptions.tell("/report", sentence))
        self._commands = Commands(
            rig,
            presets,
            self._presets,
            planner,
            SingerSet(rig, settings.folder, singers, lambda: self.changed(SINGERS)),
            self._subscriptions,
            self._reports,
            self.counters,
        )
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
        self._host = settings.host
        self._connections: dict[Connection, None] = {}  # in the order they came
        self._unlisten: Callable[[], None] | None = None
        self._service = Service(
            self._dispatcher.handle,
            self._dispatcher.refuse,
            self._dispatcher.when_answered,
            self._limiter,
            lambda: WORK_SECONDS / max(1, len(self._connections)),
            self._opened,
            self._closed,
        )

    @property
    def port(self) -> int:
        """Of UDP, once started; 0 for no UDP."""
        return 0 if self._udp is None else self._udp.port

    @property
    def host(self) -> str:
        """The address it is bound to, once started."""
        return self._host

    @property
    def token(self) -> str:
        """What requests over HTTP must bring, once started; empty for nothing."""
        return "" if self.is_local else self._settings.token

    @property
    def is_local(self) -> bool:
        """Whether only programs on this machine can reach it, once started."""
        return is_local(self._host)

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
        found = [] if self._udp is None else [f"port {self.port}"]
        found += [] if self.tcp_port in (None, self.port) else [f"TCP port {self.tcp_port}"]
        return ", ".join(found + ([] if self.http_port is None else [f"OSCQuery port {self.http_port}"]))

    def changed(self, path: str) -> None:
        """Tell those who are connected to OSCQuery that an address takes or holds something else now."""
        if self._http is not None:
            self._http.changed(path)

    async def start(self) -> None:
        """Listen.

        Raises:
            DeviceError: a port is taken, or the host is none of this machine's.
            MissingExtraError: OSCQuery is asked for and aiohttp or zeroconf is missing.
        """
        try:
            await self._listen()
        except BaseException:
            await self.stop()
            raise
        self._unlisten = self._rig.reports(self._reports.note)

    async def stop(self) -> None:
        """Close everything, with jobs under way and their unfinished files; may be called twice."""
        if self._unlisten is not None:
            self._unlisten()
        self._unlisten = None
        if self._udp is not None:
            self._udp.stop_reading()
        await self._presets.stop()
        if self._announcement is not None:
            await self._announcement.stop()
        if self._http is not None:
            await self._http.stop()
        if self._tcp is not None:
            self._tcp.close()
        for connection in list(self._connections):
            connection.hang_up()
        self._subscriptions.close()
        await self._commands.close()
        await self._dispatcher.close()
        if self._udp is not None:
            self._udp.close()
        self._udp = self._tcp = self._http = self._announcement = None

    async def _listen(self) -> None:
        settings = self._settings
        sock = await _bound(settings.host, settings.port or 0)
        host = self._host = str(sock.getsockname()[0])
        if settings.port is None:
            sock.close()
        else:
            handle, refuse = self._dispatcher.handle, self._dispatcher.refuse
            self._udp = UdpEndpoint(sock, handle, refuse, self._limiter, self.counters, AddressValidation())
        if settings.tcp_port is not None:
            loop = asyncio.get_running_loop()
            try:
                self._tcp = await loop.create_server(
                    lambda: TcpConnection(self._service), host, settings.tcp_port
                )
            except OSError as error:
                raise _taken("TCP", settings.host, settings.tcp_port, error) from error
        if settings.http_port is not None:
            await self._listen_to_http(host, settings.http_port)

    async def _listen_to_http(self, host: str, port: int) -> None:
        try:
            from plugin_bridge.osc.query.server import Query, QueryServer  # noqa: PLC0415 - extra `live`

            pages = self._pages()
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"OSCQuery and the panel need aiohttp, which is not installed; {how_to_install('live')}"
            ) from error
        settings, subscriptions = self._settings, self._subscriptions
        udp = None if self._udp is None else self.port
        self._http = QueryServer(
            Query(
                self._rig,
                settings.name,
                host,
                udp,
                self._presets.names,
                self._service,
                subscriptions.listen,
                subscriptions.ignore,
                self.token,
                pages,
            )
        )
        try:
            await self._http.start(port)
        except OSError as error:
            raise _taken("HTTP", settings.host, port, error) from error
        self._presets.start()
        if settings.announce:
            self._announcement = Announcement(settings.name, host, udp, self._http.port)
            await self._announcement.start()

    def _is_queried(self) -> bool:
        return self._http is not None and self._http.is_listened_to

    def _opened(self, connection: Connection) -> None:
        """Take a connection in; beyond the limit, close another one.

        It is chosen from the host that has most: first one that has sent nothing yet, then one that has no
        subscription; among equals the one silent for longest, then the oldest.
        """
        self._connections[connection] = None
        if len(self._connections) <= self._settings.connections:
            return
        others = [other for other in self._connections if other is not connection]
        by_host = Counter(other.host for other in others)
        least = min(
            others,
            key=lambda other: (-by_host[other.host], self._subscriptions.has(other.key), other.spoke),
        )
        least.hang_up()

    def _closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self._subscriptions.gone(connection)


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
