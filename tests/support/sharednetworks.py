"""A network that all voices share, of two voices that nobody has, to test enrolment without its training."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.content.file import digest
from models.content.file import shipped as shipped_encoder
from models.training.enrolment.file import SharedManifest
from models.training.enrolment.network import SharedEstimator
from models.training.enrolment.songs import FRAMES
from models.training.singer.renderers import size_of


def some_network(voices: int = 2) -> SharedEstimator:
    """A network in which vectors change everything that they can."""
    torch.manual_seed(1)
    network = SharedEstimator(size_of("sawsing", 32), voices)
    nn.init.normal_(network.film.weight, std=0.05)
    return network


def some_songs() -> Tensor:
    """Two songs, of content at random."""
    content, pitch = torch.rand(2, FRAMES, 32), torch.tensor([300.0, 1.0, -20.0]).expand(2, FRAMES, 3)
    return torch.cat([content, pitch], 2).half()


def manifest_of(voices: int = 2) -> SharedManifest:
    return SharedManifest(
        licence="CC0",
        attribution="the makers of voices",
        training_data="made",
        content=digest(shipped_encoder()),
        voices=tuple(f"voice{number}" for number in range(voices)),
        steps=2,
    )
