"""A model file may be hostile: loops, giant values and constants in other files are refused at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelFileError, SingerFileError
from models.extractor.runtime import MelodyExtractor
from models.graphcheck import GraphError, check_graph, check_structure
from models.melody.tracker import SHIPPED, load_network
from models.singer.file import Singer, load_singer, shipped
from tests.support.singerfiles import write_singer

Change = Callable[[onnx.GraphProto], None]
BIG = 10**6


def changed(path: Path, change: Change, base: Path | None = None) -> Path:
    """Write a singer whose graph has been changed."""
    model = onnx.load(base or write_singer(path))
    change(model.graph)
    path.write_bytes(model.SerializeToString())
    return path


def first(graph: onnx.GraphProto, *nodes: onnx.NodeProto, reads: str = "") -> None:
    """Put nodes before all others; what they make as `extra` is added to the noise."""
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *others])
    if reads:
        noise = next(node for node in graph.node if "noise" in node.output)
        noise.output[0] = "noise_before"
        graph.node.append(helper.make_node("ReduceMax", [reads], ["one"], keepdims=0))
        graph.node.append(helper.make_node("Add", ["noise_before", "one"], ["noise"]))


def constant(graph: onnx.GraphProto, name: str, array: np.ndarray) -> None:
    graph.initializer.append(numpy_helper.from_array(array, name))


def loop(graph: onnx.GraphProto) -> None:
    """Turn round for ever."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["again"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1]),
        ],
    )
    constant(graph, "turns", np.array(2**62))
    constant(graph, "begin", np.array(True))
    constant(graph, "start", np.zeros(1, np.float32))
    first(graph, helper.make_node("Loop", ["turns", "begin", "start"], ["extra"], body=body), reads="extra")


def loop_in_a_branch(graph: onnx.GraphProto) -> None:
    inner = onnx.GraphProto(name="inner")
    output = helper.make_tensor_value_info("extra_inside", TensorProto.FLOAT, [1])
    loop(inner_parent := onnx.GraphProto(node=[helper.make_node("Add", ["state", "state"], ["noise"])]))
    inner.node.append(inner_parent.node[0])
    inner.node[0].output[0] = "extra_inside"
    inner.initializer.extend(inner_parent.initializer)
    inner.output.append(output)
    other = helper.make_graph(
        [helper.make_node("Identity", ["zero"], ["plain_inside"])],
        "other",
        [],
        [helper.make_tensor_value_info("plain_inside", TensorProto.FLOAT, [1])],
    )
    constant(graph, "zero", np.zeros(1, np.float32))
    constant(graph, "always", np.array(True))
    first(
        graph,
        helper.make_node("If", ["always"], ["extra"], then_branch=inner, else_branch=other),
        reads="extra",
    )


def filled(graph: onnx.GraphProto) -> None:
    constant(graph, "size", np.array([1 << 32]))
    first(graph, helper.make_node("ConstantOfShape", ["size"], ["extra"]), reads="extra")


def expanded(graph: onnx.GraphProto) -> None:
    constant(graph, "size", np.array([BIG, BIG]))
    constant(graph, "zero", np.zeros((1, 1), np.float32))
    first(graph, helper.make_node("Expand", ["zero", "size"], ["extra"]), reads="extra")


def counted(graph: onnx.GraphProto) -> None:
    for name, value in (("from", 0), ("to", 2**40), ("by", 1)):
        constant(graph, name, np.array(value))
    first(graph, helper.make_node("Range", ["from", "to", "by"], ["numbers"]))


def doubled(graph: onnx.GraphProto) -> None:
    """Join a value with itself forty times."""
    names = ["envelope", *(f"wide{turn}" for turn in range(40))]
    joins = [helper.make_node("Concat", [name, name], [wide], axis=1) for name, wide in pairwise(names)]
    first(graph, *joins, reads=names[-1])


def doubled_in_a_branch(graph: onnx.GraphProto) -> None:
    names = ["envelope", *(f"wide{turn}" for turn in range(40))]
    joins = [helper.make_node("Concat", [name, name], [wide], axis=1) for name, wide in pairwise(names)]
    joins.append(helper.make_node("ReduceMax", [names[-1]], ["inside"], keepdims=0))
    one = helper.make_tensor_value_info("inside", TensorProto.FLOAT, [])
    other = helper.make_tensor_value_info("aside", TensorProto.FLOAT, [])
    constant(graph, "zero", np.array(0.0, np.float32))
    most = helper.make_node("ReduceMax", ["likeness"], ["most"], keepdims=0)
    ask = helper.make_node("Greater", ["most", "zero"], ["ask"])
    then = helper.make_graph(joins, "then", [], [one])
    plain = helper.make_graph([helper.make_node("Identity", ["zero"], ["aside"])], "plain", [], [other])
    branch = helper.make_node("If", ["ask"], ["extra"], then_branch=then, else_branch=plain)
    first(graph, most, ask, branch, reads="extra")


