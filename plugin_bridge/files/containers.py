"""Read the outer structure of audio files: what their headers promise, and the chunks to carry over."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.mpeg import missing_mp3_bytes

STREAMED_SIZE = 0xFFFFFFFF  # "unknown": what programs write that cannot go back to the header
CARRIED_LIMIT = 16 * 1024 * 1024
CARRIED = (b"bext", b"iXML", b"axml", b"cue ", b"smpl")
_OGG_TAIL = 65536  # more than the largest Ogg page, 65,307 bytes
_OGG_LAST_PAGE = 4  # flag of the page header


class Chunk(NamedTuple):
    """One chunk of a RIFF, RF64 or AIFF file."""

    name: bytes
    offset: int
    """Position of the content in the file, in bytes."""
    size: int
    """Promised bytes of content."""


def identify(path: Path) -> str:
    """Name the container by its first bytes: "WAV", "AIFF", "FLAC", "OGG", "MP3", or "" for anything else."""
    with path.open("rb") as file:
        head = _skip_id3(file)
    if head[:4] in {b"RIFF", b"RF64"} and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "AIFF"
    if head[:4] in {b"fLaC", b"OggS"}:
        return "FLAC" if head[:4] == b"fLaC" else "OGG"
    is_mp3 = len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2  # frame sync and layer III
    return "MP3" if is_mp3 else ""


def check_complete(path: Path, container: str) -> None:
    """Check that a file is as long as it says; FLAC is left to its decoder, which notices.

    Args:
        path: the file.
        container: what `identify` returned.

    Raises:
        AudioFileError: bytes are missing at the end, or the header never says how long the audio is.
    """
    with path.open("rb") as file:
        missing = _MISSING[container](file)
    if missing:
        raise AudioFileError(
            f"{path} is cut short: at least {missing} bytes are missing at its end; copy or export it again"
        )


def riff_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks of a RIFF, RF64 or AIFF file as far as they can be followed."""
    file.seek(0)
    head = file.read(12)
    little = head[:4] != b"FORM"
    end = file.seek(0, 2)
    wide_data = 0
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI" if little else ">4sI", file.read(8))
        if name == b"ds64":  # RF64: 64-bit sizes of the file, of its data, and the samples
            wide_data = struct.unpack("<8xQ", file.read(16))[0] if size >= 16 else 0
        elif name == b"data" and size == STREAMED_SIZE and wide_data:
            size = wide_data
        yield Chunk(name, at + 8, size)
        at += 8 + size + size % 2


def carried_chunks(path: Path) -> list[tuple[bytes, bytes]]:
    """Return the broadcast and cue chunks of a WAV file, which libsndfile would lose, as (name, content)."""
    found: list[tuple[bytes, bytes]] = []
    with path.open("rb") as file:
        for chunk in riff_chunks(file):
            if chunk.name in CARRIED and sum(len(c) for _, c in found) + chunk.size <= CARRIED_LIMIT:
                file.seek(chunk.offset)
                found.append((chunk.name, file.read(chunk.size)))
    return found


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


def _skip_id3(file: BinaryIO) -> bytes:
    head = file.read(12)
    if head[:3] == b"ID3" and len(head) >= 10:
        size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
        file.seek(10 + size)
        head = file.read(12)
    return head


def _missing_in_chunks(file: BinaryIO) -> int:
    end = file.seek(0, 2)
    for chunk in riff_chunks(file):
        if chunk.name in {b"data", b"SSND"}:
            return 0 if chunk.size == STREAMED_SIZE else max(0, chunk.offset + chunk.size - end)
    return 0  # no audio chunk on the way: libsndfile says what is wrong


def _missing_in_ogg(file: BinaryIO) -> int:
    """The last page must be whole and carry the flag of a last page (RFC 3533, section 6)."""
    end = file.seek(0, 2)
    start = max(0, end - _OGG_TAIL - 512)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27 or len(tail) < at + 27 + tail[at + 26]:
        return 1
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    page = 27 + len(table) + sum(table)
    whole = len(tail) >= at + page
    return 0 if whole and tail[at + 5] & _OGG_LAST_PAGE else max(1, at + page - len(tail))


def _missing_in_flac(_: BinaryIO) -> int:
    return 0


_MISSING = {
    "WAV": _missing_in_chunks,
    "AIFF": _missing_in_chunks,
    "OGG": _missing_in_ogg,
    "MP3": missing_mp3_bytes,
    "FLAC": _missing_in_flac,
}
