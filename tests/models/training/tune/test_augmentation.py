"""Each augmentation does to a known wave what its name says, and all of them the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.training.tune import augmentation
from models.training.tune.architecture import RATE, SAMPLES
from models.training.tune.augmentation import CHAIN, Float32, augmented

NOISY = np.random.default_rng(1).standard_normal(SAMPLES).astype(np.float32) * np.float32(0.1)
IMPULSE = np.eye(1, SAMPLES, dtype=np.float32)[0]


def sine(hertz: float) -> Float32:
    return np.sin(2.0 * np.pi * hertz * np.arange(SAMPLES) / RATE).astype(np.float32)


class Drawn(np.random.Generator):
    """Draws one number wherever the chain asks for one."""

    def __init__(self, number: float, chance: float = 0.0) -> None:
        super().__init__(np.random.PCG64(0))
        self._number, self._chance = number, chance

    def uniform(self, low: float, high: float) -> float:  # type: ignore[override]
        assert low <= self._number <= high
        return self._number

    def random(self) -> float:  # type: ignore[override]
        return self._chance

    def choice(self, of: tuple[int, ...]) -> float:  # type: ignore[override]
        assert self._number in of
        return self._number


def level(audio: Float32) -> float:
    """Return the RMS of the second half in dB re that of a full sine."""
    return float(10.0 * np.log10(2.0 * np.square(audio[SAMPLES // 2 :], dtype=np.float64).mean()))


def test_polarity() -> None:
    np.testing.assert_array_equal(augmentation.polarity(NOISY, Drawn(0.0)), -NOISY)


def test_noise_is_white_and_as_strong_as_drawn() -> None:
    added = augmentation.noise(NOISY, Drawn(0.5)) - NOISY
    assert added.std() / NOISY.std() == pytest.approx(0.5, rel=0.02)
    power = np.square(np.abs(np.fft.rfft(added))).reshape(-1)[1:].reshape(4, -1).mean(1)
    np.testing.assert_allclose(power / power.mean(), 1.0, atol=0.05)
    assert abs(float(np.corrcoef(added, NOISY)[0, 1])) < 0.02


def test_gain() -> None:
    np.testing.assert_allclose(augmentation.gain(NOISY, Drawn(-20.0)), 0.1 * NOISY, rtol=1e-6)


@pytest.mark.parametrize(
    ("chance", "cutoff", "hertz", "decibels"),
    [
        # First order: -10 log10(1 + r^2), r = tan(pi cutoff / rate) / tan(pi f / rate), or its inverse.
        (0.0, 1000.0, 1000.0, -3.01),
        (0.0, 1000.0, 250.0, -12.36),
        (0.0, 1000.0, 8000.0, 0.0),
        (0.9, 2500.0, 2500.0, -3.01),
        (0.9, 2500.0, 250.0, 0.0),
        (0.9, 2500.0, 5000.0, -8.05),
    ],
)
def test_filters(chance: float, cutoff: float, hertz: float, decibels: float) -> None:
    found = level(augmentation.filtered(sine(hertz), Drawn(cutoff, chance)))
    assert found == pytest.approx(decibels, abs=0.15)


def test_an_echo_at_half_the_level_and_all_halved() -> None:
    found = augmentation.delayed(IMPULSE, Drawn(300))
    wanted = np.zeros(SAMPLES)
    wanted[[0, round(0.3 * RATE)]] = 0.5, 0.25
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("semitones", [-7.0, 5.0])
def test_transposition_moves_the_pitch_and_keeps_length_and_place(semitones: float) -> None:
    source = np.zeros(SAMPLES, np.float32)
    source[20000:40000] = sine(440.0)[:20000]
    found = augmentation.transposed(source, Drawn(semitones))
    assert found.shape == source.shape
    inside = found[24000:36000] * np.hanning(12000)
    peak = float(np.argmax(np.abs(np.fft.rfft(inside, 2**18)))) * RATE / 2**18
    assert 12.0 * np.log2(peak / 440.0) == pytest.approx(semitones, abs=0.25)  # of a sine, whose phase jumps
    loud = np.flatnonzero(np.convolve(np.square(found), np.ones(441) / 441, "same") > 0.05)
    assert loud[0] == pytest.approx(20000, abs=1500)
    assert loud[-1] == pytest.approx(40000, abs=1500)


def test_reverb_has_a_tail_that_decays_and_is_longer_in_a_larger_room() -> None:
    def tail(chance: float) -> float:
        rung = np.square(augmentation.reverberant(IMPULSE, Drawn(0.0, chance)), dtype=np.float64)
        late = [float(part.sum()) for part in np.array_split(rung[RATE // 10 :], 4)]
        assert sorted(late, reverse=True) == late
        assert rung[0] > 0.1  # the impulse itself is there
        return 10.0 * float(np.log10(late[0] / rung.sum()))

    assert tail(0.1) < tail(0.5) < tail(0.9)


def test_the_chain_is_the_published_one() -> None:
    assert [(probability, change.__name__) for probability, change in CHAIN] == [
        (0.8, "polarity"),
        (0.01, "noise"),
        (0.3, "gain"),
        (0.8, "filtered"),
        (0.3, "delayed"),
        (0.6, "transposed"),
        (0.6, "reverberant"),
    ]


def test_each_is_taken_as_often_as_published_and_in_this_order(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def noted(index: int) -> Callable[[Float32, np.random.Generator], Float32]:
        def change(audio: Float32, _rng: np.random.Generator) -> Float32:
            taken.append(index)
            return audio

        return change

    chain = tuple((probability, noted(index)) for index, (probability, _) in enumerate(CHAIN))
    monkeypatch.setattr(augmentation, "CHAIN", chain)
    rng = np.random.default_rng(0)
    for _ in range(4000):
        before = len(taken)
        augmented(IMPULSE, rng)
        assert taken[before:] == sorted(taken[before:])
    shares = np.bincount(taken, minlength=len(CHAIN)) / 4000
    np.testing.assert_allclose(shares, [probability for probability, _ in CHAIN], atol=0.03)


def test_the_same_seed_gives_the_same_samples() -> None:
    for seed in (3, 4):
        first, again = (augmented(NOISY, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.dtype == np.float32
        assert first.shape == NOISY.shape
        assert np.isfinite(first).all()
    assert not np.array_equal(
        augmented(NOISY, np.random.default_rng(3)), augmented(NOISY, np.random.default_rng(4))
    )
