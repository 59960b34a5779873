"""The graph written operator by operator equals the network, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.melody.manifest import METADATA_KEY, MelodyManifest
from models.melody.network import MelodyNetwork
from models.melody.publish import write_network
from models.melody.stepgraph import INPUTS
from models.melody.tracker import load_network

FRAMES = 20
FACTS = MelodyManifest(licence="CC0", attribution="nobody", training_data="none", parameters=0, steps=0)


@torch.no_grad()
def test_the_file_steps_as_the_network_runs(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = MelodyNetwork().eval()
    write_network(network, FACTS, tmp_path / "made.onnx")
    session = load_network(tmp_path / "made.onnx")
    power = torch.rand(1, FRAMES, 2, 401) ** 8
    power[:, 8:12] *= 1e-4  # the loudest is remembered
    power[:, 15] = 0.0
    heard = network(power)
    wanted = (
        torch.softmax(heard.salience, 2),
        torch.sigmoid(heard.voicing)[..., None],
        heard.energy[..., None],
        heard.feature,
    )
    state, past = (np.zeros((1, INPUTS[name]), np.float32) for name in ("state", "past"))
    for frame in range(FRAMES):
        row = power[0, frame].numpy().reshape(1, -1)
        *found, state, newest = session.run(None, {"power": row, "state": state, "past": past})
        past = np.concatenate([past[:, newest.size :], newest], axis=1)
        for part, whole in zip(found, wanted, strict=True):
            assert np.abs(part[0] - whole[0, frame].numpy()).max() < 1e-4


def test_the_file_tells_what_it_is(tmp_path: Path) -> None:
    write_network(MelodyNetwork(), FACTS, tmp_path / "made.onnx")
    text = load_network(tmp_path / "made.onnx").get_modelmeta().custom_metadata_map[METADATA_KEY]
    assert MelodyManifest.model_validate_json(text) == FACTS


def test_there_are_no_more_than_a_million_parameters() -> None:
    assert sum(part.numel() for part in MelodyNetwork().parameters()) <= 1_000_000
