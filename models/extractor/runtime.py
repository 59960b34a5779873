"""An extractor at run time, without torch: load its ONNX file, refuse what is not one, extract the melody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from models.errors import ModelFileError
from models.extractor.manifest import FORMAT, METADATA_KEY, ExtractorManifest
from models.extractor.windows import RATE, Melody, over_windows
from models.filekind import FileKind
from models.graphcheck import OPERATORS, GraphError, check_structure

Float32 = NDArray[np.float32]

MIN_RATE, MAX_RATE = 8000, 192000
_OPERATORS = OPERATORS | {"Expand", "Pad", "Range", "Tile"}
"""Torch's exporter makes shapes of them; no loops either."""
_OUTPUTS = ["feature", "f0", "voicing", "energy"]
_KIND = FileKind(
    "extractor",
    "one made by 'plugin-bridge extractor'",
    "make or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    ExtractorManifest,
    ModelFileError,
)


class MelodyExtractor:
    """One loaded extractor file.

    Args:
        path: a file made by `plugin-bridge extractor`.

    Raises:
        ModelFileError: the file is missing, foreign, corrupted or newer.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelFileError(f"{path} does not exist; make it with 'plugin-bridge extractor'")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            check_structure(memoryview(path.read_bytes()), _OPERATORS, external=True)
            # By its path and not its bytes: the weights may lie in a file beside.
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except GraphError as error:
            raise ModelFileError(f"{path} {error}; make or copy it again") from error
        except Exception as error:  # onnxruntime raises a dozen unrelated types
            raise ModelFileError(f"{path} is not a readable ONNX model; make or copy it again") from error
        self.manifest = _KIND.read(self._session, path)

    def process(self, audio: Float32, sample_rate: int) -> Melody:
        """Extract the melody of a voice, alone or among music.

        Args:
            audio: mono, (samples,), float32, finite, at any level.
            sample_rate: hertz, 8000 to 192000.

        Returns:
            One frame per 10 ms that begins within the audio.

        Raises:
            ValueError: the audio is not mono or not finite, or the rate is out of range.
        """
        if audio.ndim != 1:
            raise ValueError(f"audio of shape {audio.shape} is not mono; give (samples,)")
        if not MIN_RATE <= sample_rate <= MAX_RATE:
            raise ValueError(f"sample rate {sample_rate!r} is out of range; give {MIN_RATE} to {MAX_RATE} Hz")
        if not np.isfinite(audio).all():
            raise ValueError("audio holds values that are not finite; replace them by 0")
        heard = audio if sample_rate == RATE else soxr.resample(audio, sample_rate, RATE)
        return over_windows(self._run, np.asarray(heard, np.float32))

    def _run(self, audio: Float32) -> Melody:
        return Melody(*(part[0] for part in self._session.run(_OUTPUTS, {"audio": audio[None]})))
