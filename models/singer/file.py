"""A singer at run time: load the ONNX file, refuse what is not one, and run it over frames."""

from __future__ import annotations

import base64
import math
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.singerltas import LTAS_SIZE, SingerLtas
from dsp.spectrum import ENVELOPE_GRID
from dsp.synth import HARMONICS, TABLES, DdspAdd, Dwts, SawSing, Synthesizer
from dsp.units import MAX_HOPS
from models.content.file import ContentEncoder, find
from models.errors import ModelFileError, SingerFileError
from models.filekind import FileKind
from models.onnxstep import RunningGraph
from models.refiner.randomness import Randomness
from models.refiner.steps import steps_for
from models.singer.manifest import FORMAT, METADATA_KEY, OLDEST, Manifest
from models.singer.retired import retired

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Shapes = dict[str, list[int | None]]

MAX_AMPLITUDE = 1e3
"""Of a wavetable's harmonic."""
SINGERS_FOLDER = Path(__file__).parent / "shipped"
_KIND = FileKind(
    "singer",
    "a file made by 'plugin-bridge train'",
    "download or train the singer again",
    METADATA_KEY,
    range(OLDEST, FORMAT + 1),
    Manifest,
    SingerFileError,
    rewritten=False,  # 40 of 110 ms for the 1500 operators of a refiner, and 1 % of the time of a frame
)
HARMONIC_CONTROLS = {"sawsing": HARMONIC_GRID.size, "ddsp-add": HARMONICS, "dwts": TABLES}


def shipped() -> dict[str, Path]:
    """Return the singers that come with the package: id -> file."""
    return {path.stem: path for path in sorted(SINGERS_FOLDER.glob("*.onnx"))}


def load_singer(which: str | Path) -> Singer:
    """Load a shipped singer by id, or any singer file by path.

    Raises:
        SingerFileError: there is no such singer, or the file is foreign, corrupted, newer or oversized.
    """
    ids = shipped()
    path = ids.get(str(which), Path(which))
    if not path.is_file():
        if left := retired(str(which)):
            raise SingerFileError(f"singer {str(which)!r} {left}")
        known = ", ".join(ids) or "none shipped"
        raise SingerFileError(
            f"singer {str(which)!r} is unknown; use one of {known}, or the path of a singer file"
        )
    found = path.stat()
    return _loaded(path, (found.st_ino, found.st_size, found.st_mtime_ns))


@lru_cache(maxsize=4)
def _loaded(path: Path, file: tuple[int, int, int]) -> Singer:
    """Load a singer once for all engines that sing it; the last few stay."""
    del file  # another one under the same name is another singer
    return Singer(path)


class Singer:
    """One loaded singer file; share it between engines, each of which starts its own `Estimator`.

    Args:
        path: a singer file.

    Raises:
        SingerFileError: the file is not a singer this version can use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = _KIND.load(path)
        self.manifest = _KIND.read(self._session, path)
        self.content = _encoder(path, self.manifest)
        """What describes to it what is sung; None for a singer that reads envelopes."""
        _check_shapes(path, self._session, self.manifest, self.content)
        refiner = self.manifest.refiner
        _KIND.try_out(self._session, path, [{"steps": steps} for steps in refiner.steps] if refiner else [])
        self._tables = _tables(path, self.manifest) if self.kind == "dwts" else None

    @property
    def id(self) -> str:
        """The singer's id."""
        return self.manifest.id

    @property
    def kind(self) -> str:
        """Which synthesizer it drives: sawsing, ddsp-add or dwts."""
        return self.manifest.kind

    def start(self) -> Estimator:
        """Return a fresh estimator."""
        return Estimator(self._session, self.manifest)

    def synthesizer(self, sample_rate: int, seed: int = 0) -> Synthesizer:
        """Return a new synthesizer of the singer's kind."""
        if self._tables is not None:
            return Dwts(sample_rate, self._tables, seed)
        return (DdspAdd if self.kind == "ddsp-add" else SawSing)(sample_rate, seed)


