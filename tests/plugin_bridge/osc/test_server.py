"""The server over UDP: every value set and got, notes, ids, patterns, bundles, and what is refused."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge import (
    PARAMETERS,
    AllNotesOff,
    Event,
    NoteOff,
    NoteOn,
    PitchBend,
    Preset,
    save_preset,
)
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import Parameter, Value
from plugin_bridge.control.rig import Meters, Status
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.wire.packets import Argument, Opaque
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.osc.wire.senders import Sender
from plugin_bridge.version import __version__
from tests.plugin_bridge.osc.clients import Client, bundle, in_loop, served, tag
from tests.plugin_bridge.osc.wire.test_packets import WRONG
from tests.support.rigs import EPOCH, RATE, EngineRig


def other(row: Parameter) -> Value:
    """A value that is not the default."""
    if row.kind == "singer":
        return "bright"
    return True if row.kind == "switch" else row.words[1] if row.kind == "choice" else row.from_unit(0.375)


def test_the_table_has_every_parameter_meter_and_field_of_the_status() -> None:
    assert {row.name for row in ADDRESSES.values() if row.kind == "value"} == set(PARAMETERS)
    assert {row.name for row in ADDRESSES.values() if row.kind == "meter"} == {f.name for f in fields(Meters)}
    assert {row.name for row in ADDRESSES.values() if row.kind == "status"} == {
        f.name for f in fields(Status)
    }


@in_loop
async def test_every_value_is_set_and_got_in_its_unit_and_as_a_position(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        for row in ADDRESSES.values():
            parameter = PARAMETERS.get(row.name)
            if row.kind == "value" and parameter is not None:
                value = other(parameter)
                expected = pytest.approx(value, rel=1e-6) if isinstance(value, float) else value
                assert await client.done(row.path, value) == (expected,)
                assert await client.done(row.path) == (expected,)
                assert rig.values[row.name] == expected
            elif row.kind == "position" and parameter is not None:
                assert await client.done(row.path, 0.625) == (0.625,)
                assert rig.values[row.name] == parameter.from_unit(0.625)
                (position,) = await client.done(row.path)
                assert isinstance(position, float)
                assert parameter.from_unit(position) == pytest.approx(rig.values[row.name], abs=1e-4)
        rig.run(RATE // 10)
        assert rig.engine.value("transpose") == rig.values["transpose"]


@in_loop
async def test_numbers_and_switches_come_in_several_types(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        assert await client.done("/param/gain", 3) == (3.0,)
        assert await client.done("/param/transpose", "auto") == ("auto",)
        assert await client.done("/param/transpose/unit") == ("auto",)
        for on, off in ((1, 0), (1.0, 0.0), (True, False)):
            assert await client.done("/bypass", on) == (True,)
            assert await client.done("/param/bypass", off) == (False,)
        client.throw(b"/param/gain\0,d\0\0" + struct.pack(">d", -1.5))
        assert await client.hear() == ("/done", ("/param/gain", -1.5))


@in_loop
async def test_an_event_is_checked_once_before_it_reaches_the_rig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    check = Parameter.check

    def counted(row: Parameter, value: object) -> Value:
        checked.append(row.id)
        return check(row, value)

    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        sent: list[AnyEvent] = []

        def kept(events: Sequence[AnyEvent], *, now: bool) -> None:
            assert now
            sent.extend(events)

        monkeypatch.setattr(rig, "send_checked", kept)
        monkeypatch.setattr(Parameter, "check", counted)
        await client.done("/param/gain", -6)
        await client.done("/singer", "bright")
        assert checked == ["gain", "singer"]
        assert sent == [Event(0, "gain", -6.0), Event(0, "singer", "bright")]


@in_loop
async def test_short_names_are_the_parameters(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        await client.done("/singer", "bright")
        await client.done("/morph", 0.25)
        await client.done("/morph/singer", "dark")
        await client.done("/bypass", True)
        shown = [rig.values[name] for name in ("singer", "morph", "morph_singer", "bypass")]
        assert shown == ["bright", 0.25, "dark", True]
        assert await client.done("/singer/list") == ("dark", "bright")


@in_loop
async def test_notes_reach_the_rig(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        rig.run(RATE // 10)
        here = rig.engine.position
        await client.done("/note/on", 60.5)
        await client.done("/note/on", 62, 100)
        await client.done("/note/on", 62, 0)
        await client.done("/note/off", 60.5)
        await client.done("/note/bend", -2.0)
        await client.done("/note/alloff")
        expected = [NoteOn(here, 60.5), NoteOn(here, 62.0), NoteOff(here, 62.0), NoteOff(here, 60.5)]
        assert rig.taken == [*expected, PitchBend(here, -2.0), AllNotesOff(here)]


@in_loop
async def test_the_id_of_a_request_comes_back_whatever_comes_of_it(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        assert await client.ask("/param/gain", -6.0, "#a") == ("/done", ("/param/gain", -6.0, "#a"))
        assert await client.ask("/param/gain", "#b") == ("/done", ("/param/gain", -6.0, "#b"))
        answer, values = await client.ask("/param/gain", 99.0, "#c")
        assert (answer, values[0], values[2]) == ("/fail", "/param/gain", "#c")
        assert await client.ask("/preset/list", "#d") == ("/done", ("/preset/list", *values_of_list(), "#d"))


def values_of_list() -> tuple[str, ...]:
    from plugin_bridge import shipped_presets

    return tuple(sorted(shipped_presets()))


BUTTONS: list[tuple[str, tuple[Argument, ...]]] = [
    ("/panic", ()),
    ("/note/alloff", ()),
    ("/record/start", ("take",)),
    ("/record/stop", ()),
    ("/preset/load", ("mine",)),
    ("/midi/learn", ("gain",)),
    ("/midi/learn/stop", ()),
    ("/singer/list", ()),
    ("/preset/list", ()),
    ("/version", ()),
    ("/unsubscribe", ()),
]


@in_loop
async def test_a_button_that_is_pressed_fires_a_command_and_one_let_go_does_not(tmp_path: Path) -> None:
    save_preset(Preset(name="mine", singer="bright"), tmp_path / "mine.toml")
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        for turn, pressed in enumerate((1, 1.0, True, 127, 0.01)):
            await client.done("/param/melody", True)
            for path, arguments in BUTTONS:
                calls = len(rig.sent), len(rig.learned), rig.status.recording
                for released in (0, 0.0, False):
                    (answer,) = await client.done(path, *arguments, released)
                    assert answer is False, path
                assert (len(rig.sent), len(rig.learned), rig.status.recording) == calls
                given = (f"{arguments[0]} {turn}",) if path == "/record/start" else arguments
                answers = await client.done(path, *given, pressed)
                assert all(answer is not False for answer in answers), path
                if path == "/panic":
                    assert rig.values["melody"] is False
        assert rig.learned == ["gain", None] * 5
        assert rig.values["singer"] == "bright"
        assert await client.done("/note/on", 60, 1.0) == (60, 1.0)
        assert await client.done("/note/on", 60, 0.0) == (60, 0.0)
        assert [type(event) for event in rig.taken[-2:]] == [NoteOn, NoteOff]
        client.throw(b"/panic\0\0,I\0\0")
        assert await client.hear() == ("/done", ("/panic",))
        assert await client.done("/sync", 0) == (0,)


@in_loop
async def test_symbols_characters_and_a_faders_excess_are_understood(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        client.throw(b"/singer\0,S\0\0bright\0\0")
        assert await client.hear() == ("/done", ("/singer", "bright"))
        client.throw(b"/param/key\0\0,c\0\0\0\0\0D")
        assert await client.hear() == ("/done", ("/param/key", "D"))
        assert await client.done("/param/key", "Bb") == ("A#",)
        assert await client.done("/param/key", "eb") == ("D#",)
        assert await client.done("/param/scale", "Minor") == ("minor",)
        assert await client.done("/param/quality", "Render") == ("render",)
        assert await client.done("/param/mix", 1.0000001) == (1.0,)
        assert await client.done("/morph", -1e-9) == (0.0,)
        assert await client.done("/param/gain/unit", 1.0000001) == (1.0,)
        assert await client.done("/param/retune/unit", 0.25) == (0.25,)
        assert (rig.values["gain"], rig.values["mix"], rig.values["morph"]) == (24.0, 1.0, 0.0)
        for odd in (
            Opaque("t", b"\0" * 7 + b"\1"),
            Opaque("b", b"\0\0\0\1x\0\0\0"),
            Opaque("c", b"\xff" * 4),
        ):
            assert await client.done("/sync", odd) == (odd,)


REFUSED: list[tuple[str, tuple[Argument, ...], str]] = [
    ("/nowhere", (), "address '/nowhere' is unknown"),
    ("/param/gain", (99.0,), "give -60 to 24 dB"),
    ("/param/gain", (float("nan"),), "is out of range"),
    ("/param/gain", (float("inf"),), "is out of range"),
    ("/param/gain", ("loud",), "is not a number"),
    ("/param/gain", (True,), "is not a number"),
    ("/param/gain", (None,), "is not a number"),
    ("/param/gain", (1.0, 2.0), "takes one argument, not 2"),
    ("/param/gain/unit", (1.5,), "give 0 to 1"),
    ("/param/gain/unit", (float("nan"),), "give 0 to 1"),
    ("/param/gain/unit", ("half",), "is not a number"),
    ("/param/transpose", ("other",), "'auto'"),
    ("/param/scale", ("twelve",), "give one of chromatic"),
    ("/param/scale", (3,), "is not a word"),
    ("/param/melody", ("yes",), "is not a switch"),
    ("/param/melody", (0.5,), "is not a switch"),
    ("/bypass", (0.5,), "bypass 0.5 is not a switch; send T, F, 0 or 1"),
    ("/bypass", ("on",), "bypass 'on' is not a switch; send T, F, 0 or 1"),
    ("/param/gain", (Opaque("r", b"\0\0\0\0"),), "gain <colour> is not a number"),
    ("/param/gain", (Opaque("m", b"\x90\x3c\x40\0"),), "gain <MIDI message> is not a number"),
    ("/param/gain", (Opaque("t", b"\0" * 8),), "gain <time tag> is not a number"),
    ("/bypass", (Opaque("b", b"\0\0\0\0"),), "bypass <blob> is not a switch"),
    ("/singer", (Opaque("r", b"\0\0\0\0"),), "is not a word"),
    ("/panic", (Opaque("m", b"\x90\x3c\x40\0"),), "does not take 1 argument; send /panic"),
    ("/panic", (None,), "does not take 1 argument; send /panic"),
    ("/singer", ("nobody",), "use one of dark, bright"),
    ("/singer", ("",), "use one of dark, bright"),
    ("/singer", (1,), "is not a word"),
    ("/morph/singer", ("../dark",), "use one of dark, bright"),
    (
        "/note/on",
        (),
        "takes a note, or a note and a velocity, not 0 arguments; send note [velocity]",
    ),
    ("/note/on", (60, 1, 1), "not 3 arguments"),
    ("/note/on", (128.0,), "give 0 to 127"),
    ("/note/on", (60, 400), "velocity 400.0 is out of range"),
    ("/note/on", ("c",), "is not a number"),
    ("/note/off", (60, 0), "takes one argument"),
    ("/note/bend", (49.0,), "give -48 to 48"),
    ("/note/alloff", (1, 1), "takes no argument"),
    ("/note/alloff", ("now",), "takes no argument"),
    ("/note", (), "address '/note' is unknown"),
    ("/meter/load", (1.0,), "cannot be set"),
    ("/status/xruns", (0,), "cannot be set"),
    ("/report", (), "has no value to read"),
    ("/param/*", ("x", "y"), ""),
    ("/pram/*", (), "fits no address"),
    ("/note/*", (60,), "fits no address"),
    ("/panic*", (), "fits no address"),
    ("//gain", (), "'//', which is not read"),
    ("/param/[a", (), "close it"),
    ("/param/" + "*" * 200, (), "too long"),
    ("/preset/load", (), "does not take 0 arguments; send /preset/load name"),
    ("/preset/load", (1,), "is not a word"),
    ("/preset/load", ("none",), "is not there"),
    ("/preset/load", ("../hall",), "is no plain name"),
    ("/preset/load", ("/etc/passwd",), "is no plain name"),
    ("/preset/load", ("",), "is no plain name"),
    ("/preset/load", ("a" * 100,), "is no plain name"),
    ("/preset/load", ("hall",), "singer 'nit' is not in the set"),
    ("/preset/save", (), "does not take 0 arguments; send /preset/save name [T]"),
    ("/preset/save", ("mine", False), "does nothing with F, as a button sends it; send T or leave it out"),
    ("/preset/save", ("mine", True, "x"), "does not take 3 arguments"),
    ("/preset/save", ("mine", True, True, 0), "does not take 3 arguments"),
    ("/preset/save", ("../mine",), "is no plain name"),
    ("/preset/save", ("sub/mine",), "is no plain name"),
    ("/preset/save", (".hidden",), "is no plain name"),
    ("/preset/save", ("trail.",), "is no plain name"),
    ("/preset/save", ("NUL",), "is a device of Windows"),
    ("/preset/save", ("com1.loud",), "is a device of Windows"),
    ("/preset/save", ("a:b",), "is no plain name"),
    ("/preset/load", ("con",), "is a device of Windows"),
    ("/bounce/start", (), "does not take 0 arguments; send /bounce/start input output [option value]..."),
    ("/bounce/start", ("in.wav",), "does not take 1 argument"),
    ("/bounce/start", ("in.wav", "out.wav", "tail"), "takes input, output"),
    ("/bounce/start", (1, "out.wav"), "is not a word"),
    ("/bounce/start", ("none.wav", "out.wav"), "is not a file in the folder"),
    ("/bounce/start", ("../in.wav", "out.wav"), "leads out of the folder"),
    ("/bounce/start", ("/etc/passwd", "out.wav"), "leads out of the folder"),
    ("/bounce/start", ("in.wav", "../out.wav"), "leads out of the folder"),
    ("/bounce/start", ("in.wav", "link/out.wav"), "leads out of the folder"),
    ("/bounce/start", ("in.wav", "."), "leads out of the folder"),
    ("/bounce/start", ("in.wav", "none/out.wav"), "does not exist; make it first"),
    (
        "/bounce/start",
        ("in.wav", "in.wav"),
        "exists already; choose another name, or give force to replace it",
    ),
    ("/bounce/start", ("in.wav", "aux.wav"), "output 'aux.wav' is a device of Windows"),
    ("/bounce/start", ("in.wav", "4:30.wav"), "output '4:30.wav' has ':'"),
    ("/bounce/start", ("in.wav", "out.wav "), "ends with a dot or a space"),
    ("/bounce/start", ("in.wav", "x" * 300), "path of 300 characters is too long"),
    ("/bounce/start", ("loop/in.wav", "out.wav"), ""),
    ("/bounce/start", ("in.wav", "out.wav", "singer", "/etc/x.onnx"), "is not in the set"),
    ("/bounce/start", ("in.wav", "out.wav", "preset", "../hall"), "is no plain name"),
    ("/bounce/start", ("in.wav", "out.wav", "automation", "../moves.mid"), "leads out of the folder"),
    ("/bounce/start", ("in.wav", "out.wav", "automation", "none.mid"), "is not a file in the folder"),
    ("/bounce/start", ("in.wav", "out.wav", "midi-map", "x"), "option 'midi-map' is unknown"),
    ("/bounce/start", ("in.wav", "out.wav", "gain", 99.0), "give -60 to 24 dB"),
    ("/bounce/start", ("in.wav", "out.wav", "tail", "long"), "is not a number"),
    ("/bounce/start", ("in.wav", "out.wav", "tail", 60.5), "tail 60.5 is out of range; give 0 to 60 seconds"),
    ("/bounce/start", ("in.wav", "out.wav", "tail", 3600), "give 0 to 60 seconds, or auto"),
    ("/bounce/start", ("in.wav", "out.wav", "tail", float("nan")), "give 0 to 60 seconds"),
    ("/bounce/start", ("in.wav", "out.wav", "tail", -1), "give 0 to 60 seconds"),
    ("/bounce/start", ("in.wav", "\U0001d400" * 63), "longer than 200 bytes; give shorter"),
    ("/bounce/start", ("\U0001d400" * 63, "out.wav"), "longer than 200 bytes; give shorter"),
    ("/bounce/start", ("in.wav", "a/b/" + "x" * 201), "longer than 200 bytes; give shorter"),
    ("/record/start", ("\U0001d400" * 80,), "longer than 200 bytes; give a shorter name"),
    ("/record/start", ("x" * 5000,), "is no plain name"),
    ("/preset/save", ("\U0001d400" * 80,), "longer than 200 bytes; give a shorter name"),
    ("/preset/load", ("\U0001d400" * 80,), "longer than 200 bytes; give a shorter name"),
    ("/bounce/start", ("in.wav", "out.wav", "force", "F"), "force 'F' is not a switch; send T, F, 0 or 1"),
    ("/bounce/start", ("in.wav", "out.wav", "seed", 0.5), "seed 0.5 is not a whole number"),
    ("/bounce/start", ("in.wav", "out.wav", "seed", float("inf")), "is not a whole number"),
    ("/bounce/start", ("in.wav", "out.wav", "seed", True), "is not a whole number"),
    ("/bounce/start", ("in.wav", "out.wav", "seed", -1), "give 0 to 9223372036854775807"),
    ("/bounce/start", ("in.wav", "out.wav", "bits", 24.5), "is not a whole number"),
    ("/bounce/start", ("in.wav", "out.wav", "bits", 12), "give 16, 24 or 32f"),
    ("/bounce/start", ("in.wav", "out.wav", "bits", "32"), "give 16, 24 or 32f"),
    ("/bounce/start", ("in.wav", "out.wav", 1, 2), "is not a word"),
    ("/bounce/cancel", (), "does not take 0 arguments; send /bounce/cancel number"),
    ("/bounce/cancel", (7,), "bounce 7 is unknown"),
    ("/bounce/cancel", (7.0,), "bounce 7 is unknown"),
    ("/bounce/cancel", (7.5,), "is not a whole number"),
    ("/bounce/cancel", (float("nan"),), "is not a whole number"),
    ("/bounce/cancel", ("7",), "is not a whole number"),
    ("/record/start", (), "does not take 0 arguments; send /record/start name"),
    ("/record/start", ("a", "b", 0), "does not take 2 arguments"),
    ("/record/start", (7, 0), "is not a word"),
    ("/record/start", ("../session",), "is no plain name"),
    ("/record/start", ("taken",), "exists already"),
    ("/record/start", ("LPT1",), "is a device of Windows"),
    ("/record/start", ("take 4.",), "is no plain name"),
    ("/record/stop", (), "nothing is being recorded"),
    ("/midi/learn", ("nothing",), "is unknown"),
    ("/midi/learn", ("singer",), "no control can move"),
    ("/midi/learn", (1,), "is not a word"),
    ("/panic", (1, 1), "does not take 1 argument; send /panic"),
    ("/panic", ("now",), "does not take 1 argument; send /panic"),
    ("/subscribe", (), "send /subscribe rate seconds [port] address..."),
    ("/subscribe", (10.0, 10.0), "does not take 2 arguments"),
    ("/subscribe", ("fast", 10.0, "/param/gain"), "is not a number"),
    ("/subscribe", (1000.0, 10.0, "/param/gain"), "send 0.1 to 100"),
    ("/subscribe", (float("nan"), 10.0, "/param/gain"), "send 0.1 to 100"),
    ("/subscribe", (10.0, 1e9, "/param/gain"), "send 1 to 3600"),
    ("/subscribe", (10.0, 10.0, "/param/none"), "has no value to subscribe to"),
    ("/subscribe", (10.0, 10.0, "/panic"), "has no value to subscribe to"),
    ("/subscribe", (10.0, 10.0, "/param/[a"), "close it"),
    ("/subscribe", (10.0, 10.0, 3), "is not a word"),
    ("/unsubscribe", ("/nowhere",), "has no value to subscribe to"),
]


MOST = {
    row.path: len(row.arguments.split())
    for row in ADDRESSES.values()
    if row.kind == "command" and row.path != "/sync" and not row.arguments.endswith("...")
}
GIVEN: dict[str, Argument] = {"i": 7, "s": "mine", "f": 1.0}


@in_loop
async def test_every_command_refuses_more_and_fewer_arguments_than_it_takes(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        assert len(MOST) > 12
        for path, most in MOST.items():
            own: tuple[Argument, ...] = tuple(GIVEN[tag] for tag in ADDRESSES[path].types)
            many = (*own, *(True for _ in range(most - len(own))), "more")
            for wrong in (many, (*many, 0), (*many, 1), own[:-1]):
                if wrong != own:
                    assert f"{path} does not take " in await client.fail(path, *wrong), wrong
        for row in ADDRESSES.values():
            if row.kind == "command" and row.types:
                bad = tuple("no" if tag in "if" else 0.5 for tag in row.types)
                assert " is not a " in await client.fail(row.path, *bad, *("x" for _ in row.types[3:]))
        assert rig.sent == []


@in_loop
async def test_what_does_not_fit_is_refused_with_a_reason_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in.wav").write_bytes(b"")
    (tmp_path / "taken").mkdir()
    (tmp_path / "link").symlink_to(tmp_path.parent)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(path.name for path in tmp_path.iterdir())
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        values = dict(rig.values)
        for address, arguments, part in REFUSED:
            answer, found = await client.ask(address, *arguments, "#id")
            assert answer == "/fail", (address, arguments, found)
            *shown, reason, name = found
            assert name == "#id"
            assert isinstance(reason, str)
            assert part in reason
            assert ";" in reason, reason
            if address != "/param/*":
                assert shown == [address]
                continue
            for _ in range(
                sum(
                    row.readable and re.fullmatch("/param/[^/]*", row.path) is not None
                    for row in ADDRESSES.values()
                )
                - 1
            ):
                assert (await client.hear())[0] == "/fail"
        assert dict(rig.values) == values
        assert rig.sent == []
        assert server.counters.failed >= len(REFUSED)
        await client.silence()
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@in_loop
async def test_every_wrong_packet_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        sendable = [(data, part) for data, part in WRONG if len(data) < 65_000]
        for data, part in sendable:
            client.throw(data)
            answer, (_, reason) = await client.hear()
            assert answer == "/fail"
            assert part in str(reason)
        assert server.counters.malformed == len(sendable)
        assert rig.sent == []


@in_loop
async def test_answers_are_never_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        client.send("/done", "/param/gain", 1.0)
        client.send("/fail", "/param/gain", "no")
        client.throw(b"/fail\0\0\0,b\0\0")
        await client.silence()


@in_loop
async def test_a_pattern_reads_and_sets_all_it_stands_for(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        client.send("/param/{morph,mix}", 0.5, "#p")
        answers = [await client.hear() for _ in range(2)]
        assert answers == [("/done", ("/param/morph", 0.5, "#p")), ("/done", ("/param/mix", 0.5, "#p"))]
        assert len(rig.sent) == 1  # both at the same sample
        client.send("/status/*")
        assert {(await client.hear())[1][0] for _ in range(19)} == {
            row.path for row in ADDRESSES.values() if row.kind == "status"
        }


@in_loop
async def test_a_bundle_acts_as_one_and_in_order(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        parts = [message("/param/gain", -3.0), message("/param/mix", 9.0), message("/singer", "bright")]
        client.throw(bundle(1, *parts, message("/param/gain"), message("/param/gain", -9.0)))
        answers = [await client.hear() for _ in range(5)]
        assert [answer for answer, _ in answers] == ["/fail", "/done", "/done", "/done", "/done"]
        assert [values[1:] for answer, values in answers if answer == "/done"] == [
            (-3.0,),
            ("bright",),
            (-3.0,),
            (-9.0,),
        ]
        assert [(now, len(events)) for now, events in rig.sent] == [(True, 2), (True, 1)]


@in_loop
async def test_a_time_tag_is_met_to_the_sample(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        position = 12_345
        parts = [message("/param/gain", -60.0), message("/note/on", 60)]
        client.throw(bundle(tag(EPOCH + position / RATE), *parts))
        assert [(await client.hear())[0] for _ in range(2)] == ["/done", "/done"]
        assert rig.taken == [Event(position, "gain", -60.0), NoteOn(position, 60.0)]
        heard = rig.run(RATE)
        assert rig.status.late == server.counters.late == 0
        steady = EngineRig(tmp_path).run(RATE)
        first = int(np.flatnonzero(heard[0] != steady[0])[0])
        assert first == position + rig.engine.latency


@in_loop
async def test_a_late_bundle_acts_at_once_and_is_counted(tmp_path: Path) -> None:
    async with served(tmp_path, now=EPOCH + 1.0) as (rig, server), Client(server.port) as client:
        rig.run(RATE)
        client.throw(bundle(tag(EPOCH + 0.5), message("/param/gain", -6.0), message("/version")))
        client.throw(bundle(0, message("/param/gain", -7.0)))  # the year 1900
        answers = [await client.hear() for _ in range(3)]
        assert [answer for answer, _ in answers] == ["/done"] * 3
        assert rig.taken == [Event(RATE, "gain", -6.0), Event(RATE, "gain", -7.0)]
        assert (server.counters.late, rig.status.late) == (2, 0)


@in_loop
async def test_what_is_sent_after_a_bundle_of_now_or_earlier_is_heard(tmp_path: Path) -> None:
    async with served(tmp_path, now=EPOCH + 1.0) as (rig, server), Client(server.port) as client:
        for time in (EPOCH + 1.0, EPOCH + 0.5):
            client.throw(bundle(tag(time), message("/param/gain", -20.0)))
            client.send("/param/gain", -3.0)
            assert [(await client.hear())[0] for _ in range(2)] == ["/done"] * 2
        assert [now for now, _ in rig.sent] == [True] * 4  # so that the engine takes them in this order
        assert rig.values["gain"] == -3.0
        assert server.counters.late == 1


@in_loop
async def test_a_time_tag_too_far_ahead_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        for time_tag in (tag(EPOCH + 60.5), tag(EPOCH + 1e6), 2**64 - 1):
            client.throw(bundle(time_tag, message("/param/gain", -6.0), message("/version", "#v")))
            for path, name in (("/param/gain", ()), ("/version", ("#v",))):
                answer, (shown, reason, *ids) = await client.hear()
                assert (answer, shown, tuple(ids)) == ("/fail", path, name)
                assert "send at most 60 s before its time" in str(reason)
        client.throw(bundle(tag(EPOCH + 59.5), message("/param/gain", -6.0)))
        assert (await client.hear())[0] == "/done"
        assert [len(events) for _, events in rig.sent] == [1]


@in_loop
async def test_only_what_moves_the_sound_can_be_scheduled(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        for path, arguments in (
            ("/panic", ()),
            ("/param/gain", ()),
            ("/record/start", ("x",)),
            ("/sync", ()),
        ):
            client.throw(bundle(tag(EPOCH + 1.0), message(path, *arguments)))
            answer, values = await client.hear()
            assert (answer, values[0]) == ("/fail", path)
            assert "without a time tag" in str(values[1])


@in_loop
async def test_a_bundle_in_a_bundle_acts_at_its_own_time(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        inner = bundle(tag(EPOCH + 2.0), message("/param/gain", -2.0))
        client.throw(
            bundle(tag(EPOCH + 1.0), message("/param/gain", -1.0), inner, message("/param/mix", 0.5))
        )
        assert [(await client.hear())[0] for _ in range(3)] == ["/done"] * 3
        assert [event.position for event in rig.taken] == [RATE, 2 * RATE, RATE]


@in_loop
async def test_each_sender_gets_its_own_answers(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as one, Client(server.port) as two:
        one.send("/param/gain", -1.0)
        two.send("/param/gain", -2.0)
        assert await one.hear() == ("/done", ("/param/gain", -1.0))
        assert await two.hear() == ("/done", ("/param/gain", -2.0))
        await one.silence()
        await two.silence()


@in_loop
async def test_one_who_sends_too_much_is_told_so_and_the_others_are_served(tmp_path: Path) -> None:
    few = served(tmp_path, rate=0.001, burst=20.0)
    async with few as (rig, server), Client(server.port) as loud, Client(server.port) as calm:
        for _ in range(50):
            loud.send("/param/gain", -6.0)
        await calm.done("/param/gain", -3.0)
        answers = [await loud.hear() for _ in range(21)]
        assert [answer for answer, _ in answers].count("/done") == 20
        assert [values[1] for answer, values in answers if answer == "/fail"] == [
            "more than 0.001 requests a second; send fewer, the rest is unread"
        ]
        assert server.counters.limited == 30
        assert len(rig.sent) == 21
        calm.throw(
            bundle(1, *[message("/param/gain", -1.0)] * 30)
        )  # as one packet it passes, and is paid for
        assert [(await calm.hear())[0] for _ in range(30)] == ["/done"] * 30
        calm.send("/param/gain", -2.0)
        assert (await calm.hear())[0] == "/fail"


@in_loop
async def test_all_senders_together_are_held_to_a_bound_and_each_has_its_share(tmp_path: Path) -> None:
    bound, rounds = 1000.0, 40
    async with served(tmp_path, events=bound) as (rig, server), Client(server.port) as calm:
        crowd = [Client(server.port) for _ in range(16)]
        answers: list[str] = []
        began = time.monotonic()
        for k in range(rounds):
            for client in crowd:
                for j in range(8):
                    client.send("/param/breath", (k + j) % 7)
            await calm.done("/param/gain", -k / 10)
            ahead = tag(EPOCH + 1.0 + k)
            sets = [message("/param/formant", value) for value in (1.0, 2.0, 1.0)]
            if k % 10 == 0:
                calm.throw(bundle(ahead, *sets))
                assert [(await calm.hear())[0] for _ in sets] == ["/done"] * len(sets)
            await asyncio.sleep(1 / 40)  # at most 40 and 12 a second, and its share is 58
            answers += [(await client.hear())[0] for client in crowd for _ in range(8)]
        seconds = time.monotonic() - began
        assert set(answers) <= {"/done", "/fail"}
        handed = [event for _, events in rig.sent for event in events]
        assert len(handed) <= bound * (seconds + 2.0)
        done = answers.count("/done")
        assert len(handed) == done + rounds + 12
        assert server.counters.failed == 16 * 8 * rounds - done
        timed = [event for now, events in rig.sent if not now for event in events]
        assert [event.position for event in timed] == [RATE * (1 + k) for k in (0, 10, 20, 30) for _ in sets]
        for client in crowd:
            client.socket.close()


@in_loop
async def test_a_flood_of_patterns_from_many_ports_delays_no_other_sender(tmp_path: Path) -> None:
    patterns = bundle(1, *[message("/*/*"), message("/{param,status}/*"), message("/p*/*/unit")] * 80)
    async with (
        served(tmp_path) as (rig, server),
        Client(server.port) as calm,
        AsyncExitStack() as stack,
    ):
        assert server._udp is not None
        turns, steps = server._udp._turns, 0
        handle = turns._handle

        def counted(data: bytes, sender: Sender) -> Iterator[None]:
            nonlocal steps
            for _ in handle(data, sender):
                steps += 1
                yield

        turns._handle = counted
        crowd = [await stack.enter_async_context(Client(server.port)) for _ in range(60)]
        for client in crowd:
            client.throw(patterns)  # 300 kB in all, which ask for 1.4 million answers
        while server.counters.packets < len(crowd):
            await asyncio.sleep(0)
        await calm.done("/note/on", 60)
        for k in range(5):
            before = steps
            await calm.done("/param/gain", -float(k))
            await calm.done("/panic")
            assert steps - before < 10_000  # messages read and addresses answered meanwhile, of 700,000
        assert rig.values["gain"] == -4.0
        assert turns  # the flood is far from done


@in_loop
async def test_the_answers_of_a_packet_are_paid_for_before_they_are_given(tmp_path: Path) -> None:
    few = served(tmp_path, rate=0.001, burst=200.0)
    async with few as (_, server), Client(server.port) as client:
        client.throw(bundle(1, *[message("/status/*")] * 50))  # 19 addresses, and 32 for the pattern
        answers = [await client.hear() for _ in range(6 * 19 + 44)]  # 150 are left, and 200 may be owed
        assert [answer for answer, _ in answers] == ["/done"] * 6 * 19 + ["/fail"] * 44
        reason = "more than 0.001 requests a second; send fewer"
        assert {values for answer, values in answers if answer == "/fail"} == {("/status/*", reason)}


@in_loop
async def test_the_patterns_of_a_subscription_are_paid_for_too(tmp_path: Path) -> None:
    few = served(tmp_path, rate=0.001, burst=200.0)
    async with few as (_, server), Client(server.port) as client:
        patterns = [f"/{{param,x{k}}}/gain" for k in range(3000)]
        assert "requests a second" in await client.fail("/subscribe", 10.0, 60.0, *patterns)
        assert len(server._dispatcher._search._found) <= 12
        assert len(server._subscriptions) == 0


@in_loop
async def test_what_does_not_move_the_sound_is_answered_when_too_much_does(tmp_path: Path) -> None:
    async with served(tmp_path, events=1.0) as (rig, server), Client(server.port) as client:
        reason = (
            "all senders together ask for more than 1 changes a second, and this one for more than its share "
            "of 1; send fewer"
        )
        client.throw(bundle(1, *[message("/param/gain", -1.0)] * 3))  # as a whole
        assert [await client.hear() for _ in range(3)] == [("/fail", ("/param/gain", reason))] * 3
        assert await client.fail("/panic") == await client.fail("/preset/load", "one") == reason
        assert await client.done("/param/gain") == (0.0,)
        assert await client.done("/sync", 3) == (3,)
        assert (await client.done("/status"))[0] == "running"
        assert (await client.done("/version"))[0] == "plugin_bridge"
        assert rig.sent == []


@in_loop
async def test_a_burst_of_five_thousand_arrives(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        for k in range(5000):
            client.send("/param/gain", -k / 100)
            if k % 100 == 99:  # a sender that is a process of its own would let the server run, too
                await asyncio.sleep(0)
        assert await client.ask("/sync", 5) is not None
        while server.counters.requests < 5001:
            await asyncio.sleep(0.01)
        assert len(rig.sent) == 5000
        assert server.counters.overrun == server.counters.limited == 0


@in_loop
async def test_commands_of_the_rig(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        assert await client.done("/version") == ("plugin_bridge", __version__)
        assert await client.done("/record/start", "take 1") == (str(tmp_path / "take 1"),)
        assert await client.done("/status/recording") == ("take 1",)
        assert await client.done("/record/stop") == (str(tmp_path / "take 1"),)
        await client.done("/midi/learn", "gain")
        assert await client.done("/status/learning") == ("gain",)
        await client.done("/midi/learn/stop")
        assert rig.learned == ["gain", None]
        assert await client.done("/status/learning") == ("",)
        await client.done("/bypass", True)
        await client.done("/panic")
        assert rig.values["bypass"] is False
        assert await client.done("/sync", 17, "#s") == (17, "#s")


@in_loop
async def test_the_status_tells_the_rig_and_the_server(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        rig.run(3 * RATE // 10)
        client.throw(b"nonsense")
        await client.hear()
        cells = await client.done("/status")
        told = dict(zip(cells[::2], cells[1::2], strict=True))
        assert told["position"] == 4800
        assert told["latency"] == rig.engine.latency
        assert told["running"] is True
        assert (told["osc_malformed"], told["osc_failed"], told["osc_packets"]) == (1, 1, 2)
        assert await client.done("/status/position") == (4800,)
        (level,) = await client.done("/meter/input")
        assert isinstance(level, float)
        assert -30.0 < level < 0.0
