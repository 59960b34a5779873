"""The open folder as the panel sees it: stems, bounces, sessions, singers and notes, listed and sent."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from aiohttp import hdrs, web

from models.suffixes import AUDIO_SUFFIXES, EXTRA_SUFFIXES
from plugin_bridge.errors import AudioFileError, OutputError, SessionError
from plugin_bridge.files.wavstream import WavStream
from plugin_bridge.osc.beside import start_beside
from plugin_bridge.osc.paths import inside
from plugin_bridge.osc.singerset import SUFFIX
from plugin_bridge.panel.sending import beyond, file, part
from plugin_bridge.sessions.folder import AUDIO, HEADER, is_session
from plugin_bridge.sessions.header import SessionHeader
from plugin_bridge.sessions.reader import read_header

SUFFIXES = frozenset((*AUDIO_SUFFIXES, *EXTRA_SUFFIXES))
NOTES = ".mid"
"""Suffix of the notes of a guide."""
_PLAIN = {SUFFIX: "singer", NOTES: "notes"}
"""The kind of files that are not looked into, by suffix."""
_PROBE = (sys.executable, "-m", "plugin_bridge.panel.probe")
_PROBE_SECONDS = 20.0
"""Until a file that takes longer is listed without its length."""
_MAX_LISTED = 1000
_PIECE = 1 << 18
_MAX_SESSION_BYTES = 2**31 - 1
"""Of a session's audio, which is sent as WAV."""
_FOUR = 4
"""Bytes of a float32."""


class _Known(NamedTuple):
    """Of a file, by which another one of its name is told from it."""

    name: str
    bytes: int
    modified: float


class Folder:
    """Lists and sends what lies in a folder, and nothing of another place.

    Args:
        path: of it; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._probed: dict[_Known, dict[str, object]] = {}
        self._probing = asyncio.Lock()

    async def listed(self) -> list[dict[str, object]]:
        """Return a row for each file and session: name, bytes, kind, seconds (of audio), modified.

        Raises:
            OSError: the folder cannot be read.
        """
        if self.path is None or not self.path.is_dir():
            return []
        others, files = await asyncio.to_thread(_found, self.path)
        await self._probe([known for known in files if known not in self._probed])
        self._probed = {known: row for known, row in self._probed.items() if known in files}
        return others + [_row(known, self._probed.get(known, {})) for known in files]

    async def facts(self, path: Path) -> dict[str, object]:
        """Return what `plugin_bridge.panel.probe` says of one file of the folder."""
        known = _known(path)
        await self._probe([known])
        return self._probed.get(known, {})

    async def sent(self, request: web.Request, name: str) -> web.StreamResponse:
        """Answer with a file, or the input of a session as WAV; a part of it where one is asked for.

        Raises:
            BridgeError: no such file, or it is of another kind.
        """
        path = inside(self.path, name)
        if await asyncio.to_thread(is_session, path):
            inside(self.path, f"{name}/{AUDIO}")
            return await _session(request, path)
        if path.suffix.lower() not in (*SUFFIXES, NOTES) or not path.is_file():
            raise AudioFileError(
                f"{name!r} is no audio file, notes or session of the open folder; list it again"
            )
        return file(request, path)

    async def _probe(self, files: Sequence[_Known]) -> None:
        """Look into files; one that ends the process that looks is left out."""
        assert self.path is not None
        async with self._probing:
            left = [known for known in files if known not in self._probed]
            while left:
                rows = await _rows([str(self.path / known.name) for known in left])
                self._probed |= dict(zip(left, rows, strict=False))
                if len(rows) < len(left):
                    self._probed[left[len(rows)]] = {"error": f"{left[len(rows)].name} cannot be read"}
                left = left[len(rows) + 1 :]


async def _rows(paths: Sequence[str]) -> list[dict[str, object]]:
    process = await start_beside(*_PROBE, *paths, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    rows: list[dict[str, object]] = []
    try:
        for _ in paths:
            async with asyncio.timeout(_PROBE_SECONDS):
                line = await process.stdout.readline()
            if not line:
                break
            rows.append(json.loads(line))
    except TimeoutError:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
    return rows


def _found(folder: Path) -> tuple[list[dict[str, object]], list[_Known]]:
    """Return the rows of sessions and singers, and the audio files; audio is what `sent` would send."""
    others, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            with contextlib.suppress(OSError, OutputError, UnicodeError):  # gone, elsewhere, unnameable
                inside(folder, entry.name.encode().decode())
                if entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES:
                    files.append(_known(Path(entry.path)))
                elif entry.is_dir() and is_session(Path(entry.path)):
                    others.append(_session_row(Path(entry.path)))
                elif entry.is_file() and Path(entry.name).suffix.lower() in _PLAIN:
                    kind = _PLAIN[Path(entry.name).suffix.lower()]
                    others.append(_known(Path(entry.path))._asdict() | {"kind": kind})
    return others[:_MAX_LISTED], files[:_MAX_LISTED]


def _known(path: Path) -> _Known:
    facts = path.stat()
    return _Known(path.name, facts.st_size, facts.st_mtime)


def _row(known: _Known, facts: dict[str, object]) -> dict[str, object]:
    kind = "bounce" if facts.get("bounce") else "stem"
    seconds = facts.get("seconds")
    return {
        "name": known.name,
        "bytes": known.bytes,
        "kind": kind,
        "seconds": seconds,
        "modified": known.modified,
    }


def _session_row(path: Path) -> dict[str, object]:
    audio = (path / AUDIO).stat()
    row: dict[str, object] = {
        "name": path.name,
        "bytes": audio.st_size,
        "kind": "session",
        "modified": audio.st_mtime,
    }
    with contextlib.suppress(SessionError):
        header = read_header(path / HEADER)
        frames = audio.st_size // (_FOUR * header.channels)
        row |= {"seconds": round(frames / header.sample_rate, 3), "singer": header.values.get("singer")}
    return row


async def _session(request: web.Request, path: Path) -> web.StreamResponse:
    """Send the input of a session as a WAV file, whole or from one byte to another."""
    header = await asyncio.to_thread(read_header, path / HEADER)
    frames = (path / AUDIO).stat().st_size // (_FOUR * header.channels)
    head = _head(header, frames)
    size = len(head) + frames * header.channels * _FOUR
    if size > _MAX_SESSION_BYTES:
        raise AudioFileError(f"{path.name} is longer than a WAV file of 2 GB; bounce it instead")
    try:
        start, stop = part(request, size)
    except ValueError as error:
        return beyond(size, error)
    response = web.StreamResponse(headers={"Accept-Ranges": "bytes", "Cache-Control": "no-cache"})
    response.content_type = "audio/wav"
    response.content_length = stop - start
    if hdrs.RANGE in request.headers:
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    await response.write(head[start:stop])
    place, left = max(0, start - len(head)), stop - max(start, len(head))
    with (path / AUDIO).open("rb") as file:
        file.seek(place)
        while left > 0 and (data := await asyncio.to_thread(file.read, min(_PIECE, left))):
            left -= len(data)
            await response.write(data)
    await response.write_eof()
    return response


def _head(header: SessionHeader, frames: int) -> bytes:
    out = io.BytesIO()
    WavStream(out, header.sample_rate, header.channels, "32f", frames)
    return out.getvalue()
