"""TUNe's variants have the published sizes and lengths, and the connections that make TUNe+."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from models.errors import TrainingError
from models.training.tune.architecture import SAMPLES, SMALL, TABLE_1, Architecture
from models.training.tune.network import Block, Projector, TuneNetwork, parameters_of

LINEAR_50 = 50
"""Classes of the last layer that the paper counts with the encoder."""
ENCODERS = {
    "vanilla": (2_340_396, 2_366_046, 2.4),
    "contractive+1": (2_258_700, 2_284_350, 2.3),
    "contractive+2": (2_118_606, 2_144_256, 2.1),
    "contractive+3": (1_630_744, 1_656_394, 1.7),
    "expansive-1": (2_319_248, 2_344_898, 2.3),
    "expansive-2": (2_355_846, 2_381_496, 2.4),
    "expansive-3": (2_318_776, 2_344_426, 2.3),
    "tail+1": (2_295_912, 2_321_562, 2.3),
    "tail+2": (2_232_858, 2_258_508, 2.3),
    "tail+3": (2_241_186, 2_266_836, 2.3),
    "tail+4": (2_290_134, 2_315_784, 2.3),
    "tail+5": (2_096_970, 2_122_620, 2.1),
    "clmr-tail": (153_993 + 2_368_512, 2_548_155, 2.5),
    "tune+": (2_220_390, 2_246_040, 2.2),
    "vanilla-small": (339_258, 364_908, 0.4),
    "tune+large": (7_407_132, 7_432_782, 7.4),
    "tune+smaller-rep": (1_423_446, 1_436_296, 1.4),
    "clmr": (2_368_512, 2_394_162, 2.4),
}
"""Parameters of the encoder, those with the last layer, and millions in the paper's Table 1."""
SMALL_ONES = {"tune+cpu": 112_344, "tail+5+cpu": 112_662, "vanilla+cpu": 120_048, "clmr+cpu": 110_592}
LEVELS = [59049, 19683, 6561, 2187, 729, 243, 81, 27, 9, 3, 1]
MEL = Architecture(3, 3, 5, 32, plus=True, representation=128, widest=128, inputs=80)
"""A TUNe+ on frames of a mel spectrum."""


def small(name: str) -> Architecture:
    """Return a variant with few channels."""
    published = TABLE_1[name]
    return replace(published, filters=2, representation=16, clmr=4 if published.clmr else 0)


@pytest.mark.parametrize("name", TABLE_1)
def test_each_variant_has_the_published_number_of_parameters(name: str) -> None:
    with torch.device("meta"):
        network = TuneNetwork(TABLE_1[name])
        last = nn.Linear(TABLE_1[name].size, LINEAR_50)
    encoder, whole, millions = ENCODERS[name]
    assert parameters_of(network) == encoder
    assert parameters_of(network) + parameters_of(last) == whole
    # The count of CLMR's tail is given without the last layer, those of the others with it.
    assert round((encoder if name == "clmr-tail" else whole) / 1e6, 1) == millions


def test_the_small_ones_are_of_one_size_and_tell_as_much() -> None:
    assert {name: parameters_of(TuneNetwork(made)) for name, made in SMALL.items()} == SMALL_ONES
    assert {made.size for made in SMALL.values()} == {64}


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name in TABLE_1 if "clmr" not in name])
def test_each_path_has_the_published_lengths_and_widths(name: str) -> None:
    made = small(name)
    down, up, tail = TuneNetwork(made).eval().activations(torch.zeros(1, 1, SAMPLES))
    assert [part.shape[2] for part in down] == LEVELS[: made.contractive + 1]
    assert [part.shape[1] for part in down] == [2 * 2**level for level in range(made.contractive + 1)]
    assert [part.shape[2] for part in up] == LEVELS[made.top : made.contractive][::-1]
    assert [part.shape[1] for part in up] == [part.shape[1] for part in down[made.top : -1]][::-1]
    assert [part.shape[2] for part in tail] == LEVELS[made.top + 1 :][: made.tail]
    assert tail[-1].shape[1] == 16


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("vanilla", 729),
        ("expansive-2", 729),
        ("contractive+2", 729),
        *((f"tail+{more}", length) for more, length in enumerate([243, 81, 27, 9, 3], 1)),
        ("tune+", 3),
    ],
)
def test_what_is_left_in_time_is_averaged(name: str, length: int) -> None:
    network = TuneNetwork(small(name)).eval()
    x = torch.randn(2, 1, SAMPLES)
    last = network.activations(x).tail[-1]
    assert last.shape == (2, 16, length)
    torch.testing.assert_close(network(x), last.mean(2))


def test_longer_tails_double_up_to_32_times_the_filters_and_wide_ones_are_flat() -> None:
    assert TABLE_1["tail+5"].tail_widths == (22, 44, 88, 176, 352, 352, 352, 352, 512)
    assert TABLE_1["tune+large"].tail_widths == (68, 136, 272, 512, 512, 512, 512, 512, 512)
    assert TABLE_1["tune+smaller-rep"].tail_widths == (22, 44, 88, 256, 256, 256, 256, 256, 256)
    assert TABLE_1["expansive-3"].tail_widths == (512,)


