"""The features of one voice, hop by hop: pitch, voicing, loudness and spectrum, aligned for the estimator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.pitch import PitchTracker, VoiceTracker
from dsp.spectrum import SILENCE_DB, Analyzer, Spectrum
from dsp.units import hop_size


class Features(NamedTuple):
    """What is known once hop j has arrived: the spectrum of frame j, the rest of frame j - 1."""

    spectrum: Spectrum
    """Frame j, one hop ahead of the others."""
    f0: float
    """Hertz, finite and held through unvoiced frames; frame j - 1."""
    voicing: float
    """0 (unvoiced) to 1 (voiced); frame j - 1."""
    loudness: float
    """A-weighted dB re full scale; frame j - 1."""


class FeatureExtractor:
    """Run the analyses of a voice side by side.

    Args:
        sample_rate: a native rate in hertz.
        tracker: a fresh one at that rate; a `PitchTracker` for None.
    """

    def __init__(self, sample_rate: int, tracker: VoiceTracker | None = None) -> None:
        self.hop = hop_size(sample_rate)
        self.latency = 2 * self.hop
        self._analyzer = Analyzer(sample_rate)
        self._tracker = PitchTracker(sample_rate) if tracker is None else tracker
        self._loudness = SILENCE_DB

    def process(self, x: NDArray[np.float32]) -> Features:
        """Analyse the next hop of mono audio, shape (hop,), float32."""
        spectrum = self._analyzer.process(x)
        pitch = self._tracker.process(x)
        features = Features(spectrum, pitch.f0, pitch.voicing, self._loudness)
        self._loudness = spectrum.loudness
        return features

    def reset(self) -> None:
        """Forget all audio."""
        self._analyzer.reset()
        self._tracker.reset()
        self._loudness = SILENCE_DB
