"""What the commands that train share: whole numbers from 1 up, and progress bars with a running loss."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.singer.file import load_singer
from plugin_bridge.commands import enrol, train
from plugin_bridge.commands.training import Bars, positive
from tests.plugin_bridge.commands.commandline import call
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.sessions import Live


@pytest.mark.parametrize("text", ["0", "-1", "", "1.0", "1e3", "x", "٠"])
def test_steps_and_threads_are_whole_numbers_from_1_up(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number from 1 up; give one"):
        positive(text)
    assert (positive("1"), positive("20000")) == (1, 20000)


@pytest.mark.parametrize("command", ["train", "extractor"])
@pytest.mark.parametrize("steps", ["0", "9" * 5000])
def test_a_number_of_steps_that_is_none_is_refused(
    command: str,
    steps: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(capsys, command, "voices", "--steps", steps)
    assert done.status == 2
    assert "--steps" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_singer_that_takes_no_refiner_is_refused_before_it_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(capsys, "train", "voices", "--id", "me", "--kind", "dwts", "--refiner")
    assert done.status == 2
    assert "a dwts singer takes no refiner; train one of --kind sawsing" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_singer_is_written_once_with_its_refiner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in between there is no singer yet, and the same command goes on."""
    needs("torch")
    from models.training.refiner import recipe

    monkeypatch.chdir(tmp_path)
    (tmp_path / "voice").mkdir()
    for number in range(2):
        take = sung(48000, 2.0, 180.0 + 40.0 * number)[0]
        soundfile.write(tmp_path / "voice" / f"take{number}.wav", take, 48000)
    command = [
        "train",
        "voice",
        "--id",
        "me",
        "--steps",
        "2",
        "--refiner",
        "regression",
        "--refiner-steps",
        "2",
    ]
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "refine_singer", interrupted)
        assert call(capsys, *command).status == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["me.training", "voice"]
    done = call(capsys, *command, "--refiner-size", "mobile")
    assert done.status == 0
    assert "lack_db_1" in done.out
    singer = load_singer("me.onnx")
    assert singer.manifest.refiner is not None
    assert (singer.id, singer.manifest.steps, singer.manifest.refiner.steps) == ("me", 2, (1,))


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_the_command_offers_is_what_can_be_trained() -> None:
    needs("torch")
    from models.training.refiner.training import KINDS, SIZES

    assert train.REFINERS == KINDS
    assert tuple(SIZES) == train.REFINER_SIZES


def test_the_loss_that_is_shown_is_a_running_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first loss counts in full, and one step in a hundred."""
    shown: list[str] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    monkeypatch.setattr("tqdm.tqdm.set_postfix", lambda _, loss, **__: shown.append(loss))
    with Bars(10) as bars:
        listener = bars.listener()
        listener.step(7, 4.0)
        for _ in range(400):
            listener.step(8, 2.0)
    assert shown[0] == "4.000"
    assert 2.9 < float(shown[1]) < 3.1
    assert float(shown[100]) == pytest.approx(
        2.0 + 2.0 * 0.99**100 / sum(0.99**n for n in range(101)), abs=6e-4
    )
    assert float(shown[-1]) == pytest.approx(2.0, abs=0.05)


def test_a_voice_is_enrolled_by_one_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("torch")
    from models.training.enrolment import enrol as fitting
    from models.training.enrolment.file import write_shared
    from models.training.singer.training import Plan
    from tests.support.sharednetworks import manifest_of, some_network, some_songs

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fitting, "ENROLMENT", Plan(steps=1, batch=1))
    monkeypatch.setattr(fitting, "shipped", lambda: tmp_path / "shared.npz")
    write_shared(some_network(), some_songs(), manifest_of(), tmp_path / "shared.npz")
    soundfile.write("said.wav", sung(48000, 6.0, 200.0)[0], 48000)
    command = ["enrol", "said.wav", "--id", "me", "--licence", "CC0", "--attribution", "I", "--json"]
    done = call(capsys, *command)
    assert done.status == 0
    assert "a voice is closer from 30 s on" in done.err
    manifest = load_singer(tmp_path / "me.onnx").manifest
    assert json.loads(done.out)["scores"] == manifest.scores
    assert (manifest.licence, manifest.attribution.partition(";")[0]) == ("CC0", "I")
    assert "said.wav" in manifest.training_data
    again = call(capsys, *command)
    assert again.status == 2
    assert "give force to replace it" in again.err
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "enrol_singer", interrupted)
        assert call(capsys, *command, "--force").status == 130
    assert call(capsys, *command, "--force").status == 0


def test_a_reference_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "said.wav").write_text("no audio")
    done = call(capsys, "enrol", "said.wav", "--id", "me")
    assert done.status == 2
    assert "said.wav is not audio this program reads" in done.err
    assert done.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["said.wav"]


def test_of_a_long_session_the_beginning_of_its_input_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol, "_MAX_SECONDS", 0.6)
    source = sung(16000, 1.0)
    Live(sample_rate=16000).record(tmp_path / "take", source, [16000])
    with enrol._voices([tmp_path / "take"], tmp_path / "me.onnx") as (voice,):
        audio, rate = soundfile.read(voice, dtype="float32")
    assert rate == 16000
    np.testing.assert_array_equal(audio, source[0, :9600])
    assert capsys.readouterr().err == "plugin-bridge enrol: only the first 0.01 min of take are heard\n"
    assert [path.name for path in tmp_path.iterdir()] == ["take"]
