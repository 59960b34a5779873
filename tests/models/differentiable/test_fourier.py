"""The differentiable real transform: torch's bins, and the exact gradient."""

from __future__ import annotations

import pytest
import torch

from models.differentiable.fourier import rfft


@pytest.mark.parametrize("samples", [12, 7])
def test_bins_and_gradient(samples: int) -> None:
    x = torch.randn(3, samples, dtype=torch.double, requires_grad=True)
    assert torch.equal(rfft(x, 12), torch.fft.rfft(x, 12))
    assert torch.autograd.gradcheck(lambda part: torch.view_as_real(rfft(part, 12)), (x,))
