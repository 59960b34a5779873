"""Mend sizes in WAV, AIFF, CAF and W64 headers that pipes, or recorders that lost power, left unfinished."""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Literal, NamedTuple

from plugin_bridge.files.containers import (
    BIG_ENDIAN,
    CARRIED,
    MAX_CHUNKS,
    STREAMED_SIZE,
    Chunk,
    is_chunk_name,
    riff_chunks,
)

_UNFINISHED = 0x7F000000
"""Sizes from here stand for "unknown": programs write 2^32 - 1, 2^31 or a little less than either."""
_ROUND = 1 << 20
"""A multiple of this was set aside beforehand; a size that was counted is one by a chance in a million."""
_SCRAP = 4096
"""Bytes behind a header that agrees with itself that may be anything: recorders write more at a time."""
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
_OTHERS = {*CARRIED, b"id3 ", b"ID3 ", b"JUNK", b"PAD ", b"FLLR", b"fact", b"PEAK", b"ANNO", b"COMT"}
_OTHER = re.compile(b"|".join(map(re.escape, sorted(_OTHERS))))
_AUDIO = {b"data", b"SSND"}
_WIDE = {b"RF64", b"BW64"}
_UNTOLD = "does not say how long it is, as from a pipe or a recorder that lost power"
_UNNAMED = bytes(8)


class Mended(NamedTuple):
    """How to read a header."""

    changes: dict[int, bytes]
    """Bytes that replace those of the file, by position; none where the header is right."""
    fault: str = ""
    """What is wrong, to follow the name of the file in a sentence; empty where nothing is."""
    missing: int = 0
    """Bytes of audio that a finished header promises and the file has not: it was cut short."""
    start: int = 0
    """Where the header begins that is to be read."""
    stop: int | None = None
    """Where what is to be read ends; None for the end of the file."""


class _Header(NamedTuple):
    """What a header says, and what there is."""

    name: bytes
    """RIFF, RIFX, RF64, BW64 or FORM."""
    order: Literal["little", "big"]
    chunks: dict[bytes, Chunk]
    """By name, up to the audio."""
    whole: int
    """Bytes of the file, by the header."""
    end: int
    """Bytes of the file."""


def mended(file: BinaryIO) -> Mended:
    """Compare what the header of a WAV, RF64, BW64, AIFF, CAF or W64 file says with what is there.

    The audio goes to the end of the file where its length is not known: where it is 0, a placeholder, more
    than there is while the header's sizes disagree, or less while what follows is no chunk. A header that
    agrees with itself and promises more than there is belongs to a file that was cut.

    Args:
        file: open for reading.
    """
    file.seek(0)
    name, size = file.read(4), file.read(4)
    if name in {b"caff", b"riff"}:
        start, stop = _copies(file)
        found = _mended_caf(file, start, stop) if name == b"caff" else Mended({})
        return found._replace(start=start, stop=stop)
    if name not in {b"RIFF", *BIG_ENDIAN, *_WIDE}:
        return Mended({})
    order: Literal["little", "big"] = "big" if name in BIG_ENDIAN else "little"
    chunks, renamed = _upto_audio(file)
    header = _Header(
        name=name,
        order=order,
        chunks=chunks,
        whole=8 + int.from_bytes(size, order),
        end=file.seek(0, io.SEEK_END),
    )
    if name in _WIDE and b"ds64" in header.chunks:
        file.seek(header.chunks[b"ds64"].offset)
        header = header._replace(whole=8 + int.from_bytes(file.read(8), "little"))
    audio = header.chunks.get(b"data") or header.chunks.get(b"SSND")
    found = _without_audio(file, header) if audio is None else _judged(file, header, audio)
    if name == b"BW64":  # as libsndfile does not know it; ITU-R BS.2088 renamed it
        renamed[0] = b"RF64"
    return found._replace(changes=renamed | found.changes)


def _upto_audio(file: BinaryIO) -> tuple[dict[bytes, Chunk], dict[int, bytes]]:
    """Return the chunks up to the first audio that is not empty, and what renames an empty one before it."""
    chunks: dict[bytes, Chunk] = {}
    renamed: dict[int, bytes] = {}
    for chunk in riff_chunks(file):
        if chunk.name in _AUDIO and chunk.size and chunk.name in chunks:
            renamed[chunks.pop(chunk.name).offset - 8] = b"JUNK"
        chunks.setdefault(chunk.name, chunk)
        if chunk.name in _AUDIO and chunk.size:
            break
    return chunks, renamed


