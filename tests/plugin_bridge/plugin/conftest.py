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

from plugin_bridge.errors import MissingExtraError
from plugin_bridge.plugin import dpf
from plugin_bridge.plugin.build import bundles
from plugin_bridge.plugin.installation import Installation, cache_folder
from plugin_bridge.plugin.table import CONF
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.support.extras import needs_program
from tests.support.waiting import wait_until


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it in a home folder that all workers of a run copy; the first one builds."""
    needs_program("c++", "g++")
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-"):  # a worker of pytest-xdist
        shared = shared.parent
    home = shared / "home"
    with (shared / "plugin.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            patch.setenv("CXXFLAGS", "-O0")  # twice as quick to build, and it only copies
            try:
                Installation(home).install()
            except MissingExtraError as error:
                pytest.skip(str(error))
    return home


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Give a worker a copy with a folder for its own instances, which no other worker looks into."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(built, home, dirs_exist_ok=True)
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own in it
    with tempfile.TemporaryDirectory(
        prefix="plugin_bridge-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
    ) as run:
        one = Installation(home, Path(run))
        for bundle in bundles():
            (home / bundle.place).with_name(CONF).write_text(one.conf(), encoding="utf-8")
        yield one


@pytest.fixture
def place(installed: Installation) -> Iterator[Installation]:
    """Give it to a test, after which no instance may be left."""
    yield installed
    gc.collect()  # a plug-in of pedalboard and its parameters hold each other
    wait_until(lambda: not list(installed.run.glob("*.segment")), 10.0)


@pytest.fixture(scope="session")
def distrho(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DPF's headers, as the plug-in is built on them."""
    assert installed.home.is_dir()  # where it is built they can be had
    folder = tmp_path_factory.mktemp("dpf")
    dpf.prepare(folder, cache_folder())
    return folder / "distrho/src"


@pytest.fixture(scope="session")
def claphost(distrho: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the small CLAP host."""
    compiler = needs_program("c++", "g++")
    program = tmp_path_factory.mktemp("claphost") / "claphost"
    source = Path(__file__).with_name("claphost.cpp")
    options = ["-std=c++17", f"-I{distrho}", "-ldl", "-pthread"]
    subprocess.run([compiler, str(source), "-o", str(program), *options], check=True)
    return program


@pytest.fixture
def host(place: Installation, claphost: Path, tmp_path: Path) -> ClapHost:
    """A CLAP host that has not begun yet."""
    return ClapHost(claphost, place, tmp_path / "host")
