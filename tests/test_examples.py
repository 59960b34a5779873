"""The example programs, run as a person runs them: complete, from another folder, on a short stem."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from plugin_bridge import load_singer
from plugin_bridge.cli import main as command_line
from tests.conftest import ROOT, STEM
from tests.support.extras import needs

EXAMPLES = ROOT / "examples"
SHORT_SECONDS = 1.5


def run(folder: Path, example: str, *arguments: object, status: int = 0) -> str:
    """Run an example in a folder and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(EXAMPLES / example), *(str(argument) for argument in arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in sorted(EXAMPLES.glob("*.py")) if f'"{path.name}"' not in text] == []


def test_a_chain_keeps_the_length_and_adds_the_tail(tmp_path: Path) -> None:
    printed = run(tmp_path, "stem_in_a_chain.py", "--seconds", SHORT_SECONDS)
    audio, rate = soundfile.read(tmp_path / "in_a_hall.wav")
    assert "latency taken off" in printed
    assert audio.shape == (round((SHORT_SECONDS + 1.5) * rate),)
    assert np.abs(audio).max() > 0.05


def test_a_chain_takes_a_vst3_effect(tmp_path: Path, vst3_folder: Path) -> None:
    run(tmp_path, "stem_in_a_chain.py", "--seconds", SHORT_SECONDS, "-o", "native.wav")
    plugin = ("--vst3", vst3_folder / "ZamComp.vst3", "--set", "threshold_db=-40", "--set", "ratio=8")
    run(tmp_path, "stem_in_a_chain.py", "--seconds", SHORT_SECONDS, "-o", "vst3.wav", *plugin)
    native, vst3 = (soundfile.read(tmp_path / name)[0] for name in ("native.wav", "vst3.wav"))
    assert native.shape == vst3.shape
    assert 0.02 < np.abs(vst3).max() < 1.0
    assert np.abs(native - vst3).max() > 0.01


def test_an_automated_bounce_is_what_the_command_line_makes_of_it(tmp_path: Path, short_stem: Path) -> None:
    run(tmp_path, "automated_bounce.py", short_stem, "--singers", "nit", "pjs", "--bpm", "600")
    score, again = tmp_path / "automated.jsonl", tmp_path / "again.wav"
    arguments = ["bounce", str(short_stem), "--automation", str(score), "--singer", "nit", "-o", str(again)]
    assert score.read_text(encoding="utf-8").count('"singer"') == 4
    assert command_line(arguments) == 0
    assert again.read_bytes() == (tmp_path / "automated.wav").read_bytes()


def test_a_live_session_is_recorded_and_bounced_again(tmp_path: Path) -> None:
    printed = run(tmp_path, "live_session.py", "--seconds", SHORT_SECONDS)
    audio, rate = soundfile.read(tmp_path / "take.wav")
    assert printed.count("parameter='singer'") == 2
    assert "bounced again from" in printed
    assert audio.shape[0] > 1.2 * rate  # the second switch comes two beats of 0.6 s after the start
    assert np.abs(audio).max() > 0.05


def test_a_batch_goes_on_after_a_stem_that_fails(tmp_path: Path, short_stem: Path) -> None:
    stems = tmp_path / "stems"
    stems.mkdir()
    short_stem.rename(stems / "good.wav")
    (stems / "bad.wav").write_bytes(b"no audio")
    printed = run(tmp_path, "batch.py", stems, "--singers", "nit", "pjs", status=2)
    with (tmp_path / "converted" / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert "2 of 4 bounces are done" in printed
    failed = [(Path(row["source"]).name, bool(row["error"])) for row in rows]
    assert failed == [("bad.wav", True), ("good.wav", False)] * 2
    written = sorted(path.name for path in (tmp_path / "converted").glob("*.flac"))
    assert written == ["good.nit.flac", "good.pjs.flac"]


def test_a_plan_runs_on_a_local_cluster_and_again_on_none(tmp_path: Path, short_stem: Path) -> None:
    needs("distributed")
    assert short_stem.parent == tmp_path
    text = '[[jobs]]\ninput = "short_stem.wav"\nsinger = ["nit", "pjs"]\noutput = "{stem}.{singer}.wav"\n'
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    printed = run(tmp_path, "plan_on_a_cluster.py", "plan.toml", "--workers", "1")
    assert printed.count("made: ") == 2
    assert f"2 of 2 jobs are done; see {tmp_path / 'plan.report.html'}" in printed
    assert command_line(["batch", str(tmp_path / "plan.toml"), "--dry-run"]) == 0
    assert all((tmp_path / f"short_stem.{singer}.wav").is_file() for singer in ("nit", "pjs"))
    assert run(tmp_path, "plan_on_a_cluster.py", "plan.toml", "--workers", "1").count("kept: ") == 2


def test_a_singer_is_trained_goes_on_and_sings(tmp_path: Path, short_stem: Path) -> None:
    recordings = tmp_path / "my_voice"
    recordings.mkdir()
    (recordings / "song.flac").write_bytes(STEM.read_bytes())
    common = (recordings, "--id", "mine", "--batch", "1", "--stem", short_stem)
    run(tmp_path, "train_a_singer.py", *common, "--steps", 2)
    run(tmp_path, "train_a_singer.py", *common, "--steps", 3)
    singer = load_singer(tmp_path / "mine.onnx")
    audio, rate = soundfile.read(tmp_path / "mine.wav")
    assert (singer.manifest.id, singer.manifest.steps) == ("mine", 3)
    assert audio.shape == (round(SHORT_SECONDS * rate),)
    assert np.abs(audio).max() > 0.001
