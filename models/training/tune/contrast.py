"""The loss of contrastive learning: views of the same are drawn together, all others apart."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.5


def contrast(projected: Tensor, labels: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Return the mean loss of the views that have another view of their label beside them.

    With two views of each label it is NT-Xent (Chen et al. 2020, equation 1); with more it is supervised
    contrastive learning (Khosla et al. 2020, equation 2). A view alone with its label is a negative of all
    others.

    Args:
        projected: (views, width), of any length: their directions are compared.
        labels: (views,) whole numbers; equal ones are positives of each other, all others negatives.
        temperature: divides the cosines; a low one minds the nearest negatives most.

    Raises:
        ValueError: no label has two views.
    """
    directions = functional.normalize(projected, dim=1)
    itself = torch.eye(labels.numel(), dtype=torch.bool, device=labels.device)
    positive = (labels[:, None] == labels[None]) & ~itself
    count = positive.sum(1)
    if not bool(count.any()):
        raise ValueError("no label has two views; give at least one pair of the same")
    likeness = (directions @ directions.T / temperature).masked_fill(itself, -torch.inf)
    surprise = torch.where(positive, -functional.log_softmax(likeness, 1), 0.0).sum(1)
    return (surprise / count.clamp(min=1))[count > 0].mean()
