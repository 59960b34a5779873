"""An event is checked once in the audio process, at the engine's own door, whether OSC or MIDI brought it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin_bridge import Engine
from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.form import Form
from plugin_bridge.control.parameters import Parameter, Value
from plugin_bridge.engine.singers import check_events
from plugin_bridge.live.audio.blockprocessor import BlockProcessor
from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.audio.rings import Doorbell, Rings
from plugin_bridge.live.audio.scheduler import EventScheduler
from plugin_bridge.live.link import SharedFigures, event_of, row_of
from plugin_bridge.midi.input import MidiInput
from tests.support.doubles import BRIGHT, DARK

RATE, BLOCK = 16000, 128


class Ears:
    """Listens; a `Listener`."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.said: list[str] = []

    def heard(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        del upto
        self.events += [*own, *others]

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def test_an_osc_set_and_a_program_change_are_checked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "map.toml").write_text('[[program]]\nprogram = 1\nsinger = "bright"\n', encoding="utf-8")
    ears, gauges = Ears(), Gauges(SharedFigures())
    events = EventScheduler(MidiInput(tmp_path / "map.toml", ears.say, ["dark", "bright"]), gauges)
    engine = Engine(RATE, 1, [DARK, BRIGHT])
    rings = Rings(Form(RATE, 1, BLOCK, "a test"), engine.latency, 2, 0, Doorbell())
    gauges.measure(rings)
    processor = BlockProcessor(engine, {}, rings, events, gauges, ears)
    rows = [row_of(event) for event in check_events([Event(0, "gain", -6)], engine.singers)]
    checked: list[str] = []
    check = Parameter.check

    def counted(row: Parameter, value: object) -> Value:
        checked.append(row.id)
        return check(row, value)

    monkeypatch.setattr(Parameter, "check", counted)
    events.at_once([event_of(row) for row in rows], 1)
    silence = np.zeros((1, BLOCK), np.float32)
    rings.cycle(silence, silence.copy(), [(5, b"\xc0\x01")])
    assert processor.step()
    assert ears.events == [Event(0, "gain", -6.0), Event(5, "singer", "bright")]
    assert (checked, ears.said) == (["gain", "singer"], [])
