"""The parameter `consonants`: bursts strike as in the source, and its voice is not heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import hop_size
from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import ADDED, DARK, CopySinger, blocks, sung

Float32 = NDArray[np.float32]

RATE = 48000
HOP = hop_size(RATE)
BURST = 100 * HOP + 211
"""The first sample of the burst, in the middle of a hop."""


def played(x: Float32, consonants: float, singer: CopySinger = DARK, **values: Value) -> Float32:
    """Return what is sung of (channels, n), its latency taken off."""
    values = {"transpose": 0.0, "consonants": consonants, **values}
    engine = Engine(RATE, x.shape[0], [singer], parameters=values)
    late = np.concatenate([x, np.zeros((x.shape[0], engine.latency), np.float32)], axis=1)
    return engine.process(late)[:, engine.latency :]


def hissing(samples: int, level: float = 0.05) -> Float32:
    """Noise with a slope of 6 dB an octave, shape (1, samples), as a fricative has it."""
    white = np.random.default_rng(3).standard_normal(samples + 1)
    return np.asarray(level * np.diff(white)[None], np.float32)


def syllable() -> Float32:
    """Half a second of vowel, a closure, a burst of 40 ms that dies away, and silence."""
    x = np.zeros((1, 180 * HOP), np.float32)
    x[:, : 50 * HOP] = sung(RATE, 0.5)
    x[:, BURST : BURST + 4 * HOP] = hissing(4 * HOP) * np.linspace(1.0, 0.1, 4 * HOP, dtype=np.float32)
    return x


def rises(y: Float32) -> NDArray[np.float64]:
    """Return the dB by which each millisecond is louder than the one before, from 80 dB below full scale."""
    step = RATE // 1000
    level = 10.0 * np.log10(
        np.square(y[0, : y.size // step * step], dtype=np.float64).reshape(-1, step).mean(1) + 1e-8
    )
    return np.diff(level, prepend=level[0])


@pytest.mark.parametrize("singer", [DARK, ADDED])
def test_a_burst_rises_as_in_the_source_and_at_its_time(singer: CopySinger) -> None:
    x = syllable()
    mine = slice(90 * 10, 110 * 10)  # milliseconds
    wanted = rises(x)[mine]
    with_it, without = (rises(played(x, share, singer))[mine] for share in (1.0, 0.0))
    assert wanted.max() > 50.0
    assert with_it.max() > 36.0
    assert abs(int(with_it.argmax()) - int(wanted.argmax())) <= 1
    assert without.max() < 25.0


@pytest.mark.parametrize("transpose", [12.0, -12.0])
@pytest.mark.parametrize("f0", [110.0, 233.0, 466.0])
def test_the_pitch_of_the_source_stays_50_db_down(transpose: float, f0: float) -> None:
    x = sung(RATE, 1.0, f0)
    x += hissing(x.size, 0.0005)
    asked = f0 * 2.0 ** (transpose / 12.0)
    numbers = np.arange(1, 20)
    own, theirs = f0 * numbers, asked * numbers
    own = own[[np.abs(theirs - hertz).min() > 10.0 for hertz in own]] if transpose > 0 else own[:0]
    for share in (0.0, 1.0):
        y = played(x, share, transpose=transpose)[0]
        window = np.hanning(60 * HOP)
        hertz = np.fft.rfftfreq(window.size, 1.0 / RATE)
        level = np.abs(np.fft.rfft(y[20 * HOP : 80 * HOP] * window))
        if own.size:
            heard = max(level[np.abs(hertz - one) < 3.0].max() for one in own)
            assert 20.0 * np.log10(heard / level.max()) < -50.0
    a, b = (played(x, share, transpose=transpose)[0, 10 * HOP : 85 * HOP] for share in (0.0, 1.0))
    assert np.abs(b - a).max() < 10.0 ** (-50.0 / 20.0) * np.abs(a).max()


def test_the_ends_of_a_vowel_are_the_singers_too() -> None:
    """Where a note begins, ends or rings on, next to nothing comes at its own pitch."""
    x = sung(RATE, 1.0, 196.0)
    seconds = np.arange(2 * RATE) / RATE
    rings = np.tile(x[:, 40 * HOP : 60 * HOP], 10)[:, : 2 * RATE]
    decay = (rings * 10.0 ** (-3.0 * np.maximum(0.0, seconds - 0.5))).astype(np.float32)
    for note in (np.pad(x, ((0, 0), (RATE // 2, RATE // 2))), decay):
        a, b = (played(note, share, transpose=7.0) for share in (0.0, 1.0))
        assert np.abs(b - a).max() < 10.0 ** (-40.0 / 20.0) * np.abs(a).max()


def test_a_fricative_keeps_its_level() -> None:
    x = hissing(200 * HOP, 0.02)
    x[:, : 100 * HOP] = sung(RATE, 1.0)
    x[:, 112 * HOP :] = 0.0
    inside = slice(102 * HOP, 110 * HOP)
    level = [float(np.square(y[0, inside]).mean()) for y in (x, played(x, 1.0))]
    assert abs(10.0 * np.log10(level[1] / level[0])) < 1.0


def test_a_change_is_heard_first_in_its_sample_and_has_arrived_20_ms_later() -> None:
    x = hissing(12 * HOP)
    position = 5 * HOP + 123
    engine = [Engine(RATE, 1, [DARK], parameters={"consonants": 0.0}) for _ in range(3)]
    late = np.concatenate([x, np.zeros((1, engine[0].latency), np.float32)], axis=1)
    never, moved = engine[0].process(late), engine[1].process(late, [Event(position, "consonants", 1.0)])
    always = engine[2].process(late, [Event(0, "consonants", 1.0)])
    first = position + engine[0].latency
    assert np.abs(moved[:, :first] - never[:, :first]).max() < 1e-7  # transforms round over a whole hop
    assert np.abs(moved[:, first : first + 4] - never[:, first : first + 4]).max() > 1e-5
    rest = slice(first + 4 * HOP, None)  # and the noise before has rung off
    assert np.abs(moved[:, rest] - always[:, rest]).max() < 1e-7


def test_any_blocks_give_the_same_samples() -> None:
    x = np.concatenate([syllable(), 0.5 * syllable()])
    score: list[AnyEvent] = [Event(99 * HOP + 5, "consonants", 0.3), Event(101 * HOP, "consonants", 0.9)]
    whole = Engine(RATE, 2, [DARK, ADDED]).process(x, score)
    for size in (64, None):
        engine = Engine(RATE, 2, [DARK, ADDED])
        cuts = np.cumsum([0, *blocks(x.shape[1], size, seed=4)])
        parts = [
            engine.process(x[:, a:b], [event for event in score if a <= event.position < b])
            for a, b in pairwise(cuts)
        ]
        assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_a_panned_source_keeps_its_consonants_where_it_is() -> None:
    x = syllable()
    y = played(np.concatenate([x, 0.25 * x]), 1.0)
    here = slice(BURST, BURST + 4 * HOP)
    left, right = np.square(y[:, here]).sum(axis=1)
    assert 10.0 * np.log10(left / right) == pytest.approx(12.0, abs=1.0)


@pytest.mark.parametrize("dry", [{"mix": 0.0}, {"bypass": True}])
def test_the_dry_source_is_no_louder_for_it(dry: dict[str, Value]) -> None:
    x = syllable()
    y = Engine(RATE, 1, [DARK], parameters=dry).process(x)
    assert np.array_equal(y[:, 3 * HOP :], x[:, : -3 * HOP])


def test_under_music_nothing_is_let_through() -> None:
    """Drums have no pitch either."""
    x = syllable()
    a, b = (
        Engine(RATE, 1, [DARK], parameters={"consonants": share}, pitch="melody").process(x)
        for share in (0.0, 1.0)
    )
    assert np.array_equal(a, b)
