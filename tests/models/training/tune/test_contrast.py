"""The contrastive loss is NT-Xent for pairs and the supervised one for more, by independent sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.training.tune.contrast import contrast


def by_sums(projected: NDArray[np.float64], labels: list[int], temperature: float) -> float:
    """Return the mean over anchors of the mean over positives of -log(exp(s_p) / sum of exp(s_a))."""
    units = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    losses = []
    for i, label in enumerate(labels):
        others = [j for j in range(len(labels)) if j != i]
        below = sum(np.exp(units[i] @ units[j] / temperature) for j in others)
        found = [
            -np.log(np.exp(units[i] @ units[j] / temperature) / below) for j in others if labels[j] == label
        ]
        losses += [float(np.mean(found))] if found else []
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.5, 0.1])
@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2, 3, 0, 1, 2, 3],  # NT-Xent
        [0, 0, 1, 1, 2, 2, 3, 3],  # the same pairs in another order
        [7, 7, 7, 2, 2, 7, 5, 2],  # voices with several recordings, and one with one
    ],
)
def test_the_loss_is_that_of_the_papers(labels: list[int], temperature: float) -> None:
    projected = np.random.default_rng(0).standard_normal((8, 5))
    found = contrast(torch.from_numpy(projected), torch.tensor(labels), temperature)
    assert float(found) == pytest.approx(by_sums(projected, labels, temperature), rel=1e-12)


def test_the_loss_of_known_views() -> None:
    """Two pairs at right angles: of three others one is alike, cosine 1, and two are not, cosine 0."""
    views = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.5]])
    found = contrast(views, torch.tensor([0, 1, 0, 1]))
    assert float(found) == pytest.approx(np.log(1.0 + 2.0 * np.exp(-2.0)), rel=1e-6)


def test_gradients_are_finite_where_a_view_is_alone() -> None:
    views = torch.randn(5, 4, requires_grad=True)
    contrast(views, torch.tensor([0, 0, 1, 2, 2])).backward()  # type: ignore[no-untyped-call]
    assert views.grad is not None
    assert bool(torch.isfinite(views.grad).all())
    assert bool(views.grad[2].any())  # as a negative of the others


def test_there_must_be_a_pair() -> None:
    with pytest.raises(ValueError, match="no label has two views; give at least one pair"):
        contrast(torch.randn(3, 4), torch.tensor([0, 1, 2]))
