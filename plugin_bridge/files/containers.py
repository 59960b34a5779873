"""The chunks of WAV, W64 and AIFF files: read them, carry them over, append them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from plugin_bridge.files.markers import from_aiff, to_aiff

STREAMED_SIZE = 0xFFFFFFFF
"""In 32 bits: "see ds64", or "unknown"."""
CARRIED_LIMIT = 16 * 1024 * 1024
CARRIED = (b"bext", b"iXML", b"axml", b"cue ", b"smpl", b"LIST")
BIG_ENDIAN = {b"FORM", b"RIFX"}
"""How files begin whose sizes have the high byte first."""
_W64_KIND = bytes.fromhex("f3acd3118cd100c04f8edb8a")
"""How the names of a Wave64 file go on after the four letters of one of WAV."""
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


def w64_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a Wave64 file that WAV has, too, as far as they lead, up to `MAX_CHUNKS`."""
    end = file.seek(0, 2)
    at = 40
    for _ in range(MAX_CHUNKS):
        if at + 24 > end:
            return
        file.seek(at)
        name, kind, size = struct.unpack("<4s12sQ", file.read(24))
        if size < 24:
            return
        if kind == _W64_KIND:
            yield Chunk(name, at + 24, size - 24)
        at += size + -size % 8


def carried_chunks(file: BinaryIO) -> list[tuple[bytes, bytes]]:
    """Return the broadcast chunks and markers, which libsndfile would lose, as (name, content) of a WAV file.

    They come from a WAV, RF64, W64 or AIFF file; there are none in others. A file has one of each; of several
    the first counts, and those beyond 16 MB in all are left out.
    """
    file.seek(0)
    kind = file.read(4)
    if kind == b"FORM":
        marks = [
            chunk for chunk in riff_chunks(file) if chunk.name == b"MARK" and chunk.size <= CARRIED_LIMIT
        ]
        return from_aiff(_content(file, marks[0])) if marks else []
    if kind not in {b"RIFF", b"RF64", b"BW64", b"riff"}:  # the numbers of RIFX would be misread
        return []
    found: dict[bytes, bytes] = {}
    room = CARRIED_LIMIT
    for chunk in w64_chunks(file) if kind == b"riff" else riff_chunks(file):
        if chunk.name not in CARRIED or chunk.name in found or not 0 < chunk.size <= room:
            continue
        content = _content(file, chunk)
        if chunk.name != b"LIST" or content.startswith(b"adtl"):  # other lists are texts
            found[chunk.name] = content
            room -= chunk.size
    return list(found.items())


def _content(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk.offset)
    return file.read(chunk.size)


def finish_aiff(path: Path, chunks: Sequence[tuple[bytes, bytes]]) -> None:
    """Append the markers among the chunks of a WAV file to an AIFF file, in place.

    Args:
        path: the file.
        chunks: (name of 4 bytes, content).
    """
    if marks := to_aiff(chunks):
        with path.open("r+b") as file:
            end = file.seek(0, 2)
            file.write(
                bytes(end % 2) + struct.pack(">4sI", b"MARK", len(marks)) + marks + bytes(len(marks) % 2)
            )
            size = file.tell() - 8
            file.seek(4)
            file.write(struct.pack(">I", size))


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
