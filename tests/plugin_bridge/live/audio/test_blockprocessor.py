"""An engine at a device: the same samples as the engine alone, at the declared latency, through any stall."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models.refiner.facts import Refiner
from models.singer.file import load_singer
from plugin_bridge.bounce.bounce import bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.form import Form
from plugin_bridge.control.parameters import QUALITIES, Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.notes import Melody
from plugin_bridge.files.writer import OutputFormat
from plugin_bridge.live.audio.blockprocessor import BlockProcessor
from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.audio.rings import Doorbell, Rings
from plugin_bridge.live.audio.scheduler import MAX_EVENTS, MAX_MESSAGES, EventScheduler
from plugin_bridge.live.audio.state import EngineState
from plugin_bridge.live.link import SharedFigures
from plugin_bridge.midi.input import MidiInput
from plugin_bridge.sessions.reader import SessionReader
from plugin_bridge.sessions.writer import SessionHeader, SessionWriter
from tests.support.doubles import BRIGHT, BROKEN, DARK, sung
from tests.support.extras import needs
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]

RATE = 16000
BLOCK = 128
VALUES: dict[str, Value] = {"transpose": 0.0, "singer": "dark"}
MAP = '[[program]]\nprogram = 1\nsinger = "bright"\n[[program]]\nprogram = 2\nsinger = "nobody"\n'


class Stage:
    """A processor whose device and engine take turns as a test says; it listens to itself."""

    def __init__(self, folder: Path, blocks: int = 2, origin: int = 0, engine: Engine | None = None) -> None:
        (folder / "map.toml").write_text(MAP, encoding="utf-8")
        self.said: list[str] = []
        self.news: list[tuple[list[AnyEvent], list[AnyEvent], int]] = []
        self.page = SharedFigures()
        self.gauges = Gauges(self.page)
        midi = MidiInput(folder / "map.toml", self.say, ["dark", "bright"])
        self.events = EventScheduler(midi, self.gauges)
        self.form = Form(RATE, 1, BLOCK, "a test")
        engine = engine or made()
        self.rings = Rings(self.form, engine.latency, blocks, origin, Doorbell())
        self.gauges.measure(self.rings)
        self.processor = BlockProcessor(engine, VALUES, self.rings, self.events, self.gauges, self)
        self.played: list[Float32] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def heard(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        self.news.append((own, others, upto))

    @property
    def taken(self) -> list[AnyEvent]:
        """Every event that was reported."""
        return [event for own, others, _ in self.news for event in (*own, *others)]

    @property
    def sound(self) -> Float32:
        """What the device played."""
        return np.concatenate(self.played, axis=1)

    def device(self, source: Float32, midi: Sequence[tuple[int, bytes]] = ()) -> None:
        """Give a source in blocks while the engine stands still; MIDI comes with the first."""
        for start in range(0, source.shape[1], BLOCK):
            output = np.empty((1, BLOCK), np.float32)
            self.rings.cycle(source[:, start : start + BLOCK], output, midi if start == 0 else ())
            self.played.append(output)

    def play(self, source: Float32) -> None:
        """Let device and engine take turns."""
        for start in range(0, source.shape[1], BLOCK):
            self.device(source[:, start : start + BLOCK])
            self.engine()

    def engine(self) -> None:
        """Let the engine take what there is, and use the pause after it."""
        while self.processor.step() or self.processor.use_pause():
            pass


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def made() -> Engine:
    return Engine(RATE, 1, [DARK, BRIGHT], parameters=VALUES)


def song(blocks: int) -> Float32:
    return np.ascontiguousarray(sung(RATE, 1.0 + blocks * BLOCK / RATE, vibrato=0.4)[:, : blocks * BLOCK])


@pytest.mark.parametrize("blocks", [1, 3])
def test_it_plays_what_the_engine_alone_makes(tmp_path: Path, blocks: int) -> None:
    stage, source = Stage(tmp_path, blocks), song(60)
    events = [Event(1000, "gain", -6.0), Event(2001, "singer", "bright"), Event(4095, "bypass", True)]
    stage.events.at_their_time(events)
    stage.play(source)
    late = blocks * BLOCK
    expected = made().process(source, events)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_array_equal(stage.sound[:, late:], expected[:, :-late])
    assert stage.taken == events
    assert stage.rings.latency == made().latency + late


def test_the_moment_on_the_page_is_the_end_of_the_newest_block(stage: Stage) -> None:
    """A block is there once its last sample is captured, so a clock that shows its first is a block early."""
    began = time.monotonic()
    stage.play(song(1))
    assert stage.page.read().position == BLOCK
    assert began <= stage.page.read().clock <= time.monotonic()
    stage.play(song(2))
    assert stage.page.read().position == 3 * BLOCK


def test_events_act_on_positions_of_the_stream_wherever_it_begins(tmp_path: Path) -> None:
    stage, source = Stage(tmp_path, origin=100_000), song(30)
    stage.events.at_their_time([Event(101_111, "bypass", True)])
    stage.play(source)
    expected = made().process(source, [Event(1_111, "bypass", True)])
    np.testing.assert_array_equal(stage.sound[:, 2 * BLOCK :], expected[:, : -2 * BLOCK])


def test_what_comes_at_once_acts_on_the_next_sample_and_what_is_late_is_counted(stage: Stage) -> None:
    stage.play(song(3))
    stage.events.at_once([NoteOn(0, 60.0), NoteOff(0, 60.0)], number=7)
    stage.events.at_their_time([Event(5, "gain", -1.0), Event(3 * BLOCK, "gain", -2.0)])
    stage.play(song(1))
    here = 3 * BLOCK
    own = [NoteOn(here, 60.0), NoteOff(here, 60.0)]
    others = [Event(here, "gain", -1.0), Event(here, "gain", -2.0)]
    assert stage.news == [(own, others, 7)]
    assert stage.page.read().late == 1.0


def test_of_sets_at_once_the_last_is_taken_and_of_those_with_a_sample_each(stage: Stage) -> None:
    at_once: list[AnyEvent] = [Event(0, "gain", -1.0), NoteOn(0, 60.0), Event(0, "breath", 1.0)]
    at_once.append(Event(0, "gain", -2.0))
    timed: list[AnyEvent] = [Event(5, "gain", -4.0), Event(5, "gain", -5.0), Event(9, "gain", -6.0)]
    stage.events.at_once(at_once[:3], 1)
    stage.events.at_once([at_once[3]], 2)
    stage.events.at_their_time(timed)
    stage.play(song(1))
    assert stage.news == [(at_once[1:], timed, 2)]
    assert stage.processor.state.values["gain"] == -6.0


def test_midi_lands_on_its_sample_and_an_unknown_singer_is_refused(stage: Stage) -> None:
    stage.device(song(1), [(17, b"\xc0\x01"), (18, b"\xc0\x02"), (19, b"\xc0\x63")])
    stage.engine()
    assert stage.taken == [Event(17, "singer", "bright")]
    assert len(stage.said) == 2
    assert "'nobody' is not in the set" in stage.said[0]
    assert "program 99" in stage.said[1]
    stage.events.message(b"\xc0\x01", "Keys")
    stage.play(song(1))
    assert stage.taken[1:] == [Event(BLOCK, "singer", "bright")]


def test_the_device_and_each_port_have_channels_of_their_own(stage: Stage) -> None:
    for port in ("Pads", "Keys"):
        stage.events.message(b"\xb0\x20\x05" if port == "Pads" else b"\xc0\x01", port)  # a bank of its own
    stage.device(song(1), [(3, b"\xb0\x20\x05"), (4, b"\xc0\x01")])
    stage.engine()
    assert stage.taken == [Event(0, "singer", "bright")]
    assert "program 1 of bank 5" in stage.said[0]


def test_after_a_stall_nothing_stale_is_heard_and_the_latency_is_the_same(stage: Stage) -> None:
    source = song(400)
    late = stage.rings.latency
    stage.events.at_once([Event(0, "bypass", True)], 1)
    stage.play(source[:, : 100 * BLOCK])
    stage.device(source[:, 100 * BLOCK : 200 * BLOCK])
    stage.engine()
    stage.play(source[:, 200 * BLOCK :])
    delayed = np.concatenate([np.zeros((1, late), np.float32), source], axis=1)[:, : source.shape[1]]
    audible = (stage.sound != 0.0).ravel()
    settled = late + 480  # bypass fades in over 20 ms
    heard, due, audible = (row[settled:] for row in (stage.sound[0], delayed[0], audible))
    np.testing.assert_array_equal(heard[audible], due[audible])
    silent = np.flatnonzero(~audible & (due != 0.0)) + settled
    assert silent.min() == 102 * BLOCK  # two blocks were in the ring
    assert silent.max() < 199 * BLOCK + late
    assert stage.page.read().dropped == 99 * BLOCK
    assert stage.rings.missed == 99  # those left out


@pytest.mark.parametrize("stalled", [0, 5, 200])
def test_a_recording_is_what_was_heard(tmp_path: Path, stage: Stage, stalled: int) -> None:
    source = song(500)
    stage.events.at_once([Event(0, "singer", "bright"), NoteOn(0, 62.0), PitchBend(0, 0.5)], 1)
    stage.events.at_once([Event(0, "melody", True)], 2)
    stage.play(source[:, : 50 * BLOCK])
    header = SessionHeader.of([DARK, BRIGHT], 0, stage.processor.state.initial)
    writer = SessionWriter(tmp_path / "take", stage.form, header)
    stage.processor.record(writer)
    stage.play(source[:, 50 * BLOCK : 150 * BLOCK])
    stage.events.at_their_time([Event(170 * BLOCK + 3, "gain", -3.0), Event(180 * BLOCK, "singer", "dark")])
    stage.device(source[:, 150 * BLOCK : (150 + stalled) * BLOCK])
    stage.engine()
    stage.play(source[:, (150 + stalled) * BLOCK :])
    stage.processor.record(None)
    writer.close()
    start = 51 * BLOCK  # one block to fade, then the engine starts anew
    with SessionReader(tmp_path / "take") as session:
        assert session.frames == source.shape[1] - start
        assert [event.position for event in session.events][:4] == [0] * 4
    out = tmp_path / "take.wav"
    done = bounce(
        tmp_path / "take",
        out,
        OutputFormat("wav", "32f"),
        BounceSettings(),
        library=SingerLibrary([DARK, BRIGHT]),
    )
    assert done.singer == "bright"
    bounced = soundfile.read(out, dtype="float32")[0]
    heard = stage.sound[0, start + stage.rings.latency :]
    assert np.abs(heard).max() > 0.01
    np.testing.assert_array_equal(heard, bounced[: heard.size])


def enrolled(folder: Path) -> Path:
    """Enrol a voice as a singer called dark."""
    needs("torch")
    from models.training.enrolment.enrol import enrol_singer
    from models.training.enrolment.file import write_shared
    from models.training.singer.recipe import SingerFacts
    from models.training.singer.training import Plan
    from tests.support.sharednetworks import manifest_of, some_network, some_songs

    soundfile.write(folder / "said.wav", sung(48000, 6.0, 200.0)[0], 48000)
    write_shared(some_network(), some_songs(), manifest_of(), folder / "shared.npz")
    facts = SingerFacts("dark", "Dark", "CC0", "nobody", "made by the test")
    enrol_singer(
        [folder / "said.wav"],
        facts,
        folder / "dark.onnx",
        plan=Plan(steps=1, batch=1),
        shared=folder / "shared.npz",
    )
    return folder / "dark.onnx"


def refined(folder: Path) -> Path:
    return write_singer(folder / "dark.onnx", refiner=Refiner(bands=4, steps=(1, 2, 8)))


@pytest.mark.parametrize("maker", [refined, enrolled])
def test_a_recording_of_every_quality_is_its_bounce(tmp_path: Path, maker: Callable[[Path], Path]) -> None:
    singer = load_singer(maker(tmp_path))
    stage, source = Stage(tmp_path, engine=Engine(RATE, 1, [singer], parameters=VALUES)), song(300)
    stage.events.at_once([Event(0, "quality", "mix")], 1)
    stage.play(source[:, : 10 * BLOCK])
    header = SessionHeader.of([singer], 0, stage.processor.state.initial)
    writer = SessionWriter(tmp_path / "take", stage.form, header)
    stage.processor.record(writer)
    changes = [Event((60 + 50 * i) * BLOCK + 7 * i, "quality", word) for i, word in enumerate(QUALITIES)]
    stage.events.at_their_time(changes)
    stage.play(source[:, 10 * BLOCK :])
    stage.processor.record(None)
    writer.close()
    out = tmp_path / "take.wav"
    bounce(
        tmp_path / "take",
        out,
        OutputFormat("wav", "32f"),
        BounceSettings(),
        library=SingerLibrary([singer]),
    )
    bounced = soundfile.read(out, dtype="float32")[0]
    heard = stage.sound[0, 11 * BLOCK + stage.rings.latency :]
    assert [event for event in stage.taken if event.position > 10 * BLOCK] == changes
    assert np.abs(heard).max() > 0.01
    np.testing.assert_array_equal(heard, bounced[: heard.size])


def test_a_recording_begins_without_a_click(stage: Stage, tmp_path: Path) -> None:
    source = song(60)
    stage.events.at_once([Event(0, "bypass", True)], 1)
    stage.play(source[:, : 30 * BLOCK])
    header = SessionHeader.of([DARK, BRIGHT], 0, VALUES)
    writer = SessionWriter(tmp_path / "take", stage.form, header)
    stage.processor.record(writer)
    stage.play(source[:, 30 * BLOCK :])
    writer.close()
    fade = stage.sound[0, 32 * BLOCK : 33 * BLOCK]
    before = stage.sound[0, 31 * BLOCK : 32 * BLOCK]
    assert np.abs(fade[-8:]).max() < 0.1 * np.abs(before).max()


def test_a_queue_that_is_full_refuses(stage: Stage) -> None:
    stage.events.at_once([Event(0, "gain", -1.0)] * (MAX_EVENTS + 3), 1)
    stage.events.at_their_time([Event(10**9, "gain", -1.0)] * (MAX_EVENTS + 4))
    for _ in range(MAX_MESSAGES + 5):
        stage.events.message(b"\xc0\x01", "Keys")
    stage.gauges.publish()
    assert stage.page.read().refused == 12.0
    stage.events.forget()
    stage.play(song(1))
    assert stage.taken == [Event(0, "gain", -1.0)]


def test_the_counts_of_a_device_outlast_it(stage: Stage) -> None:
    for _ in range(2):
        stage.rings.overrun()
    stage.rings.missed = 5
    stage.gauges.measure(None)
    another = Rings(stage.form, 0, 2, 0, Doorbell())
    stage.gauges.measure(another)
    another.overrun()
    another.missed = 1
    stage.gauges.publish()
    now = stage.page.read()
    assert (now.overruns, now.missed) == (3.0, 6.0)


def test_what_acts_at_once_is_not_forgotten(stage: Stage) -> None:
    stage.events.at_once([Event(0, "gain", -1.0), NoteOn(0, 60.0)], 1)
    stage.events.at_their_time([Event(5, "gain", -2.0)])
    stage.events.message(b"\xc0\x01", "Keys")
    stage.events.forget()
    stage.events.at_once([AllNotesOff(0)], 2)
    stage.play(song(1))
    assert stage.news == [([Event(0, "gain", -1.0), NoteOn(0, 60.0), AllNotesOff(0)], [], 2)]


def test_notes_are_held_as_the_melody_holds_them() -> None:
    state, melody = EngineState({}), Melody(RATE)
    rng = np.random.default_rng(3)
    for k in range(2000):
        note = float(rng.integers(60, 64))
        if rng.random() < 0.6:
            state.follow(NoteOn(k, note))
            melody.note_on(note, k, 0.0)
        else:
            state.follow(NoteOff(k, note))
            melody.note_off(note, k)
        assert state.events() == [NoteOn(0, held) for held in melody._held]


def test_what_is_in_force_can_be_brought_back() -> None:
    state = EngineState({"gain": -3.0})
    for event in (
        Event(0, "gain", -6.0),
        Event(5, "breath", 2.0),
        Event(6, "breath", 0.0),
        NoteOn(7, 60.0),
        NoteOn(8, 64.0),
        NoteOn(8, 67.0),
        NoteOff(9, 64.0),
        PitchBend(9, 0.25),
    ):
        state.follow(event)
    assert state.events() == [Event(0, "gain", -6.0), NoteOn(0, 60.0), NoteOn(0, 67.0), PitchBend(0, 0.25)]
    state.follow(AllNotesOff(10))
    assert state.events() == [Event(0, "gain", -6.0)]


def test_a_voice_that_is_no_number_is_silent_told_once_and_counted(tmp_path: Path) -> None:
    engine = Engine(RATE, 1, [BROKEN, DARK], parameters={"transpose": 0.0, "consonants": 0.0})
    stage = Stage(tmp_path, engine=engine)
    stage.play(song(60))
    assert np.abs(stage.sound).max() < 1e-6
    hops = stage.page.read().faults
    assert 45 <= hops <= 60 * BLOCK // (RATE // 100)  # the first are silent
    assert [line for line in stage.said if "not finite" in line] == [
        (
            "the voice is not finite or over 24 dB above full scale, and is silenced or held there; "
            "switch to another singer or lower the gain"
        )
    ]
    assert stage.page.read().output_db < -100.0
