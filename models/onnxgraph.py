"""An ONNX graph that grows operator by operator: each one costs time, so none is left to an exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
"""The first with GELU as one operator."""
_IR_VERSION = 9  # of opset 20; what onnx would write by itself is too new for older run times

Weights = dict[str, NDArray[np.float64]]


class Graph:
    """A graph that grows."""

    def __init__(self, name: str, outer: Graph | None = None) -> None:
        self.name = name
        self._outer = outer
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, NDArray[np.generic]] = {}

    def constant(self, values: ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Add a constant to the outermost graph and return its name."""
        if self._outer is not None:
            return self._outer.constant(values, kind)
        name = f"constant{len(self._constants)}"
        self._constants[name] = np.array(values, kind, order="C")
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:  # noqa: ANN401 - as ONNX has them
        """Add an operator of one output and return the output's name."""
        name = out or f"{self.name}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def split(self, x: str, widths: list[int]) -> list[str]:
        """Cut a row into pieces."""
        names = [f"{self.name}{len(self._nodes)}_{part}" for part in range(len(widths))]
        self._nodes.append(helper.make_node("Split", [x, self.constant(widths, np.int64)], names, axis=1))
        return names

    def largest(self, x: str, count: int) -> list[str]:
        """Return the largest entries of a row, and where they are."""
        names = [f"{self.name}{len(self._nodes)}_{part}" for part in range(2)]
        self._nodes.append(helper.make_node("TopK", [x, self.constant([count], np.int64)], names, axis=1))
        return names

    def join(self, *rows: str, out: str = "") -> str:
        """Put rows side by side."""
        return self.add("Concat", *rows, out=out, axis=1)

    def linear(self, x: str, weight: NDArray[np.float64], bias: NDArray[np.float64], out: str = "") -> str:
        """Multiply a row by a matrix, (outputs, inputs), and add a row."""
        return self.add("Gemm", x, self.constant(weight.T), self.constant(bias), out=out)

    def gelu(self, x: str) -> str:
        """Add the activation."""
        return self.add("Gelu", x, approximate="tanh")

    def proto(self, inputs: dict[str, int], outputs: dict[str, int]) -> onnx.GraphProto:
        """Return the graph with inputs and outputs of float32 rows, name -> width."""
        first, last = (
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])
                for name, width in part.items()
            ]
            for part in (inputs, outputs)
        )
        weights = [numpy_helper.from_array(array, name) for name, array in self._constants.items()]
        return helper.make_graph(self._nodes, self.name, first, last, weights)

    def gru(self, x: str, hidden: str, weights: Weights, name: str) -> str:
        """Add a GRU's frame, which runs faster in single products than as the operator of that name.

        Args:
            x: its input.
            hidden: its state.
            weights: of the network.
            name: of torch's layer.

        Returns:
            Its next state, which is its output.
        """
        weight_new, weight_old = weights[f"{name}.weight_ih_l0"], weights[f"{name}.weight_hh_l0"]
        units = weight_old.shape[1]
        new = self.linear(x, weight_new, weights[f"{name}.bias_ih_l0"])
        old = self.linear(hidden, weight_old, weights[f"{name}.bias_hh_l0"])
        (gates_new, new), (gates_old, old) = (self.split(part, [2 * units, units]) for part in (new, old))
        gates = self.add("Sigmoid", self.add("Add", gates_new, gates_old))
        reset, keep = self.split(gates, [units, units])
        candidate = self.add("Tanh", self.add("Add", new, self.add("Mul", reset, old)))
        return self.add("Add", candidate, self.add("Mul", keep, self.add("Sub", hidden, candidate)))


def write_model(graph: onnx.GraphProto, metadata: dict[str, str], path: Path) -> None:
    """Check a graph and write it as a file; nothing is left behind when it fails.

    Args:
        graph: all of it.
        metadata: what the file says of itself.
        path: the file to write.
    """
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    partial = path.with_suffix(".part")
    partial.write_bytes(model.SerializeToString())
    partial.replace(path)
