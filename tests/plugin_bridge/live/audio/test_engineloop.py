"""The engine's thread reads the link: a bounded part before every block, and nothing that is for others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.control.events import AnyEvent, Event, NoteOn
from plugin_bridge.control.form import Form
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.live.audio.blockprocessor import BlockProcessor
from plugin_bridge.live.audio.engineloop import EngineLoop
from plugin_bridge.live.audio.rings import Rings
from plugin_bridge.live.link import SPAWN, Link, Message, SharedFigures, rows_of
from plugin_bridge.midi.input import MidiInput
from tests.support.doubles import DARK
from tests.support.waiting import wait_until

RATE, BLOCK = 16000, 128
VALUES: dict[str, Value] = {"transpose": 0.0}


class Ears:
    """Listens; a `Listener`."""

    def __init__(self) -> None:
        self.blocks: list[list[AnyEvent]] = []
        """The events of each block that had any."""
        self.said: list[str] = []

    def heard(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        del upto
        self.blocks.append([*own, *others])

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class Rigged:
    """A loop whose thread has not begun, and the other end of its link."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = SPAWN.Pipe()
        self.control = Link(ours)
        self.ears = Ears()
        self.midi = MidiInput(folder / "map.toml", self.ears.say)
        self.loop = EngineLoop(SharedFigures(), self.midi, Link(theirs))
        engine = Engine(RATE, 1, [DARK], parameters=VALUES)
        self.rings = Rings(Form(RATE, 1, BLOCK, "a test"), engine.latency, 3, 0, self.loop.doorbell)
        events, gauges = self.loop.events, self.loop.gauges
        self.processor = BlockProcessor(engine, VALUES, self.rings, events, gauges, self.ears)

    def send(self, number: int, *events: AnyEvent) -> None:
        assert self.control.send({"events": rows_of(events), "now": True, "number": number})

    def block(self) -> None:
        """Let the device give and take a block."""
        silence = np.zeros((1, BLOCK), np.float32)
        self.rings.cycle(silence, silence.copy())


@pytest.fixture
def rigged(tmp_path: Path) -> Iterator[Rigged]:
    (tmp_path / "map.toml").touch()
    rigged = Rigged(tmp_path)
    yield rigged
    if rigged.loop.alive:
        rigged.loop.end()
    rigged.midi.close()


def test_many_messages_are_spread_over_blocks_and_all_are_taken_in_order(rigged: Rigged) -> None:
    notes = [NoteOn(0, float(k)) for k in range(100)]
    for k in range(0, len(notes), 2):
        rigged.send(k + 1, *notes[k : k + 2])
    for _ in range(3):
        rigged.block()
    rigged.loop.play(rigged.processor)
    rigged.loop.start()
    wait_until(lambda: len(rigged.ears.blocks) == 2)
    assert [len(block) for block in rigged.ears.blocks] == [64, 36]
    taken = [event.note for block in rigged.ears.blocks for event in block if isinstance(event, NoteOn)]
    assert taken == [note.note for note in notes]


def test_between_two_blocks_no_more_is_read_than_can_wait(rigged: Rigged) -> None:
    rigged.loop.start()
    rigged.loop.play(rigged.processor)
    pitches = [float(k % 128) for k in range(24_000)]
    pieces = [pitches[k : k + 60] for k in range(0, len(pitches), 60)]
    waiting = deque(
        {"events": rows_of(NoteOn(0, pitch) for pitch in piece), "now": True, "number": number}
        for number, piece in enumerate(pieces)
    )

    def give() -> None:
        while waiting and rigged.control.send(waiting[0]):
            waiting.popleft()

    def full() -> bool:
        give()
        return not rigged.loop.events.has_room

    def taken() -> list[float]:
        heard = (event for block in rigged.ears.blocks for event in block)
        return [event.note for event in heard if isinstance(event, NoteOn)]

    def over() -> bool:
        rigged.block()
        give()
        return len(taken()) >= len(pitches)

    wait_until(full)
    give()
    assert waiting, "the pipe is full, too, and its sender knows"
    wait_until(over)
    assert np.array_equal(taken(), pitches)
    assert rigged.loop.gauges.refused == 0


def test_a_bundle_acts_together(rigged: Rigged) -> None:
    rigged.loop.start()
    rigged.loop.play(rigged.processor)
    notes = [NoteOn(0, float(k)) for k in range(60)]
    rigged.send(1, *notes, Event(0, "gain", -3.0), Event(0, "breath", 1.0))
    rigged.block()  # the message was there before it
    wait_until(lambda: bool(rigged.ears.blocks))
    assert [len(block) for block in rigged.ears.blocks] == [62]


def test_what_is_for_others_is_left_to_them_in_order(rigged: Rigged) -> None:
    rigged.loop.start()
    forwarded: list[Message] = [{"record": "a"}, {"stop": True}, {"end": True}]
    for message in forwarded:
        assert rigged.control.send({"learn": "gain"})
        assert rigged.control.send(message)
    wait_until(lambda: len(rigged.loop.forwarded) == 3)
    assert list(rigged.loop.forwarded) == forwarded
    assert [event.parameter for event in rigged.midi.process(b"\xb0\x15\x40", 0)] == ["gain"]  # type: ignore[union-attr]


def test_it_notices_that_the_control_process_is_gone_and_goes_on(rigged: Rigged) -> None:
    rigged.loop.start()
    rigged.loop.play(rigged.processor)
    rigged.send(1, Event(0, "gain", -3.0))
    rigged.control.close()
    wait_until(lambda: rigged.loop.orphaned)
    rigged.block()
    wait_until(lambda: rigged.processor.state.values["gain"] == -3.0)
    assert rigged.loop.alive
