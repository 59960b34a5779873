"""An export by way of the VST3 plug-in is the bounce, to the sample, whatever the blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr

from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.hosting import Float32, Move, bounced, played, set_values, vst3

BLOCKS = (64, 100, 256, 441, 512, 1000, 2048, 8192)


def source(stem: tuple[Float32, int], rate: int, channels: int) -> Float32:
    """A second of the example stem, panned where it is stereo."""
    audio, own = stem
    mono = soxr.resample(audio[0, : own * 5 // 4], own, rate).astype(np.float32)
    return np.ascontiguousarray(mono[None] if channels == 1 else np.stack([mono, 0.5 * mono]))


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_the_bounce_at_every_block_size(
    place: Installation, stem: tuple[Float32, int], tmp_path: Path, rate: int, channels: int
) -> None:
    audio = source(stem, rate, channels)
    moves = [
        Move(0, "singer", "nit"),
        Move(0, "transpose", 3.0),
        Move(0, "breath", 2.5),
        Move(rate // 3 + 7, "transpose", 5.25),
        Move(rate // 2 + 1, "singer", "pjs"),
        Move(rate // 2 + 900, "transpose", -7.0),
    ]
    wanted = bounced(tmp_path, audio, rate, moves)
    plugin, found = vst3(place, channels), {}
    for block in BLOCKS:
        set_values(plugin, {"singer": "nit", "transpose": 3.0, "breath": 2.5})
        heard = played(plugin, audio, rate, block, moves[3:])
        found[block] = int(np.count_nonzero(heard != wanted))
    assert found == dict.fromkeys(BLOCKS, 0)  # samples that differ
    assert np.abs(wanted).max() > 0.01
