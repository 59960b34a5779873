"""Examples: half with accompaniment, seeded, labels beside them; voices and music as they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from models.extractor.windows import FRAME, RATE
from models.training.extractor.examples import ExampleMaker
from models.training.extractor.voices import PIECE_SECONDS, pieces_of, read_music, read_voices
from plugin_bridge.errors import TrainingError
from tests.models.training.extractor.made import played, sung, voice

Float32 = NDArray[np.float32]


def test_half_of_the_examples_are_accompanied() -> None:
    maker = ExampleMaker([voice(220.0)], [played(5.0)], 100, 200)
    batch = maker(1, 2)
    assert batch.audio.shape == (200, 100 * FRAME)
    assert batch.pitch.shape == batch.energy.shape == batch.voiced.shape == (200, 100)
    own = torch.from_numpy(voice(220.0).audio)
    alone = [
        bool((own.unfold(0, 800, FRAME) - audio[:800]).abs().amax(1).min() < 1e-6) for audio in batch.audio
    ]
    assert 70 <= sum(alone) <= 130


def test_accompaniment_lies_0_to_20_db_below_the_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    levels: list[float] = []

    def noted(audio: Float32, pieces: object, snr_db: float, rng: object) -> Float32:
        del pieces, rng
        levels.append(snr_db)
        return audio

    monkeypatch.setattr("models.training.extractor.examples.accompanied", noted)
    ExampleMaker([voice(220.0)], [played(5.0)], 20, 400)(3)
    assert len(levels) > 150
    assert 0.0 <= min(levels) < 1.0
    assert 19.0 < max(levels) <= 20.0
    assert np.mean(levels) == pytest.approx(10.0, abs=1.0)


def test_a_seed_names_a_batch() -> None:
    maker = ExampleMaker([voice(220.0), voice(300.0)], [played(5.0)], 50, 4)
    assert torch.equal(maker(1, 7).audio, maker(1, 7).audio)
    assert not torch.equal(maker(1, 7).audio, maker(1, 8).audio)


def test_labels_belong_to_their_audio() -> None:
    batch = ExampleMaker([voice(200.0), voice(400.0)], [played(5.0)], 50, 20)(0)
    octave = np.log(2.0)
    assert set(np.rint((batch.pitch.mean(1).numpy() - np.log(200.0)) / octave)) == {0.0, 1.0}
    assert set(batch.voiced.flatten().tolist()) <= {0.0, 1.0}


def test_music_plays_on_in_a_pause() -> None:
    silent = voice(220.0).part(0, 8)
    batch = ExampleMaker([silent], [played(5.0)], 8, 40)(0)
    heard = batch.audio.abs().amax(1) > 0.0
    assert 10 <= int(heard.sum()) <= 30
    assert float(batch.voiced.max()) == 0.0


def test_short_voices_and_silent_music_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"no recording is as long as 3 s; give longer ones"):
        ExampleMaker([voice(220.0)], [played(5.0)], 300, 2)
    with pytest.raises(TrainingError, match="the accompaniment is silent"):
        ExampleMaker([voice(220.0)], [], 100, 2)


def test_a_voice_is_heard_as_the_engine_hears_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "take.wav", sung(1.5, 220.0, 48000), 48000)
    (read,) = read_voices([tmp_path / "take.wav"], tmp_path / "cache")
    known = voice(220.0, 1.5)
    assert read.audio.size == FRAME * read.frames == known.audio.size
    near = [float(np.dot(np.roll(read.audio, lag), known.audio)) for lag in range(-3, 4)]
    assert int(np.argmax(near)) == 3
    assert read.voicing[:8].max() < 0.5 < read.voicing[20:-5].min()
    cents = 1200.0 * np.log2(read.f0 / known.f0)[20:-5]
    assert np.abs(cents).max() < 20.0
    (again,) = read_voices([tmp_path / "take.wav"], tmp_path / "cache")
    assert np.array_equal(read.f0, again.f0)


def test_music_is_cut_into_pieces_that_play(tmp_path: Path) -> None:
    seconds = 2 * PIECE_SECONDS + 10
    wave = played(seconds, 8000)
    wave[PIECE_SECONDS * 8000 : 2 * PIECE_SECONDS * 8000] = 0.0
    soundfile.write(tmp_path / "band.wav", np.stack([wave, wave], 1), 8000)
    music = read_music(tmp_path / "band.wav")
    assert music.size == seconds * RATE
    assert [piece.size for piece in pieces_of(music)] == [PIECE_SECONDS * RATE, 10 * RATE]
