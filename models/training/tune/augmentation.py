"""How a view of a wave is changed before it is contrasted: the published chain, with CLMR's ranges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pedalboard
from numpy.typing import NDArray

from models.training.tune.architecture import RATE

Float32 = NDArray[np.float32]
Random = np.random.Generator

NOISE = (0.001, 1.0)
"""Standard deviation of the noise, in that of the audio."""
GAIN_DB = (-20.0, -1.0)
HIGH_PASS_HZ, LOW_PASS_HZ = (200.0, 1200.0), (2200.0, 4000.0)
DELAYS_MS = (200, 250, 300, 350, 400, 450)
SEMITONES = (-7.0, 7.0)


def polarity(audio: Float32, rng: Random) -> Float32:
    """Turn the wave upside down."""
    del rng
    return -audio


def noise(audio: Float32, rng: Random) -> Float32:
    """Add white noise, at most as strong as the audio."""
    strength = rng.uniform(*NOISE) * float(audio.std())
    return audio + np.float32(strength) * rng.standard_normal(audio.size, np.float32)


def gain(audio: Float32, rng: Random) -> Float32:
    """Turn the level down."""
    return audio * np.float32(10.0 ** (rng.uniform(*GAIN_DB) / 20.0))


def filtered(audio: Float32, rng: Random) -> Float32:
    """Take off the low or the high frequencies by 6 dB an octave."""
    if rng.random() < 0.5:
        return _through(pedalboard.HighpassFilter(rng.uniform(*HIGH_PASS_HZ)), audio)
    return _through(pedalboard.LowpassFilter(rng.uniform(*LOW_PASS_HZ)), audio)


def delayed(audio: Float32, rng: Random) -> Float32:
    """Add one echo at half the level, and halve all."""
    seconds = float(rng.choice(DELAYS_MS)) / 1000.0
    echo = pedalboard.Delay(seconds, feedback=0.0, mix=1.0 / 3.0)  # 2/3 of the audio and 1/3 of the echo
    return np.float32(0.75) * _through(echo, audio)


def transposed(audio: Float32, rng: Random) -> Float32:
    """Move the pitch by up to a fifth, formants with it, and keep the tempo."""
    return _through(pedalboard.PitchShift(rng.uniform(*SEMITONES)), audio)


def reverberant(audio: Float32, rng: Random) -> Float32:
    """Put it into a room of any size and damping, by Freeverb, which SoX has too."""
    return _through(pedalboard.Reverb(room_size=rng.random(), damping=rng.random()), audio)


CHAIN: tuple[tuple[float, Callable[[Float32, Random], Float32]], ...] = (
    (0.8, polarity),
    (0.01, noise),
    (0.3, gain),
    (0.8, filtered),
    (0.3, delayed),
    (0.6, transposed),
    (0.6, reverberant),
)
"""In this order, each with its probability."""


def augmented(audio: Float32, rng: Random) -> Float32:
    """Return a view changed by each member of the chain with its probability.

    Args:
        audio: mono at `RATE`, (samples,), float32.
        rng: decides; the same state gives the same samples.
    """
    for probability, change in CHAIN:
        if rng.random() < probability:
            audio = change(audio, rng)
    return audio


def _through(effect: pedalboard.Plugin, audio: Float32) -> Float32:
    return np.asarray(effect(audio[None], RATE)[0], np.float32)
