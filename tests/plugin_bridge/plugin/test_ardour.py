"""A real DAW: an export from Ardour is the bounce, to the sample, and the session brings it again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.ardour import CYCLE, OFFSET, PAN_LAW, SLIP, Ardour
from tests.plugin_bridge.plugin.hosting import Float32, Move, bounced


@pytest.mark.parametrize(("kind", "channels"), [("LV2", 1), ("VST3", 2)])
def test_an_export_is_the_bounce_and_comes_again(
    place: Installation, stem: tuple[Float32, int], tmp_path: Path, kind: str, channels: int
) -> None:
    """Ardour hands a value over when the sound leaves the plug-in, so it acts later by the latency.

    In LV2 it does so at the beginning of a cycle, which is where the moves are here.
    """
    mono, rate = stem
    audio = mono if channels == 1 else np.concatenate([mono, 0.5 * mono])
    first = [Move(0, "singer", "nit"), Move(0, "transpose", 3.0), Move(0, "breath", 2.5)]
    later = [
        Move(OFFSET + 12 * CYCLE, "transpose", 5.25),
        Move(OFFSET + 20 * CYCLE, "singer", "pjs"),
        Move(OFFSET + 21 * CYCLE, "transpose", -7.0),
    ]
    ardour = Ardour(place)
    session = ardour.make(
        tmp_path / "vox", kind, audio, rate, [*first, Move(0, "transpose_auto", 0.0), *later]
    )
    latency = Library(place.home / ".lv2/plugin_bridge_mono.lv2/plugin_bridge_mono.so").latency(rate, CYCLE)

    def made(delay: int) -> Float32:
        moves = [*first, *(move._replace(position=move.position + delay) for move in later)]
        bounce = bounced(tmp_path, audio, rate, moves)
        return np.repeat(bounce * PAN_LAW, 2, axis=0) if channels == 1 else bounce

    wanted, late = made(latency), made(latency + SLIP)
    slips = [wanted[:, SLIP:], late, late[:, SLIP:]]
    heard = ardour.export(session, slips)
    assert heard.shape == wanted.shape
    assert np.count_nonzero(heard != wanted) == 0
    assert np.abs(wanted).max() > 0.01
    ardour.save(session)
    assert np.count_nonzero(ardour.export(session, slips) != wanted) == 0
