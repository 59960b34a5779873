"""The finish among strangers: it runs, goes on, changes the network, keeps the copy, refuses bad folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.training.batches import Material, prepare
from models.training.corpus import Recording, analyse
from models.training.singer.critic import Critic, audible, hinge, movement_change
from models.training.singer.recipe import SingerFacts, TrainingListener, copy_scores, train_singer
from models.training.singer.strangers import Finish, pieces
from models.training.singer.training import Plan, Trainer
from plugin_bridge.errors import TrainingError
from tests.models.training.singer.test_training import made_voice
from tests.plugin_bridge.commands.commandline import spawn

FACTS = SingerFacts("made", "Made", "CC0", "nobody", "a voice made by the test")
PLAN = Plan(steps=2, frames=30, batch=2, skipped=4, finish_steps=4)


@pytest.fixture(scope="module")
def own() -> list[Material]:
    return [prepare(analyse("own", made_voice()))]


@pytest.fixture(scope="module")
def stranger() -> Recording:
    return analyse("stranger", made_voice(1.2, 330.0, 5))


@pytest.fixture(scope="module")
def trained(own: list[Material]) -> Trainer:
    trainer = Trainer(own, [1.0], replace(PLAN, warmup_steps=5))
    for _ in range(25):
        trainer.advance()
    return trainer


def weights(trainer: Trainer) -> list[torch.Tensor]:
    return [part.detach().clone() for part in trainer.averaged[0].parameters()]


def test_the_finish_changes_the_network_and_keeps_the_copy(
    trained: Trainer, own: list[Material], stranger: Recording
) -> None:
    begun, before = weights(trained), copy_scores(trained, own)["multi_scale_loss"]
    finish = Finish(trained, own, pieces([stranger]))
    assert all(torch.equal(a, b) for a, b in zip(begun, weights(finish), strict=True))
    critic = [part.detach().clone() for part in finish.critic.parameters()]
    for _ in range(4):
        assert np.isfinite(finish.advance())
    assert finish.step == finish.plan.steps == trained.step + 4
    assert any(not torch.equal(a, b) for a, b in zip(begun, weights(finish), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(critic, finish.critic.parameters(), strict=True))
    assert copy_scores(finish, own)["multi_scale_loss"] < 1.05 * before
    assert all(torch.equal(a, b) for a, b in zip(begun, weights(trained), strict=True))


def test_a_finish_that_stops_goes_on_as_if_it_had_not(
    tmp_path: Path, trained: Trainer, own: list[Material], stranger: Recording
) -> None:
    path = tmp_path / "finish.pt"
    first, second = (Finish(trained, own, pieces([stranger])) for _ in range(2))
    first.advance()
    first.save(path)
    second.load(path)
    assert second.step == trained.step + 1
    for a, b in zip(first.critic.state_dict().values(), second.critic.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    third = Finish(trained, own, pieces([stranger]))
    third.load(path)
    losses = []
    for finish in (second, third):
        torch.manual_seed(7)  # of the synthesizer's noise
        losses.append(finish.advance())
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(weights(second), weights(third), strict=True))
    other = Finish(trained, own, pieces([replace(stranger, name="another")]))
    with pytest.raises(TrainingError, match="among other strangers; delete it"):
        other.load(path)


def test_strangers_sing_at_the_singers_pitches(
    trained: Trainer, own: list[Material], stranger: Recording
) -> None:
    finish = Finish(trained, own, pieces([stranger]))
    f0 = own[0].recording.f0[own[0].recording.voicing > 0.5]
    for _ in range(4):
        _, pitch = finish._stranger()
        for example in pitch:
            middle = float(example[example[:, 1] > 0.5, 0].median())
            assert 0.999 * f0.min() <= middle <= 1.001 * f0.max()


def test_short_notes_are_joined(stranger: Recording) -> None:
    joined = pieces([stranger] * 5)
    assert [piece.recording.frames for piece in joined] == [480, 120]
    silent = replace(stranger, voicing=np.zeros_like(stranger.voicing))
    assert len(pieces([silent, stranger])) == 1
    with pytest.raises(TrainingError, match="hold no sung note"):
        pieces([silent])


def test_the_critic_learns_who_sings_and_passes_over_silence() -> None:
    torch.manual_seed(0)
    critic = Critic(torch.zeros(6), torch.ones(6), 16)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-2)
    weight = torch.ones(4, 20)
    weight[:, 15:] = 0.0
    singer, other = (torch.randn(4, 20, 6) + side for side in (1.0, -1.0))
    for _ in range(40):
        loss = hinge(critic(singer, weight), weight, 1.0) + hinge(critic(other, weight), weight, -1.0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    critic.eval()
    with torch.no_grad():
        verdicts = critic(singer, weight)
        assert float(verdicts[..., :15].mean()) > 0.3
        assert float(critic(other, weight)[..., :15].mean()) < -0.3
    silent = verdicts.clone()
    silent[..., 15:] = -100.0
    assert torch.equal(hinge(silent, weight, 1.0), hinge(verdicts, weight, 1.0))
    silent[..., 14] = -100.0
    assert hinge(silent, weight, 1.0) > hinge(verdicts, weight, 1.0)


def test_the_guard_sees_movement_and_not_colour() -> None:
    pitch = torch.zeros(1, 30, 3)
    pitch[:, 20:, 2] = -60.0
    weight = audible(pitch)
    assert weight.sum() == 10.0
    before = torch.randn(1, 30, 5)
    assert float(movement_change(before + 3.0, before, weight)) < 1e-6
    assert float(movement_change(2.0 * before, before, weight)) > 0.3


def test_a_singer_is_finished_among_strangers(tmp_path: Path) -> None:
    folder, strangers, output = tmp_path / "voice", tmp_path / "strangers", tmp_path / "made.onnx"
    folder.mkdir()
    strangers.mkdir()
    soundfile.write(folder / "take.wav", made_voice(1.6), 48000)
    among = replace(PLAN, strangers=strangers)
    with pytest.raises(TrainingError, match="holds no recordings"):
        train_singer(folder, FACTS, output, plan=among, device="cpu")
    with pytest.raises(TrainingError, match="share a folder"):
        train_singer(folder, FACTS, output, plan=replace(PLAN, strangers=folder), device="cpu")
    soundfile.write(strangers / "note.wav", made_voice(1.0, 330.0, 5), 48000)
    with pytest.raises(TrainingError, match=r"last no 1\.2 s together"):
        train_singer(folder, FACTS, output, plan=replace(among, frames=120), device="cpu")
    steps: list[int] = []
    watcher = TrainingListener(step=lambda step, _: steps.append(step))

    def run(plan: Plan) -> int:
        made = train_singer(folder, FACTS, output, plan=plan, device="cpu", watcher=watcher)
        assert made.training_data.startswith("a voice made by the test. Recordings of other voices")
        return made.steps

    assert run(among) == 6
    assert run(replace(among, finish_steps=5)) == 7
    assert steps == [0, 1, 2, 3, 4, 5, 6]
    assert run(replace(among, steps=3, finish_steps=1)) == 4
    assert steps[7:] == [2, 3]
    assert train_singer(folder, FACTS, output, plan=PLAN, device="cpu").training_data == FACTS.training_data


def test_the_command_hears_of_strangers(tmp_path: Path) -> None:
    (tmp_path / "voice").mkdir()
    soundfile.write(tmp_path / "voice" / "take.wav", made_voice(1.0), 48000)
    process = spawn(["train", "voice", "--id", "made", "--strangers", "nowhere"], tmp_path)
    _, errors = process.communicate(timeout=120)
    assert process.returncode not in {0, 130}
    assert "nowhere holds no recordings; put WAV" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "made.onnx").exists()
