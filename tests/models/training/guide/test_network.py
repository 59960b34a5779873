"""The melody network: its graph writes what torch says, it learns to listen, and a run can go on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.guide.inputs import BAR_PLACES, FIRST, HIGHEST, INPUTS, LOWEST, PITCHED, RHYTHM, TOKENS, WINDOW
from models.guide.steps import PER_BAR
from models.onnxstep import opened
from models.training.guide.examples import Heard
from models.training.guide.graph import PAST, graph_of
from models.training.guide.network import LATENT, GuideNetwork
from models.training.guide.run import held_out_scores
from models.training.guide.training import Plan, Trainer
from models.training.onnxgraph import model_of

Random = np.random.Generator


def song(rng: Random, bars: int = 8) -> Heard:
    """Return a song whose melody sings the root of each bar's chord on every beat."""
    steps = bars * PER_BAR
    root = np.repeat(rng.integers(0, 12, bars), PER_BAR)
    inputs = np.zeros((steps, INPUTS), np.float32)
    for row in range(PITCHED // 12):
        inputs[np.arange(steps), 12 * row + root] = 1.0
    inputs[np.arange(steps), PITCHED + RHYTHM + np.arange(steps) % PER_BAR] = 1.0
    tokens = np.ones(steps, np.int64)
    tokens[::4] = FIRST + 60 - LOWEST + root[::4]
    vowels, levels = np.full(steps, -1), np.zeros(steps, np.float32)
    vowels[::4], levels[::4] = root[::4] % 5, 0.6
    return Heard(inputs, tokens, vowels, levels)


@pytest.fixture(scope="module")
def songs() -> list[Heard]:
    rng = np.random.default_rng(1)
    return [song(rng) for _ in range(40)]


def given(rng: Random) -> dict[str, NDArray[np.float32]]:
    found = {
        "inputs": rng.random((WINDOW, INPUTS)),
        "chance": rng.gumbel(size=(WINDOW, TOKENS)),
        "drawn": rng.standard_normal((1, LATENT)),
        "past": rng.integers(0, TOKENS, (1, PAST)).astype(float),
    }
    return {name: array.astype(np.float32) for name, array in found.items()}


def test_the_graph_writes_what_the_network_says() -> None:
    torch.manual_seed(3)
    network = GuideNetwork().eval()
    torch.nn.init.normal_(network.fit)
    values = given(np.random.default_rng(2))
    session = opened(model_of(graph_of(network), {}).SerializeToString())
    tokens, vowels, levels = session.run(["tokens", "vowels", "levels"], values)
    given_of = {name: torch.from_numpy(array) for name, array in values.items()}
    with torch.no_grad():
        inputs = given_of["inputs"][None]
        encoded = network.encoded(inputs)
        prior = network.prior_of(encoded)
        z = prior.mean + torch.exp(0.5 * prior.log_variance) * given_of["drawn"]
        written = torch.from_numpy(tokens).long()
        decoded = network(inputs, encoded, z, written, given_of["past"].long())
    best = (decoded.logits[0] + given_of["chance"]).argmax(dim=1)
    assert torch.equal(best, written[0])
    assert len(set(tokens[0].tolist())) > 8
    np.testing.assert_allclose(vowels, decoded.vowels[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(levels[:, 0], decoded.levels[0].numpy(), atol=1e-5)


def test_the_file_stays_small() -> None:
    assert len(model_of(graph_of(GuideNetwork()), {}).SerializeToString()) < 2 * 2**20


def test_a_pitch_that_fits_is_likelier_by_its_weight() -> None:
    network = GuideNetwork()
    with torch.no_grad():
        network.fit.zero_()
        network.fit[2] = torch.tensor([1.0, 0.5])  # tones of the chord
        inputs = torch.zeros(1, 2, INPUTS)
        inputs[0, :, 2 * 12 + 7] = 1.0
        inputs[0, 0, PITCHED + RHYTHM] = 1.0
        inputs[0, 1, PITCHED + RHYTHM + 1] = 1.0
        fits = network.fits(inputs)[0]
    classes = np.arange(LOWEST, HIGHEST + 1) % 12
    np.testing.assert_allclose(fits[0].numpy(), np.where(classes == 7, 1.5, 0.0))
    np.testing.assert_allclose(fits[1].numpy(), np.where(classes == 7, 1.0, 0.0))


def test_it_learns_to_listen(songs: list[Heard]) -> None:
    plan = Plan(steps=24, batch=8, learning_rate=2e-2, warmup_steps=2, divergence_steps=8, average=0.8)
    trainer = Trainer(songs[:30], songs[30:36], plan)
    losses = [trainer.advance()["tokens"] for _ in range(plan.steps)]
    assert losses[-1] < 0.6 * losses[0]
    scores = held_out_scores(trainer.average.eval(), songs[36:])
    assert scores["nats shuffled"] > scores["nats matched"] + 0.1


def test_a_run_goes_on_where_it_ended(tmp_path: Path, songs: list[Heard]) -> None:
    plan = Plan(steps=4, batch=8)
    whole, half = Trainer(songs[:4], [], plan), Trainer(songs[:4], [], plan)
    wanted = [whole.advance()["loss"] for _ in range(4)]
    assert [half.advance()["loss"] for _ in range(2)] == wanted[:2]
    half.save(tmp_path / "checkpoint.pt")
    again = Trainer(songs[:4], [], plan)
    again.load(tmp_path / "checkpoint.pt")
    assert [again.advance()["loss"] for _ in range(2)] == wanted[2:]


def test_the_places_of_bars_are_within_the_inputs() -> None:
    assert BAR_PLACES + 4 + 3 == INPUTS
