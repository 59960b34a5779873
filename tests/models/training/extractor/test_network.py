"""The network from audio to melody: its time axis, its layers, its blocks and its level."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.extractor.windows import FEATURE, FRAME, STEP
from models.training.extractor.encoder import Encoder, load_encoder, standardised
from models.training.extractor.folder import ARCHITECTURES
from models.training.extractor.network import Extractor, FftBlock, doubled
from tests.models.training.extractor.made import sung


@pytest.fixture(params=ARCHITECTURES)
def encoder(request: pytest.FixtureRequest, encoders: dict[str, Path]) -> Encoder:
    torch.manual_seed(1)
    return load_encoder(encoders[request.param]).eval()


@pytest.fixture
def audio() -> Tensor:
    return torch.from_numpy(sung(0.64, 220.0))[None]


@torch.no_grad()
def test_there_is_a_frame_for_every_ten_milliseconds(encoder: Encoder, audio: Tensor) -> None:
    assert encoder(audio).shape == (encoder.layers, 1, audio.shape[1] // STEP + 1, encoder.width)
    heard = Extractor(encoder).eval()(audio)
    assert heard.feature.shape == (1, audio.shape[1] // FRAME, FEATURE)
    assert heard.pitch.shape == heard.energy.shape == heard.voicing.shape == (1, audio.shape[1] // FRAME)


def test_frames_are_centred_where_they_should_be(encoder: Encoder) -> None:
    """The convolutions of frame i see the 400 samples around sample 320 i."""
    audio = torch.randn(1, 10 * STEP, requires_grad=True)
    convolutions = encoder.model.feature_extractor.conv_layers
    norm = convolutions[0].layer_norm
    convolutions[0].layer_norm = torch.nn.Identity()  # it hears the whole and would blur the answer
    padded = torch.nn.functional.pad(audio, (200, 200))
    encoder.model.feature_extractor(padded)[0, :, 4].sum().backward()
    convolutions[0].layer_norm = norm
    assert audio.grad is not None
    seen = torch.nonzero(audio.grad[0])
    assert (int(seen.min()), int(seen.max())) == (4 * STEP - 200, 4 * STEP + 199)


def test_frames_between_lie_on_straight_lines() -> None:
    x = torch.tensor([[[0.0], [2.0], [8.0]]])
    assert doubled(x)[0, :, 0].tolist() == [0.0, 1.0, 2.0, 5.0]


@torch.no_grad()
def test_level_moves_the_energy_and_nothing_else(encoder: Encoder, audio: Tensor) -> None:
    network = Extractor(encoder).eval()
    loud, soft = network(audio), network(0.1 * audio)
    assert torch.allclose(loud.energy - soft.energy, torch.tensor(20.0), atol=0.01)
    assert torch.allclose(loud.pitch, soft.pitch, atol=1e-3)
    assert torch.allclose(loud.feature, soft.feature, atol=1e-2)


def test_what_an_encoder_hears_has_no_offset_and_one_level_down_to_60_db_below_full_scale() -> None:
    heard = torch.sin(torch.arange(3200) * 2.0 * torch.pi / 32.0)[None]  # 100 whole periods, power 1/2
    for gain in (1.0, 0.1, 0.01, 0.001):
        assert torch.allclose(standardised(gain * (heard + 0.5)), 2.0**0.5 * heard, atol=1e-3)
    assert not standardised(torch.full((1, 3200), 0.25)).any()


def test_layers_begin_equal_and_all_of_them_learn(encoder: Encoder, audio: Tensor) -> None:
    network = Extractor(encoder)
    assert network.layer_weights == pytest.approx([1 / encoder.layers] * encoder.layers, abs=1e-4)
    network(audio).pitch.sum().backward()
    assert network.mixing.grad is not None
    assert bool((network.mixing.grad != 0.0).all())


@torch.no_grad()
def test_the_last_layer_can_be_heard_alone(encoder: Encoder, audio: Tensor) -> None:
    network = Extractor(encoder, "last", fft=False).eval()
    assert network.layer_weights == (0.0,) * (encoder.layers - 1) + (1.0,)
    assert not network.mixing.requires_grad
    last = torch.nn.functional.layer_norm(encoder(audio)[-1], (encoder.width,))
    assert torch.allclose(network(audio).feature, doubled(network.enter(last)), atol=1e-5)


def test_blocks_hear_near_frames_by_convolution_and_far_ones_by_attention() -> None:
    torch.manual_seed(0)
    block = FftBlock().eval()
    x = torch.randn(1, 40, FEATURE, requires_grad=True)
    (block(x)[0, 20] @ torch.randn(FEATURE)).backward()
    assert x.grad is not None
    reach = x.grad[0].abs().sum(1)
    assert float(reach.min()) > 0.0
    assert float(reach[19:22].sum()) > 5.0 * float(reach[:3].sum())
    with torch.no_grad():
        block.narrow.weight.zero_()
        alone = block(x)[0, 20]
        x[0, 21] += 0.001
        assert torch.allclose(alone, block(x)[0, 20], atol=1e-3)


def test_gradients_reach_the_encoder_only_while_it_is_tuned(encoder: Encoder, audio: Tensor) -> None:
    network = Extractor(encoder)
    network(audio, tune=False).pitch.sum().backward()
    assert all(part.grad is None for part in encoder.parameters())
    assert network.pitch.weight.grad is not None
    network(audio).pitch.sum().backward()
    assert any(part.grad is not None for part in encoder.parameters())
