"""The differentiable envelope: the engine's own numbers, with a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dsp.spectrum import Analyzer, envelope
from dsp.units import hop_size
from models.differentiable.envelope import envelope_of


@pytest.mark.parametrize("rate", [44100, 48000])
def test_it_is_the_envelope_of_the_engine(rate: int) -> None:
    frames, hop = 40, hop_size(rate)
    rng = np.random.default_rng(5)
    time = np.arange(frames * hop) / rate
    audio = (0.1 * rng.standard_normal(time.size) + 0.3 * np.sin(2.0 * np.pi * 300.0 * time)).astype(
        np.float32
    )
    audio[: 5 * hop] = 0.0
    width = rng.uniform(80.0, 900.0, frames)
    spectrum = Analyzer(rate).process(audio)
    wanted = envelope(spectrum.power, spectrum.loudness, width)
    found = envelope_of(torch.from_numpy(audio)[None], torch.from_numpy(width)[None], rate)[0].numpy()
    assert np.max(np.abs(found - wanted)) < 2e-4  # dB


def test_its_gradient_lifts_a_band() -> None:
    audio = 0.1 * torch.randn(1, 4800, generator=torch.Generator().manual_seed(2))
    width = torch.full((1, 10), 200.0)
    moved = audio.clone().requires_grad_()
    before = envelope_of(moved, width, 48000)[..., 20].sum()
    before.backward()  # type: ignore[no-untyped-call]
    assert moved.grad is not None
    step = 1e-3 * moved.grad / moved.grad.norm()
    after = envelope_of(audio + step, width, 48000)[..., 20].sum()
    assert float(after - before.detach()) == pytest.approx(1e-3 * float(moved.grad.norm()), rel=0.05)