class Estimator:
    """The running network of one singer in one engine, and its refiner.

    The bits of a frame do not depend on how many frames come in one call, but its time does: the weights are
    read once for all of them.
    """

    def __init__(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        self._graph = RunningGraph(session, MAX_HOPS)
        self._seen = self._graph.arrays["content" if manifest.content else "envelope"]
        self._ltas = SingerLtas(manifest.ltas) if manifest.ltas else None
        refiner = manifest.refiner
        self._available = refiner.steps if refiner else ()
        self._spread = np.float32(refiner.noise if refiner else 0.0)
        self._randomness = Randomness(refiner.bands) if refiner and refiner.noise else None

    def process(
        self,
        seen: Float32,
        movement: Float32,
        f0: Float64,
        voicing: Float64,
        loudness: Float64,
        likeness: Float64,
        steps: Float64,
    ) -> tuple[Float32, Float32]:
        """Estimate the controls of the next n frames.

        Args:
            seen: what is sung, from the singer's content encoder, shape (n, C), float32; for a singer without
                one, the envelope.
            movement: of the envelope, dB, each of the frame after, shape (n, 72) (`dsp.movement`);
                used by refiners.
            f0: hertz at which the singer is to sing, shape (n,).
            voicing: 0 to 1, shape (n,).
            loudness: A-weighted dB re full scale, shape (n,).
            likeness: 0 to 1, how much is recalled from the singer's own recordings, shape (n,).
            steps: how many steps the refiner may take, whole numbers, 0 for none, shape (n,); see
                `models.refiner.steps.steps_for`. Without a refiner it changes nothing.

        Returns:
            Natural-log magnitudes: harmonic, shape (n, H), and noise, shape (n, 72), float32, new arrays.

        Raises:
            ValueError: the shapes do not fit.
        """
        n, rows = seen.shape[0], (f0, voicing, loudness, likeness, steps)
        width, bands = self._seen.shape[1], ENVELOPE_GRID.size
        fits = seen.shape == (n, width) and movement.shape == (n, bands)
        if not fits or any(row.shape != (n,) for row in rows):
            found = ", ".join(str(part.shape) for part in (seen, movement, *rows))
            raise ValueError(
                f"frames of shapes {found} do not fit; give (n, {width}), (n, {bands}) and five times (n,)"
            )
        pieces = self._pieces(steps)
        if len(pieces) == 1:
            return self._run(seen, movement, *rows)
        parts = [self._run(seen[here], movement[here], *(row[here] for row in rows)) for here in pieces]
        harmonic, noise = (np.concatenate(part) for part in zip(*parts, strict=True))
        return harmonic, noise

    def _pieces(self, steps: Float64) -> list[slice]:
        """Cut frames into pieces of up to `MAX_HOPS` in each of which the refiner takes as many steps."""
        n = steps.size
        ends = set(range(MAX_HOPS, n, MAX_HOPS)) | {n}
        if self._available and n > 1:
            ends.update((np.flatnonzero(np.diff(steps)) + 1).tolist())
        return [slice(start, stop) for start, stop in pairwise((0, *sorted(ends)))]

    def _run(
        self,
        seen: Float32,
        movement: Float32,
        f0: Float64,
        voicing: Float64,
        loudness: Float64,
        likeness: Float64,
        steps: Float64,
    ) -> tuple[Float32, Float32]:
        """Estimate the controls of up to `MAX_HOPS` frames, refined alike."""
        frames = len(f0)
        arrays = {name: array[:frames] for name, array in self._graph.arrays.items()}
        self._seen[:frames] = seen
        pitch = arrays["pitch"]
        # Number by number: numpy's logarithm may have other bits in a longer row.
        pitch[:, 0] = [math.log2(hertz / 220.0) for hertz in f0.tolist()]
        pitch[:, 1] = voicing
        pitch[:, 2] = loudness
        arrays["likeness"][:, 0] = likeness
        if self._available:
            arrays["movement"][:] = movement
            arrays["steps"][:] = steps_for(int(steps[0]), self._available)
            if self._randomness is not None:
                np.multiply(self._randomness.process(frames), self._spread, out=arrays["random"])
        self._graph.run(frames)
        harmonic, noise = arrays["harmonic"], arrays["noise"]
        if self._ltas is None:
            return harmonic.copy(), noise.copy()
        return self._ltas.process(harmonic, noise, voicing, loudness)

    def reset(self) -> None:
        """Return to the initial state."""
        self._graph.reset()
        if self._randomness is not None:
            self._randomness.reset()
        if self._ltas is not None:
            self._ltas.reset()


def _tables(path: Path, manifest: Manifest) -> NDArray[np.complex64]:
    """Return the wavetables of a dwts singer, shape (TABLES, HARMONICS)."""
    try:
        tables = np.frombuffer(base64.b64decode(manifest.tables), "<c8").reshape(TABLES, HARMONICS)
        if not np.abs(tables).max() <= MAX_AMPLITUDE:  # not a number fails, too
            raise ValueError(f"an amplitude is not within {MAX_AMPLITUDE:g}")  # noqa: TRY301
    except ValueError as error:
        raise SingerFileError(f"{path} has broken wavetables; download or train the singer again") from error
    return tables


def _encoder(path: Path, manifest: Manifest) -> ContentEncoder | None:
    """Return the content encoder that a singer was trained on."""
    if not manifest.content:
        return None
    try:
        return find(manifest.content, path.parent)
    except ModelFileError as error:
        raise SingerFileError(f"{path} cannot be used: {error}") from error


def _check_shapes(
    path: Path, session: onnxruntime.InferenceSession, manifest: Manifest, content: ContentEncoder | None
) -> None:
    inputs, outputs = (
        {end.name: [size if isinstance(size, int) else None for size in end.shape] for end in ends}
        for ends in (session.get_inputs(), session.get_outputs())
    )
    bands: list[int | None] = [None, ENVELOPE_GRID.size]
    wanted: Shapes = {  # None: as many frames as one likes
        **({"content": [None, content.manifest.size]} if content else {"envelope": bands}),
        "pitch": [None, 3],
        "likeness": [None, 1],
        "state": [1, manifest.state_size],
    }
    if manifest.refiner:
        wanted |= {"movement": bands, "random": [None, manifest.refiner.bands], "steps": [None, 1]}
        wanted |= _states(inputs, outputs, wanted)
    made = {
        "harmonic": [None, HARMONIC_CONTROLS[manifest.kind]],
        "noise": [None, NOISE_GRID.size],
        **{f"next_{name}": shape for name, shape in wanted.items() if shape[0] == 1},
    }
    ltas_fits = len(manifest.ltas) in ((0, LTAS_SIZE) if manifest.kind == "sawsing" else (0,))
    if inputs != wanted or outputs != made or not ltas_fits:
        raise SingerFileError(
            f"{path} does not have a singer's inputs and outputs; download or train the singer again"
        )


def _states(inputs: Shapes, outputs: Shapes, known: Shapes) -> Shapes:
    """Return what a refiner carries from frame to frame: of any name, but a row of numbers, shape (1, k)."""
    return {
        name: shape
        for name, shape in inputs.items()
        if name not in known and name not in outputs and len(shape) == 2 and shape[0] == 1 and shape[1]
    }
