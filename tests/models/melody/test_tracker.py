"""The melody network that ships: pitch of tones and voices at every rate, held when music plays along."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.units import RATES, hop_size
from models.melody.tracker import MelodyTracker, _believed, load_network
from plugin_bridge.errors import ModelFileError
from tests.models.training.melody.voices import chord, sung

Float32 = NDArray[np.float32]


def tracked(audio: Float32, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitch and voicing, frame k at k hops."""
    hop = hop_size(rate)
    padded = np.concatenate([audio, np.zeros(hop, np.float32)])
    frames = MelodyTracker(rate).process(padded[: padded.size // hop * hop])[1:]
    return np.array([frame.f0 for frame in frames]), np.array([frame.voicing for frame in frames])


def cents(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    frames = slice(20, min(found.size, wanted.size) - 5)
    return np.asarray(1200.0 * np.log2(found[frames] / wanted[frames]))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [90.0, 220.0, 660.0, 1175.0, 1480.0])
def test_a_vowel_is_found_at_every_rate(rate: int, hz: float) -> None:
    audio, line = sung(rate, 1.0, hz)
    f0, voicing = tracked(audio, rate)
    assert np.median(np.abs(cents(f0, line))) < 10.0
    assert np.mean(voicing[20:-5] > 0.5) > 0.95


def test_vibrato_is_followed() -> None:
    audio, line = sung(48000, 1.5, 300.0, 60.0)
    off = cents(tracked(audio, 48000)[0], line)
    assert np.sqrt(np.mean(np.square(off))) < 20.0


def test_a_chord_below_does_not_take_the_voice_away() -> None:
    rate = 44100
    audio, line = sung(rate, 2.0, 330.0, 40.0)
    organ = chord(rate, audio.size) * np.sqrt(np.mean(audio**2)) * 10.0 ** (-5.0 / 20.0)
    off = cents(tracked((audio + organ).astype(np.float32), rate)[0], line)
    assert np.mean(np.abs(off) < 50.0) > 0.9


def test_noise_and_silence_are_unvoiced() -> None:
    rng = np.random.default_rng(2)
    hiss = (0.1 * rng.standard_normal(32000)).astype(np.float32)
    for audio in (hiss, np.zeros(16000, np.float32)):
        assert np.mean(tracked(audio, 16000)[1][20:] > 0.5) < 0.05


def test_energy_follows_the_voice() -> None:
    tracker = MelodyTracker(48000)
    audio, _ = sung(48000, 2.0, 250.0)
    audio[48000:] *= np.float32(0.1)
    energy = []
    for x in audio.reshape(-1, 480):
        tracker.process(x)
        energy.append(tracker.energy)
    level = 20.0 * np.log10(np.sqrt(2.0) * audio[24000:45000].std())
    assert np.median(energy[50:95]) == pytest.approx(level, abs=2.0)
    assert np.median(energy[130:190]) == pytest.approx(level - 20.0, abs=4.0)


def test_music_in_a_pause_is_told_from_the_voice() -> None:
    rate = 48000
    audio, _ = sung(rate, 1.5, 330.0, 40.0)
    voice = np.concatenate([audio, np.zeros(rate, np.float32), audio])
    organ = chord(rate, voice.size) * audio.std() * 10.0 ** (-5.0 / 20.0)
    alone, accompanied = (
        np.array([frame.surplus for frame in MelodyTracker(rate).process(mix.astype(np.float32))])
        for mix in (voice, voice + organ)
    )
    assert alone.max() < 1.0
    assert np.median(accompanied[165:245]) > 8.0
    assert np.mean(accompanied[20:145] < 1.0) > 0.9
    assert np.mean(accompanied[260:395] < 1.0) > 0.9


def test_the_feature_is_a_copy_of_256_numbers() -> None:
    tracker = MelodyTracker(16000)
    audio, _ = sung(16000, 0.1, 250.0)
    before = tracker.feature
    tracker.process(audio[:160])
    assert before.shape == tracker.feature.shape == (256,)
    assert before.dtype == np.float32
    assert not np.array_equal(before, tracker.feature)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 3e5])
def test_a_bad_hop_is_forgotten(value: float) -> None:
    audio, line = sung(16000, 1.5, 220.0)
    audio[4800 : 4800 + 160] = value
    f0, voicing = tracked(audio, 16000)
    assert np.isfinite(f0).all()
    assert np.isfinite(voicing).all()
    if not value < 1e6:
        assert np.median(np.abs(cents(f0[60:], line[60:]))) < 10.0


def test_reset_equals_a_fresh_tracker() -> None:
    rate = 16000
    voice, _ = sung(rate, 0.5, 200.0, 50.0)
    music = (0.1 * chord(rate, voice.size)).astype(np.float32)
    audio = np.concatenate([music, voice + music, music, music])
    tracker = MelodyTracker(rate)
    first = tracker.process(audio)
    assert first[-1].surplus > 3.0
    tracker.reset()
    assert tracker.process(audio) == first


@pytest.mark.parametrize(
    ("voicing", "before", "octaves", "believed"),
    [
        (0.6, 0.9, 1.0, True),  # sung
        (0.4, 0.2, 1.0, True),  # an onset
        (0.4, 0.8, 1.0, False),  # a release does not leap
        (0.2, 0.1, 1.0, False),
        (0.2, 0.8, 0.1, True),  # a release on the same note
        (0.0, 0.8, 0.1, False),
    ],
)
def test_a_pitch_counts_while_the_gate_is_open_or_opens_or_closes_on_the_same_note(
    voicing: float, before: float, octaves: float, believed: bool
) -> None:
    assert _believed(voicing, before, octaves) is believed


@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_bits_do_not_depend_on_the_cuts(rate: int) -> None:
    audio, _ = sung(rate, 0.5, 200.0, 50.0)
    hop = hop_size(rate)
    whole = MelodyTracker(rate)
    wanted = whole.process(audio)
    for hops in (1, 3, 7, 20):
        tracker = MelodyTracker(rate)
        pieces = np.split(audio, range(hops * hop, audio.size, hops * hop))
        assert [frame for piece in pieces for frame in tracker.process(piece)] == wanted
        assert tracker.energy == whole.energy
        assert np.array_equal(tracker.feature, whole.feature)


def test_declared_latency_is_two_hops() -> None:
    assert MelodyTracker(48000).latency == 960


def test_wrong_shapes_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="no whole hops"):
        MelodyTracker(16000).process(np.zeros(161, np.float32))
    with pytest.raises(ValueError, match="not native"):
        MelodyTracker(22050)


def test_what_is_no_melody_network_is_refused(tmp_path: Path) -> None:
    from models.singer.file import shipped

    noise = tmp_path / "noise.onnx"
    noise.write_bytes(b"no network")
    for path, sentence in (
        (noise, "not a readable ONNX model; install or train it again"),
        (tmp_path / "absent.onnx", "cannot be read: No such file or directory"),
        (next(iter(shipped().values())), "no melody network"),
    ):
        with pytest.raises(ModelFileError, match=sentence):
            load_network(path)
