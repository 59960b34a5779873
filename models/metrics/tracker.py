"""Measure pitch independently of the engine: SwiftF0 finds it, the phases of the harmonics tell the cents.

The engine's own tracker must not judge itself: it would repeat its mistakes and agree with them. SwiftF0 is a
small neural network of another kind. Against audio synthesized at a known pitch it missed 0-2 % of the voiced
frames and made no octave error; of the frames that librosa's pYIN called voiced, up to 64 % were not, and it
took thirty times as long. SwiftF0 errs by up to 8 cents depending on the pitch, too coarse for a target of
ten. So its result is refined by the instantaneous frequency of the harmonics (Flanagan and Golden 1966),
which reads steady tones within 1.5 cents.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from models.metrics.extras import eval_extra
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack

if TYPE_CHECKING:
    from swift_f0 import SwiftF0

RATE = 16000
MIN_HZ, MAX_HZ = 50.0, 2000.0
CONFIDENCE = 0.5
HARMONICS = 8
MAX_HARMONIC_HZ = 4000.0
WINDOW = 641  # 40 ms, Hann: four periods at 100 Hz
STEP = 32  # 2 ms between the two phases compared
ROUNDS = 2
MAX_PHASE_CORRECTION = (
    0.06  # octaves, 72 cents: a refinement beyond it follows another partial and is dropped
)
MIN_SPLIT_HZ = 160.0  # below, the window does not tell neighbours half as far apart
BETWEEN = 0.1  # power of the partials between the harmonics that makes them harmonics themselves: -10 dB
NEAR = 0.03  # the lowest of them must be within 15 dB of the next, or it is a subharmonic of rough voice
MIN_FRAMES = 4  # in a row: a consonant's noise fills what is between for a frame or two
LEAP = 0.25  # octaves from frame to frame of SwiftF0: what lies between nobody sang
LOUDEST = 0.5  # SwiftF0 does not normalise the level and asks for this much


def track_pitch(audio: NDArray[np.float32], sample_rate: int) -> PitchTrack:
    """Measure the pitch of a voice.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: hertz, any.

    Returns:
        One frame per 10 ms that begins within the audio.

    Raises:
        MissingExtraError: swift-f0 is not installed.
    """
    coarse, scaled = _detected(audio, sample_rate, MIN_HZ, MAX_HZ)
    found = np.flatnonzero(coarse.voiced)
    f0 = coarse.f0.copy()
    f0[found] = _refined(scaled, found, _octave_checked(scaled, found, f0[found]))
    return PitchTrack(f0, coarse.voiced)


def coarse_pitch(audio: NDArray[np.float32], sample_rate: int, lowest: float, highest: float) -> PitchTrack:
    """Measure the pitch of a voice by SwiftF0 alone; as `track_pitch`, from `lowest` to `highest` hertz."""
    return _detected(audio, sample_rate, lowest, highest)[0]


def _detected(
    audio: NDArray[np.float32], sample_rate: int, lowest: float, highest: float
) -> tuple[PitchTrack, NDArray[np.float32]]:
    """Return what SwiftF0 finds, and the audio it found it in, at 16 kHz."""
    frames = -(-audio.size * FRAMES_PER_SECOND // sample_rate)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak == 0.0:
        return PitchTrack(np.full(frames, lowest), np.zeros(frames, bool)), audio
    at_rate = audio if sample_rate == RATE else soxr.resample(audio, sample_rate, RATE)
    scaled = np.asarray(at_rate * np.float32(LOUDEST / peak), np.float32)
    coarse = _detector().detect(scaled, RATE, lowest, highest)
    times = np.arange(frames) / FRAMES_PER_SECOND
    log_f0 = _read_at(times, coarse.timestamps, np.log2(np.clip(coarse.pitch_hz, lowest, highest)))
    voiced = np.interp(times, coarse.timestamps, coarse.confidence) >= CONFIDENCE
    return PitchTrack(np.exp2(log_f0), voiced), scaled


def _read_at(
    times: NDArray[np.float64], known: NDArray[np.float64], log_f0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Read between frames: straight lines, but the nearer of two that lie a leap apart."""
    if known.size < 2:
        return np.interp(times, known, log_f0)
    after = np.searchsorted(known, times).clip(1, known.size - 1)
    nearest = np.where(times - known[after - 1] <= known[after] - times, after - 1, after)
    leaps = np.abs(log_f0[after] - log_f0[after - 1]) > LEAP
    return np.where(leaps, log_f0[nearest], np.interp(times, known, log_f0))


@lru_cache(maxsize=1)
def _detector() -> SwiftF0:
    with eval_extra():
        from swift_f0 import SwiftF0  # noqa: PLC0415 - an extra
    return SwiftF0(threads=1)


def _octave_checked(
    audio: NDArray[np.float32], frames: NDArray[np.intp], f0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return f0 of the frames, halved where the odd harmonics of the half are heard, too.

    A voice whose second harmonic is the louder is at times taken for an octave higher: at 278 Hz with the
    first harmonic 6 dB down that happened to one note in a song, where Praat and the ear hear 278 Hz.
    """
    windows = _windows(audio)
    centred = windows[np.minimum(frames * (RATE // FRAMES_PER_SECOND) + STEP, len(windows) - 1)]
    levels = [np.abs(_partial(centred, f0 * step)) ** 2 for step in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]
    between, harmonics = (sum(levels[first::2]) for first in (0, 1))
    lower = (f0 >= MIN_SPLIT_HZ) & (between > BETWEEN * harmonics) & (levels[0] > NEAR * levels[2])
    parts = np.cumsum((np.diff(lower, prepend=False)) | (np.diff(frames, prepend=frames[:1]) > 1))
    return np.where(lower & (np.bincount(parts)[parts] >= MIN_FRAMES), 0.5 * f0, f0)


def _windows(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return every stretch of a window's length, (starts, WINDOW), as a view."""
    padded = np.pad(audio.astype(np.float64), WINDOW // 2 + STEP)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)


def _partial(windows: NDArray[np.float64], hertz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the amplitude of one partial in each window."""
    turns = np.exp(-2j * np.pi / RATE * hertz[:, None] * (np.arange(WINDOW) - WINDOW // 2))
    return np.asarray(np.sum(np.hanning(WINDOW) * turns * windows, axis=1))


def _refined(
    audio: NDArray[np.float32], frames: NDArray[np.intp], f0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return f0 of the frames, read from how far the phase of each harmonic turns in 2 ms."""
    windows = _windows(audio)
    centres = frames * (RATE // FRAMES_PER_SECOND) + STEP
    before = windows[np.minimum(centres - STEP // 2, len(windows) - 1)]
    after = windows[np.minimum(centres + STEP // 2, len(windows) - 1)]
    now = f0.copy()
    for _ in range(ROUNDS):
        turned, weight = np.zeros(f0.size), np.full(f0.size, 1e-30)
        for harmonic in range(1, HARMONICS + 1):
            hertz = harmonic * now
            a, b = _partial(before, hertz), _partial(after, hertz)
            expected = 2.0 * np.pi * hertz * STEP / RATE
            excess = np.angle(b * np.conj(a) * np.exp(-1j * expected)) * RATE / (2.0 * np.pi * STEP)
            power = np.abs(a * b) * (hertz < MAX_HARMONIC_HZ)
            turned += power * harmonic * excess
            weight += power * harmonic**2
        now = now + turned / weight
    near = np.abs(np.log2(np.maximum(now, 1.0) / f0)) < MAX_PHASE_CORRECTION
    return np.where(near, now, f0)
