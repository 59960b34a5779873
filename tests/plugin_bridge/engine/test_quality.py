"""The parameter `quality`: exact at every block size, heard from the next frame on, and without a click."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dsp.levelhold import LevelHold
from models.refiner.facts import Refiner
from models.singer.file import Singer, load_singer
from plugin_bridge.bounce.bounce import bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import PARAMETERS, QUALITIES, Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.estimators import MAX_PENDING, Estimators
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.files.writer import OutputFormat
from tests.support.doubles import blocks, sung
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]

RATE = 16000
HOP = RATE // 100
SOURCE = sung(RATE, 1.0, 220.0, 0.3)
CHANGES: list[AnyEvent] = [
    Event(0, "quality", "mix"),
    Event(1601, "quality", "draft"),
    Event(2400, "quality", "live"),
    Event(2401, "singer", "plain"),
    Event(4003, "quality", "render"),
    Event(5000, "quality", "mix"),
    Event(5010, "quality", "render"),
    Event(6999, "singer", "fine"),
    Event(8123, "morph_singer", "other"),
    Event(8124, "morph", 0.5),
    Event(9000, "quality", "draft"),
    Event(11_000, "quality", "mix"),
    Event(13_000, "quality", "live"),
]


@pytest.fixture(scope="module")
def singers(tmp_path_factory: pytest.TempPathFactory) -> list[Singer]:
    folder = tmp_path_factory.mktemp("singers")
    refiners = {
        "fine": Refiner(bands=4, steps=(1, 2, 8)),
        "other": Refiner(bands=3, steps=(1,)),
        "plain": None,
    }
    return [load_singer(write_singer(folder / f"{name}.onnx", refiner=one)) for name, one in refiners.items()]


def play(
    singers: Sequence[Singer],
    events: Sequence[AnyEvent] = (),
    sizes: Sequence[int] = (SOURCE.shape[1],),
    pauses: bool = False,
    **parameters: Value,
) -> Float32:
    engine = Engine(RATE, 1, singers, parameters={"transpose": 0.0, **parameters})
    parts, start = [], 0
    for n in sizes:
        mine = [event for event in events if start <= event.position < start + n]
        parts.append(engine.process(SOURCE[:, start : start + n], mine))
        start += n
        while pauses and engine.use_pause():
            pass
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize("size", [1, 64, 128, 160, 1000, None])
def test_blocks_do_not_change_a_sample(singers: list[Singer], size: int | None, pauses: bool) -> None:
    whole = play(singers, CHANGES)
    assert np.abs(whole).max() > 0.1
    assert np.array_equal(play(singers, CHANGES, blocks(SOURCE.shape[1], size), pauses), whole)


def test_each_quality_is_another_sound_and_draft_is_the_singer_without_a_refiner(
    singers: list[Singer],
) -> None:
    fine, _, plain = singers
    found = {word: play([fine], quality=word) for word in QUALITIES}
    assert len({sound.tobytes() for sound in found.values()}) == len(QUALITIES)
    assert np.array_equal(found["draft"], play([plain]))
    assert np.array_equal(found["live"], play([fine]))
    assert np.array_equal(play([plain], quality="render"), play([plain]))


def test_a_quality_that_a_file_has_not_is_the_next_lower(singers: list[Singer]) -> None:
    other = singers[1]
    assert np.array_equal(play([other], quality="render"), play([other], quality="live"))


@pytest.mark.parametrize("offset", [0, 1, HOP // 2, HOP - 1])
@pytest.mark.parametrize("word", ["draft", "mix", "render"])
def test_a_change_is_heard_from_the_next_frame_on(singers: list[Singer], word: str, offset: int) -> None:
    position, fine = 40 * HOP + offset, singers[:1]
    steady, changed = play(fine), play(fine, [Event(position, "quality", word)])
    latency = Engine(RATE, 1, fine).latency
    first = int(np.flatnonzero(np.abs(changed - steady)[0] > 2e-6)[0]) - latency
    assert 0 <= first - position <= HOP + HOP // 2


def test_a_change_at_the_start_is_an_initial_value(singers: list[Singer]) -> None:
    for word in QUALITIES:
        assert np.array_equal(play(singers, [Event(0, "quality", word)]), play(singers, quality=word))


@pytest.mark.parametrize(("before", "after"), [("draft", "render"), ("render", "draft"), ("live", "mix")])
def test_a_change_on_a_held_note_makes_no_step(singers: list[Singer], before: str, after: str) -> None:
    fine = singers[:1]
    steady = [play(fine, quality=word)[0, 30 * HOP : 70 * HOP] for word in (before, after)]
    own = max(np.abs(np.diff(sound)).max() for sound in steady)
    for position in (40 * HOP, 43 * HOP + 1, 46 * HOP + HOP // 2):
        changed = play(fine, [Event(position, "quality", after)], quality=before)
        around = slice(position, position + 6 * HOP)
        assert np.abs(np.diff(changed[0, around])).max() <= 1.05 * own


def test_a_reset_engine_refines_as_a_new_one(singers: list[Singer]) -> None:
    engine = Engine(RATE, 1, singers, parameters={"quality": "mix"})
    first = engine.process(SOURCE)
    engine.process(SOURCE, [Event(engine.position, "quality", "render")])
    engine.reset()
    assert np.array_equal(engine.process(SOURCE), first)


def failing(path: Path) -> Singer:
    """Return a singer whose refiner, at the noise of some frames, says and keeps what is not a number."""
    model = onnx.load(write_singer(path, refiner=Refiner(bands=2, steps=(1, 2, 8))))
    at, rows = next((at, node) for at, node in enumerate(model.graph.node) if "rows" in node.output)
    rows.input[0] = "rooted"
    model.graph.node.insert(at, helper.make_node("Add", ["random", "room"], ["positive"]))
    model.graph.node.insert(at + 1, helper.make_node("Sqrt", ["positive"], ["rooted"]))
    room = np.full((1, 1), 2.2, np.float32)  # the tenth frame is the first that needs more
    model.graph.initializer.append(numpy_helper.from_array(room, "room"))
    onnx.save(model, path)
    return load_singer(path)


@pytest.mark.parametrize("size", [1, 160, 1000, None])
def test_a_refiner_that_fails_does_so_in_the_same_frames_at_all_block_sizes(
    tmp_path: Path, size: int | None
) -> None:
    singer = failing(tmp_path / "fine.onnx")
    counts = set()
    for sizes in ([SOURCE.shape[1]], blocks(SOURCE.shape[1], size)):
        engine = Engine(RATE, 1, [singer], parameters={"transpose": 0.0, "quality": "mix"})
        parts, start = [], 0
        for n in sizes:
            parts.append(engine.process(SOURCE[:, start : start + n]))
            start += n
        counts.add((engine.faults, np.concatenate(parts, axis=1).tobytes()))
    ((faults, sound),) = counts
    assert 5 <= faults <= 11
    assert np.isfinite(np.frombuffer(sound, np.float32)).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_silent_singer_is_refined_as_if_it_had_been_heard(singers: list[Singer], seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = 100
    bands = rng.uniform(-60.0, 0.0, (frames, 72)).astype(np.float32)
    ends = (
        (100.0, 700.0),
        (0.0, 1.0),
        (-40.0, -10.0),
        (0.0, 0.5),
        (0.0, 0.0),
        (100.0, 700.0),
        (0.0, 1.0),
        (-8.0, 8.0),
    )
    facts = np.stack([rng.uniform(low, high, frames) for low, high in ends])
    facts[4] = np.repeat(rng.choice([0.0, 1.0, 2.0, 8.0], frames), 3)[:frames]

    def started() -> Estimators:
        return Estimators(singers, [LevelHold(RATE, one.synthesizer(RATE)) for one in singers])

    wanted = started().process(bands, facts, [True] * 3)
    estimators, start = started(), 0
    while start < frames:
        stop = min(frames, start + int(rng.integers(1, MAX_PENDING + 3)))
        flags = [bool(flag) for flag in rng.random(3) < 0.3]
        found = estimators.process(bands[start:stop], facts[:, start:stop], flags)
        for singer in np.flatnonzero(flags):
            for got, want in zip(found[singer], wanted[singer][start : stop + 1], strict=True):
                assert np.array_equal(got[0], want[0])
                assert np.array_equal(got[1], want[1])
        start = stop
        if rng.random() < 0.5:
            estimators.use_pause()


@pytest.mark.parametrize("word", QUALITIES)
def test_a_bounce_and_a_chain_are_what_is_heard_live(
    singers: list[Singer], tmp_path: Path, word: str
) -> None:
    fine = singers[0]
    engine = Engine(RATE, 1, [fine], parameters={"transpose": 0.0, "quality": word})
    padded = np.pad(SOURCE, ((0, 0), (0, engine.latency)))
    live = np.concatenate(
        [engine.process(part) for part in np.split(padded, range(128, padded.shape[1], 128), 1)], 1
    )
    live = live[:, engine.latency :]
    soundfile.write(tmp_path / "stem.wav", SOURCE.T, RATE, "FLOAT")
    settings = BounceSettings(singer="fine", parameters={"transpose": 0.0, "quality": word})
    library = SingerLibrary([fine])
    bounce(tmp_path / "stem.wav", tmp_path / "out.wav", OutputFormat("wav", "32f"), settings, library=library)
    assert np.array_equal(soundfile.read(tmp_path / "out.wav", dtype="float32")[0], live[0])
    stage = SingerConversion(fine, transpose=0.0, quality=word)
    assert np.array_equal(stage(SOURCE, RATE), live)


def test_the_words_are_those_of_the_table() -> None:
    row = PARAMETERS["quality"]
    assert row.words == tuple(QUALITIES)
    assert row.default == "live"
    assert [row.from_unit(row.to_unit(word)) for word in row.words] == list(row.words)
