"""Plans: what TOML and CSV files say, what they may not, and the one sentence each fault gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.batches.plan import read_plan
from plugin_bridge.errors import PlanError


def write(folder: Path, text: str, name: str = "plan.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_jobs_go_over_the_defaults_and_parameters_one_by_one(tmp_path: Path) -> None:
    text = """
    [defaults]
    singer = "nit"
    output = "{stem}.wav"
    tail = 1.5
    parameters = { transpose = -12, breath = 3 }
    [[jobs]]
    input = "a.wav"
    [[jobs]]
    input = ["b.wav", "c.wav"]
    singer = ["nit", "pjs"]
    tail = "auto"
    parameters = { transpose = "auto" }
    """
    first, second = read_plan(write(tmp_path, text))
    assert (first.input, first.singer, first.tail) == (("a.wav",), ("nit",), 1.5)
    assert first.values() == {"transpose": -12.0, "breath": 3.0}
    assert (second.input, second.singer, second.tail) == (("b.wav", "c.wav"), ("nit", "pjs"), "auto")
    assert second.values() == {"transpose": "auto", "breath": 3.0}


@pytest.mark.parametrize("mark", [",", ";"])
def test_a_row_of_csv_is_a_job_of_toml(tmp_path: Path, mark: str) -> None:
    table = (
        "input,output,singer,transpose,scale,melody,tail,seed\n"
        "007.wav,{stem}.wav,nit,-12,minor,yes,auto,5\n\n"
        "b.wav,{stem}.wav,,auto,,,1.5,\n"
    )
    text = "\ufeff" + table.replace(",", mark).replace("\n", "\r\n")
    first, second = read_plan(write(tmp_path, text, "plan.csv"))
    assert (first.input, first.singer, first.tail, first.seed) == (("007.wav",), ("nit",), "auto", 5)
    assert first.values() == {"transpose": -12.0, "scale": "minor", "melody": True}
    assert (second.singer, second.tail, second.seed) == (("",), 1.5, None)
    assert second.values() == {"transpose": "auto"}


ONE = '[[jobs]]\ninput = "a.wav"\noutput = "b.wav"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("jobs = 3", "{plan}, jobs: it must be a list of tables, [[jobs]]; correct the plan"),
        ('[defaults]\nsinger = "nit"', "{plan}, jobs: it is missing; correct the plan"),
        ("format = 2\n" + ONE, "{plan} has plan format 2 and this version reads up to 1; update"),
        (ONE + "volume = 3", "{plan}, job 1, volume: it is unknown; correct the plan"),
        (ONE + "singer = 3", "{plan}, job 1, singer: it must be a word or a list of words; correct the plan"),
        (ONE + "singer = []", "{plan}, job 1, singer: Tuple should have at least 1 item after validation"),
        (ONE + "seed = true", "{plan}, job 1, seed: it must be a number; correct the plan"),
        (ONE + 'midi_start = "yes"', "{plan}, job 1, midi_start: it must be a switch, true or false"),
        (
            ONE + "parameters = { transpose = 99 }",
            "{plan}, job 1, as a whole: transpose 99 is out of range; give -36 to 36 semitones or 'auto'",
        ),
        (
            ONE + "parameters = { singer = 'nit' }",
            "{plan}, job 1, as a whole: the singer is no parameter here; give it as singer of the job",
        ),
        ("[defaults]\nspeed = 2\n" + ONE, "{plan}, defaults, speed: it is unknown; correct the plan"),
        (
            '[[jobs]]\ninput = "a.wav"',
            "{plan}, job 1 has no output; give it there or under [defaults]",
        ),
        ('[[jobs]]\noutput = "a.wav"', "{plan}, job 1 has no input; give it there or under [defaults]"),
        ("[[jobs", "{plan} is not valid TOML: "),
    ],
)
def test_a_fault_of_toml_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(sentence.format(plan=path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "{plan} holds no job; give a row for each under the names of the columns"),
        ("input,output\n", "{plan} holds no job; give a row for each under the names of the columns"),
        (
            "input,output,transpos\na.wav,b.wav,3\n",
            "{plan} has a column 'transpos', which is unknown (did you mean transpose?); correct its name",
        ),
        ("input,output\na.wav,b.wav,3\n", "{plan}, row 2 has more cells than there are columns; correct it"),
        ("input,output\na.wav\n", "{plan}, row 2 has no output; give it there or under [defaults]"),
        (
            "input,output,breath\na.wav,b.wav,much\n",
            "{plan}, row 2, as a whole: breath 'much' is not a number; give ",
        ),
        ('input,output\n"a.wav,b.wav\n', "{plan} is not valid CSV after line 1: "),
    ],
)
def test_a_fault_of_csv_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, text, "plan.csv")
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(sentence.format(plan=path))


def test_a_plan_that_is_not_there_or_no_text_gets_a_sentence(tmp_path: Path) -> None:
    for name in ("none.toml", "none.csv"):
        with pytest.raises(PlanError, match="does not exist; check the path of the plan"):
            read_plan(tmp_path / name)
    (tmp_path / "latin.csv").write_bytes(b"input,output\n\xe9.wav,b.wav\n")
    with pytest.raises(PlanError, match="is not UTF-8; export the plan as UTF-8"):
        read_plan(tmp_path / "latin.csv")
