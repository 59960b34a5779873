"""What labelled recordings tell: when plosives burst and breath is taken, and how loud a note is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.controls import VOICED
from dsp.units import HOPS_PER_SECOND
from models.errors import TrainingError
from models.pronunciation.phones import (
    BREATH,
    CLOSURE,
    MIN_SECONDS,
    PAUSE,
    PHONES,
    PLOSIVES,
    VOWELS,
    Sound,
    SungPhone,
    spelt,
)
from models.training.content.phones import label_lines
from models.training.corpus import TRAINING_RATE, Recording

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

SPELLINGS = {"sil": PAUSE, "SP": PAUSE, "AP": BREATH, "q": CLOSURE, **{v.upper(): v for v in VOWELS}}
"""Others for the same."""
UNKNOWN = "xx"
"""What is sung there nobody knows."""

BURST_MS = 4
"""A burst rises within so many milliseconds, ..."""
BURST_DB = 9.0
"""... by so much at least, above ..."""
BURST_HZ = 1500.0
BURST_SHARE = 0.6
"""The first rise of this share of the steepest one is the burst: a vowel may begin steeper after it."""
BURST_RANGE_DB = 20.0
"""What is so much softer than the loudest of the phone is what still sounds of the phone before."""
_EARLIEST = 0.15
"""A burst is looked for from this share of the phone on: before lies the end of the vowel before, ..."""
_LATE_SECONDS = 0.015
"""... and so long after it: some labels end with the closure."""
_SHORTEST_RELEASE = 0.006
LATE_LABEL_SECONDS = 0.01
"""A burst so near to its phone's end tells of a late label, not of the singer."""

BREATH_DB = 9.0
"""Breath is so much louder than the room, ..."""
BREATH_BELOW_DB = (33.0, 12.0)
"""... so far below the vowels: what is louder is the start of a phone, or its end, ..."""
BREATH_SECONDS = (0.12, 0.9)
"""... and takes so long."""
_ROOM_PERCENTILE, _SUNG_PERCENTILE = 5.0, 80.0

EDGE_FRAMES = 4
"""So near to its borders a vowel is not as loud as its note."""
CONTOUR_FRAMES = 21
"""The loudness of a note is a mean over so many."""


def read_phones(path: Path) -> list[SungPhone]:
    """Read a label file; phones that are not known are called `UNKNOWN`.

    Raises:
        TrainingError: the file cannot be read, or a line is of another form.
    """
    found: list[SungPhone] = []
    for start, stop, name in label_lines(path):
        known = SPELLINGS.get(name, name)
        begin = max(start, found[-1].stop if found else 0.0)
        if stop - begin >= MIN_SECONDS:
            found.append(SungPhone(known if known in PHONES else UNKNOWN, begin, stop))
    return found


def sounds_of(phones: Sequence[SungPhone], recording: Recording) -> list[Sound]:
    """Return what is heard when: plosives split at the burst that is heard, breaths found in pauses.

    Returns:
        Sounds without gaps from 0 s to the end of the recording, some with the base `UNKNOWN`.
    """
    found: list[Sound] = []
    end = 0.0
    last = recording.frames / HOPS_PER_SECOND
    for name, start, stop in (*phones, SungPhone(PAUSE, last, last + 1.0)):
        if start > end:
            found += _pause(recording, end, start)
        if start >= last:
            break
        found += _phone(recording, name, max(start, end), max(stop, end))
        end = found[-1].stop
    return [sound for sound in found if sound.stop > sound.start]


def _phone(recording: Recording, name: str, start: float, stop: float) -> list[Sound]:
    if name in (PAUSE, BREATH):
        return _pause(recording, start, stop)
    base, palatal = (name, False) if name == UNKNOWN else spelt(name)
    burst = _burst(recording.audio, start, stop) if base in PLOSIVES else None
    if burst is None:
        return [Sound(base, palatal, False, start, stop)]
    end = max(stop, burst + _SHORTEST_RELEASE)
    return [Sound(base, palatal, False, start, burst), Sound(base, palatal, True, burst, end)]


def releases(every: Iterable[Sequence[Sound]]) -> dict[str, float]:
    """Return the median length of what begins with the burst of each plosive, seconds."""
    lengths: dict[str, list[float]] = {base: [] for base in PLOSIVES}
    for sounds in every:
        for sound in sounds:
            if sound.released and sound.stop - sound.start > LATE_LABEL_SECONDS:
                lengths[sound.base].append(sound.stop - sound.start)
    return {base: round(float(np.median(some)), 4) for base, some in lengths.items() if some}


