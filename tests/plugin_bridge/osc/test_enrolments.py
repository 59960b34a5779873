"""Enrolment over OSC: the ordinary one as a child process, from a recording or a stem to a singer file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import soundfile

from models.singer.file import load_singer
from plugin_bridge.errors import BridgeError
from plugin_bridge.osc import beside, jobs
from plugin_bridge.osc.enrolplan import plan_enrolment
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.wire.packets import Argument
from tests.plugin_bridge.osc.clients import PATIENCE, Client, in_loop, served
from tests.support.doubles import sung
from tests.support.enrolling import enrolling
from tests.support.rigs import EngineRig
from tests.support.sessions import Live
from tests.support.singerfiles import write_singer

RATE = 16000
TEXTS = ("licence", "CC0", "attribution", "somebody, who sang")


def record(folder: Path, name: str, seconds: float, f0: float = 220.0) -> None:
    """Record a session whose input is a voice, and whose output another's."""
    source = sung(RATE, seconds, f0)
    Live(sample_rate=RATE).record(folder / name, source, [source.shape[1]])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a short session, the newest, an older one, and a stem."""
    home = tmp_path / "open"
    home.mkdir()
    for age, name in enumerate(("take", "older")):
        (home / name).mkdir()
        for part in ("session.json", "events.jsonl", "audio.f32"):
            (home / name / part).touch()
            os.utime(home / name / part, (1e9 - age, 1e9 - age))
    (home / "stem.wav").touch()
    return home


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have enrolments use a tiny shared network and few steps."""
    monkeypatch.setattr(jobs, "_PROGRAM", enrolling(tmp_path / "shared.npz"))
    monkeypatch.setattr(beside, "_NICENESS", 0)  # what waits here is the test


@in_loop
@pytest.mark.usefixtures("program")
async def test_the_input_of_the_newest_recording_becomes_a_singer(tmp_path: Path) -> None:
    record(tmp_path, "take", 6.0)
    async with served(tmp_path) as (_, server), Client(server.port) as client, Client(server.port) as other:
        await other.done("/subscribe", 10.0, 600.0, "/enrol/progress", "/report")
        assert await client.done("/enrol/start", "maria", *TEXTS, "name", "Maria") == (1,)
        heard = [await client.hear_of("/enrol/progress")]
        while heard[-1][1][1] == "running":
            heard.append(await client.hear_of("/enrol/progress"))
        number, state, done, total = heard[-1][1]
        assert (number, state) == (1, "done")
        assert done == total != 0.0
        assert len(heard) > 2
        assert await client.done("/enrol/list") == (1, "done", 1.0, "maria.onnx")
        told = (await other.hear_of("/report"))[1]
        assert str(told[0]).startswith("maria is enrolled; ")
        assert "a voice is closer from 30 s on" in str(told[0])
        assert "maria.onnx exists already" in await client.fail("/enrol/start", "maria")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maria.onnx", "shared.npz", "take"]
    made = load_singer(tmp_path / "maria.onnx").manifest
    assert (made.id, made.name, made.licence) == ("maria", "Maria", "CC0")
    assert made.attribution.startswith("somebody, who sang; ")
    assert made.training_data.startswith("take: ")
    assert made.f0_median == pytest.approx(220.0, rel=0.03)  # of the input: the output is another octave
    assert (tmp_path / "maria.onnx").stat().st_mode & 0o777 == 0o600


