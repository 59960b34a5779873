"""Many bounces: the same bytes on any number of processes, faults and dead processes told, no half files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge import BatchListener, BounceJob, BounceOutcome, BounceSettings, OutputFormat, bounce_files
from plugin_bridge.bounce import pool
from plugin_bridge.bounce.many import Shares, are_bounced_here
from plugin_bridge.bounce.pool import usable_cores
from plugin_bridge.errors import BridgeError
from tests.conftest import ROOT
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer

SECONDS = (0.2, 0.5, 0.1, 0.3)
needs_posix = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill so")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a singer and four stems of unequal length."""
    write_singer(tmp_path / "dark.onnx", -2.0, 130.0)
    for number, seconds in enumerate(SECONDS):
        soundfile.write(tmp_path / f"{number}.wav", sung(48000, seconds).T, 48000, "PCM_24")
    return tmp_path


def jobs_in(folder: Path, output: str) -> list[BounceJob]:
    (folder / output).mkdir()
    sources = sorted(folder.glob("[0-9]*.wav"))
    return [BounceJob(source, folder / output / source.name, OutputFormat()) for source in sources]


def settings_in(folder: Path) -> BounceSettings:
    return BounceSettings(singer=str(folder / "dark.onnx"), parameters={"transpose": 0.0})


def long_one(folder: Path, seconds: float = 60.0) -> None:
    soundfile.write(folder / "0.wav", np.tile(sung(48000, 1.0), round(seconds)).T, 48000, "PCM_24")


def parts(folder: Path) -> list[Path]:
    return [part for part in folder.glob("*.part") if part.stat().st_size > 10_000]


def test_the_bytes_depend_neither_on_the_processes_nor_on_the_order(here: Path) -> None:
    found = []
    for output, processes, step in (("one", 1, 1), ("two", 2, 1), ("back", 3, -1)):
        jobs = jobs_in(here, output)[::step]
        outcomes = bounce_files(jobs, settings_in(here), processes=processes)
        assert [outcome.job for outcome in outcomes] == jobs
        lengths = [outcome.result.seconds for outcome in outcomes if outcome.result]
        assert lengths == list(SECONDS[::step])
        found.append([job.target.read_bytes() for job in jobs[::step]])
    alone = jobs_in(here, "alone")
    for job in alone:
        assert bounce_files([job], settings_in(here))[0].error == ""
    found.append([job.target.read_bytes() for job in alone])
    assert found[0] == found[1] == found[2] == found[3]


