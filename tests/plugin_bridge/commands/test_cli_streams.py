"""Audio by standard input and output: the samples of a file, in pipes that end as pipes do."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import listing, workplace

BOUNCE = [sys.executable, "-m", "plugin_bridge", "bounce"]
SINGER = ["--singer", "dark.onnx", "--transpose", "0"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with two singers and a stem."""
    return workplace(tmp_path)


def run(
    here: Path, *options: str, audio: bytes = b"", out: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*BOUNCE, *options, *SINGER],
        cwd=here,
        env=ENVIRONMENT,
        input=audio,
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )


@pytest.mark.parametrize("bits", ["16", "24", "32f"])
@pytest.mark.parametrize("options", [[], ["--tail", "0.1"], ["--normalize"], ["--tail", "auto"]])
def test_standard_output_gets_the_samples_of_a_file(here: Path, bits: str, options: list[str]) -> None:
    file = run(here, "stem.wav", "-o", "out.wav", "--bits", bits, *options)
    stream = run(here, "stem.wav", "-o", "-", "--bits", bits, *options)
    assert (file.returncode, stream.returncode) == (0, 0)
    wanted = soundfile.SoundFile(here / "out.wav")
    found = soundfile.SoundFile(io.BytesIO(stream.stdout))
    assert (found.subtype, found.samplerate, found.frames) == (wanted.subtype, 48000, wanted.frames)
    assert np.array_equal(found.read(dtype="float32"), wanted.read(dtype="float32"))
    assert b"standard output: dark, 0." in stream.stderr
    told = int.from_bytes(stream.stdout[4:8], "little") + 8
    if options == ["--tail", "auto"]:
        assert told > 0x7FFFF000  # "read to the end", as SoX writes it
    else:
        assert told == len(stream.stdout)


def test_standard_input_is_read_as_a_file_and_reports_go_to_standard_error(here: Path) -> None:
    stem = bytearray((here / "stem.wav").read_bytes())
    stem[4:8] = stem[40:44] = b"\xff" * 4  # as FFmpeg writes it to a pipe
    done = run(here, "-", "-o", "-", "--json", audio=bytes(stem))
    assert run(here, "stem.wav", "-o", "-").stdout == done.stdout
    report = json.loads(done.stderr)
    assert report["files"][0]["source"] == report["files"][0]["target"] == "-"
    assert report["files"][0]["notes"] == []
    assert run(here, "-", "-o", "folder", audio=bytes(stem)).returncode == 0
    assert soundfile.info(here / "folder" / "stdin.dark.wav").frames == 14400


def test_bounces_stand_in_a_pipe_one_behind_the_other(here: Path) -> None:
    one = " ".join([*BOUNCE, "-", *SINGER, "-o", "-"])
    line = f"{one} < stem.wav | {one} --bits 16 > twice.wav"
    assert subprocess.run(["/bin/sh", "-c", line], cwd=here, env=ENVIRONMENT, check=False).returncode == 0
    assert run(here, "stem.wav", "-o", "once.wav").returncode == 0
    assert run(here, "once.wav", "-o", "again.wav", "--bits", "16").returncode == 0
    assert np.array_equal(soundfile.read(here / "twice.wav")[0], soundfile.read(here / "again.wav")[0])


def test_a_reader_that_has_enough_ends_a_bounce_quietly(here: Path) -> None:
    workplace(here, seconds=20.0)
    before = listing(here)
    with subprocess.Popen(
        [*BOUNCE, "stem.wav", "-o", "-", *SINGER],
        cwd=here,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(4) == b"RIFF"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141
    assert listing(here) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_is_told(here: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(here, "stem.wav", "-o", "-", out=full.fileno())
    assert done.returncode == 2
    assert b"standard output cannot be written: No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_terminal_gets_no_audio(here: Path) -> None:
    screen, other = pty.openpty()
    done = run(here, "stem.wav", "-o", "-", out=other)
    os.close(other)
    os.close(screen)
    assert done.returncode == 2
    assert done.stderr == (
        b"plugin-bridge bounce: standard output is a terminal; send the audio to a program or a file, "
        b"as in: ... > out.wav\n"
    )


def test_a_closed_standard_output_gets_no_audio(here: Path) -> None:
    command = f"{sys.executable} -m plugin_bridge bounce stem.wav -o - --singer dark.onnx >&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=here, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "plugin-bridge bounce: standard output is closed; send the audio to a program or a file: "
        "... > out.wav\n"
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["-", "-o", "out.wav"], "standard input is empty: it has 0 bytes; send audio to it"),
        (
            ["-"],
            "standard input has no folder to write to; name the output with -o, or -o - for standard output",
        ),
        (
            ["stem.wav", "-", "-o", "-"],
            "2 inputs cannot go to standard output; give one, or name a folder with -o",
        ),
        (
            ["stem.wav", "-o", "-", "--format", "flac"],
            "standard output is written as WAV, not as flac; leave",
        ),
    ],
)
def test_what_streams_cannot_do_is_said_in_one_sentence(
    here: Path, options: list[str], sentence: str
) -> None:
    before = listing(here)
    done = run(here, *options)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(f"plugin-bridge bounce: {sentence}")
    assert done.stderr.count(b"\n") == 1
    assert listing(here) == before


def test_what_comes_by_standard_input_and_is_no_audio_is_told(here: Path) -> None:
    for audio in (b"la la la", (here / "stem.wav").read_bytes()[:-1000]):
        done = run(here, "-", "-o", "out.wav", audio=audio)
        assert done.returncode == 2
        assert b"plugin-bridge bounce: standard input is " in done.stderr
        assert not (here / "out.wav").exists()


def test_a_closed_standard_input_is_empty(here: Path) -> None:
    command = f"{sys.executable} -m plugin_bridge bounce - -o out.wav --singer dark.onnx <&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "plugin-bridge bounce: standard input is empty: it has 0 bytes; send audio to it\n"
    )
    assert not (here / "out.wav").exists()
