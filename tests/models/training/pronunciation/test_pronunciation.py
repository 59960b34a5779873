"""Training on a voice made here: bursts, breaths and levels are found, it learns, goes on, and exports."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID
from dsp.spectrum import ENVELOPE_GRID, envelope
from models.errors import TrainingError
from models.pronunciation.features import features
from models.pronunciation.file import CONTROLS, Pronounced, Pronunciation
from models.pronunciation.manifest import PronunciationManifest
from models.pronunciation.phones import Sound, SungPhone
from models.training.corpus import Recording, analyse
from models.training.pronunciation.run import main, read_songs, split, write_pronunciation
from models.training.pronunciation.sung import UNKNOWN, contour, read_phones, releases, sounds_of
from models.training.pronunciation.targets import Song, sharp
from models.training.pronunciation.training import Examples, Plan, Trainer, one_hot, rarity, weighed
from plugin_bridge.singing.source import stem
from tests.models.training.singer.test_training import made_voice

Float32 = NDArray[np.float32]
RATE = 48000
PLAN = Plan(
    steps=100, frames=120, batch=4, channels=32, warmup_steps=5, learning_rate=5e-3, variations=0, average=0.9
)


def tone(seconds: float, level: float = 0.2) -> Float32:
    """Pulses at 200 Hz through one formant, which a tracker takes for a voice."""
    return np.asarray(level / 0.3 * made_voice(seconds + 0.2, 200.0)[-round(seconds * RATE) :], np.float32)


def hiss(seconds: float, level: float) -> Float32:
    drawn = np.random.default_rng(3).standard_normal(round(seconds * RATE))
    return np.asarray(level * drawn, np.float32)


def spanned(sound: Sound) -> tuple[int, int]:
    """The frames of a sound, without those at its borders."""
    return round(100.0 * sound.start) + 3, round(100.0 * sound.stop) - 3


def sung(*parts: Float32) -> Recording:
    return analyse("made", np.concatenate(parts))


def test_labels_are_read_and_those_unknown_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.lab"
    path.write_text("0 1000000 sil\n1000000 2000000 ky\n1500000 3000000 A\n3000000 4000000 xyz\n")
    assert read_phones(path) == [
        SungPhone("pau", 0.0, 0.1),
        SungPhone("ky", 0.1, 0.2),
        SungPhone("a", 0.2, 0.3),
        SungPhone(UNKNOWN, 0.3, 0.4),
    ]


def test_a_burst_is_found_to_the_millisecond_and_its_release_is_measured() -> None:
    recording = sung(tone(0.5), hiss(0.06, 1e-4), hiss(0.03, 0.1), tone(0.41))
    found = sounds_of(
        [SungPhone("a", 0.0, 0.5), SungPhone("t", 0.5, 0.59), SungPhone("a", 0.59, 1.0)], recording
    )
    assert [(one.base, one.released) for one in found] == [
        ("a", False),
        ("t", False),
        ("t", True),
        ("a", False),
    ]
    assert found[1].stop == found[2].start == pytest.approx(0.56, abs=0.0015)
    assert releases([found])["t"] == pytest.approx(0.03, abs=0.0015)


def test_a_burst_after_a_label_that_ends_with_the_closure_takes_some_of_the_vowel() -> None:
    recording = sung(tone(0.5), hiss(0.06, 1e-4), hiss(0.03, 0.1), tone(0.41))
    found = sounds_of(
        [SungPhone("a", 0.0, 0.5), SungPhone("t", 0.5, 0.555), SungPhone("a", 0.555, 1.0)], recording
    )
    assert found[2].released
    assert found[2].start == pytest.approx(0.56, abs=0.0015)
    assert found[3].start == found[2].stop > 0.56
    assert "t" not in releases([found])


def test_a_breath_is_found_in_a_pause() -> None:
    recording = sung(hiss(1.0, 1e-4), hiss(0.3, 0.01), hiss(0.1, 1e-4), tone(0.6))
    found = sounds_of([SungPhone("pau", 0.0, 1.4), SungPhone("a", 1.4, 2.0)], recording)
    assert [one.base for one in found] == ["pau", "br", "pau", "a"]
    assert found[1].start == pytest.approx(1.0, abs=0.03)
    assert found[1].stop == pytest.approx(1.3, abs=0.03)
    assert all(one.stop == other.start for one, other in pairwise(found))


def test_the_loudness_of_notes_is_that_of_the_vowels() -> None:
    recording = sung(tone(0.6, 0.2), hiss(0.2, 0.001), tone(0.6, 0.1))
    phones = [SungPhone("a", 0.0, 0.6), SungPhone("s", 0.6, 0.8), SungPhone("o", 0.8, 1.4)]
    found = contour(recording, sounds_of(phones, recording))
    assert found[30] - found[110] == pytest.approx(6.0, abs=1.5)
    assert min(found[30], found[110]) - 1.5 < found[70] < max(found[30], found[110]) + 1.5
    with pytest.raises(TrainingError, match="made has no vowel that is sung; check its labels"):
        contour(recording, sounds_of([SungPhone("s", 0.0, 1.0)], recording))


def labelled(folder: Path, name: str) -> None:
    """`made_voice` moves between two vowels every 0.35 s, after 0.2 s of silence."""
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / f"{name}.wav", made_voice(2.0), RATE)
    turns = [0.0, 0.2, *(np.pi / 9.0 * np.arange(1, 6)).tolist(), 2.0]
    names = ["pau", "a", "o", "a", "o", "a", "o"]
    lines = [
        f"{round(1e7 * a)} {round(1e7 * b)} {n}" for (a, b), n in zip(pairwise(turns), names, strict=True)
    ]
    (folder / f"{name}.lab").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    for name in ("song1", "song2"):
        labelled(folder / "pjs", name)
    return folder


@pytest.fixture(scope="module")
def songs(voices: Path) -> dict[str, Song]:
    return read_songs(voices, voices.parent / "cache", None)


def test_a_song_has_controls_that_copy_it(songs: dict[str, Song]) -> None:
    song = songs["pjs/song1.wav"]
    frames = len(song.controls)
    assert song.controls.shape == (199, CONTROLS)
    assert song.f0.shape == song.contour.shape == (frames,)
    held = song.weights[:, 0] > 0.5
    assert held.sum() > 100
    assert np.abs(10.0 * song.controls[held, 214].mean()) < 2.0
    assert song.controls[held, 215].mean() > 0.8


def test_the_synthesizer_copies_a_recording_by_the_controls_of_its_song(songs: dict[str, Song]) -> None:
    song = songs["pjs/song1.wav"]
    harmonic, noise, level, voicing = np.split(song.controls, [142, 214, 215], axis=1)
    pronounced = Pronounced(harmonic, noise, voicing[:, 0], 10.0 * level[:, 0], np.zeros(0))
    copy = analyse("copy", stem(pronounced, song.f0, song.contour, RATE))
    real = analyse("real", made_voice(2.0)[: copy.audio.size])
    held = np.flatnonzero(song.weights[:195, 0] > 0.9)
    assert np.abs(real.loudness[held] - copy.loudness[held]).mean() < 1.5
    below = ENVELOPE_GRID < 2000.0  # this made voice has little above
    levels = [
        envelope(one.power[held].astype(float), one.loudness[held], one.f0[held].astype(float))[:, below]
        for one in (real, copy)
    ]
    assert np.abs(levels[0] - levels[1]).mean() < 3.0


def test_what_is_not_known_does_not_count(songs: dict[str, Song], voices: Path, tmp_path: Path) -> None:
    folder = tmp_path / "voices" / "pjs"
    labelled(folder, "song1")
    text = (folder / "song1.lab").read_text().splitlines()
    (folder / "song1.lab").write_text("\n".join([*text[:2], text[2].replace(" o", " xx"), *text[3:]]))
    (found,) = read_songs(folder.parent, voices.parent / "cache", None).values()
    start, stop = (round(100.0 * int(at) * 1e-7) for at in text[2].split()[:2])
    assert not found.weights[start + 1 : stop].any()
    assert songs["pjs/song1.wav"].weights[start + 1 : stop, 2].all()


def test_frames_that_hear_a_burst_to_come_have_the_controls_before_it() -> None:
    controls = np.arange(10.0, dtype=np.float32)[:, None]
    assert sharp(controls, [0.055])[:, 0].tolist() == [0, 1, 2, 3, 4, 4, 6, 7, 8, 9]


def test_training_learns_goes_on_and_exports(songs: dict[str, Song], tmp_path: Path) -> None:
    heard = list(songs.values())
    trainer = Trainer(heard, ["pjs"], PLAN)
    first = trainer.advance()
    while trainer.step < PLAN.steps:
        last = trainer.advance()
        if trainer.step == 70:
            trainer.save(tmp_path / "checkpoint.pt")
    assert last < 0.5 * first
    again = Trainer(heard, ["pjs"], PLAN)
    again.load(tmp_path / "checkpoint.pt")
    while again.step < PLAN.steps:
        resumed = again.advance()
    assert resumed == pytest.approx(last, rel=1e-4)

    manifest = PronunciationManifest(
        licence="CC0",
        attribution="",
        training_data="",
        voices={"pjs": 220.0},
        releases={},
        steps=trainer.step,
    )
    write_pronunciation(trainer.average, manifest, tmp_path / "x.onnx")
    song = heard[0]
    phones = [SungPhone(one.base, one.start, one.stop) for one in song.sounds]
    found = Pronunciation(tmp_path / "x.onnx").process(phones, song.f0)
    told = torch.from_numpy(features(song.sounds, song.f0, one_hot("pjs", ["pjs"])))
    inside = slice(60, 140)  # beyond, a network sees its own edge and a file the song's
    with torch.no_grad():
        expected = trainer.average(told[None])[0].numpy()[inside]
    assert np.allclose(found.harmonic[inside], expected[:, : HARMONIC_GRID.size], atol=1e-3)
    noise = expected[:, HARMONIC_GRID.size : HARMONIC_GRID.size + NOISE_GRID.size]
    assert np.allclose(found.noise[inside], noise, atol=1e-3)

    vowels = {
        base: [
            k for one in song.sounds if one.base == base for k in range(*spanned(one)) if song.weights[k, 0]
        ]
        for base in ("a", "o")
    }
    learnt, real = (
        part[vowels["a"]].mean(axis=0) - part[vowels["o"]].mean(axis=0)
        for part in (found.harmonic, song.controls[:, : HARMONIC_GRID.size])
    )
    assert np.corrcoef(learnt, real)[0, 1] > 0.9


def test_a_recording_shorter_than_an_example_is_heard(songs: dict[str, Song]) -> None:
    song = songs["pjs/song1.wav"]
    cut = replace(song, controls=song.controls[20:70], weights=song.weights[20:70], f0=song.f0[20:70])
    batch = Examples([cut], ["pjs"], PLAN)(0)
    assert batch.controls.shape == (PLAN.batch, PLAN.frames, CONTROLS)
    counted = batch.weights[..., 2].sum(dim=1)
    assert (counted > 20).all()
    assert (counted <= 50).all()


def test_rare_sounds_count_more(songs: dict[str, Song]) -> None:
    song = songs["pjs/song1.wav"]
    sounds = [Sound("a", False, False, 0.0, 1.5), Sound("br", False, False, 1.5, 1.6)]
    made = replace(song, sounds=[*sounds, Sound("pau", False, False, 1.6, 2.0)])
    found = rarity([made])
    assert found == pytest.approx({"a": 0.2**0.5, "br": 3.0**0.5, "pau": 0.75**0.5})
    weights = weighed(replace(made, weights=np.ones((200, 3), np.float32)), found)
    assert weights[[0, 149, 150, 159, 160]].max(axis=1) == pytest.approx(
        [0.2**0.5] * 2 + [3.0**0.5] * 2 + [0.75**0.5]
    )
    assert rarity([replace(made, sounds=[sounds[0], Sound("p", False, True, 1.5, 1.501)])])["p"] == 4.0


def test_the_program_trains_scores_and_says_what_is_wrong(
    voices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p.onnx"
    given = [
        str(voices),
        "-o",
        str(out),
        "--work",
        str(tmp_path / "work"),
        "--steps",
        "2",
        "--licence",
        "CC0",
    ]
    assert main([*given, "--hold-out", "pjs/song2*"]) == 0
    manifest = Pronunciation(out).manifest
    assert manifest.licence == "CC0"
    assert set(manifest.scores) == {"pjs harmonic", "pjs noise", "pjs level", "pjs voicing"}
    assert 180.0 < manifest.voices["pjs"] < 260.0
    capsys.readouterr()
    assert main([*given, "--hold-out", "alto/*"]) == 2
    assert "hold-out pattern 'alto/*' matches no recording" in capsys.readouterr().err
    labelled(tmp_path / "v" / "nobody", "song1")
    assert main([str(tmp_path / "v"), *given[1:]]) == 2
    assert "voice 'nobody' has no singer file of its name among those that ship" in capsys.readouterr().err


def test_recordings_that_cannot_be_used_are_named(songs: dict[str, Song], tmp_path: Path) -> None:
    labelled(tmp_path / "v" / "pjs", "song1")
    (tmp_path / "v" / "pjs" / "song1.lab").unlink()
    with pytest.raises(TrainingError, match=r"song1.wav has no label file song1.lab beside it; add it"):
        read_songs(tmp_path / "v", tmp_path / "cache", None)
    soundfile.write(tmp_path / "v" / "a.wav", made_voice(1.0), RATE)
    with pytest.raises(TrainingError, match=r"a.wav lies in no folder of a voice; move it into one"):
        read_songs(tmp_path / "v", tmp_path / "cache", None)
    with pytest.raises(TrainingError, match=r"leave nothing to train on; hold out fewer"):
        split(songs, ["*"])
