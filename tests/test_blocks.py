"""One property test for all blocks: any chunking == one shot, reset == fresh, silence finite, dtype kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import dsp
from dsp.candidates import CandidateFinder
from dsp.consonants import Consonants
from dsp.decimator import Decimator
from dsp.deepsound import DeepSound
from dsp.downmix import Downmix
from dsp.features import FeatureExtractor
from dsp.fifo import Backlog, Delay, HopFifo
from dsp.filters import HARMONIC_GRID, NOISE_GRID, TimeVaryingFilter
from dsp.harmoniccap import HarmonicCap
from dsp.levelhold import LevelHold
from dsp.ltas import Audible, LtasNormalizer
from dsp.movement import Movement
from dsp.noise import UniformNoise
from dsp.oscillator import HarmonicBank, Phase, Sawtooth
from dsp.phasecompensation import PhaseCompensator
from dsp.pitch import PitchTracker
from dsp.singerltas import LTAS_SIZE, SingerLtas
from dsp.smoothing import Ramp
from dsp.spectrum import Analyzer, envelope
from dsp.steadying import Steadier
from dsp.synth import HARMONICS, TABLES, DdspAdd, Dwts, Knot, SawSing, Synthesizer
from dsp.units import MAX_HOPS, hop_size
from dsp.whisper import Whisper
from models.melody.features import MelodySpectra
from models.melody.tracker import MelodyTracker
from plugin_bridge.control.events import Event
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.mixing import Panner
from plugin_bridge.files.dither import Quantizer
from tests.support.doubles import CopySinger

RATE = 16000
HOP = hop_size(RATE)
Float32 = NDArray[np.float32]
Render = Callable[[Float32], NDArray[Any]]


@dataclass(frozen=True)
class Block:
    """A block behind one face: mono audio of any length in, its output joined over the chunks.

    Blocks that take whole hops sit behind the project's own re-blocking, as they do in the engine.
    """

    make: Callable[[], tuple[Render, Callable[[], None]]]
    """Returns what renders a chunk, (n,) -> (..., n), and what resets it."""
    dtype: Any = np.float32


def by_hops(
    make: Callable[[], tuple[Render, Callable[[], None]]], most: int = 1
) -> Callable[[], tuple[Render, Callable[[], None]]]:
    """Put a block of whole hops, (n,) -> (n,), behind a `HopFifo` that gives it so many at once."""

    def made() -> tuple[Render, Callable[[], None]]:
        render, reset = make()
        fifo = HopFifo(1, HOP, lambda x: np.asarray(render(x[0]), np.float32)[None], most)

        def both() -> None:
            fifo.reset()
            reset()

        return (lambda x: fifo.process(x[None])[0]), both

    return made


def spread(values: Sequence[float] | NDArray[Any]) -> Float32:
    """Lay the numbers of a frame out over a hop."""
    out = np.zeros(HOP, np.float32)
    flat = np.asarray(values, np.float64).ravel()[:HOP]
    out[: flat.size] = flat
    return out


def rows(frames: Iterable[Sequence[float] | NDArray[Any]]) -> Float32:
    """Lay the numbers of each frame out over its hop."""
    return np.concatenate([spread(frame) for frame in frames])


def analyzer() -> tuple[Render, Callable[[], None]]:
    block = Analyzer(RATE)

    def render(x: Float32) -> Float32:
        spectrum = block.process(x)
        bands = envelope(spectrum.power, spectrum.loudness, 150.0)
        return rows(np.column_stack([bands, spectrum.loudness]))

    return render, block.reset


def downmix() -> tuple[Render, Callable[[], None]]:
    block = Downmix(HOP)
    flips = np.float32(12 * HOP)
    at = [0]

    def render(x: Float32) -> Float32:
        n = at[0] + np.arange(x.size)
        at[0] += x.size
        return block.process(np.stack([x, np.where(n < flips, 0.9 * x, -x).astype(np.float32)]))

    def reset() -> None:
        block.reset()
        at[0] = 0

    return render, reset


def tracker() -> tuple[Render, Callable[[], None]]:
    block = PitchTracker(RATE)
    return (lambda x: rows(block.process(x))), block.reset


def features() -> tuple[Render, Callable[[], None]]:
    block = FeatureExtractor(RATE)

    def render(x: Float32) -> Float32:
        heard = block.process(x)
        return rows(zip(heard.f0, heard.voicing, heard.loudness, heard.spectrum.loudness, strict=True))

    return render, block.reset


def audible() -> tuple[Render, Callable[[], None]]:
    block = Audible()
    return (lambda x: spread(block.process([40.0 * float(x[0])]))), block.reset


def ltas() -> tuple[Render, Callable[[], None]]:
    block = LtasNormalizer()

    def render(x: Float32) -> Float32:
        bands = 30.0 * x.reshape(-1, HOP)[:, : NOISE_GRID.size]
        return rows(block.process(bands, (50.0 * bands[:, 0]).tolist()))

    return render, block.reset


def level_hold() -> tuple[Render, Callable[[], None]]:
    block = LevelHold(RATE, SawSing(RATE))

    def render(x: Float32) -> Float32:
        frames = x.reshape(-1, HOP)
        harmonic, noise = (
            np.stack([np.resize(5.0 * frame, grid.size) for frame in frames])
            for grid in (HARMONIC_GRID, NOISE_GRID)
        )
        gate, sure, bass = np.abs(frames[:, :3].T % 1.0).astype(np.float64)
        held = block.process(harmonic, noise, 300.0 + 100.0 * gate, gate, np.stack((sure, bass)))
        return np.concatenate([spread(row) for row in np.concatenate(held, axis=1)])

    return render, block.reset


def harmonic_cap() -> tuple[Render, Callable[[], None]]:
    block = HarmonicCap()

    def render(x: Float32) -> Float32:
        frames = x.reshape(-1, HOP)
        harmonic = np.stack([np.resize(5.0 * frame, HARMONIC_GRID.size) for frame in frames])
        gates = np.abs(frames[:, 0] % 1.5).clip(max=1.0).astype(np.float64)
        return np.concatenate([spread(row) for row in block.process(harmonic, gates)])

    return render, block.reset


def whisper() -> tuple[Render, Callable[[], None]]:
    analysis, block = FeatureExtractor(RATE), Whisper()

    def reset() -> None:
        analysis.reset()
        block.reset()

    return (lambda x: rows(block.process(analysis.process(x)).T)), reset


def consonants() -> tuple[Render, Callable[[], None]]:
    block = Consonants(RATE)

    def render(x: Float32) -> Float32:
        gates = np.abs(x.reshape(-1, HOP)[:, :2] % 1.0)
        sound, opened = block.process(x, 180.0 + 20.0 * gates[:, 0], *gates.T.tolist())
        return sound * np.repeat(np.array(opened, np.float32), HOP)

    return render, block.reset


def steadier() -> tuple[Render, Callable[[], None]]:
    block = Steadier()

    def render(x: Float32) -> Float32:
        bands = 10.0 * x.reshape(-1, HOP)[:, : NOISE_GRID.size]
        return rows(block.process(bands, [700.0] * len(bands), np.abs(bands[:, 0] % 1.0).tolist()))

    return render, block.reset


def movement() -> tuple[Render, Callable[[], None]]:
    block = Movement()

    def render(x: Float32) -> Float32:
        return rows(block.process(10.0 * x.reshape(-1, HOP)[:, : NOISE_GRID.size]))

    return render, block.reset


def singer_ltas() -> tuple[Render, Callable[[], None]]:
    block = SingerLtas(np.linspace(2.0, -2.0, LTAS_SIZE).tolist())

    def render(x: Float32) -> Float32:
        frames = x.reshape(-1, HOP)
        harmonic, noise = (
            np.stack([np.resize(frame, grid.size) for frame in frames])
            for grid in (HARMONIC_GRID, NOISE_GRID)
        )
        ones = np.ones(len(frames))
        coloured = np.concatenate(block.process(harmonic, noise, ones, -20.0 * ones), axis=1)
        return np.concatenate([spread(row) for row in coloured])

    return render, block.reset


def decimator() -> tuple[Render, Callable[[], None]]:
    block = Decimator(RATE)
    return (lambda x: rows(block.process(x).reshape(-1, block.hop))), block.reset


def deep_sound() -> tuple[Render, Callable[[], None]]:
    block = DeepSound(RATE, HOP)
    return (lambda x: rows([[deep] for deep in block.process(x)])), block.reset


def candidates() -> tuple[Render, Callable[[], None]]:
    low, block = Decimator(RATE), CandidateFinder(Decimator(RATE).rate, Decimator(RATE).delay)

    def reset() -> None:
        low.reset()
        block.reset()

    def render(x: Float32) -> Float32:
        found = block.process(low.process(x))
        shares = [[frame.power, frame.share_below(500.0)] for frame in found]
        lists = [np.concatenate(frame.candidates) for frame in found]
        return rows([*share, *numbers] for share, numbers in zip(shares, lists, strict=True))

    return render, reset


def hertz(x: Float32) -> NDArray[np.float64]:
    """Let the input move a pitch, so that chunks differ."""
    return 300.0 + 150.0 * np.clip(x.astype(np.float64), -1.0, 1.0)


def phase() -> tuple[Render, Callable[[], None]]:
    block = Phase(RATE)
    return (lambda x: block.process(hertz(x))), block.reset


def sawtooth() -> tuple[Render, Callable[[], None]]:
    block = Sawtooth(RATE)
    return (lambda x: block.process(hertz(x))), block.reset


def bank() -> tuple[Render, Callable[[], None]]:
    block = HarmonicBank(RATE, 20)
    return (lambda x: block.process(hertz(x)).imag.sum(axis=0)), block.reset


def noise() -> tuple[Render, Callable[[], None]]:
    block = UniformNoise(5)
    return (lambda x: block.process(x.size)), block.reset


def filters() -> tuple[Render, Callable[[], None]]:
    block = TimeVaryingFilter(RATE, 1)
    levels = -np.arange(HOP + 1, dtype=np.float32)[None] / 60.0
    last = [np.zeros(1, np.float32)]

    def render(x: Float32) -> Float32:
        ends = np.concatenate([last[0], x[HOP - 1 :: HOP]])
        last[0] = ends[-1:]
        moved = np.asarray(levels * (1.0 + ends[:, None, None]), np.float32)
        responses, _ = block.responses(moved)
        return block.process(x[None], range(0, x.size + 1, HOP), responses)

    def reset() -> None:
        block.reset()
        last[0] = np.zeros(1, np.float32)

    return render, reset


def phase_compensator() -> tuple[Render, Callable[[], None]]:
    block = PhaseCompensator(RATE)
    slope = np.linspace(1.0, -4.0, HOP + 1, dtype=np.float32)

    def render(x: Float32) -> Float32:
        ends, positions = x[HOP - 1 :: HOP], range(0, x.size + 1, HOP)
        moved = ((np.sin(9.0 * ends) + 1j * ends)[:, None] * slope).astype(np.complex64)
        return block.process(hertz(x), positions, [1.0] * ends.size, moved).astype(np.float32)

    return render, block.reset


def synth(
    make: Callable[[], Synthesizer], harmonic: Float32
) -> Callable[[], tuple[Render, Callable[[], None]]]:
    def made() -> tuple[Render, Callable[[], None]]:
        block = make()
        hiss = np.full(NOISE_GRID.size, -3.0, np.float32)
        last = [Knot(0, harmonic, hiss)]

        def render(x: Float32) -> Float32:
            one = np.ones(x.size, np.float32)
            knots = [last[0]]
            for start in range(0, x.size, HOP):
                moved = harmonic + np.float32(np.clip(x[start], -1.0, 1.0))
                knots += [Knot(start + HOP // 3, moved, hiss, 0.2), Knot(start + HOP, moved, hiss)]
            y = block.process(hertz(x), one, 0.1 * one, knots)
            last[0] = knots[-1]._replace(position=0)
            return y

        def reset() -> None:
            block.reset()
            last[0] = Knot(0, harmonic, hiss)

        return render, reset

    return made


def delay() -> tuple[Render, Callable[[], None]]:
    block = Delay(1, 123)
    return (lambda x: block.process(x[None])[0]), block.reset


def backlog() -> tuple[Render, Callable[[], None]]:
    block = Backlog(1, 50, 4 * RATE)

    def render(x: Float32) -> Float32:
        block.push(x[None])
        pulled: Float32 = block.pull(x.size)[0]
        return pulled

    return render, block.reset


def fifo() -> tuple[Render, Callable[[], None]]:
    block = HopFifo(1, HOP, lambda x: x[:, ::-1].copy())
    return (lambda x: block.process(x[None])[0]), block.reset


def ramp() -> tuple[Render, Callable[[], None]]:
    state = {"ramp": Ramp(0.0, 700), "at": 0}

    def start() -> None:
        line = Ramp(0.0, 700)
        line.move(1.0, 333)
        line.move(-1.0, 900)
        state.update(ramp=line, at=0)

    start()

    def render(x: Float32) -> Float32:
        line, at = state["ramp"], state["at"]
        assert isinstance(line, Ramp)
        assert isinstance(at, int)
        state["at"] = at + x.size
        return np.asarray(line.segment(at, x.size) * np.ones(x.size), np.float32)

    return render, start


def panner() -> tuple[Render, Callable[[], None]]:
    block = Panner(HOP)
    return (lambda x: block.process(np.stack([x, 0.5 * x]), x)[0]), block.reset


def melody_tracker() -> tuple[Render, Callable[[], None]]:
    block = MelodyTracker(RATE)

    def render(x: Float32) -> Float32:
        (pitch,) = block.process(x)
        return spread([*pitch, block.energy, *block.feature[:100]])

    return render, block.reset


def melody_spectra() -> tuple[Render, Callable[[], None]]:
    block = MelodySpectra(RATE)
    return (lambda x: rows(power[:, :80] for power in block.process(x))), block.reset


def quantizer() -> tuple[Render, Callable[[], None]]:
    block = Quantizer(16, 1)
    return (lambda x: block.process(x[None])[0]), block.reset


def engine(pitch: str = "periodicity") -> tuple[Render, Callable[[], None]]:
    block = Engine(RATE, 1, [CopySinger("dark", -3.0), CopySinger("bright", 3.0)], pitch=pitch)
    score = [
        Event(700, "singer", "bright"),
        Event(1111, "transpose", 7.0),
        Event(1500, "mix", 0.5),
        Event(2001, "singer", "dark"),
    ]

    def reset() -> None:
        block.reset()
        block.schedule(score)

    block.schedule(score)
    return (lambda x: block.process(x[None])[0]), reset


def exponential(count: int) -> Float32:
    return np.asarray(-np.log(np.arange(1.0, count + 1)), np.float32)


def tables() -> NDArray[np.complex64]:
    return np.tile(np.exp(exponential(HARMONICS)), (TABLES, 1)).astype(np.complex64)


BLOCKS: dict[str, Block] = {
    "Analyzer": Block(by_hops(analyzer, MAX_HOPS)),
    "Audible": Block(by_hops(audible)),
    "Backlog": Block(backlog),
    "CandidateFinder": Block(by_hops(candidates, MAX_HOPS)),
    "LtasNormalizer": Block(by_hops(ltas, MAX_HOPS)),
    "Consonants": Block(by_hops(consonants, MAX_HOPS)),
    "DdspAdd": Block(by_hops(synth(lambda: DdspAdd(RATE), exponential(HARMONICS)), MAX_HOPS)),
    "Decimator": Block(by_hops(decimator, MAX_HOPS)),
    "DeepSound": Block(by_hops(deep_sound, MAX_HOPS)),
    "Delay": Block(delay),
    "Downmix": Block(by_hops(downmix, MAX_HOPS)),
    "Dwts": Block(by_hops(synth(lambda: Dwts(RATE, tables()), np.full(TABLES, -3.0, np.float32)), MAX_HOPS)),
    "Engine": Block(engine),
    "Engine under music": Block(lambda: engine("melody")),
    "FeatureExtractor": Block(by_hops(features, MAX_HOPS)),
    "HarmonicBank": Block(by_hops(bank)),
    "HarmonicCap": Block(by_hops(harmonic_cap, MAX_HOPS)),
    "HopFifo": Block(fifo),
    "LevelHold": Block(by_hops(level_hold, MAX_HOPS)),
    "MelodySpectra": Block(by_hops(melody_spectra, MAX_HOPS)),
    "MelodyTracker": Block(by_hops(melody_tracker)),
    "Movement": Block(by_hops(movement, MAX_HOPS)),
    "Panner": Block(by_hops(panner)),
    "Phase": Block(by_hops(phase, MAX_HOPS)),
    "PitchTracker": Block(by_hops(tracker, MAX_HOPS)),
    "PhaseCompensator": Block(by_hops(phase_compensator, MAX_HOPS)),
    "Quantizer": Block(quantizer, np.int32),
    "Ramp": Block(ramp),
    "SawSing": Block(
        by_hops(synth(lambda: SawSing(RATE), np.zeros(HARMONIC_GRID.size, np.float32)), MAX_HOPS)
    ),
    "SingerLtas": Block(by_hops(singer_ltas, MAX_HOPS)),
    "Sawtooth": Block(by_hops(sawtooth, MAX_HOPS)),
    "Steadier": Block(by_hops(steadier, MAX_HOPS)),
    "TimeVaryingFilter": Block(by_hops(filters, MAX_HOPS)),
    "UniformNoise": Block(noise),
    "Whisper": Block(by_hops(whisper, MAX_HOPS)),
}
NOT_STREAMS = {"Flutter", "Periodicity", "SlidingWindows"}
"""Not from audio to audio; `tests/dsp` has them."""


def source(samples: int = 25 * HOP + 17) -> Float32:
    """A voice-like sawtooth that starts, glides and stops, in a little noise."""
    rng = np.random.default_rng(8)
    n = np.arange(samples)
    wave = 2.0 * ((180.0 * n / RATE + 3.0 * (n / RATE) ** 2) % 1.0) - 1.0
    wave *= (n > 2 * HOP) & (n < 20 * HOP)
    return np.asarray(0.3 * wave + 0.001 * rng.standard_normal(samples), np.float32)


def cut(x: Float32, sizes: Sequence[int], render: Render) -> NDArray[Any]:
    """Render in chunks of the given sizes, over and over."""
    parts, start, turn = [], 0, 0
    while start < x.size:
        stop = min(x.size, start + sizes[turn % len(sizes)])
        parts.append(render(x[start:stop]))
        start, turn = stop, turn + 1
    return np.concatenate(parts, axis=-1)


@pytest.mark.parametrize("name", BLOCKS)
@given(sizes=st.lists(st.integers(1, 3 * HOP), min_size=1, max_size=4))
@settings(max_examples=8)
def test_any_chunking_equals_one_shot(name: str, sizes: list[int]) -> None:
    x = source()
    whole, _ = BLOCKS[name].make()
    pieces, _ = BLOCKS[name].make()
    assert np.array_equal(cut(x, sizes, pieces), whole(x))


@pytest.mark.parametrize("name", BLOCKS)
def test_reset_equals_fresh(name: str) -> None:
    x = source()
    used, reset = BLOCKS[name].make()
    first = np.array(used(x))
    reset()
    assert np.array_equal(used(x), first)


@pytest.mark.parametrize("name", BLOCKS)
def test_silence_stays_finite_and_shape_and_dtype_are_kept(name: str) -> None:
    render, _ = BLOCKS[name].make()
    for x in (source(), np.zeros(10 * HOP, np.float32), np.full(10 * HOP, 1e-30, np.float32)):
        y = render(x)
        assert y.shape[-1] == x.size
        assert y.dtype == BLOCKS[name].dtype
        assert np.all(np.isfinite(y))


def test_every_block_is_in_the_registry() -> None:
    """A class of `dsp` with `process` and `reset` is a block."""
    import importlib
    import pkgutil

    found = set()
    for module in pkgutil.iter_modules(dsp.__path__, "dsp."):
        for name, thing in vars(importlib.import_module(module.name)).items():
            public = isinstance(thing, type) and thing.__module__ == module.name and not name.startswith("_")
            if public and hasattr(thing, "process") and not getattr(thing, "_is_protocol", False):
                found.add(name)
    assert found - NOT_STREAMS <= set(BLOCKS)
