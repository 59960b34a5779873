"""What a voice is held against: a copy against its clip, a conversion against the singer's recordings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from plugin_bridge.measure.audition import sing
from plugin_bridge.measure.clips import Clip
from plugin_bridge.measure.target import Target
from plugin_bridge.measure.voicescores import VoiceJudge
from tests.plugin_bridge.commands.evaluating import RATE, needs_all, source
from tests.support.doubles import CopySinger, sung


def test_variation_is_held_against_the_clip_or_the_singers_recordings() -> None:
    needs_all()
    clip = source(sung(RATE, 2.0, 220.0, vibrato=0.5)[0])
    take = sing(clip, CopySinger("same", 0.0, 220.0), {})
    take = dataclasses.replace(take, output=clip.clip.audio)
    tremor = 1.0 + 0.1 * np.sin(2.0 * np.pi * 15.0 * np.arange(2 * RATE) / RATE)
    target = Target([Clip("trembling", np.asarray(clip.clip.audio * tremor, np.float32), RATE)])
    judge = VoiceJudge(clip.clip)
    copy, conversion = (judge.score(take, "same", target, copy=copy) for copy in (True, False))
    assert (copy.variance, copy.modulation_4, copy.modulation_10, copy.modulation_30) == (1.0, 0.0, 0.0, 0.0)
    assert conversion.variance == pytest.approx(1.0, abs=0.1)
    assert conversion.modulation_10 < -6.0
