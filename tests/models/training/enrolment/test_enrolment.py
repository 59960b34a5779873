"""Enrolment on voices made here: the shared network folds into one of each, a reference becomes a singer."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import nn

from models.content.file import shipped as shipped_encoder
from models.singer.file import load_singer
from models.singer.manifest import Manifest
from models.training.corpus import Recording, analyse
from models.training.enrolment import run
from models.training.enrolment.bandlimit import band_limit, below
from models.training.enrolment.enrol import enrol_singer, read_references, sung_seconds
from models.training.enrolment.file import read_shared, shipped, write_shared
from models.training.enrolment.network import VECTOR
from models.training.enrolment.songs import FRAMES
from models.training.enrolment.voices import RATIOS
from models.training.singer.recipe import SingerFacts, TrainingListener
from models.training.singer.training import Plan
from plugin_bridge.errors import ModelFileError, TrainingError
from tests.support.doubles import sung
from tests.support.sharednetworks import manifest_of, some_network, some_songs

Float32 = NDArray[np.float32]
FACTS = SingerFacts("made", "Made", "CC0", "somebody", "a voice made by the test")
PLAN = Plan(steps=2, batch=1)


def voice(seconds: float, f0: float = 220.0) -> Float32:
    """A voice at 48 kHz."""
    return np.asarray(sung(48000, seconds, f0)[0], np.float32)


def file_of(path: Path, seconds: float, f0: float = 220.0) -> Path:
    soundfile.write(path, voice(seconds, f0), 48000)
    return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shared") / "shared.npz"
    write_shared(some_network(), some_songs(), manifest_of(), path)
    return path


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return file_of(tmp_path_factory.mktemp("reference") / "said.wav", 6.5)


def test_the_network_of_a_voice_does_what_the_shared_one_does_with_its_vector() -> None:
    network = some_network()
    content, pitch = torch.rand(1, 30, 32), torch.tensor([220.0, 1.0, -20.0]).expand(1, 30, 3)
    vector = torch.randn(VECTOR)
    with torch.no_grad():
        conditioned = network(content, pitch, vector)
        middle = network(content, pitch)
        folded = network.folded(vector)(content, pitch)
    for ours, theirs, other in zip(folded, conditioned, middle, strict=True):
        assert float((ours - theirs).abs().max()) < 1e-5  # of controls up to 10
        assert float((other - theirs).abs().max()) > 0.1


def test_voices_of_a_batch_are_conditioned_each_by_its_own_vector() -> None:
    network = some_network()
    content, pitch = torch.rand(2, 20, 32), torch.tensor([220.0, 1.0, -20.0]).expand(2, 20, 3)
    vectors = torch.randn(2, VECTOR)
    with torch.no_grad():
        both = network(content, pitch, vectors)
        second = network(content[1:], pitch[1:], vectors[1])
    for part, alone in zip(both, second, strict=True):
        torch.testing.assert_close(part[1:], alone)


def limited(hertz: float, noise: float) -> Recording:
    """A voice of which nothing is left above a frequency but some noise."""
    audio = voice(2.0)
    size = audio.size
    hissing = (audio + 0.003 * np.random.default_rng(0).standard_normal(size)) * np.hanning(size)
    spectrum = np.fft.rfft(hissing)
    spectrum[np.fft.rfftfreq(size, 1 / 48000) > hertz] = 0.0
    cut = np.fft.irfft(spectrum) + noise * np.random.default_rng(1).standard_normal(size)
    return analyse("cut", cut.astype(np.float32))


@pytest.mark.parametrize("hertz", [4000.0, 8000.0, 12000.0, 16000.0, 24000.0])
@pytest.mark.parametrize("noise", [0.0, 1e-5, 1e-4])
def test_the_band_of_a_recording_is_found(hertz: float, noise: float) -> None:
    assert band_limit([limited(hertz, noise)]) == pytest.approx(hertz, abs=200.0)


def test_what_a_recording_does_not_hold_is_not_asked_for() -> None:
    audio = torch.randn(2, 4800, requires_grad=True)
    kept = below(audio, torch.tensor([8000.0, 24000.0]))
    torch.testing.assert_close(kept[1], audio[1])
    kept.square().sum().backward()  # type: ignore[no-untyped-call]
    assert audio.grad is not None
    high = torch.fft.rfftfreq(4800, 1 / 48000) > 8000.0
    assert float(torch.fft.rfft(audio.grad[0])[high].abs().max()) < 1e-3
    assert float(torch.fft.rfft(audio.grad[1])[high].abs().max()) > 1.0


def test_a_shared_network_is_written_and_read(shared: Path) -> None:
    found = read_shared(shared)
    assert found.manifest == manifest_of()
    assert found.encoder.path == shipped_encoder()
    assert found.songs.shape == (2, FRAMES, 35)
    written = some_network().state_dict()
    assert all(torch.equal(part, written[name]) for name, part in found.network.state_dict().items())


def spoilt(shared: Path, folder: Path, how: str) -> Path:
    path = folder / "spoilt.npz"
    data = shared.read_bytes()
    if how == "cut":
        path.write_bytes(data[:-3000])
    elif how == "text":
        path.write_text("no archive")
    elif how == "code":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("manifest.npy", pickle.dumps(print))
    elif how == "wide":
        write_shared(some_network(3), some_songs(), manifest_of(2), path)
    elif how == "endless":
        network = some_network()
        nn.init.constant_(network.film.weight, float("nan"))
        write_shared(network, some_songs(), manifest_of(), path)
    elif how == "silent":
        write_shared(some_network(), some_songs()[:0], manifest_of(), path)
    elif how == "stranger":
        manifest = manifest_of().model_copy(update={"content": "0" * 64})
        write_shared(some_network(), some_songs(), manifest, path)
    elif how == "newer":
        write_shared(some_network(), some_songs(), manifest_of().model_copy(update={"format": 9}), path)
    elif how == "huge":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("manifest.npy", bytes(65 * 2**20))
    return path


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", "cannot be read"),
        ("cut", "is no shared network of this version"),
        ("text", "is no shared network of this version"),
        ("code", "is no shared network of this version"),
        ("endless", "is no shared network of this version"),
        ("newer", "is no shared network of this version"),
        ("huge", "is no shared network of this version"),
        ("wide", "has weights that do not fit"),
        ("silent", "has songs that do not fit"),
        ("stranger", "is not here; copy its file"),
    ],
)
def test_a_file_that_is_no_shared_network_is_refused(
    how: str, sentence: str, shared: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelFileError, match=sentence):
        read_shared(spoilt(shared, tmp_path, how))


def enrolled(
    references: list[Path], output: Path, shared: Path, listener: TrainingListener | None = None
) -> Manifest:
    return enrol_singer(references, FACTS, output, plan=PLAN, shared=shared, threads=1, listener=listener)


def test_a_reference_becomes_a_singer(shared: Path, reference: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    told: list[str] = []
    listener = TrainingListener(step=lambda step, _: steps.append(step), told=told.append)
    manifest = enrolled([reference], tmp_path / "made.onnx", shared, listener)
    singer = load_singer(tmp_path / "made.onnx")
    assert singer.manifest == manifest
    assert steps == [0, 1]
    assert manifest.f0_median == pytest.approx(220.0, rel=0.03)
    assert "somebody" in manifest.attribution
    assert "the makers of voices" in manifest.attribution
    assert manifest.licence == "CC0"
    (sentence,) = told
    assert "the reference lasts 6.5 s without its pauses; a voice is closer from 30 s on" in sentence
    again = enrolled([reference], tmp_path / "again.onnx", shared)
    assert again == manifest
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "made.onnx").read_bytes()


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (voice(3.0), "the reference lasts 3.0 s without its pauses, of which 3.0 s are sung"),
        (np.zeros(8 * 48000, np.float32), "of which 0.0 s are sung, and 5 and 2.5 are needed"),
    ],
)
def test_a_reference_of_too_little_singing_is_refused(
    made: Float32, sentence: str, shared: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "short.wav", made, 48000)
    with pytest.raises(TrainingError, match=sentence):
        enrolled([tmp_path / "short.wav"], tmp_path / "made.onnx", shared)
    assert not (tmp_path / "made.onnx").exists()


@pytest.mark.parametrize(
    ("files", "kept", "sentence"),
    [
        (4, 3, "only the first 6 s of singing are heard"),
        (3, 3, "only the first 6 s of singing are heard"),
        (2, 2, "the reference lasts 5.0 s without its pauses"),
    ],
)
def test_of_a_long_reference_the_first_two_minutes_of_singing_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, kept: int, sentence: str
) -> None:
    monkeypatch.setattr("models.training.enrolment.enrol.MAX_SECONDS", 6.0)
    paths = [file_of(tmp_path / f"{number}.wav", 2.52) for number in range(files)]
    told: list[str] = []
    records = read_references(paths, TrainingListener(told=told.append))
    assert len(records) == kept
    assert sung_seconds(records) == pytest.approx(min(6.0, 2.5 * files), abs=0.05)
    assert sentence in told[0]


def test_of_a_very_long_file_the_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.training.enrolment.enrol.MAX_READ_SECONDS", 6.0)
    told: list[str] = []
    (record,) = read_references([file_of(tmp_path / "long.wav", 8.0)], TrainingListener(told=told.append))
    assert record.frames == 600
    assert "only the first 0.1 minutes of" in told[0]


def test_an_enrolment_that_is_cancelled_leaves_nothing(shared: Path, reference: Path, tmp_path: Path) -> None:
    def cancel(step: int, _: float) -> None:
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrolled([reference], tmp_path / "made.onnx", shared, TrainingListener(step=cancel))
    assert list(tmp_path.iterdir()) == []


def test_an_id_that_no_file_takes_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is not plain"):
        enrol_singer([tmp_path / "missing.wav"], replace(FACTS, id="My Voice"), tmp_path / "x.onnx")


def test_voices_are_learned_and_learning_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.training.enrolment.run.Plan", lambda steps: replace(PLAN, steps=steps))
    for name, f0 in (("high", 300.0), ("low", 150.0)):
        (tmp_path / "voices" / name).mkdir(parents=True)
        file_of(tmp_path / "voices" / name / "take.wav", 2.0, f0)
    work, output = tmp_path / "work", tmp_path / "shared.npz"
    command = [str(tmp_path / "voices"), "-o", str(output), "--work", str(work), "--attribution", "we"]
    assert run.main([*command, "--steps", "1"]) == 0
    assert run.main([*command, "--steps", "2"]) == 0
    network, songs, manifest, _ = read_shared(output)
    assert manifest.steps == 2
    assert manifest.voices == tuple(
        name if ratio == 1.0 else f"{name}x{ratio:g}" for name in ("high", "low") for ratio in (1.0, *RATIOS)
    )
    assert float(network.film.weight.abs().max()) > 0.0
    assert bool(songs.isfinite().all())
    assert float(songs[..., -3].max()) < 400.0
    (tmp_path / "voices" / "low" / "take.wav").rename(tmp_path / "take.wav")
    (tmp_path / "voices" / "low").rmdir()
    capsys.readouterr()
    assert run.main([*command, "--steps", "3"]) == 2
    assert "is no checkpoint of this version" in capsys.readouterr().err


def test_a_folder_without_voices_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path)
    assert run.main([place, "-o", f"{place}/x.npz", "--work", f"{place}/work"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_network_that_ships_is_small_and_says_whose_voices_it_learned() -> None:
    found = read_shared(shipped())
    assert shipped().stat().st_size < 5e6
    assert found.manifest.licence == "GPL-3.0-or-later"
    assert "PJS corpus" in found.manifest.attribution
    assert {"pjs", "nit"} <= set(found.manifest.voices)
