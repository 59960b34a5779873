"""Address validation: nobody is sent more than it sent until it has shown that it receives."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.osc.wire.validation import VALID_SECONDS, AddressValidation, is_local
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served

LOCAL = ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1")
FOREIGN = ("192.0.2.1", "10.0.0.1", "fe80::1%eth0", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0")  # noqa: S104


def test_loopback_is_local_and_nothing_else_is() -> None:
    assert all(map(is_local, LOCAL))
    assert not any(map(is_local, FOREIGN))


def test_a_host_gets_no_more_than_it_sent_until_it_sends_its_token_back() -> None:
    now = 0.0
    validation = AddressValidation(clock=lambda: now)
    host = "192.0.2.7"
    assert not validation.allows(host, 1)
    validation.received(host, 40)
    assert [validation.allows(host, size) for size in (41, 16, 24, 1)] == [False, True, True, False]
    token = validation.token(host)
    assert 0 <= token < 2**31
    assert not validation.take(host, (token + 1) % 2**31)
    assert not validation.take("192.0.2.8", token)
    assert not validation.validated(host)
    assert validation.take(host, token)
    assert validation.allows(host, 1_000_000)
    now = VALID_SECONDS + 1.0
    assert not validation.validated(host)
    assert not validation.take(host, token)  # each is good once


def test_what_is_remembered_is_bounded_and_strangers_do_not_push_out_the_validated() -> None:
    validation = AddressValidation()
    assert validation.take("192.0.2.1", validation.token("192.0.2.1"))
    for k in range(5000):
        validation.received(f"10.0.{k // 250}.{k % 250}", 1000)
    assert len(validation._strangers) == 1024
    assert validation.validated("192.0.2.1")


@in_loop
async def test_no_request_is_amplified(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as spoofed:
        assert server._udp is not None
        server._udp.validation = AddressValidation(trusted=lambda _: False)
        patterns = [message("/*/*"), message("/*", 1), message("/subscribe", 100.0, 3600.0, *["/*/*"] * 5)]
        packets = [message(path) for path in ADDRESSES] + [*patterns, b"x", message("/nowhere")]
        for packet in packets * 3:
            spoofed.throw(packet)
        async with asyncio.timeout(PATIENCE):
            while server.counters.packets < 3 * len(packets):
                await asyncio.sleep(0.001)
        received = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                received += len(spoofed.socket.recv(65_536))
        assert 0 < received <= 3 * sum(map(len, packets))
        assert len(server._subscriptions) == 0


@in_loop
async def test_who_sends_its_token_back_hears_and_subscribes(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        assert server._udp is not None
        server._udp.validation = AddressValidation(trusted=lambda _: False)
        client.send("/subscribe", 100.0, 60.0, "/param/gain")
        address, (token,) = await client.hear()
        assert address == "/token"
        client.send("/token", 0)
        assert await client.hear() == ("/token", (token,))  # in place of an answer that is too long
        assert await client.done("/token", token) == ()
        assert await client.done("/subscribe", 100.0, 60.0, "/param/gain") == (1,)
        assert await client.hear() == ("/param/gain", (0.0,))
        assert len(await client.done("/status")) > 40
    assert rig.sent == []


@in_loop
async def test_what_moves_the_sound_needs_no_token(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        assert server._udp is not None
        server._udp.validation = AddressValidation(trusted=lambda _: False)
        client.send("/param/gain", -6.0)
        assert (await client.hear())[0] == "/token"
        assert rig.values["gain"] == -6.0
