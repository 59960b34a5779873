"""The seed's models learn, go on to the bit where they were stopped, and follow the published updates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.errors import TrainingError
from models.training.guide.seed import training
from models.training.guide.seed.file import described, read_model, write_model
from models.training.guide.seed.run import main
from models.training.guide.seed.training import Plan, Trainer, reconstruction_error
from models.training.guide.seed.variants import SIZES
from tests.models.training.guide.seed.pairs import made_examples, write_pairs
from tests.models.training.guide.seed.test_networks import TINY, tiny

__all__ = ["tiny"]


def trainer_of(model: str, steps: int = 6, *, held: bool = True) -> Trainer:
    examples = made_examples(TINY[model].image)
    plan = Plan(steps=steps, batch=6, learning_rate=1e-2)
    return Trainer(model, "tiny", examples, plan, examples if held else None)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("model", SIZES)
def test_a_stopped_training_goes_on_to_the_bit(model: str, tmp_path: Path) -> None:
    whole = trainer_of(model)
    losses = [whole.advance() for _ in range(6)]
    first = trainer_of(model)
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "checkpoint.pt")
    again = trainer_of(model)
    again.load(tmp_path / "checkpoint.pt")
    assert [again.advance() for _ in range(3)] == losses[3:]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value), name
    assert again.history == whole.history


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(("model", "steps"), [("vae", 60), ("autovc", 50)])
def test_it_learns(model: str, steps: int) -> None:
    trainer = trainer_of(model, steps, held=False)
    examples = made_examples(TINY[model].image)
    before = reconstruction_error(trainer.network, examples)
    first = last = trainer.advance()["loss"]
    while trainer.step < steps:
        last = trainer.advance()["loss"]
    mean = float((examples.vocal - examples.vocal.mean(0)).abs().mean()) * 80.0
    after = reconstruction_error(trainer.network, examples)
    assert last < first
    assert after < 0.7 * mean < before  # the mean of all vocals is what codes without content give


@pytest.mark.usefixtures("tiny")
def test_the_vaegan_learns_by_its_own_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "RMSPROP_RATE", 3e-3)
    trainer = trainer_of("vaegan", steps=20, held=False)
    errors = [trainer.advance()["error"] for _ in range(20)]
    assert sum(errors[-5:]) < 0.7 * sum(errors[:5])


@pytest.mark.usefixtures("tiny")
def test_each_part_of_the_vaegan_follows_its_own_loss() -> None:
    """Each group moves down the gradient of its loss alone: RMSprop's first step tells the sign."""
    trainer = trainer_of("vaegan", held=False)
    how: Any = trainer._how
    batch = made_examples(TINY["vaegan"].image, 4)
    trainer.network.train()
    losses, _ = how.losses(batch, torch.Generator().manual_seed(1))
    wanted = {
        name: torch.autograd.grad(losses[name], group, retain_graph=True)
        for name, group in how._groups.items()
    }
    before = {name: [one.detach().clone() for one in group] for name, group in how._groups.items()}
    how.descend(batch, torch.Generator().manual_seed(1), 1.0)
    for name, group in how._groups.items():
        for was, now, gradient in zip(before[name], group, wanted[name], strict=True):
            clear = gradient.abs() > 1e-4 * gradient.abs().max()
            moved = torch.sign(now.detach() - was)[clear]
            assert (moved == -torch.sign(gradient)[clear]).float().mean() > 0.95, name
    assert float(losses["discriminator"].detach()) > 0.0


@pytest.mark.usefixtures("tiny")
def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    trainer = trainer_of("autovc")
    trainer.advance()
    examples = made_examples(TINY["autovc"].image)
    made = described("autovc", "tiny", trainer.network, examples, trainer.history, {"licence": "CC0"})
    write_model(made, tmp_path / "model.pt")
    again = read_model(tmp_path / "model.pt")
    assert (again.model, again.variant, again.size) == ("autovc", "tiny", TINY["autovc"].image)
    assert again.history == made.history
    assert again.facts == {"licence": "CC0"}
    torch.testing.assert_close(again.code_mean, made.code_mean)
    codes = made.network.codes(*examples)
    for root, half in zip(again.code_spread, codes.chunk(2, dim=1), strict=True):
        torch.testing.assert_close(root @ root.T, torch.cov(half.T), atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(again.network.vocals(codes), made.network.vocals(codes))


@pytest.mark.usefixtures("tiny")
def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    trainer_of("vae").save(tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="is no checkpoint of this model"):
        trainer_of("autovc").load(tmp_path / "checkpoint.pt")
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04 no model")
    with pytest.raises(TrainingError, match="damaged"):
        read_model(tmp_path / "model.pt")


def test_the_command_trains_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(SIZES["vae"], "small", TINY["vae"])
    pairs = write_pairs(tmp_path / "pairs")
    arguments = [str(pairs), "-o", str(tmp_path / "vae.pt"), "--model", "vae", "--held", str(pairs)]
    arguments += ["--work", str(tmp_path / "work"), "--batch", "2", "--licence", "CC0"]
    assert main([*arguments, "--steps", "2"]) == 0
    assert main([*arguments, "--steps", "4"]) == 0
    assert "vae small, 4 steps" in capsys.readouterr().out
    assert read_model(tmp_path / "vae.pt").facts == {
        "steps": 4, "licence": "CC0", "attribution": "", "training_data": ""
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--batch", "1"], "a batch of 1"),
        (["--steps", "0"], "0 steps train nothing"),
        (["--variant", "narrow"], "vae has no variant 'narrow'; give one of published, small"),
        ([], "pairs.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_trained_is_told_in_a_sentence(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        str(tmp_path),
        "-o",
        str(tmp_path / "vae.pt"),
        "--model",
        "vae",
        "--work",
        str(tmp_path / "w"),
    ]
    assert main([*arguments, *more]) == 2
    (line,) = capsys.readouterr().err.strip().split("\n")
    assert message in line


def test_batches_are_drawn_by_seed_and_step() -> None:
    examples = made_examples((80, 43))
    assert torch.equal(examples.batch(4, [0, 1]).vocal, examples.batch(4, [0, 1]).vocal)
    assert not torch.equal(examples.batch(4, [0, 1]).vocal, examples.batch(4, [0, 2]).vocal)
