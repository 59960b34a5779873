"""Send a file or the part of it that is asked for; what cannot be sent is told in a sentence."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web

from plugin_bridge.osc.query.handler import failed

_CONDITIONS = (hdrs.IF_MATCH, hdrs.IF_UNMODIFIED_SINCE)


def file(request: web.Request, path: Path) -> web.StreamResponse:
    """Return the answer that sends a file.

    Raises:
        OSError: it is gone.
    """
    facts = path.stat()
    for name in _CONDITIONS:
        if name in request.headers:
            return failed(
                HTTPStatus.PRECONDITION_FAILED, f"{name} is no condition that is kept here; leave it out"
            )
    older = request.if_range is None or facts.st_mtime <= request.if_range.timestamp()
    if hdrs.RANGE in request.headers and older:
        try:
            part(request, facts.st_size)
        except ValueError as error:
            return beyond(facts.st_size, error)
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


def part(request: web.Request, size: int) -> tuple[int, int]:
    """Return the first byte that a request asks for, and the one after the last, of so many.

    Raises:
        ValueError: there is none such.
    """
    asked = request.headers.get(hdrs.RANGE)
    try:
        bounds = request.http_range
        start, stop, _ = slice(bounds.start, bounds.stop).indices(size)
    except ValueError:
        start, stop = 0, 0
    if asked is not None and start >= stop:
        raise ValueError(f"{asked[:100]!r} is no part of the {size} bytes; ask for one, as in bytes=0-99")
    return start, stop


def beyond(size: int, error: ValueError) -> web.Response:
    """Return the refusal of a part that is not there."""
    response = failed(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, str(error))
    response.headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
    return response
