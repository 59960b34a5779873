"""The networks of a set of singers, their outputs bounded; a silent singer runs a few frames at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dsp.flutter import Flutter
from dsp.harmoniccap import HarmonicCap
from dsp.levelhold import LevelHold
from dsp.movement import Movement
from dsp.units import MAX_HOPS
from plugin_bridge.engine.singers import Estimator, RunningEncoder, Singer
from plugin_bridge.engine.timbre import Controls

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIN_PENDING = 4
"""Frames worth running at once in a pause: a network spends most of its time reading its weights."""
MAX_PENDING = 8
"""With this many frames pending a network runs without waiting for a pause."""
MAX_WAITING = 60_000
"""And offline, where nobody waits for a singer who comes in: ten minutes, 50 MB."""
MAX_LOG_MAGNITUDE = 30.0
"""Nepers, 260 dB: beyond it the synthesizers' float32 would overflow. Networks that sing give -20 to 8."""
SILENT: Controls = (np.zeros(0, np.float32), np.zeros(0, np.float32))
"""Placeholder for the controls of a singer that is not audible."""
_Pending = list[tuple[Float32, Float32, Float64]]


class Estimators:
    """Run all singers over every frame, so that a switch needs no warm-up.

    A network has a state and so must process every frame; but the controls of a singer whose weight is 0 are
    not needed at once, so its frames are collected and run together.

    Args:
        singers: in order.
        holds: of each singer what holds its level.
    """

    def __init__(self, singers: Iterable[Singer], holds: Iterable[LevelHold]) -> None:
        every = list(singers)
        self._estimators = [singer.start() for singer in every]
        encoders = {singer.content: singer.content.start() for singer in every if singer.content}
        self._encoders = list(encoders.values())
        self._read = [list(encoders).index(one.content) + 1 if one.content else 0 for one in every]
        """Of each singer what it reads: 0 the envelope, else the content of one of the encoders."""
        self._holds = list(holds)
        self._movement = Movement()
        self._caps = [HarmonicCap() for _ in every]
        self._flutters = [Flutter() for _ in every]
        self.offline = False
        """See `Engine.offline`."""
        self.reset()

    def reset(self) -> None:
        """Return to the initial state."""
        every = (self._estimators, self._holds, self._caps, self._flutters)
        for estimator, hold, cap, flutter in zip(*every, strict=True):
            estimator.reset()
            hold.reset()
            cap.reset()
            flutter.reset()
        for encoder in self._encoders:
            encoder.reset()
        self._movement.reset()
        self._pending: list[_Pending] = [[] for _ in self._estimators]
        self._waiting = [0] * len(self._estimators)
        self._last: list[Controls | None] = [None] * len(self._estimators)
        self.faulty: dict[int, Bools] = {}
        """Of singers wanted in the last call whose controls had to be bounded: in which of its frames."""

    def process(self, bands: Float32, facts: Float64, wanted: Sequence[bool]) -> list[list[Controls]]:
        """Take the next n frames.

        Args:
            bands: envelopes, shape (n, 72), float32; not to be changed afterwards.
            facts: pitch in hertz within `MIN_F0` and `MAX_F0`, which networks are told, voicing, loudness,
                likeness, steps that refiners may take, pitch as it is asked for, and both of
                `dsp.whisper.Whisper`, shape (8, n); as well.
            wanted: for each singer, whether its controls are used in any of these frames.

        Returns:
            For each singer, the controls of the frame before and of the n frames; `SILENT` if not wanted.
            The frame before the first is the first itself.
        """
        n = bands.shape[0]
        found = [[SILENT] * (n + 1) for _ in wanted]
        self.faulty.clear()
        seen = [bands, *(described(encoder, bands) for encoder in self._encoders)]
        movement = self._movement.process(bands)
        most = MAX_WAITING if self.offline else MAX_PENDING
        for index, pending in enumerate(self._pending):
            pending.append((seen[self._read[index]], movement, facts))
            self._waiting[index] += n
            if wanted[index]:
                controls, wrong = self._catch_up(index)
                found[index] = controls[-n - 1 :]
                if np.count_nonzero(wrong):
                    self.faulty[index] = wrong[-n:]
            elif self._waiting[index] >= most:
                self._catch_up(index)
        return found

    def use_pause(self) -> bool:
        """Run one network with enough pending frames; return False if there is none."""
        for index, frames in enumerate(self._waiting):
            if frames >= MIN_PENDING:
                self._catch_up(index)
                return True
        return False

    def _catch_up(self, index: int) -> tuple[list[Controls], Bools]:
        """Run a singer's pending frames.

        Return controls from the frame before on, and what was bounded, at least of the frames that came last.
        """
        pending, self._pending[index], self._waiting[index] = self._pending[index], [], 0
        run: _Pending = []
        frames = 0
        for part in pending:
            if run and frames + part[0].shape[0] > MAX_HOPS:
                self._run(index, run)
                run, frames = [], 0
            run.append(part)
            frames += part[0].shape[0]
        return self._run(index, run)

    def _run(self, index: int, frames: _Pending) -> tuple[list[Controls], Bools]:
        """Run frames of a singer; return controls from the frame before on, and what was bounded."""
        seen, movement, facts = frames[0]
        if len(frames) > 1:
            seen, movement = (np.concatenate([parts[i] for parts in frames]) for i in (0, 1))
            facts = np.concatenate([part for *_, part in frames], axis=1)
        harmonic, noise, faulty = bounded(self._estimators[index], seen, movement, facts[:5])
        harmonic, noise = self._holds[index].process(harmonic, noise, facts[5], facts[1], facts[6:])
        harmonic = self._caps[index].process(harmonic, facts[1])
        harmonic += self._flutters[index].process(*harmonic.shape)
        controls = list(zip(harmonic, noise, strict=True))
        before, self._last[index] = self._last[index] or controls[0], controls[-1]
        return [before, *controls], faulty


