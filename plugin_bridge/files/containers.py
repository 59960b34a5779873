"""The chunks of WAV and AIFF files: read them, carry them over, append them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

STREAMED_SIZE = 0xFFFFFFFF
"""In 32 bits: "see ds64", or "unknown"."""
CARRIED_LIMIT = 16 * 1024 * 1024
CARRIED = (b"bext", b"iXML", b"axml", b"cue ", b"smpl")
BIG_ENDIAN = {b"FORM", b"RIFX"}
"""How files begin whose sizes have the high byte first."""
MAX_CHUNKS = 65536
"""Chunks that are followed in one file: a second of work; real files have a dozen."""


class Chunk(NamedTuple):
    """One chunk of a RIFF, RF64 or AIFF file."""

    name: bytes
    offset: int
    """Position of the content in the file, in bytes."""
    size: int
    """Promised bytes of content."""


def riff_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a WAV, RIFX, RF64, BW64 or AIFF file as far as they lead, up to `MAX_CHUNKS`."""
    file.seek(0)
    form = ">4sI" if file.read(12)[:4] in BIG_ENDIAN else "<4sI"
    end = file.seek(0, 2)
    wide_data = 0
    at = 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        file.seek(at)
        name, size = struct.unpack(form, file.read(8))
        if not is_chunk_name(name):
            return
        if name == b"ds64":  # 64-bit sizes of the file, of its data, and the samples
            wide_data = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0] if size >= 16 else 0
        elif name == b"data" and size == STREAMED_SIZE and wide_data:
            size = wide_data
        yield Chunk(name, at + 8, size)
        at += 8 + size + size % 2


def is_chunk_name(name: bytes) -> bool:
    """Return whether four bytes can be the name of a chunk: printable ASCII."""
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def carried_chunks(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    """Return the broadcast and cue chunks of a WAV file, which libsndfile would lose, as (name, content).

    A file has one of each; of several the first counts, and those beyond 16 MB in all are left out.
    """
    found: dict[bytes, bytes] = {}
    room = CARRIED_LIMIT
    file.seek(0)
    if file.read(4) in BIG_ENDIAN:  # numbers in the chunks are, too, and would be misread
        return []
    for chunk in riff_chunks(file):
        if chunk.name in CARRIED and chunk.name not in found and 0 < chunk.size <= room:
            file.seek(chunk.offset)
            found[chunk.name] = file.read(chunk.size)
            room -= chunk.size
    return list(found.items())


def finish_wav(path: Path, chunks: Sequence[tuple[bytes, bytes]]) -> None:
    """Make a WAV file reproducible and append chunks to it, in place.

    Float files from libsndfile carry the time of writing in their PEAK chunk; it is set to zero.

    Args:
        path: a RIFF or RF64 file.
        chunks: (name of 4 bytes, content), appended in this order.
    """
    with path.open("r+b") as file:
        for chunk in list(riff_chunks(file)):
            if chunk.name == b"PEAK":
                file.seek(chunk.offset + 4)
                file.write(bytes(4))
        if not chunks:
            return
        end = file.seek(0, 2)
        file.write(bytes(end % 2))
        for name, content in chunks:
            file.write(struct.pack("<4sI", name, len(content)) + content + bytes(len(content) % 2))
        size = file.tell() - 8
        file.seek(0)
        if file.read(4) == b"RF64":
            file.seek(20)  # RF64, size, WAVE, ds64, its size
            file.write(struct.pack("<Q", size))
        else:
            file.write(struct.pack("<I", size))
