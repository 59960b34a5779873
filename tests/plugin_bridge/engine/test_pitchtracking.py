"""Who hears the pitch is chosen by name, everywhere the same, and refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.chain.chain import Chain
from plugin_bridge.chain.preset import Preset, preset_of
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.sourcepitch import SourcePitch
from plugin_bridge.live.settings import LiveSettings
from tests.support.doubles import DARK, sung

RATE = 16000


@pytest.mark.parametrize("pitch", ["periodicity", "melody"])
def test_a_stage_and_a_chain_hear_as_the_engine_does(pitch: str) -> None:
    x = sung(RATE, 0.5, 220.0, 0.4)
    stage = SingerConversion(DARK, pitch=pitch, transpose=0.0)
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0}, pitch=pitch)
    n = x.shape[1]
    wanted = engine.process(np.pad(x, ((0, 0), (0, engine.latency))))[:, engine.latency :]
    assert engine.pitch == stage.pitch == pitch
    assert np.array_equal(stage(x, RATE), wanted)
    assert np.array_equal(Chain([stage])(x, RATE)[:, :n], wanted)


@pytest.mark.parametrize("pitch", ["periodicity", "melody"])
def test_the_median_of_a_voice_is_found(pitch: str) -> None:
    meter = SourcePitch(RATE, pitch)
    meter.process(sung(RATE, 1.0, 220.0))
    assert meter.median() == pytest.approx(220.0, rel=0.01)


def test_auto_transposes_by_what_the_network_hears() -> None:
    x = sung(RATE, 1.0, 220.0)
    stage = SingerConversion(DARK, pitch="melody", transpose="auto")
    given = SingerConversion(DARK, pitch="melody", transpose="auto", source_pitch=220.0)
    assert np.array_equal(stage(x, RATE), given(x, RATE))


def test_an_unknown_tracker_is_refused() -> None:
    sentence = "pitch 'yin' is no tracker; use one of periodicity, melody"
    with pytest.raises(ValueError, match=sentence):
        Engine(RATE, 1, [DARK], pitch="yin")
    with pytest.raises(ValueError, match=sentence):
        SingerConversion(DARK, pitch="yin")
    with pytest.raises(ValueError, match=sentence):
        BounceSettings(pitch="yin")
    with pytest.raises(ValueError, match=sentence):
        LiveSettings(pitch="yin")


def test_a_preset_keeps_the_tracker() -> None:
    stage = SingerConversion("pjs", pitch="melody")
    preset = preset_of(Chain([stage]), "mix")
    assert preset.pitch == "melody"
    assert preset.stage().pitch == "melody"
    assert Preset(name="plain", singer="pjs").stage().pitch == "periodicity"
