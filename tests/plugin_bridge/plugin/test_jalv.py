"""LV2 live: jalv plays the plug-in under JACK, and its latency is the declared one."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import soxr

from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.hosting import Float32
from tests.support.extras import needs_program
from tests.support.jackserver import jack_server
from tests.support.waiting import wait_until

RATE, BLOCK, SECONDS = 48000, 256, 3
VOICE, SOURCE = "pb:lv2_audio_out_1", "jstdin"


def test_the_latency_is_the_declared_one(
    place: Installation, stem: tuple[Float32, int], tmp_path: Path
) -> None:
    """The source passes by way of the engine (`mix` is 0), so it can be found again sample by sample."""
    jalv, lsp = needs_program("jalv", "jalv"), needs_program("jack_lsp", "jack-example-tools")
    play, capture = (needs_program(name, "jack-stdio") for name in ("jack-stdin", "jack-stdout"))
    audio, own = stem
    whole = np.tile(soxr.resample(audio[0], own, RATE).astype(np.float32), 8)
    whole.tofile(tmp_path / "stem.raw")
    with jack_server(RATE, BLOCK) as server:
        environment = {**os.environ, "JACK_DEFAULT_SERVER": server, "HOME": str(place.home)}

        def start(*words: str) -> subprocess.Popen[bytes]:
            quiet = subprocess.DEVNULL
            return subprocess.Popen(words, env=environment, stdin=quiet, stdout=quiet, stderr=quiet)

        def ask(*words: str) -> bytes:
            return subprocess.run(
                words, env=environment, capture_output=True, check=False, timeout=20.0
            ).stdout

        def ports(*more: str) -> str:
            return ask(lsp, *more).decode()

        host = start(jalv, "-n", "pb", "-x", "-i", "-c", "mix=0", "urn:plugin_bridge:mono")
        player = None
        try:
            wait_until(lambda: any(": ready" in line for line in place.status().instances))
            player = start(play, "-e", "float", "-f", str(tmp_path / "stem.raw"), "pb:lv2_audio_in_1")
            wait_until(lambda: SOURCE in ports())
            port = next(name for name in ports().split() if SOURCE in name)
            time.sleep(0.5)
            heard = ask(capture, "-q", "-e", "float", "-d", str(SECONDS), port, VOICE)
            (declared,) = {int(n) for n in re.findall(r"\[ (\d+)", ports("-l", VOICE)) if n != "0"}
        finally:
            for program in (player, host):
                if program is not None:
                    program.terminate()
                    program.wait(10.0)
    source, voice = np.ascontiguousarray(np.frombuffer(heard, np.float32).reshape(-1, 2).T)
    size = 1 << 19
    match = np.fft.irfft(np.fft.rfft(voice, size) * np.conj(np.fft.rfft(source, size)))
    near = int(np.argmax(match))  # where JACK loses some of it, the peak may lie beside

    def equal(lag: int) -> float:
        return float(np.mean(voice[lag:] == source[:-lag]))

    measured = max(range(near - 2, near + 3), key=equal)
    assert measured == declared
    assert equal(measured) > 0.5  # the rest is what JACK lost on a busy machine
