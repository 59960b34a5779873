"""Subscribers: each its own list, rate and expiry; and nothing to anybody else."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.subscriptions import MAX_SUBSCRIBERS, Subscriptions
from plugin_bridge.osc.wire.packets import Argument, Message, read_packet
from plugin_bridge.osc.wire.senders import Sender
from tests.plugin_bridge.osc.clients import Client, in_loop, served
from tests.support.rigs import RATE


class Ear:
    """A sender that keeps what it is sent."""

    longest = 65_507

    def __init__(self, name: object = 0, host: str = "127.0.0.1", *, validated: bool = True) -> None:
        self.key = name
        self.host = host
        self.validated = validated
        self.heard: list[Message] = []

    def validate(self, token: int) -> bool:  # noqa: ARG002 - it is what it was made
        return self.validated

    def at(self, port: int) -> Sender:
        return Ear((self.host, port), self.host, validated=self.validated)

    def send(self, packet: bytes) -> None:
        self.heard += [message for group in read_packet(packet) for message in group.messages]


@in_loop
async def test_all_values_come_at_first_and_then_those_that_change(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as one, Client(server.port) as two:
        assert await one.done("/subscribe", 100.0, 60.0, "/param/gain", "/param/mor*", "#id") == (3, "#id")
        first = {await one.hear() for _ in range(3)}
        assert first == {("/param/gain", (0.0,)), ("/param/morph", (0.0,)), ("/param/morph_singer", ("",))}
        await two.done("/param/gain", -3.0)
        assert await one.hear() == ("/param/gain", (-3.0,))
        await two.done("/morph", 0.5)
        assert await one.hear() == ("/param/morph", (0.5,))
        await two.silence()
        assert await one.done("/unsubscribe") == (0,)
        await two.done("/param/gain", -4.0)
        await one.silence()


@in_loop
async def test_meters_come_on_subscription_only(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        rig.run(RATE // 2)
        await client.silence()
        assert await client.done("/subscribe", 100, 60, "/meter/*") == (6,)
        levels = dict([await client.hear() for _ in range(6)])
        assert set(levels) == {path for path in ADDRESSES if path.startswith("/meter/")}
        (f0,) = levels["/meter/f0"]
        assert isinstance(f0, float)
        assert abs(f0 - 220.0) < 5.0


@in_loop
async def test_the_rate_and_the_expiry_are_each_subscribers_own() -> None:
    count = 0

    def read(_: object) -> tuple[Argument, ...]:
        nonlocal count
        count += 1
        return (count,)

    subscriptions = Subscriptions(read)
    slow, quick = Ear("slow"), Ear("quick")
    subscriptions.subscribe(slow, 1.0, 60.0, ["/meter/load"])
    subscriptions.subscribe(quick, 100.0, 1.0, ["/meter/load"])
    while len(subscriptions) == 2:
        await asyncio.sleep(0.01)
    assert 1 <= len(slow.heard) <= 3
    assert len(slow.heard) < len(quick.heard) <= 101
    subscriptions.close()
    assert len(subscriptions) == 0


@in_loop
async def test_after_a_stall_nothing_that_was_missed_is_made_up_for() -> None:
    count = 0

    def read(_: object) -> tuple[Argument, ...]:
        nonlocal count
        count += 1
        return (count,)

    subscriptions, ear, loop = Subscriptions(read), Ear(), asyncio.get_running_loop()
    subscriptions.subscribe(ear, 100.0, 60.0, ["/meter/load"])
    await asyncio.sleep(0.02)
    time.sleep(0.3)  # the loop stands still
    ear.heard.clear()
    began = loop.time()
    while len(ear.heard) < 5:
        await asyncio.sleep(0.0)
    assert loop.time() - began >= 0.029  # two at once, and then one every 10 ms
    subscriptions.close()


@in_loop
async def test_where_there_is_no_room_the_one_not_renewed_for_longest_gives_way_and_is_told() -> None:
    subscriptions = Subscriptions(lambda _: (0,))
    ears = [Ear(k) for k in range(MAX_SUBSCRIBERS + 1)]
    for ear in ears[:-1]:
        subscriptions.subscribe(ear, 1.0, 3600.0, ["/param/gain"])
    assert subscriptions.subscribe(ears[0], 1.0, 60.0, ["/param/mix"]) == 2  # renewed
    subscriptions.subscribe(ears[-1], 1.0, 60.0, ["/param/gain"])
    assert len(subscriptions) == MAX_SUBSCRIBERS
    assert not subscriptions.has(1)
    (told,) = ears[1].heard
    assert told == Message("/fail", ("/subscribe", "more than 64 subscribe; subscribe again to go on"))
    assert subscriptions.unsubscribe(ears[0], ["/param/gain"]) == 1
    assert subscriptions.unsubscribe(ears[0], ["/param/mix"]) == 0
    assert subscriptions.unsubscribe(ears[1]) == 0
    assert len(subscriptions) == MAX_SUBSCRIBERS - 1
    subscriptions.close()


@in_loop
async def test_a_host_with_many_subscribers_displaces_its_own() -> None:
    subscriptions = Subscriptions(lambda _: (0,))
    tablet = Ear("tablet", "10.0.0.2")
    subscriptions.subscribe(tablet, 1.0, 3600.0, ["/param/gain"])
    for k in range(200):
        subscriptions.subscribe(Ear(k, "10.0.0.66"), 1.0, 3600.0, ["/param/gain"])
    assert subscriptions.has("tablet")
    assert len(subscriptions) == MAX_SUBSCRIBERS
    subscriptions.close()


@in_loop
async def test_values_go_to_the_port_that_is_named(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as (_, server),
        Client(server.port) as button,
        Client(server.port) as display,
        Client(server.port) as other,
    ):
        port = display.socket.getsockname()[1]
        assert await button.done("/subscribe", 100.0, 60.0, float(port), "/param/gain") == (1,)
        assert await display.hear() == ("/param/gain", (0.0,))
        await other.done("/param/gain", -3.0)
        assert await display.hear() == ("/param/gain", (-3.0,))
        await button.silence()
        assert await button.done("/subscribe", 100.0, 60.0, port, "/param/mix") == (2,)
        assert {(await display.hear())[0] for _ in range(2)} == {"/param/gain", "/param/mix"}
        assert await other.done("/unsubscribe") == (0,)
        assert await button.done("/unsubscribe", "/param/mix") == (1,)
        assert await button.done("/unsubscribe", 1.0) == (0,)  # from a button
        await other.done("/param/gain", -4.0)
        await display.silence()
        for wrong in (0, 65_536, -1):
            assert "port" in await button.fail("/subscribe", 100.0, 60.0, wrong, "/param/gain")


def test_who_is_not_validated_cannot_subscribe() -> None:
    subscriptions = Subscriptions(lambda _: (0,))
    with pytest.raises(ValueError, match=r"10\.0\.0\.9 is not validated; send back the number that /token"):
        subscriptions.subscribe(Ear("x", "10.0.0.9", validated=False), 10.0, 60.0, ["/param/gain"], port=9001)
    assert len(subscriptions) == 0


@in_loop
async def test_one_whose_time_has_passed_makes_room_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    subscriptions = Subscriptions(lambda _: (0,))
    for k in range(MAX_SUBSCRIBERS):
        subscriptions.subscribe(Ear(k), 0.1, 2.0, ["/param/gain"])  # they are looked at every 10 s
    loop = asyncio.get_running_loop()
    later = loop.time() + 3.0
    monkeypatch.setattr(loop, "time", lambda: later)
    assert subscriptions.subscribe(Ear("new"), 0.1, 2.0, ["/param/gain"]) == 1
    assert len(subscriptions) == 1
    subscriptions.close()


@in_loop
async def test_asking_again_sends_every_value_again(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        for _ in range(2):
            assert await client.done("/subscribe", 0.1, 60, "/param/gain") == (1,)
            assert await client.hear() == ("/param/gain", (0.0,))


@in_loop
async def test_notices_go_to_those_who_want_them(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as one, Client(server.port) as two:
        await one.done("/subscribe", 1.0, 60, "/report")
        rig.tell("the device is gone; it is looked for")
        assert await one.hear() == ("/report", ("the device is gone; it is looked for",))
        await two.silence()


@in_loop
async def test_the_last_100_reports_are_there_for_who_comes_later(tmp_path: Path) -> None:
    async with served(tmp_path, http_port=None) as (rig, server), Client(server.port) as client:
        assert await client.done("/report/list") == ()
        for number in range(120):
            rig.tell(f"report {number}")
        rows = await client.done("/report/list")
        assert rows[0::2] == tuple(f"report {number}" for number in range(20, 120))
        ages = [float(str(age)) for age in rows[1::2]]
        assert ages == sorted(ages, reverse=True)
        assert 0.0 <= ages[-1] <= ages[0] < 120.0


@in_loop
async def test_what_commands_did_is_reported_to_everybody(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as one, Client(server.port) as two:
        await two.done("/subscribe", 1.0, 60, "/report")
        await one.done("/preset/save", "mine")
        await one.done("/preset/load", "mine")
        await one.done("/record/start", "take")
        await one.done("/record/stop")
        await one.done("/panic")
        expected = (
            "preset mine is saved",
            "preset mine is loaded",
            "session take is being recorded",
            "session take is recorded",
            "panic: all notes off; bypass, melody and morph are as at the start",
        )
        assert tuple([(await two.hear_of("/report"))[1][0] for _ in expected]) == expected
        assert (await two.done("/report/list"))[0::2] == expected


@in_loop
async def test_everything_at_once_fits_into_small_packets(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        readable = [path for path, row in ADDRESSES.items() if row.readable]
        patterns = ("/*", "/*/*", "/*/*/*")
        assert await client.done("/subscribe", 1.0, 60, *patterns) == (len(readable),)
        valued = [path for path in readable if ADDRESSES[path].kind != "notice"]
        assert [(await client.hear())[0] for _ in valued] == sorted(
            valued, key=lambda path: (path.count("/"), list(ADDRESSES).index(path))
        )
        assert max(len(packet) for packet in client.packets) <= 1400
