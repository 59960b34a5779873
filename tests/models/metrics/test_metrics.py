"""Test the metrics on signals whose score is known beforehand."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from models.metrics.intelligibility import pesq, stoi
from models.metrics.pitch import PitchTrack, compare_pitch, transposed
from models.metrics.speaker import embedding, mean_embedding, similarity
from models.metrics.spectral import stft_loss
from models.metrics.tracker import RATE, _octave_checked, _read_at, track_pitch
from plugin_bridge.errors import MissingExtraError
from tests.support.extras import needs

Stem = tuple[NDArray[np.float32], int]


def tone(f0: float | NDArray[np.float64], sample_rate: int, seconds: float = 1.0) -> NDArray[np.float32]:
    """A voice-like tone: harmonics falling with 1/k, up to 5 kHz, over a little noise."""
    samples = round(seconds * sample_rate)
    phase = np.cumsum(np.broadcast_to(f0, samples)) / sample_rate
    total = np.random.default_rng(0).normal(0.0, 1e-3, samples)
    for k in range(1, int(5000.0 / np.max(f0)) + 1):
        total += 0.2 / k * np.sin(2.0 * np.pi * k * phase)
    return total.astype(np.float32)


def track(f0: float, voiced: NDArray[np.bool_]) -> PitchTrack:
    return PitchTrack(np.full(voiced.size, f0), voiced)


# pitch scores


def test_a_track_agrees_with_itself() -> None:
    f0 = 220.0 * np.exp2(0.1 * np.sin(np.arange(200) / 15.0))
    scores = compare_pitch(PitchTrack(f0, np.ones(200, bool)), PitchTrack(f0, np.ones(200, bool)))
    assert scores.cents == 0.0
    assert scores.gross == 0.0
    assert scores.octave == 0.0
    assert scores.voicing_f1 == 1.0
    assert scores.correlation == pytest.approx(1.0)


def test_a_detune_is_measured_in_cents() -> None:
    one = track(220.0, np.ones(50, bool))
    assert compare_pitch(one, transposed(one, 0.3)).cents == pytest.approx(30.0)
    assert compare_pitch(one, transposed(one, 0.3)).gross == 0.0
    assert compare_pitch(one, transposed(one, -0.6)).gross == 1.0


def test_a_quarter_of_the_frames_an_octave_off() -> None:
    wanted = track(220.0, np.ones(80, bool))
    found = PitchTrack(np.where(np.arange(80) % 4 == 0, 110.0, 220.0), np.ones(80, bool))
    scores = compare_pitch(wanted, found)
    assert scores.cents == 0.0
    assert scores.octave == scores.gross == 0.25


def test_a_fifth_off_is_gross_and_no_octave() -> None:
    wanted = track(220.0, np.ones(10, bool))
    scores = compare_pitch(wanted, transposed(wanted, 7.0))
    assert (scores.gross, scores.octave) == (1.0, 0.0)


def test_half_the_voiced_frames_missed_is_an_f1_of_two_thirds() -> None:
    half = np.arange(100) < 50
    scores = compare_pitch(track(220.0, np.ones(100, bool)), track(220.0, half))
    assert scores.voicing_f1 == pytest.approx(2.0 / 3.0)  # precision 1, recall 1/2
    assert compare_pitch(track(220.0, half), track(220.0, ~half)).voicing_f1 == 0.0


def test_unvoiced_frames_and_the_longer_track_do_not_count() -> None:
    wanted = PitchTrack(np.array([220.0, 220.0, 500.0]), np.array([True, True, False]))
    found = PitchTrack(np.array([220.0, 220.0, 100.0, 900.0]), np.array([True, True, False, True]))
    scores = compare_pitch(wanted, found)
    assert (scores.cents, scores.voicing_f1) == (0.0, 1.0)


def test_what_cannot_be_told_is_not_a_number() -> None:
    silent = track(220.0, np.zeros(20, bool))
    scores = compare_pitch(silent, silent)
    assert math.isnan(scores.cents)
    assert math.isnan(scores.voicing_f1)
    held = track(220.0, np.ones(20, bool))
    assert math.isnan(compare_pitch(held, held).correlation)


# the tracker


@pytest.mark.parametrize("sample_rate", [16000, 44100, 48000])
@pytest.mark.parametrize("f0", [82.4, 155.6, 311.1, 740.0])
def test_the_tracker_reads_a_tone_within_cents(f0: float, sample_rate: int) -> None:
    needs("swift_f0")
    found = track_pitch(tone(f0, sample_rate), sample_rate)
    assert found.f0.size == 100
    inner = slice(10, 90)
    assert found.voiced[inner].all()
    assert float(np.abs(1200.0 * np.log2(found.f0[inner] / f0)).max()) < 2.0


def test_the_tracker_sees_a_detune_of_30_cents() -> None:
    needs("swift_f0")
    wanted = track_pitch(tone(233.0, 48000), 48000)
    found = track_pitch(tone(233.0 * 2.0 ** (30.0 / 1200.0), 48000), 48000)
    assert compare_pitch(wanted, found).cents == pytest.approx(30.0, abs=2.0)


def test_the_tracker_follows_a_vibrato_in_time() -> None:
    needs("swift_f0")
    swing = 50.0 * np.sin(2.0 * np.pi * 5.5 * np.arange(96000) / 48000)
    f0 = 250.0 * np.exp2(swing / 1200.0)
    found = track_pitch(tone(f0, 48000, 2.0), 48000)
    wanted = PitchTrack(f0[::480], np.ones(200, bool))
    scores = compare_pitch(wanted, found)
    assert (
        scores.cents < 4.0
    )  # 40 ms of window flatten the swing by a tenth; 10 ms of delay would cost 15 cents
    assert scores.correlation > 0.995


@pytest.mark.parametrize(("first_db", "wanted"), [(-6.0, 278.0), (-40.0, 556.0)])
def test_an_octave_too_high_is_told_by_the_harmonics_between(first_db: float, wanted: float) -> None:
    n = np.arange(RATE) / RATE
    odd = 10.0 ** (first_db / 20.0)
    parts = [(odd if k % 2 else 1.0) / k * np.cos(2.0 * np.pi * 278.0 * k * n) for k in range(1, 9)]
    audio = np.sum(parts, axis=0).astype(np.float32)
    frames = np.arange(10, 90)
    assert np.allclose(_octave_checked(audio, frames, np.full(frames.size, 556.0)), wanted)
    assert np.allclose(_octave_checked(audio, frames, np.full(frames.size, 278.0)), 278.0)


@pytest.mark.parametrize(("milliseconds", "halved"), [(25, 0), (40, 5), (200, 21)])
def test_a_burst_of_a_consonant_halves_no_pitch(milliseconds: int, halved: int) -> None:
    """What lies between the harmonics must last for four frames; the window of 40 ms smears it."""
    seconds = np.arange(RATE) / RATE
    voice = sum(np.sin(2.0 * np.pi * 400.0 * number * seconds) for number in (1, 2, 3))
    between = sum(np.sin(2.0 * np.pi * 200.0 * number * seconds) for number in (1, 3, 5))
    audio = np.asarray(0.1 * (voice + between * (np.abs(seconds - 0.5) < 0.0005 * milliseconds)), np.float32)
    found = _octave_checked(audio, np.arange(20, 80), np.full(60, 400.0))
    assert (int(np.sum(found == 200.0)), int(np.sum(found == 400.0))) == (halved, 60 - halved)


def test_between_frames_a_leap_apart_no_pitch_is_read_that_nobody_sang() -> None:
    known, heard = np.array([0.0, 0.016, 0.032]), np.log2([400.0, 404.0, 808.0])
    read = 2.0 ** _read_at(np.array([-0.01, 0.008, 0.02, 0.03, 0.05]), known, heard)
    assert np.allclose(read, [400.0, np.sqrt(400.0 * 404.0), 404.0, 808.0, 808.0])
    assert np.allclose(_read_at(np.array([0.0, 0.5]), known[:1], heard[:1]), heard[0])


def test_the_tracker_tells_voiced_from_unvoiced() -> None:
    needs("swift_f0")
    noise = np.random.default_rng(1).normal(0.0, 0.05, 24000).astype(np.float32)
    audio = np.concatenate([tone(220.0, 48000, 0.5), noise, tone(220.0, 48000, 0.5)])
    wanted = track(220.0, (np.arange(150) < 50) | (np.arange(150) >= 100))
    assert compare_pitch(wanted, track_pitch(audio, 48000)).voicing_f1 > 0.97


def test_silence_has_no_pitch() -> None:
    found = track_pitch(np.zeros(4800, np.float32), 48000)
    assert found.f0.size == 10
    assert not found.voiced.any()
    assert np.isfinite(found.f0).all()


# intelligibility


def test_stoi_of_the_same_words_is_1_and_falls_with_noise(stem: Stem) -> None:
    needs("pystoi")
    x, rate = stem[0][0], stem[1]
    noise = np.random.default_rng(0).normal(0.0, 1.0, x.size).astype(np.float32)
    level = float(np.sqrt(np.mean(x**2)))
    scores = [stoi(x, x + np.float32(share * level) * noise, rate) for share in (0.0, 0.3, 2.0)]
    assert scores[0] == pytest.approx(1.0, abs=1e-4)
    assert scores[0] > scores[1] + 0.02 > scores[2] + 0.1


def test_stoi_of_a_blink_is_not_a_number() -> None:
    needs("pystoi")
    assert math.isnan(stoi(tone(220.0, 16000, 0.2), tone(220.0, 16000, 0.2), 16000))


def test_pesq_of_the_same_words_is_the_best_there_is(stem: Stem) -> None:
    needs("pesq")
    x, rate = stem[0][0], stem[1]
    noise = np.random.default_rng(0).normal(0.0, 0.02, x.size).astype(np.float32)
    assert pesq(x, x, rate) == pytest.approx(4.644, abs=0.01)
    assert pesq(x, x + noise, rate) < 3.5


def test_pesq_of_a_long_recording_is_taken_in_pieces(stem: Stem) -> None:
    needs("pesq")
    x, rate = stem[0][0], stem[1]
    assert pesq(np.tile(x, 14), np.tile(x, 14), rate) == pytest.approx(4.644, abs=0.01)


def test_pesq_of_silence_is_not_a_number() -> None:
    needs("pesq")
    assert math.isnan(pesq(np.zeros(16000, np.float32), np.zeros(16000, np.float32), 16000))


# the speaker


def test_a_voice_is_like_itself_and_less_like_another(stem: Stem) -> None:
    needs("resemblyzer")
    x, rate = stem[0][0], stem[1]
    mine, buzz = embedding(x, rate), embedding(tone(110.0, rate, 1.5), rate)
    assert mine.shape == (256,)
    assert similarity(mine, mine) == pytest.approx(1.0, abs=1e-6)
    assert similarity(mine, buzz) < 0.8


def test_silence_has_no_speaker() -> None:
    needs("resemblyzer")
    with pytest.raises(ValueError, match="silence has no speaker"):
        embedding(np.zeros(16000, np.float32), 16000)


def test_the_mean_of_embeddings_has_length_1() -> None:
    a, b = np.eye(256, dtype=np.float32)[:2]
    mean = mean_embedding([a, b])
    assert float(np.linalg.norm(mean)) == pytest.approx(1.0)
    assert similarity(mean, a) == pytest.approx(math.sqrt(0.5))


# the spectrum


def test_the_loss_of_equal_audio_is_0_and_grows_with_the_difference(stem: Stem) -> None:
    needs("torch")
    x, rate = stem[0][0], stem[1]
    assert stft_loss(x, x, rate) == 0.0
    assert 0.0 < stft_loss(np.float32(0.9) * x, x, rate) < stft_loss(np.float32(0.5) * x, x, rate)


def test_the_loss_is_that_of_training_at_its_rate(stem: Stem) -> None:
    needs("torch")
    import torch

    from models.differentiable.losses import multi_scale_loss

    x = stem[0][0]
    y = np.float32(0.5) * x
    wanted = float(multi_scale_loss(torch.from_numpy(y)[None], torch.from_numpy(x)[None]))
    assert stft_loss(y, x, 48000) == wanted
    a, b = (soxr.resample(part, 48000, 24000) for part in (y, x))
    again = (torch.from_numpy(soxr.resample(part, 24000, 48000))[None] for part in (a, b))
    assert stft_loss(a, b, 24000) == float(multi_scale_loss(next(again), next(again)))


@pytest.mark.parametrize(
    ("package", "measure"),
    [
        ("swift_f0", lambda x: track_pitch(x, 16000)),
        ("pystoi", lambda x: stoi(x, x, 16000)),
        ("pesq", lambda x: pesq(x, x, 16000)),
        ("resemblyzer", lambda x: embedding(x, 16000)),
        ("torch", lambda x: stft_loss(x, x, 16000)),
    ],
)
def test_a_missing_extra_is_said_in_one_sentence(
    package: str, measure: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.metrics import speaker, tracker

    assert callable(measure)
    tracker._detector.cache_clear()
    speaker._encoder.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package}.* is not installed; .*plugin-bridge\[eval\]"):
        measure(tone(220.0, 16000))
