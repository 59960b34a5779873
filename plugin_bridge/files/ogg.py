"""How an Ogg file ends: within a page, without the flag of the last page, with a second stream (RFC 3533)."""

from __future__ import annotations

import io
import mmap
import re
from typing import BinaryIO, NamedTuple

_TAIL = 65536 + 512  # more than the largest page, 65,307 bytes
_HEADER = 27  # bytes of a page before its table of segments
_FIRST, _LAST = 2, 4  # flags of a page
_PAGE = re.compile(rb"OggS\0[\0-\x07]")
_POLYNOMIAL = 0x04C11DB7


class OggEnd(NamedTuple):
    """How a file ends."""

    is_whole: bool
    """Whether its last page is there to its end."""
    is_told: bool
    """Whether that page says that it is the last."""
    changes: dict[int, bytes]
    """Bytes that make it say so, by position: libsndfile drops the end of an Opus stream otherwise."""


def ogg_end(file: BinaryIO) -> OggEnd:
    """Return how an Ogg file ends, whatever follows its last page."""
    start = max(0, file.seek(0, io.SEEK_END) - _TAIL)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    if len(page) < _HEADER or len(page) < _HEADER + page[26]:
        return OggEnd(is_whole=False, is_told=False, changes={})
    length = _HEADER + page[26] + sum(page[_HEADER : _HEADER + page[26]])
    if len(page) < length:
        return OggEnd(is_whole=False, is_told=False, changes={})
    if page[5] & _LAST:
        return OggEnd(is_whole=True, is_told=True, changes={})
    flags = bytes([page[5] | _LAST])
    checksum = _checksum(page[:5] + flags + page[6:22] + bytes(4) + page[26:length])
    changes = {start + at + 5: flags, start + at + 22: checksum.to_bytes(4, "little")}
    return OggEnd(is_whole=True, is_told=False, changes=changes)


def is_chained(file: BinaryIO) -> bool:
    """Return whether a second stream begins where the first has ended; libsndfile reads the first only.

    Args:
        file: on the disk, not empty.
    """
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        begun = False
        for page in _PAGE.finditer(data):
            begins = bool(data[page.end() - 1] & _FIRST)
            if begins and begun:
                return True
            begun = begun or not begins
    return False


def _checksum(page: bytes) -> int:
    """CRC-32, unreflected, from 0."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CHECKSUMS[crc >> 24 ^ byte]
    return crc


def _checksum_of(byte: int) -> int:
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1 ^ (_POLYNOMIAL if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc


_CHECKSUMS = [_checksum_of(byte) for byte in range(256)]
