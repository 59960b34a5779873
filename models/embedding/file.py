"""The singer embedding at run time: load its ONNX file, refuse what is not one, turn audio into a vector."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.embedding.frames import CROP, MELS, crops, levels, sung
from models.embedding.manifest import FORMAT, METADATA_KEY, EmbeddingManifest
from models.errors import ModelFileError
from models.filekind import FileKind
from models.samples import sample_fault

Float32 = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "shipped" / "embedding.onnx"
_KIND = FileKind(
    "singer embedding",
    "one made by 'python -m models.training.embedding'",
    "install or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    EmbeddingManifest,
    ModelFileError,
)


class SingerEmbedding:
    """One loaded embedding, which may be shared by threads.

    Args:
        path: its file.

    Raises:
        ModelFileError: the file is not an embedding this version can use.
    """

    def __init__(self, path: Path) -> None:
        self._session = _KIND.load(path)
        self.manifest = _KIND.read(self._session, path)
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        if {end.name: end.shape for end in ends} != {
            "frames": [CROP, MELS],
            "vector": [1, self.manifest.size],
        }:
            raise ModelFileError(
                f"{path} does not have a singer embedding's input and output; install or copy it again"
            )
        _KIND.try_out(self._session, path)

    def process(self, audio: Float32, sample_rate: int) -> Float32:
        """Return the vector of a recording: the direction of the mean of its crops of 2.4 s.

        Args:
            audio: mono, shape (samples,), float32, of any level; its silences are left out.
            sample_rate: hertz, any.

        Returns:
            Shape (D,), float32, length 1. The cosine of two vectors, their product, is 1 for equal
            recordings.

        Raises:
            ValueError: the audio is silent, or holds a sample that is not finite.
        """
        if fault := sample_fault(audio[None], 0, sample_rate):
            raise ValueError(f"the audio {fault}")
        frames = sung(levels(audio, sample_rate))
        if not len(frames):
            raise ValueError("silence has no singer; give audio with a voice in it")
        mean = np.mean([self._of(crop) for crop in crops(frames)], axis=0)
        return unit(mean)

    def _of(self, crop: Float32) -> Float32:
        (vector,) = self._session.run(["vector"], {"frames": crop})
        return unit(vector[0])


def unit(vector: Float32) -> Float32:
    """Return a vector of the same direction and of length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


@lru_cache(maxsize=1)
def shipped() -> SingerEmbedding:
    """Return the embedding that comes with the package, loaded once."""
    return SingerEmbedding(SHIPPED)


def embedding(audio: Float32, sample_rate: int) -> Float32:
    """Return the vector of a recording by the embedding that ships; see `SingerEmbedding.process`."""
    return shipped().process(audio, sample_rate)
