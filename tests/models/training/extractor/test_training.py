"""Training: it learns, leaves alone what it should, stops and goes on, and scores what it has not heard."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from models.extractor.manifest import ExtractorManifest
from models.training.extractor.encoder import load_encoder
from models.training.extractor.examples import ExampleMaker
from models.training.extractor.folder import ARCHITECTURES
from models.training.extractor.network import Estimates, level_of
from models.training.extractor.scoring import CONDITIONS, held_out_scores
from models.training.extractor.training import Plan, Trainer, melody_loss, train
from plugin_bridge.errors import TrainingError
from tests.models.training.extractor.made import played, voice


def trainer(folder: Path, **choices: object) -> Trainer:
    plan = Plan(frames=40, batch=4, warmup_steps=2, **choices)  # type: ignore[arg-type]
    examples = ExampleMaker([voice(200.0), voice(330.0)], [played(4.0)], plan.frames, plan.batch)
    return Trainer(load_encoder(folder), "tiny", examples, plan)


@pytest.mark.parametrize("freeze", [True, False])
def test_the_encoder_is_tuned_when_the_rest_has_begun(encoders: dict[str, Path], *, freeze: bool) -> None:
    run = trainer(encoders["hubert"], steps=4, frozen_share=0.5, freeze=freeze, encoder_rate=1e-3)
    before = copy.deepcopy(run.network.encoder.state_dict())
    changed = []
    for _ in range(4):
        run.advance()
        now = run.network.encoder.state_dict()
        changed.append(any(not torch.equal(before[name], now[name]) for name in now))
    assert changed == [False, False, not freeze, not freeze]
    assert run.weights_before == pytest.approx([1 / 3] * 3, abs=0.02)


def test_a_loss_of_nothing_wrong_is_nearly_nothing() -> None:
    batch = ExampleMaker([voice(200.0)], [played(4.0)], 40, 3)(0)
    right = Estimates(
        torch.zeros(0),
        batch.pitch,
        torch.maximum(batch.energy, level_of(batch.audio) - 60.0),
        80.0 * batch.voiced - 40.0,
    )
    assert float(melody_loss(right, batch)) < 1e-6
    unvoiced = right._replace(pitch=torch.where(batch.voiced > 0.0, right.pitch, 0.0))
    assert float(melody_loss(unvoiced, batch)) < 1e-6
    silent = batch._replace(energy=torch.full_like(batch.energy, -200.0))  # as a voice's loudness may be
    floor = right._replace(energy=(level_of(batch.audio) - 60.0).expand_as(batch.energy))
    assert float(melody_loss(floor, silent)) < 1e-6
    for name in ("pitch", "energy", "voicing"):
        wrong = right._replace(**{name: -getattr(right, name)})
        assert float(melody_loss(wrong, batch)) > 0.1


def test_a_run_that_stops_goes_on_as_if_it_had_not(encoders: dict[str, Path], tmp_path: Path) -> None:
    def stop(step: int, _loss: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    choices = {"steps": 5, "fft": False}
    straight, broken, again = (trainer(encoders["hubert"], **choices) for _ in range(3))
    (tmp_path / "straight").mkdir()
    train(straight, tmp_path / "straight", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path, stop)
    again.load(tmp_path / "checkpoint.pt")
    assert again.step == 3
    train(again, tmp_path, lambda *_: None)
    curves = [(place / "loss.csv").read_text().splitlines() for place in (tmp_path / "straight", tmp_path)]
    assert [len(curve) for curve in curves] == [5, 5]
    assert [line.partition(",")[0] for line in curves[1]] == ["0", "1", "2", "3", "4"]
    assert again.weights_before == straight.weights_before


@pytest.mark.parametrize("choice", [{"layers": "last"}, {"fft": False}, {"freeze": True}])
def test_a_checkpoint_of_another_kind_is_refused(
    encoders: dict[str, Path], tmp_path: Path, choice: dict[str, object]
) -> None:
    trainer(encoders["hubert"], steps=1).save(tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="--layers, --no-fft and --freeze; delete it to start afresh"):
        trainer(encoders["hubert"], steps=1, **choice).load(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_training_learns_and_the_scores_tell(encoders: dict[str, Path], architecture: str) -> None:
    run = trainer(encoders[architecture], steps=30, encoder_rate=1e-3)
    voices, music = [voice(200.0), voice(330.0)], [played(3.0)]
    before = held_out_scores(run.network, voices, music)
    losses = [run.advance() for _ in range(30)]
    after = held_out_scores(run.network, voices, music)
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert after["held_out_seconds"] == 4.0
    assert set(after) == {"held_out_seconds"} | {
        f"{name}_{condition}" for name in ("f0_rmse", "f0_corr", "voicing_f1") for condition in CONDITIONS
    }
    assert after["f0_rmse_clean"] < 0.7 * before["f0_rmse_clean"]
    assert after["voicing_f1_clean"] > 0.9
    assert run.weights_before != run.network.layer_weights
    assert sum(run.network.layer_weights) == pytest.approx(1.0, abs=1e-3)


def test_the_scores_of_a_network_that_hears_no_voice_can_be_read_back(encoders: dict[str, Path]) -> None:
    network = trainer(encoders["hubert"]).network
    with torch.no_grad():
        network.voicing.bias.fill_(-100.0)
    scores = held_out_scores(network, [voice(200.0)], [played(3.0)])
    assert scores.keys() == {"held_out_seconds"} | {f"voicing_f1_{name}" for name in CONDITIONS}
    made = ExtractorManifest(
        encoder="hubert", encoder_sha256="", layers="weighted", fft=True, frozen=False, steps=0,
        layer_weights_before=(), layer_weights_after=(), scores=scores,
    )  # fmt: skip
    assert ExtractorManifest.model_validate_json(made.model_dump_json()) == made


def test_without_a_sung_note_there_is_nothing_to_score(encoders: dict[str, Path]) -> None:
    network = trainer(encoders["hubert"]).network
    assert held_out_scores(network, [voice(200.0).part(0, 8)], [played(3.0)]) == {"held_out_seconds": 0}
