"""The built plug-in, once for all tests of a run, with a folder of its own for the instances."""

from __future__ import annotations

import fcntl
import gc
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_bridge.plugin.dpf import SYSTEM
from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.support.extras import needs_program
from tests.support.waiting import wait_until


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Build it in a folder that all workers of a run share; the first one builds."""
    needs_program("c++", "g++")
    if not SYSTEM.is_dir():
        pytest.skip("DPF is missing; run: sh .ci/setup test, or as root: apt-get install dpf-source")
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker of pytest-xdist
        shared = shared.parent
    home, there = shared / "home", shared / "run"
    with (shared / "plugin.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not there.exists():
            memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
            run = tempfile.mkdtemp(prefix="plugin_bridge-", dir=memory if memory.is_dir() else None)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("CXXFLAGS", "-O0")  # twice as quick to build, and it only copies
                Installation(home, Path(run)).install()
            there.symlink_to(run)
    return Installation(home, there.resolve())


@pytest.fixture
def place(installed: Installation) -> Iterator[Installation]:
    """Give it to a test, after which no instance may be left."""
    yield installed
    gc.collect()  # a plug-in of pedalboard and its parameters hold each other
    wait_until(lambda: not list(installed.run.glob("*.segment")), 10.0)


@pytest.fixture(scope="session")
def claphost(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the small CLAP host."""
    compiler = needs_program("c++", "g++")
    program = tmp_path_factory.mktemp("claphost") / "claphost"
    source = Path(__file__).with_name("claphost.cpp")
    options = ["-std=c++17", f"-I{SYSTEM}/distrho/src", "-ldl", "-pthread"]
    subprocess.run([compiler, str(source), "-o", str(program), *options], check=True)
    return program


@pytest.fixture
def host(place: Installation, claphost: Path, tmp_path: Path) -> ClapHost:
    """A CLAP host that has not begun yet."""
    return ClapHost(claphost, place, tmp_path / "host")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove the folder of the instances."""
    config = session.config
    if hasattr(config, "workerinput"):
        return
    there = config._tmp_path_factory.getbasetemp() / "run"  # type: ignore[attr-defined]
    if there.is_symlink():
        shutil.rmtree(there.resolve(), ignore_errors=True)
        there.unlink()
