"""The harmonics' filter where nothing is sung: nowhere much louder than in the voice before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp.units import NEPER_PER_DB

MARGIN_DB = 6.0
"""So much more than before may be asked, since a note may begin stronger than the last one ended."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_MARGIN = np.float32(MARGIN_DB * NEPER_PER_DB)


class HarmonicCap:
    """Bound the controls of harmonics in frames that are not surely voiced.

    In training no harmonic sounds in an unvoiced frame, so what a network says of its filter there is
    anything: one singer's is 35 dB louder at 150 Hz than in its vowels. But a note that begins or ends glides
    from or to that filter, and the edge of its gate, which is broad, thumps through it, most of all where
    the pitch tracker loses a voice for 50 ms. So each control may be louder by `MARGIN_DB` than in the frames
    before, which count by the square of their voicing: doubtful ones leave hardly a trace. Before any voice
    that is 0 dB. Frames that are surely voiced pass as they are.
    """

    latency = 0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the frames before."""
        self._known = np.zeros(1, np.float32)

    def process(self, harmonic: Float32, voicing: Float64) -> Float32:
        """Return the controls of the next n frames, as a new array.

        Args:
            harmonic: natural-log magnitudes, shape (n, H), float32.
            voicing: 0 to 1, shape (n,).
        """
        bounded, known = harmonic.copy(), self._known
        for row, gate in zip(bounded, voicing.tolist(), strict=True):
            if gate < 1.0:
                known = known + np.float32(gate * gate) * (row - known)
                np.minimum(row, known + _MARGIN, out=row)
            else:
                known = row
        self._known = known.copy()
        return bounded
