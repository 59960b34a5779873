"""OSCQuery over HTTP: the namespace, its attributes and the host info as JSON, read only."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
import socket
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from plugin_bridge.control.rig import Rig
from plugin_bridge.osc.addresses.namespace import ATTRIBUTES, node

_MAX_HEAD_BYTES = 8192
_HEADER = re.compile(rb"\r\n(host|origin)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_MAX_CLIENTS = 32
_MAX_SHOWN = 100
_PATIENCE_SECONDS = 5.0


class QueryServer:
    """A small HTTP server; each connection is answered once and closed.

    It answers requests for a name of this machine only: a web page that reaches it by DNS rebinding sends its
    own name as the host. Beyond 32 clients the one that has been connected for longest is dropped.

    Args:
        rig: whose values are told.
        name: as told in HOST_INFO.
        host: address to bind to.
        osc_port: of UDP.
    """

    def __init__(self, rig: Rig, name: str, host: str, osc_port: int) -> None:
        self._rig = rig
        self._host = host
        optional = ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT")
        own = {} if ipaddress.ip_address(host).is_unspecified else {"OSC_IP": host}  # else the one asked
        self._info = {
            "NAME": name,
            **own,
            "OSC_PORT": osc_port,
            "OSC_TRANSPORT": "UDP",
            "EXTENSIONS": dict.fromkeys(optional, True) | dict.fromkeys(("LISTEN", "PATH_CHANGED"), False),
        }
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}  # in the order they came
        whole = socket.gethostname().lower()
        short = whole.partition(".")[0]
        self._names = {"localhost", whole, short, f"{short}.local"}

    @property
    def port(self) -> int:
        """Of HTTP, once started."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def start(self, port: int) -> None:
        """Listen.

        Raises:
            OSError: the port cannot be used.
        """
        self._server = await asyncio.start_server(self._serve, self._host, port, limit=_MAX_HEAD_BYTES)

    async def stop(self) -> None:
        """Close; may be called twice."""
        if self._server is not None:
            self._server.close()
        for writer in self._clients.values():
            writer.transport.abort()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def answer(self, target: str) -> tuple[HTTPStatus, object]:
        """Return status and content for a path, with or without an attribute, as in `/param/gain?VALUE`."""
        parts = urlsplit(target)
        if parts.query == "HOST_INFO":
            return HTTPStatus.OK, self._info
        if parts.query and parts.query not in ATTRIBUTES:
            return HTTPStatus.BAD_REQUEST, None
        found = node(unquote(parts.path), self._rig)
        if found is None:
            return HTTPStatus.NOT_FOUND, None
        if not parts.query:
            return HTTPStatus.OK, found
        if parts.query not in found:
            return HTTPStatus.NO_CONTENT, None
        return HTTPStatus.OK, {parts.query: found[parts.query]}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer
        if len(self._clients) > _MAX_CLIENTS:  # hung up on, as asyncio logs a task that is cancelled
            self._clients.pop(next(iter(self._clients))).transport.abort()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                status, content = self._answered(head, str(writer.get_extra_info("sockname")[0]))
                writer.write(_response(status, content))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no HTTP, too slow or gone: hung up on
        finally:
            self._clients.pop(task, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answered(self, head: bytes, address: str) -> tuple[HTTPStatus, object]:
        """Return status and content for the head of a request that came in at an address of this machine."""
        words = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
            return HTTPStatus.BAD_REQUEST, None
        for header, value in _HEADER.findall(head):
            if not self._is_own(header, value, address):
                shown = value.decode("ascii", "replace")[:_MAX_SHOWN]
                return HTTPStatus.FORBIDDEN, f"{shown!r} is no name of this machine; ask for localhost"
        if words[0] != "GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, None
        try:
            return self.answer(words[1])
        except ValueError:  # not even a URL
            return HTTPStatus.BAD_REQUEST, None

    def _is_own(self, header: bytes, value: bytes, address: str) -> bool:
        """Return whether the host that a header names is this one."""
        text = value.decode("ascii", "replace").strip().lower()
        try:
            name = urlsplit(text if header.lower() == b"origin" else f"//{text}").hostname or ""
        except ValueError:
            return False
        name = name.removesuffix(".")
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return False
        return found.is_loopback or found == ipaddress.ip_address(address.partition("%")[0])


def _response(status: HTTPStatus, content: object) -> bytes:
    body = b"" if content is None else json.dumps(content).encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(["Allow: GET"] if status is HTTPStatus.METHOD_NOT_ALLOWED else []),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
