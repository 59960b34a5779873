"""Runs of a plan: only what is missing or has changed, true sidecars, and whole files after any kill."""

from __future__ import annotations

import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

from plugin_bridge.batches import making
from plugin_bridge.batches.expansion import planned_jobs
from plugin_bridge.batches.making import Making
from plugin_bridge.batches.report import counts, write_report
from plugin_bridge.batches.running import PlanListener, PlanRow, on_cores, run_plan, standings
from plugin_bridge.batches.sidecar import Sidecar, read_sidecar, sidecar_of
from plugin_bridge.batches.stamp import seen
from plugin_bridge.bounce import pool
from plugin_bridge.bounce.pool import Hear, Work, in_this_process
from plugin_bridge.errors import OutputError
from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import listing
from tests.support.doubles import sung
from tests.support.plans import planned_folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return planned_folder(tmp_path)


def here_and_now(
    work: Work, tasks: Sequence[Making], hear: Hear, order: Sequence[int], stop: Callable[[], object]
) -> None:
    """Do tasks in this process, which spares its start."""
    del order, stop
    in_this_process(work, tasks, hear)


def done(folder: Path, processes: int = 0, *, force: bool = False) -> list[PlanRow]:
    executor = on_cores(processes) if processes else here_and_now
    return run_plan(planned_jobs(folder / "plan.toml"), executor, force=force)


def states(rows: list[PlanRow]) -> list[str]:
    return [row.state for row in rows]


def reasons(folder: Path) -> list[str]:
    return [row.why for row in standings(planned_jobs(folder / "plan.toml"), force=False)]


def is_true(target: Path) -> bool:
    """Return whether a sidecar tells the audio beside it."""
    side = read_sidecar(target)
    assert side is not None
    info = soundfile.info(target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    return side.output.sha256 == digest and side.figures["seconds"] == info.frames / info.samplerate


def test_a_second_run_makes_nothing_and_a_sidecar_tells_the_truth(here: Path) -> None:
    assert states(done(here, 2)) == ["made"] * 3
    made = listing(here / "made")
    assert sorted(made) == sorted(f"{n}_dark_0.wav{end}" for n in range(3) for end in ("", ".json"))
    for number in range(3):
        target = here / "made" / f"{number}_dark_0.wav"
        side = read_sidecar(target)
        assert side is not None
        assert is_true(target)
        assert (
            side.input.sha256 == hashlib.sha256((here / "stems" / f"{number}.wav").read_bytes()).hexdigest()
        )
        assert side.figures["singer"] == "dark"
        assert 0.0 < side.figures["voiced"] <= 1.0
        assert side.figures["rtf"] == pytest.approx(side.figures["render_seconds"] / 0.1)
    again = done(here, 2)
    assert states(again) == ["kept"] * 3
    assert [row.sidecar for row in again] == [read_sidecar(row.job.target) for row in again]
    assert listing(here / "made") == made


def test_the_same_files_on_any_number_of_processes(here: Path) -> None:
    found = []
    for processes in (1, 3):
        done(here, processes)
        made = listing(here / "made")
        found.append({name: data for name, data in made.items() if name.endswith(".wav")})
        for path in (here / "made").iterdir():
            path.unlink()
    assert found[0] == found[1]


def test_the_loudness_asked_for_stands_in_the_sidecar(here: Path) -> None:
    edit(here, "[defaults]", "[defaults]\nloudness = -23")
    soundfile.write(here / "stems" / "0.wav", sung(48000, 1.0).T, 48000, "PCM_24")
    figures = [row.sidecar.figures for row in done(here) if row.sidecar]
    assert figures[0]["loudness"] == pytest.approx(-23.0, abs=0.1)
    assert figures[0]["source_loudness"] != pytest.approx(-23.0, abs=0.5)


CHANGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("parameter", lambda here: edit(here, "transpose = 0", "transpose = 0, breath = 2"), "parameters.breath"),
    ("setting", lambda here: edit(here, "[defaults]", "[defaults]\nseed = 4"), "settings.seed"),
    ("format", lambda here: edit(here, "[defaults]", '[defaults]\nbits = "16"'), "output"),
    ("singer", lambda here: (here / "dark.onnx").write_bytes((here / "bright.onnx").read_bytes()), "singers"),
]


def edit(folder: Path, before: str, after: str) -> None:
    text = (folder / "plan.toml").read_text(encoding="utf-8")
    assert before in text
    (folder / "plan.toml").write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(("change", "part"), [pytest.param(*row[1:], id=row[0]) for row in CHANGES])
