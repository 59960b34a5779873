"""The real Fourier transform with a real one as its gradient: torch takes a complex one, ten times dearer."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor


class _RealTransform(torch.autograd.Function):
    """`torch.fft.rfft` of an even size over the last axis."""

    @staticmethod
    def forward(context: Any, x: Tensor, size: int) -> Tensor:  # noqa: ANN401 - torch's own
        context.samples, context.size = x.shape[-1], size
        return cast(Tensor, torch.fft.rfft(x, size))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        # Each bin but the first and the last stands for two in the inverse transform.
        halved = 0.5 * gradient
        ends = slice(None, None, gradient.shape[-1] - 1)
        halved[..., ends] = gradient[..., ends]
        return torch.fft.irfft(halved, context.size, norm="forward")[..., : context.samples], None


def rfft(x: Tensor, size: int) -> Tensor:
    """Return the bins of a real signal from 0 to Nyquist, (..., size / 2 + 1).

    Args:
        x: (..., samples), at most `size` of them; zeros follow.
        size: of the transform, even.
    """
    return cast(Tensor, _RealTransform.apply(x, size))  # type: ignore[no-untyped-call]
