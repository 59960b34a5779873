"""`plugin-bridge batch`: what it lists, makes, keeps and reports, and how a signal ends it."""

from __future__ import annotations

import csv
import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.plugin_bridge.commands.commandline import call, listing, spawn
from tests.support.doubles import sung
from tests.support.plans import planned_folder

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return planned_folder(tmp_path, stems=2)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "plan.report.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_dry_run_lists_and_writes_nothing(here: Path, capsys: Capture) -> None:
    before = listing(here)
    done = call(capsys, "batch", "plan.toml", "--dry-run")
    assert done.status == 0
    assert done.out == "".join(f"make  made/{n}_dark_0.wav <- stems/{n}.wav (new)\n" for n in range(2))
    assert done.err == "2 of 2 jobs would be made, 0 are up to date, 0 would fail\n"
    told = json.loads(call(capsys, "batch", "plan.toml", "--dry-run", "--json").out)
    assert [(job["state"], job["why"]) for job in told["jobs"]] == [("make", "new")] * 2
    assert listing(here) == before


def test_a_plan_is_made_once_and_reported(here: Path, capsys: Capture) -> None:
    done = call(capsys, "batch", "plan.toml", "--json")
    assert done.status == 0
    told = json.loads(done.out)
    assert (told["made"], told["kept"], told["failed"], told["left"]) == (2, 0, 0, 0)
    assert [job["seconds"] for job in told["jobs"]] == [0.1, 0.1]
    assert told["report"] == ["plan.report.csv", "plan.report.html"]
    assert done.err == "2 of 2 jobs are made, 0 were up to date, 0 failed; see plan.report.html\n"
    made = listing(here / "made")
    again = call(capsys, "batch", "plan.toml", "--report", "again")
    assert again.err == "0 of 2 jobs are made, 2 were up to date, 0 failed; see again.html\n"
    assert listing(here / "made") == made
    assert [row["state"] for row in table(here)] == ["made", "made"]
    assert call(capsys, "batch", "plan.toml", "--dry-run").out.count("keep  made/") == 2


def test_a_job_that_fails_is_told_with_status_2(here: Path, capsys: Capture) -> None:
    (here / "stems" / "0.wav").write_bytes(b"no audio")
    done = call(capsys, "batch", "plan.toml", "--jobs", "2")
    assert done.status == 2
    assert "plugin-bridge batch: stems/0.wav" in done.err
    assert done.err.splitlines()[-1].startswith("1 of 2 jobs are made, 0 were up to date, 1 failed; see ")
    assert [row["state"] for row in table(here)] == ["failed", "made"]


def test_a_collision_ends_it_before_the_start(here: Path, capsys: Capture) -> None:
    plan = (here / "plan.toml").read_text(encoding="utf-8").replace("{stem}_", "")
    (here / "plan.toml").write_text(plan, encoding="utf-8")
    before = listing(here)
    done = call(capsys, "batch", "plan.toml")
    assert done.status == 2
    assert done.err == (
        "plugin-bridge batch: plan.toml would make made/dark_0.wav of stems/0.wav and of stems/1.wav; tell "
        "them apart in the output, as by {folder}, {singer} or {transpose}\n"
    )
    assert listing(here) == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_a_true_report(tmp_path: Path, number: signal.Signals, status: int) -> None:
    here = planned_folder(tmp_path, stems=2)
    x = np.tile(sung(16000, 1.0), 120).T
    for name in ("long0", "long1"):
        soundfile.write(here / "stems" / f"{name}.wav", x, 16000, "PCM_24")
    process = spawn(["batch", "plan.toml", "--jobs", "2"], here)
    deadline = time.monotonic() + 60
    while sum(part.stat().st_size > 10_000 for part in (here / "made").glob("*.part")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert "plugin-bridge: interrupted; unfinished files are removed" in err
    made = [row for row in table(here) if row["state"] == "made"]
    assert len([row for row in table(here) if row["state"] == "left"]) == 4 - len(made) >= 2
    there = {path.name for path in (here / "made").iterdir()}
    assert there == {Path(row["target"]).name + end for row in made for end in ("", ".json")}
