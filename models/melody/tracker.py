"""The melody network as a pitch tracker: pitch, voicing, energy and melody feature, with or without music."""

from __future__ import annotations

import math
import operator
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dsp.pitch import NEAR_OCTAVES, RISING_VOICING, START_F0, SURE_VOICING, PitchFrame, checked_hops
from dsp.units import MAX_F0, MAX_HOPS, MIN_F0, hop_size
from models.errors import ModelFileError
from models.filekind import FileKind
from models.melody import grid
from models.melody.features import MelodySpectra
from models.melody.manifest import FORMAT, METADATA_KEY, MelodyManifest
from models.melody.runtime import MAX_FRAMES, NAMES, RunningNetwork, Voice
from models.melody.surplus import Surplus

Float32 = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "melody.onnx"
_KIND = FileKind(
    "melody network",
    "one made by 'python -m models.training.melody'",
    "install or train it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    MelodyManifest,
    ModelFileError,
)
MIN_VOICING = 0.01
SILENCE_DB = -120.0


def _near(place: int) -> tuple[NDArray[np.intp], list[int]]:
    """Return where the salience has a candidate and its neighbours, and the candidates themselves."""
    order = grid.salience_order
    candidates = [
        c for c in range(order[place] - grid.NEAR, order[place] + grid.NEAR + 1) if 0 <= c < grid.CANDIDATES
    ]
    return np.argsort(order)[candidates], candidates


_NEAR = [_near(place) for place in range(grid.CANDIDATES)]


@lru_cache(maxsize=1)
def shipped_network() -> onnxruntime.InferenceSession:
    """Return the network that ships, loaded once and shared by all trackers."""
    return load_network(SHIPPED)


def load_network(path: Path) -> onnxruntime.InferenceSession:
    """Load a melody network.

    Raises:
        ModelFileError: the file is missing or is no melody network.
    """
    session = _KIND.load(path)
    widths = {part.name: part.shape[-1] for part in (*session.get_inputs(), *session.get_outputs())}
    if widths.keys() != NAMES or widths["salience"] != grid.CANDIDATES:
        raise ModelFileError(
            f"{path} is no melody network of this version; use one made by 'python -m models.training.melody'"
        )
    _KIND.try_out(session, path)
    return session


class MelodyTracker:
    """Track the voice in a mix, hop by hop; a drop-in for `dsp.pitch.PitchTracker`, sure from 60 to 1500 Hz.

    Samples [j*hop, (j+1)*hop) bring the frame centred at sample (j-1)*hop.

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
        self._network = RunningNetwork(network or shipped_network())
        self._surplus = Surplus()
        self.reset()

    @property
    def feature(self) -> Float32:
        """The melody feature of the last frame, shape (256,), float32, -1..1."""
        return self._network.feature.copy()

    def reset(self) -> None:
        """Return to the state of a new tracker."""
        self._spectra.reset()
        self._network.reset()
        self._surplus.reset()
        self._voicing, self._f0 = 0.0, START_F0
        self.energy = SILENCE_DB
        """Level of the voice in the last frame, dB re a sine of amplitude 1."""

    def process(self, x: Float32) -> list[PitchFrame]:
        """Take hops of samples and return of each the pitch two hops before its end.

        Args:
            x: mono samples, shape (n * hop,), float32, n >= 1. A hop with a value that is not finite, or
                above 120 dB re full scale, counts as silence.

        Raises:
            ValueError: `x` has another shape.
        """
        x, most = checked_hops(x, self._hop), MAX_HOPS * self._hop
        found: list[PitchFrame] = []
        for start in range(0, x.size, most):
            power = self._spectra.process(x[start : start + most])
            for first in range(0, len(power), MAX_FRAMES):
                found += map(self._heard, self._network.process(power[first : first + MAX_FRAMES]))
        return found

    def _heard(self, voice: Voice) -> PitchFrame:
        """Turn the network's outputs into the next frame."""
        f0 = min(MAX_F0, max(MIN_F0, _decoded(voice.salience)))
        if _believed(voice.voicing, self._voicing, abs(math.log2(f0 / self._f0))):
            self._f0 = f0
        self._voicing, self.energy = voice.voicing, voice.heard + voice.share
        return PitchFrame(self._f0, voice.voicing, self._surplus.process(voice.heard, voice.share))


def _decoded(salience: Float32) -> float:
    """Return the salience-weighted mean of the candidates around the most likely one, hertz."""
    best = int(salience.argmax())
    places, near = _NEAR[best]
    top = salience.item(best)
    shares = [math.exp(logit - top) for logit in salience.take(places).tolist()]
    candidate = sum(map(operator.mul, shares, near)) / sum(shares)
    return float(grid.MIN_HZ * 2.0 ** (candidate / grid.PER_OCTAVE))


def _believed(voicing: float, before: float, octaves: float) -> bool:
    """Return whether a frame's pitch is used: the gate is open, opens, or closes on the same note."""
    opens = voicing >= before and voicing > RISING_VOICING
    return voicing > SURE_VOICING or opens or (voicing > MIN_VOICING and octaves < NEAR_OCTAVES)
