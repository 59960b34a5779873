"""One run at a time makes a plan: others are refused, and a killed one blocks nobody."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from plugin_bridge.batches.claim import claimed
from plugin_bridge.batches.expansion import planned_jobs
from plugin_bridge.batches.running import on_cores, run_plan
from plugin_bridge.errors import PlanError
from tests.plugin_bridge.commands.commandline import call, listing, spawn
from tests.support.plans import planned_folder
from tests.support.waiting import wait_until


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot hold a process")
def test_a_second_run_is_refused_until_the_first_has_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two real commands side by side, the first held in its midst."""
    here = planned_folder(tmp_path, stems=1, seconds=5.0)
    (here / "link.toml").symlink_to(here / "plan.toml")
    first = spawn(["batch", "plan.toml", "--jobs", "1"], here)
    try:
        wait_until(lambda: list(here.glob("made/*.part")))
        first.send_signal(signal.SIGSTOP)
        before = listing(here)
        for plan in ("plan.toml", "link.toml"):
            second = spawn(["batch", plan, "--jobs", "1"], here)
            _, errors = second.communicate(timeout=120)
            assert second.returncode == 2
            assert errors == f"plugin-bridge batch: another run is making {plan}; wait for it, or stop it\n"
        listed = call(capsys, "batch", here / "plan.toml", "--dry-run")
        assert listed.status == 0
        assert listing(here) == before
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate(timeout=60)
    rows = run_plan(planned_jobs(here / "plan.toml"), on_cores(1))
    assert [row.state for row in rows] == ["made"]
    assert not (here / ".plan.toml.lock").exists()


def test_other_plans_run_meanwhile(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    with claimed([one]):
        with claimed([two]):
            pass
        with pytest.raises(PlanError, match=r"another run is making .*one\.toml; wait for it, or stop it"):
            claim(one)
    claim(one)
    assert list(tmp_path.iterdir()) == []


def claim(plan: Path) -> None:
    with claimed([plan]):
        pass


def test_a_plan_whose_folder_takes_no_lock_is_claimed_all_the_same(tmp_path: Path) -> None:
    plan = tmp_path / ("a" * 250 + ".toml")  # the longest name there is
    with claimed([plan]), pytest.raises(PlanError, match="another run is making"), claimed([plan]):
        pytest.fail("claimed twice")
