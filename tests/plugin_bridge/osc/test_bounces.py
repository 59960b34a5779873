"""Bounces over OSC: the ordinary bounce as a child process, its progress, its end and its cancelling."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge import BounceSettings, OutputFormat, bounce_file
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.osc import jobs, quota
from plugin_bridge.osc.bounceplan import BouncePlanner, by_osc
from plugin_bridge.osc.commands import BOUNCES
from plugin_bridge.osc.jobs import Job, JobQueue
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.wire.packets import Argument
from tests.plugin_bridge.osc.clients import Client, in_loop, served
from tests.support.singerfiles import write_singer

LIVE = {row.id: row.default for row in PARAMETERS.values()} | {"singer": "dark"}


@pytest.fixture
def folder(tmp_path: Path, short_stem: Path) -> Path:
    """The stem as stem.wav, long.wav of five minutes, and the singers' files outside."""
    home = tmp_path / "open"
    home.mkdir()
    shutil.move(short_stem, home / "stem.wav")
    soundfile.write(home / "long.wav", np.zeros((300 * 16000, 1), np.float32), 16000, subtype="PCM_16")
    for name in ("dark", "bright"):
        write_singer(tmp_path / f"{name}.onnx", -2.0 if name == "dark" else 2.0)
    return home


def files_of(folder: Path) -> dict[str, str]:
    return {name: str(folder.parent / f"{name}.onnx") for name in ("dark", "bright")}


@in_loop
async def test_a_queue_that_closes_begins_no_more(folder: Path) -> None:
    queue = JobQueue(BOUNCES)
    told: list[Job] = []

    def words(name: str) -> list[str]:
        stem, singer = str(folder / "long.wav"), files_of(folder)["dark"]
        return [stem, "-o", str(folder / name), "--progress", f"--singer={singer}"]

    for name in ("a.wav", "b.wav"):
        queue.start(words(name), folder / name, told.append)
    while not told:
        await asyncio.sleep(0.01)
    closing = asyncio.create_task(queue.close())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match=r"'c\.wav' cannot be made, for the server ends"):
        queue.start(words("c.wav"), folder / "c.wav", told.append)
    await closing
    assert queue.listed() == [1, "cancelled", queue.listed()[2], "a.wav", 2, "cancelled", 0.0, "b.wav"]
    assert sorted(path.name for path in folder.iterdir()) == ["long.wav", "stem.wav"]


@in_loop
async def test_a_bounce_is_the_ordinary_one_as_it_sounds_now(folder: Path) -> None:
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/singer", "bright")
        await client.done("/param/gain", -3.0)
        await client.done("/param/transpose", 12.0)
        assert await client.done("/bounce/start", "stem.wav", "out.wav", "tail", 0.5, "bits", 16.0) == (1,)
        heard = [await client.hear_of("/bounce/progress")]
        while heard[-1][1][1] == "running":
            heard.append(await client.hear_of("/bounce/progress"))
        number, state, done, total = heard[-1][1]
        assert (number, state) == (1, "done")
        assert done == total == pytest.approx(2.0, abs=0.01)
        assert len(heard) > 2
        assert await client.done("/bounce/list") == (1, "done", 1.0, "out.wav")
    settings = BounceSettings(
        singer=files_of(folder)["bright"], parameters={"gain": -3.0, "transpose": 12.0}, tail_seconds=0.5
    )
    bounce_file(folder / "stem.wav", folder / "same.wav", OutputFormat("wav", "16"), settings)
    assert (folder / "out.wav").read_bytes() == (folder / "same.wav").read_bytes()


