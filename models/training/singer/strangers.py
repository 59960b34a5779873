"""Finish a singer among strangers: it learns to make controls of other voices that pass as its own.

Training sees the singer in disguise only, never what a real other voice leaves in the controls. Here it does:
excerpts of unlabelled other voices, moved to the singer's own pitches, must give controls that a critic
cannot tell from the singer's own (domain-adversarial training, Ganin et al. 2016; hinge loss with spectral
normalisation, Miyato et al. 2018). A guard keeps the movement of the controls from frame to frame like
that of the network before, so that the words stay.
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

from dsp.candidates import F0_HIGH, F0_LOW
from dsp.controls import VOICED
from models.errors import TrainingError
from models.training.batches import Batch, BatchMaker, Material, prepare
from models.training.corpus import Recording, load_corpus, recordings_in
from models.training.perturbation import Perturbation
from models.training.schedule import rise
from models.training.singer.critic import Critic, audible, hinge, mean_of, movement_change, together
from models.training.singer.network import Estimator
from models.training.singer.publish import voiced_f0
from models.training.singer.training import Trainer

MILD = Perturbation(warp=1.12, band_warp=0.02, blur=1.3, tilt_db=4.0, level_db=6.0)
"""Strangers are voices of their own already: little disguise."""
PLAIN = Perturbation(1.0, 0.0, 1.0, 0.0, 0.0, (-120.0, -119.0), (23999.0, 24000.0), (200.0, 201.0))
"""The singer as recorded."""
PIECE_FRAMES = 400
"""Shorter recordings, such as single notes, are put one after the other up to this length."""
CRITIC_WEIGHT = 0.25
GUARD_WEIGHT = 0.3
RAMP_STEPS = 300
"""Both weights rise to their values over these: the critic must know something before it is heeded."""
LEARNING_RATE = 2e-4
RISE_STEPS = 100
FALL_SHARE = 0.7
"""In this last share of the finish the learning rate falls to 0 in a line."""
CRITIC_BETAS = (0.5, 0.9)
BETAS = (0.5, 0.98)


def read_strangers(
    strangers: Path,
    folder: Path,
    frames: int,
    cache: Path,
    files: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> list[Material]:
    """Read and prepare the recordings of other voices.

    Args:
        strangers: their folder; subfolders count.
        folder: the singer's.
        frames: length of the excerpts to be drawn.
        cache: where analyses are kept.
        files: wraps the files that are analysed, such as a progress bar.

    Raises:
        TrainingError: there are none, none is sung, they are too short, or one folder lies in the other.
    """
    place, own = strangers.resolve(), folder.resolve()
    if place.is_relative_to(own) or own.is_relative_to(place):
        raise TrainingError(
            f"the strangers in {strangers} share a folder with the singer; keep them in one of their own"
        )
    found = pieces([load_corpus([path], cache)[0] for path in files(recordings_in(strangers))])
    if all(piece.recording.frames <= frames + 1 for piece in found):
        raise TrainingError(
            f"the voices in {strangers} last no {frames / 100:.1f} s together; give some minutes of them"
        )
    return found


def pieces(recordings: Sequence[Recording]) -> list[Material]:
    """Prepare the recordings in which something is sung; short ones are joined.

    Raises:
        TrainingError: nothing is voiced.
    """
    sung = [recording for recording in recordings if recording.voicing.max(initial=0.0) > VOICED]
    if not sung:
        raise TrainingError("the strangers hold no sung note; give recordings of other singing voices")
    groups: list[list[Recording]] = []
    for recording in sung:
        if groups and sum(part.frames for part in groups[-1]) < PIECE_FRAMES:
            groups[-1].append(recording)
        else:
            groups.append([recording])
    return [prepare(_joined(group)) for group in groups]


def _joined(group: Sequence[Recording]) -> Recording:
    arrays = [(part.audio, part.power, part.loudness, part.f0, part.voicing) for part in group]
    return Recording(group[0].name, *(np.concatenate(parts) for parts in zip(*arrays, strict=True)))


class Finish(Trainer):
    """The second stage of a training run; its checkpoint is one of its own.

    Args:
        trainer: the run so far; it stays as it is.
        own: the singer's recordings without transposition.
        strangers: other voices, as `pieces` gives them.

    Raises:
        TrainingError: the singer has no voiced frame, or the strangers are too short.
    """

    def __init__(self, trainer: Trainer, own: Sequence[Material], strangers: Sequence[Material]) -> None:
        super().__init__(*trainer.batches, trainer.plan, str(trainer.device))
        self.network.load_state_dict(trainer.network.state_dict())
        self.renderer.load_state_dict(trainer.renderer.state_dict())
        self.renderer.requires_grad_(False)
        self.average.load_state_dict(trainer.average.state_dict())
        self.before: Estimator = copy.deepcopy(trainer.averaged[0])
        self.begin = self.step = trainer.step
        self.plan = replace(trainer.plan, steps=self.begin + trainer.plan.finish_steps)
        self._parameters = [*self.network.parameters()]
        self.optimizer = torch.optim.AdamW(self._parameters, betas=BETAS, weight_decay=0.01)
        self._own, self._strangers = own, strangers
        self._own_f0 = voiced_f0(own)
        self._set_out()
        channels = torch.cat([together(*self._real()).flatten(0, 1) for _ in range(2)])
        self.critic = Critic(channels.mean(0), channels.std(0) + 0.05).to(self.device)
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=LEARNING_RATE, betas=CRITIC_BETAS
        )

    def _set_out(self) -> None:
        """Seed what is drawn by the step."""
        self._maker = self._new_maker()
        frames, batch = self.plan.frames, self.plan.batch
        own, strangers, pitch = np.random.SeedSequence([self.plan.seed, self.step]).generate_state(3).tolist()
        self._own_maker = BatchMaker(self._own, [1.0] * len(self._own), frames, batch, own, PLAIN)
        self._stranger_maker = BatchMaker(
            self._strangers, [1.0] * len(self._strangers), frames, batch, strangers, MILD
        )
        self._rng = np.random.default_rng(pitch)

    def learning_rate(self) -> float:
        """Return the learning rate of this step: up, level, down to 0."""
        left = (self.plan.steps - self.step) / max(1, self.plan.finish_steps)
        return LEARNING_RATE * min(rise(self.step - self.begin, RISE_STEPS), left / FALL_SHARE)

    @torch.no_grad()
    def _real(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draw the singer: harmonic, noise and pitch, by the averaged network."""
        drawn = self._own_maker()
        envelope, pitch = drawn.envelope.to(self.device), drawn.pitch.to(self.device)
        return (*self.averaged[0](envelope, pitch), pitch)

    def _stranger(self) -> tuple[Tensor, Tensor]:
        """Draw strangers' envelopes and their pitch, its median moved to a pitch of the singer's."""
        drawn = self._stranger_maker()
        pitch = drawn.pitch.clone()
        for example in pitch:
            sung = example[example[:, 1] > VOICED, 0]
            if sung.numel():
                ratio = float(self._rng.choice(self._own_f0)) / float(sung.median())
                example[:, 0] = (example[:, 0] * ratio).clamp(F0_LOW, F0_HIGH)
        return drawn.envelope.to(self.device), pitch.to(self.device)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        loss = super()._loss(batch, sizes)
        real = self._real()
        envelope, pitch = self._stranger()
        with torch.no_grad():
            before = self.before(envelope, pitch)
        harmonic, noise = self.network(envelope, pitch)
        fake, weight = together(harmonic, noise, pitch), audible(pitch)
        self._teach(together(*real), audible(real[2]), fake.detach(), weight)
        fooled = -mean_of(self.critic(fake, weight), weight)
        guard = movement_change(harmonic, before[0], weight) + movement_change(noise, before[1], weight)
        ramp = min(1.0, (self.step - self.begin) / RAMP_STEPS)
        return loss + ramp * (CRITIC_WEIGHT * fooled + GUARD_WEIGHT * guard)

    def _teach(self, real: Tensor, real_weight: Tensor, fake: Tensor, fake_weight: Tensor) -> None:
        """Let the critic learn from a batch of each."""
        loss = hinge(self.critic(real, real_weight), real_weight, 1.0)
        loss = loss + hinge(self.critic(fake, fake_weight), fake_weight, -1.0)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()

    def _state(self) -> dict[str, Any]:
        return super()._state() | {
            "strangers": [material.recording.name for material in self._strangers],
            "critic": self.critic.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }

    def _restore(self, state: dict[str, Any], path: Path) -> None:
        if state.get("strangers") != [material.recording.name for material in self._strangers]:
            raise TrainingError(f"{path} was begun among other strangers; delete it to finish afresh")
        super()._restore(state, path)
        self.critic.load_state_dict(state["critic"])
        self.critic_optimizer.load_state_dict(state["critic_optimizer"])
        self._set_out()
