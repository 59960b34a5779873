"""The seed's networks have the published sizes, and give what goes in its own shape back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.training.guide.pairs.spectrogram import FRAMES, MELS
from models.training.guide.seed.autovc import AutoVcDecoder, AutoVcEncoder, AutoVcSize
from models.training.guide.seed.coding import PairNetwork, parameters_of, resized
from models.training.guide.seed.larsen import Discriminator, LarsenDecoder, LarsenEncoder, LarsenSize
from models.training.guide.seed.resnet import ResNetEncoder, ResNetSize
from models.training.guide.seed.variants import SIZES, SizeOf, built

TINY: dict[str, SizeOf] = {
    "vae": ResNetSize((MELS, 20), (8, 16, 16, 32), 8, (3, 1)),
    "vaegan": LarsenSize((MELS, 24), (8, 16, 16), 8, 32, 8),
    "autovc": AutoVcSize((MELS, 20), 32, 8, 5, 32, 8),
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a third variant of each model, which takes no time."""
    for model, size in TINY.items():
        monkeypatch.setitem(SIZES[model], "tiny", size)


def published(model: str) -> PairNetwork:
    """Return a network of the published size without its weights."""
    with torch.device("meta"):
        return built(model, "published")[0]


def test_autovc_has_the_seeds_parameters() -> None:
    network = published("autovc")
    decoder, accompaniment, vocal = network.decoder, network.accompaniment, network.vocal
    assert isinstance(decoder, AutoVcDecoder)
    assert isinstance(accompaniment, AutoVcEncoder)
    assert isinstance(vocal, AutoVcEncoder)
    assert parameters_of(vocal.convolutions, vocal.lstm) == 4_310_528
    assert parameters_of(accompaniment) == parameters_of(vocal)
    # Three linear layers between 860 frames of 320 and 256 numbers, and those of mean and variance.
    linear = [decoder.expand, accompaniment.project, vocal.project, network.mean, network.log_variance]
    assert parameters_of(*linear) == 141_309_440
    assert parameters_of(decoder.postnet) == 4_348_144
    assert parameters_of(decoder.first, decoder.convolutions, decoder.second, decoder.last) == 20_423_248
    whole = parameters_of(network) - 1  # the scale of the likelihood
    assert whole - 4_310_528 == 170_391_360  # the seed's 170.4 million leave out the accompaniment's encoder
    assert (network.mean.in_features, network.mean.out_features) == (256, 256)


def test_the_vae_has_resnet_18() -> None:
    network = published("vae")
    encoder = network.vocal
    assert isinstance(encoder, ResNetEncoder)
    # torchvision's ResNet-18 without its last layer, 11 176 512, less two of three channels of its stem.
    assert parameters_of(encoder.stem, encoder.stages) == 11_176_512 - 2 * 64 * 7 * 7
    assert sum(isinstance(part, nn.Conv2d) for part in encoder.modules()) == 20
    assert network.mean.out_features == 1024
    assert parameters_of(network) == 39_885_121


def test_the_vaegan_is_larsens() -> None:
    size = SIZES["vaegan"]["published"]
    assert isinstance(size, LarsenSize)
    with torch.device("meta"):
        encoder, decoder, judge = LarsenEncoder(size), LarsenDecoder(size), Discriminator(size)

    def convolution(inputs: int, outputs: int, norm: bool = True) -> int:
        return 25 * inputs * outputs + outputs + (2 * outputs if norm else 0)

    cells = 8 * 8 * 256
    assert parameters_of(encoder) == (
        convolution(1, 64) + convolution(64, 128) + convolution(128, 256)
        + cells * 2048 + 3 * 2048 + 2048 * 64 + 64
    )  # fmt: skip
    assert parameters_of(decoder) == (
        128 * cells + 3 * cells
        + convolution(256, 256) + convolution(256, 128) + convolution(128, 32)
        + convolution(32, 1, norm=False)
    )  # fmt: skip
    assert parameters_of(judge) == (
        convolution(1, 32, norm=False) + convolution(32, 128) + convolution(128, 256) + convolution(256, 256)
        + cells * 512 + 3 * 512 + 512 + 1
    )  # fmt: skip


def test_batch_norm_stands_behind_relu_in_the_vaegan() -> None:
    size = TINY["vaegan"]
    assert isinstance(size, LarsenSize)
    for network in (LarsenEncoder(size), LarsenDecoder(size), Discriminator(size)):
        order = [type(part) for part in network.modules() if not list(part.children())]
        norms = [at for at, kind in enumerate(order) if kind in {nn.BatchNorm1d, nn.BatchNorm2d}]
        assert norms
        assert all(order[at - 1] is nn.ReLU for at in norms)


@torch.no_grad()
@pytest.mark.parametrize("model", SIZES)
def test_a_vocal_has_the_shape_of_what_goes_in(model: str) -> None:
    network, size = built(model, "small")
    pair = torch.rand(2, 2, *size)
    codes = network.eval().codes(*pair)
    draw = network.draw(codes, torch.zeros_like(codes))
    found = network.decoded(draw.latent)
    assert [tuple(one.shape) for one in found] == [(2, *size)] * (2 if model == "autovc" else 1)
    assert codes.shape == draw.mean.shape == draw.log_variance.shape


@torch.no_grad()
def test_autovc_keeps_a_code_every_few_frames() -> None:
    encoder = AutoVcEncoder(AutoVcSize((MELS, 40), 16, 4, 10, 16, 6)).eval()
    x = torch.rand(1, MELS, 40)
    heard, _ = encoder.lstm(encoder.convolutions(x).transpose(1, 2))
    found = encoder.content(x)
    assert found.shape == (1, 40, 8)
    for frame in range(40):
        block = 10 * (frame // 10)
        torch.testing.assert_close(found[:, frame, :4], heard[:, block + 9, :4])
        torch.testing.assert_close(found[:, frame, 4:], heard[:, block, 4:])


@torch.no_grad()
@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("model", SIZES)
def test_both_sides_count(model: str) -> None:
    torch.manual_seed(0)
    network, size = built(model, "tiny")
    accompaniment, vocal, other = torch.rand(3, 2, *size)
    network.train()  # where batch norm has not heard what there is, numbers may vanish
    own = network.vocals(network.codes(accompaniment, vocal))
    assert not torch.allclose(own, network.vocals(network.codes(other, vocal)))
    assert not torch.allclose(own, network.vocals(network.codes(accompaniment, other)))


def test_spectrograms_are_made_smaller_by_means_and_larger_by_lines() -> None:
    x = torch.arange(float(MELS * FRAMES)).reshape(1, MELS, FRAMES)
    small = resized(x, (MELS, FRAMES // 4))
    torch.testing.assert_close(small[0, 0, :2], torch.tensor([1.5, 5.5]))
    torch.testing.assert_close(resized(small, (MELS, FRAMES))[0, 3, 2:-2], x[0, 3, 2:-2])
    assert resized(x, (MELS, FRAMES)) is x
