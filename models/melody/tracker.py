"""The melody network at run time: pitch, voicing, energy and the melody feature of a voice, music or not."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dsp.candidates import F0_HIGH, F0_LOW
from dsp.errors import ModelFileError
from dsp.pitch import NEAR_OCTAVES, RISING_VOICING, START_F0, SURE_VOICING, PitchFrame, checked_hop
from dsp.units import hop_size
from models.melody import grid
from models.melody.features import MelodySpectra
from models.onnxstep import GraphStep, open_graph

Float32 = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "melody.onnx"
NEAR = 3
"""Candidates to either side of the best that its pitch is averaged over."""
NAMES = {"power", "state", "past", "salience", "voicing", "energy", "feature", "next_state", "newest"}
"""Of the inputs and outputs of a network (`models.melody.stepgraph`)."""
LEAST_VOICING = 0.01
_OFFSETS = np.arange(-NEAR, NEAR + 1, dtype=np.float32)


@lru_cache(maxsize=1)
def shipped_network() -> onnxruntime.InferenceSession:
    """Return the network that ships, loaded once and shared by all trackers."""
    return load_network(SHIPPED)


def load_network(path: Path) -> onnxruntime.InferenceSession:
    """Load a melody network.

    Raises:
        ModelFileError: the file is missing or is no melody network.
    """
    refusal = ModelFileError(f"{path} is no readable melody network; install or train it again")
    session = open_graph(path, refusal)
    found = {part.name for part in (*session.get_inputs(), *session.get_outputs())}
    if found != NAMES:
        raise ModelFileError(f"{path} is no melody network; use one made by 'python -m models.melody.train'")
    return session


class MelodyTracker:
    """Track the voice in a mix, hop by hop; a drop-in for `dsp.pitch.PitchTracker`.

    The call with samples [j*hop, (j+1)*hop) returns the frame centred at sample (j-1)*hop.

    Args:
        sample_rate: one of `dsp.units.RATES`, in hertz.
        network: another network than the one that ships.

    Raises:
        ValueError: the rate is not native.
        ModelFileError: the network that ships is missing.
    """

    def __init__(self, sample_rate: int, network: onnxruntime.InferenceSession | None = None) -> None:
        self._hop = hop_size(sample_rate)
        self._spectra = MelodySpectra(sample_rate)
        self.latency = self._spectra.latency
        """Samples from a frame's centre to the end of the hop that completes it."""
        self._step = GraphStep(network or shipped_network())
        self._arrays = self._step.arrays
        self._power = self._arrays["power"].reshape(grid.WINDOWS, grid.BINS)
        self._padded = np.zeros(grid.CANDIDATES + 2 * NEAR, np.float32)
        self._f0, self._voicing = START_F0, 0.0

    @property
    def energy(self) -> float:
        """Level of the voice in the last frame, dB re a sine of amplitude 1; means little where unvoiced."""
        return float(self._arrays["energy"][0, 0])

    @property
    def feature(self) -> Float32:
        """The melody feature of the last frame, shape (256,), float32, -1..1."""
        feature: Float32 = self._arrays["feature"][0].copy()
        return feature

    def reset(self) -> None:
        """Return to the state of a new tracker."""
        self._spectra.reset()
        for array in self._arrays.values():
            array[:] = 0.0
        self._f0, self._voicing = START_F0, 0.0

    def process(self, x: Float32) -> PitchFrame:
        """Take one hop of samples and return the pitch two hops before its end.

        Args:
            x: mono samples, shape (hop,), float32. A hop with a value that is not finite, or
                above 120 dB re full scale, counts as silence.

        Raises:
            ValueError: `x` has another shape.
        """
        arrays = self._arrays
        self._spectra.process(checked_hop(x, self._hop), self._power)
        self._step.run()
        arrays["state"][:] = arrays["next_state"]
        past, newest = arrays["past"], arrays["newest"]
        past[:, : -newest.size] = past[:, newest.size :]
        past[:, -newest.size :] = newest
        before, self._voicing = self._voicing, float(arrays["voicing"][0, 0])
        f0 = min(F0_HIGH, max(F0_LOW, self._decoded()))
        if _believed(self._voicing, before, abs(math.log2(f0 / self._f0))):
            self._f0 = f0
        return PitchFrame(self._f0, self._voicing)

    def _decoded(self) -> float:
        """Return the mean of the candidates around the likeliest, by salience, hertz."""
        padded = self._padded
        padded[NEAR:-NEAR] = self._arrays["salience"][0]
        best = int(padded.argmax())
        around = padded[best - NEAR : best + NEAR + 1]
        offset = float(around.dot(_OFFSETS)) / float(around.sum())
        return float(grid.LOWEST_HZ * 2.0 ** ((best - NEAR + offset) / grid.PER_OCTAVE))


def _believed(voicing: float, before: float, octaves: float) -> bool:
    """Return whether a frame's pitch counts: the gate is open, or opens, or closes on the same note."""
    opens = voicing >= before and voicing > RISING_VOICING
    return voicing > SURE_VOICING or opens or (voicing > LEAST_VOICING and octaves < NEAR_OCTAVES)
