"""The panel over HTTP: its page and files; what is refused is told so and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from plugin_bridge.files.writer import SOFTWARE, AudioWriter, Carried, OutputFormat
from plugin_bridge.osc.server import OscServer, OscSettings
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.rigs import EngineRig
from tests.support.sessions import Live

needs("aiohttp")
needs("websockets")

import websockets  # noqa: E402 - may be missing

from plugin_bridge.osc.query import server as http  # noqa: E402 - needs aiohttp
from plugin_bridge.panel import folder as folders  # noqa: E402
from plugin_bridge.panel import uploads  # noqa: E402
from plugin_bridge.panel.opening import address, has_desktop  # noqa: E402
from plugin_bridge.panel.panel import STEMS, Panel  # noqa: E402

TOKEN = "a-token-of-the-test"  # noqa: S105
RATE = 16000
LONG_FRAMES = 4_000_000


class Answer(NamedTuple):
    """Of HTTP."""

    status: int
    head: str
    body: bytes

    @property
    def error(self) -> str:
        """The one sentence of a refusal."""
        found: dict[str, str] = json.loads(self.body)
        assert list(found) == ["error"]
        return found["error"]


@asynccontextmanager
async def panel(home: Path, host: str = "127.0.0.1") -> AsyncIterator[OscServer]:
    """A panel of a rig whose files lie in `home`."""
    rig = EngineRig(home)
    settings = OscSettings(
        host=host, port=0, tcp_port=None, http_port=0, folder=home, presets=home, token=TOKEN
    )
    server = OscServer(
        rig,
        settings,
        pages=lambda: (
            Panel(lambda: {name: name for name in rig.singers}, home, lambda: server.changed(STEMS)).routes
        ),
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(server: OscServer, raw: bytes, then: bytes = b"") -> Answer:
    """Send a request as it is, and more of it, and return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(raw + then)
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next((line for line in head.split("\r\n") if line.startswith("Content-Length: ")), "0")
        body = await reader.readexactly(int(size.split()[-1]))
    writer.close()
    return Answer(int(head.split()[1]), head, body)


