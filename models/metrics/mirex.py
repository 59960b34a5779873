"""The melody scores of MIREX, computed by mir_eval (extra `eval`), as papers on melody report them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.metrics.extras import eval_extra
from models.metrics.pitch import PitchTrack


@dataclass(frozen=True)
class MirexScores:
    """Shares, 0..1 (Poliner et al. 2007; Raffel et al. 2014); what cannot be told is not a number."""

    raw_pitch: float
    """RPA: of the frames voiced in the reference, those within 50 cents, called voiced or not."""
    raw_chroma: float
    """RCA: the same with octave errors forgiven."""
    overall: float
    """OA: of all frames, those right in voicing and, where voiced, within 50 cents."""
    voicing_recall: float
    """VR: of the frames voiced in the reference, those called voiced."""
    voicing_false_alarm: float
    """VFA: of the frames unvoiced in the reference, those called voiced."""


def mirex_scores(
    wanted: PitchTrack, measured: PitchTrack, scored: NDArray[np.bool_] | None = None
) -> MirexScores:
    """Score a measured track against a wanted one, over the frames that both have.

    Args:
        wanted: what is right.
        measured: what is to be scored.
        scored: the frames of `wanted` that count, shape (frames,); None for all.

    Raises:
        MissingExtraError: mir_eval is not installed.
    """
    with eval_extra():
        from mir_eval import melody  # noqa: PLC0415 - an extra
    frames = min(wanted.f0.size, measured.f0.size)
    counted = np.ones(frames, bool) if scored is None else scored[:frames]
    asked, found = (track.voiced[:frames][counted] for track in (wanted, measured))
    cents = [melody.hz2cents(track.f0[:frames][counted]) for track in (wanted, measured)]
    voicing = (asked.astype(float), found.astype(float))
    pairs = (voicing[0], cents[0], voicing[1], cents[1])

    def share(score: Callable[..., Any], arguments: tuple[Any, ...], *, known: bool) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a melody without voiced frames
            return float(score(*arguments)) if known else math.nan

    voiced, unvoiced = bool(asked.any()), bool((~asked).any())
    return MirexScores(
        raw_pitch=share(melody.raw_pitch_accuracy, pairs, known=voiced),
        raw_chroma=share(melody.raw_chroma_accuracy, pairs, known=voiced),
        overall=share(melody.overall_accuracy, pairs, known=voiced or unvoiced),
        voicing_recall=share(melody.voicing_recall, voicing, known=voiced),
        voicing_false_alarm=share(melody.voicing_false_alarm, voicing, known=unvoiced),
    )
