"""The singer as a stage of a script: one-shot, stream, automation, attributes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import RATES
from models.singer.file import SINGERS_FOLDER, load_singer
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.errors import SingerFileError
from tests.support.doubles import ADDED, BRIGHT, DARK, blocks, sung
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]

RATE = 16000
VOICE = np.concatenate(
    [sung(RATE, 0.5, 220, 0.3), np.zeros((1, 1600), np.float32), sung(RATE, 0.3, 247)], axis=1
)


def stage(**more: Value) -> SingerConversion:
    return SingerConversion(DARK, singers=[BRIGHT, ADDED], parameters={"transpose": 2.0, **more})


LOOSE: Any = stage  # to hand in what the types forbid


def automated() -> SingerConversion:
    made = stage().at(0.2, singer="bright", gain=-3.0).at(0.4, transpose=7).at(0.45, melody=True)
    return made.note(0.5, 0.7, 60).bend(0.6, 1.0).at(0.75, singer="added", morph_singer="dark", morph=0.3)


def stream(made: SingerConversion, x: Float32, sizes: list[int]) -> Float32:
    """Send a recording and what flushes it through a stream, and take the latency away."""
    latency = made.latency_at(RATE)
    padded = np.pad(x, ((0, 0), (0, latency)))
    sizes = [*sizes, padded.shape[1] - sum(sizes)]
    edges = np.cumsum([0, *sizes])
    parts = [made(padded[:, a:b], RATE, reset=False) for a, b in pairwise(edges)]
    assert [part.shape[1] for part in parts] == sizes
    assert made.latency == latency
    return np.concatenate(parts, axis=1)[:, latency:]


@pytest.mark.parametrize("size", [64, 1000, None])
def test_a_stream_gives_the_samples_of_a_one_shot(size: int | None) -> None:
    whole = automated()(VOICE, RATE)
    cut = stream(automated(), VOICE, blocks(VOICE.shape[1], size))
    assert np.abs(whole).max() > 0.05
    assert np.count_nonzero(whole != cut) == 0


@pytest.mark.parametrize("rate", RATES)
def test_a_one_shot_is_as_long_and_in_time(rate: int) -> None:
    x = sung(rate, 0.3, 220)
    dry = SingerConversion(DARK, mix=0.0)(x, rate)
    assert np.array_equal(dry, x)
    assert SingerConversion(DARK).latency_at(rate) == 3 * rate // 100


@pytest.mark.parametrize("n", [0, 3, 159, 161, 70_000])
@pytest.mark.parametrize("shape", ["n", "1n", "2n"])
def test_shapes_come_back(n: int, shape: str) -> None:
    x = np.resize(VOICE[0], n) if shape == "n" else np.resize(VOICE, (int(shape[0]), n))
    y = stage(mix=0.0)(x, RATE)
    assert y.dtype == np.float32
    assert np.array_equal(y, x)


def test_doubles_are_taken_as_pedalboard_takes_them() -> None:
    assert np.array_equal(stage()(VOICE.astype(np.float64), RATE), stage()(VOICE, RATE))


def test_call_shapes_of_pedalboard() -> None:
    wanted = stage()(VOICE, RATE)
    assert np.array_equal(stage()(VOICE, float(RATE), 512, True), wanted)
    assert np.array_equal(stage().process(VOICE, sample_rate=RATE, buffer_size=64), wanted)


def test_calls_do_not_know_of_each_other() -> None:
    made = automated()
    first = made(VOICE, RATE)
    made(VOICE[:, :3000], RATE, reset=False)
    assert np.array_equal(made(VOICE, RATE), first)


def test_automation_is_in_seconds_and_events_in_samples() -> None:
    written = stage().at(0.25, gain=-6).note(0.3, 0.4, 60).bend(0.35, 1.0).at(0.1, melody=True)
    events: list[AnyEvent] = [
        Event(4000, "gain", -6.0),
        NoteOn(4800, 60),
        NoteOff(6400, 60),
        PitchBend(5600, 1.0),
        Event(1600, "melody", True),
    ]
    assert np.array_equal(written(VOICE, RATE), stage()(VOICE, RATE, events=events))


def test_attributes_are_parameters() -> None:
    made = stage()
    assert (made.singer, made.transpose, made.gain, made.scale) == ("dark", 2.0, 0.0, "chromatic")
    made.gain = -6
    made.singer = "bright"
    assert made.parameters == {"singer": "bright", "transpose": 2.0, "gain": -6.0}
    fresh = SingerConversion(BRIGHT, singers=[DARK, ADDED], transpose=2.0, gain=-6.0)
    assert np.array_equal(made(VOICE, RATE), fresh(VOICE, RATE))
    assert "'bright', transpose=2.0, gain=-6.0" in repr(made)


def test_an_attribute_set_in_a_stream_acts_from_the_next_sample_on() -> None:
    made = stage()
    parts = [made(VOICE[:, :5001], RATE, reset=False)]
    made.gain = -6.0
    made.singer = "bright"
    parts.append(made(VOICE[:, 5001:], RATE, reset=False))
    events: list[AnyEvent] = [Event(5001, "gain", -6.0), Event(5001, "singer", "bright")]
    assert np.array_equal(np.concatenate(parts, axis=1), stage()(VOICE, RATE, reset=False, events=events))


def test_automation_written_in_a_stream_counts_from_its_start() -> None:
    made = stage()
    parts = [made(VOICE[:, :5001], RATE, reset=False)]
    parts.append(made.at(0.5, gain=-6.0)(VOICE[:, 5001:], RATE, reset=False))
    assert np.array_equal(np.concatenate(parts, axis=1), stage().at(0.5, gain=-6.0)(VOICE, RATE, reset=False))


def test_auto_knows_the_whole_recording() -> None:
    x = sung(RATE, 0.4, 440)  # too short for the engine to have listened to
    auto = SingerConversion(DARK)(x, RATE)
    assert np.array_equal(auto, SingerConversion(DARK, transpose=-24.0)(x, RATE))
    told = SingerConversion(DARK, source_pitch=110.0)(x, RATE)
    assert np.array_equal(told, SingerConversion(DARK, transpose=0.0)(x, RATE))
    later = SingerConversion(DARK, transpose=0.0)(x, RATE, events=[Event(0, "transpose", "auto")])
    assert np.array_equal(later, auto)
    silent = SingerConversion(DARK)(np.zeros((1, 5000), np.float32), RATE)
    assert not silent.any()


@pytest.mark.parametrize("written", [True, False])
def test_auto_does_not_measure_where_automation_tells_the_pitch(written: bool) -> None:
    """Until that moment it listens, as a stream does, which hears this voice two octaves above the singer."""
    x = sung(RATE, 0.8, 440)

    def made() -> SingerConversion:
        return SingerConversion(DARK).at(0.5, source_pitch=110.0) if written else SingerConversion(DARK)

    events = [] if written else [Event(RATE // 2, "source_pitch", 110.0)]
    whole, listening = made()(x, RATE, events=events), made()
    cut = listening(np.pad(x, ((0, 0), (0, 480))), RATE, reset=False, events=events)[:, 480:]
    assert np.array_equal(whole, cut)
    assert not np.array_equal(whole, SingerConversion(DARK)(x, RATE))


def test_reset_starts_anew() -> None:
    made = automated()
    first = made(VOICE, RATE, reset=False)
    made.reset()
    assert np.array_equal(made(VOICE, RATE, reset=False), first)


def test_a_stream_does_not_change_its_form() -> None:
    made = stage()
    made(VOICE, RATE, reset=False)
    with pytest.raises(
        ValueError, match=r"stream has 16000 Hz and 1 channels, not 48000 Hz and 1; call reset\(\)"
    ):
        made(VOICE, 48000, reset=False)
    with pytest.raises(ValueError, match="and 2; call reset"):
        made(np.concatenate([VOICE, VOICE]), RATE, reset=False)


def test_latency_is_known_when_the_rate_is() -> None:
    made = stage()
    with pytest.raises(ValueError, match="ask latency_at"):
        _ = made.latency
    made(VOICE, RATE, reset=False)
    assert made.latency == 480


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: stage(loud=1), ValueError, "parameter 'loud' is unknown; use one of singer, morph_singer"),
        (lambda: stage(transpose=99), ValueError, "transpose 99 is out of range"),
        (lambda: stage(gain="x"), TypeError, "gain 'x' is not a number"),
        (lambda: stage().at(-1, gain=0), ValueError, "time -1 is out of range; give seconds from 0"),
        (lambda: LOOSE().at("1", gain=0), TypeError, "time '1' is not a number"),
        (lambda: stage().at(10**400, gain=0), ValueError, "0 is out of range; give seconds from 0"),
        (lambda: stage().at(1, loud=0), ValueError, "parameter 'loud' is unknown"),
        (lambda: stage().note(1, 1, 60), ValueError, "has no length; end it after its start"),
        (lambda: stage().note(1, 2, 200), ValueError, "note 200 is out of range"),
        (lambda: stage()(VOICE, 22050), ValueError, "sample rate 22050 is not native"),
        (lambda: LOOSE()(VOICE, "fast"), TypeError, "sample rate 'fast' is not a number"),
        (lambda: stage()(VOICE, 48000.5), ValueError, "sample rate 48000.5 is not usable"),
        (lambda: stage()(VOICE, np.inf), ValueError, "sample rate inf is not usable"),
        (lambda: LOOSE()(VOICE, RATE, 64.5), ValueError, "buffer size 64.5 is not a block"),
        (lambda: stage()(VOICE, RATE, 0), ValueError, "buffer size 0 is not a block"),
        (lambda: LOOSE()([0.0], RATE), TypeError, "audio of list cannot be processed"),
        (lambda: LOOSE()(VOICE.astype(np.int16), RATE), TypeError, "audio of int16 cannot be processed"),
        (lambda: stage()(np.zeros((6, 10), np.float32), RATE), ValueError, r"shape \(6, 10\) does not fit"),
        (
            lambda: stage()(np.full(9, np.nan, np.float32), RATE),
            ValueError,
            "audio holds NaN at 0.000 s; every sample must be finite: repair it",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    make: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        make()


def test_an_unknown_attribute_lists_the_known() -> None:
    made = stage()
    with pytest.raises(AttributeError, match="no parameter 'loud'; use one of singer, morph_singer"):
        _ = made.loud
    with pytest.raises(AttributeError, match="no parameter 'loud'"):
        made.loud = 3
    assert not hasattr(made, "loud")
    assert all(hasattr(made, name) for name in PARAMETERS)


def test_a_second_singer_of_one_id_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    old, new = (str(write_singer(tmp_path / name)) for name in ("me.onnx", "new/me.onnx"))
    made = SingerConversion(old).at(1.0, singer=old)
    for refused in (
        lambda: SingerConversion(old, morph_singer=new),
        lambda: SingerConversion(old, singers=[DARK, new]),
        lambda: SingerConversion(old, singers=[load_singer(new)]),
        lambda: made.at(1.0, singer=new),
        lambda: setattr(made, "singer", new),
    ):
        with pytest.raises(SingerFileError, match=r"new/me\.onnx is called 'me' like another singer; leave"):
            refused()
    twice = SingerConversion(
        load_singer(old), singers=[old], morph_singer=str(tmp_path / "new" / ".." / "me.onnx")
    )
    assert twice.parameters == {"singer": "me", "morph_singer": "me"}


def test_a_running_stream_refuses_a_singer_it_does_not_have() -> None:
    made = SingerConversion(DARK)
    made(VOICE, RATE, reset=False)
    with pytest.raises(ValueError, match="singer 'bright' is not in the set; use one of dark"):
        made.singer = "bright"
    assert made.singer == "dark"


def test_what_a_running_stream_refuses_is_not_kept(tmp_path: Path) -> None:
    other = str(write_singer(tmp_path / "other.onnx"))
    made = SingerConversion(DARK)
    made(VOICE, RATE, reset=False)
    with pytest.raises(ValueError, match="singer 'other' is not in the set; use one of dark"):
        made.at(0.1, gain=-60.0, singer=other)
    assert made.sources == {"dark": "dark"}
    made.reset()
    assert np.array_equal(made(VOICE, RATE, reset=False), SingerConversion(DARK)(VOICE, RATE, reset=False))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_changed_apart(copied: Callable[[SingerConversion], SingerConversion]) -> None:
    made = automated()
    expected = made(VOICE, RATE)
    made(VOICE[:, :1000], RATE, reset=False)
    other = copied(made)
    assert np.array_equal(other(VOICE, RATE), expected)
    other.gain = -60.0
    other.at(0.0, transpose=-12)
    assert np.array_equal(made(VOICE, RATE), expected)
    assert other.sources == made.sources


def test_a_singer_that_ships_is_known_by_its_id_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(SINGERS_FOLDER)
    monkeypatch.setattr("models.singer.file.SINGERS_FOLDER", link)
    assert SingerConversion(load_singer("nit")).sources == {"nit": "nit"}
    assert SingerConversion(load_singer((link / "nit.onnx").resolve())).sources == {"nit": "nit"}


@pytest.mark.parametrize("name", ["singer", "morph_singer"])
def test_a_running_stage_takes_a_loaded_singer_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    low, high = (
        str(write_singer(tmp_path / f"{who}.onnx", tilt)) for who, tilt in (("low", -3.0), ("high", 3.0))
    )
    x = sung(RATE, 0.5)[0]
    outputs = []
    for other in ("high", high, "high.onnx", "./high.onnx"):
        made = SingerConversion(low, singers=[high], morph=0.5 * (name != "singer"))
        made(x[:4000], RATE, reset=False)
        setattr(made, name, other)
        assert getattr(made, name) == "high"
        outputs.append(made(x[4000:], RATE, reset=False))
        made.at(1.0, **{name: other})
    assert all(np.array_equal(output, outputs[0]) for output in outputs)
    with pytest.raises(ValueError, match=r"'elsewhere\.onnx' is not in the set; use one of low, high"):
        setattr(made, name, "elsewhere.onnx")
    with pytest.raises(ValueError, match="is not in the set; use one of low, high"):
        setattr(made, name, "with\0nothing")