def get(path: str, *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", *(headers or ("Host: localhost",)))
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def post(name: str, size: int | None, *headers: str) -> bytes:
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    lines = (f"POST /panel/files/{name} HTTP/1.1", "Host: localhost", length, *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def upload(server: OscServer, name: str, data: bytes) -> Answer:
    return await ask(server, post(name, len(data)), data)


async def listed(server: OscServer) -> dict[str, dict[str, Any]]:
    found = await ask(server, get("/panel/files/"))
    assert found.status == 200
    return {row["name"]: row for row in json.loads(found.body)}


def left_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "open").mkdir()
    return tmp_path / "open"


@pytest.fixture
def stem(tmp_path: Path) -> bytes:
    """Half a second as a WAV file."""
    x = 0.1 * np.sin(np.arange(RATE // 2) * 0.05)
    soundfile.write(tmp_path / "any.wav", x, RATE, "PCM_16")
    return (tmp_path / "any.wav").read_bytes()


@in_loop
async def test_the_page_comes_whole_and_may_load_nothing_from_elsewhere(home: Path) -> None:
    async with panel(home) as server:
        page = await ask(server, get("/panel/"))
        assert page.status == 200
        assert b"<title>" in page.body
        for name, kind in (
            ("main.js", "javascript"),
            ("style.css", "text/css"),
            ("icon.svg", "image/svg+xml"),
        ):
            found = await ask(server, get(f"/panel/{name}"))
            assert found.status == 200
            assert f"{kind}\r\n" in found.head
            assert "Content-Security-Policy: default-src 'self';" in found.head
            assert "X-Content-Type-Options: nosniff" in found.head
            assert "frame-ancestors 'none'" in found.head
            assert "aiohttp" not in found.head
        assert (await ask(server, get("/panel"))).status == 302
        for path in (
            "/panel/panel.py",
            "/panel/../panel.py",
            "/panel/%2e%2e/panel.py",
            "/panel/..%2fpanel.py",
        ):
            assert (await ask(server, get(path))).status == 404
        about = json.loads((await ask(server, get("/panel/about"))).body)
        assert about["scales"]["fifths"] == [0, 7]
        assert about["keys"][9] == "A"
        singers = json.loads((await ask(server, get("/panel/singers"))).body)
        assert [row["id"] for row in singers] == ["dark", "bright"]
        unheard = await ask(server, get("/panel/places"))  # they have no files
        assert unheard.status == 503
        assert unheard.error.startswith("the singers cannot be heard; look at them by plugin-bridge singers")


@in_loop
async def test_another_host_or_origin_gets_nothing_and_sends_nothing(home: Path, stem: bytes) -> None:
    socket = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: eA==",
    )
    async with panel(home) as server:
        for path, more in (("/panel/", ()), ("/panel/files/", ()), ("/panel/main.js", ()), ("/", socket)):
            found = await ask(server, get(path, "Host: evil.example", *more))
            assert found.status == 403
            assert found.error == "'evil.example' is no name of this machine; ask for localhost"
            found = await ask(server, get(path, "Host: localhost", "Origin: http://evil.example", *more))
            assert found.status == 403
            assert found.error == "'http://evil.example' is no name of this machine; ask for localhost"
        other = "http://localhost:1"
        for raw in (
            post("a.wav", len(stem), f"Origin: {other}") + stem,
            get("/", "Host: localhost", f"Origin: {other}", *socket),
        ):
            found = await ask(server, raw)
            assert found.status == 403
            assert found.error == f"'{other}' is another page's address; open this server's own page"
        assert left_in(home) == []
        own = f"http://localhost:{server.http_port}"
        raw = post("a.wav", len(stem), f"Origin: {own}").replace(
            b"Host: localhost", f"Host: localhost:{server.http_port}".encode()
        )
        assert (await ask(server, raw, stem)).status == 201


@in_loop
async def test_beyond_this_machine_every_request_needs_the_token(home: Path, stem: bytes) -> None:
    async with panel(home, "0.0.0.0") as server:  # noqa: S104 - for a moment
        assert server.token == TOKEN
        for path in (
            "/panel/",
            "/panel/?token=another",
            "/panel/main.js",
            "/panel/files/",
            "/",
            "/?HOST_INFO",
        ):
            found = await ask(server, get(path))
            assert found.status == 403
            assert found.error.startswith("the token is missing or not this server's; open the address")
        assert (await ask(server, post("a.wav", len(stem)), stem)).status == 403
        assert left_in(home) == []
        page = await ask(server, get(f"/panel/?token={TOKEN}"))
        assert page.status == 200
        (cookie,) = (line for line in page.head.split("\r\n") if line.startswith("Set-Cookie: "))
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        brought = "Cookie: " + cookie.removeprefix("Set-Cookie: ").split(";")[0]
        assert (await ask(server, get("/panel/main.js", "Host: localhost", brought))).status == 200
        assert (await ask(server, get(f"/param/gain?VALUE&token={TOKEN}"))).body == b'{"VALUE": [0.0]}'
        assert (await ask(server, post("a.wav", len(stem), brought), stem)).status == 201
        async with Client(server.port) as client:  # OSC has no passwords
            assert await client.done("/param/gain") == (0.0,)
    async with panel(home) as server:
        assert server.token == ""
        assert (await ask(server, get("/panel/"))).status == 200


@in_loop
async def test_a_network_may_call_this_machine_what_it_will(home: Path, stem: bytes) -> None:
    """Routers give names that the machine does not know; the token keeps a page of another name out."""
    async with panel(home, "0.0.0.0") as server:  # noqa: S104 - for a moment
        for host in ("studio.fritz.box", "STUDIO.local:9080", "anything.example:1"):
            page = await ask(server, get(f"/panel/?token={TOKEN}", f"Host: {host}"))
            assert page.status == 200, host
            cookie = f"Cookie: plugin_bridge_{server.http_port}={TOKEN}"
            own = f"Origin: http://{host}"
            raw = post("a.wav", len(stem), cookie, own).replace(b"Host: localhost", f"Host: {host}".encode())
            assert (await ask(server, raw, stem)).status == 201
            for token in ("", "?token=another"):  # a page that reaches it by DNS rebinding has none
                found = await ask(server, get(f"/panel/{token}", f"Host: {host}", own))
                assert found.status == 403
                assert found.error.startswith("the token is missing or not this server's; open the address")
            foreign = get(f"/panel/?token={TOKEN}", f"Host: {host}", "Origin: http://evil.example")
            found = await ask(server, foreign)
            assert (found.status, found.error) == (
                403,
                "'http://evil.example' is no name of this machine; ask for localhost",
            )
            raw = raw.replace(own.encode(), b"Origin: http://localhost:1")
            found = await ask(server, raw, stem)
            assert found.status == 403
            assert "is another page's address; open this server's own page" in found.error
            open_socket = websockets.connect(
                f"ws://{host}/?token={TOKEN}",
                host="127.0.0.1",
                port=server.http_port,
                origin=websockets.Origin(f"http://{host}"),
            )
            async with open_socket as connection:
                await connection.send("/?HOST_INFO")
                assert "NAME" in json.loads(await connection.recv())


@in_loop
async def test_other_methods_are_told_those_that_an_address_takes(home: Path) -> None:
    async with panel(home) as server:
        for method, path, taken in (
            ("PUT", "/panel/files/a.wav", "GET, HEAD, POST"),
            ("DELETE", "/panel/files/", "GET, HEAD"),
            ("POST", "/panel/", "GET, HEAD"),
            ("PATCH", "/param/gain", "GET, HEAD"),
        ):
            found = await ask(server, get(path).replace(b"GET", method.encode(), 1))
            assert found.status == 405
            assert f"Allow: {taken}\r\n" in found.head
            assert found.error == f"{method} is not taken at {path}; send one of {taken}"


@in_loop
async def test_a_gigabyte_is_refused_before_it_comes(home: Path) -> None:
    async with panel(home) as server:
        found = await ask(server, post("big.wav", 1_000_000_000), b"RIFF")
        assert found.status == 413
        assert found.error == "big.wav is larger than 500 MB; bounce it from the command line"
        assert left_in(home) == []


@in_loop
async def test_one_that_hides_its_length_is_cut_off_at_the_limit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD_BYTES", 3_000_000)
    async with panel(home) as server:
        piece = b"10000\r\n" + bytes(65536) + b"\r\n"
        found = await ask(server, post("big.wav", None), piece * 46)
        assert found.status == 413
        assert found.error == "big.wav is larger than 3 MB; bounce it from the command line"
        assert left_in(home) == []


PATHS = ["..%2fout.wav", "%2fetc%2fx.wav", "a%2fb.wav", "a/b.wav", "..%5cout.wav", ".hidden.wav", "a%00.wav"]


def test_a_path_in_a_name_is_refused(home: Path, stem: bytes) -> None:
    @in_loop
    async def test() -> None:
        async with panel(home) as server:
            for name in PATHS:
                found = await upload(server, name, stem)
                assert found.status == 400, name
                assert found.error.endswith("is a path; give the name of a file"), name
            for name in ("..%2f..%2fetc%2fpasswd", "%2e%2e%2fany.wav", "nothing.wav"):
                assert (await ask(server, get(f"/panel/files/{name}"))).status == 404
        assert left_in(home) == []
        assert left_in(home.parent) == ["any.wav", "open"]

    test()


def test_what_is_no_audio_is_refused_and_not_kept(home: Path, stem: bytes) -> None:
    @in_loop
    async def test() -> None:
        async with panel(home) as server:
            found = await upload(server, "page.html", stem)
            assert (found.status, found.error) == (
                400,
                "'page.html' is no audio file by its name; send WAV, FLAC, AIFF, OGG or MP3",
            )
            found = await upload(server, "page.wav", b"<script>alert(1)</script>")
            assert found.status == 400
            assert found.error.startswith("page.wav is not audio this program reads; give WAV")
            found = await upload(server, "empty.wav", b"")
            assert found.status == 400
            assert found.error.startswith("empty.wav ")
        assert left_in(home) == []

    test()


@in_loop
async def test_names_are_kept_plain_and_never_overwritten(home: Path, stem: bytes) -> None:
    async with panel(home) as server:
        names = [
            "lead.wav",
            "lead.wav",
            "d%27amour%2C%20take%203.WAV",
            "%20_-x.wav",
            "%E3%81%86%E3%81%9F.wav",
        ]
        found = [json.loads((await upload(server, name, stem)).body)["name"] for name in names]
        assert found == ["lead.wav", "lead 2.wav", "d_amour_ take 3.wav", "x.wav", "うた.wav"]
        long = json.loads((await upload(server, "a" * 300 + ".wav", stem)).body)["name"]
        assert long == "a" * 80 + ".wav"
        assert left_in(home) == sorted([*found, long])
        assert (home / "lead.wav").stat().st_mode & 0o077 == 0
        assert (home / "lead 2.wav").read_bytes() == stem


@in_loop
async def test_other_panels_are_told_of_a_stem_that_came(home: Path, stem: bytes) -> None:
    async with (
        panel(home) as server,
        websockets.connect(f"ws://127.0.0.1:{server.http_port}/panel/") as other,
    ):
        assert (await upload(server, "page.wav", b"no audio")).status == 400
        assert (await upload(server, "lead.wav", stem)).status == 201
        told = json.loads(await asyncio.wait_for(other.recv(), PATIENCE))
        assert told == {"COMMAND": "PATH_CHANGED", "DATA": "/bounce/start"}


@in_loop
async def test_what_comes_too_slowly_or_is_cut_off_leaves_nothing(
    home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_PATIENCE_SECONDS", 0.3)
    async with panel(home) as server:
        found = await ask(server, post("slow.wav", len(stem)), stem[:5000])
        assert found.status == 408
        assert found.error == "slow.wav comes too slowly, and what came of it is removed; send it again"
        _, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(post("gone.wav", len(stem)) + stem[:5000])
        async with asyncio.timeout(PATIENCE):
            while not left_in(home):
                await asyncio.sleep(0.01)
            writer.close()
            while left_in(home):
                await asyncio.sleep(0.01)
        dripping = asyncio.create_task(drip(server, post("drip.wav", len(stem)), stem))
        assert b" 408 " in await dripping
        assert left_in(home) == []


async def drip(server: OscServer, head: bytes, body: bytes) -> bytes:
    """Send a body byte by byte, and return the first line that is answered meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
    writer.write(head)
    answer = asyncio.create_task(reader.readline())
    for at in range(len(body)):
        if answer.done():
            break
        writer.write(body[at : at + 1])
        await asyncio.sleep(0.02)
    writer.close()
    return await answer


@in_loop
async def test_a_head_that_does_not_end_is_told_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_PATIENCE_SECONDS", 0.3)
    async with panel(home) as server:
        for half in (b"", b"G", b"GET /panel/ HTTP/1.1\r\nHost: local"):
            found = await ask(server, half)
            assert found.status == 408
            assert found.error.startswith("the request was not whole within ")


@in_loop
async def test_a_third_upload_at_once_waits_for_its_turn(home: Path, stem: bytes) -> None:
    async with panel(home) as server:
        held = [await asyncio.open_connection("127.0.0.1", server.http_port) for _ in range(2)]
        for number, (_, writer) in enumerate(held):
            writer.write(post(f"held{number}.wav", len(stem)) + stem[:100])
        async with asyncio.timeout(PATIENCE):
            while len(left_in(home)) < 2:
                await asyncio.sleep(0.01)
        found = await upload(server, "third.wav", stem)
        assert found.status == 503
        assert found.error == "2 files are on their way; send third.wav after them"
        for reader, writer in held:
            writer.write(stem[100:])
            assert b" 201 " in await asyncio.wait_for(reader.readline(), PATIENCE)
            writer.close()
        assert (await upload(server, "third.wav", stem)).status == 201


@in_loop
async def test_a_full_folder_takes_no_more(home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_bridge.osc.quota.MAX_ENTRIES", 1)
    async with panel(home) as server:
        assert (await upload(server, "a.wav", stem)).status == 201
        found = await upload(server, "b.wav", stem)
        assert found.status == 507
        assert "and OSC makes no more; move some away" in found.error
        assert left_in(home) == ["a.wav"]


@in_loop
async def test_a_folder_that_is_gone_is_told(home: Path, stem: bytes) -> None:
    async with panel(home) as server:
        home.rmdir()
        found = await upload(server, "a.wav", stem)
        assert (found.status, found.error) == (
            409,
            f"{home} cannot be used: No such file or directory; check it",
        )
        assert await listed(server) == {}


@in_loop
async def test_a_disk_that_is_full_is_told(home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(uploads, "_copy", write)
    async with panel(home) as server:
        found = await upload(server, "a.wav", stem)
        assert found.status == 507
        assert found.error.startswith(
            f"{home / 'a.wav'} cannot be written: No space left on device; free some"
        )
    assert left_in(home) == []


@in_loop
async def test_a_folder_that_nothing_can_be_written_to_is_told_in_words_of_no_command_line(
    home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    async with panel(home) as server:
        found = await upload(server, "a.wav", stem)
        assert (found.status, found.error) == (409, f"the folder {home} cannot be written; choose another")


@in_loop
async def test_a_link_under_the_name_of_an_upload_is_left_alone(home: Path, stem: bytes) -> None:
    outside = home.parent / "secret.wav"
    outside.write_bytes(b"secret")
    (home / "own.wav").write_bytes(stem)
    for name, target in {"out": outside, "in": home / "own.wav", "gone": home / "new.wav"}.items():
        (home / f"{name}.wav").symlink_to(target)
    (home / "loop.wav").symlink_to(home / "loop.wav")
    (home / "own 2.wav").symlink_to(outside)
    before = left_in(home)
    async with panel(home) as server:
        for name in ("out.wav", "in.wav", "gone.wav", "loop.wav"):
            found = await upload(server, name, stem)
            assert (found.status, found.error) == (
                409,
                f"{name} is a link in the open folder; send the file under another name",
            )
        assert left_in(home) == before
        assert json.loads((await upload(server, "own.wav", stem)).body)["name"] == "own 3.wav"
    assert outside.read_bytes() == b"secret"


@in_loop
async def test_a_name_that_windows_keeps_is_refused(home: Path, stem: bytes) -> None:
    async with panel(home) as server:
        for name in ("CON.wav", "nul.flac", "com1.mp3", "_aux.wav", "lpt9%20.ogg"):
            found = await upload(server, name, stem)
            assert found.status == 400
            assert "is a device of Windows and no file there; give another name" in found.error
        for name in ("a.wav.", "a.wav%20"):
            found = await upload(server, name, stem)
            assert found.status == 400
            assert "is no audio file by its name" in found.error
        assert left_in(home) == []
        assert json.loads((await upload(server, "4%3A30%3F.wav", stem)).body)["name"] == "4_30_.wav"


@in_loop
async def test_what_was_refused_gives_way_and_ends_no_upload(
    home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MAX_CLIENTS", 8)
    async with panel(home, "0.0.0.0") as server:  # noqa: S104 - so that it asks for the token
        cookie = f"Cookie: plugin_bridge_{server.http_port}={TOKEN}"
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(post("a.wav", len(stem), cookie) + stem[:1000])
        await writer.drain()
        others = []
        for _ in range(20):  # each waits to send a gigabyte
            others.append(await asyncio.open_connection("127.0.0.1", server.http_port))
            others[-1][1].write(post("b.wav", 10**9))
            assert b" 403 " in await asyncio.wait_for(others[-1][0].readline(), PATIENCE)
        writer.write(stem[1000:])
        assert b" 201 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        for _, other in [*others, (reader, writer)]:
            other.close()


@pytest.fixture
def long_files(home: Path) -> Path:
    """A stem and a session that fill every buffer between here and one who does not read."""
    x = np.zeros((1, LONG_FRAMES), np.float32)
    soundfile.write(home / "long.wav", x.T, 48000, "FLOAT")
    Live(sample_rate=48000).record(home / "long take", x, [LONG_FRAMES])
    return home


@asynccontextmanager
async def half_sent(server: OscServer, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """A download that its reader has stopped reading."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port, limit=1000)
    writer.write(get(path))
    assert b" 200 " in await asyncio.wait_for(reader.readline(), PATIENCE)
    yield reader
    writer.close()


@pytest.mark.parametrize("name", ["long.wav", "long%20take"])
def test_a_download_that_is_cut_off_fills_no_terminal(
    long_files: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http, "_MAX_CLIENTS", 1)

    @in_loop
    async def test() -> None:
        async with panel(long_files) as server:
            async with half_sent(server, f"/panel/files/{name}") as reader:
                assert (await ask(server, get("/panel/about"))).status == 200  # in its place
                with contextlib.suppress(ConnectionError):
                    assert len(await asyncio.wait_for(reader.read(), PATIENCE)) < LONG_FRAMES * 4
            async with half_sent(server, f"/panel/files/{name}"):
                await server.stop()

    test()
    assert caplog.messages == []


@in_loop
async def test_links_that_lead_out_are_not_listed_and_not_sent(home: Path, stem: bytes) -> None:
    outside = home.parent / "secret.wav"
    outside.write_bytes(stem)
    (home / "link.wav").symlink_to(outside)
    (home / "loop.wav").symlink_to(home / "loop.wav")
    (home / "own.wav").write_bytes(stem)
    (home / "inner.wav").symlink_to("own.wav")
    Live(sample_rate=RATE).record(home / "take", sung(RATE, 0.2), [3200])
    (home / "take" / "audio.f32").unlink()
    (home / "take" / "audio.f32").symlink_to(outside)
    async with panel(home) as server:
        assert {"own.wav", "inner.wav"} <= set(await listed(server)) <= {"own.wav", "inner.wav", "take"}
        for name in ("link.wav", "take"):
            found = await ask(server, get(f"/panel/files/{name}"))
            assert found.status == 404
            assert "leads out of the folder" in found.error


@pytest.mark.skipif(sys.platform != "linux", reason="names of other systems are Unicode")
@in_loop
async def test_a_name_that_is_no_unicode_is_left_out(home: Path, stem: bytes) -> None:
    (home / os.fsdecode(b"a\xff.wav")).write_bytes(stem)
    (home / "b\n<b>.wav").write_bytes(stem)
    async with panel(home) as server:
        assert set(await listed(server)) == {"b\n<b>.wav"}


@in_loop
async def test_a_head_has_no_body(home: Path) -> None:
    Live(sample_rate=RATE).record(home / "take", sung(RATE, 0.2), [3200])
    async with panel(home) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(get("/panel/files/take").replace(b"GET", b"HEAD"))
        found = await asyncio.wait_for(reader.read(), PATIENCE)
        assert (found[:15], found[-4:]) == (b"HTTP/1.1 200 OK", b"\r\n\r\n")
        assert b"Content-Length: 128" in found
        assert len(found) < 1000
        writer.close()


@in_loop
async def test_stems_bounces_and_sessions_are_listed_and_sent_in_parts(home: Path, stem: bytes) -> None:
    source = sung(RATE, 0.5)
    Live(sample_rate=RATE).record(home / "take 1", source, [4000, 4000])
    writer = AudioWriter(
        home / "bounce.flac",
        RATE,
        1,
        RATE,
        OutputFormat("flac", "24"),
        carried=Carried({"software": SOFTWARE}),
    )
    with writer:
        writer.write(np.zeros((1, RATE), np.float32))
    (home / "notes.txt").write_text("no audio", "utf-8")
    (home / "guide.mid").write_bytes(b"MThd...")
    async with panel(home) as server:
        assert (await upload(server, "stem.wav", stem)).status == 201
        rows = await listed(server)
        assert {name: row["kind"] for name, row in rows.items()} == {
            "take 1": "session",
            "bounce.flac": "bounce",
            "stem.wav": "stem",
            "guide.mid": "notes",
        }
        assert (await ask(server, get("/panel/files/guide.mid"))).body == b"MThd..."
        assert (rows["stem.wav"]["seconds"], rows["bounce.flac"]["seconds"]) == (0.5, 1.0)
        assert (rows["take 1"]["seconds"], rows["take 1"]["singer"]) == (0.5, "dark")
        assert rows["stem.wav"]["bytes"] == len(stem)
        whole = await ask(server, get("/panel/files/stem.wav"))
        assert (whole.status, whole.body) == (200, stem)
        part = await ask(server, get("/panel/files/stem.wav", "Host: localhost", "Range: bytes=100-199"))
        assert (part.status, part.body) == (206, stem[100:200])
        session = await ask(server, get("/panel/files/take%201"))
        (home.parent / "session.wav").write_bytes(session.body)
        x, rate = soundfile.read(home.parent / "session.wav", dtype="float32", always_2d=True)
        assert rate == RATE
        np.testing.assert_array_equal(x.T, source)
        for asked, expected in (
            ("10-99", session.body[10:100]),
            ("5000-", session.body[5000:]),
            ("-7", session.body[-7:]),
        ):
            part = await ask(server, get("/panel/files/take%201", "Host: localhost", f"Range: bytes={asked}"))
            assert (part.status, part.body) == (206, expected)
        for name, size in (("take%201", len(session.body)), ("stem.wav", len(stem))):
            for asked in ("bytes=99999999-", "bytes=9-3", "seconds=1-2"):
                beyond = await ask(server, get(f"/panel/files/{name}", "Host: localhost", f"Range: {asked}"))
                assert beyond.status == 416
                assert f"Content-Range: bytes */{size}\r\n" in beyond.head
                assert (
                    beyond.error == f"'{asked}' is no part of the {size} bytes; ask for one, as in bytes=0-99"
                )
        outdated = "If-Range: Thu, 01 Jan 1970 00:00:00 GMT"
        whole = await ask(
            server, get("/panel/files/stem.wav", "Host: localhost", "Range: bytes=99999999-", outdated)
        )
        assert (whole.status, whole.body) == (200, stem)
        kept = await ask(server, get("/panel/files/stem.wav", "Host: localhost", 'If-Match: "x"'))
        assert (kept.status, kept.error) == (412, "If-Match is no condition that is kept here; leave it out")
        for name in ("notes.txt", "take%201/session.json", "take%201/audio.f32", "nothing.wav"):
            found = await ask(server, get(f"/panel/files/{name}"))
            assert found.status == 404
            assert "is no audio file, notes or session of the open folder" in found.error


@in_loop
async def test_a_file_that_ends_the_process_that_looks_at_it_is_listed_without_its_length(
    home: Path, stem: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        (home / name).write_bytes(stem)
    code = (
        "import os, sys; from plugin_bridge.panel import probe\n"
        "for path in sys.argv[1:]:\n"
        "    os.abort() if path.endswith('b.wav') else probe.main([path])"
    )
    monkeypatch.setattr(folders, "_PROBE", (sys.executable, "-c", code))
    async with panel(home) as server:
        rows = await listed(server)
        assert {row["seconds"] for name, row in rows.items() if name != "b.wav"} == {0.5}
        assert rows["b.wav"]["seconds"] is None


def test_the_address_is_one_that_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address("127.0.0.1", 9080) == "http://127.0.0.1:9080/panel/"
    assert address("::1", 80, "x") == "http://[::1]:80/panel/?token=x"
    assert "0.0.0.0" not in address("0.0.0.0", 9080)  # noqa: S104 - nothing is bound to it
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform == "linux":
        assert not has_desktop()
        monkeypatch.setenv("DISPLAY", ":0")
        assert has_desktop()
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
    assert not has_desktop()
