"""Broadcast chunks (`bext`, iXML) and markers of a source, made true of the file that is made of it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from plugin_bridge.files.loudness import Loudness
from plugin_bridge.files.markers import Chunks, moved, moved_markers
from plugin_bridge.version import __version__

_BEXT_BYTES = 602
"""Of a `bext` chunk up to its coding history (EBU Tech 3285)."""
_TIME_REFERENCE, _VERSION, _LOUDNESS = 338, 346, 412
"""Positions in it, in bytes."""
_UNUSED = 0x7FFF
"""A loudness that is not told."""
_MAX_TOLD = 99.99
_LARGEST_TIME = 2**64 - 1

_TIMES = (
    ("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI"),
    ("BWF_TIME_REFERENCE_LOW", "BWF_TIME_REFERENCE_HIGH"),
    ("SYNC_POINT_LOW", "SYNC_POINT_HIGH"),
)
"""Elements of iXML that count samples, by their lower and upper 32 bits ..."""
_SAMPLES = ("SYNC_POINT_EVENT_DURATION", "FILE_SAMPLE_RATE", "TIMESTAMP_SAMPLE_RATE")
"""... or that change with the rate as such counts do."""
_LOUDNESS_ELEMENT = re.compile(
    r"<(BWF_(?:LOUDNESS_VALUE|LOUDNESS_RANGE|MAX_TRUE_PEAK_LEVEL|MAX_MOMENTARY_LOUDNESS|MAX_SHORT_TERM_LOUDNESS))>"
    r"[^<]*</\1>\s*"
)
_HISTORY_END = re.compile(r"([^>\n]?)(</BWF_CODING_HISTORY>)")


@dataclass(frozen=True)
class Made:
    """The file that is made."""

    source_rate: int
    """Hertz."""
    sample_rate: int
    channels: int
    bits: int
    """Of a sample."""
    loudness: Loudness

    @property
    def history(self) -> str:
        """A line of coding history (EBU R 98)."""
        mode = "mono" if self.channels == 1 else "stereo"
        coding = f"A=PCM,F={self.sample_rate},W={self.bits},M={mode}"
        return f"{coding},T=plugin_bridge {__version__}\r\n"


def true_of(chunks: Chunks, made: Made) -> list[tuple[bytes, bytes]]:
    """Return chunks of a WAV file as they are true of another.

    Positions, regions, loops and time references keep their place in time at another rate. The coding history
    gets a line, and the loudness is that of the new sound. What is not understood stays as it is.

    Args:
        chunks: (name, content), from anywhere.
        made: the new file.
    """
    told: dict[bytes, Callable[[bytes, Made], bytes]] = {b"bext": _bext, b"iXML": _ixml}
    return [
        (name, told[name](content, made))
        if name in told
        else (name, moved_markers(name, content, made.source_rate, made.sample_rate))
        for name, content in chunks
    ]


def _bext(content: bytes, made: Made) -> bytes:
    if len(content) < _BEXT_BYTES:
        return content
    data = bytearray(content[:_BEXT_BYTES])
    (time,) = struct.unpack_from("<Q", data, _TIME_REFERENCE)
    struct.pack_into("<Q", data, _TIME_REFERENCE, _moved_time(time, made))
    (version,) = struct.unpack_from("<H", data, _VERSION)
    if version >= 2:
        shown = made.loudness
        values = (shown.integrated, shown.range, shown.true_peak, shown.momentary, shown.short_term)
        struct.pack_into("<5h", data, _LOUDNESS, *map(_hundredths, values))
    history = content[_BEXT_BYTES:].rstrip(b"\0")
    if history and not history.endswith(b"\n"):
        history += b"\r\n"
    return bytes(data) + history + made.history.encode()


def _moved_time(time: int, made: Made) -> int:
    return min(moved(time, made.source_rate, made.sample_rate), _LARGEST_TIME)


def _hundredths(value: float | None) -> int:
    return _UNUSED if value is None or abs(value) > _MAX_TOLD else round(100 * value)


def _ixml(content: bytes, made: Made) -> bytes:
    """Change the elements that are known, and no other byte. No parser: it would expand what is hostile."""
    coding = (
        "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "latin-1"
    )  # which keeps any other bytes
    try:
        text = content.decode(coding)
    except UnicodeDecodeError:
        return content
    if made.source_rate != made.sample_rate:
        for low, high in _TIMES:
            text = _with_times(text, low, high, made)
        for tag in _SAMPLES:
            text = _element(tag).sub(lambda at: f"{at[1]}{_moved_time(int(at[2]), made)}{at[3]}", text)
    text = _element("AUDIO_BIT_DEPTH").sub(rf"\g<1>{made.bits}\g<3>", text)
    text = _LOUDNESS_ELEMENT.sub("", text)
    text = _HISTORY_END.sub(lambda at: at[1] + ("\r\n" if at[1] else "") + made.history + at[2], text)
    return text.encode(coding)


def _element(tag: str) -> re.Pattern[str]:
    return re.compile(rf"(<{tag}>\s*)([0-9]{{1,20}})(\s*</{tag}>)")


def _with_times(text: str, low: str, high: str, made: Made) -> str:
    """Move times of 64 bits whose halves are two elements, wherever both are there."""
    lows, highs = (list(_element(tag).finditer(text)) for tag in (low, high))
    if len(lows) != len(highs):
        return text
    changes: list[tuple[tuple[int, int], int]] = []
    for lower, upper in zip(lows, highs, strict=True):
        time = _moved_time(int(upper[2]) * 2**32 + int(lower[2]), made)
        changes += [(lower.span(2), time % 2**32), (upper.span(2), time // 2**32)]
    parts, at = [], 0
    for (start, stop), number in sorted(changes):
        parts += [text[at:start], str(number)]
        at = stop
    return "".join([*parts, text[at:]])
