"""Take stems into the open folder: bounded, by a plain name, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from aiohttp import ClientError, web

from models.wholefile import Draft, unwritable
from plugin_bridge.errors import AudioFileError, NoRoomError, OutputError, refusal
from plugin_bridge.files.names import check_portable
from plugin_bridge.osc.paths import open_folder
from plugin_bridge.osc.query.handler import failed, told
from plugin_bridge.osc.quota import check_free, check_room
from plugin_bridge.panel.folder import SUFFIXES, Folder

MAX_UPLOAD_BYTES = 500_000_000
"""Of one stem: 43 minutes of stereo at 48 kHz in 32 bits."""
MAX_UPLOADS = 2
"""At once."""
_PATIENCE_SECONDS = 10.0
"""Until more must have come, and from when on it must have come fast enough."""
_SLOWEST = 20_000
"""Bytes a second."""
_PIECE = 1 << 18
_CHECKED_BYTES = 1 << 24
"""After so many more the room on the disk is looked at again."""
_MAX_STEM = 80
_PLAIN = re.compile(r"[^\w .+()-]")


class _RefusedError(Exception):
    """An upload that is not taken: status and one sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Uploads:
    """Writes what is sent under a temporary name, which becomes its own once it is whole and is audio.

    Args:
        folder: where to.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._under_way: set[Path] = set()

    async def take(self, request: web.Request, name: str) -> web.Response:
        """Answer an upload: 201 and the name that it got, or why it is not taken."""
        try:
            with self._place(plain_name(name)) as target:
                await self._receive(request, target, name)
                return told({"name": target.name}, HTTPStatus.CREATED)
        except _RefusedError as error:
            return failed(error.status, str(error))
        except (AudioFileError, ValueError) as error:
            return failed(HTTPStatus.BAD_REQUEST, refusal(error))
        except (ConnectionError, ClientError, web.RequestPayloadError):  # nobody is left to be told
            return failed(HTTPStatus.BAD_REQUEST, f"{name} did not come whole; send it again")
        except NoRoomError as error:
            return failed(HTTPStatus.INSUFFICIENT_STORAGE, refusal(error))
        except (OutputError, OSError) as error:  # the folder is gone or cannot be written
            return failed(HTTPStatus.CONFLICT, refusal(error))

    @contextmanager
    def _place(self, name: str) -> Iterator[Path]:
        """Give a path that no file has and no other upload will."""
        if len(self._under_way) >= MAX_UPLOADS:
            raise _RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{MAX_UPLOADS} files are on their way; send {name} after them",
            )
        home = open_folder(self._folder.path)
        if (home / name).is_symlink():
            raise _RefusedError(
                HTTPStatus.CONFLICT, f"{name} is a link in the open folder; send the file under another name"
            )
        plain = Path(name)
        count, target = 1, home / name
        while target in self._under_way or os.path.lexists(target):
            count += 1
            target = home / f"{plain.stem} {count}{plain.suffix}"
        self._under_way.add(target)
        try:
            yield target
        finally:
            self._under_way.discard(target)

    async def _receive(self, request: web.Request, target: Path, name: str) -> None:
        if (request.content_length or 0) > MAX_UPLOAD_BYTES:
            raise _too_large(name)
        await asyncio.to_thread(check_room, target.parent)
        with Draft(target) as draft:
            draft.path.chmod(0o600)
            try:
                with draft.path.open("wb") as file:
                    await _copy(request, file, name, target.parent)
            except OSError as error:
                if isinstance(error, ConnectionError):
                    raise
                raise unwritable(target, error) from error
            await asyncio.to_thread(draft.commit)
        facts = await self._folder.facts(target)
        if "error" in facts:
            target.unlink(missing_ok=True)
            raise AudioFileError(str(facts["error"]).replace(target.name, name))


def plain_name(name: str) -> str:
    """Return the name an audio file is kept under: up to 80 letters, digits, spaces and .+()-_, and a suffix.

    Raises:
        ValueError: it is a path, its suffix is none of an audio file, or Windows keeps it for a device.
    """
    if re.search(r"[/\\\0]", name) or name.startswith("."):
        raise ValueError(f"{name[:_MAX_STEM]!r} is a path; give the name of a file")
    stem, dot, suffix = unicodedata.normalize("NFC", name).rpartition(".")
    suffix = dot + suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{name[:_MAX_STEM]!r} is no audio file by its name; send WAV, FLAC, AIFF, OGG or MP3"
        )
    kept = re.sub(r"^[\W_]+", "", _PLAIN.sub("_", stem))
    while len(kept) > _MAX_STEM or len(kept.encode()) > 2 * _MAX_STEM:
        kept = kept[:-1]
    return check_portable(f"{kept.rstrip(' .') or 'stem'}{suffix}", "file")


async def _copy(request: web.Request, file: BinaryIO, name: str, folder: Path) -> None:
    """Write a request's body as it comes.

    Raises:
        _RefusedError: it is too large or too slow.
        NoRoomError: the disk is too full.
    """
    began, size, checked = time.monotonic(), 0, 0
    while True:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                data = await request.content.read(_PIECE)
        except TimeoutError as error:
            raise _too_slow(name) from error
        if not data:
            return
        size += len(data)
        if size > MAX_UPLOAD_BYTES:
            raise _too_large(name)
        passed = time.monotonic() - began
        if passed > _PATIENCE_SECONDS and size < _SLOWEST * passed:
            raise _too_slow(name)
        if size - checked > _CHECKED_BYTES:
            checked = size
            await asyncio.to_thread(check_free, folder)
        await asyncio.to_thread(file.write, data)


def _too_large(name: str) -> _RefusedError:
    return _RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"{name} is larger than {MAX_UPLOAD_BYTES // 1_000_000} MB; bounce it from the command line",
    )


def _too_slow(name: str) -> _RefusedError:
    return _RefusedError(
        HTTPStatus.REQUEST_TIMEOUT, f"{name} comes too slowly, and what came of it is removed; send it again"
    )
