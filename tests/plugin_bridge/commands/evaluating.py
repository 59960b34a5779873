"""What the tests of evaluation share: a place with a singer and recordings, and a source that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.metrics.extras import PACKAGES
from plugin_bridge.measure.audition import Source
from plugin_bridge.measure.clips import Clip
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.singerfiles import write_singer

RATE = 24000


def studio(folder: Path, notes: tuple[float, float] = (150.0, 165.0)) -> Path:
    """Fill a folder with a singer file `copy.onnx`, and recordings in `held/`: 2 s of vowels in each.

    Args:
        folder: empty.
        notes: of the recordings, hertz; Whisper is soon done with those it has for none.
    """
    write_singer(folder / "copy.onnx")
    (folder / "held").mkdir()
    for number, f0 in enumerate(notes):
        x = sung(RATE, 2.0, f0, vibrato=0.5)[0]
        soundfile.write(folder / "held" / f"note{number}.wav", x, RATE, subtype="PCM_24")
    return folder


def needs_all(*more: str) -> None:
    """Go on if the command can run."""
    for package in (*PACKAGES, *more):
        needs(package)


def source(x: NDArray[np.float32], sample_rate: int = RATE) -> Source:
    """Return a clip without a speaker, which takes long to tell."""
    from models.metrics.tracker import track_pitch

    return Source(Clip("clip", x, sample_rate), np.ones(256, np.float32) / 16.0, track_pitch(x, sample_rate))
