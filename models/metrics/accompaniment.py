"""Mix accompaniment under a voice at an exact SNR, measured where the voice is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import hop_size

AUDIBLE_DB = 40.0
"""A frame of the voice counts as heard when it is no more than this below its loudest."""
TRIES = 64
QUIET_DB = 20.0
"""An excerpt so far below the level of the whole piece is a pause: another one is drawn."""

Float32 = NDArray[np.float32]


def audible(voice: Float32, sample_rate: int) -> NDArray[np.bool_]:
    """Return the samples in 10 ms frames that are at most 40 dB below the loudest one, shape (samples,)."""
    hop = hop_size(sample_rate)
    frames = -(-voice.size // hop)
    padded = np.zeros(frames * hop)
    padded[: voice.size] = voice
    power = np.square(padded).reshape(frames, hop).mean(axis=1)
    heard = (power > 0.0) & (power >= power.max(initial=0.0) * 10.0 ** (-AUDIBLE_DB / 10.0))
    return np.repeat(heard, hop)[: voice.size]


def mixed(voice: Float32, music: Float32, snr_db: float, sample_rate: int) -> Float32:
    """Return voice plus music, the music scaled so that over the audible frames the voice is `snr_db` above.

    Args:
        voice: mono, shape (samples,), float32, not silent.
        music: of the same shape.
        snr_db: ratio of their mean powers over the voice's audible frames, dB.
        sample_rate: of both, a native rate in hertz.

    Raises:
        ValueError: one of them is silent where the voice is heard.
    """
    heard = audible(voice, sample_rate)
    wanted, have = (
        float(np.mean(np.square(x[heard], dtype=np.float64))) if heard.any() else 0.0 for x in (voice, music)
    )
    if wanted == 0.0 or have == 0.0:
        what = "the voice" if wanted == 0.0 else "the accompaniment"
        raise ValueError(f"{what} is silent, so no SNR can be set; give audio with sound in it")
    gain = np.sqrt(wanted / have) * 10.0 ** (-snr_db / 20.0)
    return np.asarray(voice + np.float32(gain) * music, np.float32)


def from_start(music: Float32, samples: int) -> Float32:
    """Return the beginning of a piece, shape (samples,), begun again where it is too short."""
    return np.resize(music, samples)


def excerpt(music: Float32, samples: int, rng: np.random.Generator) -> Float32:
    """Draw a stretch of a piece that is no pause, shape (samples,); a short piece is begun again.

    Args:
        music: mono, at least one sample.
        samples: how many.
        rng: draws where it begins.

    Raises:
        ValueError: the piece is silent, or next to always.
    """
    least = float(np.mean(np.square(music, dtype=np.float64))) * 10.0 ** (-QUIET_DB / 10.0)
    looped = np.resize(music, music.size + samples)
    for _ in range(TRIES):
        start = int(rng.integers(music.size))
        found = looped[start : start + samples]
        if float(np.mean(np.square(found, dtype=np.float64))) > least:
            return found
    raise ValueError("the accompaniment is silent, or nearly throughout; give music that plays")
