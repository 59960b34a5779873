"""Score an extractor on voices and accompaniment it has not heard: F0RMSE, F0CORR and voicing F1 by SNR."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.controls import VOICED
from models.extractor.windows import Melody, over_windows
from models.metrics.pitch import PitchTrack, compare_pitch, joined
from models.singer.manifest import finite
from models.training.extractor.examples import accompanied
from models.training.extractor.network import Extractor
from models.training.extractor.voices import Voice

Float32 = NDArray[np.float32]

CONDITIONS = {"clean": None, "10_db": 10.0, "0_db": 0.0}
MAX_FRAMES = 1000


def melody_of(network: Extractor, audio: Float32) -> Melody:
    """Extract the melody by the network itself, from (samples,), a multiple of 320, at 16 kHz."""
    heard = network(torch.from_numpy(audio)[None].to(network.mixing.device))
    parts = (heard.feature, torch.exp(heard.pitch), torch.sigmoid(heard.voicing), heard.energy)
    return Melody(*(part[0].cpu().numpy() for part in parts))


@torch.no_grad()
def held_out_scores(
    network: Extractor, voices: Sequence[Voice], music: Sequence[Float32]
) -> dict[str, float]:
    """Score all frames of all voices together, at most 10 s of each.

    Args:
        network: to be scored.
        voices: unheard; those without a voiced frame are passed over.
        music: unheard pieces, laid under the voices.

    Returns:
        By name and level; what cannot be told, such as the error of a voice heard nowhere, is left out.
    """
    network.eval()
    sung = [voice.part(0, MAX_FRAMES) for voice in voices]
    sung = [voice for voice in sung if (voice.voicing > VOICED).any()]
    scores = {"held_out_seconds": round(sum(voice.frames for voice in sung) / 100.0, 1)}
    if not sung:
        return scores
    wanted = joined([PitchTrack(voice.f0.astype(np.float64), voice.voicing > VOICED) for voice in sung])
    for name, snr_db in CONDITIONS.items():
        rng = np.random.default_rng(0)
        tracks = []
        for voice in sung:
            audio = voice.audio if snr_db is None else accompanied(voice.audio, music, snr_db, rng)
            found = over_windows(lambda part: melody_of(network, part), audio)
            tracks.append(PitchTrack(found.f0.astype(np.float64), found.voicing > VOICED))
        agreement = compare_pitch(wanted, joined(tracks))
        scores[f"f0_rmse_{name}"] = round(agreement.rmse, 4)
        scores[f"f0_corr_{name}"] = round(agreement.correlation, 4)
        scores[f"voicing_f1_{name}"] = round(agreement.voicing_f1, 4)
    return finite(scores)
