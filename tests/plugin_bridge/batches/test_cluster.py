"""Plans on a real Dask cluster of this machine: the same bytes, workers that die, and what is told."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from plugin_bridge.batches import cluster
from plugin_bridge.batches.cluster import local_client, on_cluster, scheduler_client
from plugin_bridge.batches.expansion import planned_jobs
from plugin_bridge.batches.making import Making
from plugin_bridge.batches.running import PlanListener, PlanRow, on_cores, run_plan
from plugin_bridge.bounce.pool import Told
from plugin_bridge.errors import BridgeError
from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import call, listing
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.plans import make_or_die, planned_folder

if TYPE_CHECKING:
    from distributed import Client

needs("distributed")
psutil = importlib.import_module("psutil")  # which Dask needs, too


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers of this machine."""
    with local_client(2) as client:
        yield client


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return planned_folder(tmp_path)


def audio(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in listing(folder).items() if name.endswith(".wav")}


def test_the_bytes_are_those_of_this_machine_and_a_second_run_keeps_them(here: Path, client: Client) -> None:
    (here / "stems" / "1.wav").write_bytes(b"no audio")
    said: list[str] = []
    shares: list[float] = []
    listener = PlanListener(lambda _, note: said.append(note), lambda _, __, share: shares.append(share))
    plan = (here / "plan.toml").read_text(encoding="utf-8").replace("transpose = 0", "breath = 1")
    (here / "plan.toml").write_text(plan, encoding="utf-8")
    jobs = planned_jobs(here / "plan.toml")
    rows = run_plan(jobs, on_cluster(client), listener=listener)
    assert [row.state for row in rows] == ["made", "failed", "made"]
    assert "1.wav" in rows[1].why
    assert sum("transpose auto" in note for note in said) == 2
    assert shares[-1] == pytest.approx(1.0)
    made = audio(here / "made")
    assert [row.state for row in run_plan(jobs, on_cores(1))] == ["kept", "failed", "kept"]
    for path in (here / "made").iterdir():
        path.unlink()
    run_plan(jobs, on_cores(1))
    assert audio(here / "made") == made


def test_a_worker_that_is_killed_costs_nothing_but_time(here: Path, client: Client) -> None:
    soundfile.write(here / "stems" / "0.wav", np.tile(sung(16000, 1.0), 60).T, 16000, "PCM_24")

    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for part in (here / "made").glob("*.part"):
                if part.stat().st_size > 10_000:
                    os.kill(int(part.name.split("-")[3]), signal.SIGKILL)
                    return
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    rows = run_plan(planned_jobs(here / "plan.toml"), on_cluster(client))
    killer.join()
    assert [row.state for row in rows] == ["made"] * 3
    assert len(list((here / "made").iterdir())) == 6


def test_an_input_that_kills_its_workers_is_set_aside_and_told(here: Path, client: Client) -> None:
    tasks = [Making(job, False) for job in planned_jobs(here / "plan.toml")]
    heard: list[Told] = []
    on_cluster(client)(make_or_die, tasks, heard.append, range(3), lambda: False)
    found = {told.number: told for told in heard if told.kind != "report"}
    assert {number: told.kind for number, told in found.items()} == {0: "done", 1: "failed", 2: "done"}
    assert found[1].value == (
        f"{here / 'stems' / '1.wav'}: the workers that made it died, and again when nothing else ran; check "
        "the file, and the memory of the workers"
    )


def test_asked_to_stop_the_workers_leave_whole_files(here: Path, client: Client) -> None:
    for number in (0, 2):
        x = np.tile(sung(16000, 1.0), 300).T
        soundfile.write(here / "stems" / f"{number}.wav", x, 16000, "PCM_24")
    began = time.monotonic()
    listener = PlanListener(stop=lambda: parts(here / "made"))
    rows = run_plan(planned_jobs(here / "plan.toml"), on_cluster(client), listener=listener)
    assert time.monotonic() - began < 60
    states = [row.state for row in rows]
    assert (states[0], states[2]) == ("left", "left")
    made = [row.job.target.name for row in rows if row.state == "made"]
    assert {path.name for path in (here / "made").iterdir()} == {
        n + end for n in made for end in ("", ".json")
    }
    again = planned_jobs(here / "plan.toml")[1:2]
    assert run_plan(again, on_cluster(client))[0].state in {"made", "kept"}


def parts(folder: Path) -> list[Path]:
    return [part for part in folder.glob("*.part") if part.stat().st_size > 10_000]


