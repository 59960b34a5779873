"""Refuse an ONNX graph that could run for ever or fill the memory, before any of it runs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import onnxruntime

from models import protobuf
from models.protobuf import fields, messages, parts

Shape = list[int]

MAX_NODES = 4000
"""Operators: a refiner of 1, 2, 4 and 8 steps has 2200."""
_MAX_SHAPE = 1024
"""Numbers of a constant that may be a shape or an axis, whose values count."""
MAX_DEPTH = 4
"""Branches within branches."""

# None repeats a part of the graph, or fills a value of any size out of nothing.
_OPERATORS = (
    "Abs Add And ArgMax ArgMin BatchNormalization Cast Ceil Clip Concat Constant Conv Cos Cosh Div Elu "
    "Equal Erf Exp Flatten Floor Gather GatherElements Gelu Gemm Greater GreaterOrEqual "
    "GroupNormalization GRU HardSigmoid HardSwish Identity If InstanceNormalization IsInf IsNaN "
    "LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LSTM MatMul Max Mean "
    "Min Mish Mod Mul Neg Not Or Pow PRelu Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
    "ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape RNN Round Selu "
    "Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tan Tanh "
    "TopK Transpose Unsqueeze Where Xor"
)
OPERATORS = frozenset(_OPERATORS.split())
"""What a singer's or a melody network's graph may be made of: what ours are, and their like."""

# Field numbers of ONNX's messages (onnx.proto).
_IR_VERSION, _GRAPH, _OPERATOR_SET, _TRAINING, _FUNCTIONS = 1, 7, 8, 20, 25
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _SPARSE_INITIALIZER = 1, 5, 11, 12, 15
_NODE_INPUT, _NODE_OUTPUT, _OP_TYPE, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_NAME, _TENSOR, _BRANCH, _TENSORS, _BRANCHES, _SPARSE, _SPARSES = 1, 5, 6, 10, 11, 22, 23
_DIMS, _DATA_TYPE, _TENSOR_NAME, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 8, 13, 14
_TENSOR_DATA = (4, 5, 6, 7, 9, 10, 11)
_VALUE_NAME = 1
_DIMENSION_NAME = (_INPUT, 2, 1, 2, 1, 2)  # of an input's type, tensor, shape, dimension


FRAMES = 64
"""For so many at once a graph is tried and its limits hold; later it gets at most three times as many."""


@dataclass(frozen=True)
class Limits:
    """What a graph may take; those of what runs live."""

    constants: int = 1 << 24
    """Numbers in all constants of a graph."""
    value: int = 1 << 21
    """Numbers in one value between two operators, `FRAMES` at once."""
    values: int = 1 << 26
    """Numbers in all of them."""
    products: int = 1 << 32
    """Multiplications for `FRAMES`: forty times what the singers that ship take, a second or two."""


LIVE = Limits()


class GraphError(ValueError):
    """A graph is refused; the message goes on after the file's name."""


@dataclass
class _Node:
    kind: str
    inputs: list[str]
    outputs: list[str]


