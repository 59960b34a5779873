"""A trained melody network as one ONNX graph, which writes four bars in a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from models.guide import inputs as grid
from models.guide.lyrics import VOWELS
from models.guide.steps import PER_BAR, PER_BEAT
from models.training.guide import network
from models.training.guide.network import GuideNetwork
from models.training.onnxgraph import Graph, Shapes, Weights

PAST = max(network.BACK)
INPUTS: Shapes = {
    "inputs": (grid.WINDOW, grid.INPUTS),
    "chance": (grid.WINDOW, grid.TOKENS),
    "drawn": (1, network.LATENT),
    "past": (1, PAST),
}
OUTPUTS: Shapes = {
    "tokens": (1, grid.WINDOW),
    "vowels": (grid.WINDOW, len(VOWELS)),
    "levels": (grid.WINDOW, 1),
}


def graph_of(trained: GuideNetwork) -> onnx.GraphProto:
    """Return the graph, which maps `INPUTS` to `OUTPUTS`; tests hold it to the network.

    Each step takes the token with the highest sum of its logit and what "chance" holds for it: a draw where
    that is from a Gumbel distribution, and rules where it is far below 0. "drawn" is standard normal for a z
    from the prior, or 0 for its mean. "past" and "tokens" hold tokens as numbers.
    """
    weights = {name: part.double().cpu().numpy() for name, part in trained.state_dict().items()}
    graph = Graph("guide")
    encoded = _encoded(graph, weights)
    mean, spread = graph.split(
        _linear(graph, weights, "prior", graph.add("ReduceMean", encoded, _axis(graph, 0), keepdims=1)),
        [network.LATENT] * 2,
    )
    limits = [graph.constant(limit) for limit in (-6.0, 3.0)]
    deviation = graph.add("Exp", graph.add("Mul", graph.add("Clip", spread, *limits), graph.constant(0.5)))
    z = graph.add("Add", mean, graph.add("Mul", deviation, "drawn"))
    state = graph.add("Tanh", _linear(graph, weights, "hidden", z))
    return _decoded(graph, weights, encoded, z, state).proto(INPUTS, OUTPUTS)


def _axis(graph: Graph, axis: int) -> str:
    return graph.constant([axis], np.int64)


def _linear(graph: Graph, weights: Weights, name: str, x: str) -> str:
    return graph.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _encoded(graph: Graph, weights: Weights) -> str:
    x = graph.add("Tanh", _linear(graph, weights, "enter", "inputs"))
    nothing = graph.constant(np.zeros((1, 1, network.ENCODED)))
    backwards = graph.constant(np.arange(grid.WINDOW)[::-1], np.int64)
    ahead, _ = graph.gru(x, nothing, weights, "forward_gru")
    turned, _ = graph.gru(graph.add("Gather", x, backwards, axis=0), nothing, weights, "backward_gru")
    return graph.join(ahead, graph.add("Gather", turned, backwards, axis=0))


def _decoded(graph: Graph, weights: Weights, encoded: str, z: str, state: str) -> Graph:
    """Add the decoder, step after step; what does not depend on the melody is multiplied once for all."""
    units = network.DECODED
    into, back = weights["decoder.weight_ih_l0"], weights["decoder.weight_hh_l0"]
    of_tokens = network.EMBEDDED * (1 + len(network.BACK))
    of_backing = of_tokens + 2 * network.ENCODED
    fixed = graph.linear(encoded, into[:, of_tokens:of_backing], weights["decoder.bias_ih_l0"])
    fixed = graph.add("Add", fixed, graph.matrix(z, into[:, of_backing:]))
    out = weights["out.weight"]
    likely = graph.linear(encoded, out[:, units:], weights["out.bias"])
    likely = graph.add("Add", likely, graph.add("Add", "chance", _fits(graph, weights)))
    # Of each token, what it adds to the gates where it was sung so many steps before.
    tables = [
        graph.constant(weights["token.weight"] @ into[:, at : at + network.EMBEDDED].T)
        for at in range(0, of_tokens, network.EMBEDDED)
    ]
    past = graph.add("Cast", "past", to=onnx.TensorProto.INT64)
    line = [graph.add("Gather", past, graph.constant([place], np.int64), axis=1) for place in range(PAST)]
    states = []
    for step in range(grid.WINDOW):
        gates = graph.rows(fixed, step, step + 1)
        for table, before in zip(tables, (1, *network.BACK), strict=True):
            token = graph.add("Squeeze", line[PAST + step - before], _axis(graph, 0))
            gates = graph.add("Add", gates, graph.add("Gather", table, token, axis=0))
        state = _gru_step(graph, weights, gates, back, state)
        states.append(state)
        sums = graph.add("Add", graph.rows(likely, step, step + 1), graph.matrix(state, out[:, :units]))
        line.append(graph.add("ArgMax", sums, axis=1, keepdims=1))
    graph.add("Cast", graph.join(*line[PAST:]), out="tokens", to=onnx.TensorProto.FLOAT)
    sung = graph.add("Concat", *states, axis=0)
    graph.linear(sung, weights["vowel.weight"], weights["vowel.bias"], out="vowels")
    graph.add("Sigmoid", _linear(graph, weights, "level", sung), out="levels")
    return graph


def _gru_step(graph: Graph, weights: Weights, gates: str, back: Any, state: str) -> str:  # noqa: ANN401 - a matrix
    """Add one step of torch's GRU: reset, update, new."""
    units = [network.DECODED] * 3
    reset, update, new = graph.split(gates, units)
    recurrent = graph.split(graph.linear(state, back, weights["decoder.bias_hh_l0"]), units)
    reset = graph.add("Sigmoid", graph.add("Add", reset, recurrent[0]))
    update = graph.add("Sigmoid", graph.add("Add", update, recurrent[1]))
    new = graph.add("Tanh", graph.add("Add", new, graph.add("Mul", reset, recurrent[2])))
    return graph.add("Add", new, graph.add("Mul", update, graph.add("Sub", state, new)))


def _fits(graph: Graph, weights: Weights) -> str:
    """Add `GuideNetwork.fits`, as two products: at any step, and once more on beats."""
    pitches = np.arange(grid.LOWEST, grid.HIGHEST + 1) % 12
    found = []
    for column in range(2):
        matrix = np.zeros((grid.TOKENS, grid.INPUTS))
        for number, weight in enumerate(weights["fit"][:, column]):
            matrix[grid.FIRST + np.arange(pitches.size), 12 * number + pitches] = weight
        found.append(graph.matrix("inputs", matrix))
    beats = np.zeros((1, grid.INPUTS))
    beats[0, grid.PITCHED + grid.RHYTHM : grid.BAR_PLACES : PER_BEAT] = 1.0
    return graph.add("Add", found[0], graph.add("Mul", found[1], graph.matrix("inputs", beats)))


assert PAST == 2 * PER_BAR
