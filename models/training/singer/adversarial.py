"""Adversarial training, the second stage of a singer: controls made of other voices are to pass as its own.

The first stage sees the singer's own recordings, perturbed, and never what a real other voice leaves in the
controls. Here it does: excerpts of unlabelled other voices, moved to the singer's own pitches, must give
controls that a critic cannot tell from the singer's own (domain-adversarial training, Ganin et al. 2016;
hinge loss with spectral normalisation, Miyato et al. 2018). Another loss keeps the frame-to-frame differences
of the controls like those of the network before, so that the words stay.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dsp.controls import VOICED
from dsp.units import MAX_F0, MIN_F0
from models.errors import TrainingError
from models.training.batches import Batch, BatchMaker, PreparedRecording, prepare
from models.training.corpus import Recording, joined, load_corpus, recordings_in
from models.training.perturbation import Perturbation
from models.training.schedule import rise
from models.training.singer.critic import (
    Critic,
    audible_mask,
    critic_input,
    delta_loss,
    hinge_loss,
    masked_mean,
)
from models.training.singer.network import Estimator
from models.training.singer.publish import voiced_f0
from models.training.singer.training import Trainer

MILD = Perturbation(warp=1.12, band_warp=0.02, blur=1.3, tilt_db=4.0, level_db=6.0)
"""Of other voices, which differ from the singer by themselves: little."""
PLAIN = Perturbation(1.0, 0.0, 1.0, 0.0, 0.0, (-120.0, -119.0), (23999.0, 24000.0), (200.0, 201.0))
"""Of the singer's own recordings: none."""
PIECE_FRAMES = 400
"""Shorter recordings, such as single notes, are put one after the other up to this length."""
ADVERSARIAL_WEIGHT = 0.25
DELTA_WEIGHT = 0.3
RAMP_STEPS = 300
"""Both weights rise to their values over these: the critic must learn something first."""
LEARNING_RATE = 2e-4
RISE_STEPS = 100
FALL_SHARE = 0.7
"""In this last share of the stage the learning rate falls linearly to 0."""
CRITIC_BETAS = (0.5, 0.9)
BETAS = (0.5, 0.98)


