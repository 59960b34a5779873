"""Test the command `evaluate` with singers and clips whose scores are known."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dsp.errors import AudioFileError
from models.metrics.extras import PACKAGES
from plugin_bridge.cli import main
from plugin_bridge.clips import Clip, loudest, read_clip, recordings
from plugin_bridge.evaluation import Source, heard, mean_row, score_conversion, score_copy, sing
from plugin_bridge.evaluationplan import Item, plan_of, read_plan
from plugin_bridge.scoretable import CONVERSION, COPY, header, line, without_nan
from plugin_bridge.target import Target
from tests.doubles import CopySinger, sung
from tests.extras import needs
from tests.singerfiles import write_singer

Run = Callable[..., tuple[int, str, str]]
SAME = CopySinger("same", 0.0, 220.0)
RATE = 24000


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; return its status and what it printed."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main(["evaluate", *map(str, arguments)])
        except SystemExit as stop:
            status = int(str(stop.code))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a singer file `copy.onnx`, and recordings in `held/`: 2 s of vowels in each."""
    write_singer(tmp_path / "copy.onnx")
    (tmp_path / "held").mkdir()
    for number, f0 in enumerate((196.0, 233.0)):
        x = sung(RATE, 2.0, f0, vibrato=0.5)[0]
        soundfile.write(tmp_path / "held" / f"note{number}.wav", x, RATE, subtype="PCM_24")
    return tmp_path


def needs_all(*more: str) -> None:
    """Go on if the command can run."""
    for package in (*PACKAGES, *more):
        needs(package)


def source(x: NDArray[np.float32], sample_rate: int = RATE) -> Source:
    """A clip without a speaker, which takes long to tell."""
    from models.metrics.tracker import track_pitch

    return Source(Clip("clip", x, sample_rate), np.ones(256, np.float32) / 16.0, track_pitch(x, sample_rate))


# clips


def test_the_loudest_stretch_is_found() -> None:
    x = np.full(10 * RATE, 0.01, np.float32)
    x[4 * RATE : 6 * RATE] = 0.5
    found = loudest(x, RATE, 2.0)
    assert found.size == 2 * RATE
    assert found.min() == np.float32(0.5)
    assert loudest(x, RATE, 0.0).size == loudest(x, RATE, 60.0).size == x.size


def test_files_are_read_as_one_mono_clip_at_a_native_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full((2205, 2), (0.5, 0.1)), 22050)
    soundfile.write(tmp_path / "b.wav", np.full(4800, 0.25), 48000)
    clip = read_clip([tmp_path / "a.wav", tmp_path / "b.wav"])
    assert (clip.name, clip.sample_rate, clip.audio.size) == ("a", 24000, 4800)
    assert clip.seconds == pytest.approx(0.2)
    assert float(clip.audio[1200]) == pytest.approx(0.3, abs=0.01)
    assert float(clip.audio[3600]) == pytest.approx(0.25, abs=0.01)


def test_a_folder_stands_for_its_recordings(folder: Path, tmp_path: Path) -> None:
    assert [path.name for path in recordings([folder])] == ["note0.wav", "note1.wav"]
    (tmp_path / "none").mkdir()
    with pytest.raises(AudioFileError, match="holds no audio"):
        recordings([tmp_path / "none"])


def test_of_a_long_clip_the_stretch_with_the_most_singing_is_kept() -> None:
    for package in ("swift_f0", "resemblyzer"):
        needs(package)
    noise = np.random.default_rng(0).normal(0.0, 0.3, 2 * RATE).astype(np.float32)
    x = np.concatenate([noise, sung(RATE, 1.0, 220.0, level=0.1)[0], noise])
    found = heard(Clip("clip", x, RATE), 1.0)
    assert found.clip.audio.size == RATE
    assert found.pitch.f0.size == found.pitch.voiced.size == 100
    assert found.pitch.voiced.mean() > 0.95
    assert np.sqrt(np.mean(found.clip.audio**2)) < 0.1


# plans


def test_a_command_line_becomes_a_plan(folder: Path) -> None:
    plan = plan_of([folder / "held"], ["a", "b"], [f"a={folder}/held", f"b={folder}/held/note0.wav"], 5.0)
    note = folder / "held" / "note0.wav"
    assert plan.items[0] == Item((note,), ("a", "b"), seconds=5.0)
    assert {name: len(paths) for name, paths in plan.references.items()} == {"a": 2, "b": 1}
    assert plan_of([note], ["a"], [str(note)], 0.0).references == {"a": (note,)}
    with pytest.raises(ValueError, match="does not say of which singer"):
        plan_of([note], ["a", "b"], [str(note)], 0.0)


