"""One singer's recordings for training: audio, features and excitations at 48 kHz, cached on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pedalboard
import soundfile
import soxr
from numpy.typing import NDArray

from dsp.downmix import mono_of
from dsp.features import FeatureExtractor
from dsp.units import MAX_HOPS, hop_size
from models.errors import TrainingError
from models.samples import sample_fault
from models.suffixes import AUDIO_SUFFIXES
from models.training.cache import Arrays, cached, digest

Float32 = NDArray[np.float32]

TRAINING_RATE = 48000
HOP = hop_size(TRAINING_RATE)
AT_ONCE = MAX_HOPS * HOP
MIN_SAMPLES = 2 * HOP
"""Of a recording: one frame and the one after it."""
ANALYSIS_VERSION = 4  # raise it when the features change, so that stale analyses are made again


@dataclass(frozen=True)
class Recording:
    """One recording and its features; all frames are centred at multiples of the hop.

    audio: (frames * hop,) float32 at 48 kHz. power: (frames, 961) float32. loudness, f0, voicing: (frames,).
    """

    name: str
    audio: Float32
    power: Float32
    loudness: Float32
    f0: Float32
    voicing: Float32

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.f0.shape[0])

    def cut(self, start: int, stop: int) -> Recording:
        """Return the frames from `start` up to `stop`."""
        frames, samples = slice(start, stop), slice(start * HOP, stop * HOP)
        return replace(
            self,
            audio=self.audio[samples],
            power=self.power[frames],
            loudness=self.loudness[frames],
            f0=self.f0[frames],
            voicing=self.voicing[frames],
        )


def recordings_in(folder: Path) -> list[Path]:
    """List the audio files of a folder and its subfolders, in order of their names.

    Raises:
        TrainingError: there are none.
    """
    inside = sorted(folder.rglob("*"))
    found = [path for path in inside if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()]
    if not found:
        raise TrainingError(f"{folder} holds no recordings; put WAV, AIFF, FLAC, OGG or MP3 files in it")
    return found


def matching(paths: Iterable[Path], patterns: Sequence[str]) -> list[Path]:
    """Return the files whose names match one of the patterns of a shell, such as 'song08*'."""
    return [path for path in paths if any(fnmatch(path.name, pattern) for pattern in patterns)]


def held_out(names: Collection[str], patterns: Sequence[str], like: str, what: str = "recording") -> set[str]:
    """Return the names that match patterns of a shell.

    Args:
        names: of all.
        patterns: none for none.
        like: how a pattern looks, as "VOICE/NAME such as 'alto/song08*'".
        what: has the names.

    Raises:
        TrainingError: a pattern matches nothing, or all match.
    """
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            raise TrainingError(f"hold-out pattern {pattern!r} matches no {what}; give {like}")
    held = {name for name in names if any(fnmatch(name, pattern) for pattern in patterns)}
    if len(held) == len(set(names)):
        raise TrainingError(f"hold-out patterns {list(patterns)} leave nothing to train on; hold out fewer")
    return held


def read_voice(path: Path) -> Float32:
    """Read a mono or stereo file as mono (`dsp.downmix`), float32 at 48 kHz, shape (samples,).

    Raises:
        TrainingError: `read_channels` refuses it.
    """
    audio, rate = read_channels(path)
    mono = mono_of(audio, rate)
    return np.asarray(mono if rate == TRAINING_RATE else soxr.resample(mono, rate, TRAINING_RATE), np.float32)


def read_channels(path: Path) -> tuple[Float32, int]:
    """Read a mono or stereo file, float32, shape (channels, samples), and its rate in hertz.

    Raises:
        TrainingError: it is damaged or no audio, hardly holds any, has more than two channels, or holds a
            sample that is not finite or scaled as a whole number.
    """
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error :").strip().rstrip(".")
        raise TrainingError(f"{path} cannot be read as audio ({reason}); export it again") from error
    if audio.shape[0] * TRAINING_RATE < MIN_SAMPLES * rate:
        raise TrainingError(
            f"{path} lasts {1000.0 * audio.shape[0] / rate:.0f} ms and a recording at least "
            f"{1000 * MIN_SAMPLES // TRAINING_RATE}; leave it out or export it again"
        )
    if audio.shape[1] > 2:
        raise TrainingError(
            f"{path} has {audio.shape[1]} channels; mono or stereo is needed: split or mix it first"
        )
    if fault := sample_fault(audio.T, 0, rate):
        raise TrainingError(f"{path} {fault} and export it again")
    return audio.T, int(rate)


def analyse(name: str, audio: Float32) -> Recording:
    """Extract what the engine would see, by the engine's own blocks.

    Args:
        name: for messages.
        audio: mono at 48 kHz, shape (samples,), float32; trailing samples short of a hop are dropped.
    """
    extractor = FeatureExtractor(TRAINING_RATE)
    frames = audio.shape[0] // HOP
    padded = np.concatenate([audio[: frames * HOP], np.zeros(2 * HOP, np.float32)])
    steps = [extractor.process(padded[at : at + AT_ONCE]) for at in range(0, padded.size, AT_ONCE)]
    here, late = slice(0, frames), slice(1, frames + 1)
    return Recording(
        name,
        padded[: frames * HOP],
        np.concatenate([step.spectrum.power.astype(np.float32) for step in steps])[here],
        np.concatenate([step.loudness for step in steps])[late].astype(np.float32),
        np.concatenate([step.f0 for step in steps])[late].astype(np.float32),
        np.concatenate([step.voicing for step in steps])[late].astype(np.float32),
    )


def joined(recordings: Sequence[Recording]) -> Recording:
    """Return recordings one after the other, under the name of the first."""
    arrays = [(part.audio, part.power, part.loudness, part.f0, part.voicing) for part in recordings]
    return Recording(recordings[0].name, *(np.concatenate(parts) for parts in zip(*arrays, strict=True)))


def shifted(audio: Float32, semitones: float) -> Float32:
    """Transpose a voice with its formants and its length kept (Rubber Band), same shape and dtype."""
    moved = pedalboard.time_stretch(
        audio[None, :], TRAINING_RATE, pitch_shift_in_semitones=semitones, preserve_formants=True
    )[0]
    out = np.zeros_like(audio)
    count = min(out.size, moved.size)
    out[:count] = moved[:count]
    return out


def load_corpus(
    paths: Sequence[Path],
    cache: Path,
    shifts: Iterable[float] = (0.0,),
    progress: Callable[[Iterable[Path]], Iterable[Path]] = iter,
) -> list[Recording]:
    """Read and analyse recordings, each also transposed by every shift; analyses are kept in `cache`.

    Args:
        paths: audio files.
        cache: a folder for the analyses; made when missing, safe to delete.
        shifts: semitones; 0 is the recording itself.
        progress: wraps the iteration over files, such as a progress bar.
    """
    cache.mkdir(parents=True, exist_ok=True)
    return [_cached(path, shift, cache) for path in progress(paths) for shift in shifts]


def _cached(path: Path, shift: float, cache: Path) -> Recording:
    record = analysed(path, cache, shift, lambda audio: shifted(audio, shift) if shift else audio)
    return replace(record, name=f"{path.stem}{shift:+g}") if shift else record


def analysed(path: Path, cache: Path, way: object, change: Callable[[Float32], Float32]) -> Recording:
    """Read, change and analyse a recording, or take what an earlier run made of it.

    Args:
        path: an audio file.
        cache: a folder for the analyses.
        way: tells the change, as JSON takes it: the analysis is kept under it.
        change: of the audio at 48 kHz, mono.

    Raises:
        TrainingError: `read_voice` refuses the file.
    """

    def arrays() -> Arrays:
        record = analyse(path.stem, change(read_voice(path)))
        return {name: value for name, value in vars(record).items() if name != "name"}

    cache.mkdir(parents=True, exist_ok=True)
    stored = cache / f"{digest(json.dumps([ANALYSIS_VERSION, way]), path)}.npz"
    return Recording(path.stem, **cached(stored, arrays))
