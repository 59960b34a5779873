"""Singer files with a refiner: the same bits however frames come, and no file that is not what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dsp.singerltas import LTAS_SIZE
from models.refiner.facts import Refiner
from models.singer.file import Estimator, Singer, load_singer
from plugin_bridge.errors import SingerFileError
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FRAMES = 150  # more than are run at once
REFINER = Refiner(bands=5, steps=(1, 2, 4))
LTAS = tuple(np.linspace(-2.0, -4.0, LTAS_SIZE).tolist())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refined")


@pytest.fixture(scope="module")
def refined(folder: Path) -> Singer:
    return load_singer(write_singer(folder / "fine.onnx", refiner=REFINER, ltas=LTAS))


@pytest.fixture(scope="module")
def plain(folder: Path) -> Singer:
    return load_singer(write_singer(folder / "plain.onnx", ltas=LTAS))


def run(estimator: Estimator, steps: Float64, sizes: Sequence[int] = (FRAMES,)) -> Float32:
    """Return both controls side by side of frames that come so many and so many at a time."""
    rng = np.random.default_rng(5)
    bands = rng.uniform(-60.0, 0.0, (FRAMES, 72)).astype(np.float32)
    ends = (80.0, 900.0), (0.0, 1.0), (-50.0, 0.0), (0.0, 1.0)
    facts = np.stack([*(rng.uniform(low, high, FRAMES) for low, high in ends), steps])
    found, start = [], 0
    for size in cycle(sizes):
        here = slice(start, start + size)
        found.append(np.concatenate(estimator.process(bands[here], bands[here], *facts[:, here]), axis=1))
        start += size
        if start >= FRAMES:
            return np.concatenate(found)
    raise AssertionError


def held(steps: float) -> Float64:
    return np.full(FRAMES, steps)


CHANGING = np.repeat(np.random.default_rng(7).choice(np.array([0.0, 1.0, 2.0, 8.0]), FRAMES), 3)[:FRAMES]


def test_without_steps_the_bits_are_those_of_the_singer_without_a_refiner(
    refined: Singer, plain: Singer
) -> None:
    assert np.array_equal(run(refined.start(), held(0.0)), run(plain.start(), held(0.0)))


def test_a_singer_without_a_refiner_takes_no_notice_of_steps(plain: Singer) -> None:
    assert np.array_equal(run(plain.start(), CHANGING), run(plain.start(), held(0.0)))


def test_steps_are_as_many_as_there_are_and_each_number_is_another_sound(refined: Singer) -> None:
    one, two, four = (run(refined.start(), held(steps)) for steps in (1.0, 2.0, 4.0))
    assert len({part.tobytes() for part in (one, two, four)}) == 3
    assert np.array_equal(run(refined.start(), held(3.0)), two)
    assert np.array_equal(run(refined.start(), held(8.0)), four)


@pytest.mark.parametrize("steps", [held(1.0), held(8.0), CHANGING], ids=["1", "8", "changing"])
def test_frames_have_the_same_bits_however_many_come_at_once(refined: Singer, steps: Float64) -> None:
    one_by_one = run(refined.start(), steps, [1])
    for sizes in ([2], [3], [8], [64], [FRAMES], [1, 8, 3, 64, 2]):
        assert np.array_equal(run(refined.start(), steps, sizes), one_by_one), sizes


def test_a_reset_forgets_what_was_refined(refined: Singer) -> None:
    estimator = refined.start()
    first = run(estimator, CHANGING)
    assert not np.array_equal(run(estimator, CHANGING), first)
    estimator.reset()
    assert np.array_equal(run(estimator, CHANGING), first)


def test_a_regression_is_given_no_noise(folder: Path) -> None:
    facts = REFINER.model_copy(update={"noise": False})
    still = load_singer(write_singer(folder / "still.onnx", refiner=facts))
    noisy = load_singer(write_singer(folder / "noisy.onnx", refiner=REFINER))
    model = onnx.load(folder / "noisy.onnx")
    for node in model.graph.node:  # zeros in the place of the noise
        if "rows" in node.output:
            node.input[0] = "zeros"
    model.graph.node.insert(0, helper.make_node("Mul", ["random", "nothing"], ["zeros"]))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1), np.float32), "nothing"))
    onnx.save(model, folder / "silent.onnx")
    silent = load_singer(folder / "silent.onnx")
    assert np.array_equal(run(still.start(), CHANGING), run(silent.start(), CHANGING))
    assert not np.array_equal(run(still.start(), CHANGING), run(noisy.start(), CHANGING))


def test_the_facts_of_a_refiner_are_kept(refined: Singer, plain: Singer) -> None:
    assert refined.manifest.refiner == REFINER
    assert plain.manifest.refiner is None
    assert refined.manifest.format == plain.manifest.format == 5


@pytest.mark.parametrize("version", [3, 4, 5])
def test_files_of_earlier_formats_are_read(tmp_path: Path, version: int) -> None:
    assert load_singer(write_singer(tmp_path / "old.onnx", format=version)).manifest.format == version


Change = Callable[[onnx.GraphProto], None]


def resized(name: str, *shape: int | str) -> Change:
    """Declare another shape of an input."""

    def change(graph: onnx.GraphProto) -> None:
        (end,) = (end for end in graph.input if end.name == name)
        end.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    return change


def more(*shape: int | str, name: str = "more", after: str = "next_more") -> Change:
    """Add an input and an output that repeats it."""

    def change(graph: onnx.GraphProto) -> None:
        graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
        if after:
            graph.node.append(helper.make_node("Identity", [name], [after]))
            graph.output.append(helper.make_tensor_value_info(after, TensorProto.FLOAT, list(shape)))

    return change


def in_a_chain(graph: onnx.GraphProto) -> None:
    """Add a state whose next value is an input itself, with a next value of its own."""
    row = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("y", "next_y")]
    graph.input.extend(row)
    more(1, 3, name="x", after="next_next_y")(graph)
    graph.input.pop()
    graph.node[-1].input[0] = "y"
    graph.output.append(row[1])


def without(name: str) -> Change:
    """Leave an output out."""

    def change(graph: onnx.GraphProto) -> None:
        (end,) = (end for end in graph.output if end.name == name)
        graph.output.remove(end)

    return change


def changed(path: Path, change: Change, refiner: Refiner | None = REFINER) -> Path:
    model = onnx.load(write_singer(path, refiner=refiner))
    change(model.graph)
    onnx.save(model, path)
    return path


def test_a_refiner_may_keep_states_of_any_name(tmp_path: Path) -> None:
    for name in ("more", "kept_state2", "next_more"):
        singer = load_singer(changed(tmp_path / "fine.onnx", more(1, 3, name=name, after=f"next_{name}")))
        assert np.isfinite(run(singer.start(), CHANGING)).all()


@pytest.mark.parametrize(
    ("change", "refiner"),
    [
        (resized("random", "frames", 6), REFINER),
        (resized("steps", "frames", 2), REFINER),
        (resized("steps", 1, 1), REFINER),
        (resized("movement", "frames", 71), REFINER),
        (resized("kept_state", 2, 6), REFINER),
        (more("frames", 3), REFINER),
        (more(2, 3), REFINER),
        (more(1, 3, 1), REFINER),
        (more(3), REFINER),
        (more(1, "frames"), REFINER),
        (more(1, 3, after=""), REFINER),
        (more(1, 3, after="another"), REFINER),
        (more(1, 3, name="harmonics", after="extra"), REFINER),
        (in_a_chain, REFINER),
        (without("next_kept_state"), REFINER),
        (without("harmonic"), REFINER),
        (more(1, 3), None),
        (more("frames", 1, name="steps", after=""), None),
        (more("frames", 5, name="random", after=""), None),
    ],
)  # fmt: skip
def test_a_file_of_other_inputs_and_outputs_is_refused(
    tmp_path: Path, change: Change, refiner: Refiner | None
) -> None:
    """Either onnxruntime sees that the shapes do not fit, or we do."""
    said = r"does not have a singer's inputs and outputs|is not a readable ONNX model"
    with pytest.raises(SingerFileError, match=said):
        load_singer(changed(tmp_path / "bad.onnx", change, refiner))


@pytest.mark.parametrize(
    ("inside", "outside"), [(REFINER, None), (None, REFINER), (REFINER, Refiner(bands=6, steps=(1,)))]
)
def test_a_manifest_tells_what_the_graph_is(
    tmp_path: Path, inside: Refiner | None, outside: Refiner | None
) -> None:
    path = write_singer(tmp_path / "bad.onnx", refiner=inside)
    manifest = load_singer(path).manifest.model_copy(update={"refiner": outside})
    model = onnx.load(path)
    helper.set_model_props(model, manifest.to_metadata())
    onnx.save(model, path)
    with pytest.raises(SingerFileError, match="does not have a singer's inputs and outputs"):
        load_singer(path)


def test_every_number_of_steps_is_tried_before_it_is_sung(tmp_path: Path) -> None:
    """The graph looks beyond a table where there are more than two steps."""

    def beyond(graph: onnx.GraphProto) -> None:
        graph.initializer.append(numpy_helper.from_array(np.ones((3, 1), np.float32), "table"))
        (scaled,) = (node for node in graph.node if "change" in node.output)
        at = list(graph.node).index(scaled)
        scaled.input[1] = "looked_up"
        graph.node.insert(at, helper.make_node("Cast", ["most"], ["index"], to=TensorProto.INT64))
        graph.node.insert(at + 1, helper.make_node("Gather", ["table", "index"], ["found"]))
        graph.node.insert(at + 2, helper.make_node("Squeeze", ["found", "first"], ["looked_up"]))

    few = Refiner(bands=5, steps=(1, 2))
    load_singer(changed(tmp_path / "few.onnx", beyond, few))
    with pytest.raises(SingerFileError, match="fails, or takes more than 10 s"):
        load_singer(changed(tmp_path / "many.onnx", beyond))
