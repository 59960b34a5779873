"""A training run of one network whose running average is exported: its step, its average, its checkpoints."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from models.training.runfolder import read_checkpoint, write_checkpoint

Network = TypeVar("Network", bound=nn.Module)


class AveragedTraining(Generic[Network]):
    """The state of a run.

    Args:
        network: to be trained.
        optimizer: of its parameters.
        decay: of the running average of weights.
        name: of the kind, for messages.
        version: of the checkpoint; another one is refused.
    """

    def __init__(
        self, network: Network, optimizer: torch.optim.Optimizer, decay: float, name: str, version: int
    ) -> None:
        self.step = 0
        self.network = network
        self.average = copy.deepcopy(network).requires_grad_(requires_grad=False)
        self._optimizer = optimizer
        self._decay = decay
        self._name, self._version = name, version

    def descend(self, loss: Tensor, learning_rate: float) -> None:
        """Do one step down the gradient of a loss."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimizer.step()
        self.step += 1
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self._decay, 1.0 - 1.0 / (self.step + 1))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)
        for known, new in zip(self.average.buffers(), self.network.buffers(), strict=True):
            known.copy_(new)  # what batch normalisation keeps is an average already

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is whole."""
        state: dict[str, Any] = {
            "format": self._version,
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        write_checkpoint(path, state)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            TrainingError: it is none, of another version, or of a training that diverged.
        """
        kind, refusal = {"format": self._version}, f"is no {self._name} checkpoint of this version"
        with read_checkpoint(path, torch.device("cpu"), kind, refusal) as state:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