def test_a_plan_file_names_pairs_relative_to_itself(folder: Path) -> None:
    plan = folder / "plan.toml"
    plan.write_text(
        """
        [references]
        "copy.onnx" = ["held"]
        [[pairs]]
        sources = ["held"]
        singers = ["copy.onnx", "alys"]
        [[pairs]]
        sources = ["held"]
        singers = ["alys"]
        join = "both"
        seconds = 3
        """,
        encoding="utf-8",
    )
    found = read_plan(plan)
    notes = (folder / "held" / "note0.wav", folder / "held" / "note1.wav")
    singer = str(folder / "copy.onnx")
    assert found.references == {singer: notes}
    assert found.items == (
        Item(notes[:1], (singer, "alys")),
        Item(notes[1:], (singer, "alys")),
        Item(notes, ("alys",), "both", 3.0),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[references", "is not valid TOML"),
        ("[references]\na = ['x']", "pairs: field required; mend the plan"),
        ("[references]\n[[pairs]]\nsources = []\nsingers = ['a']", "pairs.0.sources: .*at least 1 item"),
        (
            "[references]\n[[pairs]]\nsource = ['x']\nsources = ['x']\nsingers = ['a']",
            "pairs.0.source: extra",
        ),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)


# takes and scores


def test_the_requested_pitch_is_that_of_the_source_moved() -> None:
    needs("swift_f0")
    take = sing(source(sung(RATE, 1.0, 233.0)[0]), SAME, {"transpose": 3.0, "fine_tune": 40.0})
    assert take.transpose == pytest.approx(3.4, abs=0.01)
    assert take.output.shape == take.output_at_pitch.shape == (RATE,)
    assert take.requested.f0.shape == take.requested.voiced.shape == (100,)
    inner = take.requested.f0[20:80]
    assert 1200.0 * np.log2(inner / (233.0 * 2.0 ** (3.4 / 12.0))) == pytest.approx(0.0, abs=2.0)


def test_a_conversion_at_the_same_pitch_scores_well_on_pitch() -> None:
    for package in ("swift_f0", "pystoi", "resemblyzer"):
        needs(package)
    take = sing(source(sung(RATE, 2.0, 220.0, vibrato=0.5)[0]), SAME, {"transpose": 0.0})
    held = [Clip(f"note {f0}", sung(RATE, 3.0, f0, vibrato=0.5)[0], RATE) for f0 in (220.0, 247.0)]
    row = score_conversion(take, "same", Target(held))
    assert (row.source, row.singer, row.seconds, row.transpose) == ("clip", "same", 2.0, 0.0)
    assert row.cents < 5.0
    assert row.correlation > 0.98
    assert row.spread == pytest.approx(50.0 * math.sqrt(0.5), abs=5.0)
    assert (row.gross, row.octave) == (0.0, 0.0)
    assert row.voicing_f1 > 0.97
    assert row.source_cents < 3.0
    assert 0.5 < row.similarity_after < 1.0
    assert 0.8 < row.similarity_ceiling < 1.0
    assert row.similarity_gain == pytest.approx(row.similarity_after - row.similarity_before)
    assert row.stoi == row.stoi_at_pitch > 0.7


def test_the_output_is_aligned_with_the_source() -> None:
    needs("swift_f0")
    x = np.zeros(RATE, np.float32)
    x[RATE // 2 :] = sung(RATE, 0.5, 220.0)[0]
    take = sing(source(x), SAME, {"transpose": 0.0})
    level = np.sqrt(np.square(take.output).reshape(100, -1).mean(axis=1))
    assert level[:48].max() < 0.02 * level.max()
    assert level[52] > 0.3 * level.max()


def test_a_copy_is_scored_against_its_recording() -> None:
    needs_all()
    exact = source(sung(RATE, 2.0, 220.0, vibrato=0.5)[0])
    take = dataclasses.replace(
        sing(exact, SAME, {}), output=exact.clip.audio, pitch=exact.pitch, output_at_pitch=exact.clip.audio
    )
    row = score_copy(take, "same sawsing", exact.speaker)
    assert (row.stft_loss, row.cents, row.voicing_f1) == (0.0, 0.0, 1.0)
    assert row.stoi == pytest.approx(1.0, abs=1e-3)
    assert row.pesq == pytest.approx(4.644, abs=0.01)
    assert row.similarity_of_recording == pytest.approx(1.0)


def test_means_leave_out_what_could_not_be_told() -> None:
    from plugin_bridge.evaluation import CopyScores

    rows = [
        CopyScores("a", "s", 1.0, 0.5, 2.0, 1.0, math.nan, 3.0, 0.9, 0.9),
        CopyScores("b", "s", 3.0, 0.7, 4.0, 0.5, math.nan, math.nan, 0.8, 0.9),
    ]
    means = mean_row(rows)
    assert means["stft_loss"] == pytest.approx(0.6)
    assert means["pesq"] == 3.0
    assert math.isnan(means["stoi"])
    assert "source" not in means


def test_the_ceiling_is_higher_for_longer_clips_of_a_singer(stem_path: Path) -> None:
    needs("resemblyzer")
    x = read_clip([stem_path])
    halves = [dataclasses.replace(x, audio=part) for part in np.array_split(x.audio, 2)]
    target = Target(halves)
    assert 0.4 < target.ceiling(1.0) < target.ceiling(4.0) < 1.0
    alone = Target(halves[:1])
    assert alone.ceiling(60.0) == pytest.approx(1.0, abs=1e-5)


# the table


def test_every_line_of_a_table_is_as_long_as_its_header() -> None:
    for columns in (CONVERSION, COPY):
        row = {
            column.field: -0.3456 if column.form else "a name longer than its column" for column in columns
        }
        above = header(columns).split("\n")
        lines = [*above, line(columns, row), line(columns, {"source": "MEAN"})]
        assert len({text.count("|") for text in lines}) == 1
        assert len({len(text) for text in lines}) == 1
    assert "-" in line(COPY, {"pesq": math.nan})
    assert "nan" not in line(COPY, {"pesq": math.nan})


def test_json_has_null_where_there_is_no_number() -> None:
    assert without_nan({"a": [1.5, math.nan, {"b": math.nan}], "c": "nan"}) == {
        "a": [1.5, None, {"b": None}],
        "c": "nan",
    }


# the command


def test_a_conversion_table_with_report_and_picture(run: Run, folder: Path) -> None:
    needs_all("matplotlib")
    report, plots = folder / "report.json", folder / "plots"
    arguments = (
        folder / "held" / "note0.wav",
        "--singer",
        folder / "copy.onnx",
        "--reference",
        folder / "held",
    )
    status, out, err = run(*arguments, "--json", report, "--plots", plots, "--transpose", 0)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) == 4
    assert lines[0].split("|")[1].strip() == "source"
    assert lines[2].split("|")[1].strip() == "note0"
    assert lines[3].split("|")[1].strip() == "MEAN"
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["rows"][0]["singer"] == "copy"
    assert found["rows"][0]["similarity_before"] > 0.9
    assert found["rows"][0]["cents"] == found["means"]["copy"]["cents"] < 5.0
    assert (plots / "note0-copy.png").read_bytes()[:4] == b"\x89PNG"

    status, _, err = run(*arguments, "--json", report)
    assert status == 2
    assert "exists already" in err


def test_copy_synthesis_of_singers_side_by_side(run: Run, folder: Path) -> None:
    needs_all()
    other = write_singer(folder / "shrill.onnx", tilt_db=9.0)
    status, out, _ = run(
        "--copy", folder / "held", "--singer", folder / "copy.onnx", "--singer", other, "--json"
    )
    assert status == 0
    found = json.loads(out)
    assert [(row["source"], row["singer"]) for row in found["rows"]] == [
        ("note0", "copy sawsing"),
        ("note1", "copy sawsing"),
        ("note0", "shrill sawsing"),
        ("note1", "shrill sawsing"),
    ]
    means = found["means"]
    assert means["copy sawsing"]["stft_loss"] < means["shrill sawsing"]["stft_loss"]
    assert means["copy sawsing"]["cents"] < 5.0
    assert means["copy sawsing"]["voicing_f1"] > 0.95
    assert means["copy sawsing"]["similarity_of_recording"] > 0.9
    assert set(means) == {"copy sawsing", "shrill sawsing", "all"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "give SOURCE... with --reference, --copy, or --plan"),
        (("a.wav",), "a singer is needed"),
        (("a.wav", "--singer", "x"), "give SOURCE... and --reference"),
        (("a.wav", "--copy", "b"), "one thing to evaluate is needed"),
        (("--plan", "p.toml", "--singer", "x"), "leave one out"),
        (("--plan", "p.toml"), "p.toml cannot be read"),
        (("--copy", "b", "--singer", "x", "--json", "a.wav"), "does not end in .json"),
        (("--copy", "b", "--singer", "x"), "singer 'x' is unknown"),
        (("none.wav", "--singer", "copy.onnx", "--reference", "held"), "none.wav does not exist"),
        (
            ("held", "--singer", "copy.onnx", "--reference", "dull=held"),
            "'copy.onnx' has no held-out recordings",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    needs_all()
    monkeypatch.chdir(folder)
    status, out, err = run(*arguments)
    assert status == 2
    assert err.startswith("plugin-bridge evaluate: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert "MEAN" not in out


def test_a_missing_extra_is_said_before_anything_is_done(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pesq", None)
    monkeypatch.setattr("models.metrics.extras.PACKAGES", ("pesq",))
    status, out, err = run("--copy", folder / "held", "--singer", folder / "copy.onnx")
    assert (status, out) == (2, "")
    assert err.startswith("plugin-bridge evaluate: pesq is not installed")
    assert ".ci/setup eval" in err


def test_a_silent_clip_is_refused(run: Run, folder: Path) -> None:
    needs_all()
    soundfile.write(folder / "silence.wav", np.zeros(RATE), RATE)
    status, _, err = run(
        folder / "silence.wav", "--singer", folder / "copy.onnx", "--reference", folder / "held"
    )
    assert status == 2
    assert "silence has no speaker" in err
