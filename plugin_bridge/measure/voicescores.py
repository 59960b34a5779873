"""Score the words and the life of what a singer made of a clip, beside the clip's and the singer's own."""

from __future__ import annotations

from dataclasses import dataclass

from models.metrics.liveliness import BANDS_HZ, Liveliness, liveliness
from models.metrics.onsets import compare_onsets, level_db
from models.metrics.phones import score_phones
from models.metrics.speaker import d_vector, similarity
from models.metrics.words import phoneme_error, phonemes, phonemes_of_labels, transcribe
from plugin_bridge.measure.audition import Take
from plugin_bridge.measure.target import Target


@dataclass(frozen=True)
class VoiceScores:
    """One row of the voice table; what cannot be told is not a number.

    What ends in `_source` is measured on the clip, what ends in `_real` on the singer's held-out recordings.
    """

    source: str
    singer: str
    error_source: float
    """Phonemes that a recogniser of speech gets wrong in the clip itself; 0 by definition without labels."""
    error: float
    """The same in the output: against the labels, or else against what was understood of the clip."""
    vowels_source: float
    vowels: float
    """Share of labelled vowels that are heard as such; likewise the consonants."""
    consonants_source: float
    consonants: float
    d_vector: float
    """Cosine between the output's and the singer's second speaker embedding."""
    rise_source: float
    rise: float
    """dB by which consonants rise within 4 ms above 2 kHz."""
    lead: float
    """Milliseconds by which the output's rises come before the source's."""
    hnr_real: float
    hnr: float
    """Harmonics-to-noise ratio from 2 to 4 kHz, dB."""
    hnr_high_real: float
    hnr_high: float
    """The same from 4 to 8 kHz."""
    shimmer_real: float
    shimmer: float
    jitter_real: float
    jitter: float
    movement_real: float
    movement: float
    """dB by which the envelope of held vowels moves within 10 ms."""
    level: float
    """dB by which the output is louder than the clip, A-weighted."""


_MIDDLE, _HIGH = BANDS_HZ.index((2000.0, 4000.0)), BANDS_HZ.index((4000.0, 8000.0))


def score_voice(take: Take, singer: str, target: Target) -> VoiceScores:
    """Score a conversion or a copy.

    Args:
        take: the clip as sung.
        singer: name for the table.
        target: the singer's held-out recordings.

    Raises:
        MissingExtraError: a package of the extra `eval` is not installed.
    """
    clip = take.source.clip
    rate = clip.sample_rate
    understood = transcribe(clip.audio, rate, "ja" if clip.labels else "")
    again = phonemes(transcribe(take.output, rate, understood.language).text, understood.language)
    first = phonemes(understood.text, understood.language)
    wanted = phonemes_of_labels(clip.labels) if clip.labels else first
    meant, heard = (score_phones(audio, rate, clip.labels) for audio in (clip.audio, take.output))
    onsets = compare_onsets(clip.audio, take.output, rate)
    real: Liveliness = target.liveliness
    sung = liveliness(take.output, rate)
    return VoiceScores(
        source=clip.name,
        singer=singer,
        error_source=phoneme_error(first, wanted),
        error=phoneme_error(again, wanted),
        vowels_source=meant.vowels,
        vowels=heard.vowels,
        consonants_source=meant.consonants,
        consonants=heard.consonants,
        d_vector=similarity(d_vector(take.output, rate), target.d_vector),
        rise_source=onsets.source_rise,
        rise=onsets.rise,
        lead=onsets.lead,
        hnr_real=real.hnr[_MIDDLE],
        hnr=sung.hnr[_MIDDLE],
        hnr_high_real=real.hnr[_HIGH],
        hnr_high=sung.hnr[_HIGH],
        shimmer_real=real.shimmer,
        shimmer=sung.shimmer,
        jitter_real=real.jitter,
        jitter=sung.jitter,
        movement_real=real.movement,
        movement=sung.movement,
        level=level_db(take.output, rate) - level_db(clip.audio, rate),
    )