def test_the_tail_of_tune_plus_hears_the_expansive_path_and_its_lowest_block() -> None:
    assert TABLE_1["tune+"].tail_inputs == (33, 66, 132, 264, 176, 352, 352, 352, 352)
    assert TABLE_1["tail+5"].tail_inputs == (11, 22, 44, 88, 176, 352, 352, 352, 352)


@torch.no_grad()
@pytest.mark.parametrize("index", range(4))
def test_a_change_of_what_is_beside_the_tail_changes_what_it_says(index: int) -> None:
    torch.manual_seed(0)
    network = TuneNetwork(Architecture(3, 3, 4, 4, plus=True, representation=8)).eval()
    down, up, tail = network.activations(torch.randn(1, 1, 243))
    beside = [up[1], up[0], down[3]]
    again = network.tail(up[2], beside)
    torch.testing.assert_close(again[-1], tail[-1])
    if index < len(beside):
        beside[index] = beside[index] + 1.0
        changed = network.tail(up[2], beside)
        assert [torch.equal(a, b) for a, b in zip(changed, tail, strict=True)] == [
            block < index for block in range(4)
        ]
    else:  # each is of its own level, so that none can be mistaken for another
        assert [part.shape[2] for part in beside] == [81, 27, 9]


@torch.no_grad()
def test_clmr_is_a_tail_with_nothing_before_it() -> None:
    network = TuneNetwork(small("clmr")).eval()
    down, up, tail = network.activations(torch.zeros(1, 1, SAMPLES))
    assert (down, up) == ([], [])
    assert [part.shape[2] for part in tail] == [*LEVELS[1:], 1]
    assert [part.shape[1] for part in tail] == [4, 4, 4, 8, 8, 8, 8, 8, 8, 16, 16]
    assert list(TABLE_1["clmr"].clmr_widths) == [128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512]


@torch.no_grad()
def test_before_the_tail_of_clmr_a_u_makes_a_wave_again() -> None:
    network = TuneNetwork(small("clmr-tail")).eval()
    down, up, tail = network.activations(torch.zeros(1, 1, SAMPLES))
    assert up[-1].shape == (1, 1, SAMPLES)
    assert len(down) == 5
    assert tail[0].shape == (1, 4, SAMPLES // 3)


@torch.no_grad()
def test_frames_of_a_spectrum_go_in_as_channels() -> None:
    network = TuneNetwork(MEL).eval()
    assert MEL.tail_widths == (64, 128, 128, 128, 128)
    assert [MEL.width(level) for level in range(4)] == [32, 64, 128, 128]
    for frames in (243, 270, 999):
        assert network(torch.zeros(3, 80, frames)).shape == (3, 128)


@torch.no_grad()
def test_without_a_tail_there_is_the_original_u() -> None:
    network = TuneNetwork(Architecture(2, 2, 0, 4)).eval()
    assert network(torch.zeros(1, 1, 81)).shape == (1, 4)
    assert network.activations(torch.zeros(1, 1, 81)).expansive[-1].shape == (1, 4, 81)


def test_a_block_convolves_normalises_and_rectifies() -> None:
    torch.manual_seed(0)
    block = Block(3, 5)
    x = torch.randn(4, 3, 60)
    y = block(x)
    convolved = nn.functional.conv1d(x, block.state_dict()["0.weight"], padding=1)
    mean, variance = convolved.mean((0, 2), keepdim=True), convolved.var((0, 2), unbiased=False, keepdim=True)
    torch.testing.assert_close(y, torch.relu((convolved - mean) / torch.sqrt(variance + 1e-5)))


def test_convolutions_start_as_he_has_it() -> None:
    torch.manual_seed(0)
    network = TuneNetwork(Architecture(2, 2, 2, 64, representation=256))
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            taps = 3 if isinstance(module, nn.Conv1d) else 1  # a place above hears one place below
            bound = (6.0 / (module.in_channels * taps)) ** 0.5
            most = float(module.weight.abs().max().detach())
            assert 0.97 * bound < most <= bound
            assert float(module.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.06)
            assert module.bias is not None
            assert not module.bias.any()


def test_the_projector_leads_from_the_representation_to_64_numbers() -> None:
    projector = Projector(512)
    assert parameters_of(projector) == 512 * 512 + 512 * 64
    assert projector(torch.zeros(2, 512)).shape == (2, 64)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"filters": 0}, "filters = 0 leaves no channels; give 1 or more"),
        ({"representation": -1}, "representation = -1 leaves no channels"),
        ({"tail": -2}, "tail = -2 is below 0"),
        ({"expansive": 5}, "5 expansive blocks rise above the input; give at most 4"),
        ({"plus": True, "expansive": 0}, "plus joins an expansive path with a tail"),
        ({"plus": True, "clmr": 128}, "plus joins an expansive path with a tail"),
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong: dict[str, int], said: str) -> None:
    with pytest.raises(TrainingError, match=said.replace("+", r"\+")):
        Architecture(**wrong)  # type: ignore[arg-type]


def test_an_input_of_another_length_is_refused() -> None:
    network = TuneNetwork(small("tune+"))
    for length in (81, SAMPLES - 1):
        with pytest.raises(ValueError, match="give a multiple of 81, at least 19683"):
            network(torch.zeros(1, 1, length))
