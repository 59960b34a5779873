"""Bad input from the command line: one sentence, status 2, and every file as it was before."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from models.singer.manifest import FORMAT, OLDEST
from tests.plugin_bridge.commands.commandline import call, listing, workplace
from tests.support.singerfiles import write_singer

Capture = pytest.CaptureFixture[str]

OLDER, NEWER = OLDEST - 1, FORMAT + 1


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two singers, a stem, and every kind of file that will not do."""
    monkeypatch.chdir(workplace(tmp_path))
    stem = (tmp_path / "stem.wav").read_bytes()
    tone = soundfile.read(tmp_path / "stem.wav", dtype="float32", always_2d=True)[0]
    for name, value in (("nan", np.nan), ("infinite", np.inf)):
        broken = tone.copy()
        broken[9000] = value
        soundfile.write(tmp_path / f"{name}.wav", broken, 48000, "FLOAT")
    soundfile.write(tmp_path / "six.wav", np.repeat(tone, 6, axis=1), 48000)
    soundfile.write(tmp_path / "none.wav", tone[:0], 48000)
    soundfile.write(tmp_path / "whole.flac", tone, 48000)
    (tmp_path / "cut.wav").write_bytes(stem[:-1000])
    (tmp_path / "cut.flac").write_bytes((tmp_path / "whole.flac").read_bytes()[:-1000])
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("la la la", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    dark = (tmp_path / "dark.onnx").read_bytes()
    (tmp_path / "corrupted.onnx").write_bytes(dark[: len(dark) // 2])
    (tmp_path / "foreign.onnx").write_bytes(dark.replace(b"plugin_bridge.singer", b"another_bridge.sing1"))
    write_singer(tmp_path / "newer.onnx", format=NEWER)
    write_singer(tmp_path / "older.onnx", format=OLDER)
    with (tmp_path / "huge.onnx").open("wb") as file:
        file.truncate(65 * 2**20)
    (tmp_path / "score.jsonl").write_text('{"time": 0, "parameter": "moprh", "value": 1}\n', encoding="utf-8")
    (tmp_path / "stranger.jsonl").write_text(
        '{"time": 0, "parameter": "singer", "value": "brigth"}', encoding="utf-8"
    )
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0\0\6")
    mido.MidiFile().save(tmp_path / "good.mid")
    (tmp_path / "map.toml").write_text("[[control", encoding="utf-8")
    (tmp_path / "theirs.vst3").write_bytes(b"code")
    (tmp_path / "plugin.toml").write_text(
        'name = "x"\nsinger = "dark.onnx"\n[[after]]\nvst3 = "theirs.vst3"', encoding="utf-8"
    )
    (tmp_path / "silent.toml").write_text(
        'name = "x"\nsinger = "dark.onnx"\n[[before]]\neffect = "PitchShift"', encoding="utf-8"
    )
    return tmp_path


GOOD = "stem.wav --singer dark.onnx --transpose 0 "
ROWS = [
    ("missing.wav --singer dark.onnx", "missing.wav does not exist; check the path"),
    ("empty.wav --singer dark.onnx", "empty.wav is empty: it has 0 bytes; copy or export it again"),
    ("none.wav --singer dark.onnx", "none.wav is empty: it holds no samples; export it again"),
    (
        "text.wav --singer dark.onnx",
        "text.wav is not audio this program reads; give WAV, AIFF, FLAC, OGG or MP3",
    ),
    (
        "cut.wav --singer dark.onnx",
        "cut.wav is cut short: at least 1000 bytes are missing at its end; copy or",
    ),
    ("cut.flac --singer dark.onnx", "cut.flac is cut short or damaged"),
    (
        "nan.wav --singer dark.onnx",
        "nan.wav holds NaN at 0.188 s; every sample must be finite: repair it and export",
    ),
    (
        "infinite.wav --singer dark.onnx",
        "infinite.wav holds infinity at 0.188 s; every sample must be finite",
    ),
    ("six.wav --singer dark.onnx", "six.wav has 6 channels; mono or stereo is needed: split or mix it first"),
    (
        "folder --singer dark.onnx -o out.wav",
        "the folder folder holds no audio; give files that end in .wav, ",
    ),
    ("folder --singer dark.onnx", "the folder folder holds no audio"),
    ("stem.wav", "no singer is chosen; add --singer with "),
    ("stem.wav --singer drak", "singer 'drak' is unknown"),
    ("stem.wav --singer missing.onnx", "singer 'missing.onnx' is unknown"),
    (
        "stem.wav --singer alys",
        "singer 'alys' no longer ships, because the voice's owner objects; use 'nit' instead",
    ),
    (GOOD + "--morph-singer alys", "singer 'alys' no longer ships, because the voice's owner objects; use "),
    ("stem.wav --singer folder", "folder"),
    ("stem.wav --singer text.wav", "text.wav is not a readable ONNX model"),
    ("stem.wav --singer foreign.onnx", "foreign.onnx is an ONNX model but no singer"),
    ("stem.wav --singer corrupted.onnx", "corrupted.onnx is not a readable ONNX model"),
    (
        "stem.wav --singer newer.onnx",
        f"newer.onnx has singer format {NEWER} and this version reads up to {FORMAT}; update",
    ),
    (
        "stem.wav --singer older.onnx",
        (
            f"older.onnx has singer format {OLDER} and this version reads {OLDEST} or newer; "
            "download or train the singer again"
        ),
    ),
    ("stem.wav --singer huge.onnx", "huge.onnx has 65 MB and a singer file at most 64"),
    (GOOD + "--morph-singer nobody", "singer 'nobody' is unknown"),
    (GOOD + "--fromant 3", "'--fromant' is unknown (did you mean --formant?); use --singer, "),
    (GOOD + "--formant 13", "formant 13.0 is out of range; give -12 to 12 semitones"),
    (GOOD + "--formant nan", "formant nan is out of range; give -12 to 12 semitones"),
    (GOOD + "--formant high", "formant 'high' is not a number; give -12 to 12 semitones"),
    (GOOD + "--scale minro", "scale 'minro' is unknown; give one of chromatic, major, minor, "),
    (GOOD + "--block 0", "'0' does not fit; give a whole number from 1 to 1048576"),
    (GOOD + "--tail -1", "'-1' does not fit; give a number from 0 to 3600"),
    (GOOD + "--normalize loud", "'loud' does not fit; give a number from -60 to 0"),
    (GOOD + "--loudness 3", "'3' does not fit; give a number from -60 to 0"),
    (GOOD + "--loudness -23 --normalize", "--normalize: not allowed with argument --loudness"),
    (GOOD + "--match-loudness --loudness -23", "--loudness: not allowed with argument --match-loudness"),
    (GOOD + "--bits 12", "invalid choice: '12'"),
    (GOOD + "--pitch yin", "invalid choice: 'yin' (choose from"),
    (GOOD + "--format flac --bits 32f", "flac is not written with '32f' bits; choose one of 16, 24"),
    (GOOD + "-o out.wma", "'out.wma' does not end like an output; use .wav, .aiff, .flac, .opus or .mp3"),
    (GOOD + "-o out.wav --format flac", "'out.wav' does not fit --format flac; leave one out"),
    (GOOD + "-o bright.onnx", "'bright.onnx' does not end like an output"),
    (
        GOOD + "-o whole.flac",
        "whole.flac exists already; choose another name, or give force to replace it",
    ),
    (GOOD + "-o stem.wav --force", "stem.wav is the source itself; name another output with -o"),
    (GOOD + "-o missing/out.wav", "the folder missing does not exist; make it first"),
    (GOOD + "-o text.wav/out.wav", "the folder text.wav does not exist; make it first"),
    (GOOD + "-o /proc/out.wav", "/proc/out.wav cannot be written"),
    ("stem.wav nan.wav --singer dark.onnx -o stem.wav", "stem.wav is named like one file, and the output of"),
    (
        "stem.wav ./stem.wav --singer dark.onnx",
        "stem.wav and stem.wav would both become stem.dark.wav; rename",
    ),
    (GOOD + "--automation missing.mid", "missing.mid does not exist; check the path of the automation"),
    (
        GOOD + "--automation score.jsonl",
        "score.jsonl, line 1: parameter 'moprh' is unknown; use one of singer, ",
    ),
    (GOOD + "--automation stranger.jsonl", "singer 'brigth' is unknown"),
    (GOOD + "--automation broken.mid", "broken.mid is not a MIDI file or is damaged"),
    (GOOD + "--automation stem.wav", "stem.wav, line 1: "),
    (GOOD + "--automation folder", "folder cannot be read: Is a directory; check the automation"),
    (GOOD + "--automation good.mid --midi-map map.toml", "map.toml is not valid TOML"),
    (GOOD + "--automation good.mid --midi-channel 17", "'17' does not fit; give a whole number from 1 to 16"),
    (GOOD + "--automation good.mid --midi-track one", "'one' does not fit; give a whole number from 1 to"),
    (GOOD + "--midi-channel 2", "--midi-channel says how a MIDI file is taken; name the file with"),
    (GOOD + "--preset missing", "preset 'missing' is not there; use one of "),
    (GOOD + "--preset map.toml", "map.toml is not valid TOML"),
    (GOOD + "--preset plugin.toml", "theirs.vst3, which is in none of this system's plug-in folders ("),
    (GOOD + "--preset plugin.toml --trust-preset", "theirs.vst3 is no VST3 plug-in that loads"),
    (GOOD + "--preset silent.toml", "PitchShift falls silent when it gets its audio in blocks"),
]


@pytest.mark.parametrize(("line", "sentence"), ROWS, ids=[line for line, _ in ROWS])
def test_bad_input_gets_one_sentence_and_status_2(
    here: Path, capsys: Capture, line: str, sentence: str
) -> None:
    before = listing(here)
    done = call(capsys, "bounce", *line.split())
    assert done.status == 2
    assert sentence in done.err
    assert done.err.startswith("plugin-bridge bounce: ")
    assert done.err.count("\n") == 1 + ("files are done" in done.err)
    assert done.out == ""
    assert listing(here) == before


@pytest.mark.parametrize(
    "line", ["", "bonce stem.wav", "bounce", "bench --seconds 0", "params --josn", "singers who"]
)
@pytest.mark.usefixtures("here")
def test_other_commands_are_as_clear(capsys: Capture, line: str) -> None:
    done = call(capsys, *line.split())
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", ["", "My-Voice", "my voice", "a.b"])
def test_a_singer_of_ones_own_needs_a_plain_id(here: Path, capsys: Capture, name: str) -> None:
    before = listing(here)
    done = call(capsys, "train", "folder", "--id", name)
    assert (done.status, done.out) == (2, "")
    assert f"plugin-bridge train: argument --id: singer id {name!r} is not plain; use up to 40 " in done.err
    assert done.err.count("\n") == 1
    assert listing(here) == before


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every file of this process end at so many bytes, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("options", ["", "--normalize", "--format flac", "--format aiff", "--bits 32f"])
def test_a_full_disk_is_told_and_leaves_nothing(here: Path, capsys: Capture, options: str) -> None:
    before = listing(here)
    for limit in (0, 1000, 20000):
        with file_size_limit(limit):
            done = call(capsys, "bounce", *GOOD.split(), *options.split())
        assert done.status == 2
        assert "cannot be written" in done.err or "samples; free some space" in done.err
        assert done.err.count("\n") == 1
        assert listing(here) == before


@pytest.mark.usefixtures("here")
def test_too_little_space_is_foreseen(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import _ntuple_diskusage

    monkeypatch.setattr("shutil.disk_usage", lambda _: _ntuple_diskusage(10**6, 10**6 - 5, 5))
    done = call(capsys, "bounce", *GOOD.split())
    assert "needs 0.0 MB and its disk has 0.0 MB free; free some space or choose another folder" in done.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "line",
    [
        "bounce {long}.wav --singer dark.onnx",
        "bounce stem.wav --singer {long}",
        "bounce stem.wav --singer dark.onnx -o {long}.wav",
        "bounce stem.wav --singer dark.onnx --automation {long}",
        "bounce stem.wav --singer dark.onnx --preset {long}",
        "singers {long}",
    ],
)
def test_a_name_too_long_for_the_system_is_no_crash(capsys: Capture, line: str) -> None:
    done = call(capsys, *line.format(long="a" * 300).split())
    assert (done.status, done.out) == (2, "")
    assert "ame too long" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="this system's file names are text")
def test_a_name_that_is_not_text_is_told(here: Path, capsys: Capture) -> None:
    name = (here / "stem.wav").rename(here / os.fsdecode(b"\xff.wav"))
    done = call(capsys, "bounce", name, "--singer", "dark.onnx")
    assert done.status == 2
    assert "is not text, as file names must be; rename it" in done.err
