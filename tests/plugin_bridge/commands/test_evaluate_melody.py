"""The command `evaluate --melody`, and conversions of mixes: tables, reports, pictures and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.metrics.trackers import TRACKERS, Tracker
from tests.plugin_bridge.commands.commandline import Result, call
from tests.plugin_bridge.commands.evaluating import RATE, needs_all, studio
from tests.support.doubles import sung
from tests.support.extras import needs

Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; return its status and what it printed."""
    return lambda *arguments: call(capsys, "evaluate", *map(str, arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A studio with a band in it: a chord of three notes with a beat."""
    chord = sum(sung(RATE, 2.5, f0)[0] for f0 in (130.8, 164.8, 196.0))
    beat = np.random.default_rng(0).normal(0.0, 0.05, chord.size) * (np.arange(chord.size) % 6000 < 1200)
    soundfile.write(studio(tmp_path, (196.0, 233.0)) / "band.wav", 0.3 * (chord + beat), RATE)
    return tmp_path


def test_trackers_are_compared_level_by_level(run: Run, folder: Path) -> None:
    for package in ("swift_f0", "matplotlib"):
        needs(package)
    report, plots = folder / "report.json", folder / "plots"
    status, out, err = run(
        *("--melody", folder / "held", "--music", folder / "band.wav", "--json", report, "--plots", plots),
        *("--tracker", "periodicity", "--tracker", "swiftf0", "--seconds", 1),
    )
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("2 voices, 2.0 s, 0 with exact labels; ")
    assert [line.split("|")[1].strip() for line in lines[3:]] == 5 * ["periodicity"] + 5 * ["swiftf0"]
    found = json.loads(report.read_text(encoding="utf-8"))
    rows = {(row["tracker"], row["snr"]): row for row in found["rows"]}
    for name in ("periodicity", "swiftf0"):
        assert rows[name, "clean"]["cents"] < 10.0
        assert rows[name, "clean"]["accuracy"] > max(0.95, rows[name, "0 dB"]["accuracy"])
        assert rows[name, "0 dB"]["rise"] == rows[name, "0 dB"]["rmse"] / rows[name, "clean"]["rmse"] > 1.0
    assert list(found["voices"]) == ["note0", "note1"]
    assert found["voices"]["note0"]["music"] == "band"
    assert len(found["voices"]["note1"]["rows"]) == 10
    assert sorted(path.name for path in plots.iterdir()) == [
        "melody-note0.png",
        "melody-note1.png",
        "melody.png",
    ]

    again = run("--melody", folder / "held", "--music", folder / "band.wav", "--json", report)
    assert again.status == 2
    assert "exists already" in again.err


def test_a_singer_gives_exact_labels(run: Run, folder: Path) -> None:
    needs("swift_f0")
    status, out, _ = run(
        *("--melody", folder / "held" / "note0.wav", "--music", folder / "band.wav", "--singer"),
        *(folder / "copy.onnx", "--transpose", 12, "--tracker", "periodicity", "--json"),
    )
    assert status == 0
    found = json.loads(out)
    assert found["left_out"] == 0.0
    assert list(found["voices"]) == ["note0 by copy"]
    assert found["voices"]["note0 by copy"]["exact"] is True
    assert found["rows"][0]["cents"] < 5.0
    assert found["rows"][0]["octave"] == 0.0


def test_a_conversion_of_a_mix_is_compared_with_the_clean_voice(run: Run, folder: Path) -> None:
    needs_all()
    arguments = (
        *(folder / "held" / "note0.wav", "--singer", folder / "copy.onnx", "--transpose", 12),
        *("--reference", folder / "held", "--music", folder / "band.wav", "--seconds", 1, "--json"),
    )
    rows = []
    for snr in (60, 0):
        status, out, _ = run(*arguments, "--snr", snr)
        assert status == 0
        rows.append(json.loads(out)["rows"][0])
    faint, mixed = rows
    assert faint["transpose"] == pytest.approx(12.0, abs=0.05)
    assert faint["cents"] < 5.0
    assert faint["gross"] == 0.0
    assert mixed["source_cents"] > faint["source_cents"]
    assert mixed["rmse"] > faint["rmse"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--melody", "held"), "accompaniment is needed; give files or folders of it with --music"),
        (("--melody", "held", "--copy", "held"), "one thing to evaluate is needed"),
        (("--melody", "none.wav", "--music", "band.wav"), "none.wav does not exist"),
        (("--melody", "held", "--music", "empty"), "the folder empty holds no audio"),
        (("--melody", "held", "--music", "silence.wav"), "the accompaniment is silent"),
        (("--melody", "silence.wav", "--music", "band.wav"), "silence: the voice is silent"),
        (("--melody", "wrong.wav", "--music", "band.wav"), "wrong.f0.csv cannot be read"),
        (
            ("--melody", "held", "--music", "band.wav", "--tracker", "ear"),
            "'ear' is unknown; choose from melody",
        ),
        (("--melody", "held", "--music", "band.wav", "--tracker", "far"), "get it: pip install far"),
        (("--copy", "held", "--singer", "x", "--tracker", "pyin"), "--tracker goes with --melody only"),
        (("--copy", "held", "--singer", "x", "--music", "band.wav"), "--music goes with SOURCE"),
        (
            ("held", "--singer", "copy.onnx", "--reference", "held", "--music", *3 * ("band.wav",)),
            "3 files of --music do not fit 2 sources",
        ),
        (("held", "--singer", "x", "--reference", "held", "--snr", "loud"), "a number from -20 to 60"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    needs_all()
    monkeypatch.chdir(folder)
    far = Tracker(TRACKERS["periodicity"].track, ("far_away",), "pip install far")
    monkeypatch.setattr("models.metrics.trackers.TRACKERS", {**TRACKERS, "far": far})
    (folder / "empty").mkdir()
    soundfile.write(folder / "silence.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "wrong.wav", np.ones(RATE) * 0.1, RATE)
    (folder / "wrong.f0.csv").write_text("time frequency\n", encoding="utf-8")
    status, out, err = run(*arguments)
    assert status == 2
    assert err.startswith("plugin-bridge evaluate: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert "|" not in out
