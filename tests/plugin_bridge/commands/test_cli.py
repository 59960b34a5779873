"""The command line: what a person types and a program reads."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from models.refiner.facts import Refiner
from plugin_bridge.commands import COMMANDS
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.measure.bench import _bounce_command
from tests.conftest import ROOT
from tests.plugin_bridge.commands.commandline import call, listing, spawn, workplace
from tests.support.singerfiles import write_singer

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two singers and a stem."""
    monkeypatch.chdir(workplace(tmp_path))
    return tmp_path


def test_one_line_bounces_a_stem(here: Path, capsys: Capture) -> None:
    done = call(capsys, "bounce", "stem.wav", "--singer", "dark.onnx", "-o", "out.flac", "--transpose", "-12")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("out.flac: dark, 0.30 s, peak -")
    info = soundfile.info(here / "out.flac")
    assert (info.frames, info.samplerate, info.subtype) == (14400, 48000, "PCM_24")


def test_without_an_output_the_file_lies_beside_its_source(here: Path, capsys: Capture) -> None:
    assert call(capsys, "bounce", "stem.wav", "--singer", "dark.onnx", "--bits", "32f").status == 0
    assert soundfile.info(here / "stem.dark.wav").subtype == "FLOAT"
    assert call(capsys, "bounce", "stem.wav", "--singer", "dark.onnx", "--format", "aiff").status == 0
    assert (here / "stem.dark.aiff").exists()


def test_every_parameter_is_an_option(here: Path, capsys: Capture) -> None:
    options: list[str] = []
    for row in PARAMETERS.values():
        name = "--" + row.id.replace("_", "-")
        if row.kind == "switch":
            options.append(name)
        elif row.id == "morph_singer":
            options += [name, "bright.onnx"]
        elif row.kind != "singer":
            options += [name, str(row.words[-1] if row.words else row.high)]
    options.remove("--bypass")
    done = call(capsys, "bounce", "stem.wav", "--singer", "dark.onnx", *options)
    assert done.status == 0, done.err
    assert (here / "stem.dark.wav").exists()


def test_options_reach_the_engine(here: Path, capsys: Capture) -> None:
    base = ("bounce", "stem.wav", "--singer", "dark.onnx", "--bits", "32f", "--transpose", "0", "--force")
    outputs = set()
    for options in (
        (),
        ("--gain", "-6"),
        ("--fine-tune", "-50"),
        ("--no-melody",),
        ("--block", "64"),
        ("--seed", "7"),
    ):
        assert call(capsys, *base, *options).status == 0
        outputs.add((here / "stem.dark.wav").read_bytes())
    assert len(outputs) == 4  # --no-melody and --block change nothing


@pytest.mark.usefixtures("here")
def test_a_report_for_programs(capsys: Capture) -> None:
    done = call(capsys, "bounce", "stem.wav", "none.wav", "--singer", "dark.onnx", "-o", "out", "--json")
    report = json.loads(done.out)
    good, bad = report["files"]
    assert (report["bounced"], report["failed"], done.status) == (1, 1, 2)
    assert (good["target"], good["singer"], good["seconds"]) == ("out/stem.dark.wav", "dark", 0.3)
    assert good["source_pitch"] == pytest.approx(220, rel=0.01)
    assert good["notes"] == ["transpose auto: stem.wav lies around 220 Hz, so -12 semitones"]
    assert bad["error"] == "none.wav does not exist; check the path"


def test_one_failure_does_not_stop_the_rest(here: Path, capsys: Capture) -> None:
    songs = here / "songs"
    songs.mkdir()
    for name in ("a.wav", "c.wav", ".hidden.wav"):
        (songs / name).write_bytes((here / "stem.wav").read_bytes())
    (songs / "b.wav").write_bytes(b"no audio")
    (songs / "notes.txt").write_text("no audio either", encoding="utf-8")
    done = call(capsys, "bounce", "songs", "--singer", "dark.onnx", "-o", "out")
    assert done.status == 2
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.dark.wav", "c.dark.wav"]
    assert "songs/b.wav is not audio this program reads" in done.err
    assert done.err.endswith("2 of 3 files are done, 1 failed\n")
    assert done.err.startswith(
        "plugin-bridge bounce: left out of the folder songs: .hidden.wav (hidden); "
        "notes.txt (not named like audio)\n"
    )