def read_other_voices(
    others: Path,
    folder: Path,
    frames: int,
    cache: Path,
    files: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> list[PreparedRecording]:
    """Read and prepare the recordings of other voices.

    Args:
        others: their folder; subfolders count.
        folder: the singer's.
        frames: length of the excerpts to be drawn.
        cache: where analyses are kept.
        files: wraps the files that are analysed, such as a progress bar.

    Raises:
        TrainingError: there are none, none is sung, they are too short, or one folder lies in the other.
    """
    place, own = others.resolve(), folder.resolve()
    if place.is_relative_to(own) or own.is_relative_to(place):
        raise TrainingError(
            f"the other voices in {others} share a folder with the singer; keep them in one of their own"
        )
    found = prepared_pieces([load_corpus([path], cache)[0] for path in files(recordings_in(others))])
    if all(piece.recording.frames <= frames + 1 for piece in found):
        raise TrainingError(
            f"the voices in {others} last no {frames / 100:.1f} s together; give some minutes of them"
        )
    return found


def prepared_pieces(recordings: Sequence[Recording]) -> list[PreparedRecording]:
    """Prepare the recordings in which something is sung; short ones are joined.

    Raises:
        TrainingError: nothing is voiced.
    """
    sung = [recording for recording in recordings if recording.voicing.max(initial=0.0) > VOICED]
    if not sung:
        raise TrainingError("the other voices hold no sung note; give recordings of singing voices")
    groups: list[list[Recording]] = []
    for recording in sung:
        if groups and sum(part.frames for part in groups[-1]) < PIECE_FRAMES:
            groups[-1].append(recording)
        else:
            groups.append([recording])
    return [prepare(joined(group)) for group in groups]


class AdversarialTrainer(Trainer):
    """The second stage of a training run; it has a checkpoint of its own.

    Args:
        trainer: the run so far; it stays as it is.
        own: the singer's recordings without transposition.
        others: other voices, from `prepared_pieces`.

    Raises:
        TrainingError: the singer has no voiced frame, or the other voices are too short.
    """

    def __init__(
        self, trainer: Trainer, own: Sequence[PreparedRecording], others: Sequence[PreparedRecording]
    ) -> None:
        super().__init__(*trainer.batches, trainer.encoder, trainer.plan, str(trainer.device))
        self.network.load_state_dict(trainer.network.state_dict())
        self.renderer.load_state_dict(trainer.renderer.state_dict())
        self.renderer.requires_grad_(False)
        self.average.load_state_dict(trainer.average.state_dict())
        self.before: Estimator = copy.deepcopy(trainer.averaged[0])
        self.begin = self.step = trainer.step
        self.plan = replace(trainer.plan, steps=self.begin + trainer.plan.adversarial_steps)
        self._parameters = [*self.network.parameters()]
        self.optimizer = torch.optim.AdamW(self._parameters, betas=BETAS, weight_decay=0.01)
        self._own, self._others = own, others
        self._own_f0 = voiced_f0(own)
        self._seed_draws()
        channels = torch.cat([critic_input(*self._draw_own()).flatten(0, 1) for _ in range(2)])
        self.critic = Critic(channels.mean(0), channels.std(0) + 0.05).to(self.device)
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=LEARNING_RATE, betas=CRITIC_BETAS
        )

    def _seed_draws(self) -> None:
        """Seed everything drawn by the step."""
        self._maker = self._new_maker()
        frames, batch = self.plan.frames, self.plan.batch
        own, others, pitch = np.random.SeedSequence([self.plan.seed, self.step]).generate_state(3).tolist()
        self._own_maker, self._other_maker = (
            BatchMaker(found, [1.0] * len(found), self.encoder.start(), frames, batch, seed, how)
            for found, seed, how in ((self._own, own, PLAIN), (self._others, others, MILD))
        )
        self._rng = np.random.default_rng(pitch)

    def learning_rate(self) -> float:
        """Return the learning rate of this step: up, level, down to 0."""
        left = (self.plan.steps - self.step) / max(1, self.plan.adversarial_steps)
        return LEARNING_RATE * min(rise(self.step - self.begin, RISE_STEPS), left / FALL_SHARE)

    @torch.no_grad()
    def _draw_own(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the singer's own excerpts: harmonic and noise controls of the averaged network, and pitch."""
        drawn = self._own_maker()
        content, pitch = drawn.content.to(self.device), drawn.pitch.to(self.device)
        return (*self.averaged[0](content, pitch), pitch)

    def _draw_others(self) -> tuple[Tensor, Tensor]:
        """Draw other voices' content and their pitch, its median moved to a pitch of the singer's."""
        drawn = self._other_maker()
        pitch = drawn.pitch.clone()
        for example in pitch:
            sung = example[example[:, 1] > VOICED, 0]
            if sung.numel():
                ratio = float(self._rng.choice(self._own_f0)) / float(sung.median())
                example[:, 0] = (example[:, 0] * ratio).clamp(MIN_F0, MAX_F0)
        return drawn.content.to(self.device), pitch.to(self.device)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        loss = super()._loss(batch, sizes)
        real = self._draw_own()
        content, pitch = self._draw_others()
        with torch.no_grad():
            before = self.before(content, pitch)
        harmonic, noise = self.network(content, pitch)
        fake, weight = critic_input(harmonic, noise, pitch), audible_mask(pitch)
        self._train_critic(critic_input(*real), audible_mask(real[2]), fake.detach(), weight)
        adversarial = -masked_mean(self.critic(fake, weight), weight)
        deltas = delta_loss(harmonic, before[0], weight) + delta_loss(noise, before[1], weight)
        ramp = min(1.0, (self.step - self.begin) / RAMP_STEPS)
        return loss + ramp * (ADVERSARIAL_WEIGHT * adversarial + DELTA_WEIGHT * deltas)

    def _train_critic(self, real: Tensor, real_weight: Tensor, fake: Tensor, fake_weight: Tensor) -> None:
        """Do one step of the critic on a batch of each side."""
        loss = hinge_loss(self.critic(real, real_weight), real_weight, 1.0)
        loss = loss + hinge_loss(self.critic(fake, fake_weight), fake_weight, -1.0)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()

    def _state(self) -> dict[str, Any]:
        return super()._state() | {
            "critic": self.critic.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }

    def _kind(self) -> dict[str, object]:
        return super()._kind() | {"others": [prepared.recording.name for prepared in self._others]}

    def _condition(self) -> str:
        return ", with a second stage that hears these other voices"

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.critic.load_state_dict(state["critic"])
        self.critic_optimizer.load_state_dict(state["critic_optimizer"])
        self._seed_draws()
