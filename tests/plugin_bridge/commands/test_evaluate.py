"""The command `evaluate`: its table, its report, its pictures, and what it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.metrics import speaker
from plugin_bridge.commands.evaluate import JUDGES
from tests.plugin_bridge.commands.commandline import Result, call
from tests.plugin_bridge.commands.evaluating import RATE, needs_all, studio
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer

Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; return its status and what it printed."""
    return lambda *arguments: call(capsys, "evaluate", *map(str, arguments))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return studio(tmp_path)


def test_a_conversion_table_with_report_and_picture(run: Run, folder: Path) -> None:
    needs_all("matplotlib")
    report, plots = folder / "report.json", folder / "plots"
    arguments = (
        folder / "held" / "note0.wav",
        "--singer",
        folder / "copy.onnx",
        "--reference",
        folder / "held",
    )
    status, out, err = run(*arguments, "--json", report, "--plots", plots, "--transpose", 0)
    assert (status, err) == (0, "")
    tables = [table.splitlines() for table in out.split("\n\n")]
    assert [lines[0].split("|")[4].strip() for lines in tables] == ["semit.", "err.", "HNR 1k"]
    for lines in tables:
        assert len(lines) == 4
        assert lines[0].split("|")[1].strip() == "source"
        assert lines[2].split("|")[1].strip() == "note0"
        assert lines[3].split("|")[1].strip() == "MEAN"
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["parameters"] == {"transpose": 0.0}
    assert found["rows"][0]["singer"] == "copy"
    assert found["rows"][0]["similarity_before"] > 0.9
    assert found["rows"][0]["cents"] == found["means"]["copy"]["cents"] < 5.0
    assert (plots / "note0-copy.png").read_bytes()[:4] == b"\x89PNG"

    status, _, err = run(*arguments, "--json", report)
    assert status == 2
    assert "exists already" in err


def test_copy_synthesis_of_singers_side_by_side(run: Run, folder: Path) -> None:
    needs_all()
    other = write_singer(folder / "shrill.onnx", tilt_db=9.0)
    status, out, _ = run(
        "--copy", folder / "held", "--singer", folder / "copy.onnx", "--singer", other, "--json"
    )
    assert status == 0
    found = json.loads(out)
    assert [(row["source"], row["singer"]) for row in found["rows"]] == [
        ("note0", "copy sawsing"),
        ("note1", "copy sawsing"),
        ("note0", "shrill sawsing"),
        ("note1", "shrill sawsing"),
    ]
    means = found["means"]
    assert means["copy sawsing"]["stft_loss"] < means["shrill sawsing"]["stft_loss"]
    assert means["copy sawsing"]["cents"] < 5.0
    assert means["copy sawsing"]["voicing_f1"] > 0.95
    assert means["copy sawsing"]["similarity_of_recording"] > 0.9
    assert set(means) == {"copy sawsing", "shrill sawsing", "all"}


def test_a_plan_of_voices_gives_conversions_copies_and_phones(run: Run, folder: Path) -> None:
    needs_all()
    x = sung(RATE, 2.0, 220.0, vibrato=0.5)[0]
    soundfile.write(folder / "other.wav", x, RATE)
    labels = "".join(f"{2 * k}000000 {2 * k + 2}000000 o\n" for k in range(10))
    (folder / "other.lab").write_text(labels, encoding="utf-8")
    plan = folder / "plan.toml"
    own, other = "files = ['held/*.wav']\njoin = true", "files = ['other.wav']\nseconds = 1.5"
    plan.write_text(f"[voices.copy]\n{own}\n[voices.other]\n{other}", encoding="utf-8")
    moved = plan.rename(folder / "held" / "plan.toml")
    arguments = ("--plan", moved, "--data", folder, "--singer", folder / "copy.onnx")
    judged = ("--likeness", "tune", "--likeness", "0.2")  # the judge, and the parameter of that name
    status, out, err = run(*arguments, *judged, "--json", folder / "report.json")
    assert (status, err) == (0, "")
    assert "Phones in conversions to copy:" in out
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [(row["source"], row["voice"], row["copy"]) for row in found["rows"]] == [
        ("other", "other", False),
        ("copy", "copy", True),
    ]
    assert (found["judge"], found["parameters"]) == ("tune", {"likeness": 0.2})
    conversion, copy = found["rows"]
    assert copy["similarity"] == pytest.approx(copy["tune"], abs=1e-6)
    assert conversion["similarity_after"] == pytest.approx(conversion["tune"], abs=1e-6)
    assert (conversion["seconds"], copy["seconds"]) == (1.5, 4.0)
    assert set(found["means"]) == {"other -> copy", "copy -> copy"}
    assert list(found["phones"]) == ["conversions to copy"]
    rows = {row["phone"]: row["count"] for row in found["phones"]["conversions to copy"]}
    assert set(rows) == {"vowels", "o"}
    assert 6 <= int(rows["o"]) <= 7  # whole ones within the stretch
    assert sum(conversion["confusions_source"]["o"].values()) == int(rows["o"])
    assert conversion["level"] == pytest.approx(0.0, abs=6.0)


def test_every_judge_of_likeness_can_be_named() -> None:
    assert tuple(speaker.JUDGES) == JUDGES


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "give SOURCE... with --reference, --copy, --plan or --melody"),
        (("a.wav",), "a singer is needed"),
        (("a.wav", "--likeness", "2"), "or name a judge: resemblyzer, d-vector, tune"),
        (("a.wav", "--singer", "x"), "give SOURCE... and --reference"),
        (("a.wav", "--copy", "b"), "one thing to evaluate is needed"),
        (("a.wav", "--singer", "x", "--reference", "held", "--data", "d"), "--data goes with --plan only"),
        (("--plan", "p.toml"), "p.toml does not exist; check the path of the plan"),
        (("--copy", "b", "--singer", "x", "--json", "a.wav"), "does not end in .json"),
        (("--copy", "b", "--singer", "x"), "singer 'x' is unknown"),
        (("none.wav", "--singer", "copy.onnx", "--reference", "held"), "none.wav does not exist"),
        (
            ("held", "--singer", "copy.onnx", "--reference", "dull=held"),
            "'copy.onnx' has no held-out recordings",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    needs_all()
    monkeypatch.chdir(folder)
    status, out, err = run(*arguments)
    assert status == 2
    assert err.startswith("plugin-bridge evaluate: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert "MEAN" not in out


def test_a_missing_extra_is_said_before_anything_is_done(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    monkeypatch.setattr("models.metrics.extras.PACKAGES", ("pesq",))
    status, out, err = run("--copy", folder / "held", "--singer", folder / "copy.onnx")
    assert (status, out) == (2, "")
    assert err.startswith("plugin-bridge evaluate: evaluation needs pesq, which is not installed; ")
    assert ".ci/setup eval" in err


def test_a_silent_clip_is_refused(run: Run, folder: Path) -> None:
    needs_all()
    soundfile.write(folder / "silence.wav", np.zeros(RATE), RATE)
    status, _, err = run(
        folder / "silence.wav", "--singer", folder / "copy.onnx", "--reference", folder / "held"
    )
    assert status == 2
    assert "silence has no speaker" in err
