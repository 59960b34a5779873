"""Chunks as recorders and editors write them: `bext`, iXML, cues, labels, regions, loops, AIFF's markers."""

from __future__ import annotations

import struct
from collections.abc import Mapping


def bext(
    time: int, *, version: int = 1, history: bytes = b"", loudness: tuple[int, ...] = (0, 0, 0, 0, 0)
) -> bytes:
    """A `bext` chunk (EBU Tech 3285) with a time reference in samples."""
    head = struct.pack(
        "<256s32s32s10s8sQH64s5h180s",
        b"Take 3, lead",
        b"Recorder 9000",
        b"DE123",
        b"2026-11-30",
        b"17:05:00",
        time,
        version,
        b"\x06\x0a\x2b",
        *loudness,
        b"",
    )
    return head + history


def cue(*points: tuple[int, int]) -> bytes:
    """A `cue ` chunk of (number, sample)."""
    rows = (struct.pack("<II4sIII", number, at, b"data", 0, 0, at) for number, at in points)
    return struct.pack("<I", len(points)) + b"".join(rows)


def adtl(names: Mapping[int, bytes], regions: Mapping[int, int] | None = None) -> bytes:
    """The content of a `LIST` chunk with labels, and lengths of regions in samples."""
    parts = [(b"labl", struct.pack("<I", number) + name + b"\0") for number, name in names.items()]
    for number, samples in (regions or {}).items():
        parts.append((b"ltxt", struct.pack("<II4sHHHH", number, samples, b"rgn ", 0, 0, 0, 0)))
    joined = (struct.pack("<4sI", kind, len(part)) + part + bytes(len(part) % 2) for kind, part in parts)
    return b"adtl" + b"".join(joined)


def smpl(rate: int, *loops: tuple[int, int]) -> bytes:
    """A `smpl` chunk with loops from a first to a last sample."""
    head = struct.pack("<9I", 0, 0, round(1e9 / rate), 60, 0, 0, 0, len(loops), 0)
    return head + b"".join(
        struct.pack("<6I", n, 0, first, last, 0, 0) for n, (first, last) in enumerate(loops)
    )


def mark(*markers: tuple[int, int, bytes]) -> bytes:
    """The content of AIFF's `MARK` chunk of (number, sample, name)."""
    rows = (
        struct.pack(">HIB", number, at, len(name)) + name + bytes((len(name) + 1) % 2)
        for number, at, name in markers
    )
    return struct.pack(">H", len(markers)) + b"".join(rows)
