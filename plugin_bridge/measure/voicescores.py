"""Score the words and the life of what a singer made of a clip, beside the clip's and the singer's own."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.metrics.bandlevels import band_levels
from models.metrics.liveliness import liveliness
from models.metrics.onsets import compare_onsets, level_db
from models.metrics.phones import PhoneScores, score_phones
from models.metrics.speaker import JUDGES, similarity
from models.metrics.variation import Variation, compare_variation, variation
from models.metrics.words import Heard, phoneme_error, phonemes, phonemes_of_labels, transcribe
from plugin_bridge.measure.audition import Take
from plugin_bridge.measure.clips import Clip
from plugin_bridge.measure.target import Target

Float32 = NDArray[np.float32]
Confusions = dict[str, dict[str, int]]


@dataclass(frozen=True)
class VoiceScores:
    """One row of the tables of words and of life; what cannot be told is not a number.

    What ends in `_source` is measured on the clip, what ends in `_real` on the singer's held-out recordings.
    """

    source: str
    singer: str
    text_source: str
    """What a recogniser of speech understood of the clip, and of the output."""
    text: str
    error_source: float
    """Phonemes that it got wrong in the clip itself; 0 by definition without labels or lyrics."""
    error: float
    """The same in the output: against labels or lyrics, or else what was understood of the clip."""
    vowels_source: float
    vowels: float
    """Share of labelled vowels that are heard as such; likewise the consonants."""
    consonants_source: float
    consonants: float
    confusions_source: Confusions
    """How many labelled phones were heard as which: by the phone meant, by the phone heard."""
    confusions: Confusions
    d_vector_real: float
    d_vector: float
    """Cosine between the output's and the singer's second speaker embedding; then that of TUNe's."""
    tune_real: float
    tune: float
    rise_source: float
    rise: float
    """dB by which consonants rise within 4 ms above 2 kHz."""
    lead: float
    """Milliseconds by which the output's rises come before the source's."""
    level: float
    """dB by which the output is louder than the clip, A-weighted."""
    hnr_1k_real: float
    hnr_1k: float
    """Harmonics-to-noise ratio from 1 to 2 kHz, dB; then from 2 to 4, 4 to 8 and 8 to 12."""
    hnr_2k_real: float
    hnr_2k: float
    hnr_4k_real: float
    hnr_4k: float
    hnr_8k_real: float
    hnr_8k: float
    shimmer_real: float
    shimmer: float
    jitter_real: float
    jitter: float
    movement_real: float
    movement: float
    """dB by which the envelope of held vowels moves within 10 ms."""
    variance: float
    """Global variance of the bands, its ratio to the real one: of a copy to its clip's, of a conversion to
    that of the singer's held-out recordings; likewise the modulation."""
    modulation_4: float
    """dB by which the levels of bands are more modulated at 4 to 10 Hz; then at 10 to 20 and 30 to 50."""
    modulation_10: float
    modulation_30: float


class VoiceJudge:
    """Score what singers make of one clip; the clip itself is judged once.

    Args:
        clip: the source.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    def score(self, take: Take, singer: str, target: Target, *, copy: bool) -> VoiceScores:
        """Score a conversion or a copy of the clip.

        Args:
            take: as sung.
            singer: name for the table.
            target: the singer's held-out recordings.
            copy: the clip is such a recording itself.

        Raises:
            MissingExtraError: a package of the extra `eval` is not installed.
        """
        rate, output = self._clip.sample_rate, take.output
        silent = not output.any()
        again = transcribe(output, rate, self._understood.language)
        heard = score_phones(output, rate, self._clip.labels)
        onsets = compare_onsets(self._clip.audio, output, rate)
        real, sung = target.liveliness, liveliness(output, rate)
        moved = compare_variation(
            variation(band_levels(output, rate)), self._variation if copy else target.variation
        )
        hnr = {
            f"hnr_{band}k{end}": value
            for end, whose in (("_real", real), ("", sung))
            for band, value in zip((1, 2, 4, 8), whose.hnr, strict=True)
        }
        return VoiceScores(
            source=self._clip.name,
            singer=singer,
            text_source=self._understood.text,
            text=again.text,
            error_source=phoneme_error(self._phonemes(self._understood), self._wanted),
            error=phoneme_error(self._phonemes(again), self._wanted),
            vowels_source=self._meant.vowels,
            vowels=heard.vowels,
            consonants_source=self._meant.consonants,
            consonants=heard.consonants,
            confusions_source=_nested(self._meant.confusions),
            confusions=_nested(heard.confusions),
            d_vector_real=target.real("d-vector"),
            d_vector=self._likeness(output, target, "d-vector"),
            tune_real=target.real("tune"),
            tune=self._likeness(output, target, "tune"),
            rise_source=onsets.source_rise,
            rise=onsets.rise,
            lead=onsets.lead,
            level=math.nan if silent else level_db(output, rate) - self._level,
            **hnr,
            shimmer_real=real.shimmer,
            shimmer=sung.shimmer,
            jitter_real=real.jitter,
            jitter=sung.jitter,
            movement_real=real.movement,
            movement=sung.movement,
            variance=moved.variance,
            modulation_4=moved.modulation[0],
            modulation_10=moved.modulation[1],
            modulation_30=moved.modulation[2],
        )

    def _likeness(self, output: Float32, target: Target, judge: str) -> float:
        if not output.any():
            return math.nan
        return similarity(JUDGES[judge](output, self._clip.sample_rate), target.speaker(judge))

    @cached_property
    def _understood(self) -> Heard:
        clip = self._clip
        return transcribe(clip.audio, clip.sample_rate, "ja" if clip.labels else clip.language)

    @cached_property
    def _wanted(self) -> list[str]:
        if self._clip.labels:
            return phonemes_of_labels(self._clip.labels)
        return phonemes(self._clip.lyrics or self._understood.text, self._understood.language)

    @cached_property
    def _meant(self) -> PhoneScores:
        return score_phones(self._clip.audio, self._clip.sample_rate, self._clip.labels)

    @cached_property
    def _level(self) -> float:
        return level_db(self._clip.audio, self._clip.sample_rate)

    @cached_property
    def _variation(self) -> Variation:
        return variation(band_levels(self._clip.audio, self._clip.sample_rate))

    def _phonemes(self, heard: Heard) -> list[str]:
        return phonemes(heard.text, self._understood.language)


def _nested(pairs: Counter[tuple[str, str]]) -> Confusions:
    found: Confusions = {}
    for (meant, heard), count in pairs.most_common():
        found.setdefault(meant, {})[heard] = count
    return found
