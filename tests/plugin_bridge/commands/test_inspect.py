"""`plugin-bridge inspect`: one picture of one file or two, or one sentence and no file touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from models.metrics.pictures import HEIGHTS, WIDTH
from tests.conftest import ROOT
from tests.models.metrics.test_pictures import png
from tests.plugin_bridge.commands.commandline import call, listing
from tests.support.doubles import sung
from tests.support.extras import needs

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two stems and what is none."""
    needs("matplotlib")
    import matplotlib as mpl

    mpl.use("agg")  # a person's desktop is left alone
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", sung(48000, 0.5, 220.0).T, 48000, "PCM_24")
    soundfile.write("b.wav", sung(16000, 0.7, 330.0).T, 16000, "PCM_24")
    Path("text.wav").write_text("la la la", encoding="utf-8")
    Path("old.png").write_bytes(b"an old picture")
    Path("folder").mkdir()
    return tmp_path


def test_a_picture_lies_beside_its_file(here: Path, capsys: Capture) -> None:
    before = listing(here)
    done = call(capsys, "inspect", "a.wav")
    assert (done.status, done.err) == (0, "")
    told, written = done.out.splitlines()
    assert told.startswith("a.wav, 0.50 s, peak -10.5 dBFS, voiced ")
    assert told.endswith("220 to 220 Hz, median 220 Hz (A3)")
    assert written == "a.png: written"
    assert png(here / "a.png") == (WIDTH, HEIGHTS[0])
    assert listing(here).items() - before.items() == {("a.png", (here / "a.png").read_bytes())}


def test_two_files_make_one_picture_under_a_name(here: Path, capsys: Capture) -> None:
    done = call(capsys, "inspect", "a.wav", "b.wav", "-o", "old.png", "--force", "--pitch", "melody")
    assert done.status == 0
    assert [line.split(",")[0] for line in done.out.splitlines()] == ["a.wav", "b.wav", "old.png: written"]
    assert "(A3" in done.out.splitlines()[0]
    assert "(E4" in done.out.splitlines()[1]
    assert png(here / "old.png") == (WIDTH, HEIGHTS[1])


def test_standard_input_is_drawn_in_a_notebook_too(here: Path) -> None:
    command = [sys.executable, "-m", "plugin_bridge", "inspect", "-", "-o", "it.png", "--start", "0.2"]
    audio = (here / "a.wav").read_bytes()
    backend = "module://matplotlib_inline.backend_inline"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": backend}
    done = subprocess.run(command, cwd=here, env=environment, input=audio, capture_output=True, check=False)
    assert done.stdout.startswith(b"standard input, 0.30 s, ")
    assert png(here / "it.png") == (WIDTH, HEIGHTS[0])


ROWS = [
    ("missing.wav", "missing.wav does not exist; check the path"),
    ("text.wav", "text.wav is not audio this program reads; give WAV, AIFF, FLAC, OGG or MP3"),
    ("folder", "folder is not a file; give an audio file"),
    ("a.wav text.wav", "text.wav is not audio this program reads"),
    ("a.wav b.wav a.wav", "3 files are given and a picture holds one or two; leave some out"),
    ("a.wav -o a.jpg", "'a.jpg' does not end in .png; name such a file with -o"),
    ("a.wav -o old.png", "old.png exists already; choose another name, or give force to replace it"),
    ("a.wav -o missing/a.png", "the folder missing does not exist; make it first"),
    ("a.wav -o folder --force", "'folder' does not end in .png"),
    ("old.png --force", "old.png is to be drawn itself; name another picture with -o"),
    ("a.wav --start 0.5", "a.wav ends at 0.50 s; start before that"),
    ("a.wav b.wav --start 0.6", "a.wav ends at 0.50 s; start before that"),
    ("a.wav --start -1", "'-1' does not fit; give a number from 0 to 360000"),
    ("a.wav --seconds 0", "'0' does not fit; give a number from 0.01 to 1200"),
    ("a.wav --pitch yin", "invalid choice: 'yin'"),
    ("- -", "standard input can be read only once; give a file in place of one -"),
    ("-", "standard input has no folder to write to; name the picture with -o"),
    (
        "a.wav --show",
        "no window can be opened here, which takes a desktop, and Tk (Debian: python3-tk) or Qt;",
    ),
]


@pytest.mark.parametrize(("line", "sentence"), ROWS, ids=[line for line, _ in ROWS])
def test_bad_input_gets_one_sentence(here: Path, capsys: Capture, line: str, sentence: str) -> None:
    before = listing(here)
    done = call(capsys, "inspect", *line.split())
    assert done.status == 2
    assert done.err.startswith("plugin-bridge inspect: ")
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert listing(here) == before


def test_without_matplotlib_the_extra_is_named(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listing(here)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = call(capsys, "inspect", "a.wav")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "plugin-bridge inspect: a picture needs matplotlib, which is not installed; install the extra: "
        "sh .ci/setup pictures, or pip install 'plugin-bridge[pictures]'\n"
    )
    assert listing(here) == before


def test_a_full_disk_leaves_no_half_picture(here: Path, capsys: Capture) -> None:
    from tests.plugin_bridge.commands.test_cli_bad_input import file_size_limit

    before = listing(here)
    with file_size_limit(1000):
        done = call(capsys, "inspect", "a.wav", "-o", "old.png", "--force")
    assert done.status == 2
    assert "old.png cannot be written" in done.err
    assert done.err.count("\n") == 1
    assert listing(here) == before
