"""What makes samples unusable: values that are not finite, or scaled as integers instead of -1..1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_LEVEL = 100.0  # +40 dBFS: beyond that an array of floats holds something other than audio in -1..1
_FEW = 64  # samples over full scale that may all be whole numbers by chance


def sample_fault(x: NDArray[np.float32], position: int, sample_rate: int) -> str | None:
    """Return what is wrong with the first unusable sample and how to mend it, None where all are usable.

    Args:
        x: audio, shape (channels, n).
        position: of its first sample, from the beginning of the recording.
        sample_rate: hertz.
    """
    loudest = np.max(np.abs(x), initial=0.0)
    if loudest <= MAX_LEVEL:  # not a number fails, too
        if loudest >= 2.0 and np.count_nonzero(np.abs(x) >= 2.0) > _FEW and np.array_equal(x, np.rint(x)):
            return f"holds whole numbers up to {loudest:g}; audio lies in -1..1: scale it down"
        return None
    wrong = ~(np.abs(x) <= MAX_LEVEL)
    at = int(np.argmax(wrong.any(axis=0)))
    value = float(x[:, at][wrong[:, at]][0])
    where = (position + at) / sample_rate
    if np.isfinite(value):
        return f"holds a sample of {value:g} at {where:.3f} s; audio lies in -1..1: scale it down"
    name = "NaN" if np.isnan(value) else "infinity"
    return f"holds {name} at {where:.3f} s; every sample must be finite: repair it"