@in_loop
async def test_a_cancelled_bounce_leaves_no_half_file_and_the_next_one_runs(folder: Path) -> None:
    before = sorted(folder.iterdir())
    singers = files_of(folder)
    async with served(folder, singers=singers) as (_, server), Client(server.port) as client:
        for name in ("one.wav", "two.wav"):
            await client.done("/bounce/start", "long.wav", name)
        assert "is on its way" in await client.fail("/bounce/start", "long.wav", "two.wav")
        await client.done("/bounce/start", "stem.wav", "three.wav")
        while not list(folder.glob("*.part")):
            await client.hear_of("/bounce/progress")
        assert await client.done("/bounce/cancel", 2) == (2, "cancelled")
        assert await client.done("/bounce/cancel", 1) == (1, "cancelled")
        assert await client.done("/bounce/cancel", 1.0) == (1, "cancelled")
        while (await client.hear_of("/bounce/progress"))[1][:2] != (3, "done"):
            pass
        cells = await client.done("/bounce/list")
        assert cells[1::4] == ("cancelled", "cancelled", "done")
    assert sorted(folder.iterdir()) == sorted([*before, folder / "three.wav"])


@in_loop
async def test_a_stopped_server_ends_its_bounces(folder: Path) -> None:
    before = sorted(folder.iterdir())
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/bounce/start", "long.wav", "one.wav")
        await client.done("/bounce/start", "long.wav", "two.wav")
        while not list(folder.glob("*.part")):
            await asyncio.sleep(0.01)
    assert sorted(folder.iterdir()) == before


@in_loop
async def test_a_bounce_that_fails_says_why(folder: Path) -> None:
    (folder / "text.wav").write_text("no audio", encoding="utf-8")
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/bounce/start", "text.wav", "out.wav")
        while (state := str((await client.hear_of("/bounce/progress"))[1][1])) == "running":
            pass
        assert state.startswith("failed: ")
        assert "text.wav" in state
    assert not (folder / "out.wav").exists()


@in_loop
async def test_the_waiting_are_bounded(folder: Path) -> None:
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        for k in range(17):
            await client.done("/bounce/start", "long.wav", f"{k}.wav")
        assert "16 bounces wait already" in await client.fail("/bounce/start", "long.wav", "more.wav")


@in_loop
async def test_presets_with_effects_are_bounced_only_where_the_server_allows_it(folder: Path) -> None:
    (folder / "evil.toml").write_text('name = "evil"\nsinger = "dark"\n[[after]]\nvst3 = "evil.vst3"\n')
    (folder / "plain.toml").write_text('name = "plain"\nsinger = "dark"\n')
    start = ("/bounce/start", "stem.wav", "out.wav", "preset")
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        for name, count in (("evil", 1), ("hall", 2)):
            assert await client.fail(*start, name) == (
                f"preset {name!r} has effects ({count}), and bounces by OSC have none; take another, or "
                "start live with --allow-effects"
            )
        assert await client.done("/bounce/list") == ()
    allowed = served(folder, singers=files_of(folder), allow_effects=True)
    async with allowed as (_, server), Client(server.port) as client:
        await client.done(*start, "hall")
        await client.done("/bounce/cancel", 1)


@in_loop
async def test_what_osc_makes_is_its_owners_alone(folder: Path) -> None:
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/preset/save", "mine")
        await client.done("/preset/save", "mine", True)
        await client.done("/bounce/start", "stem.wav", "out.wav")
        while (await client.hear_of("/bounce/progress"))[1][1] != "done":
            pass
    assert [(folder / name).stat().st_mode & 0o777 for name in ("mine.toml", "out.wav")] == [0o600] * 2


@in_loop
async def test_a_folder_or_a_disk_that_is_full_takes_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ("/bounce/start", "stem.wav", "out.wav")
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        monkeypatch.setattr(quota, "MAX_ENTRIES", len(list(folder.iterdir())))
        for request in (start, ("/preset/save", "mine"), ("/record/start", "take")):
            assert "files and sessions, and OSC makes no more; move some away" in await client.fail(*request)
        monkeypatch.setattr(quota, "MAX_ENTRIES", 1000)
        monkeypatch.setattr(quota, "MIN_FREE_BYTES", 10**18)
        for request in (start, ("/preset/save", "mine"), ("/record/start", "take")):
            assert "and OSC leaves 1000000000000 MB; free some space" in await client.fail(*request)
    assert sorted(path.name for path in folder.iterdir()) == ["long.wav", "stem.wav"]


