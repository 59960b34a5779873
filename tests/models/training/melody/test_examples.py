"""Training material: lines in range, voices at the pitch of their labels, batches as streams hear them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dsp.pitch import PitchTracker
from dsp.units import MAX_F0, MIN_F0
from models.melody.features import MelodySpectra
from models.melody.grid import BINS, MIN_SHARE_DB
from models.singer.file import load_singer
from models.training.corpus import analyse
from models.training.melody.accompaniment import SPEEDS, made_up, recorded
from models.training.melody.examples import ExampleMaker, Mixture
from models.training.melody.lines import SMOOTHING_FRAMES, drawn_line, melody, moved
from models.training.melody.takes import FRAME, RATE, Take, decimated, played_faster, sung_again
from plugin_bridge.errors import TrainingError
from tests.models.training.melody.voices import Float32, chord, sung

PLAIN = Mixture(
    moved=0.0,
    accompanied=0.0,
    alone=0.0,
    response_db=0.0,
    rooms=0.0,
    hiss_db=(-120.0, -119.0),
    level_db=(-20.0, -20.0),
)


def made_take(seconds: float, hz: float) -> tuple[Take, Float32]:
    audio, line = sung(48000, seconds, hz, 60.0)
    low = decimated(audio)
    return Take(low / np.abs(low).max(), line.astype(np.float32), np.ones(line.size, np.float32)), audio


def heard(audio: Float32, rate: int) -> tuple[Float32, Float32]:
    tracker, hop = PitchTracker(rate), rate // 100
    frames = tracker.process(audio[: audio.size // hop * hop])[1:]
    return np.array([f.f0 for f in frames], np.float32), np.array([f.voicing for f in frames], np.float32)


def cents(found: Float32, wanted: Float32) -> Float32:
    return np.asarray(1200.0 * np.log2(found / wanted), np.float32)


def test_a_sung_vibrato_is_flattened_or_deepened_up_to_two_and_a_half_times() -> None:
    vibrato = 0.04 * np.sin(2.0 * np.pi * np.arange(300) / SMOOTHING_FRAMES)  # its mean over a period is 0
    depths = []
    for seed in range(60):
        line = moved(np.log2(200.0) + vibrato, np.ones(300, bool), np.random.default_rng(seed))
        inside = slice(SMOOTHING_FRAMES, -SMOOTHING_FRAMES)
        depth = float(line[inside] @ vibrato[inside] / (vibrato[inside] @ vibrato[inside]))
        np.testing.assert_allclose(np.diff(line[inside]), depth * np.diff(vibrato[inside]), atol=1e-9)
        depths.append(depth)
    assert 0.0 <= min(depths) < 0.2
    assert 2.3 < max(depths) <= 2.5


def test_a_drawn_line_can_be_sung() -> None:
    held = np.full(300, 200.0)
    for seed in range(30):
        line = drawn_line(held, np.ones(300, bool), np.random.default_rng(seed))
        assert line.shape == (300,)
        assert line.min() >= MIN_F0
        assert line.max() <= MAX_F0
    notes = melody(3000, np.random.default_rng(1))
    assert np.abs(np.diff(notes)).max() < 0.5
    assert notes.std() > 0.1


def test_a_voice_sung_again_has_the_pitch_of_its_label() -> None:
    audio, _ = sung(48000, 2.0, 220.0, 30.0)
    recording = analyse("made", audio)
    for seed in range(3):
        take = sung_again(recording, load_singer("pjs"), np.random.default_rng(seed))
        high = np.interp(np.arange(take.audio.size * 5) / 5.0, np.arange(take.audio.size), take.audio)
        f0, voicing = heard(high.astype(np.float32), 48000)
        frames = min(f0.size, take.f0.size)
        sure = (voicing[:frames] > 0.9) & (take.voicing[:frames] > 0.9)
        assert sure.mean() > 0.6
        assert np.median(np.abs(cents(f0[:frames][sure], take.f0[:frames][sure]))) < 8.0


def test_a_faster_tape_is_higher_and_shorter() -> None:
    take, audio = made_take(2.0, 300.0)
    take.voicing[:50] = np.nan
    moved = played_faster(take, audio, 12.0)
    assert moved.f0.size == 100
    assert np.isnan(moved.voicing[:24]).all()
    assert np.allclose(moved.f0, 2.0 * take.f0[::2], rtol=0.01)
    assert moved.audio.size == 100 * FRAME


def test_a_batch_is_what_a_stream_hears() -> None:
    take, audio = made_take(8.0, 250.0)
    batch = ExampleMaker([take], [np.ones(40 * RATE, np.float32)], 151, 1, PLAIN)([0])
    spectra = MelodySpectra(48000)
    stream = np.concatenate([spectra.process(x).copy() for x in audio.reshape(-1, 480)])
    found = batch.power[0].numpy()
    start = int(np.nanargmin([np.abs(take.f0[i : i + 151] - batch.f0[0].numpy()).max() for i in range(640)]))
    strong = found > 1e-3 * found.max()
    off = []
    for late in (0, 1, 2):  # the stream gives frame k with hop k + 1
        decibels = 10.0 * np.log10(found[strong] / stream[start + late :][:151][strong])
        off.append(np.abs(decibels - np.median(decibels)).max())
    assert off[1] < 1.0  # an excerpt starts between two frames
    assert off[1] < 0.5 * min(off[0], off[2])


def test_moved_voices_keep_their_labels() -> None:
    take, _ = made_take(8.0, 250.0)
    moved = Mixture(**{**vars(PLAIN), "moved": 1.0})
    maker = ExampleMaker([take], [np.ones(40 * RATE, np.float32)], 151, 4, moved)
    batch = maker([3])
    lowest = 10.0 * torch.arange(BINS)[8:80]
    for power, f0 in zip(batch.power, batch.f0, strict=True):
        tone = lowest[power[:, 0, 8:80].argmax(1)]  # the strongest harmonic of this vowel is one of the first
        order = (tone / f0).round().clamp(1, 4)
        assert ((tone / order - f0).abs() < 20.0).float().mean() > 0.9
    assert batch.f0.std(dim=1).min() > 2.0


def test_music_is_laid_under_the_voice_at_its_level() -> None:
    take, _ = made_take(8.0, 250.0)
    music = chord(RATE, 40 * RATE).astype(np.float32)
    levels = {"accompanied": 1.0, "snr_db": (0.0, 0.0), "doubled": 0.0}
    alone, under, absent = (
        ExampleMaker([take], [music], 151, 2, Mixture(**{**vars(PLAIN), **more}))([1]).share
        for more in ({}, levels, levels | {"alone": 1.0})
    )
    assert torch.all(alone == 0.0)
    assert float(under.mean()) == pytest.approx(-3.0, abs=1.0)
    assert torch.all(absent == MIN_SHARE_DB)


def test_the_same_seed_gives_the_same_batch() -> None:
    take, _ = made_take(6.0, 250.0)
    maker = ExampleMaker([take], [made_up(np.random.default_rng(1))], 151, 2)
    one, again, other = (maker([0, step]) for step in (4, 4, 5))
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one.power, other.power)


def test_too_little_material_is_refused() -> None:
    take, _ = made_take(1.0, 250.0)
    with pytest.raises(TrainingError, match="must each last 3 s; give longer recordings"):
        ExampleMaker([take], [made_up(np.random.default_rng(1))], 151, 2)


def test_made_up_music_is_finite_and_differs() -> None:
    pieces = [made_up(np.random.default_rng(seed)) for seed in range(4)]
    for piece in pieces:
        assert piece.size == 20 * RATE
        assert np.sqrt(np.mean(np.square(piece))) == pytest.approx(1.0, abs=0.01)
    assert not np.array_equal(pieces[0], pieces[1])


def test_two_thirds_of_recorded_music_are_used_and_kept(tmp_path: Path) -> None:
    music = 0.1 * chord(44100, 3 * 44100)
    soundfile.write(tmp_path / "song.wav", music, 44100)
    pieces = recorded(tmp_path / "song.wav", tmp_path)
    assert len(pieces) == len(SPEEDS)
    assert pieces[SPEEDS.index(0.0)].size == pytest.approx(2 * RATE, abs=FRAME)
    again = recorded(tmp_path / "song.wav", tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(pieces, again, strict=True))
