"""Adversarial training, the second stage of a singer: it sings other voices, and is to pass as a recording.

The first stage compares a copy with its recording, and never hears a real other voice. Here unlabelled other
voices are sung at the singer's own pitches. A guard of the words (`models.training.singer.wordguard`) has the
conversions say what was sung, and a critic of spectra (`models.training.singer.critic`) hears the singer's
recordings against the copies and the conversions (domain-adversarial training, Ganin et al. 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsp.controls import VOICED
from dsp.units import MAX_F0, MIN_F0
from models.differentiable.content import read_encoder
from models.errors import TrainingError
from models.training.batches import Batch, BatchMaker, PreparedRecording, prepare
from models.training.corpus import Recording, joined, load_corpus, recordings_in
from models.training.perturbation import Perturbation
from models.training.schedule import rise
from models.training.singer.critic import Critic, CriticInputs, critic_inputs, hinge_loss, mean_score
from models.training.singer.publish import voiced_f0
from models.training.singer.training import Trainer
from models.training.singer.wordguard import WordGuard, audible, envelopes

PLAIN = Perturbation(1.0, 0.0, 1.0, 0.0, 0.0, (-120.0, -119.0), (23999.0, 24000.0), (200.0, 201.0))
"""None, of the singer's own recordings."""
PIECE_FRAMES = 400
"""Shorter recordings, such as single notes, are put one after the other up to this length."""
TRANSPOSED = 3
"""Of each piece of another voice so many versions are made, each at a pitch drawn from the singer's."""
ADVERSARIAL_WEIGHT = 0.1
GUARD_WEIGHT = 3.0
RAMP_STEPS = 300
"""The adversarial weight rises to its value over these: the critic must learn something first."""
LEARNING_RATE = 2e-4
RISE_STEPS = 100
FALL_SHARE = 0.7
"""In this last share of the stage the learning rate falls linearly to 0."""
SCALE_BATCHES = 8
"""Batches of the singer's recordings over which the critic's scale and the guard's mean are taken."""
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


def at_pitches(
    pieces: Sequence[PreparedRecording], pitches: NDArray[np.float32], rng: np.random.Generator
) -> list[PreparedRecording]:
    """Move each piece to `TRANSPOSED` pitches drawn from a singer's, hertz; what is sung stays as it is."""
    moved = []
    for piece in pieces:
        recording = piece.recording
        middle = np.median(recording.f0[recording.voicing > VOICED])
        for pitch in rng.choice(pitches, TRANSPOSED):
            f0 = np.clip(recording.f0 * (pitch / middle), MIN_F0, MAX_F0)
            moved.append(replace(prepare(replace(recording, f0=f0)), width=piece.width))
    return moved


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
        # On from the running average, whose weights have settled.
        network, render = trainer.averaged
        for part, found in ((self.network, network), (self.average[0], network)):
            part.load_state_dict(found.state_dict())
        for part in (self.renderer, self.average[1]):
            part.load_state_dict(render.state_dict())
        self.renderer.requires_grad_(False)
        self.begin = self.step = trainer.step
        self.plan = replace(trainer.plan, steps=self.begin + trainer.plan.adversarial_steps)
        self._parameters = [*self.network.parameters()]
        self.optimizer = torch.optim.AdamW(self._parameters, betas=BETAS, weight_decay=0.01)
        pitches = voiced_f0(own)
        self._others = at_pitches(others, pitches, np.random.default_rng(self.plan.seed))
        self._own = own
        self._seed_draws()
        with torch.no_grad():
            drawn = [self._own_maker().to(self.device) for _ in range(SCALE_BATCHES)]
            every = [critic_inputs(batch.target, batch.pitch, self.plan.skipped) for batch in drawn]
            examples = [
                (torch.cat([spectra for spectra, _ in size]), size[0][1]) for size in zip(*every, strict=True)
            ]
            means = [
                envelopes(batch.target, batch.pitch)[audible(batch.pitch) > 0.0].mean(0) for batch in drawn
            ]
        self.critic = Critic(examples).to(self.device)
        self.guard = WordGuard(read_encoder(self.encoder.path), torch.stack(means).mean(0)).to(self.device)
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=LEARNING_RATE, betas=CRITIC_BETAS
        )

    def _seed_draws(self) -> None:
        """Seed everything drawn by the step; of own and other excerpts half as many as of copies."""
        self._maker = self._new_maker()
        frames, batch = self.plan.frames, max(1, self.plan.batch // 2)
        seeds = np.random.SeedSequence([self.plan.seed, self.step]).generate_state(2).tolist()
        self._own_maker, self._other_maker = (
            BatchMaker(found, [1.0] * len(found), self.encoder.start(), frames, batch, seed, how)
            for found, seed, how in zip((self._own, self._others), seeds, (PLAIN, None), strict=True)
        )

    def learning_rate(self) -> float:
        """Return the learning rate of this step: up, level, down to 0."""
        left = (self.plan.steps - self.step) / max(1, self.plan.adversarial_steps)
        return LEARNING_RATE * min(rise(self.step - self.begin, RISE_STEPS), left / FALL_SHARE)

    def _loss(self, batch: Batch, sizes: Sequence[int]) -> Tensor:
        copied = self.renderer(batch, *self.network(batch.content, batch.pitch))
        loss = self._copy_loss(copied, batch, sizes)
        other = self._other_maker().to(self.device)
        converted = self.renderer(other, *self.network(other.content, other.pitch))
        guarded: Tensor = self.guard(converted, other.pitch, other.content)
        own = self._own_maker().to(self.device)
        skipped = self.plan.skipped
        real = critic_inputs(own.target, own.pitch, skipped)
        fakes = [critic_inputs(copied, batch.pitch, skipped), critic_inputs(converted, other.pitch, skipped)]
        self._train_critic(real, [[(part.detach(), mask) for part, mask in fake] for fake in fakes])
        score = torch.stack([mean_score(self.critic(fake), fake) for fake in fakes]).mean()
        ramp = min(1.0, (self.step - self.begin) / RAMP_STEPS)
        return loss + GUARD_WEIGHT * guarded - ramp * ADVERSARIAL_WEIGHT * score

    def _train_critic(self, real: CriticInputs, fakes: Sequence[CriticInputs]) -> None:
        """Do one step of the critic."""
        loss = hinge_loss(self.critic(real), real, 1.0)
        for fake in fakes:
            loss = loss + hinge_loss(self.critic(fake), fake, -1.0) / len(fakes)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()

    def _state(self) -> dict[str, Any]:
        return super()._state() | {
            "critic": self.critic.state_dict(),
            "critic_optimizer": self.critic_optimizer.state_dict(),
        }

    def _kind(self) -> dict[str, object]:
        return super()._kind() | {
            "others": [prepared.recording.name for prepared in self._others[::TRANSPOSED]]
        }

    def _condition(self) -> str:
        return ", with a second stage that hears these other voices"

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        self.critic.load_state_dict(state["critic"])
        self.critic_optimizer.load_state_dict(state["critic_optimizer"])
        self._seed_draws()
