"""Run a stateful ONNX graph again and again on the same arrays, in one thread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.graphcheck import GraphError

Float32 = NDArray[np.float32]
State = dict[str, Float32]
"""The parts of a state, by input name."""


def opened(model: bytes, *, rewritten: bool = True) -> onnxruntime.InferenceSession:
    """Return a loaded graph.

    Args:
        model: an ONNX file that `models.graphcheck` lets pass.
        rewritten: whether onnxruntime looks for operators that can be joined. It makes convolutions faster.

    Raises:
        GraphError: it is not a readable one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    if not rewritten:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen unrelated types
        raise GraphError("is not a readable ONNX model") from error


class RunningGraph:
    """One running copy of a graph that makes a row of each frame and carries a state from frame to frame.

    Each part of the state is an input and, with `next_` before its name, an output of one shape; all other
    ends have a row per frame.

    Args:
        session: from `models.filekind.FileKind.load`; it may be shared.
        most: frames at once.
    """

    def __init__(self, session: onnxruntime.InferenceSession, most: int) -> None:
        self._session = session
        shapes = {end.name: end.shape for end in (*session.get_inputs(), *session.get_outputs())}
        state = {name: shape for name, shape in shapes.items() if f"next_{name}" in shapes}
        self._states = [
            {name: np.zeros(shape, np.float32) for name, shape in state.items()} for _ in range(2)
        ]
        self.arrays: dict[str, Float32] = {
            name: np.zeros((most, shape[-1]), np.float32)
            for name, shape in shapes.items()
            if name.removeprefix("next_") not in state
        }
        """By name, the inputs to fill and the outputs to read, the first rows, shape (most, width)."""
        self._inputs, self._made = (
            [end.name for end in ends] for ends in (session.get_inputs(), session.get_outputs())
        )
        # The state is never copied: two sets of bound steps alternate, and each reads what the other wrote.
        held = [{name: _bindable(part) for name, part in parts.items()} for parts in self._states]
        self._steps, self._others = (
            _Steps(now | {f"next_{name}": part for name, part in after.items()}, {})
            for now, after in (held, held[::-1])
        )

    def run(self, frames: int) -> None:
        """Compute the outputs of the next frames, 1 to `most`, from their inputs.

        Where the graph fails, they are not a number.
        """
        self._steps, self._others = self._others, self._steps
        step = self._steps.bound.get(frames) or self._bind(frames)
        try:
            self._session.run_with_iobinding(step)
        except Exception:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types, and the sound must go on
            for name in self._made:
                if name in self.arrays:
                    self.arrays[name][:frames] = np.nan

    def reset(self) -> None:
        """Forget all frames."""
        for state in self._states:
            for part in state.values():
                part[:] = 0.0

    def _bind(self, frames: int) -> onnxruntime.IOBinding:
        """Bind the arrays for so many frames, at first use and once: it takes 80 us."""
        places = {name: _bindable(array[:frames]) for name, array in self.arrays.items()} | self._steps.states
        binding = self._session.io_binding()
        for name in self._inputs:
            binding.bind_ortvalue_input(name, places[name])
        for name in self._made:
            binding.bind_ortvalue_output(name, places[name])
        self._steps.bound[frames] = binding
        return binding


class _Steps(NamedTuple):
    """Steps that read one set of states and write the other."""

    states: dict[str, onnxruntime.OrtValue]
    """By the names of inputs and outputs."""
    bound: dict[int, onnxruntime.IOBinding]
    """By how many frames they take, those that came so far."""


def _bindable(array: Float32) -> onnxruntime.OrtValue:
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)