def forked(graph: onnx.GraphProto) -> None:
    """Let a branch be larger than the other."""
    constant(graph, "one_zero", np.zeros(1, np.float32))
    constant(graph, "many_zeros", np.zeros(1000, np.float32))
    constant(graph, "none", np.array(0.0, np.float32))
    most = helper.make_node("ReduceMax", ["likeness"], ["most"], keepdims=0)
    ask = helper.make_node("Greater", ["most", "none"], ["ask"])
    then, other = (
        helper.make_graph(
            [helper.make_node("Identity", [name], [f"{name}_inside"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_inside", TensorProto.FLOAT, ["any"])],
        )
        for name in ("one_zero", "many_zeros")
    )
    branch = helper.make_node("If", ["ask"], ["extra"], then_branch=then, else_branch=other)
    first(graph, most, ask, branch, reads="extra")


def crossed(graph: onnx.GraphProto) -> None:
    """Add a column to a row, each as long as a file may be."""
    constant(graph, "column", np.zeros((BIG, 1), np.float32))
    constant(graph, "row", np.zeros((1, BIG), np.float32))
    first(graph, helper.make_node("Add", ["column", "row"], ["extra"]), reads="extra")


def multiplied(graph: onnx.GraphProto) -> None:
    """Square a matrix of 1000 rows forty times: each value is small."""
    constant(graph, "square0", np.zeros((1000, 1000), np.float32))
    products = [
        helper.make_node("MatMul", [f"square{turn}"] * 2, [f"square{turn + 1}"]) for turn in range(40)
    ]
    first(graph, *products, reads="square40")


def shaped_by_what_is_heard(graph: onnx.GraphProto) -> None:
    constant(graph, "three", np.array([3]))
    first(
        graph,
        helper.make_node("TopK", ["envelope", "three"], ["best", "where"], axis=1),
        helper.make_node("Slice", ["where", "first", "last"], ["some"]),
        helper.make_node("ReduceMax", ["some"], ["bound"], keepdims=0),
        helper.make_node("Unsqueeze", ["bound", "first"], ["end_of_it"]),
        helper.make_node("Slice", ["envelope", "first", "end_of_it", "first"], ["extra"]),
        reads="extra",
    )


def promised(graph: onnx.GraphProto) -> None:
    """Promise a constant of 4 TB, and hold four bytes of it."""
    tensor = TensorProto(name="promised", data_type=TensorProto.FLOAT, dims=[BIG, BIG], raw_data=b"\0" * 4)
    graph.initializer.append(tensor)


def promised_by_an_attribute(graph: onnx.GraphProto) -> None:
    tensor = TensorProto(name="promised", data_type=TensorProto.FLOAT, dims=[BIG, BIG], raw_data=b"\0" * 4)
    first(graph, helper.make_node("Constant", [], ["extra"], value=tensor), reads="extra")


def elsewhere(graph: onnx.GraphProto) -> None:
    tensor = TensorProto(name="elsewhere", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "/etc/passwd"), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    graph.initializer.append(tensor)


def foreign(graph: onnx.GraphProto) -> None:
    first(graph, helper.make_node("Gelu", ["envelope"], ["extra"], domain="com.microsoft"), reads="extra")


def many(graph: onnx.GraphProto) -> None:
    first(graph, *(helper.make_node("Identity", ["envelope"], [f"copy{turn}"]) for turn in range(5000)))


HOSTILE: list[tuple[Change, str]] = [
    (loop, "holds the operator 'Loop', which is not allowed"),
    (loop_in_a_branch, "holds the operator 'Loop', which is not allowed"),
    (filled, "holds the operator 'ConstantOfShape', which is not allowed"),
    (expanded, "holds the operator 'Expand', which is not allowed"),
    (counted, "holds the operator 'Range', which is not allowed"),
    (foreign, "holds the operator 'Gelu', which is not allowed"),
    (doubled, "makes values of more than 2097152 numbers from 64 frames"),
    (doubled_in_a_branch, "makes values of more than 2097152 numbers from 64 frames"),
    (forked, "has branches of different outputs"),
    (crossed, "makes values of more than 2097152 numbers from 64 frames"),
    (multiplied, "multiplies more than 4294967296 times for 64 frames"),
    (shaped_by_what_is_heard, "has values whose size cannot be known beforehand"),
    (promised, "has constants that are larger than the file"),
    (promised_by_an_attribute, "has constants that are larger than the file"),
    (elsewhere, "keeps constants in other files"),
    (many, "has more than 4000 operators"),
]


@pytest.mark.parametrize(("change", "sentence"), HOSTILE, ids=[change.__name__ for change, _ in HOSTILE])
def test_a_hostile_singer_is_refused_before_it_runs(tmp_path: Path, change: Change, sentence: str) -> None:
    path = changed(tmp_path / "bad.onnx", change)
    began = time.process_time()
    with pytest.raises(SingerFileError, match=f"{sentence}; download or train the singer again") as caught:
        load_singer(path)
    assert str(caught.value).startswith(f"{path} ")
    assert time.process_time() - began < 5.0  # they take minutes, or for ever


def test_a_graph_that_fails_only_where_a_voice_is_liked_is_refused(tmp_path: Path) -> None:
    def gather(graph: onnx.GraphProto) -> None:
        constant(graph, "few", np.zeros(3, np.float32))
        constant(graph, "seventy", np.array([70], np.int64))
        best = helper.make_node("ArgMax", ["likeness"], ["whole"], axis=0, keepdims=0)
        shifted = helper.make_node("Add", ["whole", "seventy"], ["beyond"])
        first(graph, best, shifted, helper.make_node("Gather", ["few", "beyond"], ["extra"]), reads="extra")

    path = changed(tmp_path / "bad.onnx", gather)
    with pytest.raises(SingerFileError, match=r"fails, or takes more than 10 s for 0\.64 s of singing"):
        load_singer(path)


def test_a_graph_that_fails_in_the_middle_of_a_song_is_no_number_there(tmp_path: Path) -> None:
    """It passes the trial, where all inputs are alike, and looks beyond a table where one band is loudest."""

    def gather(graph: onnx.GraphProto) -> None:
        constant(graph, "few", np.zeros(3, np.float32))
        best = helper.make_node("ArgMax", ["envelope"], ["band"], axis=1)
        first(graph, best, helper.make_node("Gather", ["few", "band"], ["extra"]), reads="extra")

    estimator = load_singer(changed(tmp_path / "bad.onnx", gather)).start()
    envelope = np.full((3, 72), -40.0, np.float32)
    facts = (np.full(3, 200.0), np.ones(3), np.full(3, -20.0), np.zeros(3), np.zeros(3))
    harmonic, noise = estimator.process(envelope, envelope, *facts)
    assert np.isfinite(harmonic).all()
    envelope[1, 50] = 0.0
    for part in estimator.process(envelope, envelope, *facts):
        assert np.isnan(part).all()
    estimator.reset()
    envelope[:] = -40.0
    again, _ = estimator.process(envelope, envelope, *facts)
    assert np.array_equal(again, harmonic)
    assert noise.shape == (3, 72)


@pytest.mark.parametrize("path", [SHIPPED, *shipped().values()], ids=lambda path: path.stem)
def test_what_ships_passes(path: Path) -> None:
    check_graph(memoryview(path.read_bytes()))


def test_a_network_of_other_dimensions_names_them_as_it_likes(tmp_path: Path) -> None:
    def renamed(graph: onnx.GraphProto) -> None:
        for end in (*graph.input, *graph.output):
            if end.type.tensor_type.shape.dim[0].dim_param:
                end.type.tensor_type.shape.dim[0].dim_param = "n"

    load_singer(changed(tmp_path / "renamed.onnx", renamed))


def test_a_hostile_melody_network_and_extractor_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"

    def turning(graph: onnx.GraphProto) -> None:
        graph.node.append(helper.make_node("Loop", [], ["never"]))

    changed(path, turning, SHIPPED)
    with pytest.raises(
        ModelFileError, match="holds the operator 'Loop', which is not allowed; install or train"
    ):
        load_network(path)
    with pytest.raises(ModelFileError, match="holds the operator 'Loop', which is not allowed; make or copy"):
        MelodyExtractor(path)


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_flip_never_pass_as_another_fault(tmp_path: Path, seed: int) -> None:
    """A damaged file is refused in a sentence or is a singer still."""
    rng = np.random.default_rng(seed)
    data = bytearray(write_singer(tmp_path / "made.onnx").read_bytes())
    for place in rng.integers(0, len(data), 20):
        data[place] = rng.integers(0, 256)
    path = tmp_path / "bent.onnx"
    path.write_bytes(data[: rng.integers(len(data) // 2, len(data) + 1)])
    try:
        load_singer(path)
    except SingerFileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - it need not be raised


def test_a_message_within_a_message_for_ever_is_refused() -> None:
    from models import protobuf

    branch = b""
    for _ in range(3000):
        attribute = protobuf.field(1, b"then_branch") + protobuf.field(6, branch)
        branch = protobuf.field(1, protobuf.field(4, b"If") + protobuf.field(5, attribute))
    with pytest.raises(GraphError, match="has branches within branches"):
        check_graph(memoryview(protobuf.field(7, branch)))


def test_many_small_fields_are_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(GraphError, match="not a readable ONNX model"):
        check_structure(memoryview(b"\x08\x01" * (16 << 20)), ["Add"])
    assert time.process_time() - began < 5.0


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SingerFileError, match="cannot be read: Is a directory; download or train"):
        Singer(tmp_path)
