"""The terms of the losses, as the papers write them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.training.guide.seed.coding import Draw


def divergence(draw: Draw) -> Tensor:
    """Return the mean over a batch of KL(q(z | x) || N(0, I)), in nats.

    The seed's code draws it once (Monte Carlo); this is its expectation.
    """
    terms = draw.mean**2 + draw.log_variance.exp() - draw.log_variance - 1.0
    return 0.5 * terms.sum(dim=1).mean()


def surprise(wanted: Tensor, found: Tensor, log_scale: Tensor) -> Tensor:
    """Return the mean over a batch of -log p(wanted), independent normal numbers about `found`, in nats.

    Args:
        wanted: (batch, ...).
        found: of the same shape.
        log_scale: logarithm of the standard deviation, shape (1,).
    """
    terms = 0.5 * ((wanted - found) / log_scale.exp()) ** 2 + log_scale + 0.5 * math.log(2.0 * math.pi)
    return terms.flatten(1).sum(dim=1).mean()


def likeness_loss(wanted: Tensor, found: Tensor) -> Tensor:
    """Return Larsen's L_llike: half the squared distance of a discriminator's features, mean over a batch.

    Up to a constant it is -log p of the real ones' features, normal with variance 1 about the found ones'.
    """
    return 0.5 * ((wanted - found) ** 2).flatten(1).sum(dim=1).mean()


def game(real: Tensor, *made: Tensor) -> Tensor:
    """Return Larsen's L_GAN, which the discriminator raises and the decoder lowers.

    log Dis(x) + log(1 - Dis(Dec(Enc(x)))) + log(1 - Dis(Dec(z_p))), mean over a batch.

    Args:
        real: the discriminator's logits of real vocals, (batch,).
        made: of those made; by the decoder of codes, and of the prior.
    """
    log = torch.nn.functional.logsigmoid
    total = log(real).mean()
    for one in made:
        total = total + log(-one).mean()
    return total
