"""Standard MIDI files by the byte, sound and damaged ones."""

from __future__ import annotations

END = b"\x00\xff\x2f\x00"
MELODY = b"\x00\x90\x3c\x64\x83\x60\x80\x3c\x00\x00\x90\x40\x64\x83\x60\x80\x40\x00"
"""C4 and E4, of one beat each."""


def chunk(kind: bytes, body: bytes, declared: int | None = None) -> bytes:
    """Return a chunk whose length may be another one than is true."""
    return kind + (len(body) if declared is None else declared).to_bytes(4, "big") + body


def header(tracks: int = 1, form: int = 1, division: int = 480, declared: int | None = None) -> bytes:
    """Return a header chunk."""
    body = b"".join(n.to_bytes(2, "big") for n in (form, tracks, division & 0xFFFF))
    return chunk(b"MThd", body, declared)


def track(*events: bytes, declared: int | None = None, end: bytes = END) -> bytes:
    """Return a track chunk of events with their delta times."""
    return chunk(b"MTrk", b"".join(events) + end, declared)


def notes(channel: int, *keys: int, ticks: int = 96) -> bytes:
    """Return notes one after the other."""
    on, off = 0x90 | channel, 0x80 | channel
    return b"".join(bytes((0, on, key, 100, ticks, off, key, 0)) for key in keys)


def named(name: str) -> bytes:
    """Return the event that names a track."""
    text = name.encode()
    return b"\x00\xff\x03" + bytes([len(text)]) + text
