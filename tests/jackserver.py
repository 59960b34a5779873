"""A JACK server for a test: without hardware, under a name of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

_numbers = itertools.count()


@contextlib.contextmanager
def jack_server(rate: int = 48_000, block: int = 128) -> Iterator[str]:
    """Run one for the length of a `with` block; its name, for JACK_DEFAULT_SERVER, is yielded.

    CI must have jackd; elsewhere the test is passed over without it.

    Args:
        rate: hertz.
        block: samples.
    """
    program = shutil.which("jackd")
    if program is None:
        sentence = "jackd is not installed; on Debian: apt-get install jackd2"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    name = f"plugin-bridge-test-{os.getpid()}-{next(_numbers)}"
    command = [program, "-r", "--name", name, "-d", "dummy", "-r", str(rate), "-p", str(block)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            _wait(name, server)
            yield name
        finally:
            server.terminate()
            try:
                server.wait(5.0)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(name: str, server: subprocess.Popen[bytes]) -> None:
    """A server answers once its name stands in shared memory; asking it sooner fails loudly."""
    asked = [shutil.which("jack_wait") or "jack_wait", "--server", name, "--wait", "--timeout", "10"]
    deadline = time.monotonic() + 10.0
    while server.poll() is None and time.monotonic() < deadline:
        done = subprocess.run(asked, capture_output=True, check=False, timeout=15.0)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"jackd {name} did not start; see what `jackd -d dummy` says by hand")
