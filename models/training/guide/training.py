"""Train the melody network: resumable, with the same result wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.guide.inputs import FIRST
from models.training.averaged import AveragedTraining
from models.training.guide.examples import NO_VOWEL, Batch, Heard, drawn
from models.training.guide.network import GuideNetwork, with_other_backing
from models.training.schedule import fall, rise

CHECKPOINT_FORMAT = 1
RULED = 0.3
"""Share of the windows whose melody is made by rule."""


@dataclass(frozen=True)
class Plan:
    """How to train."""

    steps: int = 800
    """Number of steps in all, including those of earlier runs."""
    batch: int = 24
    """Windows of four bars in a step."""
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    """The learning rate rises to its full value over these."""
    divergence_steps: int = 400
    """The weight of the divergence rises to its full value over these, so that z comes to be used."""
    free_nats: float = 0.25
    """Divergence of each number of z that costs nothing."""
    prior_share: float = 0.2
    """Share of the windows that are decoded from the prior, as a user's are."""
    margin: float = 0.15
    """Nats a step by which a melody should be likelier with its own backing than with another one."""
    contrast: float = 0.5
    """Weight of what is missing from the margin."""
    contrasted: int = 4
    """One window of so many is judged with another backing, too: that costs as much as all the rest."""
    token_dropout: float = 0.25
    """Share of the steps before that the decoder does not see, so that it listens to the backing."""
    average: float = 0.99
    """Decay of the running average of weights, which is what is exported."""
    seed: int = 0


class Trainer(AveragedTraining[GuideNetwork]):
    """The state of a training run.

    Args:
        sung: songs with melodies that were sung, from which windows are cut.
        ruled: songs with melodies made by rule; a share of `RULED` of the windows is theirs.
        plan: how to train.
    """

    def __init__(self, sung: Sequence[Heard], ruled: Sequence[Heard], plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        network = GuideNetwork()
        optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=0.05)
        super().__init__(network, optimizer, plan.average, "guide melody", CHECKPOINT_FORMAT)
        self.plan = plan
        self.average.eval()
        self._songs = [*sung, *ruled]
        share = RULED if ruled else 0.0
        weights = [(1.0 - share) / len(sung)] * len(sung) + [share / max(1, len(ruled))] * len(ruled)
        self._weights = np.array(weights)

    def advance(self) -> dict[str, float]:
        """Do one step and return its losses."""
        seed = [self.plan.seed, self.step]
        batch = drawn(self._songs, self._weights, self.plan.batch, np.random.default_rng(seed))
        torch.manual_seed(int(np.random.default_rng([*seed, 1]).integers(2**31)))
        losses = self._losses(batch)
        rate = rise(self.step, self.plan.warmup_steps) * fall(self.step, self.plan.steps, 0.6)
        self.descend(losses["loss"], self.plan.learning_rate * rate)
        return {name: float(loss.detach()) for name, loss in losses.items()}

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        plan, network = self.plan, self.network
        encoded = network.encoded(batch.inputs)
        prior = network.prior_of(encoded)
        posterior = network.posterior_of(encoded, batch.tokens)
        z = torch.where(torch.rand(plan.batch, 1) < plan.prior_share, prior.drawn(), posterior.drawn())
        seen = self._hidden_at_times(batch.tokens)
        decoded = network(batch.inputs, encoded, z, seen, batch.past)
        tokens = loss_of(decoded.logits, batch.tokens, batch.counted)
        # Some of the melodies again with a z from the prior: upon their own backing, and upon another one.
        few = slice(0, plan.batch // plan.contrasted)
        nats = []
        for rows in (batch.inputs[few], with_other_backing(batch.inputs[few])):
            backing = network.encoded(rows)
            drawn_z = network.prior_of(backing).drawn()
            logits = network(rows, backing, drawn_z, seen[few], batch.past[few]).logits
            nats.append(loss_of(logits, batch.tokens[few], batch.counted[few]))
        matched, unmatched = nats
        starts = batch.tokens >= FIRST
        vowels = functional.cross_entropy(decoded.vowels[starts], batch.vowels[starts], ignore_index=NO_VOWEL)
        levels = (decoded.levels[starts] - batch.levels[starts]).square().mean()
        divergence = posterior.divergence(prior).mean(dim=0)
        weight = min(1.0, (self.step + 1) / plan.divergence_steps)
        kept = divergence.clamp_min(plan.free_nats).sum() / batch.tokens.shape[1]
        missing = functional.relu(plan.margin - (unmatched - matched))
        loss = tokens + weight * kept + plan.contrast * missing + 0.1 * vowels + levels
        return {
            "loss": loss,
            "tokens": tokens,
            "prior": matched,
            "unmatched": unmatched,
            "nats": divergence.sum(),
            "vowels": vowels,
        }

    def _hidden_at_times(self, tokens: Tensor) -> Tensor:
        """Let some notes be seen as held on, so that the decoder does not only copy what was before."""
        hidden = torch.rand(tokens.shape) < self.plan.token_dropout
        return torch.where(hidden & (tokens >= FIRST), torch.ones_like(tokens), tokens)


def loss_of(logits: Tensor, tokens: Tensor, counted: Tensor) -> Tensor:
    """Return the mean negative logarithm of the chance of tokens, nats a step.

    Args:
        logits: (batch, steps, TOKENS).
        tokens: (batch, steps).
        counted: 1 for the steps that count, (batch, steps).
    """
    rows = functional.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    return (rows * counted.flatten()).sum() / counted.sum()
