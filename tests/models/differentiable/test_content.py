"""The differentiable content encoder: the shipped file's numbers, with a gradient for what it reads."""

from __future__ import annotations

import numpy as np
import torch

from models.content.file import ContentEncoder, shipped
from models.differentiable.content import BANDS, SIZE, read_encoder


def test_it_describes_as_the_file_does() -> None:
    bands = np.random.default_rng(8).uniform(-60.0, -10.0, (50, BANDS)).astype(np.float32)
    envelope = torch.from_numpy(bands)[None].requires_grad_()
    found = read_encoder(shipped())(envelope)
    assert found.shape == (1, 50, SIZE)
    wanted = ContentEncoder(shipped()).start().process(bands)
    assert np.max(np.abs(found[0].detach().numpy() - wanted)) < 1e-5
    found.sum().backward()
    assert envelope.grad is not None
    assert float(envelope.grad.abs().max()) > 0.0
