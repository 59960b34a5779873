"""LV2: a host that says it is freewheeling gets the bounce; moves act at the beginning of a block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.hosting import Move, bounced
from tests.plugin_bridge.plugin.lv2hosting import Lv2Host, Midi
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice


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
