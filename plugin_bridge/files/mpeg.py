"""Notice an MP3 file that was cut short, by its frame headers (ISO/IEC 11172-3, 13818-3, layer III)."""

from __future__ import annotations

from typing import BinaryIO

_KBITS_V1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_V2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_HEADER_MASK = 0xFFFE0C00  # sync, version, layer and rate: the same in every frame of a file
_TAIL = 16384  # a frame has at most 1,441 bytes


def missing_mp3_bytes(file: BinaryIO) -> int:
    """Return how many bytes are missing at the end of an MP3 file; 0 when it ends with a whole frame.

    The byte count of a Xing or Info header decides where there is one, else the chain of frames at the end.

    Args:
        file: the open file; its position is moved.
    """
    end = file.seek(0, 2)
    start = _audio_start(file)
    file.seek(start)
    head = file.read(192)
    promised = _promised_bytes(head)
    if promised:
        return max(0, start + promised - end)
    first = int.from_bytes(head[:4], "big")
    if not frame_bytes(first):
        return 0  # something stands before the first frame: nothing to compare with
    end -= _tag_bytes(file, start, end)
    file.seek(max(start, end - _TAIL))
    return _missing_after(file.read(end - file.tell()), first)


def frame_bytes(header: int) -> int:
    """Return the length in bytes of the layer III frame with this 32-bit header, 0 when it is not one."""
    version, layer = header >> 19 & 3, header >> 17 & 3
    rate, kbits = header >> 10 & 3, header >> 12 & 15
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or rate == 3:
        return 0
    table = _KBITS_V1 if version == 3 else _KBITS_V2
    samples = 1152 if version == 3 else 576
    size = samples // 8 * table[kbits] * 1000 // _RATES[version][rate]
    return size + (header >> 9 & 1) if size else 0


def _audio_start(file: BinaryIO) -> int:
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + ((head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9])


def _tag_bytes(file: BinaryIO, start: int, end: int) -> int:
    """Return how many bytes of tags stand at the end: ID3v1, and before it APEv2, which may hold pictures."""
    size = 0
    for footer, name in ((128, b"TAG"), (32, b"APETAGEX")):
        file.seek(max(start, end - size - footer))
        found = file.read(footer)
        if found.startswith(name) and name == b"TAG":
            size += footer
        elif found.startswith(name):
            has_header = int.from_bytes(found[20:24], "little") >> 31
            tag = int.from_bytes(found[12:16], "little") + footer * has_header
            size += tag if size + tag <= end - start else 0  # a size that cannot be is not believed
    return size


def _promised_bytes(head: bytes) -> int:
    """The bytes field of a Xing or Info header: the whole stream from the header's own frame on."""
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if at < 0:
        return 0
    flags = int.from_bytes(head[at + 4 : at + 8], "big")
    if not flags & 2:
        return 0
    field = at + 8 + (4 if flags & 1 else 0)
    return int.from_bytes(head[field : field + 4], "big")


def _missing_after(tail: bytes, first: int) -> int:
    """Follow the frames from the first place where three stand in a row, or the start of the file."""
    for start in range(len(tail) - 4):
        at, frames = start, 0
        while at + 4 <= len(tail):
            header = int.from_bytes(tail[at : at + 4], "big")
            size = frame_bytes(header) if (header ^ first) & _HEADER_MASK == 0 else 0
            if not size:
                break
            at += size
            frames += 1
        if frames >= 3 or (start == 0 and frames):
            return _overrun(tail, at)
    return 1


def _overrun(tail: bytes, at: int) -> int:
    """Tags may follow the last frame; a few bytes that are no tag are the start of a frame that was cut."""
    rest = tail[at:]
    if at > len(tail):
        return at - len(tail)
    cut = 0 < len(rest) < 4 and rest.strip(b"\0") != b""
    return 1 if cut else 0
