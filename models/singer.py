"""A singer at run time: load the ONNX file, refuse what is not one, and step it frame by frame."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dsp.errors import SingerFileError
from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.singercolour import COLOUR_SIZE, SingerColour
from dsp.spectrum import ENVELOPE_GRID
from dsp.synth import HARMONICS, TABLES, DdspAdd, Dwts, SawSing, Synthesizer
from models.filekind import FileKind
from models.manifest import FORMAT, METADATA_KEY, Manifest
from models.onnxstep import GraphStep, open_graph

Float32 = NDArray[np.float32]

LARGEST_BYTES = 64 * 2**20
SINGERS_FOLDER = Path(__file__).parent / "singers"
_KIND = FileKind(
    "singer",
    "a file made by 'plugin-bridge train'",
    "download or train the singer again",
    METADATA_KEY,
    FORMAT,
    Manifest,
    SingerFileError,
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
        known = ", ".join(ids) or "none shipped"
        raise SingerFileError(
            f"singer {str(which)!r} is not known; use one of {known}, or the path of a singer file"
        )
    return Singer(path)


class Singer:
    """One loaded singer file; share it between engines, each of which starts its own `Estimator`.

    Args:
        path: a singer file.

    Raises:
        SingerFileError: the file is not a singer this version can use.
    """

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SingerFileError(
                f"{path} has {size / 2**20:.0f} MB and a singer file at most {LARGEST_BYTES / 2**20:.0f}; "
                "train or download it again"
            )
        self.path = path
        refusal = SingerFileError(f"{path} is not a readable ONNX model; download or train the singer again")
        self._session = open_graph(path, refusal)
        self.manifest = _KIND.read(self._session, path)
        _check_shapes(path, self._session, self.manifest)

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
        if self.manifest.kind == "dwts":
            raw = np.frombuffer(base64.b64decode(self.manifest.tables), "<c8")
            return Dwts(sample_rate, raw.reshape(TABLES, HARMONICS), seed)
        return (DdspAdd if self.manifest.kind == "ddsp-add" else SawSing)(sample_rate, seed)


class Estimator:
    """The running network of one singer in one engine."""

    def __init__(self, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
        self._step = GraphStep(session)
        self._arrays = self._step.arrays
        self._colour = SingerColour(manifest.colour) if manifest.colour else None

    def step(
        self, envelope: Float32, f0: float, voicing: float, loudness: float, likeness: float = 0.0
    ) -> tuple[Float32, Float32]:
        """Estimate the controls of one frame.

        Args:
            envelope: band levels in dB of the frame after, shape (72,), float32 (`dsp.spectrum.envelope`).
            f0: hertz at which the singer is to sing.
            voicing: 0 to 1.
            loudness: A-weighted dB re full scale.
            likeness: 0 to 1, how much is recalled from the singer's own recordings.

        Returns:
            Natural-log magnitudes: harmonic, shape (H,), and noise, shape (72,), float32.
        """
        arrays = self._arrays
        arrays["envelope"][0] = envelope
        arrays["pitch"][0] = f0, voicing, loudness
        arrays["likeness"][0] = likeness
        self._step.run()
        arrays["state"][:] = arrays["next_state"]
        harmonic, noise = arrays["harmonic"][0].copy(), arrays["noise"][0].copy()
        if self._colour is None:
            return harmonic, noise
        return self._colour.process(harmonic, noise, voicing, loudness)

    def reset(self) -> None:
        """Forget the past."""
        self._arrays["state"][:] = 0.0
        if self._colour is not None:
            self._colour.reset()


def _check_shapes(path: Path, session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    found = {part.name: list(part.shape) for part in (*session.get_inputs(), *session.get_outputs())}
    wanted = {
        "envelope": [1, ENVELOPE_GRID.size],
        "pitch": [1, 3],
        "likeness": [1, 1],
        "state": [1, manifest.state_size],
        "harmonic": [1, HARMONIC_CONTROLS[manifest.kind]],
        "noise": [1, NOISE_GRID.size],
        "next_state": [1, manifest.state_size],
    }
    coloured = len(manifest.colour) in ((0, COLOUR_SIZE) if manifest.kind == "sawsing" else (0,))
    if found != wanted or not coloured:
        raise SingerFileError(
            f"{path} does not have a singer's inputs and outputs; download or train the singer again"
        )
