"""How well the words survive: STOI and PESQ, each at the rate it is defined for."""

from __future__ import annotations

import math
import warnings

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.extras import eval_extra

STOI_RATE = 10000
PESQ_RATE = 16000
PESQ_SECONDS = 10
"""PESQ is meant for single sentences and holds 50 of them at most, so a recording is scored in pieces."""
PESQ_MIN_SECONDS = 0.5

Float32 = NDArray[np.float32]


def stoi(reference: Float32, audio: Float32, sample_rate: int) -> float:
    """Return the short-time objective intelligibility, about 0..1 (Taal et al. 2011).

    It compares the loudness of third-octave bands over time. A voice transposed by much puts its harmonics
    into other bands, so it scores lower than the same words at their own pitch.

    Args:
        reference: mono, shape (samples,), float32.
        audio: of the same shape, aligned to the sample.
        sample_rate: hertz, any.

    Returns:
        Not a number where less than 0.4 s are audible.

    Raises:
        MissingExtraError: pystoi is not installed.
    """
    with eval_extra():
        import pystoi  # noqa: PLC0415 - an extra
    a, b = (soxr.resample(x, sample_rate, STOI_RATE) for x in (reference, audio))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return float(pystoi.stoi(a, b, STOI_RATE))
        except (RuntimeWarning, ValueError):  # too few frames above its silence threshold
            return math.nan


def pesq(reference: Float32, audio: Float32, sample_rate: int) -> float:
    """Return wide-band PESQ, 1.04..4.64 (ITU-T P.862.2), the mean over pieces of 10 s.

    Args:
        reference: mono, shape (samples,), float32.
        audio: of the same shape, aligned to the sample.
        sample_rate: hertz, any.

    Returns:
        Not a number where nothing is audible.

    Raises:
        MissingExtraError: pesq is not installed.
    """
    with eval_extra():
        import pesq as library  # noqa: PLC0415 - an extra
    a, b = (soxr.resample(x, sample_rate, PESQ_RATE) for x in (reference, audio))
    count = max(1, round(a.size / (PESQ_SECONDS * PESQ_RATE)))
    scores = [
        float(library.pesq(PESQ_RATE, x, y, "wb", on_error=library.PesqError.RETURN_VALUES))
        for x, y in zip(np.array_split(a, count), np.array_split(b, count), strict=True)
        if x.size >= PESQ_MIN_SECONDS * PESQ_RATE and x.any() and y.any()
    ]
    heard = [score for score in scores if score > 0.0]
    return float(np.mean(heard)) if heard else math.nan
