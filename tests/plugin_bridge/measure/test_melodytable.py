"""The melody table: voices and their labels, mixes that stay the same, and scores worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.metrics.pitch import PitchTrack, compare_pitch
from models.metrics.reference import Reference
from models.metrics.tracker import track_pitch
from plugin_bridge.measure.clips import Clip
from plugin_bridge.measure.melodytable import Trial, pooled, scores, trials
from plugin_bridge.measure.melodyvoices import (
    LEVELS,
    Voice,
    at_rate,
    left_out,
    read_voice,
    resung,
    under_music,
)
from tests.support.doubles import CopySinger, sung
from tests.support.extras import needs

RATE = 24000
SINGER = CopySinger("same", 0.0, 220.0)


def voice(f0: float = 220.0, seconds: float = 1.0, name: str = "voice") -> Voice:
    """Return a voice whose pitch is known."""
    frames = round(100 * seconds)
    known = Reference(
        PitchTrack(np.full(frames, f0), np.ones(frames, bool)), np.ones(frames, bool), exact=True
    )
    return Voice(Clip(name, sung(RATE, seconds, f0)[0], RATE), known)


def music(name: str = "music", sample_rate: int = RATE) -> Clip:
    level = np.random.default_rng(len(name)).normal(0.0, 0.1, 3 * sample_rate)
    return Clip(name, level.astype(np.float32), sample_rate)


def trial(snr: str, wanted: list[float], found: list[float], tracker: str = "one") -> Trial:
    """Return a trial of a second, 0 Hz for unvoiced."""
    a, b = np.array(wanted), np.array(found)
    tracks = [PitchTrack(np.where(x > 0.0, x, 60.0), x > 0.0) for x in (a, b)]
    return Trial(
        tracker, snr, "v", "m", 1.0, Reference(tracks[0], np.ones(a.size, bool), False), tracks[1], 0.25
    )


def test_mixes_have_the_levels_of_the_table_and_stay_the_same() -> None:
    pieces = [music("one"), music("another")]
    mixes = under_music(voice(), pieces)
    assert list(mixes.levels) == ["clean", "15 dB", "10 dB", "5 dB", "0 dB"]
    clean = mixes.levels["clean"]
    assert np.array_equal(clean, voice().clip.audio)
    under = {name: mix - clean for name, mix in mixes.levels.items()}
    assert np.allclose(under["0 dB"], 10.0**0.25 * under["5 dB"], atol=1e-6)
    same = under_music(voice(), pieces)
    assert same.music == mixes.music
    assert all(np.array_equal(same.levels[name], mixes.levels[name]) for name in LEVELS)
    others = [under_music(voice(name=f"voice {n}"), pieces) for n in range(12)]
    assert {other.music for other in others} == {"one", "another"}
    assert not np.array_equal(others[0].levels["0 dB"], others[1].levels["0 dB"])


def test_accompaniment_at_another_rate_is_brought_to_that_of_the_voice() -> None:
    t = np.arange(48000) / 48000
    tone = np.sin(2.0 * np.pi * 440.0 * t).astype(np.float32)
    found = at_rate(Clip("tone", tone, 48000), RATE)
    assert found.shape == (RATE,)
    assert found.dtype == np.float32
    assert np.abs(found[1000:-1000] - tone[::2][1000:-1000]).max() < 1e-3


def test_trackers_are_tried_on_every_level() -> None:
    one = voice()
    found = list(trials(one, under_music(one, [music()]), ["periodicity"]))
    assert [trial.snr for trial in found] == list(LEVELS)
    rows = scores(found)
    assert rows[0].cents < 2.0
    assert rows[0].rise == 1.0
    assert rows[0].accuracy > 0.95
    assert rows[-1].accuracy < rows[0].accuracy  # white noise as loud as the voice
    assert rows[0].seconds == 1.0
    assert rows[0].cost > 0.0


def test_scores_are_those_of_all_frames_together() -> None:
    clean, noisy = [200.0, 210.0, 0.0, 0.0], [200.0, 420.0, 0.0, 300.0]
    slip = 210.0 * math.exp(0.01)
    rows = scores(
        [
            trial("clean", clean, [200.0, slip, 0.0, 0.0]),
            trial("clean", clean, clean),
            *(trial(snr, clean, clean) for snr in ("15 dB", "10 dB", "5 dB")),
            trial("0 dB", clean, noisy),
            trial("0 dB", clean, clean),
        ]
    )
    assert [row.snr for row in rows] == list(LEVELS)
    first, last = rows[0], rows[-1]
    assert first.rmse == pytest.approx(0.01 / 2.0)  # one frame of four voiced ones
    assert last.rmse == pytest.approx(math.log(2.0) / 2.0)
    assert last.rise == pytest.approx(math.log(2.0) / 0.01)
    assert (last.gross, last.octave) == (0.25, 0.25)
    assert last.accuracy == pytest.approx(6.0 / 8.0)
    assert last.voicing_f1 == pytest.approx(2.0 * 4.0 / (4.0 + 5.0))
    assert (first.seconds, first.cost) == (2.0, 250.0)


def test_correlation_is_the_mean_over_voices_that_move() -> None:
    up, down = [200.0, 300.0, 400.0, 500.0], [500.0, 400.0, 300.0, 200.0]
    held, shaken = [100.0, 100.0, 100.0, 100.1], [100.1, 100.0, 100.0, 100.0]
    group = [trial("clean", up, up), trial("clean", up, down), trial("clean", held, shaken)]
    straight, turned = (compare_pitch(t.reference.track, t.track).correlation for t in group[:2])
    assert straight == pytest.approx(1.0)
    assert turned < -0.9
    assert pooled(group).correlation == pytest.approx((straight + turned) / 2.0)
    assert math.isnan(pooled(group[2:]).correlation)


def test_a_factor_of_nothing_is_not_a_number() -> None:
    same = [200.0, 300.0]
    rows = scores([trial(snr, same, same) for snr in LEVELS])
    assert all(math.isnan(row.rise) for row in rows)


def test_the_label_beside_a_voice_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "take.one.wav"
    soundfile.write(path, sung(RATE, 1.0, 220.0)[0], RATE)
    lines = [f"{n / 100},{330.0 if n >= 50 else 0.0}" for n in range(100)]
    (tmp_path / "take.one.f0.csv").write_text("\n".join(lines), encoding="utf-8")
    found = read_voice(path, 0.0)
    assert found.reference.exact
    assert found.clip.name == "take.one"
    assert found.reference.track.voiced.sum() == 50
    assert found.reference.track.f0[60] == pytest.approx(330.0)
    part = read_voice(path, 0.5)
    assert part.reference.track.voiced.all()
    assert part.clip.audio.size == RATE // 2
    assert np.array_equal(part.clip.audio, found.clip.audio[RATE // 2 :])


def test_without_a_label_trackers_must_agree(tmp_path: Path) -> None:
    needs("swift_f0")
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE // 2)
    soundfile.write(tmp_path / "take.wav", np.concatenate([sung(RATE, 1.0, 220.0)[0], noise]), RATE)
    found = read_voice(tmp_path / "take.wav", 0.0)
    assert not found.reference.exact
    assert found.reference.track.f0.size == 150
    inner = found.reference.track.f0[10:90]
    assert np.abs(1200.0 * np.log2(inner / 220.0)).max() < 5.0
    assert 0.0 <= left_out([found]) < 0.3


def test_a_voice_sung_again_has_an_exact_label() -> None:
    needs("swift_f0")
    again = resung(voice(233.0), SINGER, {"transpose": 0.0, "fine_tune": 40.0})
    assert again.clip.name == "voice by same"
    assert again.clip.audio.shape == (RATE,)
    assert again.reference.exact
    measured = track_pitch(again.clip.audio, RATE)
    found = compare_pitch(again.reference.track, measured)
    assert found.cents < 3.0
    assert found.gross == 0.0
    assert again.reference.track.f0[50] == pytest.approx(233.0 * 2.0 ** (0.4 / 12.0), rel=2e-3)
