"""A source separator in an ONNX file of the user's own: a mix in, a vocal and an accompaniment out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from models.errors import ModelFileError
from models.graphcheck import OPERATORS, GraphError, Limits, check_graph
from models.onnxstep import opened

Float32 = NDArray[np.float32]
Sides = tuple[Float32, Float32]
"""Vocal and accompaniment."""

MAX_BYTES = 512 * 2**20
LIMITS = Limits(constants=1 << 27, value=1 << 26, values=1 << 33, products=1 << 42)
"""Of a piece of a mix at a time: memory of half a gigabyte for each value, a few minutes of one core."""
SEPARATING = OPERATORS | {"AveragePool", "ConvTranspose", "GlobalAveragePool", "MaxPool", "Pad", "PRelu"}
USUAL_RATE = 44100
RATES = range(8000, 96001)
_REMEDY = "see the help of 'python -m models.training.guide.pairs' for what a separator must be"


class Separator:
    """One loaded separator.

    The graph has one input, float32 (1, channels, samples), of a fixed number of samples and of 1 or 2
    channels: a piece of a mix, -1 to 1. It has two outputs, the vocal first and the accompaniment second:

    - waveforms: each of the shape of the input; or
    - masks: each (1, 1 or channels, bins, frames), what share of the mix's short-time spectrum is its own.
      That spectrum is of Hann windows of 2 (bins - 1) samples, a quarter of one apart, the first centred at
      the first sample: frames = 1 + samples // hop.

    Its rate in hertz is 44100, or what the metadata `sample_rate` says. Pieces overlap by half and are faded
    into each other. It consists of ONNX's own operators (`SEPARATING`), and has no loops.

    Args:
        path: its file.

    Raises:
        ModelFileError: it is too large, no ONNX model, or no such graph.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ModelFileError(
                    f"{path} is larger than {MAX_BYTES / 2**20:.0f} MB; give a smaller separator"
                )
            model = path.read_bytes()
            check_graph(memoryview(model), SEPARATING, LIMITS)
            self._session = opened(model)
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read: {error.strerror}; {_REMEDY}") from error
        except GraphError as error:
            raise ModelFileError(f"{path} {error}; {_REMEDY}") from error
        self._path = path
        self.rate = self._rate()
        self.channels, self.samples, self._bins = self._shapes()

    def _rate(self) -> int:
        text = self._session.get_modelmeta().custom_metadata_map.get("sample_rate", str(USUAL_RATE))
        if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) in RATES):
            raise ModelFileError(
                f"{self._path} has the sample_rate {text[:20]!r}, which is not {RATES[0]} to {RATES[-1]}; "
                f"{_REMEDY}"
            )
        return int(text)

    def _shapes(self) -> tuple[int, int, int]:
        """Return channels and samples of the input, and bins of the masks, 0 of waveforms."""
        into, out = self._session.get_inputs(), self._session.get_outputs()
        kinds = {end.type for end in (*into, *out)}
        shapes = [tuple(end.shape) for end in (*into, *out)]
        if len(into) == 1 and len(out) == 2 and kinds == {"tensor(float)"}:
            mix, *sides = shapes
            fixed = all(isinstance(size, int) for shape in shapes for size in shape)
            if fixed and len(mix) == 3 and mix[0] == 1 and mix[1] in (1, 2):
                if sides == [mix, mix] and mix[2] >= 2:
                    return mix[1], mix[2], 0
                if all(self._is_mask(mix, side) for side in sides) and sides[0][2] == sides[1][2]:
                    return mix[1], mix[2], sides[0][2]
        told = " and ".join(str(list(shape)) for shape in shapes)
        raise ModelFileError(
            f"{self._path} has inputs and outputs of {told}, which separate no mix; {_REMEDY}"
        )

    @staticmethod
    def _is_mask(mix: tuple[int, ...], side: tuple[int, ...]) -> bool:
        if len(side) != 4 or side[0] != 1 or side[1] not in {1, mix[1]} or side[2] < 3 or side[2] % 2 == 0:
            return False
        return side[3] == 1 + mix[2] // ((side[2] - 1) // 2)

    def process(self, mix: Float32, sample_rate: int) -> Sides:
        """Separate a mix.

        Args:
            mix: shape (1 or 2, samples), float32.
            sample_rate: hertz, any.

        Returns:
            Vocal and accompaniment, mono (the mean of the channels), at the separator's rate, shape
            (samples,), float32.

        Raises:
            ModelFileError: the graph fails, or makes numbers that are not finite.
        """
        x = mix if sample_rate == self.rate else soxr.resample(mix.T, sample_rate, self.rate).T
        if len(x) != self.channels:
            x = np.repeat(x, 2, axis=0) if self.channels == 2 else x.mean(axis=0, keepdims=True)
        vocal, backing = over_pieces(self._piece, np.asarray(x, np.float32), self.samples).mean(axis=1)
        return vocal, backing

    def _piece(self, piece: Float32) -> Float32:
        """Return vocal and accompaniment of a piece, shape (2, channels, samples)."""
        try:
            sides = self._session.run(None, {self._session.get_inputs()[0].name: piece[None]})
        except Exception as error:  # onnxruntime raises a dozen unrelated types
            raise ModelFileError(f"{self._path} fails on a mix; {_REMEDY}") from error
        if not all(np.isfinite(side).all() for side in sides):
            raise ModelFileError(f"{self._path} makes numbers that are not finite of a mix; {_REMEDY}")
        if not self._bins:
            return np.concatenate(sides)
        masks = [np.broadcast_to(side[0], (self.channels, *side.shape[2:])) for side in sides]
        return np.stack([[masked(*pair) for pair in zip(piece, mask, strict=True)] for mask in masks])


def masked(piece: Float32, mask: Float32) -> Float32:
    """Return what a mask leaves of a piece.

    Args:
        piece: one channel, shape (samples,), float32.
        mask: shares, shape (bins, frames), as a `Separator` has them.

    Returns:
        Of the shape of the piece, float32.
    """
    window = 2 * (len(mask) - 1)
    hop, half = window // 4, window // 2
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window)
    padded = np.pad(piece, (half, half + window))
    total, weight = np.zeros(padded.size), np.full(padded.size, 1e-12)
    for at, column in zip(range(0, padded.size, hop), mask.T, strict=False):
        part = np.fft.irfft(np.fft.rfft(padded[at : at + window] * hann) * column, window)
        total[at : at + window] += part * hann
        weight[at : at + window] += hann**2
    return np.asarray((total / weight)[half : half + piece.size], np.float32)


def over_pieces(work: Callable[[Float32], Float32], x: Float32, samples: int) -> Float32:
    """Work on pieces that overlap by half, and fade them into each other.

    Args:
        work: makes both sides, shape (2, channels, samples), of a piece, shape (channels, samples).
        x: the whole, shape (channels, n).
        samples: of a piece.

    Returns:
        Shape (2, channels, n), float32.
    """
    hop, count = samples // 2, x.shape[1]
    fade = np.minimum(np.arange(1, samples + 1), np.arange(samples, 0, -1)).astype(np.float64)
    padded = np.pad(x, ((0, 0), (hop, 2 * samples)))
    total, weight = np.zeros((2, *padded.shape)), np.full(padded.shape[1], 1e-12)
    for at in range(0, count + hop, hop):
        total[..., at : at + samples] += work(padded[:, at : at + samples]) * fade
        weight[at : at + samples] += fade
    return np.asarray((total / weight)[..., hop : hop + count], np.float32)