def test_one_file_starts_no_process(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", ("/nothing/of/this/name",))
    jobs = jobs_in(here, "out")
    assert bounce_files(jobs[:1], settings_in(here))[0].error == ""
    assert not are_bounced_here(jobs)
    assert are_bounced_here([jobs[0], BounceJob(Path("-"), here / "out" / "stdin.wav", OutputFormat())])
    with pytest.raises(BridgeError, match="no process can be started: No such file"):
        bounce_files(jobs, settings_in(here))


def test_a_process_that_cannot_begin_ends_all_with_a_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(BridgeError, match="ended with status 3 before it could begin"):
        bounce_files(jobs_in(here, "out"), settings_in(here))


def test_a_file_that_fails_is_told_and_the_rest_is_done(here: Path) -> None:
    (here / "1.wav").write_bytes(b"no audio at all")
    jobs = jobs_in(here, "out")
    jobs[2].target.write_bytes(b"somebody's")
    ended: list[BounceOutcome] = []
    shares: list[float] = []
    listener = BatchListener(progress=lambda _, __, share: shares.append(share), ended=ended.append)
    outcomes = bounce_files(jobs, settings_in(here), processes=2, listener=listener)
    assert [bool(outcome.error) for outcome in outcomes] == [False, True, True, False]
    assert "1.wav" in outcomes[1].error
    assert (
        outcomes[2].error
        == f"{jobs[2].target} exists already; choose another name, or give force to replace it"
    )
    assert {path.name for path in (here / "out").iterdir()} == {"0.wav", "2.wav", "3.wav"}
    assert jobs[2].target.read_bytes() == b"somebody's"
    assert sorted(ended, key=lambda outcome: outcome.job.source) == outcomes
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_sentences_reach_the_listener_and_the_outcome(here: Path) -> None:
    heard: list[tuple[str, str]] = []
    listener = BatchListener(report=lambda job, sentence: heard.append((job.source.name, sentence)))
    outcomes = bounce_files(
        jobs_in(here, "out"), BounceSettings(singer=str(here / "dark.onnx")), processes=2, listener=listener
    )
    told = {name: sentence for name, sentence in heard if "transpose auto" in sentence}
    assert sorted(told) == ["0.wav", "1.wav", "2.wav", "3.wav"]
    assert [outcome.notes[0] for outcome in outcomes] == [told[name] for name in sorted(told)]


@needs_posix
def test_a_process_that_is_killed_takes_only_its_file_along(here: Path) -> None:
    long_one(here)
    jobs = jobs_in(here, "out")

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not (found := parts(here / "out")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(int(found[0].name.split("-")[3]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = bounce_files(jobs, settings_in(here), processes=1)
    killer.join()
    assert [bool(outcome.error) for outcome in outcomes] == [True, False, False, False]
    assert "was killed by signal 9" in outcomes[0].error
    assert {path.name for path in (here / "out").iterdir()} == {"1.wav", "2.wav", "3.wav"}


def test_asked_to_stop_it_leaves_whole_files_and_knows_which(here: Path) -> None:
    long_one(here)
    done: list[BounceOutcome] = []
    listener = BatchListener(ended=done.append, stop=lambda: done)
    jobs = jobs_in(here, "out")
    outcomes = bounce_files(jobs, settings_in(here), processes=2, listener=listener)
    there = {path.name for path in (here / "out").iterdir()}
    assert there == {outcome.job.target.name for outcome in outcomes if outcome.result}
    assert "0.wav" not in there
    assert {outcome.error for outcome in outcomes} == {""}


def test_a_script_needs_no_guard_and_its_death_ends_the_processes(here: Path) -> None:
    long_one(here)
    script = here / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from plugin_bridge import BounceSettings, OutputFormat, BounceJob, bounce_files\n"
        "jobs = [BounceJob(Path(f'{n}.wav'), Path(f'{n}.out.wav'), OutputFormat()) for n in range(4)]\n"
        "settings = BounceSettings(singer='dark.onnx', parameters={'transpose': 0.0})\n"
        "bounce_files(jobs, settings, processes=2)\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script)], cwd=here, env=environment)
    deadline = time.monotonic() + 60
    while not parts(here) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    while list(here.glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert list(here.glob("*.part")) == []
    assert not (here / "0.out.wav").exists()
    assert all(soundfile.info(out).frames for out in here.glob("*.out.wav"))


def test_the_longest_are_first_and_the_shares_add_up(tmp_path: Path) -> None:
    sizes = {"a.wav": 199, "b.wav": 699, "take": 99}
    (tmp_path / "take").mkdir()
    for name, size in sizes.items():
        path = tmp_path / name
        (path / "input.wav" if path.is_dir() else path).write_bytes(bytes(size))
    shares = Shares([tmp_path / name for name in sizes])
    assert shares.longest_first() == [1, 0, 2]
    assert shares.moved(1, 0.5) == pytest.approx(0.35)
    assert shares.moved(0, 1.0) == pytest.approx(0.55)
    assert shares.moved(1, 1.0) == pytest.approx(0.9)
    assert shares.moved(2, 1.0) == pytest.approx(1.0)
    assert Shares([tmp_path / "missing.wav"]).moved(0, 1.0) == 1.0


def test_fewer_than_one_process_is_refused() -> None:
    with pytest.raises(ValueError, match="0 processes cannot bounce anything; give 1 or more"):
        bounce_files([], BounceSettings(), processes=0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")
def test_the_cores_are_those_that_may_be_used() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cores() == len(before)
