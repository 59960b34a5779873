"""The connection of an HTTP client: what aiohttp refuses by itself is told in a sentence, as all else is."""

from __future__ import annotations

import asyncio
import json
import logging
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Server": "plugin_bridge",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer."""
_SENTENCES = {
    HTTPStatus.BAD_REQUEST: "the request is not well-formed HTTP/1.1; send it with a browser or a library",
    HTTPStatus.NOT_FOUND: "that is no address of this server; / lists those of OSC, and /panel/ is the panel",
    HTTPStatus.EXPECTATION_FAILED: "100-continue is all that can be expected; leave the header Expect out",
}
_TOO_LONG = "the request's head is too long; send a shorter address, and fewer or shorter headers"
_OUR_FAULT = "the server has failed, and its terminal says where; try again, and report it if it stays so"


class Handler(web.RequestHandler):
    """See `web.RequestHandler`.

    Args:
        server: aiohttp's.
        logger: of what goes wrong.
    """

    def __init__(self, server: web.Server, logger: logging.Logger) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), access_log=None, logger=logger)  # type: ignore[arg-type]

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, and a fault of ours."""
        super().handle_error(request, status, exc, message)  # logs it
        is_long = isinstance(exc, LineTooLong) or "Too many" in (message or "")
        sentence = _TOO_LONG if is_long else _SENTENCES.get(HTTPStatus(status), _OUR_FAULT)
        return _final(HTTPStatus(status), sentence)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what aiohttp raised before any of our code ran has no sentence yet."""
        if isinstance(resp, web.HTTPException):
            resp = _final(HTTPStatus(resp.status), sentence_of(resp))
        return await super().finish_response(request, resp, start_time)


def sentence_of(error: web.HTTPException) -> str:
    """Return the sentence for what aiohttp raised."""
    status = HTTPStatus(error.status)
    return _SENTENCES.get(status, f"the request is refused ({status.phrase}); send another")


def told(content: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return an answer in JSON; an empty one for None."""
    body = b"" if content is None else json.dumps(content).encode()
    return web.Response(
        status=status, body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def failed(status: HTTPStatus, sentence: str) -> web.Response:
    """Return a refusal: `{"error": "one sentence"}`."""
    return told({"error": sentence}, status)


def _final(status: HTTPStatus, sentence: str) -> web.Response:
    response = failed(status, sentence)
    response.headers.update(HEADERS)
    response.force_close()
    return response
