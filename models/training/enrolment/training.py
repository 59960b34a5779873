"""Train the network that all voices share, each voice with a vector of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from models.content.file import ContentEncoder
from models.training.batches import Batch, BatchMaker
from models.training.enrolment.bandlimit import below
from models.training.enrolment.network import SharedEstimator
from models.training.enrolment.voices import Voice
from models.training.runfolder import read_checkpoint
from models.training.singer.network import Estimator, NetworkSize
from models.training.singer.training import Plan, Trainer

VECTOR_NOISE = 0.1
"""Vectors are off by this much in training, so that places between them are voices, too."""
MIDDLE_SHARE = 0.1
"""So often a voice is to be sung with no vector, which makes zero the voice in the middle."""
VECTOR_WEIGHT = 1e-3
"""Of the squares of the vectors in the loss, which keeps them near the middle."""


class VoiceBatches:
    """Draws batches of one example from each of some voices.

    Args:
        voices: all of them.
        encoder: describes what is sung.
        plan: how long and how many the examples are.
        seed: of everything drawn.
    """

    def __init__(self, voices: Sequence[Voice], encoder: ContentEncoder, plan: Plan, seed: int) -> None:
        running = encoder.start()
        self._makers = [
            BatchMaker(
                voice.recordings,
                [1.0] * len(voice.recordings),
                running,
                plan.frames,
                1,
                int(np.random.SeedSequence([seed, index]).generate_state(1)[0]),
            )
            for index, voice in enumerate(voices)
        ]
        chance = np.array([voice.weight for voice in voices])
        self._chance = chance / chance.sum()
        self._batch = plan.batch
        self._rng = np.random.default_rng(seed)
        self.drawn = torch.zeros(0, dtype=torch.long)
        """The voices of the newest batch."""

    def __call__(self) -> Batch:
        """Draw the next batch."""
        drawn = self._rng.choice(len(self._makers), self._batch, p=self._chance)
        self.drawn = torch.from_numpy(drawn)
        return Batch(*map(torch.cat, zip(*(self._makers[index]() for index in drawn), strict=True)))


class SharedTrainer(Trainer):
    """The state of a run.

    Args:
        voices: to be learned.
        encoder: describes what is sung.
        plan: how to train.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, voices: Sequence[Voice], encoder: ContentEncoder, plan: Plan, device: str = "cpu"
    ) -> None:
        self._voices = voices
        self._limits = torch.tensor([voice.limit for voice in voices], dtype=torch.float32, device=device)
        super().__init__([], [], encoder, plan, device)

    def _new_network(self, size: NetworkSize) -> Estimator:
        return SharedEstimator(size, len(self._voices))

    def _new_maker(self) -> Callable[[], Batch]:
        return VoiceBatches(self._voices, self.encoder, self.plan, hash((self.plan.seed, self.step)) % 2**32)

    def begin_with(self, path: Path) -> None:
        """Take over the weights of a singer, from the checkpoint of its training: all voices part from it.

        Raises:
            TrainingError: it is no such checkpoint.
        """
        refusal = "is no checkpoint of a singer's training on this content encoder"
        with read_checkpoint(path, self.device, super()._kind(), refusal) as state:
            weights = {name.removeprefix("0."): part for name, part in state["average"].items()}
            for network in (self.network, self.average[0]):
                network.load_state_dict(weights, strict=False)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        network = cast(SharedEstimator, self.network)
        drawn = cast(VoiceBatches, self._maker).drawn.to(self.device)
        vectors = network.vectors(drawn)
        heard = vectors + VECTOR_NOISE * torch.randn_like(vectors)
        heard = heard * (torch.rand(len(drawn), 1, device=self.device) >= MIDDLE_SHARE)
        audio = self.renderer(batch, *network(batch.content, batch.pitch, heard))
        limits = self._limits[drawn]
        batch = batch._replace(target=below(batch.target, limits))
        near: Tensor = VECTOR_WEIGHT * vectors.square().sum(1).mean()
        return self._copy_loss(below(audio, limits), batch, sizes) + near

    def _kind(self) -> dict[str, object]:
        return super()._kind() | {"voices": [voice.name for voice in self._voices]}

    def _condition(self) -> str:
        return ", with these voices"
