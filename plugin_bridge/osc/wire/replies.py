"""Build what the server sends: `/done`, `/fail`, values, and bundles of values that fit an Ethernet frame."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from pythonosc.parsing import ntp, osc_types

from plugin_bridge.osc.wire.packets import Argument, Opaque

DONE = "/done"
FAIL = "/fail"
ANSWERS = frozenset({DONE, FAIL})
"""Never answered themselves, or two servers would answer each other for ever."""
_MAX_FLOAT = 3.4e38
_INT = 2**31
_LONG = 2**63
_BUNDLE_BYTES = 1400
"""Fits an Ethernet frame."""
_NOW = b"#bundle\0" + ntp.IMMEDIATELY


def message(address: str, *arguments: Argument) -> bytes:
    """Return an OSC message: numbers go as `f` or `i` (large ones as `d` or `h`), switches as `T` and `F`."""
    tags, content = ",", b""
    for argument in arguments:
        tag, part = _encoded(argument)
        tags += tag
        content += part
    return _string(address) + _string(tags) + content


def done(address: str, values: Iterable[Argument] = (), request: str | None = None) -> bytes:
    """Return the answer to a request that was met; the request's id, where it had one, comes last."""
    return message(DONE, address, *values, *_id(request))


def fail(address: str, reason: str, request: str | None = None) -> bytes:
    """Return the answer to a request that was refused: its address and one sentence."""
    return message(FAIL, address, reason, *_id(request))


def bundles(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Yield packets that act at once: a lone message as it is, several as bundles of at most 1400 bytes."""
    waiting: list[bytes] = []
    size = 0
    for part in messages:
        if waiting and len(_NOW) + size + 4 + len(part) > _BUNDLE_BYTES:
            yield _bundle(waiting)
            waiting, size = [], 0
        waiting.append(part)
        size += 4 + len(part)
    if waiting:
        yield _bundle(waiting)


def _bundle(messages: list[bytes]) -> bytes:
    if len(messages) == 1:
        return messages[0]
    return _NOW + b"".join(struct.pack(">i", len(part)) + part for part in messages)


def _id(request: str | None) -> tuple[str, ...]:
    return () if request is None else (request,)


def _encoded(value: Argument) -> tuple[str, bytes]:
    if value is None:
        return "N", b""
    if isinstance(value, bool):
        return "T" if value else "F", b""
    if isinstance(value, str):
        return "s", _string(value)
    if isinstance(value, Opaque):
        return value.tag, value.data
    if isinstance(value, int) and -_INT <= value < _INT:
        return "i", osc_types.write_int(value)
    if isinstance(value, int) and -_LONG <= value < _LONG:
        return "h", osc_types.write_int64(value)
    if _MAX_FLOAT < abs(value) < float("inf"):
        return "d", osc_types.write_double(value)
    return "f", osc_types.write_float(value)


def _string(text: str) -> bytes:
    """A name of a file need not be text, and a 0 would end it."""
    data = text.encode("utf-8", "replace").replace(b"\0", b"?")
    return data + b"\0" * (4 - len(data) % 4)
