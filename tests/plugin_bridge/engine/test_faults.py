"""What a singer must not sing: it is silenced or held at the ceiling, counted, and over when its cause is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dsp.synth import Knot, SawSing, Synthesizer
from models.singer.file import Singer, load_singer
from plugin_bridge.control.events import Event
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.core import CEILING
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.estimators import MAX_LOG_MAGNITUDE, bounded
from tests.support.doubles import BRIGHT, DARK, CopyEstimator, CopySinger, NanEstimator, blocks, sung
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Fault = Callable[[Float32], None]

RATE = 16000
HOP = RATE // 100
SOURCE = sung(RATE, 1.0, 220, 0.3)


def filled(value: float) -> Fault:
    def fault(levels: Float32) -> None:
        levels[:] = value

    return fault


def one(value: float) -> Fault:
    def fault(levels: Float32) -> None:
        levels[levels.size // 2] = value

    return fault


class Listening(CopyEstimator):
    """Keeps the envelopes it hears."""

    def __init__(self, heard: list[bytes]) -> None:
        super().__init__("sawsing", 0.0)
        self._heard = heard

    def _frame(self, envelope: Float32, f0: float, likeness: float) -> tuple[Float32, Float32]:
        self._heard.append(envelope.tobytes())
        return super()._frame(envelope, f0, likeness)


class FaultyEstimator(CopyEstimator):
    """Says what is wrong in some frames, and remembers what is not finite until it is reset."""

    def __init__(self, singer: FaultySinger) -> None:
        super().__init__("sawsing", 0.0)
        self._singer = singer

    def reset(self) -> None:
        super().reset()
        self._poisoned = False

    def _frame(self, envelope: Float32, f0: float, likeness: float) -> tuple[Float32, Float32]:
        found = super()._frame(envelope, f0, likeness)
        if self._poisoned:
            found[0][:] = math.nan
        if envelope.tobytes() in ENVELOPES[self._singer.frames]:
            self._singer.fault(found[self._singer.part])
            if not np.isfinite(found[self._singer.part]).all():
                self._poisoned = True
        return found


@dataclass(frozen=True)
class FaultySinger(CopySinger):
    """A singer whose network fails in some frames of `SOURCE`."""

    fault: Fault = field(default_factory=lambda: filled(math.nan))
    frames: tuple[int, int] = (30, 35)
    part: int = 0

    def start(self) -> CopyEstimator:
        return FaultyEstimator(self)


class Heard:
    """The envelopes of `SOURCE`, by frame."""

    def __init__(self) -> None:
        heard: list[bytes] = []

        class Listener(CopySinger):
            def start(self) -> CopyEstimator:
                return Listening(heard)

        Engine(RATE, 1, [Listener("listener")]).process(SOURCE)
        self._heard = heard

    def __getitem__(self, frames: tuple[int, int]) -> set[bytes]:
        return set(self._heard[slice(*frames)])


ENVELOPES = Heard()


def play(engine: Engine, sizes: list[int], x: Float32 = SOURCE) -> Float32:
    parts, start = [], 0
    for n in sizes:
        parts.append(engine.process(x[:, start : start + n]))
        start += n
    return np.concatenate(parts, axis=1)


FAULTS = [
    (filled(math.nan), 0),
    (filled(math.nan), 1),
    (one(math.nan), 0),
    (filled(math.inf), 0),
    (one(math.inf), 1),
    (filled(-math.inf), 0),
    (one(1e38), 0),
    (filled(1e38), 1),
    (filled(300.0), 0),
    (filled(60.0), 1),
]


@pytest.mark.parametrize(("fault", "part"), FAULTS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_fault_of_a_network_is_bounded_counted_and_over(fault: Fault, part: int, channels: int) -> None:
    x = np.repeat(SOURCE, channels, axis=0)
    engine = Engine(
        RATE, channels, [FaultySinger("bad", fault=fault, part=part)], parameters={"transpose": 0.0}
    )
    y = engine.process(x)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= CEILING
    assert 5 <= engine.faults <= 9  # those of the frames, and what rings of them
    before, after = slice(0, 28 * HOP), slice(45 * HOP, None)
    good = Engine(RATE, channels, [CopySinger("bad")], parameters={"transpose": 0.0})
    wanted = good.process(x)
    assert np.array_equal(y[:, before], wanted[:, before])
    level, expected = (float(np.sqrt(np.mean(part[:, after] ** 2))) for part in (y, wanted))
    assert level == pytest.approx(expected, rel=0.1)
    assert good.faults == 0
    engine.reset()
    assert engine.faults == 0


@pytest.mark.parametrize(("fault", "part"), FAULTS)
def test_blocks_do_not_change_what_comes_of_a_fault(fault: Fault, part: int) -> None:
    engines = [Engine(RATE, 1, [FaultySinger("bad", fault=fault, part=part), DARK]) for _ in range(3)]
    whole, hops, drawn = (
        play(engine, sizes)
        for engine, sizes in zip(engines, ([RATE], [HOP] * 100, blocks(RATE, None, 5)), strict=True)
    )
    assert np.array_equal(whole, hops)
    assert np.array_equal(whole, drawn)
    assert len({engine.faults for engine in engines}) == 1


def test_a_network_that_always_fails_is_silent_and_cheap() -> None:
    frames = []

    class Counting(NanEstimator):
        def _frame(self, envelope: Float32, f0: float, likeness: float) -> tuple[Float32, Float32]:
            frames.append(1)
            return super()._frame(envelope, f0, likeness)

    class Always(CopySinger):
        def start(self) -> CopyEstimator:
            return Counting("sawsing", 0.0)

    engine = Engine(RATE, 1, [Always("bad")], parameters={"consonants": 0.0})  # those would be the source's
    y = engine.process(SOURCE)
    assert 90 <= engine.faults <= 100  # the first and the last are silent
    assert np.abs(y).max() < 1e-6
    assert len(frames) <= 2 * 100


def test_who_is_not_heard_is_neither_counted_nor_broken_for_later() -> None:
    bad = FaultySinger("bad", frames=(10, 12))
    engine = Engine(RATE, 1, [DARK, bad], parameters={"transpose": 0.0})
    y = engine.process(SOURCE, [Event(RATE // 2, "singer", "bad")])
    assert engine.faults == 0
    other = Engine(RATE, 1, [DARK, CopySinger("bad")], parameters={"transpose": 0.0})
    wanted = other.process(SOURCE, [Event(RATE // 2, "singer", "bad")])
    assert np.abs(y - wanted).max() < 1e-3


class Broken(SawSing):
    """A synthesizer that comes to give no numbers, until it is reset."""

    calls = 0
    broken = False

    def process(
        self, f0: Float64, gate: Float32, gain: Float32, knots: Sequence[Knot], hiss: Float32 | float = 1.0
    ) -> Float32:
        self.calls += 1
        self.broken = self.broken or self.calls == 20
        y = super().process(f0, gate, gain, knots, hiss)
        return y * np.float32(math.nan) if self.broken else y

    def reset(self, position: int = 0) -> None:
        super().reset(position)
        self.broken = False


def test_a_synthesizer_that_is_no_number_starts_anew() -> None:
    class WithBroken(CopySinger):
        def synthesizer(self, sample_rate: int, seed: int = 0) -> Synthesizer:
            return Broken(sample_rate, seed)

    engine = Engine(RATE, 1, [WithBroken("bad")], parameters={"transpose": 0.0})
    y = play(engine, [HOP] * 100)
    wanted = play(Engine(RATE, 1, [CopySinger("bad")], parameters={"transpose": 0.0}), [HOP] * 100)
    assert np.isfinite(y).all()
    assert 1 <= engine.faults <= 4
    later = slice(30 * HOP, None)
    level, expected = (float(np.sqrt(np.mean(part[:, later] ** 2))) for part in (y, wanted))
    assert level == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("level", [1.0, 1.2, 5.0])
def test_an_ordinary_voice_passes_untouched_however_loud(level: float) -> None:
    """1.2 is 1.6 dB over full scale."""
    x = np.float32(level / 0.3) * SOURCE
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    y = engine.process(x)
    quiet = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0}).process(SOURCE)
    heard = slice(RATE // 2, -RATE // 4)
    louder, before = (float(np.sqrt(np.mean(part[0, heard] ** 2))) for part in (y, quiet))
    assert louder / before == pytest.approx(level / 0.3, rel=0.05)
    assert engine.faults == 0


DRY: dict[str, Value] = {"mix": 0.0, "bypass": True}


@pytest.mark.parametrize("name", DRY)
def test_the_source_passes_untouched_up_to_the_ceiling_and_is_held_there(name: str) -> None:
    x = SOURCE / np.abs(SOURCE).max() * np.float32(CEILING)
    engine = Engine(RATE, 1, [DARK], parameters={name: DRY[name]})
    y = engine.process(x)
    assert np.array_equal(y[:, engine.latency :], x[:, : -engine.latency])
    assert engine.faults == 0
    over = Engine(RATE, 1, [DARK], parameters={name: DRY[name]})
    y = over.process(x * np.float32(1e30))
    assert np.abs(y).max() == CEILING
    assert over.faults > 90


def test_the_smallest_numbers_there_are_are_no_fault() -> None:
    x = np.full((1, RATE), 1e-42, np.float32)
    engine = Engine(RATE, 1, [DARK, BRIGHT])
    assert np.isfinite(engine.process(x)).all()
    assert engine.faults == 0


def test_controls_are_bounded_and_good_ones_left_alone() -> None:
    class Given:
        def __init__(self, harmonic: Float32) -> None:
            self.harmonic, self.resets = harmonic, 0

        def process(self, seen: Float32, *_: object, **__: object) -> tuple[Float32, Float32]:
            n = seen.shape[0]
            return self.harmonic[:n].copy(), np.zeros((n, 72), np.float32)

        def reset(self) -> None:
            self.resets += 1

    levels = np.array([[-29.9, 29.9], [-40.0, 0.0], [31.0, 0.0]], np.float32)
    bands, facts = np.zeros((3, 72), np.float32), np.zeros((5, 3))
    given = Given(levels)
    harmonic, _, faulty = bounded(given, bands, bands, facts)
    assert np.array_equal(harmonic, np.clip(levels, -MAX_LOG_MAGNITUDE, MAX_LOG_MAGNITUDE))
    assert faulty.tolist() == [False, False, True]
    assert given.resets == 0


def broken_singer(path: Path, what: str) -> Path:
    """Write a singer file whose network, once it has heard a voice, gives or keeps what is not a number."""
    model = onnx.load(write_singer(path))
    graph = model.graph
    kinds = {"nan": (0.0, 0.0), "inf": (1.0, 0.0), "250 dB": (28.78, 1.0)}
    top, bottom = kinds[what.removeprefix("state ")]
    for name, value in (("top", top), ("bottom", bottom)):
        graph.initializer.append(numpy_helper.from_array(np.array([[value]], np.float32), name))
    target = "next_state" if what.startswith("state") else "harmonic"
    node = next(node for node in graph.node if target in node.output)
    node.output[0] = "whole"
    graph.node.append(helper.make_node("Div", ["top", "bottom"], ["poison"]))
    graph.node.append(helper.make_node("Add", ["whole", "poison"], [target]))
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("what", ["nan", "inf", "state nan", "state inf", "250 dB"])
def test_a_poisoned_singer_file_reaches_nobody(tmp_path: Path, what: str) -> None:
    singer: Singer = load_singer(broken_singer(tmp_path / "bad.onnx", what))
    engine = Engine(RATE, 1, [singer, DARK])
    parts = np.array_split(SOURCE, 5, axis=1)  # a state is read by the next call
    y = np.concatenate([engine.process(x) for x in parts], axis=1)
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= CEILING
    assert engine.faults > 20
    faults = engine.faults
    y = engine.process(SOURCE, [Event(RATE, "singer", "dark")])
    assert engine.faults - faults < 10
    assert 0.01 < np.abs(y[:, RATE // 4 :]).max() < 1.0


def test_blocks_do_not_change_what_is_counted_while_singers_change() -> None:
    bad = FaultySinger("bad", frames=(20, 80))
    moves = [Event(30 * HOP + 7, "singer", "bad"), Event(60 * HOP + 9, "singer", "dark")]
    counts = set()
    for sizes in ([RATE], [HOP] * 100, blocks(RATE, None, 3)):
        engine = Engine(RATE, 1, [DARK, bad])
        engine.schedule(moves)
        play(engine, sizes)
        counts.add(engine.faults)
    assert len(counts) == 1
    assert 30 <= counts.pop() <= 36
