"""The voice held at the loudness of its source by gains for the controls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.filters import NOISE_GRID, filter_bins
from dsp.spectrum import a_weighting
from dsp.units import NEPER_PER_DB
from dsp.whisper import BASS_FROM_HZ

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

TOLERANCE_DB, WHISPER_TOLERANCE_DB = 2.5, 1.0
"""An error of so much is halved; one of half as much is left almost as it is, and one of twice is undone."""
MAX_GAIN_DB, MAX_WHISPER_GAIN_DB = 20.0, 30.0
MAX_CONSONANT_DB = 3.0
"""Consonants go along with the voice so far."""
FOLLOWING = 0.2
"""A gain comes so much nearer to what is needed in a frame, a time constant of 45 ms; in pauses it stays. The
first frames count as much as each other."""
HUSH_DB = 30.0
"""What is taken for voice in a whisper is softened by so much; it is none, and a singer may shout there."""
WHISPER_RISE = 3.0
"""A whisper's gain holds in full from a third of all sureness on; a long consonant may have it, too."""
EVERY = 2
"""Frames from one look at what is needed to the next."""
SILENT_DB, MIN_POWER = -45.0, 1e-6
"""A singer whose controls are as soft as that is silent on purpose."""
WEIGHT_STEP_HZ = 10.0
BASS_PART = 0.55
"""What A-weighting leaves out of a whisper, which is broad, is heard as well; so by this part its level is
that without weighting."""


class HarmonicSource(Protocol):
    """What is needed of a synthesizer."""

    def powers(self, harmonic: Float32, f0: Float64) -> Float32:
        """Return the mean squares of harmonics 1 to K of n frames at f0 hertz, shape (n, K)."""


class LevelHold:
    """Scale a singer's controls so that they sound as loud as the source.

    A network gives the filters of a frame, and the source's loudness is their gain; so with that gain at 0 dB
    they should sound at 0 dB, A-weighted. Where a singer is asked for what it never sang, a whisper or a note
    far above its range, they miss that by up to 20 dB. What they will sound like is known from the controls
    alone, so nothing has to be heard first.

    Args:
        sample_rate: a native rate in hertz; what lies above its half is not heard.
        source: the synthesizer that the controls are for.
    """

    latency = 0

    def __init__(self, sample_rate: int, source: HarmonicSource) -> None:
        self._source = source
        hertz = np.arange(0.0, sample_rate / 2, WEIGHT_STEP_HZ)
        self._weight = np.append(a_weighting(hertz), 0.0).astype(np.float32)  # beyond half the rate nothing
        bins = filter_bins(sample_rate)
        hats = [np.interp(bins, NOISE_GRID, row) for row in np.eye(NOISE_GRID.size)]
        weights = np.stack([a_weighting(bins), bins >= BASS_FROM_HZ], axis=1)
        self._noise = (np.stack(hats) @ weights / bins.size).T.astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the frames before."""
        self._voice_gain = self._whisper_gain = 0.0
        self._voiced_frames = self._whispered_frames = 0.0
        self._voice_wanted = self._whisper_wanted = 0.0
        self._wait = 0

    def process(
        self, harmonic: Float32, noise: Float32, f0: Float64, voicing: Float64, whispers: Float64
    ) -> tuple[Float32, Float32]:
        """Return the controls of the next n frames, scaled, as new arrays.

        Args:
            harmonic: natural-log magnitudes, shape (n, H), float32.
            noise: likewise, on `NOISE_GRID`, shape (n, 72), float32.
            f0: hertz at which they will sound, shape (n,).
            voicing: 0 to 1, shape (n,).
            whispers: of `dsp.whisper.Whisper`, shape (2, n).
        """
        gates, (sureness, bass) = voicing.tolist(), whispers.tolist()
        due = range(self._wait, len(gates), EVERY)
        self._wait = (self._wait - len(gates)) % EVERY
        looked = [frame for frame in due if gates[frame] > VOICED or sureness[frame] > 0.0]
        found = (
            self._levels(harmonic.take(looked, 0), noise.take(looked, 0), f0.take(looked)) if looked else ()
        )
        levels = dict(zip(looked, found, strict=True))
        raised, hushed = [], []
        for frame, (gate, sure) in enumerate(zip(gates, sureness, strict=True)):
            if frame in levels:
                self._look(bass[frame], *levels[frame])
            self._follow(gate, sure)
            unvoiced = min(MAX_CONSONANT_DB, max(-MAX_CONSONANT_DB, self._voice_gain))
            unvoiced += min(1.0, WHISPER_RISE * sure) * (self._whisper_gain - unvoiced)
            raised.append(NEPER_PER_DB * (unvoiced + gate * (self._voice_gain - unvoiced)))
            hushed.append(NEPER_PER_DB * HUSH_DB * sure)
        gain, fall = np.array((raised, hushed), np.float32)[..., None]
        return harmonic + (gain - fall), noise + gain

    def _look(self, bass: float, voice: float, hiss: float, plain: float) -> None:
        """Take the powers of a frame and set the gains that it needs."""
        self._voice_wanted = _correction(_decibels(voice + hiss), TOLERANCE_DB, MAX_GAIN_DB)
        error = (1.0 - BASS_PART) * _decibels(hiss) + BASS_PART * (_decibels(plain) - bass)
        self._whisper_wanted = _correction(error, WHISPER_TOLERANCE_DB, MAX_WHISPER_GAIN_DB)

    def _follow(self, gate: float, sure: float) -> None:
        """Bring the gains nearer to what is needed."""
        if gate > VOICED:
            self._voiced_frames += 1.0
            self._voice_gain += _share(self._voiced_frames) * (self._voice_wanted - self._voice_gain)
        if sure > 0.0:
            self._whispered_frames += 1.0
            self._whisper_gain += _share(self._whispered_frames) * (self._whisper_wanted - self._whisper_gain)

    def _levels(self, harmonic: Float32, noise: Float32, f0: Float64) -> Iterator[tuple[float, ...]]:
        """Return the weighted power of the harmonics, and that of the noise with and without weighting."""
        power = np.exp(noise + noise)
        hisses = (np.vecdot(power, weight).tolist() for weight in self._noise)
        return zip(self._voiced(harmonic, f0).tolist(), *hisses, strict=True)

    def _voiced(self, harmonic: Float32, f0: Float64) -> Float32:
        """Return the weighted power of the harmonics, shape (n,)."""
        powers = self._source.powers(harmonic, f0)
        hertz = np.multiply.outer(f0, np.arange(1.0, powers.shape[1] + 1))
        weight = self._weight.take((hertz / WEIGHT_STEP_HZ).astype(np.intp), mode="clip")
        return np.asarray(np.vecdot(powers, weight))


def _share(frames: float) -> float:
    return max(FOLLOWING, 1.0 / (1.0 + frames))


def _decibels(power: float) -> float:
    return 10.0 * math.log10(max(power, MIN_POWER))


def _correction(error: float, tolerance: float, most: float) -> float:
    """Return the gain in dB, up to `most`, that makes up for an error in dB, less what is tolerated."""
    if error < SILENT_DB:
        return 0.0
    return min(most, max(-most, error / (1.0 + (error / tolerance) ** 4) - error))