def test_what_a_folder_leaves_out_is_told_and_why(here: Path, capsys: Capture) -> None:
    songs = here / "songs"
    (songs / "takes").mkdir(parents=True)
    for name in ("a.wav", "a.dark.wav", "b.W64", "lead.txt", "1.jpg", "2.jpg", "3.jpg", ".DS_Store"):
        (songs / name).write_bytes((here / "stem.wav").read_bytes())
    (songs / "gone.wav").symlink_to("nowhere.wav")
    done = call(capsys, "bounce", "songs", "--singer", "dark.onnx", "-o", "songs", "--json", "--force")
    report = json.loads(done.out)
    assert [row["source"] for row in report["files"]] == ["songs/a.wav", "songs/b.W64"]
    assert report["notes"] == [
        (
            "left out of the folder songs: .DS_Store (hidden); 1.jpg, 2.jpg, 3.jpg and 1 more "
            "(not named like audio); gone.wav (no file); takes (folder); a.dark.wav (output of this batch)"
        )
    ]
    assert f"plugin-bridge bounce: {report['notes'][0]}\n" in done.err
    (songs / "only").mkdir()
    (songs / "only" / "a.wav").write_bytes((here / "stem.wav").read_bytes())
    done = call(capsys, "bounce", "songs/only", "--singer", "dark.onnx", "-o", "out", "--json")
    assert json.loads(done.out)["notes"] == []


