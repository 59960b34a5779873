"""What is kept for the scores is not trained on: voices and music, by name or by default."""

from __future__ import annotations

import numpy as np
import pytest

from models.extractor.windows import RATE
from models.training.extractor.recipe import DataSplit, Sources, split_sources, train_extractor
from models.training.singer.recipe import TrainingListener
from plugin_bridge.errors import OutputError, TrainingError
from tests.models.training.extractor.made import write_folders


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    place = tmp_path_factory.mktemp("sources")
    return Sources(*write_folders(place), place / "encoder")


def read(sources: Sources, *patterns: str) -> DataSplit:
    return split_sources(sources, patterns, sources.encoder.parent / "cache", TrainingListener())


def test_few_voices_give_their_ends_and_music_its_last_third(sources: Sources) -> None:
    parts = read(sources)
    assert [voice.frames for voice in parts.voices] == [234, 234]
    assert [voice.frames for voice in parts.held_out_voices] == [26, 26]
    assert [piece.size for piece in parts.music] == pytest.approx([RATE * 14 / 3, RATE * 16 / 3], abs=1)
    assert [piece.size for piece in parts.held_out_music] == pytest.approx(
        [RATE * 7 / 3, RATE * 8 / 3], abs=1
    )


def test_patterns_hold_out_voices_and_music(sources: Sources) -> None:
    whole = read(sources)
    parts = read(sources, "take1*", "band0*")
    assert len(parts.voices) == len(parts.held_out_voices) == 1
    assert np.array_equal(parts.voices[0].f0[:234], whole.voices[0].f0)
    assert np.array_equal(parts.held_out_voices[0].f0[:234], whole.voices[1].f0)
    assert [piece.size for piece in parts.music] == pytest.approx([RATE * 16 / 3], abs=1)
    assert [piece.size for piece in parts.held_out_music] == pytest.approx([RATE * 7, RATE * 8 / 3], abs=1)
    only_music = read(sources, "band0*")
    assert [voice.frames for voice in only_music.voices] == [234, 234]


def test_patterns_that_match_nothing_or_all_are_refused(sources: Sources) -> None:
    with pytest.raises(TrainingError, match="'song"):
        read(sources, "song*")
    with pytest.raises(TrainingError, match="nothing to train on"):
        read(sources, "take*")
    with pytest.raises(TrainingError, match="holds no recordings"):
        read(sources._replace(music=sources.encoder.parent / "cache"))


def test_an_output_that_cannot_be_written_is_refused_at_the_start(sources: Sources) -> None:
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        train_extractor(sources, sources.music)
