"""Jobs of a plan: inputs found, names filled in, collisions seen before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.batches.expansion import PlannedJob, planned_jobs
from plugin_bridge.batches.naming import fields_of, filled
from plugin_bridge.errors import BridgeError, PlanError
from tests.support.plans import planned_folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return planned_folder(tmp_path)


def jobs_of(folder: Path, text: str) -> list[PlannedJob]:
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    return planned_jobs(folder / "plan.toml")


def names(jobs: list[PlannedJob], folder: Path) -> list[tuple[str, str]]:
    return [(str(job.source.relative_to(folder)), str(job.target.relative_to(folder))) for job in jobs]


def test_each_input_and_each_singer_make_a_job_with_a_name(here: Path) -> None:
    text = """
    [[jobs]]
    input = ["stems/[01].wav", "stems/2.wav"]
    singer = ["dark.onnx", "pjs"]
    output = "made/{stem}_{singer}_{transpose}_{melody}_{key}.flac"
    bits = 16
    parameters = { transpose = -12, melody = true }
    """
    jobs = jobs_of(here, text)
    assert names(jobs, here) == [
        (f"stems/{stem}.wav", f"made/{stem}_{singer}_-12_on_C.flac")
        for stem in range(3)
        for singer in ("dark", "pjs")
    ]
    first = jobs[0]
    assert (first.form.container, first.form.bits) == ("flac", "16")
    assert first.settings.singer == str(here / "dark.onnx")
    assert first.settings.parameters == {"transpose": -12.0, "melody": True}
    assert not (here / "made").exists()


def test_level_and_rate_are_those_of_the_plan(here: Path) -> None:
    jobs = """
    [[jobs]]
    input = "stems/1.wav"
    output = "x.opus"
    loudness = -23
    rate = 16000
    [[jobs]]
    input = "stems/2.wav"
    output = "y.mp3"
    match_loudness = true
    """
    one, two = jobs_of(here, jobs)
    assert (one.form.container, one.form.sample_rate, one.settings.loudness) == ("opus", 16000, -23.0)
    assert (two.form.container, two.form.sample_rate, two.settings.match_loudness) == ("mp3", None, True)
    (here / "plan.csv").write_text(
        "input,output,loudness,rate,match_loudness\nstems/1.wav,x.wav,-23,44100,off\nstems/2.wav,y.wav,,,on\n"
    )
    one, two = planned_jobs(here / "plan.csv")
    assert (one.form.sample_rate, one.settings.loudness) == (44100, -23.0)
    assert (two.form.sample_rate, two.settings.match_loudness) == (None, True)


def test_folders_below_a_pattern_are_a_field(here: Path) -> None:
    (here / "stems" / "lead").mkdir()
    (here / "stems" / "0.wav").rename(here / "stems" / "lead" / "1.wav")
    (here / "stems" / "notes.txt").touch()
    (here / "stems" / ".hidden.wav").touch()
    text = '[[jobs]]\ninput = "stems/**/*"\nsinger = "dark.onnx"\noutput = "{folder}/made/{stem}.wav"'
    assert names(jobs_of(here, text), here) == [
        ("stems/1.wav", "made/1.wav"),
        ("stems/2.wav", "made/2.wav"),
        ("stems/lead/1.wav", "lead/made/1.wav"),
    ]
    folder = text.replace("stems/**/*", "stems")
    assert [source for source, _ in names(jobs_of(here, folder), here)] == ["stems/1.wav", "stems/2.wav"]


def test_a_preset_and_an_automation_of_its_own_for_each_stem(here: Path) -> None:
    text = """
    [[jobs]]
    input = "stems/1.wav"
    preset = "hall"
    automation = "moves/{stem}.jsonl"
    output = "{stem}.{preset}.{singer}.wav"
    """
    with pytest.raises(PlanError, match=r"job 1: automation .*moves/1.jsonl does not exist; check the path"):
        jobs_of(here, text)
    (here / "moves").mkdir()
    (here / "moves" / "1.jsonl").touch()
    (job,) = jobs_of(here, text)
    assert job.settings.automation == here / "moves" / "1.jsonl"
    assert job.settings.preset is not None
    assert job.target.name == f"1.hall.{job.settings.preset.singer}.wav"


JOB = '[[jobs]]\nsinger = "dark.onnx"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'input = "stems/*.wav"\noutput = "x.wav"',
            r"would make .*x\.wav of .*0\.wav and of .*1\.wav; tell them",
        ),
        (
            'input = ["stems/1.wav", "stems/1.wav"]\noutput = "x.wav"',
            r"would make .*x\.wav twice; tell them apart",
        ),
        (
            f'input = "stems"\noutput = "{{stem}}.wav"\n{JOB}input = "stems/1.wav"\noutput = "m/../1.wav"',
            "would make .* twice; tell",
        ),
        ('input = "stems/1.wav"\noutput = "stems/1.wav"', "would replace the input .* by the bounce of"),
        ('input = "stems/9.wav"\noutput = "x.wav"', r"job 1: input .*9\.wav does not exist; check the path"),
        ('input = "stems/*.mp3"\noutput = "x.wav"', r"job 1: input 'stems/\*\.mp3' finds no audio"),
        ('input = "stems/1.wav"\noutput = "{name}.wav"', "has a field {name}, which is unknown; use stem, "),
        ('input = "stems/1.wav"\noutput = "{stem.__class__}.wav"', "has a field .* which is unknown"),
        ('input = "stems/1.wav"\noutput = "{stem!r}.wav"', "has a field {stem}, which is unknown"),
        ('input = "stems/1.wav"\noutput = "{stem"', "has a brace without its other; double it"),
        ('input = "stems/1.wav"\noutput = "{stem}.xyz"', r"'1\.xyz' does not end like an output; use \.wav"),
        (
            'input = "stems/1.wav"\noutput = "x.wav"\nnormalize = 3',
            "normalize 3 is out of range; give -60",
        ),
        (
            'input = "stems/1.wav"\noutput = "x.wav"\nloudness = -23\nmatch_loudness = true',
            "each set the level; give one",
        ),
        ('input = "stems/1.wav"\noutput = "x.mp3"\nrate = 96000', "mp3 is not written at 96000 Hz"),
        ('input = "stems/1.wav"\noutput = "x.flac"\nbits = "32f"', "flac is not written with '32f' bits"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(here: Path, text: str, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        jobs_of(here, JOB + text)


def test_an_unknown_singer_or_preset_is_told_before_the_start(here: Path) -> None:
    rest = 'input = "stems/1.wav"\noutput = "x.wav"'
    with pytest.raises(BridgeError, match=r"singer 'nlt' is unknown \(did you mean 'nit'\?\)"):
        jobs_of(here, f'[[jobs]]\nsinger = "nlt"\n{rest}')
    with pytest.raises(BridgeError, match=r"singer .*none\.onnx' is unknown"):
        jobs_of(here, f'[[jobs]]\nsinger = "none.onnx"\n{rest}')
    with pytest.raises(BridgeError, match=r"preset .* is not there; use one of"):
        jobs_of(here, f'[[jobs]]\npreset = "none"\n{rest}')


def test_fields_are_filled_and_braces_doubled() -> None:
    fields = fields_of("a", ".", "voices/me.onnx", "", {"transpose": 1.5, "morph_singer": "x/you.onnx"})
    assert filled("{{{stem}}}_{singer}_{transpose}_{morph_singer}_{gain}", fields) == "{a}_me_1.5_you_0"
    assert filled("", fields) == ""
