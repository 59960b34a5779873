"""Run an ONNX graph again and again on the same arrays, in one thread."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dsp.errors import BridgeError

Float32 = NDArray[np.float32]


def open_graph(path: Path, refusal: BridgeError) -> onnxruntime.InferenceSession:
    """Load a graph.

    Args:
        path: an ONNX file.
        refusal: raised when it is not a readable one.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen unrelated types
        raise refusal from error


class GraphStep:
    """One running copy of a graph whose inputs and outputs are float32.

    Args:
        session: from `open_graph`; it may be shared.
        frames: the length of each dimension that the graph leaves open.
        shared: arrays by name, such as a state, to be used instead of new ones.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        frames: int = 1,
        shared: Mapping[str, Float32] | None = None,
    ) -> None:
        self.arrays: dict[str, Float32] = dict(shared or {})
        """By name, the inputs to fill and the outputs to read; new ones are zero at first."""
        # Bound to the session once, they spare each step a tenth of its time.
        binding = session.io_binding()
        for ends, bind in (
            (session.get_inputs(), binding.bind_ortvalue_input),
            (session.get_outputs(), binding.bind_ortvalue_output),
        ):
            for end in ends:
                shape = [size if isinstance(size, int) else frames for size in end.shape]
                array = self.arrays.setdefault(end.name, np.zeros(shape, np.float32))
                bind(end.name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        self.run = partial(session.run_with_iobinding, binding)
        """Compute the outputs from the inputs."""
