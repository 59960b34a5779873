"""From a trained network to its file, with scores on the held-out recordings."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from models.melody.manifest import METADATA_KEY, MelodyManifest
from models.melody.tracker import MelodyTracker, load_network
from models.metrics.accompaniment import excerpt, mixed
from models.metrics.pitch import PitchTrack, compare_pitch, joined
from models.metrics.reference import consensus
from models.metrics.trackers import streamed
from models.singer.manifest import finite
from models.training.corpus import TRAINING_RATE, read_voice
from models.training.melody.accompaniment import HELD_OUT_SHARE
from models.training.melody.network import MelodyNetwork
from models.training.melody.stepgraph import step_graph
from models.training.onnxgraph import write_model

LEVELS_DB = {"clean": np.inf, "10 dB": 10.0, "5 dB": 5.0, "0 dB": 0.0}
SCORES = ("cents", "rmse", "gross", "voicing_f1")
"""Fields of `models.metrics.pitch.PitchScores`."""
MAX_SECONDS = 10
"""Length of each recording that is scored."""


def write_network(network: MelodyNetwork, manifest: MelodyManifest, path: Path) -> None:
    """Write a network as one ONNX file; nothing is left behind when it fails."""
    write_model(step_graph(network), {METADATA_KEY: manifest.model_dump_json()}, path)


def held_out_scores(
    path: Path,
    voices: Sequence[Path],
    music: Sequence[Path],
    unheard: Sequence[Path],
    files: Callable[[Sequence[Path]], Iterable[Path]] = iter,
) -> dict[str, float]:
    """Score a network's file on voices that it never heard, alone and under music that it never heard.

    Args:
        path: of the file.
        voices: recordings of single voices.
        music: recordings whose last third was held out.
        unheard: those among them that were held out as a whole.
        files: wraps the voices, such as a progress bar.

    Returns:
        Median cents, F0RMSE, share of gross errors and voicing F1 by level; empty without voices.

    Raises:
        MissingExtraError: swift-f0, which tells the right pitch, is not installed.
    """
    session = load_network(path)
    pieces = []
    for piece in music:
        audio = read_voice(piece)
        pieces.append(audio if piece in unheard else audio[round(audio.size * (1.0 - HELD_OUT_SHARE)) :])
    wanted: list[PitchTrack] = []
    scored = []
    heard: dict[str, list[PitchTrack]] = {level: [] for level in LEVELS_DB}
    for voice in files(voices):
        audio = read_voice(voice)[: MAX_SECONDS * TRAINING_RATE]
        known = consensus(audio, TRAINING_RATE)
        if not known.track.voiced.any():
            continue
        rng = np.random.default_rng(zlib.crc32(voice.name.encode()))
        under = excerpt(pieces[int(rng.integers(len(pieces)))], audio.size, rng)
        wanted.append(known.track)
        scored.append(known.scored)
        for level, snr in LEVELS_DB.items():
            mix = mixed(audio, under, snr, TRAINING_RATE)
            heard[level].append(streamed(MelodyTracker(TRAINING_RATE, session), mix, TRAINING_RATE))
    scores: dict[str, float] = {}
    if wanted:
        for level, tracks in heard.items():
            found = compare_pitch(joined(wanted), joined(tracks), np.concatenate(scored))
            scores |= {f"{name} {level}": round(float(getattr(found, name)), 4) for name in SCORES}
    return finite(scores)  # of nothing that both call voiced there is no error
