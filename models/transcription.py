"""Find the notes of a sung melody in its pitch, voicing and loudness."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from dsp.controls import VOICED
from dsp.features import FeatureExtractor
from dsp.pitch import VoiceTracker
from dsp.units import HOPS_PER_SECOND, MAX_F0, MAX_HOPS, MIN_F0, RATES, hz_to_semitones
from models.notes import Note

AUDIBLE_DB = 40.0
"""A frame so far below the loud ones is no part of a note."""
MIN_FRAMES = 6
"""A grace note, shorter than 60 ms, joins its neighbour; so does a slide, which is at no time so long ..."""
STEADY = 0.5
"""... within so many semitones of its own median."""
DROPOUT_FRAMES = 2
"""A gap in the voicing up to so long, where the level holds, is the tracker's."""
CONSONANT_FRAMES = 15
"""A gap between notes up to so long is a consonant and no rest: the note lasts until the next."""
CHANGE = 6.0
"""What another note must fit better, in semitones times frames."""
FARTHEST = 1.5
"""Semitones: a frame that is farther off than this tells nothing more."""
DIP_DB = 6.0
"""So far the level falls between two syllables on one pitch, ..."""
DIP_FRAMES = 12
"""... within so many frames of the loudest on either side."""
SLIGHT_DIP_DB = 1.5
"""So far it falls for a consonant in which the pitch steps: the note begins with the vowel after it, ..."""
BEFORE_RISE, AFTER_RISE = 10, 3
"""... where the step comes up to so many frames before, or after."""
VIBRATO_FRAMES = (5, 13)
"""Of half a turn of vibrato: 10 to 4 Hz."""
VIBRATO_EXTENT = (0.3, 2.4)
"""Semitones from top to bottom; more is a trill, whose notes count."""
VIBRATO_DRIFT = 0.4
"""So much of its extent the middle may move from one half turn to the next."""
VIBRATO_TURNS = 3
"""Half turns in a row that make a vibrato."""
AGREEMENT = 0.15
"""Of the frames on a tuning, 0 to 1. With less it is chance: 59 of 78 songs that one singer sang without
accompaniment had less, and 4 % more notes get their pitch when it is left alone."""
USUAL_VELOCITY = 80
"""Of the median note; levels go with the square of the velocity, as General MIDI has it."""

RATE = 48000
"""Hertz at which a recording is heard whose own rate is not native."""

_LOWEST, _HIGHEST = (round(hz_to_semitones(hertz)) for hertz in (MIN_F0, MAX_F0))

Float64 = NDArray[np.float64]
Runs = list[tuple[int, int]]
"""First frame and the one after the last, of each."""


def heard_notes(
    audio: NDArray[np.float32], sample_rate: int, tracker: VoiceTracker | None = None
) -> list[Note]:
    """Return the notes that are sung in a recording, as `transcribed` finds them in its `voice_frames`."""
    return transcribed(*voice_frames(audio, sample_rate, tracker))


