"""The supervised contrastive loss (Khosla et al. 2020): crops of one voice together, of others apart."""

from __future__ import annotations

import torch
from torch import Tensor


def contrast(vectors: Tensor, voices: Tensor, temperature: float) -> Tensor:
    """Return the mean over crops of -log of the share that their own voice has of the likeness to all others.

    Crops of one voice are never held against each other.

    Args:
        vectors: (crops, D), each of length 1; of every voice there are at least two.
        voices: (crops,), equal numbers for one voice.
        temperature: by which cosines are divided.
    """
    together = voices[:, None] == voices[None]
    same = together & ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    cosines = vectors @ vectors.T / temperature
    others = cosines.masked_fill(together, -torch.inf).logsumexp(1, keepdim=True)
    # Each pair of one voice against that pair and all other voices, not against further crops of its own.
    each = torch.logaddexp(cosines, others) - cosines
    return (each.masked_fill(~same, 0.0).sum(1) / same.sum(1)).mean()
