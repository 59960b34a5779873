"""OSCQuery: the namespace as JSON over HTTP, and a WebSocket that carries OSC and tells what changes."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from aiohttp import HttpVersion10, WSCloseCode, web
from aiohttp.http import HttpProcessingError

from plugin_bridge.control.rig import Rig
from plugin_bridge.osc.addresses.namespace import ATTRIBUTES, PRESETS, node
from plugin_bridge.osc.query.guard import TOKEN, Guard, cookie_of
from plugin_bridge.osc.query.handler import HEADERS, Handler, failed, sentence_of, told
from plugin_bridge.osc.wire.replies import fail
from plugin_bridge.osc.wire.service import Connection, Service
from plugin_bridge.osc.wire.websocket import WebSocketConnection

_MAX_SHOWN = 100
_MAX_CLIENTS = 32
"""Requests at once; WebSockets are counted with the connections of TCP."""
_PATIENCE_SECONDS = 5.0
"""Until the head of a request is whole."""
_EXTENSIONS = (
    "ACCESS",
    "VALUE",
    "RANGE",
    "DESCRIPTION",
    "UNIT",
    "TAGS",
    "CLIPMODE",
    "DEFAULT_VALUE",
    "LISTEN",
    "IGNORE",
    "PATH_CHANGED",
)
_FAULTS_OF_CLIENTS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
"""They are told of them; our terminal is not, which anybody on the network could fill."""
_NO_TOKEN = "the token is missing or not this server's; open the address that was printed at its start"  # noqa: S105
_OLD = "the request is older than HTTP/1.0; send one of HTTP/1.1"
_SLOW = f"the request was not whole within {_PATIENCE_SECONDS:g} s; send it at once"
_NO_HANDSHAKE = "the handshake is none of a WebSocket by RFC 6455; connect with a client of WebSockets"
_CROWDED = f"more than {_MAX_CLIENTS} requests are open; try again when some are answered"


_log = logging.getLogger(__name__)
_log.addFilter(lambda record: not isinstance((record.exc_info or (None, None))[1], _FAULTS_OF_CLIENTS))


@dataclass(frozen=True)
class Query:
    """What OSCQuery tells and may use."""

    rig: Rig
    name: str
    """As told in HOST_INFO."""
    host: str
    """Address to bind to."""
    osc_port: int | None
    """Of UDP; None for no UDP."""
    presets: Callable[[], Awaitable[Sequence[str]]]
    """Returns the names of those that can be loaded."""
    service: Service
    """Takes what comes by WebSocket."""
    listen: Callable[[Connection, str], None]
    """Sends a connection the value of an address whenever it changes; raises ValueError if it has none."""
    ignore: Callable[[Connection, str], None]
    """Ends that."""
    token: str = ""
    """See `Guard`."""
    pages: Iterable[web.RouteDef] = ()
    """Further routes beside the namespace, under the same guard."""


class QueryServer:
    """Each HTTP connection is answered once and closed; a WebSocket stays until one end closes it.

    Beyond 32 requests at once, one that was refused goes first, then one whose head is not whole, then the
    oldest.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._guard = Guard(query.token)
        self._sockets: set[WebSocketConnection] = set()
        self._asked: dict[web.RequestHandler, asyncio.Task[None]] = {}
        """Connections whose request has come in whole, and what answers it."""
        self._refused: set[web.RequestHandler] = set()
        """Those of them that may not ask; aiohttp waits a while for what they still send."""
        self._server: asyncio.Server | None = None
        self._port = 0
        app = web.Application(middlewares=[self._guarded])
        app.on_response_prepare.append(_protect)
        app.add_routes(query.pages)
        app.router.add_route("*", "/{path:.*}", self._ask)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_PATIENCE_SECONDS)

    @property
    def port(self) -> int:
        """Of HTTP, once started."""
        return self._port

    @property
    def is_listened_to(self) -> bool:
        """Whether a WebSocket is open."""
        return bool(self._sockets)

    async def start(self, port: int) -> None:
        """Listen.

        Raises:
            OSError: the port cannot be used.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._client, self._query.host, port)
        self._port = int(self._server.sockets[0].getsockname()[1])  # a request may outlive the sockets

    async def stop(self) -> None:
        """Close; may be called twice."""
        if self._server is not None:
            self._server.close()
        for socket in list(self._sockets):
            socket.hang_up("the server ends; connect again once it is back", WSCloseCode.GOING_AWAY)
        for client in self._clients():
            self._cut(client)
        await self._runner.cleanup()

    def changed(self, path: str) -> None:
        """Tell every WebSocket that an address of the namespace is another now."""
        for socket in self._sockets:
            socket.say(json.dumps({"COMMAND": "PATH_CHANGED", "DATA": path}))

    async def answer(self, target: str) -> tuple[HTTPStatus, object]:
        """Return status and content for a path, with or without an attribute, as in `/param/gain?VALUE`."""
        parts = urlsplit(target)
        words = [word for word in parts.query.split("&") if word and not word.startswith(f"{TOKEN}=")]
        if words == ["HOST_INFO"]:
            return HTTPStatus.OK, self._host_info()
        if len(words) > 1 or not set(words) <= set(ATTRIBUTES):
            known = ", ".join(ATTRIBUTES)
            return HTTPStatus.BAD_REQUEST, _error(
                f"{'&'.join(words)[:_MAX_SHOWN]!r} is not one attribute; ask for one of {known}"
            )
        path = unquote(parts.path).rstrip("/")
        presets = await self._query.presets() if f"{PRESETS}/".startswith(f"{path}/") else ()
        found = node(path, self._query.rig, presets)
        if found is None:
            return HTTPStatus.NOT_FOUND, _error(f"{path[:_MAX_SHOWN]!r} is no address here; / lists them all")
        if not words:
            return HTTPStatus.OK, found
        if words[0] not in found:
            return HTTPStatus.NO_CONTENT, None
        return HTTPStatus.OK, {words[0]: found[words[0]]}

    def _host_info(self) -> dict[str, object]:
        query = self._query
        every = ipaddress.ip_address(query.host).is_unspecified  # then the address asked is the one
        return {
            "NAME": query.name,
            **({} if every or query.osc_port is None else {"OSC_IP": query.host}),
            **({} if query.osc_port is None else {"OSC_PORT": query.osc_port, "OSC_TRANSPORT": "UDP"}),
            **({} if every else {"WS_IP": query.host}),
            "WS_PORT": self.port,
            "EXTENSIONS": dict.fromkeys(_EXTENSIONS, True),
        }

    def _client(self) -> web.RequestHandler:
        """Take a connection in; where there are too many, make room."""
        clients = self._clients()
        if len(clients) >= _MAX_CLIENTS:
            self._make_room(clients)
        assert self._runner.server is not None
        there = set(self._runner.server.connections)
        self._asked = {one: task for one, task in self._asked.items() if one in there}
        self._refused &= there
        client = Handler(self._runner.server, _log)
        asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._hurry, client)
        return client

    def _make_room(self, clients: Sequence[web.RequestHandler]) -> None:
        refused = [client for client in clients if client in self._refused]
        halves = [client for client in clients if client not in self._asked]
        if halves and not refused:
            _refuse(halves[0], HTTPStatus.SERVICE_UNAVAILABLE, _CROWDED)
        else:
            self._cut((refused or clients)[0])

    def _cut(self, client: web.RequestHandler) -> None:
        """End a connection and what answers it, that first: asyncio trips over a file on its way."""
        if (task := self._asked.get(client)) is not None:
            task.cancel()
        if client.transport is not None:
            client.transport.abort()

    def _clients(self) -> list[web.RequestHandler]:
        """Return the connections that are no WebSockets, in the order they came."""
        sockets = {socket.handler for socket in self._sockets}
        server = self._runner.server
        return [] if server is None else [one for one in server.connections if one not in sockets]

    def _hurry(self, client: web.RequestHandler) -> None:
        if client not in self._asked:
            _refuse(client, HTTPStatus.REQUEST_TIMEOUT, _SLOW)

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self._asked[request.protocol] = request.task
        refused = self._refusal(request)
        if request.version < HttpVersion10:
            response: web.StreamResponse = failed(HTTPStatus.BAD_REQUEST, _OLD)
        elif refused:
            self._refused.add(request.protocol)
            response = failed(HTTPStatus.FORBIDDEN, refused)
        else:
            try:
                response = await (self._serve if _wants_socket(request) else handler)(request)
            except web.HTTPException as error:
                sentence = _NO_HANDSHAKE if _wants_socket(request) else sentence_of(error)
                response = failed(HTTPStatus(error.status), sentence)
            if self._guard.token and TOKEN in request.query and not response.prepared:
                response.set_cookie(
                    cookie_of(self.port), self._guard.token, httponly=True, samesite="Strict", path="/"
                )
        response.force_close()
        return response

    def _refusal(self, request: web.Request) -> str:
        headers, transport = request.headers, request.transport
        here = ("127.0.0.1",) if transport is None else transport.get_extra_info("sockname")
        moves = request.method not in ("GET", "HEAD") or _wants_socket(request)
        refused = self._guard.refusal(
            headers.getall("Host", []), headers.getall("Origin", []), str(here[0]), moves=moves
        )
        if refused or self._guard.has_token(request.query.getall(TOKEN, []), request.cookies, self.port):
            return refused
        return _NO_TOKEN

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            return await self._refuse_method(request)
        try:
            status, content = await self.answer(request.raw_path)
        except ValueError:
            return failed(
                HTTPStatus.BAD_REQUEST,
                f"{request.raw_path[:_MAX_SHOWN]!r} is no URL; ask for / and what it lists",
            )
        return told(content, status)

    async def _refuse_method(self, request: web.Request) -> web.StreamResponse:
        """Name the methods that the address of a request takes: those of a page, else of the namespace."""
        taken: set[str] = set()
        for resource in request.app.router.resources():
            taken |= (await resource.resolve(request))[1]
        allowed = ", ".join(sorted(taken - {"*"} or {"GET", "HEAD"}))
        response = failed(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{request.method} is not taken at {request.path[:_MAX_SHOWN]}; send one of {allowed}",
        )
        response.headers["Allow"] = allowed
        return response

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = WebSocketConnection(self._query.service, self._said, request.protocol)
        self._sockets.add(socket)
        try:
            return await socket.run(request)
        finally:
            self._sockets.discard(socket)

    async def _said(self, text: str, socket: WebSocketConnection) -> None:
        """Take a text frame: LISTEN, IGNORE, or a path that is asked for as over HTTP."""
        if text.startswith("/"):  # libossia's clients read the namespace like this
            _, content = await self.answer(text)
            socket.say(json.dumps(content))
            return
        path = ""
        try:
            command, path = _command(text)
            if command == "LISTEN":
                self._query.listen(socket, path)
            else:
                self._query.ignore(socket, path)
        except ValueError as error:
            socket.send(fail(path, str(error)))


def _error(sentence: str) -> dict[str, str]:
    return {"error": sentence}


def _command(text: str) -> tuple[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    command, path = (found.get("COMMAND"), found.get("DATA")) if isinstance(found, dict) else (None, None)
    if command not in ("LISTEN", "IGNORE") or not isinstance(path, str):
        raise ValueError('text frame is no command; send {"COMMAND": "LISTEN" or "IGNORE", "DATA": address}')
    return command, path


def _wants_socket(request: web.Request) -> bool:
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


async def _protect(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _refuse(client: web.RequestHandler, status: HTTPStatus, sentence: str) -> None:
    """Answer a request that is not whole, and close."""
    if not isinstance(client.transport, asyncio.WriteTransport):
        return
    body = json.dumps({"error": sentence}).encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
    client.transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    client.transport.close()
