"""Events on their sample: where they begin, how they sound, and what they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.flutter import Flutter
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.engine.engine import Engine
from tests.support.doubles import ADDED, BRIGHT, DARK, sung

Float32 = NDArray[np.float32]

RATE = 24000
HOP = RATE // 100
HELD = sung(RATE, 0.8, 220)
# A knot or a change of source after a sample moves the rounding of the transform it shares with earlier ones.
ROUNDING = 2e-6


def render(events: Sequence[AnyEvent], **parameters: Value) -> Float32:
    """Return the held note under events, without the latency."""
    return _render(tuple(events), tuple(parameters.items()))


@cache
def _render(events: tuple[AnyEvent, ...], parameters: tuple[tuple[str, Value], ...]) -> Float32:
    engine = Engine(RATE, 1, [DARK, BRIGHT, ADDED], parameters={"transpose": 0.0, **dict(parameters)})
    return engine.process(np.pad(HELD, ((0, 0), (0, engine.latency))), events)[0, engine.latency :]


def first_difference(a: Float32, b: Float32) -> int:
    return int(np.flatnonzero(np.abs(a - b) > ROUNDING)[0])


ON_THEIR_SAMPLE = [
    ("singer", "bright"),
    ("singer", "added"),
    ("transpose", 7.0),
    ("fine_tune", 100.0),
    ("formant", 5.0),
    ("breath", 20.0),
    ("brightness", 6.0),
    ("mix", 0.0),
    ("gain", -20.0),
    ("bypass", True),
]


@pytest.mark.parametrize("position", [40 * HOP, 40 * HOP + 1, 40 * HOP + 100, 41 * HOP - 1])
@pytest.mark.parametrize(("name", "value"), ON_THEIR_SAMPLE)
def test_a_change_is_heard_from_its_sample_on(name: str, value: Value, position: int) -> None:
    changed, steady = render([Event(position, name, value)]), render([])
    # A ramp of 20 ms needs some samples to be seen above the rounding.
    assert 0 <= first_difference(changed, steady) - position <= 40


@pytest.mark.parametrize("name", ["mix", "gain", "bypass"])
def test_what_acts_by_the_sample_begins_exactly_there(name: str) -> None:
    value: Value = True if name == "bypass" else -20.0 if name == "gain" else 0.0
    changed, steady = render([Event(10_007, name, value)]), render([])
    assert first_difference(changed, steady) == 10_007


@pytest.mark.parametrize(
    ("name", "value", "parameters"),
    [
        ("vibrato", 0.0, {}),
        ("correction", 1.0, {"fine_tune": 20.0}),
        ("likeness", 1.0, {}),
        ("scale", "whole_tone", {"correction": 1.0}),
        ("key", "F#", {"correction": 1.0, "scale": "major"}),
    ],
)
def test_what_acts_by_the_frame_is_never_early_and_at_most_a_frame_late(
    name: str, value: Value, parameters: dict[str, Value]
) -> None:
    position = 40 * HOP + 77
    changed, steady = render([Event(position, name, value)], **parameters), render([], **parameters)
    if name == "vibrato":  # a held note has none to change
        assert np.array_equal(changed, steady)
        return
    assert 0 <= first_difference(changed, steady) - position <= 2 * HOP


@pytest.mark.parametrize("name", ["gain", "mix"])
def test_a_change_has_arrived_when_the_table_says(name: str) -> None:
    value = -6.0 if name == "gain" else 0.25
    late = render([Event(10_000, name, value)])
    always = render([Event(0, name, value)])
    arrived = 10_000 + RATE // 50
    assert np.array_equal(late[arrived:], always[arrived:])
    assert not np.allclose(late[arrived - 20 : arrived - 10], always[arrived - 20 : arrived - 10], atol=1e-5)


def test_an_event_at_the_start_is_an_initial_value() -> None:
    values: dict[str, Value] = {
        "gain": -6.0,
        "formant": 2.0,
        "singer": "bright",
        "transpose": 5.0,
        "likeness": 1.0,
        "correction": 1.0,
        "melody": True,
    }
    for name, value in values.items():
        assert np.array_equal(render([Event(0, name, value)]), render([], **{name: value})), name


def test_the_last_event_of_a_sample_wins() -> None:
    events: list[AnyEvent] = [Event(10_000, "gain", 20.0), Event(10_000, "gain", -6.0)]
    assert np.array_equal(render(events), render(events[1:]))


@pytest.mark.parametrize("target", ["bright", "added"])
@pytest.mark.parametrize("position", [40 * HOP, 40 * HOP + 123])
def test_a_switch_on_a_held_note_makes_no_step(target: str, position: int) -> None:
    switched = render([Event(position, "singer", target)])
    before, after = render([]), render([], singer=target)
    held = slice(20 * HOP, 70 * HOP)
    own = max(np.abs(np.diff(before[held])).max(), np.abs(np.diff(after[held])).max())
    around = slice(position - HOP, position + 6 * HOP)
    assert np.abs(np.diff(switched[around])).max() <= 1.05 * own
    assert np.abs(switched[position + 8 * HOP : 70 * HOP]).max() <= 1.05 * np.abs(after[held]).max()


def test_a_switch_does_not_touch_the_oscillator(monkeypatch: pytest.MonkeyPatch) -> None:
    """With controls that stand still, since a switch cuts the way from one frame's to the next in two."""
    monkeypatch.setattr(Flutter, "process", lambda _, *shape: np.zeros(shape, np.float32))
    twin = replace(DARK, id="twin")
    engine = Engine(RATE, 1, [DARK, twin], parameters={"transpose": 0.0})
    switched = engine.process(HELD, [Event(9_999, "singer", "twin"), Event(12_345, "morph_singer", "dark")])
    engine.reset()
    assert np.abs(switched - engine.process(HELD)).max() < ROUNDING


