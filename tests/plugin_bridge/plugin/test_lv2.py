"""LV2: a host that says it is freewheeling gets the bounce; moves act at the beginning of a block."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.hosting import Float32, Move, bounced
from tests.plugin_bridge.plugin.lv2hosting import Lv2Host, Midi
from tests.plugin_bridge.plugin.serving import serving
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice
from tests.support.extras import needs_program


@pytest.mark.parametrize(("channels", "block", "told"), [(1, 333, True), (2, 1024, True), (1, 512, False)])
def test_it_is_the_bounce(place: Installation, tmp_path: Path, channels: int, block: int, told: bool) -> None:
    """Where the host does not say that it is offline, the parameter `wait` does."""
    audio = voice(1.0, channels)
    name = "plugin_bridge" if channels == 2 else "plugin_bridge_mono"
    host = Lv2Host(place.home / f".lv2/{name}.lv2", RATE, block)
    host.controls["lv2_freewheel"].value = float(told)
    host.controls["wait"].value = float(not told)
    for parameter, value in (("singer", 1.0), ("transpose_auto", 0.0), ("transpose", 3.0)):
        host.controls[parameter].value = value
    moved, program = 20 * block, 25 * block + 5
    padded = np.pad(audio, ((0, 0), (0, 8192)))
    host.activate()
    parts = []
    for start in range(0, padded.shape[1], block):
        if start == moved:
            host.controls["transpose"].value = -2.5
        here = start <= program < start + block
        messages = [Midi(program - start, b"\xc0\x00")] if here else []
        parts.append(host.run(padded[:, start : start + block], messages))
    latency, late = int(host.controls["lv2_latency"].value), host.controls["late"].value
    host.close()
    moves = [
        Move(0, "singer", "nit"),
        Move(0, "transpose", 3.0),
        Move(moved, "transpose", -2.5),
        Move(program, "singer", "pjs"),
    ]
    heard = np.concatenate(parts, axis=1)[:, latency:]
    assert differing(heard, bounced(tmp_path, audio, RATE, moves)) == 0
    assert late == 0.0


def test_a_stream_begins_where_the_transport_starts_jumps_or_loops(
    place: Installation, tmp_path: Path
) -> None:
    """Nothing of before is in it, and the end of a loop is heard while the next round has begun."""
    block, audio = 512, voice(1.0)
    audio = audio[:, : audio.shape[1] // block * block]
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 33 * block)).astype(np.float32)
    silence = np.zeros((1, 16 * block), np.float32)
    with serving(place, tmp_path) as served:
        host = Lv2Host(served.home / ".lv2/plugin_bridge_mono.lv2", RATE, block)
        for parameter, value in (
            ("lv2_freewheel", 1),
            ("singer", 1),
            ("transpose_auto", 0),
            ("transpose", 3),
        ):
            host.controls[parameter].value = float(value)
        host.activate()

        def played(sound: Float32, frame: int | None) -> Float32:
            blocks = np.split(sound, sound.shape[1] // block, axis=1)
            first = host.run(blocks[0], (), frame)
            return np.concatenate([first, *(host.run(one) for one in blocks[1:])], axis=1)

        played(noise, None)  # while the transport stands
        rounds = [played(audio, 96000) for _ in range(2)]
        elsewhere = played(audio, 7)
        flushed = played(silence, None)
        latency = int(host.controls["lv2_latency"].value)
        host.close()
    wanted = bounced(tmp_path, audio, RATE, [Move(0, "singer", "nit"), Move(0, "transpose", 3.0)])
    kept = audio.shape[1] - latency
    for heard in (*rounds, elsewhere):
        assert differing(heard[:, latency:], wanted[:, :kept]) == 0
    for after in (rounds[1], elsewhere, flushed):  # the end of each round, in the latency of the next
        np.testing.assert_allclose(after[:, :latency], wanted[:, kept:], atol=1e-5)
    assert not rounds[0][:, : latency - 960].any()  # and nothing of what came while the transport stood


@pytest.mark.parametrize(("block", "how"), [(64, "wait:1"), (4096, "lv2_freewheel:1")])
def test_lv2file_renders_the_bounce(
    place: Installation, stem: tuple[Float32, int], tmp_path: Path, block: int, how: str
) -> None:
    """A host of its own project, which does not take the latency out."""
    program = needs_program("lv2file", "lv2file")
    audio, rate = stem[0][:, : stem[1]], stem[1]
    source, output = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, np.pad(audio, ((0, 0), (0, 8192))).T, rate, subtype="FLOAT")
    values = [how, "singer:1", "transpose_auto:0", "transpose:3"]
    given = [argument for value in values for argument in ("-p", value)]
    subprocess.run(
        [program, "-b", str(block), "-i", str(source), "-o", str(output), *given, "urn:plugin_bridge:mono"],
        env={**os.environ, "LV2_PATH": str(place.home / ".lv2")},
        check=True,
        capture_output=True,
        timeout=60,
    )
    library = Library(place.home / ".lv2/plugin_bridge_mono.lv2/plugin_bridge_mono.so")
    latency = library.latency(rate, block)
    heard = soundfile.read(output, dtype="float32", always_2d=True)[0].T[:, latency:]
    wanted = bounced(tmp_path, audio, rate, [Move(0, "singer", "nit"), Move(0, "transpose", 3.0)])
    assert differing(heard, wanted) == 0


def test_what_the_bundles_say_is_valid(place: Installation) -> None:
    program = needs_program("lv2_validate", "lv2-dev")
    files = sorted(str(path) for path in place.home.glob(".lv2/*.lv2/*.ttl"))
    assert len(files) >= 4
    found = subprocess.run([program, *files], capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Found 0 errors" in found.stdout + found.stderr
