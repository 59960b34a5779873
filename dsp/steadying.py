"""Keep the envelopes of a high voice steady while a sound is held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.spectrum import ENVELOPE_GRID

Float32 = NDArray[np.float32]

SPARSE_HZ = 260.0
"""Above this pitch the harmonics are further apart than formants are wide."""
STILL_DB = 3.0
"""A frame that differs from the ones before by less, as RMS over the bands, is the same sound ..."""
CHANGED_DB = 8.0
"""... and one that differs by more is a new one."""
MAX_SMOOTHING = 0.9
"""The largest smoothing coefficient: a held sound is averaged over 100 ms at most."""

_BANDS = int(np.searchsorted(ENVELOPE_GRID, 8000.0))  # what every native rate has


class Steadier:
    """Average envelopes over the frames of a held sound, the longer, the higher the voice.

    A high voice shows its vocal tract at few frequencies only, and vibrato sweeps these through the formants:
    bands rise and fall by 4 dB though nothing is articulated, and a network takes it for articulation.
    Another sound passes at once, and so does all that is unvoiced.
    """

    latency = 0

    def __init__(self) -> None:
        self._last: Float32 | None = None

    def process(self, bands: Float32, f0: Sequence[float], voicing: Sequence[float]) -> Float32:
        """Take envelopes that follow on each other.

        Args:
            bands: levels in dB, shape (n, bands), float32 (`dsp.spectrum.envelope`).
            f0: hertz, of the same frames or their neighbours, n of them.
            voicing: 0 to 1, likewise.

        Returns:
            A new array of the shape given.
        """
        steady = bands.copy()
        for frame, hertz, gate in zip(steady, f0, voicing, strict=True):
            firm = gate * min(MAX_SMOOTHING, 1.0 - (SPARSE_HZ / hertz) ** 3)
            if firm > 0.0 and self._last is not None:
                change = frame - self._last
                heard = change[:_BANDS]
                far = float(np.sqrt(heard.dot(heard) / _BANDS))
                held = (CHANGED_DB - far) / (CHANGED_DB - STILL_DB)
                np.subtract(frame, np.float32(firm * min(1.0, max(0.0, held))) * change, out=frame)
            self._last = frame
        return steady

    def reset(self) -> None:
        """Forget the previous sound."""
        self._last = None
