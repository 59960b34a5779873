"""A file that is no melody network is refused; what one writes keeps to range, rests and windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelFileError
from models.guide.guide import GuideSettings, compose_for
from models.guide.listening import Heard
from models.guide.manifest import METADATA_KEY, GuideManifest
from models.guide.melodynetwork import MelodyNetwork
from tests.support.extras import needs

needs("onnx")
needs("torch")

import onnx  # noqa: E402 - behind the check
import torch  # noqa: E402 - behind the check

from models.training.guide.graph import graph_of  # noqa: E402 - needs torch
from models.training.guide.network import LATENT, GuideNetwork  # noqa: E402 - needs torch
from models.training.onnxgraph import write_model  # noqa: E402 - needs torch

MANIFEST = GuideManifest(licence="CC0", attribution="", training_data="", latent=LATENT, steps=0)


def written(path: Path, **changes: object) -> Path:
    """Write a network with random weights."""
    torch.manual_seed(5)
    manifest = MANIFEST.model_copy(update=changes)
    write_model(graph_of(GuideNetwork()), {METADATA_KEY: manifest.model_dump_json()}, path)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> MelodyNetwork:
    return MelodyNetwork(written(tmp_path_factory.mktemp("guide") / "guide.onnx"))


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    """Write a network, changed by hand."""
    model = onnx.load(written(path))
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda model: model.metadata_props.pop(),
            "is an ONNX model but no guide melody network; use one made by",
        ),
        (
            lambda model: setattr(model.graph.node[0], "op_type", "Loop"),
            "holds the operator 'Loop', which is not allowed; install or copy it again",
        ),
        (lambda model: model.graph.output.pop(), "does not have a guide melody network's inputs and outputs"),
    ],
)
def test_a_hostile_file_is_refused_in_a_sentence(
    tmp_path: Path, change: Callable[[onnx.ModelProto], object], sentence: str
) -> None:
    with pytest.raises(ModelFileError, match=sentence):
        MelodyNetwork(changed(tmp_path / "guide.onnx", change))


def test_a_file_of_another_version_or_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFileError, match="guide melody network format 99 and this version reads up to 1; update"
    ):
        MelodyNetwork(written(tmp_path / "new.onnx", format=99))
    with pytest.raises(ModelFileError, match="does not have a guide melody network's inputs and outputs"):
        MelodyNetwork(written(tmp_path / "small.onnx", latent=3))
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelFileError, match="is not a readable ONNX model"):
        MelodyNetwork(tmp_path / "text.onnx")
    with pytest.raises(ModelFileError, match="cannot be read: No such file"):
        MelodyNetwork(tmp_path / "none.onnx")


def test_even_random_weights_keep_range_and_rests(
    heard: Callable[..., Heard], network: MelodyNetwork
) -> None:
    settings = GuideSettings(50, 62, composer="network", style="ballad")
    guide = compose_for(heard(), settings, network=network)
    assert len(guide.notes) > 8
    assert {note.pitch for note in guide.notes} <= set(range(50, 63))
    steps = 4 * np.arange(guide.beats.size)
    ends = np.round(np.interp([note.stop for note in guide.notes], guide.beats, steps)).astype(int)
    first = round(float(np.interp(guide.notes[0].start, guide.beats, steps))) // 16 * 16
    assert ((ends - 1 - first) % 32 < 32 - 5).all()  # there is a breath at the end of each two bars


def test_a_seed_gives_the_same_melody(heard: Callable[..., Heard], network: MelodyNetwork) -> None:
    first, again, other = (
        compose_for(heard(), GuideSettings(composer="network", seed=seed), network=network).notes
        for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_moved_tones_give_the_melody_moved(heard: Callable[..., Heard], network: MelodyNetwork) -> None:
    here = heard()
    there = replace(here, chroma=np.roll(here.chroma, 2, axis=1), bass=np.roll(here.bass, 2, axis=1))
    first, second = (
        compose_for(one, GuideSettings(low, low + 19, composer="network"), network=network)
        for one, low in ((here, 55), (there, 57))
    )
    assert second.notes == [note._replace(pitch=note.pitch + 2) for note in first.notes]
