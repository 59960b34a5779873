"""The seed's models by name, as published and in a size that one core trains in a quarter of an hour."""

from __future__ import annotations

from models.training.guide.pairs.spectrogram import FRAMES, MELS
from models.training.guide.seed.autovc import AutoVcSize, autovc
from models.training.guide.seed.coding import PairNetwork, Size
from models.training.guide.seed.larsen import LarsenSize, vaegan
from models.training.guide.seed.resnet import ResNetSize, vae

SizeOf = ResNetSize | LarsenSize | AutoVcSize
POOLED = FRAMES // 4
"""Frames of the small ones, 46 ms apart: a network of a quarter of the frames takes a quarter of the time."""
SIZES: dict[str, dict[str, SizeOf]] = {
    "vae": {
        "published": ResNetSize((MELS, FRAMES), (64, 128, 256, 512), 512, (4, 4)),
        "small": ResNetSize((MELS, POOLED), (16, 32, 64, 128), 128, (3, 7)),
    },
    "vaegan": {
        "published": LarsenSize((64, 64), (64, 128, 256), 32, 2048, 64),
        "small": LarsenSize((MELS, POOLED + 1), (16, 32, 64), 16, 256, 128),
    },
    "autovc": {
        "published": AutoVcSize((MELS, FRAMES), 512, 160, 20, 1024, 128),
        "small": AutoVcSize((MELS, POOLED), 128, 20, 5, 256, 128),
        "narrow": AutoVcSize((MELS, POOLED), 128, 20, 5, 256, 8),
    },
}
"""By model and variant. Published: of the VAE ResNet-18 and the latent size 1024 of the seed's code; of the
VAE/GAN what Larsen et al. print, for images of 64 by 64 (the seed names no figures of its own); of AutoVC
what the seed's code has. Narrow: the small one with a sixteenth of the bottleneck, which the seed holds to be
what makes a model listen to the accompaniment."""


def built(model: str, variant: str) -> tuple[PairNetwork, Size]:
    """Return a network with random weights, and the size of the spectrograms that it reads and makes.

    Args:
        model: one of `SIZES`.
        variant: "small" or "published".
    """
    size = SIZES[model][variant]
    if isinstance(size, ResNetSize):
        return vae(size), size.image
    return (vaegan(size) if isinstance(size, LarsenSize) else autovc(size)), size.image
