"""OSC over a WebSocket, a packet in each binary frame; text frames are handed on; who is too fast waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMsgType, web

from plugin_bridge.osc.wire.packets import MAX_PACKET_BYTES, PacketError
from plugin_bridge.osc.wire.senders import Connected
from plugin_bridge.osc.wire.service import MAX_UNREAD_BYTES, Service

_GOODBYE_SECONDS = 1.0
"""Until a client that does not answer a close is cut off."""
_HEARTBEAT_SECONDS = 15.0
_CROWDED = "too many are connected; close one and come back"
_UNREAD = f"more than {MAX_UNREAD_BYTES} bytes were left unread; read faster"


class WebSocketConnection(Connected):
    """A client; see `Connection`. What it sent before it closed is still done.

    Args:
        service: takes its packets.
        said: takes each text frame.
        handler: aiohttp's, which it goes through.
    """

    medium = "a WebSocket"

    def __init__(
        self,
        service: Service,
        said: Callable[[str, WebSocketConnection], Awaitable[None]],
        handler: web.RequestHandler,
    ) -> None:
        self._service = service
        self._said = said
        self.handler = handler
        """As given."""
        self._socket = web.WebSocketResponse(
            timeout=_GOODBYE_SECONDS,
            heartbeat=_HEARTBEAT_SECONDS,
            compress=False,
            max_msg_size=MAX_PACKET_BYTES,
        )
        self._transport: asyncio.Transport | None = None
        self._frames: asyncio.Queue[bytes | str] = asyncio.Queue()
        self._unread = 0
        self._stop = 0.0
        self._goodbye: asyncio.Task[None] | None = None
        self.host = ""
        """See `Sender`."""
        self.spoke = 0.0
        """See `Connection`."""

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        """Serve until one end closes."""
        await self._socket.prepare(request)
        self._transport = request.transport
        self.host = str(request.remote)
        sending = asyncio.create_task(self._send_all())
        self._service.opened(self)
        try:
            async for frame in self._socket:
                if frame.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or self._goodbye is not None:
                    break
                await self._take(frame.data)
        finally:
            sending.cancel()
            self._service.limiter.forget(self.key)
            self._service.closed(self)
            if self._goodbye is not None:
                await self._goodbye
        return self._socket

    def send(self, packet: bytes) -> None:
        """See `Sender`; a client that does not read is hung up on."""
        self._queue(packet)

    def say(self, text: str) -> None:
        """Send a text frame; see `send`."""
        self._queue(text)

    def hang_up(self, why: str = _CROWDED, code: int = WSCloseCode.TRY_AGAIN_LATER) -> None:
        """See `Connection`; the client is told why."""
        if self._goodbye is None:
            self._goodbye = asyncio.create_task(self._close(why, code))
            self._service.closed(self)  # at once, or it would be chosen to make room again

    def _queue(self, frame: bytes | str) -> None:
        if self._goodbye is not None:
            return
        self._unread += len(frame)
        if self._unread > MAX_UNREAD_BYTES:
            self.hang_up(_UNREAD, WSCloseCode.POLICY_VIOLATION)
        else:
            self._frames.put_nowait(frame)

    async def _send_all(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # it is closing
            while True:
                frame = await self._frames.get()
                if isinstance(frame, str):
                    await self._socket.send_str(frame)
                else:
                    await self._socket.send_bytes(frame)
                self._unread -= len(frame)

    async def _take(self, frame: bytes | str) -> None:
        """Carry out a frame, in slices of time, and wait where its sender is too fast."""
        self.spoke = time.monotonic()
        limiter = self._service.limiter
        limiter.charge(self.key, 1, self.spoke)
        if isinstance(frame, str):
            await self._said(frame, self)
        else:
            await self._act(frame)
        if wait := limiter.wait(self.key, time.monotonic()):
            await asyncio.sleep(wait)

    async def _act(self, packet: bytes) -> None:
        try:
            for _ in self._service.handle(packet, self):
                if time.perf_counter() >= self._stop:
                    await asyncio.sleep(0)
                    self._stop = time.perf_counter() + self._service.share()
        except PacketError as error:
            self._service.refuse(self, error)

    async def _close(self, why: str, code: int) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, RuntimeError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._socket.close(code=code, message=why.encode())
        if self._transport is not None:
            self._transport.abort()
