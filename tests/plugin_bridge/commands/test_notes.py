"""`plugin-bridge notes`: a vocal in, a MIDI file out, which `sing` reads; refusals in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dsp.units import semitones_to_hz
from plugin_bridge.midi.notesfile import read_notes
from tests.plugin_bridge.commands.commandline import call

Capture = pytest.CaptureFixture[str]
RATE = 44100
MELODY = [(0.25, 0.5, 57), (0.75, 0.4, 60), (1.5, 0.6, 59)]
"""Start and length in seconds, and MIDI note number."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a vocal, a third of a semitone high, which is the current one."""
    out = np.zeros(int(2.4 * RATE))
    for start, seconds, pitch in MELODY:
        t = np.arange(int(seconds * RATE)) / RATE
        hertz = semitones_to_hz(pitch + 0.33)
        shape = np.minimum(1.0, np.minimum(t, seconds - t) / 0.03)
        note = shape * sum(0.2 / k * np.sin(2.0 * np.pi * k * hertz * t) for k in range(1, 12))
        out[int(start * RATE) :][: note.size] += note
    soundfile.write(tmp_path / "vocal.wav", out, RATE)
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_vocal_becomes_a_midi_file_beside_it(capsys: Capture, here: Path) -> None:
    done = call(capsys, "notes", "vocal.wav")
    assert (done.status, done.err) == (0, "")
    assert done.out == "vocal.mid: 3 notes, A3 to C4, tuned +33 cents\n"
    found = read_notes(here / "vocal.mid")
    assert [note.pitch for note in found] == [57, 60, 59]
    for note, (start, seconds, _) in zip(found, MELODY, strict=True):
        assert note.start == pytest.approx(start, abs=0.03)
        assert note.stop == pytest.approx(start + seconds, abs=0.05)


def test_the_tempo_moves_no_note(capsys: Capture, here: Path) -> None:
    call(capsys, "notes", "vocal.wav", "-o", "slow.mid", "--tempo", "60")
    call(capsys, "notes", "vocal.wav", "-o", "fast.mid", "--tempo", "180")
    slow, fast = (read_notes(here / name) for name in ("slow.mid", "fast.mid"))
    for one, other in zip(slow, fast, strict=True):
        assert one.start == pytest.approx(other.start, abs=1e-3)
    assert (here / "slow.mid").read_bytes() != (here / "fast.mid").read_bytes()


def test_a_file_is_kept_unless_it_may_go(capsys: Capture, here: Path) -> None:
    (here / "vocal.mid").write_bytes(b"mine")
    assert "exists already" in call(capsys, "notes", "vocal.wav").err
    assert (here / "vocal.mid").read_bytes() == b"mine"
    assert call(capsys, "notes", "vocal.wav", "--force").status == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["silence.wav"], "silence.wav has no note that is sung; give a voice"),
        (["none.wav"], "none.wav"),
        (["vocal.wav", "-o", "vocal.wav"], "does not end in .mid"),
        (["-"], "name the MIDI file with -o"),
        (["vocal.wav", "--tempo", "5"], "'5' does not fit"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    capsys: Capture, here: Path, arguments: list[str], message: str
) -> None:
    done = call(capsys, "notes", *arguments)
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not list(here.glob("*.mid"))