def described(encoder: RunningEncoder, bands: Float32) -> Float32:
    """Return the content of the next frames; where it is not finite it is 0, and the encoder starts anew."""
    content = encoder.process(bands)
    restarted = False
    # The sum of the squares is finite only if all are.
    for frame in () if math.isfinite(np.vdot(content, content)) else range(bands.shape[0]):
        here = slice(frame, frame + 1)
        if restarted:
            content[here] = encoder.process(bands[here])
        if not np.isfinite(content[here]).all():
            content[here] = 0.0
            encoder.reset()
            restarted = True
    return content


def bounded(
    estimator: Estimator, seen: Float32, movement: Float32, facts: Float64
) -> tuple[Float32, Float32, Bools]:
    """Return the controls of the next frames, within `MAX_LOG_MAGNITUDE` either way, whatever a network says.

    Where they are not finite the frame is silent, and the network starts anew with the next one: it may have
    kept what is not a number.

    Args:
        estimator: of a singer.
        seen: what the singer reads of each frame, shape (n, width), float32.
        movement: of the envelopes, shape (n, 72), float32.
        facts: pitch, voicing, loudness, likeness and steps of the refiner, shape (5, n).

    Returns:
        Harmonic and noise controls, and of each frame whether they were not finite or too large.
    """
    harmonic, noise = estimator.process(seen, movement, *facts)
    faulty = np.zeros(seen.shape[0], bool)
    if _fits(harmonic) and _fits(noise):
        return harmonic, noise, faulty
    restarted = False
    for frame in range(faulty.size):
        here = slice(frame, frame + 1)
        if restarted:
            harmonic[here], noise[here] = estimator.process(seen[here], movement[here], *facts[:, here])
        if not (np.isfinite(harmonic[here]).all() and np.isfinite(noise[here]).all()):
            harmonic[here] = noise[here] = -MAX_LOG_MAGNITUDE
            estimator.reset()
            faulty[frame] = restarted = True
        elif max(harmonic[here].max(), noise[here].max()) > MAX_LOG_MAGNITUDE:
            faulty[frame] = True
    for part in (harmonic, noise):
        np.clip(part, -MAX_LOG_MAGNITUDE, MAX_LOG_MAGNITUDE, out=part)
    return harmonic, noise, faulty


def _fits(part: Float32) -> bool:
    """Return whether all is in bounds; what is not a number is not."""
    lowest, highest = np.minimum.reduce(part, axis=None), np.maximum.reduce(part, axis=None)
    return bool(highest <= MAX_LOG_MAGNITUDE and lowest >= -MAX_LOG_MAGNITUDE)
