"""The pronunciation that ships speaks: vowels, hiss, closures and pauses, in songs of any length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from models.content.file import shipped as shipped_encoder
from models.errors import ModelFileError
from models.pronunciation.features import LONGEST
from models.pronunciation.file import LOWEST_DB, REACH, SHIPPED, WINDOW, Pronounced, Pronunciation, shipped
from models.pronunciation.manifest import METADATA_KEY
from models.pronunciation.phones import PHONES, SungPhone

Float64 = NDArray[np.float64]
FRAMES = 200


def spoken(*names: str, each: float = 0.2, f0: float = 220.0, voice: str = "") -> Pronounced:
    """Sing phones one after the other from 0.5 s on, 2 s in all."""
    starts = 0.5 + each * np.arange(len(names))
    phones = [SungPhone(name, at, at + each) for name, at in zip(names, starts.tolist(), strict=True)]
    return shipped().process(phones, np.full(FRAMES, f0), voice)


def test_it_gives_control_frames() -> None:
    found = spoken("k", "a")
    assert found.harmonic.shape == (FRAMES, HARMONIC_GRID.size)
    assert found.noise.shape == (FRAMES, NOISE_GRID.size)
    assert found.voicing.shape == found.level.shape == (FRAMES,)
    assert all(part.dtype == np.float32 and np.isfinite(part).all() for part in found[:4])
    assert found.voicing.min() >= 0.0
    assert found.voicing.max() <= 1.0
    assert found.bursts.size == 1


def test_vowels_are_voiced_at_the_level_of_the_note_and_differ_by_their_formants() -> None:
    middle = slice(60, 65)
    found = {name: spoken(name) for name in ("a", "i", "u", "e", "o")}
    for name, one in found.items():
        assert one.voicing[middle].min() > 0.9, name
        assert abs(float(one.level[middle].mean())) < 4.0, name
    near = {name: one.harmonic[middle].mean(axis=0) for name, one in found.items()}

    def share(name: str, low: float, high: float) -> float:
        band = (low <= HARMONIC_GRID) & (high >= HARMONIC_GRID)
        return float(near[name][band].mean() - near[name][HARMONIC_GRID < 5000.0].mean())

    assert share("a", 650.0, 1200.0) > share("i", 650.0, 1200.0) + 0.5
    assert share("i", 2000.0, 3200.0) > share("u", 2000.0, 3200.0) + 0.5
    assert share("i", 2000.0, 3200.0) > share("o", 2000.0, 3200.0) + 0.5


def test_a_fricative_hisses_without_a_pitch() -> None:
    for name in ("s", "sh"):
        found = spoken("a", name, "a")
        assert found.voicing[78:82].max() < 0.3, name
        assert found.level[78:82].mean() > -30.0, name
        high, low = (float(found.noise[78:82, band].mean()) for band in (slice(45, 60), slice(2, 12)))
        assert high > low + 1.0, name


def test_a_plosive_is_closed_before_its_burst() -> None:
    for name in ("k", "t"):
        found = spoken("a", name, "a", each=0.12)
        burst = int(found.bursts[0] * 100.0)
        assert found.level[burst] < found.level[55] - 20.0, name
        assert found.level[burst + 1 : burst + 4].max() > found.level[burst] + 10.0, name


def test_a_pause_is_silent() -> None:
    found = spoken("a")
    assert (found.level[:40] == LOWEST_DB).all()
    assert (found.level[120:] == LOWEST_DB).all()


def test_a_breath_is_soft_noise() -> None:
    found = spoken("br", each=0.3)
    assert found.voicing[58:72].max() < 0.3
    assert -40.0 < float(found.level[58:72].mean()) < -8.0


def test_every_phone_can_be_sung_by_every_voice() -> None:
    for voice in shipped().manifest.voices:
        for name in PHONES:
            found = spoken("a", name, "a", each=0.1, voice=voice)
            assert np.isfinite(found.level).all(), (voice, name)
            assert (found.level[63:67] > LOWEST_DB).all() or name in ("pau", "cl", "br"), (voice, name)


def test_phones_are_sung_the_same_wherever_they_stand() -> None:
    """A song is read in windows; no frame may depend on where they begin."""
    lead, after = LONGEST + 2 * REACH / 100.0, 200
    phones = [
        (name, 0.15 * place, 0.15 * (place + 1)) for place, name in enumerate(("s", "a", "k", "i", "N"))
    ]

    def sung(start: float) -> list[NDArray[np.floating]]:
        moved = [SungPhone(name, start + begin, start + stop) for name, begin, stop in phones]
        frames = round(100.0 * start)
        found = shipped().process(moved, np.full(frames + after, 220.0))
        parts = (found.harmonic, found.noise, found.voicing, found.level)
        return [*(part[frames - 20 :] for part in parts), found.bursts - start]

    once = sung(lead)
    for later in (1.0, 3.33, WINDOW / 100.0, 60.0):
        for one, other in zip(once, sung(lead + later), strict=True):
            assert np.allclose(one, other, atol=2e-3), later


def test_the_voice_is_the_nearest_to_the_pitch() -> None:
    voices = shipped().manifest.voices
    for name, hertz in voices.items():
        assert shipped().voice_near(hertz) == name
        asked, found = spoken("a", f0=hertz, voice=name), spoken("a", f0=hertz)
        assert np.array_equal(asked.harmonic, found.harmonic)


def test_rests_in_the_pitch_are_drawn_through() -> None:
    f0 = np.full(FRAMES, 220.0)
    phones = [SungPhone("a", 0.5, 0.9), SungPhone("s", 0.9, 1.1), SungPhone("a", 1.1, 1.5)]
    whole = shipped().process(phones, f0)
    f0[90:110] = f0[:50] = 0.0
    found = shipped().process(phones, f0)
    assert np.allclose(found.harmonic, whole.harmonic, atol=1e-4)


@pytest.mark.parametrize("f0", [[], [[220.0]], [np.nan] * 3, [-1.0, 2.0]])
def test_a_pitch_that_is_none_is_refused(f0: list[float]) -> None:
    with pytest.raises(ValueError, match=r"f0 of shape .* is no line of hertz; give one number from 0 on"):
        shipped().process([], np.array(f0))


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"voice 'x' is unknown; use one of "):
        shipped().process([], np.zeros(3), "x")


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"is an ONNX model but no pronunciation; use one made by"):
        Pronunciation(shipped_encoder())
    model = onnx.load(SHIPPED)
    (entry,) = [one for one in model.metadata_props if one.key == METADATA_KEY]
    other = onnx.load(shipped_encoder())
    other.metadata_props.append(entry)
    onnx.save(other, tmp_path / "x.onnx")
    with pytest.raises(ModelFileError, match=r"x.onnx does not have a pronunciation's input and output"):
        Pronunciation(tmp_path / "x.onnx")
    entry.value = entry.value.replace('"format":1', '"format":2')
    onnx.save(model, tmp_path / "y.onnx")
    with pytest.raises(ModelFileError, match=r"format 2 and this version reads up to 1; update"):
        Pronunciation(tmp_path / "y.onnx")
    with pytest.raises(ModelFileError, match=r"cannot be read"):
        Pronunciation(tmp_path / "none.onnx")


def test_it_credits_its_singers() -> None:
    manifest = shipped().manifest
    assert manifest.licence == "CC BY-SA 4.0"
    assert "PJS" in manifest.attribution
    assert SHIPPED.stat().st_size < 4 * 2**20


def test_a_network_that_gives_no_numbers_is_told(tmp_path: Path) -> None:
    model = onnx.load(SHIPPED)
    (bias,) = [one for one in model.graph.initializer if one.name == model.graph.node[-1].input[2]]
    bias.CopyFrom(onnx.numpy_helper.from_array(np.full(bias.dims, np.nan, np.float32), bias.name))
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(ModelFileError, match=r"x.onnx gives what are no numbers; install or copy it again"):
        Pronunciation(tmp_path / "x.onnx").process([], np.full(10, 220.0))


def test_a_pitch_beyond_the_voice_is_told_as_its_border() -> None:
    low, lower = (spoken("a", f0=hertz, voice="pjs") for hertz in (60.0, 30.0))
    assert np.array_equal(low.harmonic, lower.harmonic)
