"""`plugin-bridge sing`: a MIDI file and words in, a vocal out; refusals in one sentence."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from models.notes import Note
from plugin_bridge.midi.notesfile import write_notes
from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import call, listing
from tests.support.singerfiles import write_singer

Capture = pytest.CaptureFixture[str]
NOTES = [Note(0.3, 0.4, 48, 80, "さ"), Note(0.7, 0.4, 50, 80, "く"), Note(1.1, 0.4, 52, 80, "ら")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a singer and a melody, which is the current one."""
    write_singer(tmp_path / "dark.onnx", -2.0, 130.0)
    write_notes(tmp_path / "melody.mid", NOTES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_melody_becomes_a_vocal_beside_it(capsys: Capture, here: Path) -> None:
    done = call(capsys, "sing", "melody.mid", "--singer", "dark.onnx", "--rate", "24000")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("melody.dark.wav: dark, 1.81 s, peak ")
    info = soundfile.info(here / "melody.dark.wav")
    assert (info.samplerate, info.channels, info.subtype) == (24_000, 1, "PCM_24")


def test_options_of_a_bounce_work(capsys: Capture, here: Path) -> None:
    sound = ("--lyrics", "la", "--seed", "7", "--transpose", "12", "--tail", "0.5")
    more = (*sound, "--normalize", "-3", "--bits", "16", "--json", "-o", "out.flac")
    done = call(capsys, "sing", "melody.mid", "--singer", "dark.onnx", "--rate", "24000", *more)
    found = json.loads(done.out)
    assert found["seconds"] == pytest.approx(2.31)
    assert found["peak_db"] == pytest.approx(-3.0, abs=0.1)
    assert found["notes"] == []
    assert found["source"] == "melody.mid"
    assert soundfile.info(here / "out.flac").subtype == "PCM_16"


def test_the_same_command_gives_the_same_bytes(capsys: Capture, here: Path) -> None:
    for name in ("a.wav", "b.wav"):
        call(
            capsys,
            "sing",
            "melody.mid",
            "--singer",
            "dark.onnx",
            "--rate",
            "16000",
            "--seed",
            "7",
            "-o",
            name,
        )
    call(
        capsys, "sing", "melody.mid", "--singer", "dark.onnx", "--rate", "16000", "--seed", "8", "-o", "c.wav"
    )
    one, two, other = ((here / name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert one == two
    assert one != other


def test_automation_moves_parameters_of_the_vocal(capsys: Capture, here: Path) -> None:
    (here / "moves.jsonl").write_text('{"time": 1.0, "parameter": "gain", "value": -60}\n', encoding="utf-8")
    command = ("sing", "melody.mid", "--singer", "dark.onnx", "--rate", "16000", "--bits", "32f")
    call(capsys, *command, "-o", "plain.wav")
    call(capsys, *command, "-o", "moved.wav", "--automation", "moves.jsonl")
    plain, _ = soundfile.read(here / "plain.wav")
    moved, _ = soundfile.read(here / "moved.wav")
    assert np.array_equal(plain[:15_900], moved[:15_900])
    assert np.abs(moved[17_000:]).max() < 0.01 * np.abs(plain[17_000:]).max()


def test_standard_output_takes_the_vocal(here: Path) -> None:
    command = [sys.executable, "-m", "plugin_bridge", "sing", "melody.mid", "--singer", "dark.onnx"]
    done = subprocess.run(
        [*command, "--rate", "16000", "-o", "-"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    audio, rate = soundfile.read(io.BytesIO(done.stdout))
    assert (audio.shape, rate) == ((28_960,), 16_000)
    assert done.stderr.startswith(b"standard output: dark, 1.81 s")


def test_words_come_from_a_file_and_too_many_are_told(capsys: Capture, here: Path) -> None:
    (here / "words.txt").write_text("さくら さくら\n", encoding="cp932")
    done = call(
        capsys, "sing", "melody.mid", "--singer", "dark.onnx", "--rate", "16000", "--lyrics-file", "words.txt"
    )
    assert done.status == 0
    assert done.err == (
        "plugin-bridge sing: the lyrics have 6 syllables for 3 notes; the last 3 are left out\n"
    )


def test_a_lone_hyphen_holds_on(capsys: Capture, here: Path) -> None:
    done = call(capsys, "sing", "melody.mid", "--singer", "dark.onnx", "--rate", "16000", "--lyrics", "-")
    assert (done.status, done.err) == (0, "")
    assert (here / "melody.dark.wav").is_file()


def test_a_part_can_be_chosen(capsys: Capture, here: Path) -> None:
    file = mido.MidiFile(type=1)
    for channel, pitch in ((0, 48), (1, 60)):
        messages = [
            mido.Message("note_on", note=pitch, channel=channel),
            mido.Message("note_off", note=pitch, channel=channel, time=480 * (1 + channel)),
        ]
        file.tracks.append(mido.MidiTrack(messages))
    file.save(here / "two.mid")
    arguments = ("sing", "two.mid", "--singer", "dark.onnx", "--rate", "16000", "--force")
    assert "0.81 s" in call(capsys, *arguments).out
    assert "1.31 s" in call(capsys, *arguments, "--midi-track", "2").out
    assert "1.31 s" in call(capsys, *arguments, "--midi-channel", "2").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("none.mid --singer dark.onnx", "none.mid does not exist; check the path of the melody"),
        (
            "dark.onnx --singer dark.onnx",
            "dark.onnx is not a MIDI file or is damaged (it has no whole header)",
        ),
        ("empty.mid --singer dark.onnx", "the melody has no note that can be sung; give one with notes"),
        ("drums.mid --singer dark.onnx", "the melody has no note that can be sung; give one with notes"),
        ("melody.mid --singer nobody", "singer 'nobody' is unknown"),
        (
            "melody.mid --singer dark.onnx --lyrics 夜",
            "the lyrics have '夜', which cannot be read; write it in kana",
        ),
        ("melody.mid --singer dark.onnx --lyrics=", "the lyrics have no syllable; leave them out to sing"),
        ("melody.mid --singer dark.onnx --lyrics ...", "the lyrics have no syllable; leave them out to sing"),
        (
            "melody.mid --singer dark.onnx --lyrics-file none.txt",
            "none.txt does not exist; check the path of the lyrics",
        ),
        ("melody.mid --singer dark.onnx --lyrics a --lyrics-file b", "not allowed with argument --lyrics"),
        (
            "melody.mid --singer dark.onnx --midi-channel 3",
            "holds nothing on channel 3; choose among track 2 channel 1",
        ),
        ("melody.mid --singer dark.onnx --rate 7999", "give a whole number from 8000 to 768000"),
        (
            "melody.mid --singer dark.onnx -o out.txt",
            "'out.txt' does not end like an output; use .wav",
        ),
        ("melody.mid --singer dark.onnx -o out.wav --format flac", "'out.wav' does not fit --format flac"),
        ("melody.mid --singer dark.onnx -o melody.mid", "does not end like an output"),
        ("melody.mid --singer dark.onnx -o gone/out.wav", "the folder gone does not exist; make it first"),
    ],
)
def test_what_cannot_be_sung_is_refused_in_one_sentence(
    capsys: Capture, here: Path, arguments: str, sentence: str
) -> None:
    write_notes(here / "empty.mid", [])
    drums = mido.MidiFile()
    drums.tracks.append(
        mido.MidiTrack([mido.Message("note_on", channel=9), mido.Message("note_off", channel=9, time=9)])
    )
    drums.save(here / "drums.mid")
    before = listing(here)
    done = call(capsys, "sing", *arguments.split(), *(() if "--rate" in arguments else ("--rate", "16000")))
    assert done.status == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert listing(here) == before


def test_the_help_says_what_it_does(capsys: Capture) -> None:
    text = " ".join(call(capsys, "sing", "--help").out.split())
    assert "Sing a melody from a MIDI file, with words, in any singer's voice." in text
    for option in (
        "--lyrics TEXT",
        "--lyrics-file FILE",
        "--midi-track N",
        "--seed N",
        "--transpose SEMITONES",
    ):
        assert option in text