@dataclass
class _Flat:
    """A graph whose branches are laid side by side, so that every value in them has a shape of its own."""

    written: list[bytes] = field(default_factory=list)
    nodes: list[_Node] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    """Of the constants, by name."""
    constants: int = 0
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Values of two branches, of which only one comes to be."""


def check_structure(model: memoryview, operators: Collection[str], *, external: bool = False) -> None:
    """Check what a graph is made of.

    Args:
        model: the file.
        operators: those that it may have.
        external: whether the data of constants may lie in files beside.

    Raises:
        GraphError: it is made of something else, or of too much.
    """
    _flattened(model, operators, external=external)


def check_graph(model: memoryview, operators: Collection[str] = OPERATORS, limits: Limits = LIVE) -> None:
    """Check that a graph takes little memory and time, for `FRAMES` where it takes any number.

    onnxruntime says of which shape every value will be, and runs nothing for it.

    Args:
        model: the file.
        operators: those that it may have.
        limits: what is little.

    Raises:
        GraphError: it takes much, or a shape cannot be known beforehand.
    """
    flat = _flattened(model, operators)
    graphs = list(parts(model, _GRAPH))
    flat.written += [
        protobuf.field(number, value)
        for graph in graphs
        for number, value in fields(graph)
        if number in (_INPUT, _OUTPUT)
    ]
    own = {_text(name) for graph in graphs for name in parts(graph, _OUTPUT, _VALUE_NAME)}
    made = [name for node in flat.nodes for name in node.outputs if name not in own]
    flat.written += [
        protobuf.field(_OUTPUT, protobuf.field(_VALUE_NAME, name.encode())) for name in dict.fromkeys(made)
    ]
    rest = [
        protobuf.field(number, value)
        for number, value in fields(model)
        if number in (_IR_VERSION, _OPERATOR_SET)
    ]
    whole = b"".join([*rest, protobuf.field(_GRAPH, b"".join(flat.written))])
    symbols = {_text(name) for graph in graphs for name in parts(graph, *_DIMENSION_NAME)}
    _check_sizes(flat, flat.shapes | _shapes(whole, symbols), limits)


def _flattened(model: memoryview, operators: Collection[str], *, external: bool = False) -> _Flat:
    flat = _Flat()
    try:
        found = list(fields(model))
        for graph in parts(model, _GRAPH):
            _Flattener(flat, frozenset(operators), external).add(graph, 0)
    except GraphError:
        raise
    except ValueError as error:
        raise GraphError("is not a readable ONNX model") from error
    if any(number in (_TRAINING, _FUNCTIONS) for number, _ in found):
        raise GraphError("defines operators of its own")
    return flat


class _Flattener:
    """Lay a graph and its branches side by side, checking what they are made of."""

    def __init__(self, flat: _Flat, operators: frozenset[str], external: bool) -> None:
        self._flat, self._operators, self._external = flat, operators, external

    def add(self, graph: memoryview, depth: int) -> list[str]:
        """Take a graph and return the names of its outputs."""
        if depth > MAX_DEPTH:
            raise GraphError("has branches within branches")
        outputs = []
        for number, value in fields(graph):
            if not isinstance(value, memoryview):
                continue
            if number == _NODE:
                self._node(value, depth)
            elif number == _INITIALIZER:
                self._flat.written.append(self._stand_in(value, self._constant(value)))
            elif number == _SPARSE_INITIALIZER:
                raise GraphError("has sparse constants")
            elif number == _OUTPUT:
                outputs += [_text(name) for name in parts(value, _VALUE_NAME)]
        return outputs

    def _node(self, node: memoryview, depth: int) -> None:
        found = messages(node)
        kinds = [_text(kind) for kind in found.get(_OP_TYPE, [])]
        domains = {_text(domain) for domain in found.get(_DOMAIN, [])} - {"", "ai.onnx"}
        for kind in kinds:
            if kind not in self._operators or domains:
                raise GraphError(f"holds the operator {kind[:40]!r}, which is not allowed")
        if len(kinds) != 1 or len(self._flat.nodes) >= MAX_NODES:
            raise GraphError(f"has more than {MAX_NODES} operators")
        inputs, outputs = (
            [_text(name) for name in found.get(end, [])] for end in (_NODE_INPUT, _NODE_OUTPUT)
        )
        branches = [self._attribute(one, kinds[0], depth) for one in found.get(_ATTRIBUTE, [])]
        if kinds[0] != "If":
            self._flat.nodes.append(_Node(kinds[0], inputs, [name for name in outputs if name]))
            self._flat.written.append(protobuf.field(_NODE, node))
            return
        first, *others = [names for names in branches if names is not None]
        for names in (first, *others):
            if len(names) != len(outputs):
                raise GraphError("has branches of different outputs")
            self._flat.pairs += zip(first, names, strict=True)
        for name, output in zip(first, outputs, strict=True):
            parts_of = ((_NODE_INPUT, name), (_NODE_OUTPUT, output), (_OP_TYPE, "Identity"))
            written = b"".join(protobuf.field(number, text.encode()) for number, text in parts_of)
            self._flat.nodes.append(_Node("Identity", [name], [output]))
            self._flat.written.append(protobuf.field(_NODE, written))

    def _attribute(self, attribute: memoryview, kind: str, depth: int) -> list[str] | None:
        """Check an attribute; return the names of the outputs of a branch."""
        branch = []
        for number, value in fields(attribute):
            if not isinstance(value, memoryview):
                continue
            if number in (_BRANCHES, _SPARSE, _SPARSES) or (number == _BRANCH and kind != "If"):
                raise GraphError(f"holds the operator {kind!r} with a graph in it, which is not allowed")
            if number in (_TENSOR, _TENSORS):
                self._constant(value)
            elif number == _BRANCH:
                branch.append(value)
        return self.add(memoryview(b"".join(branch)), depth + 1) if branch else None

    def _stand_in(self, tensor: memoryview, shape: Shape) -> bytes:
        """Return what tells a constant's shape: itself, or an input where it is too large to be a shape."""
        if math.prod(shape) <= _MAX_SHAPE:
            return protobuf.field(_INITIALIZER, tensor)
        dimensions = b"".join(protobuf.field(1, protobuf.field(1, size)) for size in shape)
        (kind,) = [value for number, value in fields(tensor) if number == _DATA_TYPE][-1:]
        (name,) = list(parts(tensor, _TENSOR_NAME))[-1:]
        typed = protobuf.field(1, protobuf.field(1, kind) + protobuf.field(2, dimensions))
        return protobuf.field(_INPUT, protobuf.field(_VALUE_NAME, name) + protobuf.field(2, typed))

    def _constant(self, tensor: memoryview) -> Shape:
        """Check a constant and return its shape."""
        shape: Shape = []
        size = 0
        name, external = "", False
        for number, value in fields(tensor):
            if number == _DIMS:
                shape += protobuf.numbers(value)
            elif number == _TENSOR_NAME and isinstance(value, memoryview):
                name = _text(value)
            elif number in _TENSOR_DATA:
                size += len(value) if isinstance(value, memoryview) else 8
            elif number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value):
                external = True
        if external and not self._external:
            raise GraphError("keeps constants in other files")
        count = math.prod(shape)
        if not external and count > size:
            raise GraphError("has constants that are larger than the file")
        self._flat.constants += count
        self._flat.shapes[name] = shape
        return shape


