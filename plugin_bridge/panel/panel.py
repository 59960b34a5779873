"""The routes of the panel: its page, what it has to know, and the open folder."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import numpy as np
from aiohttp import web

from models.guide.styles import styles
from plugin_bridge.control.scales import KEYS, SCALES
from plugin_bridge.errors import BridgeError, refusal
from plugin_bridge.osc.beside import start_beside
from plugin_bridge.osc.query.handler import failed, told
from plugin_bridge.panel.folder import Folder
from plugin_bridge.panel.places import places
from plugin_bridge.panel.sending import file
from plugin_bridge.panel.uploads import Uploads
from plugin_bridge.version import __version__

Rows = list[dict[str, object]]

PATH = "/panel/"
STEMS = "/bounce/start"
"""The OSC address that takes what was uploaded."""
_PAGE = Path(__file__).with_name("page")
_SINGERS = (sys.executable, "-m", "plugin_bridge", "singers")
_FACTS = {name: name for name in ("id", "name", "licence", "attribution", "qualities")} | {
    "low_hz": "f0_low",
    "high_hz": "f0_high",
}


class Panel:
    """What the page gets over HTTP; all else it does by OSC.

    Args:
        singers: returns by id, in the order of the rig's set, the file of each singer that does not ship, and
            the id of each that does.
        folder: the open folder, where stems go and bounces and sessions lie; None for none.
        came: called when a stem has come, for other panels.
        is_plugin: whether the rig is a plug-in, so that the page leaves out what a DAW does.
    """

    def __init__(
        self,
        singers: Callable[[], Mapping[str, str]],
        folder: Path | None,
        came: Callable[[], None] = lambda: None,
        *,
        is_plugin: bool = False,
    ) -> None:
        self._singers = singers
        self._known: dict[str, str] = {}  # the set that these two are of
        self._facts: asyncio.Task[Rows] | None = None
        self._places: asyncio.Task[Rows] | None = None
        self._folder = Folder(folder)
        self._came = came
        self._is_plugin = is_plugin
        self._uploads = Uploads(self._folder)

    @property
    def routes(self) -> list[web.RouteDef]:
        """For `OscServer`."""
        files = f"{PATH}files/"
        one = f"{files}{{name:.+}}"
        return [
            web.get(PATH.rstrip("/"), self._to_page),
            web.get(f"{PATH}about", self._about),
            web.get(f"{PATH}singers", self._tell_singers),
            web.get(f"{PATH}places", self._tell_places),
            web.get(files, self._list),
            web.get(one, self._download),
            web.post(one, self._upload),
            web.get(f"{PATH}{{name:[a-z0-9_-]*(?:\\.[a-z]+)?}}", self._page),
        ]

    async def _to_page(self, request: web.Request) -> web.StreamResponse:
        where = str(request.rel_url.with_path(PATH).with_query(request.query))
        return web.Response(status=HTTPStatus.FOUND, headers={"Location": where})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        path = _PAGE / (request.match_info["name"] or "index.html")
        if not path.is_file():
            return failed(HTTPStatus.NOT_FOUND, f"{request.path} is no part of the panel; open {PATH}")
        return file(request, path)

    async def _about(self, _: web.Request) -> web.StreamResponse:
        names = {"name": "plugin_bridge", "version": __version__}
        facts = {"plugin": self._is_plugin, "scales": dict(SCALES), "keys": KEYS}
        facts["styles"] = {name: style.about for name, style in styles().items()}
        return told(names | facts)

    async def _tell_singers(self, _: web.Request) -> web.StreamResponse:
        singers = self._set()
        if self._facts is None:
            self._facts = asyncio.create_task(_read(singers))
        try:
            return told(await asyncio.shield(self._facts))
        except OSError as error:  # no process can be started
            self._facts = None
            return failed(HTTPStatus.SERVICE_UNAVAILABLE, refusal(error))

    async def _tell_places(self, _: web.Request) -> web.StreamResponse:
        """Tell where the singers lie by what they sound like."""
        singers = self._set()
        if self._places is None:
            self._places = asyncio.create_task(_heard(singers))
        try:
            return told(await asyncio.shield(self._places))
        except (OSError, ValueError) as error:
            self._places = None
            return failed(HTTPStatus.SERVICE_UNAVAILABLE, refusal(error))

    def _set(self) -> dict[str, str]:
        """Return the rig's set; what is known of another one is forgotten."""
        singers = dict(self._singers())
        if singers != self._known:
            self._known, self._facts, self._places = singers, None, None
        return singers

    async def _list(self, _: web.Request) -> web.StreamResponse:
        try:
            return told(await self._folder.listed())
        except (BridgeError, OSError) as error:
            return failed(HTTPStatus.CONFLICT, refusal(error))

    async def _download(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._folder.sent(request, request.match_info["name"])
        except (BridgeError, OSError, ValueError) as error:
            return failed(HTTPStatus.NOT_FOUND, refusal(error))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        answer = await self._uploads.take(request, request.match_info["name"])
        if answer.status == HTTPStatus.CREATED:
            self._came()
        return answer


async def _read(singers: Mapping[str, str]) -> Rows:
    """Return what the files of singers say; read in a process of its own, for they hold networks."""
    output = await _output("--json", *singers.values())
    try:
        rows = {row["id"]: row for row in json.loads(output)}
    except ValueError:  # it was killed
        rows = {}
    found = [rows.get(name, {"id": name, "name": name}) for name in singers]
    return [{key: row[field] for key, field in _FACTS.items() if field in row} for row in found]


async def _heard(singers: Mapping[str, str]) -> Rows:
    """Have each singer sing a phrase, in a process of its own, and return where it lies.

    Raises:
        OSError: no process can be started.
        ValueError: one of them cannot be heard.
    """
    lines = (await _output("--embed", *singers.values())).splitlines()
    if len(lines) < len(singers):
        raise ValueError("the singers cannot be heard; look at them by plugin-bridge singers --embed")
    found = places(np.array([json.loads(line)["vector"] for line in lines]))
    return [
        {"id": name, "x": round(x, 4), "y": round(y, 4)}
        for name, (x, y) in zip(singers, found.tolist(), strict=True)
    ]


async def _output(*arguments: str) -> bytes:
    process = await start_beside(*_SINGERS, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output