def test_a_scheduler_is_named_on_the_command_line(
    here: Path, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    done = call(capsys, "batch", "plan.toml", "--scheduler", client.scheduler.address)
    assert done.status == 0
    assert done.err.startswith("3 of 3 jobs are made, 0 were up to date, 0 failed; see ")
    assert len(audio(here / "made")) == 3
    done = call(capsys, "batch", "plan.toml", "--scheduler", "tcp://127.0.0.1:1", "--jobs", "2")
    assert done.err.startswith(
        "plugin-bridge batch: --jobs is for this machine; the workers of a scheduler are"
    )


def test_a_worker_that_does_not_fit_is_told(
    here: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = planned_jobs(here / "plan.toml")[0]
    do = on_cluster(client)

    def sentence(source: Path) -> str:
        with pytest.raises(BridgeError) as caught:
            do(make_or_die, [Making(replace(job, source=source), False)], lambda _: None, [0], lambda: False)
        return str(caught.value)

    assert "does not see /none/a.wav; share that folder under the same name" in sentence(Path("/none/a.wav"))
    assert sentence(Path("a.wav")).startswith("a.wav means another file on another machine; give the plan")
    monkeypatch.setattr(cluster, "engine_facts", lambda: {"plugin_bridge": "9"})
    assert "has another plugin_bridge, 0." in sentence(job.source)
    monkeypatch.setattr(cluster, "_HAS_PACKAGE", "False")
    assert "has no plugin_bridge; install it there, in version " in sentence(job.source)


def test_a_scheduler_that_dies_leaves_the_rest_and_is_told(here: Path) -> None:
    said: list[str] = []
    with (
        importlib.import_module("dask").config.set({"distributed.comm.timeouts.connect": "2s"}),
        local_client(1) as client,
    ):

        def end(_: PlanRow) -> None:
            client.cluster.scheduler.loop.add_callback(client.cluster.scheduler.close)

        listener = PlanListener(ended=end, broken=said.append)
        rows = run_plan(planned_jobs(here / "plan.toml"), on_cluster(client), listener=listener)
    assert said == ["the scheduler is gone; start it again, and the same command goes on"]
    states = [row.state for row in rows]
    assert {"made", "left"} == set(states)
    # What the worker was about when its scheduler died, it may have made meanwhile.
    rest = run_plan(planned_jobs(here / "plan.toml"), on_cores(1))
    assert {row.state for row in rest} <= {"made", "kept"}
    assert all(job.target.is_file() for job in planned_jobs(here / "plan.toml"))


def test_a_scheduler_that_dies_before_it_gives_a_result_is_told(
    here: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = importlib.import_module("distributed")
    said: list[str] = []

    def closed(_: object) -> None:
        raise distributed.comm.CommClosedError("Stream is closed")

    monkeypatch.setattr(distributed.Future, "result", closed)
    run_plan(planned_jobs(here / "plan.toml"), on_cluster(client), listener=PlanListener(broken=said.append))
    assert said == ["the scheduler is gone; start it again, and the same command goes on"]


def test_nothing_listens_beyond_this_machine(client: Client) -> None:
    assert client.scheduler.address.startswith("tcp://127.0.0.1:")
    me = psutil.Process()
    listening = [
        connection.laddr.ip
        for process in (me, *me.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    assert len(listening) >= 3


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("10.0.0.5:8786", "scheduler '10.0.0.5:8786' is no address; give one such as tcp://10.0.0.5:8786"),
        ("udp://127.0.0.1:1", "no scheduler answers at udp://127.0.0.1:1; start it, or check the address"),
        ("tcp://127.0.0.1:1", "no scheduler answers at tcp://127.0.0.1:1; start it, or check the address"),
    ],
)
def test_a_scheduler_that_is_not_there_is_told(
    address: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE_SECONDS", 0.5)
    with pytest.raises(BridgeError) as caught, scheduler_client(address):
        pass
    assert str(caught.value) == sentence


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no groups of processes")
def test_an_interrupt_from_the_keyboard_reaches_the_workers_too_and_leaves_nothing(here: Path) -> None:
    for number in range(3):
        x = np.tile(sung(16000, 1.0), 300).T
        soundfile.write(here / "stems" / f"{number}.wav", x, 16000, "PCM_24")
    words = [sys.executable, "-m", "plugin_bridge", "batch", "plan.toml", "--dask", "--jobs", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        words, cwd=here, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not parts(here / "made") and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith(
        "0 of 3 jobs are made, 0 were up to date, 0 failed, 3 are left; see "
    )
    assert list((here / "made").iterdir()) == []
