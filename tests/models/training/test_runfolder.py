"""The folder of a run: one process at a time, and a sentence for every checkpoint that is not its own."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.content.file import ContentEncoder, shipped
from models.training.batches import PreparedRecording, prepare
from models.training.corpus import analyse, load_corpus
from models.training.runfolder import claimed
from models.training.schedule import device_of, train
from models.training.singer.recipe import train_singer
from models.training.singer.training import Plan, Trainer
from plugin_bridge.errors import OutputError, TrainingError
from tests.models.training.singer.test_training import FACTS, made_voice
from tests.plugin_bridge.commands.commandline import spawn

ENCODER = ContentEncoder(shipped())
PLAN = Plan(steps=2, frames=30, batch=2, skipped=4)


@pytest.fixture(scope="module")
def prepared() -> PreparedRecording:
    return prepare(analyse("made", made_voice(1.0)))


def checkpoint_of(prepared: PreparedRecording, path: Path, plan: Plan = PLAN) -> Trainer:
    trainer = Trainer([prepared], [1.0], ENCODER, plan)
    trainer.advance()
    trainer.save(path)
    return trainer


@pytest.fixture(scope="module")
def checkpoint(prepared: PreparedRecording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    checkpoint_of(prepared, path)
    return path


def spoiled(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    """Return what changes the state in a checkpoint."""

    def write(path: Path) -> None:
        state = torch.load(path, weights_only=True)
        change(state)
        torch.save(state, path)

    return write


def written(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


class Foreign:
    """A class that no checkpoint may name."""


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (written(b""), "is damaged or no checkpoint"),
    "text": (written(b"hello"), "is damaged or no checkpoint"),
    "noise": (written(bytes(range(256)) * 40), "is damaged or no checkpoint"),
    "a pickle": (
        written(pickle.dumps({"format": 3})),
        "is damaged or no checkpoint|is no checkpoint of this version",
    ),
    "a pickle of a class": (written(pickle.dumps(Foreign())), "is damaged or no checkpoint"),
    "arrays": (arrays, "is damaged or no checkpoint"),
    "half": (lambda path: path.write_bytes(path.read_bytes()[:9000]), "is damaged or no checkpoint"),
    "a list": (lambda path: torch.save([1, 2], path), "is no checkpoint of this version of a sawsing singer"),
    "weights alone": (
        lambda path: torch.save({"a": torch.zeros(3)}, path),
        "is no checkpoint of this version of a sawsing",
    ),
    "newer": (
        spoiled(lambda state: state.update(format=99)),
        "is no checkpoint of this version of a sawsing singer",
    ),
    "another network": (spoiled(lambda state: state.update(network={})), "has weights that do not fit"),
    "no weights": (spoiled(lambda state: state.pop("average")), "has weights that do not fit this run"),
    "no optimizer": (spoiled(lambda state: state.update(optimizer=None)), "has weights that do not fit"),
    "diverged": (
        spoiled(lambda state: next(iter(state["network"].values())).fill_(np.nan)),  # type: ignore[attr-defined]
        "holds numbers that are not finite, of a training that diverged",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_checkpoint_is_refused_in_a_sentence(
    name: str, tmp_path: Path, prepared: PreparedRecording, checkpoint: Path
) -> None:
    spoil, sentence = FOREIGN[name]
    path = tmp_path / "checkpoint.pt"
    shutil.copy(checkpoint, path)
    spoil(path)
    left = path.read_bytes()
    with pytest.raises(TrainingError, match=rf"checkpoint\.pt ({sentence}).*; delete it to start afresh"):
        Trainer([prepared], [1.0], ENCODER, PLAN).load(path)
    assert path.read_bytes() == left


def test_a_checkpoint_that_may_not_be_read_is_told(tmp_path: Path, prepared: PreparedRecording) -> None:
    with pytest.raises(TrainingError, match="cannot be read: Is a directory"):
        Trainer([prepared], [1.0], ENCODER, PLAN).load(tmp_path)


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(
    tmp_path: Path, prepared: PreparedRecording, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    trainer = checkpoint_of(prepared, path)
    before = path.read_bytes()
    monkeypatch.setattr(trainer, "_loss", lambda *_: trainer.network.join.weight.sum() * torch.nan)
    with pytest.raises(
        TrainingError, match="the loss of step 1 is not finite; run the same command to go on"
    ):
        train(trainer, path, lambda *_: None)
    assert path.read_bytes() == before
    again = Trainer([prepared], [1.0], ENCODER, PLAN)
    again.load(path)
    assert np.isfinite(again.advance())


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    with claimed(tmp_path / "new" / "run"):
        with (
            pytest.raises(TrainingError, match=r"another process trains in .*run; wait for it, stop it"),
            claimed(tmp_path / "new" / "run"),
        ):
            pytest.fail("claimed twice")
        with claimed(tmp_path / "other"):
            pass
    with claimed(tmp_path / "new" / "run"):
        pass


def test_a_run_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "made.training").touch()
    with pytest.raises(OutputError, match=r"made\.training cannot be written: File exists"):
        train_singer(tmp_path, FACTS, tmp_path / "made.onnx", plan=PLAN, device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert device_of(None) == "cpu"
    with pytest.raises(TrainingError, match="there is no CUDA device that this torch can use; train on the"):
        train_singer(tmp_path, FACTS, tmp_path / "made.onnx", plan=PLAN, device="cuda")


def test_a_second_training_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    """Two real commands side by side; the first goes on undisturbed, and a killed one blocks nobody."""
    (tmp_path / "voice").mkdir()
    soundfile.write(tmp_path / "voice" / "take.wav", made_voice(1.5), 48000)
    command = ["train", "voice", "--id", "made", "--device", "cpu", "--threads", "1", "--steps"]
    first = spawn([*command, "100000"], tmp_path)
    deadline = time.monotonic() + 120.0
    while not (tmp_path / "made.training" / "lock").exists():
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = spawn([*command, "1"], tmp_path)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 2
    assert "another process trains in made.training; wait for it, stop it, or give another output" in errors
    assert "Traceback" not in errors
    assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    with claimed(tmp_path / "made.training"):
        pass


def test_processes_share_a_cache(tmp_path: Path) -> None:
    """Four processes at once, as before with an entry that is cut short; each finds the same."""
    path = tmp_path / "take.wav"
    soundfile.write(path, made_voice(1.0), 48000)
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        for spoil in (False, True):
            if spoil:
                (entry,) = (tmp_path / "cache").glob("*.npz")
                entry.write_bytes(entry.read_bytes()[:5000])
            runs = [pool.submit(load_corpus, [path], tmp_path / "cache") for _ in range(4)]
            found = [run.result(120)[0] for run in runs]
            wanted = analyse("take", made_voice(1.0))
            for recording in found:
                assert recording.name == "take"
                assert np.allclose(recording.audio, wanted.audio, atol=1e-4)
                assert np.array_equal(recording.power, found[0].power)
    assert len(list((tmp_path / "cache").iterdir())) == 1