@in_loop
async def test_a_bounce_that_fills_the_disk_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/bounce/start", "long.wav", "out.wav")
        monkeypatch.setattr(quota, "MIN_FREE_BYTES", 10**18)
        while (state := str((await client.hear_of("/bounce/progress"))[1][1])) == "running":
            pass
        assert state.startswith("failed: the disk of ")
    assert sorted(path.name for path in folder.iterdir()) == ["long.wav", "stem.wav"]


@in_loop
async def test_a_full_table_of_files_is_told_without_a_number(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))

    async with served(folder) as (_, server), Client(server.port) as client:
        monkeypatch.setattr(os, "scandir", full)
        told = await client.fail("/record/start", "take")
        assert told == f"{folder} cannot be used: Too many open files; close other programs"


@in_loop
async def test_without_a_folder_nothing_is_bounced(tmp_path: Path) -> None:
    async with served(tmp_path, folder=None) as (_, server), Client(server.port) as client:
        assert "start with --sessions FOLDER" in await client.fail("/bounce/start", "in.wav", "out.wav")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "2 samples clip; add --normalize, lower --gain by 1.3 dB, or write floats with --bits 32f",
            "2 samples clip; add normalize, lower gain by 1.3 dB, or write floats with bits 32f",
        ),
        (
            "a.wav is the source itself; name another output with -o",
            "a.wav is the source itself; name another output",
        ),
        ("put that file back or choose with --singer", "put that file back or choose with singer"),
        ("use --no-bypass or --morph-singer", "use bypass or morph_singer"),
        (
            "choose another with --midi-track",
            "choose another with --midi-track",
        ),  # the command line alone has it
        ("take--gain.wav is empty", "take--gain.wav is empty"),
    ],
)
def test_what_a_bounce_says_names_the_options_as_osc_takes_them(said: str, told: str) -> None:
    assert by_osc(said) == told


@in_loop
async def test_a_bounce_onto_its_own_source_says_no_word_of_the_command_line(folder: Path) -> None:
    async with served(folder, singers=files_of(folder)) as (_, server), Client(server.port) as client:
        await client.done("/bounce/start", "stem.wav", "stem.wav", "force", True)
        state: Argument = ""
        while not str(state).startswith("failed"):
            _, (_, state, *_) = await client.hear_of("/bounce/progress")
        assert state == f"failed: {folder / 'stem.wav'} is the source itself; name another output"