def _shapes(model: bytes, symbols: Iterable[str]) -> dict[str, Shape]:
    """Return the shapes of inputs and outputs.

    Raises:
        GraphError: one cannot be known beforehand.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    for symbol in symbols:
        options.add_free_dimension_override_by_name(symbol, FRAMES)
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen unrelated types
        raise GraphError("is not a readable ONNX model") from error
    found: dict[str, list[object]] = {
        end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())
    }
    sizes = {
        name: [size for size in shape if isinstance(size, int) and size >= 0] for name, shape in found.items()
    }
    if any(len(sizes[name]) < len(shape) for name, shape in found.items()):
        raise GraphError("has values whose size cannot be known beforehand")
    return sizes


def _check_sizes(flat: _Flat, shapes: dict[str, Shape], limits: Limits) -> None:
    if flat.constants > limits.constants:
        raise GraphError(f"has constants of more than {limits.constants} numbers")
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    made = [sizes[name] for node in flat.nodes for name in node.outputs]
    taken = [size for name, size in sizes.items() if name not in flat.shapes]
    if max(taken, default=0) > limits.value or sum(made) > limits.values:
        raise GraphError(f"makes values of more than {limits.value} numbers from {FRAMES} frames")
    if any(shapes[one] != shapes[other] for one, other in flat.pairs):
        raise GraphError("has branches of different outputs")
    if sum(_products(flat.nodes, shapes)) > limits.products:
        raise GraphError(f"multiplies more than {limits.products} times for {FRAMES} frames")


def _products(nodes: Iterable[_Node], shapes: dict[str, Shape]) -> Iterator[int]:
    """Yield, of each operator that multiplies by a matrix, how often it multiplies, or a little more."""
    for node in nodes:
        inputs = [shapes.get(name, []) for name in node.inputs]
        out = sum(math.prod(shapes[name]) for name in node.outputs)
        match node.kind:
            case "MatMul" | "Gemm":
                yield out * max(inputs[0][-2:], default=1)
            case "Conv":
                yield out * math.prod(inputs[1][1:])
            case "ConvTranspose":
                yield math.prod(inputs[0]) * math.prod(inputs[1][1:])
            case "GRU" | "LSTM" | "RNN":
                yield inputs[0][0] * inputs[0][1] * (math.prod(inputs[1]) + math.prod(inputs[2]))
            case _:
                yield out


def _text(value: memoryview) -> str:
    return bytes(value).decode()