def test_where_the_server_is_killed_its_enrolment_ends_and_leaves_nothing(tmp_path: Path) -> None:
    """Whoever would hear of its progress is gone."""
    program = enrolling(tmp_path / "shared.npz")
    soundfile.write(tmp_path / "stem.wav", sung(RATE, 6.0).T, RATE, "PCM_16")
    words = ["enrol", str(tmp_path / "stem.wav"), "--id=me", "-o", str(tmp_path / "me.onnx"), "--progress"]
    process = subprocess.Popen([*program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert b"a voice is closer from 30 s on" in process.stderr.readline()
    assert list(tmp_path.glob("*.part"))
    process.stderr.close()
    process.wait(PATIENCE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shared.npz", "stem.wav"]


def set_of(folder: Path | None, singers: dict[str, str]) -> SingerSet:
    return SingerSet(EngineRig(folder or Path()), folder, singers, lambda: None)


def planned(folder: Path, *arguments: Argument, recording: str = "") -> list[str]:
    singers = {"pjs": "pjs", "hers": "/elsewhere/hers.onnx"}
    words, target = plan_enrolment(arguments, set_of(folder, singers), recording)
    assert target == folder / f"{arguments[0]}.onnx"
    assert words[1:6] == [f"--id={arguments[0]}", "-o", str(target), "--threads=1", "--progress"]
    return [Path(words[0]).name, *words[6:]]


def test_what_is_asked_for_becomes_a_command_line(folder: Path) -> None:
    assert planned(folder, "maria") == ["take"]
    assert planned(folder, "maria", recording="take") == ["older"]
    assert planned(folder, "maria", "older") == ["older"]
    assert planned(folder, "maria", "stem.wav", *TEXTS) == [
        "stem.wav",
        "--licence=CC0",
        "--attribution=somebody, who sang",
    ]
    assert planned(folder, "maria", "name", "--force", "force", 0) == ["take", "--name=--force"]
    (folder / "mine.onnx").touch()
    assert planned(folder, "mine", "force", True) == ["take", "--force"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("My Voice",), "singer id 'My Voice' is not plain"),
        (("../maria",), "is not plain"),
        (("nul",), "is a device of Windows"),
        (("pjs",), "'pjs' is a singer of the set; choose another id"),
        (("hers", "force", True), "'hers' is a singer of the set"),
        (("there",), "there.onnx exists already; choose another name, or give force"),
        (("maria", "/etc/passwd"), "leads out of the folder"),
        (("maria", "../open/../x.wav"), "leads out of the folder"),
        (("maria", "none.wav"), "none.wav is no recording or stem of the folder"),
        (("maria", 1.0), "recording 1.0 is not a word"),
        (("maria", "licence", 3), "licence 3 is not a word"),
        (("maria", "stem.wav", "licence"), "option 'stem.wav' is unknown; use one of name, licence"),
        (("maria", "shared", "x.npz"), "option 'shared' is unknown"),
        (("maria", "attribution", "a\x1b[2Jb"), "is no line of text; give up to 300 characters"),
        (("maria", "name", "x" * 301), "is no line of text; give up to 300 characters"),
        (("maria", "force", "yes"), "force 'yes' is not a switch"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(
    folder: Path, arguments: tuple[Argument, ...], sentence: str
) -> None:
    (folder / "there.onnx").touch()
    with pytest.raises((BridgeError, TypeError, ValueError)) as refused:
        planned(folder, *arguments)
    assert sentence in str(refused.value)


def test_a_session_that_is_being_recorded_waits(folder: Path) -> None:
    with pytest.raises(BridgeError, match="session take is being recorded; send /record/stop first"):
        planned(folder, "maria", "take", recording="take")


def test_where_nothing_is_recorded_a_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="nothing is recorded yet; record 30 s of the voice"):
        planned(tmp_path, "maria")
    with pytest.raises(BridgeError, match="start with --sessions FOLDER"):
        plan_enrolment(("maria",), set_of(None, {}))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("maria", "maria.onnx is no singer file of the folder; enrol one, or put it there"),
        ("stem.wav", "stem.wav.onnx is no singer file"),
        ("../maria", "'../maria' is no plain name"),
        ("", "'' is no plain name"),
        ("nul", "is a device of Windows"),
        ("away", "leads out of the folder that is open"),
        ("there", "there.onnx is not a readable ONNX model"),
        (1.0, "name 1.0 is not a word"),
    ],
)
def test_only_a_singer_file_of_the_folder_is_added(folder: Path, name: Argument, sentence: str) -> None:
    (folder / "there.onnx").touch()
    (folder / "away.onnx").symlink_to(folder.parent / "outside.onnx")

    @in_loop
    async def test() -> None:
        async with served(folder) as (_, server), Client(server.port) as client:
            assert sentence in await client.fail("/singer/add", name)

    test()


@in_loop
async def test_a_singer_that_is_added_is_switched_to_and_bounced_with(tmp_path: Path) -> None:
    write_singer(tmp_path / "maria.onnx")
    soundfile.write(tmp_path / "stem.wav", sung(RATE, 0.5).T, RATE, "PCM_16")
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        assert "'maria' is not in the set" in await client.fail("/singer", "maria")
        assert await client.done("/singer/add", "maria") == ("maria",)
        assert await client.done("/singer/list") == ("dark", "bright", "maria")
        await client.done("/singer", "maria")
        assert "'maria' is a singer of the set" in await client.fail("/enrol/start", "maria", "stem.wav")
        await client.done("/bounce/start", "stem.wav", "out.wav")
        while (state := (await client.hear_of("/bounce/progress"))[1][1]) == "running":
            pass
        assert state == "done"