def test_a_second_after_a_switch_it_sounds_as_if_it_had_always_been() -> None:
    held = sung(RATE, 3.0, 220)
    engine = Engine(RATE, 1, [DARK, BRIGHT], parameters={"transpose": 0.0})
    switched = engine.process(held, [Event(5_000, "singer", "bright")])[0]
    engine.reset()
    always = engine.process(held, [Event(0, "singer", "bright")])[0]
    # Until then the phase, which the moving filter has turned, goes back to where it would be.
    settled = slice(5_000 + RATE, None)
    assert np.abs(switched[settled] - always[settled]).max() < 2e-6


def test_morph_goes_from_one_singer_to_the_other() -> None:
    ends = [render([], morph_singer="bright", morph=morph) for morph in (0.0, 1.0)]
    assert np.array_equal(ends[0], render([]))
    assert np.array_equal(ends[1], render([], singer="bright"))
    spectra = [
        np.abs(np.fft.rfft(y[8000:16000] * np.hanning(8000)))
        for y in (*ends, render([], morph_singer="bright", morph=0.5))
    ]
    tilt = [np.log(spectrum[1000:2000].sum() / spectrum[:200].sum()) for spectrum in spectra]
    assert min(tilt[:2]) < tilt[2] < max(tilt[:2])


def test_morph_without_a_second_singer_changes_nothing() -> None:
    assert np.array_equal(render([], morph=1.0), render([]))


@pytest.mark.parametrize(
    "flood",
    [
        [Event(9_000 + k // 3, "formant", (k % 25) - 12.0) for k in range(3000)],
        [Event(9_000 + k // 3, "singer", ("dark", "bright", "added")[k % 3]) for k in range(3000)],
        [NoteOn(9_000 + k // 3, 40.0 + k % 40) for k in range(3000)],
        [Event(9_500, "transpose", float(k % 73) - 36.0) for k in range(3000)],
    ],
    ids=["formant", "singer", "notes", "one sample"],
)
def test_a_flood_of_events_stays_bounded(flood: list[AnyEvent]) -> None:
    y = render([Event(0, "melody", True), *flood])
    assert np.all(np.isfinite(y))
    assert np.abs(y).max() < 4.0


def test_a_late_event_acts_at_the_next_block_and_is_counted() -> None:
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    parts = [engine.process(HELD[:, :9000]), engine.process(HELD[:, 9000:], [Event(100, "gain", -6.0)])]
    assert engine.late == 1
    again = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    assert np.array_equal(np.concatenate(parts, axis=1), again.process(HELD, [Event(9000, "gain", -6.0)]))


def test_the_value_set_last_can_be_read() -> None:
    engine = Engine(RATE, 1, [DARK, BRIGHT], parameters={"gain": -3.0})
    assert (engine.value("singer"), engine.value("gain"), engine.value("morph")) == ("dark", -3.0, 0.0)
    engine.process(HELD, [Event(50, "singer", "bright"), Event(60, "gain", 2)])
    assert (engine.value("singer"), engine.value("gain")) == ("bright", 2.0)


NOTES: list[AnyEvent] = [NoteOn(6_000, 60), NoteOff(9_000, 60)]


def test_notes_do_nothing_while_the_melody_is_off() -> None:
    assert np.array_equal(render([*NOTES, PitchBend(7_000, 2.0), AllNotesOff(8_000)]), render([]))


def test_a_note_is_heard_from_its_sample_on() -> None:
    position = 6_000
    played, sung_ = render(NOTES, melody=True), render([], melody=True)
    assert 0 <= first_difference(played, sung_) - position <= 40


def test_a_melody_is_given_back_after_the_last_note() -> None:
    played, sung_ = render(NOTES, melody=True, glide=0.0), render([])
    later = slice(9_000 + RATE * 3 // 10, 70 * HOP)
    level = [np.sqrt(np.mean(y[later] ** 2)) for y in (played, sung_)]
    assert level[0] == pytest.approx(level[1], rel=0.05)
    spectra = [np.abs(np.fft.rfft(y[later] * np.hanning(y[later].size))) for y in (played, sung_)]
    assert np.argmax(spectra[0]) == np.argmax(spectra[1])


@pytest.mark.parametrize("name", [row.id for row in PARAMETERS.values() if row.kind in ("number", "switch")])
def test_what_is_moved_for_long_leaves_no_past_behind(name: str) -> None:
    row = PARAMETERS[name]
    values = (row.low, row.high) if row.kind == "number" else (False, True)
    engine = Engine(RATE, 1, [DARK, BRIGHT], parameters={"morph_singer": "bright"})
    events = [Event(k * 40, name, values[k % 2]) for k in range(600)]
    engine.process(np.zeros((1, 600 * 40), np.float32), events)
    kept = [len(ramp._positions) for ramp in engine._core.parameters._ramps.values()]
    assert max(kept) < 60  # ten hops of events


def test_an_event_on_the_first_sample_of_a_block_is_in_time_and_one_before_it_is_late() -> None:
    engine = Engine(RATE, 1, [DARK], parameters={"transpose": 0.0})
    engine.process(HELD[:, :1000], [Event(0, "gain", -1.0)])
    assert (engine.position, engine.late) == (1000, 0)
    engine.process(HELD[:, 1000:2000], [Event(1000, "gain", -2.0), Event(1999, "gain", -3.0)])
    engine.schedule([Event(2000, "gain", -4.0)])
    assert engine.late == 0
    engine.process(HELD[:, 2000:3000], [Event(1999, "gain", -5.0), NoteOn(0, 60)])
    assert engine.late == 2
    engine.reset()
    assert (engine.position, engine.late) == (0, 0)