def _judged(file: BinaryIO, header: _Header, audio: Chunk) -> Mended:
    there = header.end - audio.offset
    if audio.size <= there and not _goes_on(file, header, audio):
        return Mended({})
    counted = all(size < _UNFINISHED and size % _ROUND for size in (header.whole - 8, audio.size))
    if audio.size > there and counted and header.whole >= audio.offset + audio.size:
        return Mended({}, missing=audio.size - there)
    older = "has a header that is older than its audio, as from a pipe or a recorder that lost power"
    fault = _UNTOLD if audio.size == 0 or audio.size > there else older
    return Mended(_sized(header, audio, _end_of_audio(file, header, audio) - audio.offset), fault)


def _goes_on(file: BinaryIO, header: _Header, audio: Chunk) -> bool:
    """Return whether audio follows the promised end: neither a chunk nor a tag nor mere zeros."""
    at = audio.offset + audio.size
    file.seek(at)
    rest = file.read(9)
    if len(rest) < 8 or rest.startswith(_TAGS):
        return False
    for pad in (0, 1):
        name, size = rest[pad : pad + 4], int.from_bytes(rest[pad + 4 : pad + 8], header.order)
        if name in _OTHERS or (is_chunk_name(name) and at + pad + 8 + size <= header.end + 1):
            return False
    if not audio.size:
        return True
    if header.whole in {at, at + at % 2} and header.end - at < _SCRAP:
        return False
    file.seek(at)
    return any(part.strip(b"\0") for part in iter(lambda: file.read(1 << 20), b""))


def _end_of_audio(file: BinaryIO, header: _Header, audio: Chunk) -> int:
    """Return where the file ends, or the chunks begin that lead from there to its end exactly."""
    start = max(audio.offset, header.end - _ROUND)
    file.seek(start)
    tail = file.read()
    for match in _OTHER.finditer(tail):
        at = match.start()
        while at + 8 <= len(tail) and tail[at : at + 4] in _OTHERS:
            size = int.from_bytes(tail[at + 4 : at + 8], header.order)
            at += 8 + size + size % 2
        if at in {len(tail), len(tail) + 1}:
            return start + match.start()
    return header.end


def _sized(header: _Header, audio: Chunk, there: int) -> dict[int, bytes]:
    """Return the changes that give the audio all there is."""
    whole, size = (min(n, STREAMED_SIZE).to_bytes(4, header.order) for n in (header.end - 8, there))
    if header.name not in _WIDE:
        return {4: whole, audio.offset - 4: size}
    if b"ds64" not in header.chunks:
        return {0: b"RIFF", 4: whole, audio.offset - 4: size}
    sizes = b"".join(n.to_bytes(8, "little") for n in (header.end - 8, there, 0))
    return {header.chunks[b"ds64"].offset: sizes, audio.offset - 4: b"\xff" * 4}


def _without_audio(file: BinaryIO, header: _Header) -> Mended:
    """Take what follows the last chunk for the audio where room was left for its name and size."""
    if b"fmt " not in header.chunks:
        return Mended({})
    last = list(header.chunks.values())[-1]
    at = last.offset + last.size + last.size % 2
    file.seek(min(at, header.end))
    if file.read(8) != _UNNAMED or header.end == at + 8:
        return Mended({})
    size = min(header.end - at - 8, STREAMED_SIZE).to_bytes(4, header.order)
    whole = min(header.end - 8, STREAMED_SIZE).to_bytes(4, header.order)
    changes = {0: b"RIFF", 4: whole, at: b"data" + size}
    return Mended(changes, "does not say where its audio is, as from a recorder that lost power")


def _copies(file: BinaryIO) -> tuple[int, int]:
    """Return the bytes from the last header before the audio to the audio's end.

    To a pipe SoX writes the header of a CAF or W64 file two times before the audio and once behind it.
    """
    file.seek(0)
    head = file.read(8192)  # more than a CAF header of SoX, 4096 bytes
    start = max(0, head.find(head[:16], 16))
    end = file.seek(0, io.SEEK_END)
    file.seek(end - start)
    return start, end - start if start and file.read(16) == head[:16] else end


def _mended_caf(file: BinaryIO, start: int, end: int) -> Mended:
    """Give the audio all there is where its size is unknown: -1 by Apple's format, no samples from a pipe."""
    at = start + 8
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(12)
        size = int.from_bytes(head[4:], "big", signed=True)
        if head[:4] == b"data" and (size == -1 or _goes_on_caf(file, at + 12, size, end)):
            return Mended({at + 4: (end - at - 12).to_bytes(8, "big")}, _UNTOLD)
        if len(head) < 12 or head[:4] == b"data" or size < 0:
            break
        at += 12 + size
    return Mended({})


def _goes_on_caf(file: BinaryIO, at: int, size: int, end: int) -> bool:
    """Return whether audio without samples, but for the count of edits before them, is followed by some."""
    file.seek(at + size)
    return size in {0, 4} and at + size + 4 <= end and not is_chunk_name(file.read(4))
