"""The second stage: it runs, goes on, changes the network, keeps the copy, refuses bad folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
import torch

from dsp.ltas import REFERENCE_LTAS
from models.content.file import ContentEncoder, shipped
from models.differentiable.content import read_encoder
from models.training.batches import PreparedRecording, clean_example, prepare, stack
from models.training.corpus import Recording, analyse
from models.training.singer.adversarial import AdversarialTrainer, at_pitches, prepared_pieces
from models.training.singer.critic import (
    FFT_SIZES,
    Critic,
    SpectrumCritic,
    critic_inputs,
    hinge_loss,
)
from models.training.singer.recipe import SingerFacts, TrainingListener, copy_scores, train_singer
from models.training.singer.training import Plan, Trainer
from models.training.singer.wordguard import WordGuard, audible, envelopes
from plugin_bridge.errors import TrainingError
from tests.models.training.singer.test_training import made_voice
from tests.plugin_bridge.commands.commandline import spawn

FACTS = SingerFacts("made", "Made", "CC0", "nobody", "a voice made by the test")
PLAN = Plan(steps=2, frames=30, batch=2, skipped=4, adversarial_steps=4)


@pytest.fixture(scope="module")
def own() -> list[PreparedRecording]:
    return [prepare(analyse("own", made_voice()))]


@pytest.fixture(scope="module")
def other() -> Recording:
    return analyse("other", made_voice(1.2, 330.0, 5))


@pytest.fixture(scope="module")
def trained(own: list[PreparedRecording]) -> Trainer:
    trainer = Trainer(own, [1.0], ContentEncoder(shipped()), replace(PLAN, warmup_steps=5))
    for _ in range(25):
        trainer.advance()
    return trainer


def weights(trainer: Trainer) -> list[torch.Tensor]:
    return [part.detach().clone() for part in trainer.averaged[0].parameters()]


def test_the_second_stage_changes_the_network_and_keeps_the_copy(
    trained: Trainer, own: list[PreparedRecording], other: Recording
) -> None:
    begun, before = weights(trained), copy_scores(trained, own)["multi_scale_loss"]
    stage = AdversarialTrainer(trained, own, prepared_pieces([other]))
    assert all(torch.equal(a, b) for a, b in zip(begun, weights(stage), strict=True))
    critic = [part.detach().clone() for part in stage.critic.parameters()]
    for _ in range(4):
        assert np.isfinite(stage.advance())
    assert stage.step == stage.plan.steps == trained.step + 4
    assert any(not torch.equal(a, b) for a, b in zip(begun, weights(stage), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(critic, stage.critic.parameters(), strict=True))
    assert copy_scores(stage, own)["multi_scale_loss"] < 1.05 * before
    assert all(torch.equal(a, b) for a, b in zip(begun, weights(trained), strict=True))


def test_a_second_stage_that_stops_goes_on_as_if_it_had_not(
    tmp_path: Path, trained: Trainer, own: list[PreparedRecording], other: Recording
) -> None:
    path = tmp_path / "adversarial.pt"
    first, second = (AdversarialTrainer(trained, own, prepared_pieces([other])) for _ in range(2))
    first.advance()
    first.save(path)
    second.load(path)
    assert second.step == trained.step + 1
    for a, b in zip(first.critic.state_dict().values(), second.critic.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    third = AdversarialTrainer(trained, own, prepared_pieces([other]))
    third.load(path)
    losses = []
    for stage in (second, third):
        torch.manual_seed(7)  # of the synthesizer's noise
        losses.append(stage.advance())
    assert losses[0] == losses[1]
    assert all(torch.equal(a, b) for a, b in zip(weights(second), weights(third), strict=True))
    another = AdversarialTrainer(trained, own, prepared_pieces([replace(other, name="another")]))
    with pytest.raises(TrainingError, match="that hears these other voices; delete it to start afresh"):
        another.load(path)


def test_other_voices_are_moved_to_the_singers_pitches(other: Recording) -> None:
    (piece,) = prepared_pieces([other])
    pitches = np.array([100.0, 200.0], np.float32)
    moved = at_pitches([piece], pitches, np.random.default_rng(3))
    middles = [float(np.median(part.recording.f0[part.recording.voicing > 0.5])) for part in moved]
    assert len(moved) == 3
    assert {round(middle) for middle in middles} == {100, 200}
    for part, middle in zip(moved, middles, strict=True):
        assert np.array_equal(part.recording.power, other.power)
        assert np.array_equal(part.width, piece.width)  # what was sung is read as it was
        spectrum = np.abs(np.fft.rfft(part.saw[9600:57600] * np.hanning(48000)))
        assert np.argmax(spectrum) == pytest.approx(middle, rel=0.05)  # the voice glides


def test_the_learning_rate_of_the_second_stage(
    trained: Trainer, own: list[PreparedRecording], other: Recording
) -> None:
    trained.plan, before = replace(trained.plan, adversarial_steps=1000), trained.plan
    try:
        stage = AdversarialTrainer(trained, own, prepared_pieces([other]))
    finally:
        trained.plan = before
    rates = []
    for done in (0, 99, 300, 650, 1000):
        stage.step = trained.step + done
        rates.append(stage.learning_rate())
    assert rates == pytest.approx([2e-6, 2e-4, 2e-4, 1e-4, 0.0])


def test_no_layer_of_the_critic_amplifies() -> None:
    """Spectral normalisation: the largest singular value of each is 1, however large its weights grow."""
    torch.manual_seed(0)
    critic = SpectrumCritic(torch.zeros(6), torch.ones(6), 16)
    layers = [part for part in critic.modules() if isinstance(part, (torch.nn.Conv1d, torch.nn.Linear))]
    assert len(layers) == 6
    with torch.no_grad():
        for layer in layers:
            cast("Any", layer).parametrizations.weight.original.mul_(30.0)
        for _ in range(50):
            critic(torch.randn(2, 20, 6), torch.ones(2, 20))
    critic.eval()
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert float(largest) == pytest.approx(1.0, abs=0.02)


def test_short_notes_are_joined(other: Recording) -> None:
    joined = prepared_pieces([other] * 5)
    assert [piece.recording.frames for piece in joined] == [480, 120]
    silent = replace(other, voicing=np.zeros_like(other.voicing))
    assert len(prepared_pieces([silent, other])) == 1
    with pytest.raises(TrainingError, match="hold no sung note"):
        prepared_pieces([silent])


def sung(gain: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """4 excerpts of noise, more or less of its upper half, 40 frames, the last 10 silent; and their pitch."""
    noise = torch.randn(4, 40 * 480, generator=torch.Generator().manual_seed(seed))
    high = noise - torch.nn.functional.avg_pool1d(noise[:, None], 5, 1, 2)[:, 0]
    audio = 0.01 * (noise + gain * high)
    audio[:, 30 * 480 :] = 0.0
    pitch = torch.tensor([200.0, 1.0, -30.0]).repeat(4, 40, 1)
    pitch[:, 30:, 2] = -90.0
    return audio, pitch


def test_the_critic_learns_what_is_a_recording_and_passes_over_silence() -> None:
    torch.manual_seed(0)
    real, fake = (critic_inputs(*sung(gain, seed), 2) for gain, seed in ((0.0, 1), (1.0, 2)))
    critic = Critic(real)
    optimizer = torch.optim.Adam(critic.parameters(), lr=2e-3)
    for _ in range(40):
        loss = hinge_loss(critic(real), real, 1.0) + hinge_loss(critic(fake), fake, -1.0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    critic.eval()
    with torch.no_grad():
        unheard = [critic_inputs(*sung(gain, seed), 2) for gain, seed in ((0.0, 3), (1.0, 4))]
        sides = [
            [
                float((part * mask[:, None]).sum())
                for part, (_, mask) in zip(critic(given), given, strict=True)
            ]
            for given in unheard
        ]
        assert all(side > 0.0 for side in sides[0])
        assert all(side < 0.0 for side in sides[1])
        scores, (_, mask) = critic(real), real[0]
        silent = [scores[0].clone(), scores[1]]
        silent[0][:, :, mask[0] == 0.0] = -100.0
        assert torch.equal(hinge_loss(silent, real, 1.0), hinge_loss(scores, real, 1.0))
        silent[0][:, :, 0] = -100.0
        assert hinge_loss(silent, real, 1.0) > hinge_loss(scores, real, 1.0)


def test_the_critic_does_not_see_the_level() -> None:
    audio, pitch = sung(0.0, 1)
    louder = pitch.clone()
    louder[..., 2] += 12.0
    both = critic_inputs(audio, pitch, 2), critic_inputs(4.0 * audio, louder, 2)
    for given, again in zip(*both, strict=True):
        assert torch.equal(given[1], again[1])
        kept = given[1][..., None]
        # the floor of the logarithm alone differs
        assert float(((given[0] - again[0]) * kept).abs().mean()) < 0.02
    assert [given[0].shape[2] for given in both[0]] == [size // 2 + 1 + 6 for size in FFT_SIZES]


def test_the_word_guard_hears_another_word(own: list[PreparedRecording]) -> None:
    encoder = read_encoder(shipped())
    batch = stack([clean_example(own[0], ContentEncoder(shipped()).start())])
    bands = envelopes(batch.target, batch.pitch)
    mean = bands[audible(batch.pitch) > 0.0].mean(0)
    guard = WordGuard(encoder, mean)
    said = encoder((bands - mean + torch.tensor(REFERENCE_LTAS).float())[:, 1:].clamp(min=-80.0))
    said = torch.cat([said, said[:, -1:]], 1)  # of the frame after; the last has none
    assert float(guard(batch.target, batch.pitch, said)) < 1e-6
    assert float(guard(batch.target, batch.pitch, torch.roll(said, 60, dims=1))) > 0.3
    quiet = batch.pitch.clone()
    quiet[:, 60:, 2] = -90.0
    elsewhere = said.clone()
    elsewhere[:, 60:] *= -1.0
    assert float(guard(batch.target, quiet, elsewhere)) < 1e-6  # silence says nothing


def test_a_singer_has_a_second_stage(tmp_path: Path) -> None:
    folder, others, output = tmp_path / "voice", tmp_path / "others", tmp_path / "made.onnx"
    folder.mkdir()
    others.mkdir()
    soundfile.write(folder / "take.wav", made_voice(1.6), 48000)
    two = replace(PLAN, other_voices=others)
    with pytest.raises(TrainingError, match="holds no recordings"):
        train_singer(folder, FACTS, output, plan=two, device="cpu")
    with pytest.raises(TrainingError, match="share a folder"):
        train_singer(folder, FACTS, output, plan=replace(PLAN, other_voices=folder), device="cpu")
    soundfile.write(others / "note.wav", made_voice(1.0, 330.0, 5), 48000)
    with pytest.raises(TrainingError, match=r"last no 1\.2 s together"):
        train_singer(folder, FACTS, output, plan=replace(two, frames=120), device="cpu")
    steps: list[int] = []
    listener = TrainingListener(step=lambda step, _: steps.append(step))

    def run(plan: Plan) -> int:
        made = train_singer(folder, FACTS, output, plan=plan, device="cpu", listener=listener)
        assert made.training_data.startswith("a voice made by the test. Recordings of other voices")
        return made.steps

    assert run(two) == 6
    assert run(replace(two, adversarial_steps=5)) == 7
    assert steps == [0, 1, 2, 3, 4, 5, 6]
    assert run(replace(two, steps=3, adversarial_steps=1)) == 4
    assert steps[7:] == [2, 3]
    assert train_singer(folder, FACTS, output, plan=PLAN, device="cpu").training_data == FACTS.training_data


def test_a_checkpoint_of_an_earlier_version_is_refused(tmp_path: Path, trained: Trainer) -> None:
    """Its network had a content path of its own."""
    path = tmp_path / "checkpoint.pt"
    trained.save(path)
    torch.save(torch.load(path, weights_only=True) | {"format": 3}, path)
    with pytest.raises(TrainingError, match="is no checkpoint of this version of a sawsing singer on this"):
        trained.load(path)


def test_the_command_passes_the_folder_on(tmp_path: Path) -> None:
    (tmp_path / "voice").mkdir()
    soundfile.write(tmp_path / "voice" / "take.wav", made_voice(1.0), 48000)
    process = spawn(["train", "voice", "--id", "made", "--other-voices", "nowhere"], tmp_path)
    _, errors = process.communicate(timeout=120)
    assert process.returncode not in {0, 130}
    assert "nowhere holds no recordings; put WAV" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "made.onnx").exists()
