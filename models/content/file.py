"""The content encoder at run time: load its ONNX file, refuse what is not one, and run it over frames."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsp.spectrum import ENVELOPE_GRID
from dsp.units import MAX_HOPS
from models.content.manifest import FORMAT, METADATA_KEY, ContentManifest
from models.errors import ModelFileError
from models.filekind import FileKind
from models.onnxstep import RunningGraph

Float32 = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "shipped"
PATTERN = "content*.onnx"
"""Names of encoders that are looked for, here and beside a singer's file."""
_KIND = FileKind(
    "content encoder",
    "one made by 'python -m models.training.content'",
    "install or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    ContentManifest,
    ModelFileError,
)


class ContentEncoder:
    """One loaded encoder; all engines and all singers that were trained on it share it.

    Args:
        path: its file.

    Raises:
        ModelFileError: the file is not an encoder this version can use.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = _KIND.load(path)
        self.manifest = _KIND.read(self._session, path)
        self._check_shapes()
        _KIND.try_out(self._session, path)

    def _check_shapes(self) -> None:
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        found = {end.name: [size if isinstance(size, int) else None for size in end.shape] for end in ends}
        state = found.get("state", [])
        wanted = {  # None: as many frames as one likes
            "envelope": [None, ENVELOPE_GRID.size],
            "content": [None, self.manifest.size],
            "state": state,
            "next_state": state,
        }
        if found != wanted or None in state:
            raise ModelFileError(
                f"{self.path} does not have a content encoder's inputs and outputs; install or copy it again"
            )

    def start(self) -> RunningEncoder:
        """Return a fresh running copy."""
        return RunningEncoder(RunningGraph(self._session, MAX_HOPS))


class RunningEncoder:
    """The encoder running in one engine; the bits of a frame do not depend on how many come in one call."""

    def __init__(self, graph: RunningGraph) -> None:
        self._graph = graph

    def process(self, envelope: Float32) -> Float32:
        """Describe the next n frames.

        Args:
            envelope: normalised band levels in dB, each of the frame after, shape (n, 72), float32
                (`dsp.spectrum.envelope`, `dsp.ltas`).

        Returns:
            What is sung in each, shape (n, size), float32, -1 to 1, a new array.
        """
        parts = [self._run(envelope[at : at + MAX_HOPS]) for at in range(0, envelope.shape[0], MAX_HOPS)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, envelope: Float32) -> Float32:
        frames = envelope.shape[0]
        self._graph.arrays["envelope"][:frames] = envelope
        self._graph.run(frames)
        return self._graph.arrays["content"][:frames].copy()

    def reset(self) -> None:
        """Return to the initial state."""
        self._graph.reset()


def shipped() -> Path:
    """Return the file of the encoder that comes with the package, which new singers are trained on."""
    return SHIPPED / "content.onnx"


def digest(path: Path) -> str:
    """Return the name of an encoder in a singer's manifest: the SHA-256 of its file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find(wanted: str, beside: Path) -> ContentEncoder:
    """Load an encoder by its digest: one that ships, or one that lies in a folder.

    Raises:
        ModelFileError: there is none, or the file is not one this version can use.
    """
    for path in (*sorted(SHIPPED.glob(PATTERN)), *sorted(beside.glob(PATTERN))):
        if digest(path) == wanted:
            return _loaded(path.resolve(), wanted)
    raise ModelFileError(
        f"the content encoder {wanted[:12]} is not here; copy its file, named {PATTERN}, to {beside}"
    )


@lru_cache(maxsize=4)
def _loaded(path: Path, sha256: str) -> ContentEncoder:
    """Load an encoder once, so that engines can tell which singers share one."""
    del sha256  # another file under the same name is another encoder
    return ContentEncoder(path)
