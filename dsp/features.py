"""The features of one voice, hop by hop: pitch, voicing, loudness and spectrum, aligned for the estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.pitch import PitchTracker, VoiceTracker
from dsp.spectrum import SILENCE_DB, Analyzer, Spectrum
from dsp.units import hop_size


class Features(NamedTuple):
    """What is known once hops j to j + n - 1 have come: their spectra, the rest of the frame before each."""

    spectrum: Spectrum
    """Frames j to j + n - 1, one hop ahead of the others."""
    f0: list[float]
    """Hertz, finite and held through unvoiced frames; frames j - 1 to j + n - 2."""
    voicing: list[float]
    """0 (unvoiced) to 1 (voiced); frames j - 1 to j + n - 2."""
    loudness: list[float]
    """Of the voice, as far as the tracker tells it from music: A-weighted dB re full scale; frames j - 1 to
    j + n - 2."""
    beyond: Sequence[bool] = ()
    """See `dsp.pitch.PitchFrame`; frames j - 1 to j + n - 2."""


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
        """Analyse the next hops of mono audio, shape (n * hop,), float32, n >= 1."""
        spectrum = self._analyzer.process(x)
        pitch = self._tracker.process(x)
        levels = [self._loudness, *spectrum.loudness.tolist()]
        self._loudness = levels.pop()
        loudness = [max(SILENCE_DB, a - f.surplus) for a, f in zip(levels, pitch, strict=True)]
        beyond = [f.beyond for f in pitch]
        return Features(spectrum, [f.f0 for f in pitch], [f.voicing for f in pitch], loudness, beyond)

    def reset(self) -> None:
        """Forget all audio."""
        self._analyzer.reset()
        self._tracker.reset()
        self._loudness = SILENCE_DB
