"""The chain: a list of stages with constant blocks, one latency, and a stream that equals a one-shot."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pedalboard
import pytest
from numpy.typing import NDArray

from plugin_bridge.chain.chain import Chain, Stage
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.vst3 import load_vst3
from plugin_bridge.control.events import Event
from plugin_bridge.control.parameters import Value
from plugin_bridge.errors import EffectError
from tests.support.doubles import BRIGHT, DARK, blocks, sung

Float32 = NDArray[np.float32]

RATE = 16000
HOP = 160
VOICE = np.concatenate(
    [sung(RATE, 0.4, 220, 0.3), np.zeros((1, 1600), np.float32), sung(RATE, 0.2, 247)], axis=1
)
STEREO = np.concatenate([VOICE, 0.5 * VOICE])
GAIN = pedalboard.Gain(0)


def singer(**more: Value) -> SingerConversion:
    return SingerConversion(DARK, singers=[BRIGHT], parameters={"transpose": 2.0, **more})


def full() -> Chain:
    """Every kind of stage, two that hold back samples, a nested chain, automation."""
    voice = singer().at(0.1, singer="bright", gain=-3.0).at(0.3, transpose=7.0)
    inner = Chain([voice, pedalboard.Chorus()])
    compressor = pedalboard.Compressor(threshold_db=-20, ratio=3)
    return Chain(
        [pedalboard.HighpassFilter(80), pedalboard.BrickwallLimiter(), inner, compressor, pedalboard.Reverb()]
    )


def stream(chain: Chain, x: Float32, sizes: list[int], rate: int = RATE) -> Float32:
    latency = chain.latency_at(rate, x.shape[0])
    padded = np.pad(x, ((0, 0), (0, latency)))
    sizes = [*sizes, padded.shape[1] - sum(sizes)]
    edges = np.cumsum([0, *sizes])
    parts = [chain(padded[:, a:b], rate, reset=False) for a, b in pairwise(edges)]
    assert [part.shape[1] for part in parts] == sizes
    assert chain.latency == latency
    return np.concatenate(parts, axis=1)[:, latency:]


@pytest.mark.parametrize("size", [1, 100, 1000, 8192, None])
def test_a_stream_gives_the_samples_of_a_one_shot(size: int | None) -> None:
    whole = full()(STEREO, RATE)
    assert whole.shape == STEREO.shape
    assert np.abs(whole).max() > 0.05
    assert np.count_nonzero(whole != stream(full(), STEREO, blocks(STEREO.shape[1], size))) == 0


@pytest.mark.parametrize("buffer_size", [1, 64, 100_000])
def test_the_buffer_size_does_not_matter(buffer_size: int) -> None:
    chain = full()
    assert np.array_equal(chain(STEREO, RATE, buffer_size), chain.process(STEREO, RATE))


EFFECTS: list[tuple[Callable[[], Any], int]] = [
    (lambda: pedalboard.Gain(0), 0),
    (lambda: pedalboard.Delay(delay_seconds=0.1, mix=0.0), 0),
    (lambda: pedalboard.BrickwallLimiter(lookahead_ms=5), 80),
    (
        lambda: cast("Any", pedalboard).Pedalboard(
            [pedalboard.BrickwallLimiter(lookahead_ms=5), pedalboard.Gain(0)]
        ),
        80,
    ),
]


@pytest.mark.parametrize(("make", "held_back"), EFFECTS)
def test_declared_latency_is_the_measured_one(make: Callable[[], Any], held_back: int) -> None:
    x = (0.01 * np.random.default_rng(0).standard_normal((2, RATE // 2))).astype(np.float32)
    chain = Chain([make()])
    assert chain.latency_at(RATE, 2) == HOP + held_back
    y = chain(np.pad(x, ((0, 0), (0, 1000))), RATE, reset=False)
    size = 2 * y.shape[1]
    bins = np.fft.rfft(y[0], size) * np.conj(np.fft.rfft(x[0], size))
    assert int(np.argmax(np.fft.irfft(bins, size)[:1000])) == chain.latency
    assert np.allclose(y[:, chain.latency : x.shape[1]], x[:, : x.shape[1] - chain.latency], atol=1e-5)


def test_latencies_are_summed() -> None:
    limiter = pedalboard.BrickwallLimiter(lookahead_ms=5)
    chain = Chain([limiter, singer(), Chain([singer(mix=0.0)])])
    assert chain.latency_at(RATE) == HOP + 80 + 2 * (2 * HOP)
    assert Chain([singer()]).latency_at(RATE) == singer().latency_at(RATE)
    assert Chain().latency_at(RATE) == HOP


def test_a_chain_of_one_singer_is_that_singer() -> None:
    assert np.array_equal(
        Chain([singer().at(0.2, gain=-6)])(VOICE, RATE), singer().at(0.2, gain=-6)(VOICE, RATE)
    )


def test_a_delayed_source_takes_its_events_along() -> None:
    """A dry singer behind an effect that holds back: the gain must act on the same samples as without it."""
    events = [Event(3000, "gain", -12.0)]
    alone = Chain([singer(mix=0.0)])(0.1 * VOICE, RATE, events=events)
    behind = Chain([pedalboard.BrickwallLimiter(lookahead_ms=5), singer(mix=0.0).at(3000 / RATE, gain=-12.0)])
    assert np.allclose(behind(0.1 * VOICE, RATE), alone, atol=1e-6)
    assert not np.allclose(behind(0.1 * VOICE, RATE)[:, 3400:], 0.1 * VOICE[:, 3400:], atol=1e-3)


def test_an_attribute_set_in_a_stream_acts_from_the_next_sample_on() -> None:
    voice = singer(mix=0.0)
    chain = Chain([pedalboard.BrickwallLimiter(lookahead_ms=5), voice])
    parts = [chain(0.1 * VOICE[:, :3001], RATE, reset=False)]
    voice.gain = -12.0
    parts.append(chain(0.1 * VOICE[:, 3001:], RATE, reset=False))
    again = Chain([pedalboard.BrickwallLimiter(lookahead_ms=5), singer(mix=0.0)])
    wanted = again(0.1 * VOICE, RATE, reset=False, events=[Event(3001, "gain", -12.0)])
    assert np.array_equal(np.concatenate(parts, axis=1), wanted)


def test_calls_do_not_know_of_each_other() -> None:
    chain = full()
    first = chain(STEREO, RATE)
    chain(STEREO[:, :3000], RATE, reset=False)
    assert np.array_equal(chain(STEREO, RATE), first)


def test_reset_starts_anew() -> None:
    chain = full()
    first = chain(STEREO, RATE, reset=False)
    chain.reset()
    assert np.array_equal(chain(STEREO, RATE, reset=False), first)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_effects_alone_run_at_any_rate(rate: int) -> None:
    x = sung(rate, 0.2, 220)
    y = Chain([pedalboard.Gain(6)])(x, rate)
    assert np.allclose(y, x * 10 ** (6 / 20), atol=1e-6)


@pytest.mark.parametrize("shape", [(0,), (1,), (5000,), (1, 0), (2, 0), (1, 1), (2, 3), (2, 5000)])
def test_shapes_come_back(shape: tuple[int, ...]) -> None:
    x = np.resize(VOICE[0], shape)
    assert np.array_equal(Chain([pedalboard.Invert()])(x, RATE), -x)
    assert Chain()(x, RATE).shape == shape


@pytest.mark.parametrize("call", [full, lambda: singer(mix=0.7)])
def test_samples_by_channels_are_taken_and_given_back(call: Callable[[], Any]) -> None:
    """As soundfile reads and pedalboard takes them; left and right differ, so an axis mixed up is seen."""
    for x in (VOICE, STEREO, STEREO[:, :3]):
        y = call()(x.T, RATE)
        assert y.shape == x.T.shape
        assert y.flags.c_contiguous
        assert np.array_equal(y.T, call()(x, RATE))
    empty = call()(np.zeros((0, 2), np.float32), RATE)
    assert empty.shape == (0, 2)
    with_tail = Chain([singer(mix=0.0)])(STEREO.T, RATE, tail=0.1)
    assert with_tail.shape == (STEREO.shape[1] + 1600, 2)


@pytest.mark.parametrize("call", [lambda: Chain([singer()]), singer])
def test_a_stream_keeps_the_layout_of_its_first_block(call: Callable[[], Any]) -> None:
    """A last block of one or two samples looks like either layout, an array of one channel like both."""
    x = STEREO[:, :3000]
    edges = [0, 1000, 1002, 1003, 1005, 2998, 3000]
    made, turned = call(), call()
    wanted = [made(x[:, a:b], RATE, reset=False) for a, b in pairwise(edges)]
    found = [turned(x[:, a:b].T, RATE, reset=False) for a, b in pairwise(edges)]
    assert [part.shape for part in found] == [(b - a, 2) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(found).T, np.concatenate(wanted, axis=1))
    with pytest.raises(
        ValueError, match=r"\(2, 900\) is \(channels, samples\) and .* were \(samples, channels\)"
    ):
        turned(x[:, :900], RATE, reset=False)
    turned.reset()
    assert np.array_equal(turned(x[:, :1000], RATE, reset=False), wanted[0])
    with pytest.raises(ValueError, match=r"\(900, 2\) is \(samples, channels\) and the blocks before were"):
        turned(x[:, :900].T, RATE, reset=False)
    assert turned(x[:, :1000].T, RATE).shape == (1000, 2)  # a whole recording is no block of a stream


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_a_shape_that_can_be_read_both_ways_is_refused(
    call: Callable[[], Any], shape: tuple[int, int]
) -> None:
    with pytest.raises(
        ValueError, match=r"can be read as \(channels, samples\) and as \(samples, channels\)"
    ):
        call()(np.zeros(shape, np.float32), RATE)


@pytest.mark.parametrize("shape", [(3, 3), (6, 100), (100, 6), (0, 0), (1, 1, 5), ()])
@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_a_shape_that_is_no_mono_or_stereo_is_refused(
    call: Callable[[], Any], shape: tuple[int, ...]
) -> None:
    for reset in (True, False):
        with pytest.raises(ValueError, match=r"does not fit; give \(samples,\), \(1 or 2, samples\) or"):
            call()(np.zeros(shape, np.float32), RATE, reset=reset)


@pytest.mark.parametrize("scale", [32767.0, 2.0**31 - 1.0, 127.5])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_floats_scaled_as_whole_numbers_are_refused(
    call: Callable[[], Any], kind: type[np.generic], scale: float
) -> None:
    """As a bounce refuses such a file; a sound that is 30 dB too loud is still one."""
    x = (VOICE / np.abs(VOICE).max() * scale).astype(kind)
    sentence = r"audio holds a sample of -?[\d.e+]+ at 0\.\d+ s; audio lies in -1\.\.1: scale it down"
    with pytest.raises(ValueError, match=sentence):
        call()(x, RATE)
    made = call()
    made(0.0 * VOICE, RATE, reset=False)
    at = VOICE.shape[1] / RATE
    with pytest.raises(ValueError, match=sentence) as told:
        made(x, RATE, reset=False)
    assert at <= float(str(told.value).partition(" at ")[2].partition(" s;")[0]) < 2 * at
    assert np.array_equal(made(VOICE, RATE, reset=False).shape, VOICE.shape)
    assert call()((VOICE * 30.0).astype(kind), RATE).shape == VOICE.shape


@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_whole_numbers_of_a_quiet_recording_are_refused(call: Callable[[], Any]) -> None:
    x = np.rint(VOICE / np.abs(VOICE).max() * 30.0).astype(np.float32)
    with pytest.raises(ValueError, match=r"audio holds whole numbers up to 30; audio lies in -1..1"):
        call()(x, RATE)
    assert call()(np.sign(VOICE), RATE).shape == VOICE.shape


def test_a_sample_that_is_no_number_does_not_silence_the_rest_of_a_stream() -> None:
    chain, plain = Chain([pedalboard.HighpassFilter(80.0)]), Chain([pedalboard.HighpassFilter(80.0)])
    broken, mended = VOICE.copy(), VOICE.copy()
    broken[:, 100], mended[:, 100] = np.nan, 0.0
    for x, y in ((broken, mended), (VOICE, VOICE)):
        assert np.array_equal(chain(x, RATE, reset=False), plain(y, RATE, reset=False))


def test_effects_that_leave_the_singer_nothing_to_sing_are_named() -> None:
    with pytest.raises(EffectError, match="the effects before the singer give is not finite or over 40 dB"):
        Chain([pedalboard.Gain(300.0), singer()])(VOICE, RATE)
    loud = [pedalboard.Gain(400.0), pedalboard.Gain(400.0)]  # infinite, and then not a number
    with pytest.raises(EffectError, match="the effects before the singer give is not finite or over 40 dB"):
        Chain([*loud, pedalboard.HighpassFilter(80.0), singer()])(VOICE, RATE)


@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_doubles_beyond_float32_are_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"audio holds infinity at 0\.000 s; every sample must be finite"):
        call()(np.full((2, 100), 1e300), RATE)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.uint8, np.float16, np.complex64, bool])
@pytest.mark.parametrize("call", [lambda: Chain([GAIN]), singer])
def test_arrays_that_are_no_floats_are_refused_as_pedalboard_does(
    call: Callable[[], Any], kind: type[np.generic]
) -> None:
    with pytest.raises(TypeError, match=f"audio of {np.dtype(kind)} cannot be processed; give a numpy array"):
        call()(np.zeros((1, 100), kind), RATE)


def test_tails_are_rendered_when_asked() -> None:
    echo = Chain([pedalboard.Delay(delay_seconds=0.5, feedback=0.0, mix=1.0)])
    x = sung(RATE, 0.1, 220)
    assert not echo(x, RATE).any()
    y = echo(x, RATE, tail=0.7)
    assert y.shape == (1, x.shape[1] + round(0.7 * RATE))
    assert np.allclose(y[:, RATE // 2 : RATE // 2 + x.shape[1]], x, atol=1e-6)


def test_numbers_of_numpy_are_numbers() -> None:
    voice: Any = singer(mix=0.0)
    chain: Any = Chain([voice.at(np.float32(0.25), gain=-6.0).at(np.int64(0), breath=np.float32(3.0))])
    y = chain(VOICE, np.int64(RATE), np.int32(64), tail=np.float32(0.25))
    assert np.array_equal(y, Chain([singer(mix=0.0).at(0.25, gain=-6.0)])(VOICE, RATE, tail=0.25))
    assert chain.latency_at(np.float64(RATE)) == 3 * HOP


def test_an_automatic_tail_ends_when_it_is_quiet() -> None:
    ringing = Chain([pedalboard.Reverb(room_size=0.3)])
    x = sung(RATE, 0.2, 220)
    y = ringing(x, RATE, tail="auto")
    longer = ringing(x, RATE, tail=10.0)
    assert x.shape[1] < y.shape[1] < longer.shape[1]
    assert np.array_equal(y, longer[:, : y.shape[1]])
    assert np.abs(longer[:, y.shape[1] :]).max() <= 1e-5
    assert Chain([pedalboard.Gain(0)])(x, RATE, tail="auto").shape == x.shape


def test_it_is_a_list() -> None:
    gain, invert, clip = pedalboard.Gain(3), pedalboard.Invert(), pedalboard.Clipping()
    chain = Chain([gain])
    chain.append(clip)
    chain.insert(1, invert)
    assert list(chain) == [gain, invert, clip]
    assert (len(chain), chain[0], chain[-1], chain[1:]) == (3, gain, clip, [invert, clip])
    chain[0] = pedalboard.Gain(-3)
    del chain[1]
    assert chain.pop() is clip
    assert [type(stage) for stage in chain] == [pedalboard.Gain]
    chain += [invert]
    chain[0:1] = []
    assert list(chain) == [invert]
    assert "Chain([<pedalboard.Invert" in repr(chain)


def test_an_edit_leaves_the_other_stages_running() -> None:
    """A reverb that rings goes on when an effect is put behind it; in a Pedalboard it would be cut."""
    reverb = pedalboard.Reverb(room_size=0.9, wet_level=1.0, dry_level=0.0)
    chain = Chain([reverb])
    silence = np.zeros((1, 1600), np.float32)
    chain(VOICE, RATE, reset=False)
    chain(silence, RATE, reset=False)
    chain.append(pedalboard.Invert())
    inverted = chain(silence, RATE, reset=False)
    again = Chain([pedalboard.Reverb(room_size=0.9, wet_level=1.0, dry_level=0.0)])
    wanted = again(np.concatenate([VOICE, silence, silence], axis=1), RATE, reset=False)[:, -1600:]
    assert np.abs(wanted).max() > 1e-3
    assert np.array_equal(inverted[:, HOP:], -wanted[:, HOP:])


def test_a_singer_put_in_later_counts_the_samples_of_the_chain() -> None:
    chain = Chain([pedalboard.Gain(0)])
    chain(VOICE[:, :3200], RATE, reset=False)
    chain.append(singer(mix=0.0))
    y = chain(VOICE[:, 3200:], RATE, reset=False, events=[Event(5000, "gain", -60.0)])
    silent = 5000 - 3200 + chain.latency + 320
    assert np.abs(y[:, silent:]).max() < 1e-3
    assert np.abs(y[:, silent - 700 : silent - 330]).max() > 0.1


def test_a_parameter_of_a_running_effect_can_be_moved() -> None:
    gain = pedalboard.Gain(0)
    chain = Chain([gain])
    chain(VOICE, RATE, reset=False)
    gain.gain_db = -200
    chain(np.zeros((1, HOP), np.float32), RATE, reset=False)
    assert np.abs(chain(VOICE, RATE, reset=False)).max() < 1e-6


BOARD: Any = pedalboard  # its containers are not typed
LOOSE: Any = Chain  # to hand in what the types forbid


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: LOOSE(["Reverb"]), TypeError, "'Reverb' is not a stage; give pedalboard effects, VST3"),
        (lambda: Chain([GAIN, GAIN]), ValueError, "stands twice in the chain"),
        (lambda: Chain([GAIN, Chain([GAIN])]), ValueError, "stands twice in the chain"),
        (lambda: Chain([GAIN])(VOICE, RATE, tail=-1), ValueError, "tail -1 is out of range"),
        (lambda: LOOSE([GAIN])(VOICE, RATE, tail="long"), TypeError, "tail 'long' is not a number"),
        (lambda: Chain([GAIN])(VOICE, RATE, reset=False, tail=1.0), ValueError, "a stream has no end"),
        (lambda: Chain([GAIN])(VOICE, 100), ValueError, "sample rate 100 is not usable"),
        (
            lambda: Chain([GAIN])(np.full(9, np.inf, np.float32), RATE),
            ValueError,
            "audio holds infinity at 0.000 s; every sample must be finite: repair it",
        ),
        (lambda: Chain([singer()])(VOICE, 22050), ValueError, "sample rate 22050 is not native"),
        (lambda: Chain([GAIN]).latency, ValueError, "ask latency_at"),
        (
            lambda: Chain([singer()])(VOICE, RATE, events=[Event(0, "loud", 1)]),
            ValueError,
            "'loud' is unknown",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make()


AUTO: list[tuple[dict[str, Value], float, float]] = [
    ({}, -12.0, -12.0),
    ({"transpose": 0.0}, 0.0, -24.0),
    ({"singer": "dark"}, -24.0, 0.0),
    ({"source_pitch": 220.0}, 0.0, -24.0),
    ({"bypass": True}, -12.0, -24.0),
]


@pytest.mark.parametrize(("values", "first", "second"), AUTO)
@pytest.mark.parametrize("written", [False, True])
def test_auto_knows_what_the_singer_before_sings(
    values: dict[str, Value], first: float, second: float, written: bool
) -> None:
    """Two singers in a row, an octave and more below a source that is too short to be listened to."""
    x = sung(RATE, 0.4, 440)
    high = SingerConversion(BRIGHT, singers=[DARK])
    if written:
        high.at(0.0, **values)
    else:
        for name, value in values.items():
            setattr(high, name, value)
    given = {**high.parameters, **values, "transpose": first}
    wanted = Chain(
        [SingerConversion(BRIGHT, singers=[DARK], parameters=given), SingerConversion(DARK, transpose=second)]
    )
    assert np.array_equal(Chain([high, SingerConversion(DARK)])(x, RATE), wanted(x, RATE))


def is_free(voice: SingerConversion) -> bool:
    """Return whether no stream runs a singer."""
    try:
        return voice.latency < 0
    except ValueError:
        return True


def removed(chain: Chain) -> None:
    del chain[-1]


@pytest.mark.parametrize("end", [Chain.reset, removed, Chain.clear, lambda chain: chain(VOICE, RATE)])
def test_a_chain_that_ends_lets_its_singers_go(end: Callable[[Chain], object]) -> None:
    """They then take singers that the stream did not have, and stream by themselves."""
    voice = singer()
    chain = Chain([pedalboard.Gain(0), voice])
    chain(VOICE[:, :3000], RATE, reset=False)
    assert not is_free(voice)
    end(chain)
    assert is_free(voice)
    assert np.array_equal(voice(VOICE, RATE, reset=False), singer()(VOICE, RATE, reset=False))


def test_a_singer_taken_out_of_a_nested_chain_is_let_go_with_the_next_block() -> None:
    voice, other = singer(), singer()
    inner = Chain([voice, other])
    chain = Chain([inner])
    chain(VOICE, RATE, reset=False)
    inner.remove(voice)
    chain(VOICE, RATE, reset=False)
    assert (is_free(voice), is_free(other)) == (True, False)


def test_a_singer_put_back_starts_anew_beside_those_that_go_on() -> None:
    voice, other = singer(), singer(mix=0.0)
    chain = Chain([voice, other])
    chain(VOICE, RATE, reset=False)
    chain.append(chain.pop(0))
    voice.gain = -60.0
    y = chain(VOICE, RATE, reset=False)
    assert np.abs(y[:, chain.latency :]).max() < 1e-3
    assert chain.latency == HOP + 4 * HOP


def test_a_chain_lets_go_of_its_own_singers_only() -> None:
    voice = singer()
    first, second = Chain([voice]), Chain([voice])
    first(VOICE, RATE, reset=False)
    second(VOICE, RATE, reset=False)
    first.reset()
    assert not is_free(voice)
    second.reset()
    assert is_free(voice)


def test_a_refused_chain_leaves_no_singer_running() -> None:
    voice, refused = singer(), pedalboard.PitchShift(3)
    chain = Chain([voice, refused])
    for reset in (True, False):
        with pytest.raises(EffectError, match="PitchShift"):
            chain(VOICE, RATE, reset=reset)
        assert is_free(voice)
    chain.remove(refused)
    chain(VOICE, RATE, reset=False)
    chain.insert(0, pedalboard.BrickwallLimiter(lookahead_ms=5))
    chain.append(refused)
    with pytest.raises(EffectError, match="PitchShift"):
        chain(VOICE, RATE, reset=False)
    assert not is_free(voice)


@pytest.mark.parametrize("make", [lambda: pedalboard.PitchShift(3), pedalboard.GSMFullRateCompressor])
@pytest.mark.parametrize("inside", [lambda it: it, lambda it: BOARD.Mix([BOARD.Pedalboard([it])])])
def test_what_falls_silent_in_blocks_is_refused(
    make: Callable[[], Any], inside: Callable[[Any], Any]
) -> None:
    sentence = f"{type(make()).__name__} falls silent when it gets its audio in blocks; use another effect"
    with pytest.raises(EffectError, match=sentence):
        Chain([inside(make())])(VOICE, RATE)
    with pytest.raises(EffectError, match=sentence):
        Chain([inside(make())])(VOICE, RATE, reset=False)
    with pytest.raises(EffectError, match=sentence):
        Chain([inside(make())]).latency_at(RATE)


def test_an_effect_that_comes_to_hold_back_more_is_told() -> None:
    board = BOARD.Pedalboard([pedalboard.Gain(0)])
    chain = Chain([board])
    chain(VOICE, RATE, reset=False)
    board.append(pedalboard.BrickwallLimiter(lookahead_ms=5))
    with pytest.raises(EffectError, match=r"Pedalboard does not run on \(160 samples are due"):
        chain(VOICE, RATE, reset=False)


def test_a_refused_edit_leaves_the_chain_as_it_was() -> None:
    chain = Chain([GAIN])
    with pytest.raises(TypeError, match="is not a stage"):
        chain.append(3)  # type: ignore[arg-type]
    assert list(chain) == [GAIN]


def test_a_vst3_plugin_is_a_stage(vst3_folder: Path) -> None:
    late, stereo = vst3_folder / "ZaMaximX2.vst3", vst3_folder / "ZamCompX2.vst3"

    def make() -> list[Stage]:
        return [load_vst3(late), singer(), load_vst3(stereo)]

    x = np.repeat(STEREO, 3, axis=1)[:, :24_000]
    chain = Chain(make())
    assert chain.latency_at(48000, 2) == 480 + 480 + 960
    whole = chain(x, 48000)
    assert whole.shape == x.shape
    assert np.count_nonzero(whole != stream(Chain(make()), x, blocks(24_000, None), 48000)) == 0
    with pytest.raises(EffectError, match="ZamCompX2 refuses 1 channels"):
        Chain([load_vst3(stereo)])(VOICE, RATE)


def test_a_copy_is_a_list_of_its_own() -> None:
    chain = full()
    chain(VOICE[:, :1000], RATE, reset=False)
    other = copy.copy(chain)
    other.append(pedalboard.Gain(-6))
    assert len(other) == len(chain) + 1
    assert other[2] is chain[2]
    voices = Chain([singer(), singer()])
    voices(VOICE[:, :1000], RATE, reset=False)
    apart = copy.deepcopy(voices)
    assert np.array_equal(apart(VOICE, RATE), voices(VOICE, RATE))
    cast("Any", apart[0]).gain = -60.0
    assert cast("Any", voices[0]).gain == 0.0
