"""Find the vibrato in a pitch track, causally and without lag, so that its depth can be changed."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

WINDOW = 26
"""Frames looked back on, 260 ms: one and a half periods of a vibrato of 6 Hz."""
RATES_HZ = np.arange(4.0, 9.01, 0.25)
# Share of the variation a sine must explain: below the first it is not vibrato, above the second it is.
_EXPLAINED = (0.85, 0.95)
# Semitones of amplitude: beyond these a swing is a melody, not a vibrato.
_AMPLITUDE = (0.9, 1.4)
_OPENING = 0.1  # per frame of 10 ms
_CLOSING = 0.2


class VibratoFinder:
    """Fit a line and a sinusoid to the newest frames; the sinusoid's newest value is the vibrato.

    A least-squares fit in both phases has no lag at any vibrato rate, where a band-pass filter would. The
    fit needs `WINDOW` voiced frames in a row; a gate opens only where it explains the track.
    """

    def __init__(self) -> None:
        t = np.arange(1 - WINDOW, 1) * 0.01
        trend, _ = np.linalg.qr(np.stack([np.ones(WINDOW), t], axis=1))
        shapes, fits = [], []
        for rate in RATES_HZ:
            waves = np.stack([np.cos(2 * np.pi * rate * t), np.sin(2 * np.pi * rate * t)], axis=1)
            free, mixing = np.linalg.qr(waves - trend @ (trend.T @ waves))
            shapes.append(free.T)
            fits.append(np.linalg.inv(mixing))
        self._trend = trend.T.copy()
        self._shapes = np.concatenate(shapes)
        self._fits = np.stack(fits)
        # Frame by frame a deque is quicker than an array.
        self._track: deque[float] = deque(maxlen=WINDOW)
        self.reset()

    def reset(self) -> None:
        """Forget the track."""
        self._track.clear()
        self._gate = 0.0

    def listen(self, pitch: float, voiced: bool) -> None:
        """Take the next frame.

        Args:
            pitch: in semitones.
            voiced: an unvoiced frame ends the note; its pitch is not used.
        """
        if not voiced:
            self.reset()
            return
        self._track.append(pitch)

    def depth(self) -> float:
        """Return the vibrato in the newest frame, semitones above the note's own line; call once a frame."""
        if len(self._track) < WINDOW:
            return 0.0
        track = np.array(self._track) - self._track[-1]
        lines = self._trend @ track
        variation = float(track @ track - lines @ lines)
        parts = (self._shapes @ track).reshape(-1, 2)
        explained = np.square(parts).sum(axis=1)
        best = int(explained.argmax())
        share = float(explained[best]) / max(variation, 1e-6)
        cosine, sine = self._fits[best] @ parts[best]
        amplitude = float(np.hypot(cosine, sine))
        wanted = _rise(share, *_EXPLAINED) * (1.0 - _rise(amplitude, *_AMPLITUDE))
        self._gate += min(_OPENING, max(-_CLOSING, wanted - self._gate))
        return self._gate * float(cosine)


def _rise(x: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (x - low) / (high - low)))