def test_what_needs_an_extra_in_a_folder_fails_by_name_with_the_remedy(
    here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "without").mkdir()  # what the processes of the bounces find in place of PyAV
    (here / "without" / "av.py").write_text("raise ModuleNotFoundError(name='av')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(here / "without"))
    songs = here / "songs"
    songs.mkdir()
    (here / "stem.wav").rename(songs / "a.wav")
    (songs / "b.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    done = call(capsys, "bounce", "songs", "--singer", "dark.onnx", "-o", "out")
    assert done.status == 2
    assert (
        "songs/b.m4a needs PyAV, which is not installed; install the extra: sh .ci/setup formats, or"
        in done.err
    )
    assert [path.name for path in (here / "out").iterdir()] == ["a.dark.wav"]


def test_a_batch_is_resumed(here: Path, capsys: Capture) -> None:
    command = ("bounce", "stem.wav", "stem2.wav", "--singer", "dark.onnx", "--resume", "--json")
    assert call(capsys, *command).status == 2
    first = (here / "stem.dark.wav").stat().st_mtime_ns
    (here / "stem2.wav").write_bytes((here / "stem.wav").read_bytes())
    done = call(capsys, *command)
    assert done.status == 0
    assert [row.get("skipped", False) for row in json.loads(done.out)["files"]] == [True, False]
    assert (here / "stem.dark.wav").stat().st_mtime_ns == first


@pytest.mark.usefixtures("here")
def test_a_folder_bounced_onto_itself_does_not_take_its_outputs_for_inputs(capsys: Capture) -> None:
    command = ("bounce", ".", "-o", ".", "--singer", "dark.onnx", "--resume", "--json")
    for skipped in (False, True, True):
        rows = json.loads(call(capsys, *command).out)["files"]
        assert [(row["target"], row.get("skipped", False)) for row in rows] == [("stem.dark.wav", skipped)]
    rows = json.loads(call(capsys, *command, "--format", "flac").out)["files"]
    assert [row["target"] for row in rows] == ["stem.dark.flac"]
    assert call(capsys, *command).status == 0
    again = ("bounce", "stem.wav", "stem.dark.wav", "--singer", "dark.onnx", "--resume", "--json")
    assert [row["source"] for row in json.loads(call(capsys, *again).out)["files"]] == ["stem.wav"]


@pytest.mark.usefixtures("here")
def test_a_link_to_another_input_is_replaced_and_that_one_bounced(here: Path, capsys: Capture) -> None:
    (here / "other.wav").write_bytes((here / "stem.wav").read_bytes())
    (here / "stem.dark.wav").symlink_to("other.wav")
    command = ("bounce", ".", "-o", ".", "--singer", "dark.onnx", "--force", "--json")
    rows = json.loads(call(capsys, *command).out)["files"]
    assert [row["source"] for row in rows] == ["other.wav", "stem.wav"]
    assert (here / "other.wav").read_bytes() == (here / "stem.wav").read_bytes()


def test_a_batch_never_overwrites_one_of_its_inputs(here: Path, capsys: Capture) -> None:
    (here / "stem.dark.wav").write_bytes((here / "stem.wav").read_bytes())
    before = listing(here)
    done = call(capsys, "bounce", "stem.wav", "stem.dark.wav", "--singer", "dark.onnx", "--force")
    assert (done.status, done.out) == (2, "")
    assert "stem.dark.wav would be overwritten by the bounce of stem.wav; name a folder with -o" in done.err
    assert listing(here) == before


@pytest.mark.parametrize(("inputs", "output"), [(["stem.wav", "other.wav"], "out.wav"), (["."], "x.MP3")])
def test_no_folder_is_made_that_is_named_like_a_file(
    here: Path, capsys: Capture, inputs: list[str], output: str
) -> None:
    (here / "other.wav").write_bytes((here / "stem.wav").read_bytes())
    before = listing(here)
    done = call(capsys, "bounce", *inputs, "-o", output, "--singer", "dark.onnx")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        f"plugin-bridge bounce: {output} is named like one file, and the output of several inputs or of a "
        "folder is a folder; name one with -o\n"
    )
    assert listing(here) == before
    (here / output).mkdir()
    assert call(capsys, "bounce", *inputs, "-o", output, "--singer", "dark.onnx").status == 0


@pytest.mark.parametrize("closed", [">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_bounce_needs_nobody_to_talk_to(here: Path, closed: str) -> None:
    command = f"{sys.executable} -m plugin_bridge bounce stem.wav -o out.wav --singer dark.onnx {closed}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(["/bin/sh", "-c", command], cwd=here, env=environment, check=False).returncode == 0
    assert soundfile.info(here / "out.wav").frames == 14400


def test_a_preset_by_file_gives_singer_values_and_effects(here: Path, capsys: Capture) -> None:
    (here / "mine.toml").write_text(
        'format = 1\nname = "Mine"\nsinger = "dark.onnx"\n[parameters]\ntranspose = 0\n'
        '[[after]]\neffect = "Gain"\nparameters = { gain_db = -20.0 }\n',
        encoding="utf-8",
    )
    done = call(capsys, "bounce", "stem.wav", "--preset", "mine.toml", "--json")
    row = json.loads(done.out)["files"][0]
    assert (row["target"], row["singer"]) == ("stem.mine.wav", "dark")
    plain = json.loads(
        call(capsys, "bounce", "stem.wav", "--singer", "dark.onnx", "--transpose", "0", "--json").out
    )
    assert row["peak_db"] == pytest.approx(plain["files"][0]["peak_db"] - 20, abs=0.01)


def test_singers_describe_themselves(here: Path, capsys: Capture) -> None:
    done = call(capsys, "singers", "dark.onnx", "bright.onnx")
    assert done.status == 0
    assert "sings 91-182 Hz" in done.out
    assert "CC0: nobody" in done.out
    rows = json.loads(call(capsys, "singers", "dark.onnx", "--json").out)
    assert (rows[0]["id"], rows[0]["f0_median"], rows[0]["path"]) == ("dark", 130.0, "dark.onnx")
    assert rows[0]["bytes"] == (here / "dark.onnx").stat().st_size
    (here / "broken.onnx").write_bytes(b"no singer")
    done = call(capsys, "singers", "broken.onnx", "bright.onnx")
    assert done.status == 2
    assert "broken.onnx is not a readable ONNX model" in done.err
    assert done.out.startswith("bright")


REFINERS = {
    "fine.onnx": (
        Refiner(bands=4, steps=(1, 2, 8), milliseconds=0.125),
        {"draft": 0, "live": 1, "mix": 2, "render": 8},
    ),
    "quick.onnx": (Refiner(bands=4, steps=(1,), noise=0.0), {"draft": 0, "live": 1}),
    "slow.onnx": (Refiner(bands=4, steps=(4, 6)), {"draft": 0, "live": 4, "render": 6}),
    "plain.onnx": (None, {"draft": 0}),
}
SHOWN = {
    "fine.onnx": "refiner, steps for each 10 ms: draft 0, live 1 (0.12 ms), mix 2 (0.25 ms), render 8 (1 ms)",
    "quick.onnx": "refiner (a regression), steps for each 10 ms: draft 0, live 1",
    "slow.onnx": "refiner, steps for each 10 ms: draft 0, live 4, render 6",
    "plain.onnx": "no refiner: every quality is the same",
}


@pytest.mark.parametrize("name", REFINERS)
def test_singers_tell_at_which_qualities_they_are_refined(here: Path, capsys: Capture, name: str) -> None:
    refiner, wanted = REFINERS[name]
    write_singer(here / name, refiner=refiner)
    assert call(capsys, "singers", name).out.splitlines()[2].strip() == SHOWN[name]
    (row,) = json.loads(call(capsys, "singers", name, "--json").out)
    assert {word: cost["steps"] for word, cost in row["qualities"].items()} == wanted
    each = refiner.milliseconds if refiner else 0.0
    assert all(cost["milliseconds"] == cost["steps"] * each for cost in row["qualities"].values())
    assert row["refiner"] == (None if refiner is None else json.loads(refiner.model_dump_json()))


def test_a_bounce_has_the_quality_asked_for(here: Path, capsys: Capture) -> None:
    write_singer(here / "fine.onnx", refiner=Refiner(bands=4, steps=(1, 2, 8)))
    write_singer(here / "plain.onnx")
    found = {}
    for word in ("", "draft", "live", "mix", "Render"):
        asked = ("--transpose", "0", *(("--quality", word) if word else ()))
        done = call(
            capsys, "bounce", "stem.wav", "--singer", "fine.onnx", *asked, "-o", f"{word or 'usual'}.wav"
        )
        assert (done.status, done.err) == (0, "")
        found[word] = soundfile.read(f"{word or 'usual'}.wav")[0].tobytes()
    assert found[""] == found["live"]
    assert len(set(found.values())) == 4
    call(capsys, "bounce", "stem.wav", "--singer", "plain.onnx", "--transpose", "0", "-o", "plain.wav")
    assert soundfile.read("plain.wav")[0].tobytes() == found["draft"]
    done = call(capsys, "bounce", "stem.wav", "--singer", "fine.onnx", "--quality", "best")
    assert done.status == 2
    assert "quality 'best' is unknown; give one of draft, live, mix, render" in done.err


def test_params_lists_the_table(capsys: Capture) -> None:
    text = call(capsys, "params").out
    rows = json.loads(call(capsys, "params", "--json").out)
    assert [row["id"] for row in rows] == list(PARAMETERS)
    assert all(name in text for name in PARAMETERS)
    transpose = next(row for row in rows if row["id"] == "transpose")
    assert (transpose["low"], transpose["high"], transpose["unit"]) == (-36, 36, "semitones")
    assert (transpose["default"], transpose["words"]) == ("auto", ["auto"])


def test_bench_measures(here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_bridge.measure.bench._BLOCK_SECONDS", 2)
    monkeypatch.setattr("plugin_bridge.measure.bench._REPEATS", 1)
    monkeypatch.setattr("plugin_bridge.measure.bench._STARTS", 1)
    done = call(
        capsys, "bench", "--singer", str(here / "dark.onnx"), "--seconds", "1", "--hours", "0.0005", "--json"
    )
    figures = json.loads(done.out)
    assert figures["singer"] == "dark"
    (only,) = figures["qualities"]
    assert (only["quality"], only["steps"]) == ("draft", 0)
    assert 0 < only["bounce"]["rtf"] < 20
    assert [row["block"] for row in only["blocks"]] == [64, 128, 256]
    assert all(0 < row["median_ms"] <= row["p999_ms"] <= row["worst_ms"] for row in only["blocks"])
    assert 20 < figures["memory"]["peak_mb"] < 500
    assert figures["start"]["import_seconds"] > 0
    from plugin_bridge.measure.bench import as_lines

    assert len(list(as_lines(figures))) == 10


def test_bench_measures_each_quality(here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_BLOCK_SECONDS", 2), ("_REPEATS", 1), ("_STARTS", 1), ("BLOCKS", (256,))):
        monkeypatch.setattr(f"plugin_bridge.measure.bench.{name}", value)
    write_singer(here / "fine.onnx", refiner=Refiner(bands=4, steps=(1, 2, 8)))
    lines = call(capsys, "bench", "--singer", "fine.onnx", "--seconds", "1").out.splitlines()
    measured = [line for line in lines if "bounce of 1 s" in line or "blocks of 256" in line]
    names = [line.partition(": ")[0] for line in measured]
    steps = {"draft": 0, "live": 1, "mix": 2, "render": 8}
    assert names == [f"quality {word}, steps {count}" for word, count in steps.items() for _ in range(2)]


def test_bench_starts_bounces_with_the_pitch_it_tells_of(tmp_path: Path) -> None:
    assert "melody" in _bounce_command(tmp_path / "a.wav", tmp_path / "b.wav", "nit", "melody")


def python(folder: Path, code: str) -> str:
    """Run code in a new interpreter; return its standard error."""
    command, environment = [sys.executable, "-c", code], {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stderr


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom plugin_bridge.cli import main\n"
        "try:\n    main(['bounce', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'onnxruntime', 'pedalboard', 'pydantic', 'soundfile', 'torch', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    assert python(tmp_path, code) == "[]\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_no_other_commands_parser(tmp_path: Path, command: str) -> None:
    code = (
        "import sys\nfrom plugin_bridge.cli import main\n"
        f"try:\n    main([{command!r}, '--help'])\nexcept SystemExit: pass\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    loaded = set(python(tmp_path, code).split())
    others = {name for name in COMMANDS if name != command}
    assert not {f"plugin_bridge.commands.{name}" for name in others} & loaded
    ours = {name for name in loaded if name.partition(".")[0] in {"dsp", "models", "plugin_bridge"}}
    assert len(ours) <= 30, sorted(ours)


def test_a_bounce_loads_nothing_of_other_commands(tmp_path: Path) -> None:
    workplace(tmp_path)
    code = (
        "import sys\nfrom plugin_bridge.cli import main\n"
        "main(['bounce', 'stem.wav', '--singer', 'dark.onnx'])\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    loaded = set(python(tmp_path, code).splitlines()[-1].split())
    rooms = ("live", "osc", "measure", "chain", "midi")
    foreign = {name for name in loaded for room in rooms if name.startswith(f"plugin_bridge.{room}")}
    assert not foreign
    slow = {"plugin_bridge.sessions.header", "plugin_bridge.bounce.take", "mido", "numpy.ma"}
    assert not slow & loaded
    commands = {name.rpartition(".")[2] for name in loaded if name.startswith("plugin_bridge.commands.")}
    assert commands == {"bounce", "options", "progress", "rendering"}


def test_help_lists_every_command_with_what_it_does(capsys: Capture) -> None:
    text = " ".join(call(capsys, "--help").out.split())
    assert all(f"{name} {does}" in text for name, does in COMMANDS.items())
    assert all(
        call(capsys, name, "--help").out.startswith(f"usage: plugin-bridge {name} ") for name in COMMANDS
    )


def test_no_text_of_a_file_reaches_the_terminal_as_commands(here: Path, capsys: Capture) -> None:
    escape = "\x1b[2J"
    write_singer(here / "evil.onnx", name=f"{escape}Evil", licence=f"CC0{escape}", attribution="no\nbody")
    name = f"{escape}stem\n.wav"
    (here / "stem.wav").rename(here / name)
    shown = [
        call(capsys, "singers", "evil.onnx"),
        call(capsys, "singers", "evil.onnx", "--json"),
        call(capsys, "bounce", name, "--singer", "dark.onnx"),
        call(capsys, "bounce", f"{escape}none.wav", "--singer", "dark.onnx"),
        call(capsys, "bounce", "evil.onnx", "--preset", f"{escape}none"),
        call(capsys, f"{escape}bounce"),
        call(capsys, "bench", f"--{escape}x"),
    ]
    assert not [done for done in shown if "\x1b" in done.out + done.err]
    assert shown[0].out.count("\n") == 3
    assert shown[2].out.startswith("[2Jstem .dark.wav: dark, ")
    assert all(done.err.count("\n") <= 1 for done in shown)


def test_a_bounce_loads_neither_torch_nor_pedalboard(tmp_path: Path) -> None:
    workplace(tmp_path)
    code = (
        "import sys\nfrom plugin_bridge.cli import main\n"
        "status = main(['bounce', 'stem.wav', '--singer', 'dark.onnx'])\n"
        "heavy = {'torch', 'scipy', 'librosa', 'pedalboard'}\n"
        "print(status, sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    assert python(tmp_path, code).splitlines()[-1] == "0 []"


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    with spawn(["params", "--json"], tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


def test_the_version_is_told(capsys: Capture) -> None:
    assert call(capsys, "--version").out.startswith("plugin-bridge 0.")


def test_a_bar_shows_the_remaining_time_where_a_person_watches(tmp_path: Path) -> None:
    workplace(tmp_path, seconds=20.0)  # long enough for the bar to move
    command = [sys.executable, "-m", "plugin_bridge", "bounce", "stem.wav", "--singer", "dark.onnx"]
    screen, other = pty.openpty()
    environment = {"PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=other, stdout=subprocess.PIPE
    ) as process:
        os.close(other)
        shown = b""
        with contextlib.suppress(OSError):  # the other end is gone
            while part := os.read(screen, 4096):
                shown += part
        os.close(screen)
        assert process.stdout is not None
        assert process.stdout.read().startswith(b"stem.dark.wav: dark, 20.00 s")
    assert b"stem.wav" in shown
    assert b"/20 s, 00:0" in shown
    assert b"left" in shown
