"""A JACK server for a test: without hardware, under a name of its own, gone afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import time
from collections.abc import Iterator

from tests.support.extras import needs, needs_program

_numbers = itertools.count()


@contextlib.contextmanager
def jack_server(rate: int = 48_000, block: int = 128, *, name: str = "") -> Iterator[str]:
    """Run one for the length of a `with` block; its name, for JACK_DEFAULT_SERVER, is yielded.

    Without jackd the test is skipped.

    Args:
        rate: hertz.
        block: samples.
        name: of one that ran before, to come back as it.
    """
    needs("jack")
    program, wait = needs_program("jackd", "jackd2"), needs_program("jack_wait", "jackd2 jack-example-tools")
    name = name or f"plugin-bridge-test-{os.getpid()}-{next(_numbers)}"
    command = [program, "-r", "--name", name, "-d", "dummy", "-r", str(rate), "-p", str(block)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            _wait([wait, "--server", name, "--check"], server)
            yield name
        finally:
            server.terminate()
            try:
                server.wait(5.0)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(asked: list[str], server: subprocess.Popen[bytes]) -> None:
    """Ask until the server answers; `jack_wait --wait` would ask once a second; `--check` exits with 0."""
    deadline = time.monotonic() + 10.0
    while server.poll() is None and time.monotonic() < deadline:
        told = subprocess.run(asked, capture_output=True, check=False, timeout=15.0).stdout
        if told.splitlines()[-1:] == [b"running"]:
            return
        time.sleep(0.02)
    raise RuntimeError("jackd did not start; see what `jackd -d dummy` says by hand")
