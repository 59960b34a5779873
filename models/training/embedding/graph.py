"""A trained TUNe of frames as an ONNX graph, from the frames of a crop to its vector."""

from __future__ import annotations

import numpy as np
import onnx

from models.embedding.frames import CROP, MELS
from models.training.onnxgraph import Graph
from models.training.tune.graph import grow
from models.training.tune.network import TuneNetwork


def graph_of(trained: TuneNetwork) -> onnx.GraphProto:
    """Return the graph, from "frames", (243, 80), to "vector", (1, size); tests hold it to the network."""
    graph = Graph("embedding")
    channels = graph.add("Transpose", "frames", perm=[1, 0])
    audio = graph.add("Unsqueeze", channels, graph.constant([0], np.int64))
    grow(graph, trained, (audio, CROP), "vector")
    return graph.proto({"frames": (CROP, MELS)}, {"vector": (1, trained.architecture.size)})
