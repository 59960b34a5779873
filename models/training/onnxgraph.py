"""Build an ONNX graph operator by operator: each one costs time, so none is left to an exporter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from models.wholefile import whole

OPSET = 20
"""The first with GELU as one operator."""
FRAMES = "frames"
"""Name of the dimension that is as long as a graph is given frames."""
_IR_VERSION = 9  # of opset 20; what onnx would write by itself is too new for older run times

Weights = dict[str, NDArray[np.float64]]
Shapes = Mapping[str, tuple[int | str, ...]]
"""Of inputs or outputs, by name; `FRAMES` stands where there is a row for each frame."""


class Graph:
    """A graph that grows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, NDArray[np.generic]] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        """Of the constants, by what they are: steps of one network share its weights."""

    def constant(self, values: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Add a constant and return its name.

        What multiplies rows in a branch must be a constant of the branch: of others onnxruntime does not
        arrange the weights beforehand, and multiplies a single row in another order.
        """
        array = np.array(values, kind, order="C")
        fresh = f"{self.name}_constant{len(self._constants)}"
        name = self._names.setdefault((array.dtype.str, array.shape, array.tobytes()), fresh)
        self._constants[name] = array
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
        """Add an operator of one output and return the output's name."""
        name = out or f"{self.name}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def add_many(self, kind: str, inputs: list[str], outs: list[str], **attributes: Any) -> None:  # noqa: ANN401 - as above
        """Add an operator of several outputs."""
        self._nodes.append(helper.make_node(kind, inputs, outs, **attributes))

    def split(self, x: str, widths: list[int]) -> list[str]:
        """Cut rows into pieces."""
        names = [f"{self.name}{len(self._nodes)}_{part}" for part in range(len(widths))]
        self.add_many("Split", [x, self.constant(widths, np.int64)], names, axis=1)
        return names

    def largest(self, x: str, count: int) -> list[str]:
        """Return the largest entries of each row, and where they are."""
        names = [f"{self.name}{len(self._nodes)}_{part}" for part in range(2)]
        self.add_many("TopK", [x, self.constant([count], np.int64)], names, axis=1)
        return names

    def join(self, *rows: str, out: str = "") -> str:
        """Put rows side by side."""
        return self.add("Concat", *rows, out=out, axis=1)

    def rows(self, x: str, start: int, stop: int, out: str = "") -> str:
        """Take rows out, as Python's slices do."""
        ends = [self.constant([at], np.int64) for at in (start, stop, 0)]
        return self.add("Slice", x, *ends, out=out)

    def linear(self, x: str, weight: NDArray[np.float64], bias: NDArray[np.float64], out: str = "") -> str:
        """Multiply rows by a matrix, (outputs, inputs), and add a row."""
        return self.add("Gemm", x, self.constant(weight.T), self.constant(bias), out=out)

    def matrix(self, x: str, weight: NDArray[np.float64]) -> str:
        """Multiply rows by a matrix, (outputs, inputs)."""
        return self.add("Gemm", x, self.constant(weight.T))

    def gelu(self, x: str) -> str:
        """Add the activation."""
        return self.add("Gelu", x, approximate="tanh")

    def gru(self, x: str, hidden: str, weights: Weights, name: str, out: str = "") -> tuple[str, str]:
        """Add a GRU.

        Args:
            x: its input, a row per frame.
            hidden: its state, shape (1, 1, units).
            weights: of the network.
            name: of torch's layer.
            out: name of its next state.

        Returns:
            Its output, a row per frame, and its next state, shape (1, 1, units).
        """
        into, back, bias_into, bias_back = (
            _update_first(weights[f"{name}.{part}_l0"])
            for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        parts = [part[None] for part in (into, back, np.concatenate([bias_into, bias_back]))]
        start = [
            self.add("Unsqueeze", x, self.constant([1], np.int64)),
            *map(self.constant, parts),
            "",
            hidden,
        ]
        names = [f"{self.name}{len(self._nodes)}_{part}" for part in range(2)]
        names[1] = out or names[1]
        # The reset gate acts behind the matrix, as torch has it.
        attributes = {"hidden_size": back.shape[1], "linear_before_reset": 1}
        self.add_many("GRU", start, names, **attributes)
        return self.add("Flatten", names[0], axis=1), names[1]

    def proto(self, inputs: Shapes, outputs: Shapes) -> onnx.GraphProto:
        """Return the graph with inputs and outputs of float32, of each its name and shape."""
        first, last = (
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in part.items()]
            for part in (inputs, outputs)
        )
        weights = [numpy_helper.from_array(array, name) for name, array in self._constants.items()]
        return helper.make_graph(self._nodes, self.name, first, last, weights)


def _update_first(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn torch's order of a GRU's gates (reset, update, new) into that of ONNX (update, reset, new)."""
    reset, update, new = np.split(rows, 3)
    return np.concatenate([update, reset, new])


def model_of(graph: onnx.GraphProto, metadata: dict[str, str]) -> onnx.ModelProto:
    """Return a graph as a model; what it says of itself is the metadata."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, metadata)
    return model


def write_model(graph: onnx.GraphProto, metadata: dict[str, str], path: Path) -> None:
    """Check a graph and write it as a file; nothing is left behind when it fails.

    Args:
        graph: all of it.
        metadata: what the file says of itself.
        path: the file to write.
    """
    model = model_of(graph, metadata)
    onnx.checker.check_model(model)
    with whole(path) as partial:
        partial.write_bytes(model.SerializeToString())
