"""Markers, regions and loops of WAV and AIFF files: at another rate, and from one format to the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Chunks = Sequence[tuple[bytes, bytes]]
"""(name, content) as in a WAV file."""

MAX_AIFF_MARKERS = 65535
_MAX_AIFF_NUMBER = 32767
_MAX_AIFF_NAME = 255
_LARGEST = 2**32 - 1
_CUE = np.dtype([(name, "<u4") for name in ("id", "position", "chunk", "start", "block", "offset")])
_LOOP = np.dtype([(name, "<u4") for name in ("id", "type", "start", "end", "fraction", "count")])
_SMPL_HEAD, _LOOPS_COUNTED = 36, 28


class Marker(NamedTuple):
    """A named place in the audio."""

    number: int
    position: int
    """Samples from the beginning."""
    name: bytes = b""
    """As the file spells it."""


def moved(position: int, source_rate: int, sample_rate: int) -> int:
    """Return a position in samples, or a time reference, at another rate, rounded."""
    return (2 * position * sample_rate + source_rate) // (2 * source_rate)


def moved_markers(name: bytes, content: bytes, source_rate: int, sample_rate: int) -> bytes:
    """Return the content of a `cue `, `smpl` or `LIST` chunk with its samples at another rate.

    What is cut short or does not fit its own count is moved as far as it goes; positions beyond 32 bits stop
    there.
    """
    if source_rate == sample_rate:
        return content
    ratio = (source_rate, sample_rate)
    if name == b"cue ":
        return _with_moved(content, 4, _CUE, ("position", "offset"), ratio)
    if name == b"smpl" and len(content) >= _SMPL_HEAD:
        found = _with_moved(content, _SMPL_HEAD, _LOOP, ("start", "end"), ratio)
        return found[:8] + struct.pack("<I", round(1e9 / sample_rate)) + found[12:]
    if name == b"LIST":
        data = bytearray(content)
        for kind, at, size in _parts(content):
            if kind == b"ltxt" and size >= 8:  # a region: its cue's number and its length
                length = moved(int.from_bytes(content[at + 4 : at + 8], "little"), *ratio)
                data[at + 4 : at + 8] = min(length, _LARGEST).to_bytes(4, "little")
        return bytes(data)
    return content


def from_aiff(content: bytes) -> list[tuple[bytes, bytes]]:
    """Return the chunks of a WAV file for the content of a `MARK` chunk, as far as it goes."""
    found: list[Marker] = []
    at = 2
    for _ in range(int.from_bytes(content[:2], "big")):
        if at + 7 > len(content):
            break
        number, position, length = struct.unpack_from(">HIB", content, at)
        found.append(Marker(number, position, content[at + 7 : at + 7 + length]))
        at += 7 + length + (length + 1) % 2  # the length and the name together are even
    if not found:
        return []
    points = np.zeros(len(found), _CUE)
    points["id"] = [marker.number for marker in found]
    points["position"] = points["offset"] = [marker.position for marker in found]
    points["chunk"] = int.from_bytes(b"data", "little")
    labels = b"".join(_label(marker) for marker in found if marker.name)
    chunks = [(b"cue ", struct.pack("<I", len(found)) + points.tobytes())]
    return [*chunks, (b"LIST", b"adtl" + labels)] if labels else chunks


def to_aiff(chunks: Chunks) -> bytes:
    """Return the content of a `MARK` chunk for the markers of a WAV file; empty where there are none.

    The numbers of AIFF go from 1 to 32767; markers are counted anew where they have others.
    """
    markers = list(_cues(chunks))[:MAX_AIFF_MARKERS]
    if not markers:
        return b""
    numbers = [marker.number for marker in markers]
    if len(set(numbers)) < len(numbers) or not 1 <= min(numbers) <= max(numbers) <= _MAX_AIFF_NUMBER:
        numbers = list(range(1, len(markers) + 1))
    parts = [struct.pack(">H", len(markers))]
    for number, marker in zip(numbers, markers, strict=True):
        name = marker.name
        if len(name) > _MAX_AIFF_NAME:
            name = name[:_MAX_AIFF_NAME].decode(errors="ignore").encode()  # no half of a letter
        parts.append(
            struct.pack(">HIB", number, marker.position, len(name)) + name + bytes((len(name) + 1) % 2)
        )
    return b"".join(parts)


def _cues(chunks: Chunks) -> Iterator[Marker]:
    content = dict(chunks)
    names: dict[int, bytes] = {}
    texts = content.get(b"LIST", b"")
    for kind, at, size in _parts(texts):
        if kind == b"labl" and size >= 4:
            text = texts[at + 4 : at + size].split(b"\0", 1)[0]
            names.setdefault(int.from_bytes(texts[at : at + 4], "little"), text)
    for point in _table(content.get(b"cue ", b""), 4, _CUE):
        yield Marker(int(point["id"]), int(point["offset"]), names.get(int(point["id"]), b""))


def _parts(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, position and size of the whole parts of a list."""
    at = 4
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if at + 8 + size > len(content):
            return
        yield name, at + 8, size
        at += 8 + size + size % 2


def _table(content: bytes, start: int, row: np.dtype[np.void]) -> NDArray[np.void]:
    """Return a copy of the rows from a position on, as many as are counted and there."""
    counted = _LOOPS_COUNTED if row is _LOOP else 0
    count = int.from_bytes(content[counted : counted + 4], "little")
    count = min(count, max(0, len(content) - start) // row.itemsize)
    return np.frombuffer(content, row, count, start).copy() if count else np.zeros(0, row)


def _with_moved(
    content: bytes, start: int, row: np.dtype[np.void], fields: Sequence[str], ratio: tuple[int, int]
) -> bytes:
    rows = _table(content, start, row)
    for name in fields:
        last = int(name == "end")  # the last sample of a loop, whose end is one more
        samples = ((rows[name].astype(np.uint64) + last) * 2 * ratio[1] + ratio[0]) // (2 * ratio[0])
        rows[name] = np.minimum(np.maximum(samples, last) - last, _LARGEST)
    return content[:start] + rows.tobytes() + content[start + rows.nbytes :]


def _label(marker: Marker) -> bytes:
    text = marker.name.split(b"\0", 1)[0] + b"\0"
    content = struct.pack("<I", marker.number) + text
    return struct.pack("<4sI", b"labl", len(content)) + content + bytes(len(content) % 2)