def test_what_has_changed_is_made_again_and_why_is_told(
    here: Path, change: Callable[[Path], object], part: str
) -> None:
    done(here)
    before = listing(here / "made")
    change(here)
    assert all(f" {part}" in why.replace(":", "").replace(",", "") for why in reasons(here))
    assert states(done(here)) == ["made"] * 3
    after = listing(here / "made")
    assert after.keys() == before.keys()
    assert all(after[name] != data for name, data in before.items())
    assert all(is_true(path) for path in (here / "made").glob("*.wav"))


def test_only_the_input_that_has_changed_is_made_again(here: Path) -> None:
    done(here)
    (here / "stems" / "1.wav").write_bytes((here / "stems" / "2.wav").read_bytes())
    (here / "stems" / "0.wav").touch()  # another time, the same bytes
    assert reasons(here) == ["up to date", "changed: input", "up to date"]
    assert states(done(here)) == ["kept", "made", "kept"]
    (here / "made" / "2_dark_0.wav").unlink()
    assert reasons(here)[2] == "its output is gone"
    assert states(done(here)) == ["kept", "kept", "made"]


def test_a_folder_can_be_moved_with_its_plan(here: Path, tmp_path: Path) -> None:
    done(here)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("stems", "made", "plan.toml", "dark.onnx"):
        (here / name).rename(moved / name)
    assert states(done(moved)) == ["kept"] * 3


def test_what_no_plan_has_made_is_left_alone_unless_forced(here: Path) -> None:
    (here / "made").mkdir()
    target = here / "made" / "1_dark_0.wav"
    target.write_bytes(b"somebody's")
    rows = done(here)
    assert states(rows) == ["made", "failed", "made"]
    assert rows[1].why == (
        f"{target} is there, and not as a plan made it; move it away, or replace a file with --force"
    )
    assert target.read_bytes() == b"somebody's"
    assert states(done(here, force=True)) == ["kept", "made", "kept"]
    with target.open("ab") as file:  # as an editor would
        file.write(b"more")
    assert states(done(here)) == ["kept", "failed", "kept"]


def test_outputs_of_a_plan_are_no_inputs_of_its_pattern(here: Path) -> None:
    edit(here, "made/{stem}", "stems/{stem}")
    assert len(done(here)) == 3
    edit(here, "transpose = 0", "transpose = 2")
    said: list[str] = []
    assert len(planned_jobs(here / "plan.toml", report=said.append)) == 3
    assert said == ["input 'stems/*.wav': 3 files are outputs of a plan and are left out"]


def test_a_job_that_fails_is_told_and_the_rest_is_done(here: Path) -> None:
    (here / "stems" / "1.wav").write_bytes(b"no audio")
    ended: list[str] = []
    listener = PlanListener(ended=lambda row: ended.append(row.state))
    rows = run_plan(planned_jobs(here / "plan.toml"), on_cores(2), listener=listener)
    assert states(rows) == ["made", "failed", "made"]
    assert "1.wav" in rows[1].why
    assert sorted(ended) == ["failed", "made", "made"]
    assert counts(rows) == {"made": 2, "kept": 0, "failed": 1, "left": 0}
    assert sorted(path.name for path in (here / "made").glob("*.wav")) == ["0_dark_0.wav", "2_dark_0.wav"]


