"""The graph written operator by operator equals the network, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.melody import grid
from models.melody.manifest import METADATA_KEY, MelodyManifest
from models.melody.runtime import MAX_FRAMES, RunningNetwork
from models.melody.tracker import load_network, shipped_network
from models.training.melody.network import MelodyNetwork
from models.training.melody.publish import write_network

Float32 = NDArray[np.float32]

FRAMES = 20
FACTS = MelodyManifest(licence="CC0", attribution="nobody", training_data="none", parameters=0, steps=0)


@torch.no_grad()
def test_the_file_steps_as_the_network_runs(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = MelodyNetwork().eval()
    write_network(network, FACTS, tmp_path / "made.onnx")
    running = RunningNetwork(load_network(tmp_path / "made.onnx"))
    power = torch.rand(1, FRAMES, 2, 401) ** 8
    power[:, 8:12] *= 1e-4  # the loudest is remembered
    power[:, 15] = 0.0
    heard = network(power)
    saliences = heard.salience[0].numpy()[:, grid.salience_order]
    for frame in range(FRAMES):
        (voice,) = running.process(power[0, [frame]].numpy())
        for found, wanted in (
            (voice.salience, saliences[frame]),
            (running.feature, heard.feature[0, frame].numpy()),
            (voice.voicing, float(torch.sigmoid(heard.voicing[0, frame]))),
            (voice.share, float(heard.share[0, frame])),
        ):
            assert np.abs(found - wanted).max() < 1e-4


def judged(running: RunningNetwork, power: Float32, size: int) -> list[tuple[float | list[float], ...]]:
    parts = [power[start : start + size] for start in range(0, len(power), size)]
    return [(*voice[:3], voice.salience.tolist()) for part in parts for voice in running.process(part)]


def test_the_bits_of_a_frame_do_not_depend_on_how_many_come() -> None:
    power = np.random.default_rng(3).random((3 * MAX_FRAMES, 2, 401), np.float32) ** 8
    running = RunningNetwork(shipped_network())
    wanted = judged(running, power, 1)
    feature = running.feature.copy()
    for size in range(2, MAX_FRAMES + 1):
        running.reset()
        assert judged(running, power, size) == wanted
        assert np.array_equal(running.feature, feature)


def test_the_file_tells_what_it_is(tmp_path: Path) -> None:
    write_network(MelodyNetwork(), FACTS, tmp_path / "made.onnx")
    text = load_network(tmp_path / "made.onnx").get_modelmeta().custom_metadata_map[METADATA_KEY]
    assert MelodyManifest.model_validate_json(text) == FACTS


def test_there_are_no_more_than_a_million_parameters() -> None:
    assert sum(part.numel() for part in MelodyNetwork().parameters()) <= 1_000_000
