"""OSC over TCP: both framings, garbage, clients that send too fast, read nothing or go away."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_bridge.osc.server import OscServer
from plugin_bridge.osc.wire import tcp
from plugin_bridge.osc.wire.framing import Framing, Lengths, Slip
from plugin_bridge.osc.wire.packets import Argument, Message, read_packet
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.osc.wire.senders import Sender
from tests.plugin_bridge.osc.clients import PATIENCE, Client, bundle, in_loop, served


class Stream:
    """A client of TCP.

    Args:
        framing: how it frames.
    """

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._messages: list[Message] = []

    async def open(self, server: OscServer) -> Stream:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", server.tcp_port)
        return self

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return

    def send(self, address: str, *arguments: Argument) -> None:
        self.writer.write(self._framing.framed(message(address, *arguments)))

    async def is_served(self) -> bool:
        self.send("/version")
        try:
            return bool(await asyncio.wait_for(self.reader.read(65536), PATIENCE))
        except ConnectionError:
            return False

    async def hear(self) -> Message:
        while not self._messages:
            data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
            assert data, "the server hung up"
            self._framing.feed(data)
            for packet in self._framing.packets():
                self._messages += [one for group in read_packet(packet) for one in group.messages]
        return self._messages.pop(0)


@pytest.mark.parametrize("kind", [Slip, Lengths])
def test_requests_are_answered_in_their_own_framing(tmp_path: Path, kind: type[Slip | Lengths]) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (rig, server):
            client = await Stream(kind()).open(server)
            client.send("/param/gain", -6.0, "#1")
            client.send("/param/gain", 99.0)
            assert await client.hear() == Message("/done", ("/param/gain", -6.0, "#1"))
            assert (await client.hear()).address == "/fail"
            client.send("/subscribe", 100.0, 60.0, "/param/gain")
            assert await client.hear() == Message("/done", ("/subscribe", 1))
            assert await client.hear() == Message("/param/gain", (-6.0,))
            assert rig.values["gain"] == -6.0
            await client.close()

    test()


@pytest.mark.parametrize("kind", [Slip, Lengths])
def test_packets_come_in_pieces_of_any_size(tmp_path: Path, kind: type[Slip | Lengths]) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server):
            client = await Stream(kind()).open(server)
            stream = b"".join(kind().framed(message("/param/gain", float(-k))) for k in range(20))
            for start in range(0, len(stream), 7):
                client.writer.write(stream[start : start + 7])
                await client.writer.drain()
                await asyncio.sleep(0)
            assert [await client.hear() for _ in range(20)] == [
                Message("/done", ("/param/gain", float(-k))) for k in range(20)
            ]
            await client.close()

    test()


@in_loop
async def test_one_who_is_too_fast_waits_and_loses_nothing(tmp_path: Path) -> None:
    async with served(tmp_path, rate=500.0, burst=10.0) as (rig, server):
        client = await Stream(Lengths()).open(server)
        for k in range(100):
            client.send("/param/gain", -k / 10)
        for _ in range(100):
            assert (await client.hear()).address == "/done"
        assert len(rig.sent) == 100
        assert server.counters.limited == 0
        await client.close()


@in_loop
async def test_what_was_sent_before_a_close_is_done(tmp_path: Path) -> None:
    async with served(tmp_path, rate=2000.0, burst=10.0) as (rig, server):
        client = await Stream(Lengths()).open(server)
        for k in range(300):
            client.send("/param/gain", -k / 10)
        await client.close()
        async with asyncio.timeout(PATIENCE):
            while server._connections or not rig.sent:
                await asyncio.sleep(0.001)
        assert len(rig.sent) == 300
        assert len(server._limiter) == 0


@in_loop
async def test_a_server_that_stops_does_not_wait_for_what_was_sent_before_a_close(tmp_path: Path) -> None:
    async with served(tmp_path, rate=0.01, burst=1.0) as (rig, server):
        client = await Stream(Lengths()).open(server)
        for _ in range(3):
            client.send("/param/gain", -1.0)
        await client.hear()
        await client.close()
        assert server._connections
    assert len(rig.sent) == 1
    await asyncio.sleep(0.01)
    assert not server._connections


@in_loop
async def test_one_who_sends_no_more_hears_all_answers(tmp_path: Path) -> None:
    async with served(tmp_path, rate=2000.0, burst=10.0) as (_, server):
        client = await Stream(Slip()).open(server)
        for _ in range(100):
            client.send("/param/gain")
        client.send("/preset/save", "kept")  # takes a while
        client.writer.write_eof()
        heard = [await client.hear() for _ in range(101)]
        assert heard[-1] == Message("/done", ("/preset/save", "kept"))
        assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""
        await client.close()
        async with asyncio.timeout(PATIENCE):
            while server._connections:
                await asyncio.sleep(0.001)


@in_loop
async def test_garbage_leaves_the_server_alive(tmp_path: Path) -> None:
    rng = random.Random(7)  # noqa: S311 - garbage, not secrets
    good = message("/version")
    async with served(tmp_path) as (_, server):
        for k in range(60):
            client = await Stream(Slip()).open(server)
            start = rng.choice([b"", b"\0", b"\xc0", b"/", Lengths().framed(good), Slip().framed(good)])
            client.writer.write(start + rng.randbytes(rng.randrange(3000)))
            if k % 2:
                client.writer.transport.abort()
            else:
                client.writer.write_eof()
                while await asyncio.wait_for(client.reader.read(65536), PATIENCE):
                    pass
            await client.close()
        while server._connections:
            await asyncio.sleep(0.001)
        assert len(server._limiter) == 0  # nothing of them is kept
        after = await Stream(Slip()).open(server)
        after.send("/version")
        assert (await after.hear()).arguments[1] == "plugin_bridge"
        await after.close()


@in_loop
async def test_a_length_too_large_is_answered_and_ends_the_connection(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server):
        client = await Stream(Lengths()).open(server)
        client.writer.write(b"\0\xff\xff\xff")
        answer = await client.hear()
        assert answer.address == "/fail"
        assert "send at most 65536" in str(answer.arguments[1])
        assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""
        await client.close()


@in_loop
async def test_one_who_reads_nothing_is_hung_up_on(tmp_path: Path) -> None:
    async with served(tmp_path, rate=1e6, burst=1e6) as (_, server):
        client = await Stream(Lengths()).open(server)
        request = Lengths().framed(message("/sync", "x" * 50_000))

        async def flood() -> None:
            for _ in range(1000):  # each is answered by as much: 1 MB waits here, a few more in the system
                client.writer.write(request)
                await asyncio.wait_for(client.writer.drain(), PATIENCE)
                await asyncio.sleep(0)

        with pytest.raises(ConnectionError):
            await flood()
        await client.close()


FOREIGN = [
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n\xc0",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\xc0",
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\xc0",
    b"\n",
]


@pytest.mark.parametrize("kind", [Slip, Lengths])
@pytest.mark.parametrize("first", FOREIGN)
def test_nothing_of_what_a_browser_sends_is_done(
    tmp_path: Path, first: bytes, kind: type[Slip | Lengths]
) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (rig, server):
            for pause in (False, True):  # whether the rest comes later
                client = await Stream(kind()).open(server)
                client.writer.write(first)
                if pause:
                    await asyncio.sleep(0.01)
                with contextlib.suppress(OSError):
                    client.send("/param/gain", -6.0)
                    client.send("/record/start", "taken")
                    assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""
                await client.close()
            assert (server.counters.requests, server.counters.malformed) == (0, 2)
            assert (rig.sent, rig.status.recording) == ([], "")
            assert not server._connections

    test()


MALFORMED = [
    (Slip, b"\xc0/param/gain\0,f\0\0\xc0"),
    (Slip, b"\xc0/a\0\0,Q\0\0\xc0"),
    (Slip, b"\xc0/x\xdbx\xc0"),
    (Slip, b"\xc0GET / HTTP/1.1\xc0"),
    (Lengths, b"\0\0\0\7/a\0\0,\0\0"),
    (Lengths, b"\0\0\0\x08/a\0\0,Q\0\0"),
    (Lengths, b"\0\0\0\x0cGET / HTTP/1"),
]


@pytest.mark.parametrize(("kind", "wrong"), MALFORMED)
def test_what_is_malformed_is_answered_and_ends_the_connection(
    tmp_path: Path, kind: type[Slip | Lengths], wrong: bytes
) -> None:
    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (rig, server):
            client = await Stream(kind()).open(server)
            before, after = (kind().framed(message("/param/gain", value)) for value in (-3.0, -6.0))
            client.writer.write(before + wrong + after)
            assert await client.hear() == Message("/done", ("/param/gain", -3.0))
            assert (await client.hear()).address == "/fail"
            with contextlib.suppress(OSError):
                assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""
            await client.close()
            assert rig.values["gain"] == -3.0
            assert (server.counters.requests, server.counters.malformed) == (1, 1)

    test()


@pytest.mark.parametrize("first", [b"", b"\0\0", b"\xc0/par", b"\0\0\0\x14/param/ga"])
def test_who_begins_a_packet_and_sends_no_rest_is_hung_up_on(
    tmp_path: Path, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp, "_PATIENCE_SECONDS", 0.1)

    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (_, server):
            quiet = await Stream(Slip()).open(server)
            assert await quiet.is_served()
            client = await Stream(Slip()).open(server)
            client.writer.write(first)
            with contextlib.suppress(OSError):
                assert await asyncio.wait_for(client.reader.read(), PATIENCE) == b""
            await client.close()
            assert await quiet.is_served()  # who has sent whole packets may be quiet for as long as it likes
            await quiet.close()

    test()


@in_loop
async def test_idle_connections_give_way_and_subscribers_last(tmp_path: Path) -> None:
    async with served(tmp_path, connections=3) as (_, server):
        subscriber, quiet = [await Stream(Slip()).open(server) for _ in range(2)]
        subscriber.send("/subscribe", 100.0, 60.0, "/param/gain")
        assert (await subscriber.hear()).address == "/done"
        assert await quiet.is_served()
        idle = [await Stream(Slip()).open(server) for _ in range(70)]
        active = await Stream(Slip()).open(server)
        assert await active.is_served()
        assert await quiet.is_served()  # who has said something goes before who has not
        assert len(server._connections) == 3
        later = await Stream(Slip()).open(server)
        assert await later.is_served()
        assert not await active.is_served()
        assert await quiet.is_served()
        assert len(server._subscriptions) == 1
        assert len(server._connections) == 3
        for client in (subscriber, quiet, active, later, *idle):
            await client.close()


@in_loop
async def test_a_flood_from_many_connections_delays_no_other_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    async with served(tmp_path) as (rig, server), Client(server.port) as calm:
        handle = server._dispatcher.handle

        def counted(data: bytes, sender: Sender) -> Iterator[None]:
            nonlocal steps
            for _ in handle(data, sender):
                steps += 1
                yield

        monkeypatch.setattr(server._dispatcher, "handle", counted)
        crowd = [await Stream(Lengths()).open(server) for _ in range(60)]
        patterns = bundle(1, *[message("/*/*"), message("/p*/*/unit")] * 100)
        for client in crowd:
            client.writer.write(Lengths().framed(patterns))
        while server.counters.packets < len(crowd):
            await asyncio.sleep(0)
        for k in range(5):
            before = steps
            await calm.done("/param/gain", -float(k))
            await calm.done("/panic")
            assert steps - before < 10_000  # messages read and addresses answered meanwhile, of 700,000
        assert rig.values["gain"] == -4.0
        assert any(getattr(one, "_steps", None) for one in server._connections)
        for client in crowd:
            client.writer.transport.abort()
