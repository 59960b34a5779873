"""Fit the shared network to one new voice: its vector, the offsets of its bands, and all weights a little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from models.differentiable.content import read_encoder
from models.training.batches import Batch, PreparedRecording
from models.training.enrolment.bandlimit import below
from models.training.enrolment.file import Shared
from models.training.enrolment.network import SharedEstimator
from models.training.enrolment.songs import Songs
from models.training.singer.network import Estimator, NetworkSize
from models.training.singer.publish import voiced_f0
from models.training.singer.renderers import Renderer
from models.training.singer.training import Plan, Trainer
from models.training.singer.wordguard import WordGuard, audible, envelopes

VECTOR_SHARE = 1.0
BAND_SHARE = 1.0
WEIGHT_SHARE = 0.1
"""Of the learning rate: of the vector, of the offsets of the bands, and of all other weights."""
GUARD_WEIGHT = 8.0
"""Of the words in the loss; with 3 an unheard voice kept 67 % of its vowels in a run, with this 68 to 70."""
FINALISTS = 16
"""Voices that are tried a second time in the search for the nearest."""
PULL = 1.0
"""Weight of the squared way from the start in the loss, for a second of reference."""


class FittingTrainer(Trainer):
    """The state of a fit.

    Args:
        recordings: of the new voice.
        limit: up to where they hold anything, hertz.
        shared: the network and what belongs to it; it stays as it is.
        plan: how to train.
        pull: towards the start.
    """

    def __init__(
        self,
        recordings: Sequence[PreparedRecording],
        limit: float,
        shared: Shared,
        plan: Plan,
        pull: float,
    ) -> None:
        self._limit = limit
        self._pull = pull
        super().__init__(recordings, [1.0] * len(recordings), shared.encoder, plan)
        vector = self._nearest(shared.network)
        state = {**shared.network.state_dict(), "vectors.weight": vector[None]}
        for network in (self.network, self.average[0]):
            network.load_state_dict(state)
        network = cast(SharedEstimator, self.network)
        network.film.requires_grad_(requires_grad=False)
        few = [network.vectors.weight, network.harmonic.bias, network.noise.bias]
        rest = [
            part
            for part in network.parameters()
            if part.requires_grad and all(part is not one for one in few)
        ]
        groups = [(few[:1], VECTOR_SHARE), (few[1:], BAND_SHARE), (rest, WEIGHT_SHARE)]
        self.optimizer = torch.optim.AdamW(
            [{"params": parts, "share": share} for parts, share in groups if share],
            betas=(0.9, 0.98),
            weight_decay=0.0,
        )
        self._parameters = [part for group in self.optimizer.param_groups for part in group["params"]]
        self._start = [part.detach().clone() for part in self._parameters]
        self._songs = Songs(shared.songs, voiced_f0(recordings), np.random.default_rng(plan.seed))
        heard = self._new_maker()()
        levels = envelopes(heard.target, heard.pitch)[audible(heard.pitch) > 0.0].mean(0)
        self._guard = WordGuard(read_encoder(self.encoder.path), levels)

    def _new_network(self, size: NetworkSize) -> Estimator:
        return SharedEstimator(size, 1)

    @property
    def averaged(self) -> tuple[Estimator, Renderer]:
        """The averaged network, its vector folded into plain weights, and the renderer."""
        network, render = super().averaged
        shared = cast(SharedEstimator, network)
        return shared.folded(shared.vectors.weight[0]), render

    @torch.no_grad()
    def _nearest(self, shared: SharedEstimator) -> Tensor:
        """Return the vector of the voice, or of the middle, whose copy differs least from the reference.

        All are tried on one example, the nearest then on a batch.
        """
        vectors = torch.cat([torch.zeros_like(shared.vectors.weight[:1]), shared.vectors.weight])
        batch = self._new_maker()()
        for examples, kept in ((1, FINALISTS), (self.plan.batch, 1)):
            some = Batch(*(part[:examples] for part in batch))
            losses = torch.stack([self._distance(shared, vector, some, [1024]) for vector in vectors])
            vectors = vectors[losses.argsort()[:kept]]
        return vectors[0]

    def _distance(
        self, network: SharedEstimator, vector: Tensor, batch: Batch, sizes: Sequence[int]
    ) -> Tensor:
        """Compare copies by the voice of a vector with their recordings."""
        audio = self.renderer(batch, *network(batch.content, batch.pitch, vector))
        limits = audio.new_full((audio.shape[0],), self._limit)
        batch = batch._replace(target=below(batch.target, limits))
        return self._copy_loss(below(audio, limits), batch, sizes)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        network = cast(SharedEstimator, self.network)
        parts = zip(self._parameters, self._start, strict=True)
        way = torch.stack([(now - start).square().sum() for now, start in parts]).sum()
        return (
            self._distance(network, network.vectors.weight[0], batch, sizes)
            + self._pull * way
            + GUARD_WEIGHT * self._words_lost(network)
        )

    def _words_lost(self, network: SharedEstimator) -> Tensor:
        """Sing what others sang, and compare what is heard."""
        rng = np.random.default_rng([self.plan.seed, self.step])
        songs = self._songs.draw(self.plan.batch, rng)
        audio = self.renderer(songs, *network(songs.content, songs.pitch, network.vectors.weight[0]))
        return cast(Tensor, self._guard(audio, songs.pitch, songs.content))
