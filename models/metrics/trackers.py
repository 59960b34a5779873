"""The pitch trackers that a melody table compares, by name: each as its authors intend it, in one range."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.pitch import PitchFrame, PitchTracker, VoiceTracker
from dsp.units import MAX_F0, MIN_F0, hop_size
from models.metrics import tracker as independent
from models.metrics.extras import eval_extra
from models.metrics.pitch import FRAMES_PER_SECOND, PitchTrack

PYIN_RATE = 24000
PYIN_WINDOW = 2048  # 85 ms: librosa's own size at nearly its own rate; four periods of 50 Hz
CREPE_RATE = 16000
CREPE_SURE = 0.5  # CREPE gives a confidence and leaves the decision open

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Tracker:
    """One row of the registry."""

    track: Callable[[Float32, int], PitchTrack]
    """Of mono audio, shape (samples,), float32, at a native rate; a frame per 10 ms that begins within it."""
    needs: tuple[str, ...] = ()
    """Modules that must be there."""
    install: str = ""
    """What brings them."""

    @property
    def available(self) -> bool:
        """Whether it can run here."""
        return all(_found(name) for name in self.needs)


def pitch_frames(tracker: VoiceTracker, audio: Float32, sample_rate: int) -> list[PitchFrame]:
    """Return all that a streaming tracker hears; as `streamed`, with the smooth voicing."""
    hop = hop_size(sample_rate)
    frames = -(-audio.size // hop)
    padded = np.zeros((frames + 1) * hop, np.float32)
    padded[: audio.size] = audio
    return tracker.process(padded)[1:]  # hop j brings frame j - 1


def streamed(tracker: VoiceTracker, audio: Float32, sample_rate: int) -> PitchTrack:
    """Return what a streaming tracker hears, frame by frame from the first sample on.

    Args:
        tracker: fresh.
        audio: mono, shape (samples,), float32.
        sample_rate: a native rate in hertz.
    """
    heard = pitch_frames(tracker, audio, sample_rate)
    return PitchTrack(
        np.array([frame.f0 for frame in heard], np.float64),
        np.array([frame.voicing > VOICED for frame in heard], bool),
    )


def _melody(audio: Float32, sample_rate: int) -> PitchTrack:
    from models.melody.tracker import MelodyTracker  # noqa: PLC0415 - loads onnxruntime

    return streamed(MelodyTracker(sample_rate), audio, sample_rate)


def _periodicity(audio: Float32, sample_rate: int) -> PitchTrack:
    return streamed(PitchTracker(sample_rate), audio, sample_rate)


def _pyin(audio: Float32, sample_rate: int) -> PitchTrack:
    """Mauch and Dixon 2014, by librosa."""
    with eval_extra():
        import librosa  # noqa: PLC0415 - an extra
    f0, voiced, _ = librosa.pyin(
        _at(PYIN_RATE, audio, sample_rate),
        fmin=MIN_F0,
        fmax=MAX_F0,
        sr=PYIN_RATE,
        frame_length=PYIN_WINDOW,
        hop_length=PYIN_RATE // FRAMES_PER_SECOND,
        fill_na=None,
    )
    return _fitted(f0, voiced, audio, sample_rate)


def _swiftf0(audio: Float32, sample_rate: int) -> PitchTrack:
    """SwiftF0 as it comes, without the refinement and the octave check of the independent tracker."""
    return independent.coarse_pitch(audio, sample_rate, MIN_F0, MAX_F0)


def _praat(audio: Float32, sample_rate: int) -> PitchTrack:
    """Boersma 1993, by Parselmouth."""
    with eval_extra():
        import parselmouth  # noqa: PLC0415 - an extra
    sound = parselmouth.Sound(np.asarray(audio, np.float64), float(sample_rate))
    found = sound.to_pitch_ac(
        time_step=1.0 / FRAMES_PER_SECOND, pitch_floor=MIN_F0, pitch_ceiling=MAX_F0, very_accurate=True
    )
    hertz = found.selected_array["frequency"]
    times = np.arange(-(-audio.size // hop_size(sample_rate))) / FRAMES_PER_SECOND
    nearest = np.abs(found.xs()[:, None] - times).argmin(axis=0)
    voiced = (hertz[nearest] > 0.0) & (np.abs(found.xs()[nearest] - times) < 1.0 / FRAMES_PER_SECOND)
    known = np.flatnonzero(hertz)
    if not known.size:
        return PitchTrack(np.full(times.size, MIN_F0), np.zeros(times.size, bool))
    return PitchTrack(np.exp2(np.interp(times, found.xs()[known], np.log2(hertz[known]))), voiced)


def _crepe(audio: Float32, sample_rate: int) -> PitchTrack:
    """Kim et al. 2018, the full network, by torchcrepe."""
    import torch  # noqa: PLC0415
    import torchcrepe  # noqa: PLC0415 - in no extra

    sound = torch.from_numpy(_at(CREPE_RATE, audio, sample_rate))[None]
    f0, sure = torchcrepe.predict(
        sound, CREPE_RATE, CREPE_RATE // FRAMES_PER_SECOND, MIN_F0, MAX_F0, "full", return_periodicity=True
    )
    return _fitted(f0[0].numpy(), sure[0].numpy() > CREPE_SURE, audio, sample_rate)


TRACKERS: Mapping[str, Tracker] = {
    "melody": Tracker(_melody),
    "periodicity": Tracker(_periodicity),
    "pyin": Tracker(_pyin, ("librosa",), "pip install librosa"),
    "swiftf0": Tracker(_swiftf0, ("swift_f0",), "pip install swift-f0"),
    "praat": Tracker(_praat, ("parselmouth",), "pip install praat-parselmouth"),
    "crepe": Tracker(_crepe, ("torchcrepe",), "pip install torchcrepe"),
}
"""`melody` and `periodicity` are the engine's own; all others but `crepe` come with the extra `eval`."""


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # the package it lies in
        return False


def _at(rate: int, audio: Float32, sample_rate: int) -> Float32:
    same = rate == sample_rate
    return np.asarray(audio if same else soxr.resample(audio, sample_rate, rate), np.float32)


def _fitted(f0: Any, voiced: Any, audio: Float32, sample_rate: int) -> PitchTrack:  # noqa: ANN401 - arrays
    """Return frames centred at multiples of 10 ms as a track as long as the audio."""
    frames = -(-audio.size // hop_size(sample_rate))
    more = max(0, frames - f0.size)
    hertz = np.pad(np.asarray(f0, np.float64), (0, more), mode="edge")[:frames]
    return PitchTrack(hertz.clip(MIN_F0, MAX_F0), np.pad(np.asarray(voiced, bool), (0, more))[:frames])
