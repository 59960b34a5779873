"""`plugin-bridge live` and `devices` as a person uses them: started, moved, interrupted, asked wrongly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.osc_message_builder import OscMessageBuilder

from plugin_bridge.commands.live import _closing, _Faults, _meter_line
from plugin_bridge.control.events import Event
from plugin_bridge.sessions.reader import SessionReader
from tests.plugin_bridge.commands.commandline import call, spawn, workplace
from tests.support.extras import needs
from tests.support.rigs import EngineRig
from tests.support.waiting import wait_until

Capture = pytest.CaptureFixture[str]
PATIENCE = 120.0
"""Seconds; a busy machine is not a failing test."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(workplace(tmp_path, 1.0))
    return tmp_path


def test_what_the_system_refuses_again_and_again_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []

    async def refused() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_Faults(said.append))
        for error in [*[OSError(24, "Too many open files")] * 3, ValueError("a bug")]:
            loop.call_exception_handler({"message": "accept failed", "exception": error})

    asyncio.run(refused())
    assert said == ["accept failed: Too many open files; close what is not needed, or raise ulimit -n"]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]


def started(folder: Path, *options: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Start `live` with the driver null; return when it says that it plays, with what it said."""
    process = spawn(["live", "--driver", "null", "--device", "stem.wav", *options], folder)
    said: list[str] = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if "Ctrl-C ends" in line:
            return process, said
    raise AssertionError("".join(said))


def ask(port: int, address: str, *arguments: float | str) -> bytes:
    """Send an OSC message and return the answer."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10.0)
        client.sendto(builder.build().dgram, ("127.0.0.1", port))
        return client.recv(65536)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_recording_cleanly(here: Path, number: signal.Signals) -> None:
    options = (
        "--singer",
        "dark.onnx",
        "--singer",
        "bright.onnx",
        "--gain",
        "-2",
        "--osc",
        "0",
        "--record",
        "one",
    )
    process, said = started(here, *options)
    line = next(line for line in said if "OSC listens" in line)
    port = int(line.split(", ")[1].removeprefix("port "))
    assert ", TCP port " in line
    assert "dark, bright on stem.wav, 48000 Hz, blocks of 128, latency 38.0 ms (1824 samples)" in said[-1]
    assert b"/done\0" in ask(port, "/param/gain", -5.0)
    assert b"bright" in ask(port, "/singer", "bright")
    audio = here / "sessions" / "one" / "audio.f32"
    wait_until(lambda: audio.exists() and audio.stat().st_size > 48000)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "xruns 0, samples dropped 0" in err
    with SessionReader(here / "sessions" / "one") as session:
        assert session.frames > 0
        assert session.note == ""
        assert [e for e in session.events if isinstance(e, Event) and e.value == "bright"]


def test_further_signals_do_not_interrupt_the_end(here: Path) -> None:
    sessions = here / "sessions"
    sessions.mkdir()
    soundfile.write(sessions / "long.wav", np.zeros((300 * 16000, 1), np.float32), 16000, subtype="PCM_16")
    process, said = started(here, "--singer", "dark.onnx", "--osc", "0")
    port = int(next(line for line in said if "OSC listens" in line).split(", ")[1].removeprefix("port "))
    assert b"/done\0" in ask(port, "/bounce/start", "long.wav", "out.wav")
    try:
        wait_until(lambda: list(sessions.glob("*.part")))
        parts = list(sessions.glob("*.part"))
        bounce = int(parts[0].name.split("-")[3])  # .plugin-bridge-MACHINE-PROCESS-RANDOM.part
        os.kill(bounce, signal.SIGSTOP)  # so that it takes a while to clean up
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            wait_until(lambda: not _waits(process.pid, signal.SIGINT))
        waited = process.poll() is None
        os.kill(bounce, signal.SIGCONT)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert waited
    assert (process.returncode, "Traceback" in err) == (0, False)
    assert [path.name for path in sessions.iterdir()] == ["long.wav"]


def test_a_voice_at_fault_is_counted_in_the_line_of_meters_and_at_the_end(tmp_path: Path) -> None:
    rig = EngineRig(tmp_path)
    well, ill = rig.status, replace(rig.status, faults=250)
    assert "faults" not in _meter_line("dark", well, rig.meters)
    assert "not finite" not in _closing(well)
    assert "faults 250" in _meter_line("dark", ill, rig.meters)
    assert "not finite or over 24 dB for 2.5 s" in _closing(ill)


def _waits(pid: int, number: signal.Signals) -> bool:
    """Whether a signal has not reached its process yet, where the system tells."""
    status = Path(f"/proc/{pid}/status")
    words = status.read_text(encoding="utf-8").split() if status.exists() else ["ShdPnd:", "0"]
    return bool(int(words[words.index("ShdPnd:") + 1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--singer", "nobody"], "singer 'nobody' is unknown"),
        (["--device", "nothing.wav"], "nothing.wav is not an audio file"),
        (["--rate", "22050"], "sample rate 22050 is not native"),
        (["--rate", "44100", "--device", "stem.wav"], "stem.wav has 48000 samples at 48000 Hz"),
        (["--midi-map", "none.toml"], "none.toml"),
        (["--oscquery"], "add --osc"),
        (["--panel", "8001", "--oscquery", "8002"], "are served on one port; name one"),
        (["--record", "../out", "--singer", "dark.onnx"], "'../out' is no plain name"),
        (["--preset", "nothing"], "preset 'nothing' is not there"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    here: Path, capsys: Capture, options: list[str], sentence: str
) -> None:
    del here
    done = call(capsys, "live", "--driver", "null", *options)
    assert done.status == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - of the test
        return bytes(answer.read())


def test_the_panel_alone_plays_and_says_where_it_is(here: Path) -> None:
    needs("aiohttp")
    process, said = started(here, "--singer", "dark.onnx", "--panel", "0")
    try:
        (where,) = (line.split()[-1] for line in said if "the panel is at " in line)
        assert where.endswith("/panel/")
        root = where.removesuffix("panel/")
        assert b"<title>" in fetched(where)
        assert "OSC_PORT" not in json.loads(fetched(f"{root}?HOST_INFO"))  # nothing listens on UDP
        (dark,) = json.loads(fetched(f"{where}singers"))
        assert (dark["id"], dark["licence"]) == ("dark", "CC0")
        assert json.loads(fetched(f"{root}preset/load?RANGE"))["RANGE"][0]["VALS"]
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in rest
    assert not any("OSC listens" in line for line in said)


def test_devices_are_listed_or_missed_in_a_sentence(capsys: Capture) -> None:
    done = call(capsys, "devices", "--json")
    found = json.loads(done.out)
    assert (done.status, list(found)) == (0, ["sound cards", "JACK", "MIDI ports"])
    plain = call(capsys, "devices")
    assert all(title in plain.out for title in found)