def test_an_input_that_changes_meanwhile_gives_no_output(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(here, "*.wav", "0.wav")
    monkeypatch.setattr(making, "seen", lambda path: (*seen(path), ("more", 0, 0)))
    (row,) = done(here)
    assert row.state == "failed"
    assert row.why.endswith("0.wav changed while it was bounced; bounce it again")
    assert list((here / "made").iterdir()) == []


@pytest.mark.parametrize("old", [False, True])
def test_a_disk_that_refuses_the_sidecar_leaves_what_was_there(
    here: Path, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(here, "*.wav", "0.wav")
    if old:
        done(here)
        edit(here, "transpose = 0", "transpose = 0, breath = 2")
    before = listing(here / "made") if old else {}

    def refuse(target: Path, _: Sidecar) -> None:
        raise OutputError(f"{target} cannot be written: No space left on device")

    monkeypatch.setattr(making, "write_sidecar", refuse)
    (row,) = done(here)
    assert (row.state, "No space left" in row.why) == ("failed", True)
    assert listing(here / "made") == before


def test_killed_between_sidecar_and_audio_it_is_made_once_more(here: Path) -> None:
    edit(here, "*.wav", "0.wav")
    done(here)
    target = here / "made" / "0_dark_0.wav"
    whole = target.read_bytes()
    target.unlink()  # the audio had not got its name yet
    assert states(done(here)) == ["made"]
    assert target.read_bytes() == whole
    assert is_true(target)
    sidecar_of(target).write_text("{", encoding="utf-8")
    assert states(done(here)) == ["failed"]


def test_asked_to_stop_the_rows_tell_what_is_there(here: Path) -> None:
    rows = run_plan(planned_jobs(here / "plan.toml"), on_cores(1), listener=PlanListener(stop=lambda: True))
    assert {row.state for row in rows} <= {"made", "left"}
    assert "left" in states(rows)
    for row in rows:
        assert row.job.target.exists() == (row.state == "made")


def test_what_can_be_made_nowhere_is_left_and_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", ("/nothing/of/this/name",))
    said: list[str] = []
    jobs = planned_jobs(here / "plan.toml")
    rows = run_plan(jobs, on_cores(2), listener=PlanListener(broken=said.append))
    assert states(rows) == ["left"] * 3
    assert said == ["no process can be started: No such file or directory; close other programs"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")
def test_killed_at_any_moment_and_resumed_every_file_is_whole_and_made_once(tmp_path: Path) -> None:
    folder = planned_folder(tmp_path, stems=12)
    command = [sys.executable, "-m", "plugin_bridge", "batch", "plan.toml", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    inodes: dict[str, int] = {}
    rng = random.Random(5)  # noqa: S311 - moments to kill at

    def look() -> None:
        for target in (folder / "made").glob("*.wav"):
            assert is_true(target)
            assert inodes.setdefault(target.name, target.stat().st_ino) == target.stat().st_ino

    for _ in range(3):
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.8, 1.6))
        process.kill()
        process.wait()
        deadline = time.monotonic() + 20
        while list((folder / "made").glob("*.part")) and time.monotonic() < deadline:
            time.sleep(0.01)
        look()
    assert subprocess.run(command, cwd=folder, env=environment, check=False).returncode == 0
    look()
    assert len(inodes) == 12
    assert {path.suffix for path in (folder / "made").iterdir()} == {".wav", ".json"}
    with (folder / "plan.report.csv").open(newline="", encoding="utf-8") as file:
        assert {row["state"] for row in csv.DictReader(file)} <= {"made", "kept"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")
def test_what_a_killed_run_left_is_swept_though_nothing_is_to_be_made(here: Path) -> None:
    jobs = planned_jobs(here / "plan.toml")
    run_plan(jobs, on_cores(1))
    code = (
        "import os, sys; from pathlib import Path; from models.wholefile import Scratch\n"
        "Scratch(Path(sys.argv[1])).__enter__(); os._exit(9)"
    )
    words = [sys.executable, "-c", code, str(jobs[0].target)]
    subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert len(list(jobs[0].target.parent.glob(".*.part"))) == 1
    assert states(run_plan(jobs, on_cores(1))) == ["kept"] * len(jobs)
    assert not list(jobs[0].target.parent.glob(".*.part"))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_a_table_for_spreadsheets_and_a_page_without_scripts(here: Path) -> None:
    hostile = "=1+1 <script>alert(1)<script>.wav"
    (here / "stems" / "0.wav").rename(here / "stems" / hostile)
    (here / "stems" / "1.wav").write_bytes(b"no audio")
    rows = done(here)
    table, page = write_report(here / "report", "plan", rows, 2.0)
    with table.open(newline="", encoding="utf-8") as file:
        told = list(csv.DictReader(file))
    assert [row["state"] for row in told] == states(rows)
    assert [row["id"] for row in told] == [row.sidecar.id if row.sidecar else "" for row in rows]
    assert [row["seconds"] for row in told] == ["" if row.sidecar is None else "0.1" for row in rows]
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    assert "script" not in parser.tags
    assert not {"link", "img", "iframe"} & set(parser.tags)
    assert parser.tags.count("tr") == 10 + 1 + len(rows)
    assert all(row.job.source.name in parser.text for row in rows)
    assert next(row.why for row in rows if row.state == "failed") in parser.text


def test_a_name_that_is_a_formula_is_marked(here: Path) -> None:
    (here / "made").mkdir()
    edit(here, "made/{stem}", "made/=cmd{stem}")
    rows = done(here)
    for row in rows:
        row.why = "=1+1"
    table, _ = write_report(here / "report", "plan", rows, 1.0)
    with table.open(newline="", encoding="utf-8") as file:
        assert {row["why"] for row in csv.DictReader(file)} == {"'=1+1"}
