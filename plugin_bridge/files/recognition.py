"""Recognise the kind of an audio file and choose how to decode it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

from models.suffixes import EXTRA_SUFFIXES
from plugin_bridge.errors import AudioFileError
from plugin_bridge.files.decoder import Decoder, DecodingError
from plugin_bridge.files.ffmpeg import FfmpegDecoder
from plugin_bridge.files.headers import mended
from plugin_bridge.files.joined import JoinedDecoder, joined_views
from plugin_bridge.files.ogg import OggEnd, is_chained, ogg_end
from plugin_bridge.files.sndfile import SndfileDecoder, mpeg_view, tagged_view
from plugin_bridge.files.window import View

READABLE = "WAV, AIFF, FLAC, OGG or MP3"
_MPEG_SUFFIXES = {".mp3", ".mp2"}
_HEADS = {b"RIFF": "WAV", b"RF64": "WAV", b"BW64": "WAV", b"FORM": "AIFF", b"fLaC": "FLAC", b"OggS": "OGG"}
_HEADS |= {b"caff": "CAF", b"riff": "W64", b".snd": "AU", b"Crea": "VOC", b"ID3\x02": "MP3"}
_HEADS |= {b"ID3\x03": "MP3", b"ID3\x04": "MP3"}
_EXTRA_HEADS = (b"\x1aE\xdf\xa3", b"0&\xb2u", b"wvpk", b"MAC ", b"TTA1", b"#!AM", b"OggS")  # Matroska, ...
_SEVERAL = "holds several streams one after another"
_UNENDED = "does not say where it ends, as from a broadcast or a file that was cut"


@dataclass(frozen=True)
class Recognised:
    """How to decode a file."""

    decoder: Callable[[], Decoder]
    """Returns a fresh one, at the beginning; the one before must be closed."""
    counts: bool = False
    """Whether only decoding tells how long it is."""
    fault: str = ""
    """What is wrong with it, to follow its name in a sentence; empty where nothing is."""
    used: str = "all that is there is used"
    """What is read all the same, to follow the fault."""


def recognised(file: BinaryIO, name: str, suffix: str) -> Recognised:
    """Return how to decode a file.

    Args:
        file: open for reading.
        name: for sentences.
        suffix: how its name ends, in lower case; used where the content does not tell.

    Raises:
        AudioFileError: it is not audio that can be read, or was cut short.
        MissingExtraError: it is read by the extra `formats`, which is not installed.
    """
    header = mended(file)
    if header.missing:
        raise AudioFileError(
            f"{name} is cut short: at least {header.missing} bytes are missing at its end; "
            "copy or export it again"
        )
    if view := mpeg_view(file, anywhere=False):
        return _mpeg(file, name, view)
    view = View(header.start, header.stop, header.changes)
    if not header.start:
        view = replace(tagged_view(file), changes=header.changes)
    open_it = partial(SndfileDecoder, file, view)
    try:
        decoder = open_it()
    except DecodingError as error:
        return _unknown_to_sndfile(file, name, suffix, error)
    decoder.close()
    if not decoder.container:
        raise _foreign(name)
    fault = header.fault
    if decoder.container == "OGG":
        return _ogg(file, name, view)
    if decoder.container not in {"WAV", "AIFF"} and decoder.doubts:
        fault = "has a header that does not fit its length, as from a pipe or a file that was cut"
    return Recognised(open_it, fault=fault)


def _unknown_to_sndfile(file: BinaryIO, name: str, suffix: str, error: DecodingError) -> Recognised:
    if suffix in _MPEG_SUFFIXES and (view := mpeg_view(file, anywhere=True)):
        return _mpeg(file, name, view)
    file.seek(0)
    head = file.read(12)
    if suffix in EXTRA_SUFFIXES or head[4:8] == b"ftyp" or head.startswith(_EXTRA_HEADS):
        return _by_ffmpeg(file, name, head)
    if kind := _HEADS.get(head[:4]):
        what = f"{name} looks like {kind} but cannot be decoded ({error}); export it again"
        raise AudioFileError(what) from error
    raise _foreign(name) from error


def _mpeg(file: BinaryIO, name: str, view: View) -> Recognised:
    views = joined_views(file, view)
    if len(views) == 1:
        return Recognised(partial(SndfileDecoder, file, view), counts=True)
    open_it = partial(JoinedDecoder, file, views)
    try:
        open_it().close()
    except DecodingError as error:
        raise AudioFileError(f"{name} cannot be decoded ({error}); export it again") from error
    return Recognised(open_it, counts=True, fault=_SEVERAL)


def _by_ffmpeg(file: BinaryIO, name: str, head: bytes) -> Recognised:
    open_it = partial(FfmpegDecoder, file, name)
    try:
        open_it().close()
    except DecodingError as error:
        raise AudioFileError(f"{name} cannot be decoded ({error}); export it again") from error
    fault = ""
    if head.startswith(b"OggS"):
        end = ogg_end(file)
        _check_whole(end, name)
        fault = "" if end.is_told else _UNENDED
    return Recognised(open_it, counts=True, fault=fault)


def _ogg(file: BinaryIO, name: str, view: View) -> Recognised:
    end = ogg_end(file)
    _check_whole(end, name)
    open_it = partial(SndfileDecoder, file, replace(view, changes=end.changes))
    if is_chained(file):
        return Recognised(open_it, fault=_SEVERAL, used="the first is used")
    return Recognised(open_it, fault="" if end.is_told else _UNENDED)


def _check_whole(end: OggEnd, name: str) -> None:
    if not end.is_whole:
        raise AudioFileError(f"{name} is cut short: its last page is not whole; copy or export it again")


def _foreign(name: str) -> AudioFileError:
    return AudioFileError(f"{name} is not audio this program reads; give {READABLE}")