NOW = ["--pitch=melody", "--seed=3", "--singer=/dark.onnx", "--breath=3.0"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), NOW),
        (("breath", 0), [*NOW[:3], "--breath=0.0"]),
        (("singer", "bright", "melody", True), [*NOW[:2], "--singer=bright", NOW[3], "--melody"]),
        (("preset", "hall"), ["--preset=hall.toml"]),
        (
            ("bypass", 0, "scale", "minor", "tail", "auto", "force", True),
            [*NOW, "--no-bypass", "--scale=minor", "--tail=auto", "--force"],
        ),
        (
            ("normalize", -1, "seed", 7, "bits", "32f", "pitch", "periodicity"),
            ["--pitch=periodicity", "--seed=7", *NOW[2:], "--normalize=-1", "--bits=32f"],
        ),
        (("rate", 44100.0), [*NOW, "--rate=44100"]),
        (("loudness", -23), [*NOW, "--loudness=-23"]),
        (("match_loudness", True), [*NOW, "--match-loudness"]),
        (("match_loudness", False, "loudness", -16.5), [*NOW, "--loudness=-16.5"]),
        (("seed", 1_700_000_000, "bits", 24.0), [NOW[0], "--seed=1700000000", *NOW[2:], "--bits=24"]),
        (("seed", 1.7e9, "bits", 16), [NOW[0], "--seed=1700000000", *NOW[2:], "--bits=16"]),
        (("seed", 2**63 - 1, "bits", "24"), [NOW[0], f"--seed={2**63 - 1}", *NOW[2:], "--bits=24"]),
    ],
)
def test_options_become_those_of_the_command_line(
    tmp_path: Path, options: tuple[Argument, ...], expected: list[str]
) -> None:
    (tmp_path / "in.wav").touch()
    singers = {"dark": "/dark.onnx", "bright": "bright"}
    planner = BouncePlanner(tmp_path, PresetStore(None), singers, pitch="melody", seed=3, effects=True)
    words, target = planner.plan(("in.wav", "out.wav", *options), LIVE | {"breath": 3.0})
    assert target == tmp_path / "out.wav"
    assert words[:4] == [str(tmp_path / "in.wav"), "-o", str(target), "--progress"]
    shown = [word.split("=")[0] + "=" + Path(word).name if "--preset" in word else word for word in words[4:]]
    assert shown == expected


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("normalize", -1, "loudness", -23),
            "normalize, loudness and match_loudness each set the level; give one",
        ),
        (("match_loudness", True, "loudness", -23), "each set the level; give one of them"),
        (("loudness", "loud"), "loudness 'loud' is not a number"),
    ],
)
def test_levels_that_do_not_fit_are_refused(
    tmp_path: Path, options: tuple[Argument, ...], sentence: str
) -> None:
    (tmp_path / "in.wav").touch()
    with pytest.raises((TypeError, ValueError), match=sentence):
        BouncePlanner(tmp_path, PresetStore(None)).plan(("in.wav", "out.wav", *options), {})


SAID = [
    (b"x" * 3_000_000, "x" * 1000),
    (b"x" * 3_000_000 + b"\nplugin-bridge bounce: it is so\n", "it is so"),
    (b"y" * 65_535 + b"\n" + b"z" * 65_537, "z" * 1000),
    (b'{"done": 1, "total"\n', '{"done": 1, "total"'),
    (b'{"done": [], "total": {}}\n', '{"done": [], "total": {}}'),
    (b'{"done"' + b"[" * 200_000 + b"\n", '{"done"' + "[" * 993),
    (b"\xff\xfe\0\n\n", "\ufffd\ufffd\0"),
    (b"", "it ended without a word; bounce it from the command line to see why"),
]


@pytest.mark.parametrize(("said", "reason"), SAID, ids=[str(len(said)) for said, _ in SAID])
def test_whatever_a_bounce_says_the_next_one_runs_and_the_server_ends(
    tmp_path: Path, said: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "say.py"
    program.write_text("import os, sys\nos.write(2, open(sys.argv[-1], 'rb').read())\nsys.exit(1)\n")
    (tmp_path / "said").write_bytes(said)
    monkeypatch.setattr(jobs, "_PROGRAM", (sys.executable, str(program)))

    @in_loop
    async def test() -> None:
        queue = JobQueue(BOUNCES)
        for name in ("a.wav", "b.wav"):
            queue.start([str(tmp_path / "said")], tmp_path / name, lambda *_: None)
        while "waiting" in queue.listed() or "running" in queue.listed():
            await asyncio.sleep(0.01)
        assert queue.listed()[1::4] == [f"failed: {reason}"] * 2
        await queue.close()

    test()


def test_a_recorded_session_keeps_its_own_values(tmp_path: Path) -> None:
    (tmp_path / "take").mkdir()
    (tmp_path / "take" / "session.json").touch()
    words, _ = BouncePlanner(tmp_path, PresetStore(None), {}).plan(
        ("take", "out.wav"), LIVE | {"breath": 3.0}
    )
    assert words[4:] == []
