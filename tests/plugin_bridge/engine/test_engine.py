"""The engine as a block: the same samples whatever the blocks, an honest latency, silence for silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp.units import RATES
from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import ADDED, BRIGHT, DARK, blocks, sung

Float32 = NDArray[np.float32]

RATE = 16000
EVERYTHING: list[AnyEvent] = [
    Event(0, "transpose", -2.5),
    Event(1601, "singer", "bright"),
    Event(2503, "transpose", 5.3),
    Event(2504, "transpose", 7.0),
    Event(3200, "morph_singer", "added"),
    Event(3333, "morph", 0.4),
    Event(4000, "formant", 2.0),
    Event(4321, "breath", 6.0),
    Event(4400, "brightness", -2.0),
    Event(5000, "vibrato", 0.0),
    Event(5600, "correction", 1.0),
    Event(5700, "scale", "major"),
    Event(6000, "mix", 0.5),
    Event(6400, "melody", True),
    NoteOn(6401, 60),
    NoteOn(7000, 64.5),
    PitchBend(7300, 1.0),
    NoteOff(7777, 64.5),
    NoteOff(8000, 60),
    Event(8500, "transpose", "auto"),
    Event(9000, "bypass", True),
    Event(9500, "bypass", False),
    Event(10000, "gain", -6.0),
    Event(10500, "likeness", 1.0),
    Event(11111, "singer", "added"),
    Event(12000, "fine_tune", 30.0),
]


def source(rate: int = RATE, channels: int = 1) -> Float32:
    """One second: a vowel with vibrato, a gap, another note."""
    gap = np.zeros((1, rate // 10), np.float32)
    x = np.concatenate([sung(rate, 0.5, 220, 0.4), gap, sung(rate, 0.4, 247)], axis=1)
    return x if channels == 1 else np.concatenate([x, 0.5 * x])


def play(engine: Engine, x: Float32, events: Sequence[AnyEvent], sizes: Sequence[int]) -> Float32:
    """Send blocks of these sizes, each with the events that fall into it."""
    parts, start = [], 0
    for n in sizes:
        mine = [event for event in events if start <= event.position < start + n]
        parts.append(engine.process(x[:, start : start + n], mine))
        start += n
    return np.concatenate(parts, axis=1)


def lag(x: Float32, y: Float32, most: int) -> int:
    """Return by how many samples y lags x, by cross-correlation."""
    size = x.size + y.size
    bins = np.fft.rfft(y.astype(np.float64), size) * np.conj(np.fft.rfft(x.astype(np.float64), size))
    return int(np.argmax(np.fft.irfft(bins, size)[:most]))


def power(x: Float32, rate: int) -> Float32:
    """Return the energy over 5 ms, less its mean."""
    window = np.hanning(rate // 200)
    found = np.convolve(np.square(x), window, mode="same")
    return np.asarray(found - found.mean(), np.float32)


def test_pauses_change_no_sample() -> None:
    x, sizes = source(), [160] * 100
    wanted = play(Engine(RATE, 1, [DARK, BRIGHT, ADDED]), x, EVERYTHING, sizes)
    engine, used, parts = Engine(RATE, 1, [DARK, BRIGHT, ADDED]), 0, []
    for number, start in enumerate(range(0, x.shape[1], 160)):
        mine = [event for event in EVERYTHING if start <= event.position < start + 160]
        parts.append(engine.process(x[:, start : start + 160], mine))
        while number % 3 == 0 and engine.use_pause():
            used += 1
    assert used > 10
    assert np.array_equal(np.concatenate(parts, axis=1), wanted)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("size", [1, 64, 160, 480, 1000, 4096, None])
def test_blocks_do_not_change_a_sample(size: int | None, channels: int) -> None:
    x = source(channels=channels)
    singers = [DARK, BRIGHT, ADDED]
    whole = play(Engine(RATE, channels, singers), x, EVERYTHING, [x.shape[1]])
    cut = play(Engine(RATE, channels, singers), x, EVERYTHING, blocks(x.shape[1], size))
    assert np.abs(whole).max() > 0.1
    assert np.count_nonzero(whole != cut) == 0


NUMBERS = st.sampled_from([row for row in PARAMETERS.values() if row.kind == "number"])
MOVES = st.builds(
    lambda row, position, at: Event(position, row.id, row.from_unit(at)),
    NUMBERS,
    st.integers(0, 4799),
    st.floats(0, 1, allow_subnormal=False),
)
PLAYED = st.one_of(
    MOVES,
    st.builds(Event, st.integers(0, 4799), st.just("singer"), st.sampled_from(["dark", "bright", "added"])),
    st.builds(Event, st.integers(0, 4799), st.just("melody"), st.booleans()),
    st.builds(NoteOn, st.integers(0, 4799), st.floats(40, 80)),
    st.builds(PitchBend, st.integers(0, 4799), st.floats(-2, 2, allow_subnormal=False)),
)


@settings(max_examples=25)
@given(st.lists(PLAYED, max_size=12), st.lists(st.integers(0, 900), max_size=12))
def test_no_events_and_no_blocks_change_what_is_heard(events: list[AnyEvent], sizes: list[int]) -> None:
    x = source()[:, 5000:9800]
    sizes = [*[n for k, n in enumerate(sizes) if sum(sizes[: k + 1]) <= 4800]]
    sizes.append(4800 - sum(sizes))
    whole = play(Engine(RATE, 1, [DARK, BRIGHT, ADDED]), x, events, [4800])
    cut = play(Engine(RATE, 1, [DARK, BRIGHT, ADDED]), x, events, sizes)
    assert np.all(np.isfinite(whole))
    assert np.count_nonzero(whole != cut) == 0


def test_events_given_ahead_wait_for_their_block() -> None:
    x = source()
    whole = play(Engine(RATE, 1, [DARK, BRIGHT, ADDED]), x, EVERYTHING, [x.shape[1]])
    engine = Engine(RATE, 1, [DARK, BRIGHT, ADDED])
    engine.schedule(reversed(EVERYTHING))
    assert np.array_equal(play(engine, x, [], blocks(x.shape[1], 777)), whole)


@pytest.mark.parametrize(
    "parameters", [{}, {"singer": "bright", "transpose": 3.0, "melody": True, "gain": -3.0}]
)
def test_reset_is_as_new(parameters: dict[str, Value]) -> None:
    x = source(channels=2)
    engine = Engine(RATE, 2, [DARK, BRIGHT, ADDED], parameters=parameters)
    first = play(engine, x, EVERYTHING, [x.shape[1]])
    engine.process(x, [Event(engine.position + 50_000, "gain", 6.0)])
    engine.reset()
    assert (engine.position, engine.repaired, engine.late) == (0, 0, 0)
    assert np.array_equal(play(engine, x, EVERYTHING, [x.shape[1]]), first)


def test_reset_with_other_values_is_as_new_with_them() -> None:
    x = source(channels=2)
    engine = Engine(RATE, 2, [DARK, BRIGHT], parameters={"gain": -3.0, "melody": True, "formant": 2.0})
    play(engine, x, EVERYTHING[:0], [x.shape[1]])
    values: dict[str, Value] = {"singer": "bright", "transpose": 12.0, "breath": 3.0}
    new = Engine(RATE, 2, [DARK, BRIGHT], parameters=values)
    with pytest.raises(ValueError, match="singer 'nobody' is not in the set"):
        engine.reset({"singer": "nobody"})
    for _ in range(2):
        engine.reset(values)
        assert {name: engine.value(name) for name in PARAMETERS} == {n: new.value(n) for n in PARAMETERS}
        assert np.array_equal(engine.process(x), new.process(x))
        new.reset()


def test_reset_while_singers_change_over_is_as_new() -> None:
    x = source()
    engine = Engine(RATE, 1, [DARK, BRIGHT])
    first = engine.process(x)
    engine.reset()
    engine.process(x[:, :4800], [Event(800, "singer", "bright"), Event(4320, "singer", "dark")])
    engine.reset()
    assert np.array_equal(engine.process(x), first)


def test_whole_numbers_of_any_type_are_taken() -> None:
    x = source()
    loose: Any = Engine
    made = loose(float(RATE), np.int64(1), [DARK], seed=np.int64(3))
    assert np.array_equal(made.process(x), Engine(RATE, 1, [DARK], seed=3).process(x))


def test_the_seed_names_the_noise() -> None:
    x = source()
    first, same, other = (Engine(RATE, 1, [DARK], seed=seed).process(x) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("parameter", ["mix", "bypass"])
def test_the_dry_path_is_the_input_delayed_exactly(rate: int, parameter: str) -> None:
    x = source(rate, 2)[:, : rate // 2]
    engine = Engine(rate, 2, [DARK], parameters={parameter: True if parameter == "bypass" else 0.0})
    y = engine.process(x)
    assert engine.latency == 3 * rate // 100
    assert np.array_equal(y[:, engine.latency :], x[:, : -engine.latency])
    assert not y[:, : engine.latency].any()


@pytest.mark.parametrize("rate", RATES)
def test_the_wet_path_keeps_the_declared_latency(rate: int) -> None:
    t = np.arange(3 * rate // 2) / rate
    swell = 0.3 * (np.sin(2.0 * np.pi * 3.1 * t) + np.sin(2.0 * np.pi * 7.3 * t + 1.0)) - 0.7
    x = np.asarray(10.0**swell * sung(rate, 1.5, 200.0), np.float32)
    engine = Engine(rate, 1, [DARK], parameters={"transpose": 0.0})
    y = engine.process(np.pad(x, ((0, 0), (0, engine.latency))))
    found = lag(power(x[0], rate), power(y[0], rate), rate // 10)
    assert abs(found - engine.latency) <= 0.003 * rate  # of 10 ms from one loudness to the next


def test_the_wet_path_is_about_as_loud_as_the_source() -> None:
    x = sung(24000, 1.0, 220)
    engine = Engine(24000, 1, [DARK], parameters={"transpose": 0.0})
    y = engine.process(x)[0, engine.latency + 4800 : -2400]
    change = 20 * np.log10(np.sqrt(np.mean(y**2)) / np.sqrt(np.mean(x[0, 4800:-2400] ** 2)))
    assert abs(change) < 6.0


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_stays_silence(channels: int) -> None:
    engine = Engine(
        RATE, channels, [DARK, ADDED], parameters={"melody": True, "morph_singer": "added", "morph": 0.5}
    )
    y = engine.process(np.zeros((channels, RATE), np.float32), [NoteOn(100, 60)])
    assert not y.any()


def test_after_the_tail_there_is_nothing() -> None:
    x = sung(RATE, 0.5, 220, level=0.9)[:, : RATE // 4]
    engine = Engine(RATE, 1, [DARK, ADDED], parameters={"morph_singer": "added", "morph": 0.5})
    y = np.concatenate([engine.process(x), engine.process(np.zeros((1, RATE), np.float32))], axis=1)
    end = x.shape[1] + engine.latency
    assert y[:, end : end + engine.tail // 3].any()
    assert not y[:, end + engine.tail :].any()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_tiny_blocks_and_none_at_all(n: int) -> None:
    y = Engine(RATE, 1, [DARK]).process(np.ones((1, n), np.float32))
    assert y.shape == (1, n)
    assert y.dtype == np.float32


def test_the_input_is_left_alone() -> None:
    x = source()
    before = x.copy()
    x.setflags(write=False)
    y = Engine(RATE, 1, [DARK]).process(x)
    assert np.array_equal(x, before)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf, np.float32(3e38)])
@pytest.mark.parametrize("channel", [0, 1])
def test_poison_passes_and_leaves_nothing_behind(poison: float, channel: int) -> None:
    x = source(channels=2)
    bad = x.copy()
    bad[channel, 3000:3010] = poison
    engine = Engine(RATE, 2, [DARK, BRIGHT])
    y = engine.process(bad)
    assert engine.repaired == (0 if np.isfinite(poison) else 10)
    assert np.all(np.isfinite(y))
    healed = engine.process(x)
    clean = Engine(RATE, 2, [DARK, BRIGHT])
    clean.process(x)
    later = slice(RATE // 2, None)  # noise and filters are the same again; the oscillator's phase need not be
    level, wanted = (np.sqrt(np.mean(part[:, later] ** 2)) for part in (healed, clean.process(x)))
    assert level == pytest.approx(wanted, rel=0.05)


def test_a_source_in_the_middle_stays_in_the_middle() -> None:
    for rate in (16000, 44100):
        x = source(rate)
        y = Engine(rate, 2, [DARK]).process(np.concatenate([x, x]))
        assert np.array_equal(y[0], y[1])
        assert np.array_equal(y[:1], Engine(rate, 1, [DARK]).process(x))


@pytest.mark.parametrize(("left", "right"), [(1.0, 0.5), (0.2, 1.0), (1.0, 0.0)])
def test_the_pan_of_the_source_is_kept(left: float, right: float) -> None:
    x = sung(RATE, 1.0, 220)
    engine = Engine(RATE, 2, [DARK], parameters={"transpose": 0.0})
    y = engine.process(np.concatenate([left * x, right * x]))[:, RATE // 2 :]
    levels = np.sqrt(np.mean(y**2, axis=1))
    assert levels[1] / levels[0] == pytest.approx(right / left, abs=1e-3)
    mono = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    alone = np.sqrt(np.mean(mono.process(x)[:, RATE // 2 :] ** 2))
    assert max(levels) == pytest.approx(alone * max(left, right), rel=0.1)


@pytest.mark.parametrize("block", [0, 37])
def test_a_channel_of_inverse_polarity_is_sung_as_the_other_alone(block: int) -> None:
    x = source(RATE)
    engine = Engine(RATE, 2, [DARK], parameters={"transpose": 0.0})
    pair = np.concatenate([x, -x])
    step = block or x.shape[1]
    y = np.concatenate([engine.process(pair[:, a : a + step]) for a in range(0, x.shape[1], step)], axis=1)
    alone = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0}).process(x)
    assert np.array_equal(y, np.repeat(alone, 2, axis=0))


@pytest.mark.parametrize("late", [1, 3, 8, 16])
def test_a_late_channel_is_sung_at_the_level_of_one(late: int) -> None:
    """By 0.06 to 1 ms."""
    x = sung(RATE, 1.0, 220)
    engine = Engine(RATE, 2, [DARK], parameters={"transpose": 0.0})
    y = engine.process(np.concatenate([x, np.roll(x, late, axis=1)]))[:, RATE // 4 :]
    alone = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0}).process(x)[:, RATE // 4 :]
    level, wanted = (10.0 * np.log10(np.square(part).mean()) for part in (y, alone))
    assert level == pytest.approx(wanted, abs=0.3)


def test_the_reading_says_what_is_heard() -> None:
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 12.0})
    engine.process(sung(RATE, 0.5, 220))
    engine.process(sung(RATE, 0.3, 220)[:, : RATE // 5])
    reading = engine.reading
    assert reading.f0 == pytest.approx(220, rel=0.02)
    assert reading.f0_out == pytest.approx(440, rel=0.02)
    assert reading.voicing > 0.5
    assert -40 < reading.loudness < 0


def test_memory_does_not_grow() -> None:
    import gc
    import tracemalloc

    engine = Engine(RATE, 1, [DARK, BRIGHT])
    x = source()[:, :1600]

    def run(times: int) -> None:
        for k in range(times):
            engine.process(
                x, [Event(engine.position + k % 1600, "gain", float(k % 3)), NoteOn(engine.position, k % 90)]
            )

    run(40)
    tracemalloc.start()
    run(3)
    gc.collect()  # empties the interpreter's lists of freed tuples, which fill slowly
    before = tracemalloc.get_traced_memory()[0]
    run(60)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 30_000


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((22050, 1, [DARK]), ValueError, "sample rate 22050 is not native; use one of 16000"),
        ((RATE, 6, [DARK]), ValueError, "6 channels cannot be sung; give 1 or 2"),
        ((RATE, 1, []), ValueError, "set of singers is empty"),
        ((RATE, 1, "nit"), TypeError, "singers 'nit' is one name; give a sequence such as"),
        ((RATE, 1, [DARK, DARK]), ValueError, "singer 'dark' is given twice"),
    ],
)
def test_a_wrong_engine_is_refused(
    arguments: tuple[int, int, list[object]], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        Engine(*arguments)  # type: ignore[arg-type]


def test_wrong_values_are_refused_by_the_constructor() -> None:
    with pytest.raises(ValueError, match="seed -1 does not name a noise"):
        Engine(RATE, 1, [DARK], seed=-1)
    with pytest.raises(ValueError, match="parameter 'loud' is unknown; use one of singer"):
        Engine(RATE, 1, [DARK], parameters={"loud": 1})
    with pytest.raises(ValueError, match="singer 'bob' is not in the set; use one of dark, bright or add it"):
        Engine(RATE, 1, [DARK, BRIGHT], parameters={"singer": "bob"})
    with pytest.raises(
        ValueError, match=r"singer 'alys' no longer ships, because .* objects; use 'nit' instead"
    ):
        Engine(RATE, 1, [DARK, BRIGHT], parameters={"singer": "alys"})


@pytest.mark.parametrize(
    ("block", "error", "sentence"),
    [
        (np.zeros((1, 10)), TypeError, "block of float64 is not audio; give a numpy array of float32"),
        ([[0.0]], TypeError, "block of list is not audio"),
        (np.zeros(10, np.float32), ValueError, r"shape \(10,\) does not fit; give \(1, samples\)"),
        (np.zeros((2, 10), np.float32), ValueError, r"shape \(2, 10\) does not fit"),
    ],
)
def test_a_wrong_block_is_refused(block: object, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Engine(RATE, 1, [DARK]).process(block)  # type: ignore[arg-type]


def test_where_an_event_is_refused_nothing_is_taken() -> None:
    x = source()
    engine = Engine(RATE, 1, [DARK])
    engine.process(x[:, :1000])
    with pytest.raises(ValueError, match="singer 'bob' is not in the set"):
        engine.process(x[:, 1000:], [Event(2000, "gain", 6.0), Event(2000, "singer", "bob")])
    rest = engine.process(x[:, 1000:])
    assert np.array_equal(rest, Engine(RATE, 1, [DARK]).process(x)[:, 1000:])
    with pytest.raises(ValueError, match="parameter 'loud' is unknown"):
        engine.value("loud")
