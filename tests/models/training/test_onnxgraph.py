"""Graphs share what is the same."""

from __future__ import annotations

import numpy as np

from models.training.onnxgraph import Graph


def test_equal_constants_are_one_and_others_are_not() -> None:
    graph = Graph("made")
    weights = np.arange(6.0).reshape(2, 3)
    one, again = graph.constant(weights), graph.constant(weights.copy())
    others = [graph.constant(weights.T), graph.constant(weights.ravel()), graph.constant(weights, np.int64)]
    others += [graph.constant(weights + 1.0), graph.constant([0.0]), graph.constant([-0.0])]
    assert one == again
    assert len({one, *others}) == 7
    assert len(graph.proto({}, {}).initializer) == 7