def voice_frames(
    audio: NDArray[np.float32], sample_rate: int, tracker: VoiceTracker | None = None
) -> tuple[Float64, Float64, Float64]:
    """Return f0 in hertz, voicing and loudness in dB of a recording, as the engine hears them.

    Args:
        audio: mono, shape (samples,), float32.
        sample_rate: hertz, any.
        tracker: a fresh one at that rate, or at `RATE` where that is not native; for a lone voice if None.

    Returns:
        Of each a number for every 10 ms that begins within the audio, shape (frames,), float64.
    """
    native = sample_rate in RATES
    x = audio if native else np.asarray(soxr.resample(audio, sample_rate, RATE), np.float32)
    extractor = FeatureExtractor(sample_rate if native else RATE, tracker)
    frames = -(-x.size // extractor.hop)
    padded = np.pad(x, (0, (frames + 1) * extractor.hop - x.size))  # features come a hop late
    together = MAX_HOPS * extractor.hop
    found = [extractor.process(padded[at : at + together]) for at in range(0, padded.size, together)]
    f0, voicing, loudness = (
        np.concatenate([getattr(step, name) for step in found])[1:] for name in ("f0", "voicing", "loudness")
    )
    return f0, voicing, loudness


def transcribed(f0: ArrayLike, voicing: ArrayLike, loudness: ArrayLike) -> list[Note]:
    """Return the notes of one voice.

    A note begins where the voice sets in, where its pitch steps, and where its level dips and rises on one
    pitch. Vibrato and slides begin none, and the tuning of the whole recording is taken off (`tuning_of`).
    Two vowels on one pitch without a consonant between them are one note.

    Args:
        f0: hertz, shape (frames,), a frame every 10 ms, as `dsp.features.Features` has it.
        voicing: 0 (unvoiced) to 1 (voiced), of the same shape.
        loudness: dB, of the same shape.

    Returns:
        In time, none overlapping another; the median note has the velocity 80.

    Raises:
        ValueError: the shapes differ, or a number is not finite.
    """
    pitch, voiced, level = _checked(f0, voicing, loudness)
    sounding = _sounding(voiced, level)
    steady = pitch.copy()
    for first, stop in _runs(sounding):
        steady[first:stop] = _without_vibrato(pitch[first:stop])
    tuning = _tuning(steady[sounding])
    pieces: Runs = []
    for first, stop in _runs(sounding):
        pieces += _joined(steady, _cut(steady[first:stop] - tuning, level[first:stop], first))
    return _notes(pitch - tuning, level, pieces)


def tuning_of(f0: ArrayLike, voicing: ArrayLike) -> float:
    """Return by how many semitones a voice sings above the nearest notes of A = 440 Hz, -0.5 to 0.5.

    A voice that wanders, so that its frames lie anywhere between the notes, has no tuning: 0.

    Args:
        f0: hertz, shape (frames,).
        voicing: 0 (unvoiced) to 1 (voiced), of the same shape.
    """
    pitch, voiced, _ = _checked(f0, voicing, voicing)
    return _tuning(pitch[voiced > VOICED])


def _checked(f0: ArrayLike, voicing: ArrayLike, loudness: ArrayLike) -> tuple[Float64, Float64, Float64]:
    hertz, voiced, level = (np.asarray(value, np.float64) for value in (f0, voicing, loudness))
    if hertz.ndim != 1 or not hertz.shape == voiced.shape == level.shape:
        raise ValueError(
            f"f0, voicing and loudness have the shapes {hertz.shape}, {voiced.shape} and {level.shape}; give "
            "one number of each for every frame"
        )
    if not all(np.isfinite(value).all() for value in (hertz, voiced, level)):
        raise ValueError(
            "f0, voicing or loudness holds a number that is not finite; give what a tracker found"
        )
    return 69.0 + 12.0 * np.log2(np.clip(hertz, MIN_F0, MAX_F0) / 440.0), voiced, level


def _tuning(pitch: Float64) -> float:
    """Return the circular mean of what is beyond whole semitones; 0 where the frames do not agree on one."""
    mean = complex(np.exp(2j * np.pi * pitch).sum()) / max(1, pitch.size)
    return float(np.angle(mean) / (2.0 * np.pi)) if abs(mean) >= AGREEMENT else 0.0


def _sounding(voiced: Float64, level: Float64) -> NDArray[np.bool_]:
    """Return the frames of the voice."""
    found = voiced > VOICED
    if not found.any():
        return found
    found &= level > np.percentile(level[found], 95.0) - AUDIBLE_DB
    for first, stop in _runs(~found):
        if first > 0 and stop < len(found) and stop - first <= DROPOUT_FRAMES:
            least = min(level[first - 1], level[stop]) - DIP_DB
            found[first:stop] = bool((level[first:stop] > least).all())
    return found


def _runs(mask: NDArray[np.bool_]) -> Runs:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _without_vibrato(pitch: Float64) -> Float64:
    """Return pitch with the middle of each vibrato in its place."""
    smooth = np.convolve(np.pad(pitch, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    turns = np.flatnonzero(np.diff((np.diff(smooth) > 0.0).astype(np.int8))) + 1
    if len(turns) <= VIBRATO_TURNS:
        return pitch
    length, extent = np.diff(turns), np.abs(np.diff(smooth[turns]))
    middle = 0.5 * (smooth[turns[1:]] + smooth[turns[:-1]])
    (shortest, longest), (least, most) = VIBRATO_FRAMES, VIBRATO_EXTENT
    waves = (shortest <= length) & (length <= longest) & (least <= extent) & (extent <= most)
    waves[1:] &= np.abs(np.diff(middle)) <= VIBRATO_DRIFT * np.minimum(extent[1:], extent[:-1])
    steady = pitch.copy()
    for first, stop in _runs(waves):
        if stop - first >= VIBRATO_TURNS:
            inside = np.arange(turns[first], turns[stop] + 1)
            centres = 0.5 * (turns[first + 1 : stop + 1] + turns[first:stop])
            steady[inside] = np.interp(inside, centres, middle[first:stop])
    return steady


def _cut(pitch: Float64, level: Float64, at: int) -> Runs:
    """Return the pieces between steps of the pitch and dips of the level, later by `at`."""
    dips = _dips(level)
    cuts = {0, len(pitch), *(rise for rise, depth in dips if depth >= DIP_DB)}
    for step in _steps(pitch):
        near = [rise for rise, _ in dips if -BEFORE_RISE <= step - rise <= AFTER_RISE]
        cuts.add(min(near, key=lambda rise: abs(rise - step), default=step))
    edges = [at + cut for cut in sorted(cuts)]
    return list(pairwise(edges))


def _steps(pitch: Float64) -> list[int]:
    """Return the frames at which the best line of whole semitones steps (Viterbi)."""
    lowest = max(_LOWEST, int(pitch.min()) - 1)
    notes = np.arange(lowest, max(lowest, min(_HIGHEST, int(pitch.max()) + 2)) + 1)
    costs = np.minimum(np.abs(pitch[:, None] - notes), FARTHEST)
    total = costs[0].copy()
    came = np.tile(np.arange(len(notes)), (len(costs), 1))
    for frame in range(1, len(costs)):
        best = int(total.argmin())
        steps = total > total[best] + CHANGE
        came[frame, steps] = best
        total = np.where(steps, total[best] + CHANGE, total) + costs[frame]
    note, found = int(total.argmin()), []
    for frame in range(len(costs) - 1, 0, -1):
        if (before := int(came[frame, note])) != note:
            note = before
            found.append(frame)
    return found


def _dips(level: Float64) -> list[tuple[int, float]]:
    """Return of each dip the frame at which the level has risen half way out of it, and its depth in dB."""
    found = []
    for low in range(1, len(level) - 1):
        before, after = level[max(0, low - DIP_FRAMES) : low], level[low + 1 : low + 1 + DIP_FRAMES]
        near = DIP_FRAMES // 2
        if level[low] < before[-near:].min() and level[low] <= after[:near].min():
            depth = float(min(before.max(), after.max()) - level[low])
            if depth >= SLIGHT_DIP_DB:
                half = 0.5 * (level[low] + after.max())
                found.append((low + 1 + int(np.argmax(after >= half)), depth))
    return found


def _joined(pitch: Float64, pieces: Runs) -> Runs:
    """Return pieces of which each is a note; one that is not steady joins the neighbour nearer in pitch."""
    found = list(pieces)
    while len(found) > 1:
        steady = [_steady_frames(pitch, piece) for piece in found]
        worst = int(np.argmin(steady))
        if steady[worst] >= MIN_FRAMES:
            break
        own = _middle(pitch, found[worst])
        first = min(
            (low for low in (worst - 1, worst) if 0 <= low < len(found) - 1),
            key=lambda low: abs(_middle(pitch, found[2 * low + 1 - worst]) - own),
        )
        found[first : first + 2] = [(found[first][0], found[first + 1][1])]
    return [piece for piece in found if _steady_frames(pitch, piece) >= MIN_FRAMES]


def _steady_frames(pitch: Float64, piece: tuple[int, int]) -> int:
    return int(np.count_nonzero(np.abs(pitch[slice(*piece)] - _middle(pitch, piece)) <= STEADY))


def _middle(pitch: Float64, piece: tuple[int, int]) -> float:
    return float(np.median(pitch[slice(*piece)]))


def _notes(pitch: Float64, level: Float64, pieces: Runs) -> list[Note]:
    levels = [float(np.percentile(level[slice(*piece)], 75.0)) for piece in pieces]
    found = []
    for index, ((first, stop), loud) in enumerate(zip(pieces, levels, strict=True)):
        then = pieces[index + 1][0] if index + 1 < len(pieces) else stop
        end = then if then - stop <= CONSONANT_FRAMES else stop
        velocity = round(USUAL_VELOCITY * 10.0 ** ((loud - float(np.median(levels))) / 40.0))
        number = round(_middle(pitch, (first, stop)))
        seconds = (end - first) / HOPS_PER_SECOND
        found.append(Note(first / HOPS_PER_SECOND, seconds, number, min(127, max(1, velocity))))
    return found
