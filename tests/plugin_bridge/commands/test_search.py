"""`singers --like` and `--embed`: who sounds like a recording, and what everything sounds like."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.chain.stage import SingerConversion
from tests.plugin_bridge.commands.commandline import call
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer

RATE = 16000
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two singers, a preset of each, and what one of them sings."""
    monkeypatch.chdir(tmp_path)
    voices = tmp_path / "voices"
    voices.mkdir()
    for name, tilt in (("dark", -6.0), ("bright", 6.0)):
        write_singer(voices / f"{name}.onnx", tilt, 220.0)
        (voices / f"{name}-plain.toml").write_text(f'name = "Plain {name}"\nsinger = "{name}.onnx"\n')
    (voices / "notes.txt").write_text("no singer")
    take = SingerConversion(str(voices / "dark.onnx"))(sung(RATE, 2.0, 260.0), RATE)
    soundfile.write("take.wav", take.T, RATE)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_the_singer_of_a_recording_is_first_and_a_preset_as_like_as_its_singer(
    capsys: Capture,
) -> None:
    done = call(capsys, "singers", "voices", "--like", "take.wav")
    assert (done.status, done.err) == (0, "")
    lines = [line.split(maxsplit=3) for line in done.out.splitlines()]
    assert [line[1:] for line in lines[:2]] in (
        [["singer", "dark", "Dark"], ["preset", "voices/dark-plain.toml", "Plain dark"]],
        [["preset", "voices/dark-plain.toml", "Plain dark"], ["singer", "dark", "Dark"]],
    )
    rows = json.loads(call(capsys, "singers", "voices", "--like", "take.wav", "--json").out)
    assert [row["name"] for row in rows] == [line[2] for line in lines]
    found = {row["name"]: row["likeness"] for row in rows}
    assert found["dark"] == pytest.approx(found["voices/dark-plain.toml"], abs=0.001)
    assert 1.0 >= found["dark"] > found["bright"] + 0.01


@pytest.mark.usefixtures("here")
def test_without_singers_those_that_ship_are_ranked_and_their_presets(capsys: Capture) -> None:
    rows = json.loads(call(capsys, "singers", "--like", "take.wav", "--json").out)
    assert {row["kind"] for row in rows} == {"singer", "preset"}
    assert {"nit", "pjs", "hall"} <= {row["name"] for row in rows}
    likeness = [row["likeness"] for row in rows]
    assert likeness == sorted(likeness, reverse=True)


@pytest.mark.usefixtures("here")
def test_vectors_are_lines_of_json_whose_product_is_the_likeness(capsys: Capture) -> None:
    done = call(capsys, "singers", "--embed", "take.wav", "voices/dark.onnx", "hall")
    assert (done.status, done.err) == (0, "")
    recording, dark, hall = (json.loads(line) for line in done.out.splitlines())
    assert [one["kind"] for one in (recording, dark, hall)] == ["recording", "singer", "preset"]
    assert [one["name"] for one in (recording, dark, hall)] == ["take.wav", "dark", "hall"]
    for one in (recording, dark, hall):
        assert float(np.linalg.norm(one["vector"])) == pytest.approx(1.0, abs=1e-4)
    (row,) = json.loads(call(capsys, "singers", "voices/dark.onnx", "--like", "take.wav", "--json").out)
    assert np.dot(recording["vector"], dark["vector"]) == pytest.approx(row["likeness"], abs=2e-4)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--like", "silent.wav"], "silent.wav: silence has no singer; give audio with a voice in it"),
        (["--like", "voices/notes.txt"], "voices/notes.txt"),
        (["--like", "nobody.wav"], "nobody.wav"),
        (["--embed", "silent.wav"], "silent.wav: silence has no singer"),
        (["nobody", "--like", "take.wav"], "nobody"),
        (["empty", "--like", "take.wav"], "the folder empty holds no singer files or presets; give another"),
        (["--embed", "mute.toml"], "mute.toml: silence has no singer"),
        (["--like", "take.wav", "--embed", "take.wav"], "not allowed with"),
        (["--embed"], "expected at least one argument"),
    ],
)
def test_what_cannot_be_heard_is_said_in_a_sentence(
    capsys: Capture, arguments: list[str], sentence: str
) -> None:
    soundfile.write("silent.wav", np.zeros(RATE, np.float32), RATE)
    Path("empty").mkdir()
    Path("mute.toml").write_text(
        'name = "Mute"\nsinger = "voices/dark.onnx"\n[[after]]\neffect = "Gain"\n'
        "parameters = { gain_db = -200.0 }\n"
    )
    done = call(capsys, "singers", *arguments)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.usefixtures("here")
def test_the_others_are_ranked_where_one_file_is_broken(capsys: Capture) -> None:
    Path("voices/broken.onnx").write_bytes(b"no model")
    done = call(capsys, "singers", "voices", "--like", "take.wav")
    assert done.status == 2
    assert done.err.startswith("plugin-bridge singers: voices/broken.onnx is not a readable ONNX model")
    assert len(done.out.splitlines()) == 4