def contour(recording: Recording, sounds: Sequence[Sound]) -> Float64:
    """Return the loudness of the notes, dB, (frames,): that of the vowels, drawn straight between them."""
    known = np.zeros(recording.frames, bool)
    for sound in sounds:
        if sound.base in VOWELS or sound.base == "N":
            first, last = (round(at * HOPS_PER_SECOND) for at in (sound.start, sound.stop))
            edge = min(EDGE_FRAMES, (last - first) // 3)
            known[first + edge : last - edge] = True
    known &= recording.voicing > VOICED
    places = np.flatnonzero(known)
    if not places.size:
        raise TrainingError(f"{recording.name} has no vowel that is sung; check its labels")
    drawn = np.interp(np.arange(recording.frames), places, recording.loudness[places])
    fade = np.hanning(CONTOUR_FRAMES + 2)[1:-1]
    padded = np.pad(drawn, CONTOUR_FRAMES // 2, mode="edge")
    return np.convolve(padded, fade / fade.sum(), "valid")


def _burst(audio: Float32, start: float, stop: float) -> float | None:
    """Return when a plosive bursts, seconds; None where none is heard."""
    step = TRAINING_RATE // 1000
    first, last = round(start * TRAINING_RATE), round(stop * TRAINING_RATE)
    margin = 24 * step
    part = audio[max(0, first - margin) : last + margin].astype(np.float64)
    if part.size < 2 * margin:
        return None
    high = np.fft.irfft(
        np.fft.rfft(part) * (np.fft.rfftfreq(part.size, 1.0 / TRAINING_RATE) > BURST_HZ), part.size
    )
    power = np.square(high[: part.size // step * step]).reshape(-1, step).mean(axis=1)
    level = 10.0 * np.log10(power + 1e-10)
    rise = level[BURST_MS:] - level[:-BURST_MS]
    from_ms = (first - max(0, first - margin)) / step + _EARLIEST * 1000.0 * (stop - start)
    to_ms = from_ms + (1.0 - _EARLIEST) * 1000.0 * (stop - start) + 1000.0 * _LATE_SECONDS - BURST_MS
    among = slice(max(0, round(from_ms)), max(0, round(to_ms)))
    risen = level[BURST_MS:][among]
    if not risen.size:
        return None
    sharp = np.where(risen > risen.max() - BURST_RANGE_DB, rise[among], 0.0)
    if sharp.max() < BURST_DB:
        return None
    best = among.start + int((sharp >= max(BURST_DB, BURST_SHARE * sharp.max())).argmax())
    steep = best + int(np.diff(level[best : best + BURST_MS + 1]).argmax()) + 1
    return (max(0, first - margin) + steep * step) / TRAINING_RATE


def _pause(recording: Recording, start: float, stop: float) -> list[Sound]:
    """Return a pause, and the breaths in it."""
    first, last = round(start * HOPS_PER_SECOND), min(round(stop * HOPS_PER_SECOND), recording.frames)
    loudness = recording.loudness[first:last]
    if loudness.size < 3:
        return [Sound(PAUSE, False, False, start, stop)]
    room, sung = np.percentile(recording.loudness, (_ROOM_PERCENTILE, _SUNG_PERCENTILE)).tolist()
    breath = (loudness > room + BREATH_DB) & (recording.voicing[first:last] < 1.0 - VOICED)
    breath = np.convolve(breath, np.ones(5), "same") >= 3.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], breath.astype(int), [0]])))
    found: list[Sound] = []
    at = start
    for begin, end in edges.reshape(-1, 2):
        seconds = (end - begin) / HOPS_PER_SECOND
        opened = float(first + begin) / HOPS_PER_SECOND
        below = sung - float(np.median(loudness[begin:end]))
        is_soft = BREATH_BELOW_DB[1] < below < BREATH_BELOW_DB[0]
        if is_soft and BREATH_SECONDS[0] <= seconds <= BREATH_SECONDS[1] and opened > at + 0.02:
            found.append(Sound(PAUSE, False, False, at, opened))
            at = min(stop, float(first + end) / HOPS_PER_SECOND)
            found.append(Sound(BREATH, False, False, opened, at))
    if at < stop:
        found.append(Sound(PAUSE, False, False, at, stop))
    return found
