"""The refiner's network: causal, the same as a graph, and changed by dynamic adjustment as it should be."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.extras import needs

needs("torch")

import torch  # noqa: E402

from models.onnxstep import RunningGraph, opened  # noqa: E402
from models.training.onnxgraph import write_model  # noqa: E402
from models.training.refiner.adjustment import Decision, apply, decide, stands  # noqa: E402
from models.training.refiner.network import Denoiser, RefinerSize, chosen  # noqa: E402
from models.training.refiner.stepgraph import step_graph  # noqa: E402

SIZE = RefinerSize(bands=24, condition=10, channels=16, blocks=3)


def network(seed: int = 0) -> Denoiser:
    torch.manual_seed(seed)
    return Denoiser(SIZE).eval()


def inputs(frames: int, batch: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    noisy = torch.randn((batch, frames, SIZE.bands), generator=generator)
    condition = torch.randn((batch, frames, SIZE.condition), generator=generator)
    return noisy, torch.linspace(-20.0, 6.0, batch), condition


def test_no_frame_knows_the_next() -> None:
    made = network()
    noisy, snr, condition = inputs(40)
    whole = made(noisy, snr, condition)
    changed = noisy.clone()
    changed[:, 30:] += 1.0
    assert torch.equal(made(changed, snr, condition)[:, :30], whole[:, :30])


def test_a_size_as_measured_for_the_road() -> None:
    """A quarter of a million weights, those of the noise level left out, which a step has folded in."""
    made = Denoiser(RefinerSize(bands=80, condition=96, channels=96, blocks=4))
    weights = sum(part.numel() for name, part in made.named_parameters() if ".level." not in name)
    assert weights == pytest.approx(254e3, rel=0.05)


def test_a_block_that_is_left_out_adds_nothing() -> None:
    made = network()
    noisy, snr, condition = inputs(12, batch=2)
    kept = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    found = made(noisy, snr, condition, kept)
    without = copy.deepcopy(made)
    del without.blocks[1]
    torch.testing.assert_close(found[:1], without(noisy[:1], snr[:1], condition[:1]))
    torch.testing.assert_close(found[1:], made(noisy[1:], snr[1:], condition[1:]))
    drawn = chosen(4000, 3, 0.15, torch.Generator().manual_seed(1))
    assert float(drawn.mean()) == pytest.approx(0.85, abs=0.01)


@pytest.mark.parametrize("snr", [-20.0, 0.5])
def test_the_graph_is_the_network_in_any_chunks(tmp_path: Path, snr: float) -> None:
    made, path = network(), tmp_path / "step.onnx"
    noisy, _, condition = inputs(60)
    write_model(step_graph(made, [snr]), {}, path)
    session = opened(path.read_bytes())
    with torch.no_grad():
        wanted = made(noisy, torch.tensor([snr]), condition)[0].numpy()

    def run(sizes: list[int]) -> NDArray[np.float32]:
        running, at, found = RunningGraph(session, 16), 0, []
        for size in sizes:
            running.arrays["noisy"][:size] = noisy[0, at : at + size]
            running.arrays["condition"][:size] = condition[0, at : at + size]
            running.run(size)
            found.append(running.arrays["clean"][:size].copy())
            at += size
        return np.concatenate(found)

    ones = run([1] * 60)
    np.testing.assert_allclose(ones, wanted, atol=2e-6)
    assert np.array_equal(run([16, 3, 1, 7, 16, 2, 15]), ones)


QUALITIES, MILLISECONDS = (3.0, 0.2, 1.0), (0.2, 0.1, 0.4)
"""Of blocks 0 to 2, told apart by their bias: the ratios are 15, 2 and 2.5."""


def marked() -> Denoiser:
    made = network()
    for number, block in enumerate(made.parts):
        block.norm.bias.data.fill_(float(number))
    return made


def numbers(made: Denoiser) -> list[int]:
    return [round(block.norm.bias[0].item()) for block in made.parts]


def quality(made: Denoiser) -> float:
    return sum(QUALITIES[number] for number in set(numbers(made)))


def latency(made: Denoiser) -> float:
    return 0.1 + sum(MILLISECONDS[number] for number in numbers(made))


def adjusted(made: Denoiser, target: float, update: int) -> Decision:
    decision = decide(made, quality, latency, target, update)
    apply(decision, made)
    return decision


def test_over_the_target_the_worst_ratio_goes_until_it_fits() -> None:
    made = marked()
    log: list[Decision] = []
    while not stands(log):
        log.append(adjusted(made, 0.35, update=len(log)))
    assert [(one.action, one.block) for one in log[:2]] == [("removed", 1), ("removed", 1)]
    assert numbers(made) == [0]
    assert log[0].milliseconds == pytest.approx(0.8)
    assert log[0].worths[2].quality == pytest.approx(1.0)
    assert log[0].worths[2].milliseconds == pytest.approx(0.4)
    assert log[0].worths[0].ratio == pytest.approx(15.0)
    assert [one.action for one in log[2:]] == ["kept", "kept"]


def test_under_the_target_the_best_is_doubled_and_the_sound_stays() -> None:
    made = marked()
    noisy, snr, condition = inputs(20)
    before = made(noisy, snr, condition)
    found = adjusted(made, 1.3, update=5000)
    assert (found.action, found.block, found.update) == ("doubled", 0, 5000)
    assert numbers(made) == [0, 0, 1, 2]
    assert torch.equal(made(noisy, snr, condition), before)
    made(noisy, snr, condition).sum().backward()
    slope = made.parts[1].join.weight.grad
    assert slope is not None
    assert slope.any()  # it can learn


def test_where_no_block_fits_any_more_nothing_changes() -> None:
    made = marked()
    found = adjusted(made, 0.95, update=0)
    assert found.action == "kept"
    assert numbers(made) == [0, 1, 2]
    assert stands([found, found])
    assert not stands([found])
