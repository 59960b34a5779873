"""A melody through the engine: in tune, the same bytes twice, any notes, any rate, and what is refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from dsp.pitch import PitchTracker
from dsp.units import RATES
from models.notes import Note
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import OutputError, ScoreError, SingerFileError
from plugin_bridge.files.resampling import native_rate
from plugin_bridge.files.writer import OutputFormat
from plugin_bridge.midi.notesfile import write_notes
from plugin_bridge.singing.sing import SungMelody, sing
from tests.plugin_bridge.singing.melodies import WORDS, line
from tests.support.doubles import BRIGHT, DARK

Float32 = NDArray[np.float32]
RATE = 24_000


def run(
    folder: Path,
    notes: list[Note] | Path,
    lyrics: str | None = None,
    seed: int = 7,
    rate: int = RATE,
    **parameters: Value,
) -> tuple[BounceResult, Float32, list[str]]:
    """Sing with one of the small singers; return the result, the mono output and what was said."""
    said: list[str] = []
    settings = BounceSettings(singer="dark", parameters=parameters, seed=seed, force=True)
    done = sing(
        notes,
        folder / "out.wav",
        settings,
        lyrics=lyrics,
        form=OutputFormat("wav", "32f", rate),
        library=SingerLibrary([DARK, BRIGHT]),
        listener=BounceListener(said.append),
    )
    audio, heard = soundfile.read(folder / "out.wav", dtype="float32")
    assert heard == rate
    return done, audio, said


def heard(audio: Float32, rate: int, note: Note) -> float:
    """Return the mean pitch of the middle of a note, MIDI note number."""
    frames = PitchTracker(rate).process(audio[: audio.size - audio.size % (rate // 100)])
    middle = frames[round(100 * note.start) + 12 : round(100 * note.stop) - 5]
    return float(
        np.mean([69.0 + 12.0 * np.log2(frame.f0 / 440.0) for frame in middle if frame.voicing > 0.5])
    )


def test_held_notes_are_sung_within_ten_cents_and_in_time(tmp_path: Path) -> None:
    notes = line(48, 52, 55, 50, seconds=0.6, start=0.5)
    done, audio, said = run(tmp_path, notes, "la na ma あ")
    assert said == []
    assert done.seconds == pytest.approx(2.9 + 0.3, abs=0.02)
    off = [100.0 * (heard(audio, RATE, note) - note.pitch) for note in notes]
    assert np.median(np.abs(off)) < 10.0
    loudest = np.abs(audio).max()
    assert np.abs(audio[: round(0.44 * RATE)]).max() < 0.15 * loudest  # a breath
    assert np.abs(audio[round(0.52 * RATE) : round(0.56 * RATE)]).max() > 0.3 * loudest


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_take(tmp_path: Path) -> None:
    notes = line(48, 52, 55)
    run(tmp_path, notes)
    first = (tmp_path / "out.wav").read_bytes()
    run(tmp_path, notes)
    assert (tmp_path / "out.wav").read_bytes() == first
    run(tmp_path, notes, seed=8)
    assert (tmp_path / "out.wav").read_bytes() != first


@pytest.mark.parametrize("rate", [*RATES, 22_050, 192_000])
def test_every_rate_has_its_length_and_pitch(tmp_path: Path, rate: int) -> None:
    notes = line(50, seconds=0.6, start=0.2)
    done, audio, _ = run(tmp_path, notes, rate=rate)
    assert audio.size == round(done.seconds * rate)
    native = native_rate(rate)
    audio = np.asarray(soxr.resample(audio, rate, native), np.float32) if native != rate else audio
    assert heard(audio, native, notes[0]) == pytest.approx(50.0, abs=0.15)


@pytest.mark.parametrize(
    "notes",
    [
        [Note(0.0, 0.5, 50)],
        [Note(0.0, 0.01, 50)],
        [Note(0.0, 1.0, 50), Note(0.3, 1.0, 55), Note(0.31, 0.2, 60)],
        [Note(0.01 * i, 0.01, 45 + i) for i in range(30)],
        [Note(0.5, 0.3, 0), Note(1.0, 0.3, 127)],
    ],
    ids=["at 0", "10 ms", "overlapping", "quick", "0 and 127"],
)
def test_any_melody_is_sung(tmp_path: Path, notes: list[Note]) -> None:
    done, audio, _ = run(tmp_path, notes, WORDS)
    assert np.isfinite(audio).all()
    assert done.faults == 0
    assert np.abs(audio).max() > 0.002


def test_a_melody_is_sung_in_the_octave_of_the_singer_unless_told_otherwise(tmp_path: Path) -> None:
    notes = line(74, 76, seconds=0.6, start=0.3)
    _, audio, said = run(tmp_path, notes)
    assert said == ["transpose auto: the melody lies around 659 Hz, so -24 semitones"]
    assert heard(audio, RATE, notes[0]) == pytest.approx(50.0, abs=0.15)
    _, audio, said = run(tmp_path, notes, transpose=0.0)
    assert said == []
    assert heard(audio, RATE, notes[0]) == pytest.approx(74.0, abs=0.15)


def test_notes_beyond_all_voices_are_told(tmp_path: Path) -> None:
    _, audio, said = run(tmp_path, [Note(0.3, 0.6, 50), Note(0.9, 0.6, 110)], transpose=0.0)
    assert said == [
        "1 of 2 notes lie out of the range of voices, MIDI notes 36 to 84, and are sung in another octave"
    ]
    assert heard(audio, RATE, Note(0.9, 0.6, 74)) == pytest.approx(74.0, abs=0.15)


@pytest.mark.parametrize("singer", ["pjs", "nit"])
def test_the_loudest_melody_does_not_clip(tmp_path: Path, singer: str) -> None:
    loud = [note._replace(velocity=127) for note in line(48, 52, 55, 60, 64, 60, seconds=0.4)]
    done = sing(loud, tmp_path / "out.wav", BounceSettings(singer=singer), lyrics="a i ha ra e o")
    assert done.clipped == 0
    assert done.peak_db is not None
    assert -8.0 < done.peak_db < 0.0


def test_a_file_is_read_with_its_words(tmp_path: Path) -> None:
    write_notes(tmp_path / "a.mid", [note._replace(lyric="さ") for note in line(48, 50)])
    notes = line(48, 50, lyric="さ")
    from_file, audio, _ = run(tmp_path, tmp_path / "a.mid")
    assert from_file.source == tmp_path / "a.mid"
    _, same, _ = run(tmp_path, notes)
    assert np.abs(audio - same).max() < 0.05  # ticks round times
    _, other, _ = run(tmp_path, notes, "la")
    assert np.abs(audio - other).max() > 0.05


def test_it_is_the_bounce_of_its_own_stem(tmp_path: Path) -> None:
    notes = line(48, 52)
    _, audio, _ = run(tmp_path, notes, gain=-3.0)
    stem = np.concatenate(list(SungMelody.of(notes, seed=7).stem(RATE)), axis=1)
    soundfile.write(tmp_path / "stem.wav", stem.T, 24_000, "FLOAT")
    settings = BounceSettings(singer="dark", parameters={"gain": -3.0, "source_pitch": 130.81278265}, seed=7)
    bounce(
        tmp_path / "stem.wav",
        tmp_path / "b.wav",
        OutputFormat("wav", "32f"),
        settings,
        library=SingerLibrary([DARK]),
    )
    bounced, _ = soundfile.read(tmp_path / "b.wav", dtype="float32")
    assert np.array_equal(audio, bounced)


def test_memory_does_not_grow_with_the_sound() -> None:
    melody = SungMelody.of(line(*[48, 52] * 75, seconds=0.8), seed=7)  # two minutes, 46 MB at 96 kHz
    for _ in melody.stem(96_000):
        break
    tracemalloc.start()
    for _ in melody.stem(96_000):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6, peak  # 214 controls in each of 12,000 frames are 10 MB


@pytest.mark.parametrize(("pitch", "singer"), [(48, "pjs"), (76, "nit")])
def test_without_a_singer_the_nearest_sings(tmp_path: Path, pitch: int, singer: str) -> None:
    said: list[str] = []
    listener = BounceListener(said.append)
    done = sing(line(pitch), tmp_path / "out.wav", BounceSettings(), listener=listener)
    assert done.singer == singer
    assert said[0] == f"{singer} sings, whose voice is nearest to the melody; name another with --singer"


def test_what_cannot_be_sung_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="the melody has no note that can be sung"):
        run(tmp_path, [])
    with pytest.raises(ScoreError, match="'夜', which cannot be read"):
        run(tmp_path, line(48), "夜")
    with pytest.raises(ScoreError, match="'夜', which cannot be read"):
        run(tmp_path, line(48, lyric="夜"))
    with pytest.raises(SingerFileError, match="singer 'nobody' is unknown"):
        sing(line(48), tmp_path / "out.wav", BounceSettings(singer="nobody"))
    with pytest.raises(ValueError, match="does not end like an output"):
        sing(line(48), tmp_path / "out.wma", BounceSettings(singer="pjs"))
    (tmp_path / "out.wav").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        sing(line(48), tmp_path / "out.wav", BounceSettings(singer="pjs"))
    assert (tmp_path / "out.wav").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
