"""The plan of an evaluation: from the command line or from a file, refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.measure.plan import SHIPPED, Item, plan_of, plan_of_copies, read_plan
from tests.plugin_bridge.commands.evaluating import studio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return studio(tmp_path)


def test_a_command_line_becomes_a_plan(folder: Path) -> None:
    plan = plan_of([folder / "held"], ["a", "b"], [f"a={folder}/held", f"b={folder}/held/note0.wav"], 5.0)
    note = folder / "held" / "note0.wav"
    assert plan.items[0] == Item((note,), seconds=5.0)
    assert {name: len(paths) for name, paths in plan.references.items()} == {"a": 2, "b": 1}
    assert not plan.copies
    assert plan_of([note], ["a"], [str(note)], 0.0).references == {"a": (note,)}
    with pytest.raises(ValueError, match="does not say of which singer"):
        plan_of([note], ["a", "b"], [str(note)], 0.0)


def test_what_is_copied_is_its_own_reference(folder: Path) -> None:
    plan = plan_of_copies([folder / "held"], ["a", "b"], 0.0)
    notes = (folder / "held" / "note0.wav", folder / "held" / "note1.wav")
    assert plan.copies
    assert plan.items == (Item(notes[:1]), Item(notes[1:]))
    assert plan.references == {"a": notes, "b": notes}


def test_a_plan_file_names_voices_by_patterns(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "anna").mkdir(parents=True)
    (data / "bert").mkdir()
    for number in range(1, 12):
        (data / "anna" / f"song{number:02}.wav").touch()
    for name in ("ka_ki.wav", "ku.flac", "notes.txt"):
        (data / "bert" / name).touch()
    (tmp_path / "plan.toml").write_text(
        """
        [voices.anna]
        files = ["anna/*.wav"]
        every = 5
        seconds = 3
        language = "en"
        [voices.bert]
        files = ["bert/k*", "bert/*.flac"]
        join = true
        spelt = "(.+)"
        """,
        encoding="utf-8",
    )
    plan = read_plan(tmp_path / "plan.toml", data)
    songs = (data / "anna" / "song05.wav", data / "anna" / "song10.wav")
    syllables = (data / "bert" / "ka_ki.wav", data / "bert" / "ku.flac")
    assert plan.references == {"anna": songs, "bert": syllables}
    assert plan.items[:2] == tuple(Item((song,), "", "anna", 3.0, None, "en") for song in songs)
    joined = plan.items[2]
    assert (joined.paths, joined.name, joined.voice) == (syllables, "bert", "bert")
    assert joined.spelt is not None
    assert joined.spelt.pattern == "(.+)"


def test_without_a_folder_the_recordings_lie_beside_the_plan(folder: Path) -> None:
    (folder / "plan.toml").write_text("[voices.a]\nfiles = ['held/*']", encoding="utf-8")
    assert [item.paths[0].name for item in read_plan(folder / "plan.toml").items] == [
        "note0.wav",
        "note1.wav",
    ]


@pytest.mark.parametrize("name", ["heldout", "quick"])
def test_a_plan_that_ships_says_which_recordings_it_lacks(tmp_path: Path, name: str) -> None:
    assert name in SHIPPED
    with pytest.raises(ValueError, match=r"no recording matches 'pjs/.* in .*; give their folder by --data"):
        read_plan(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[voices", "is not valid TOML"),
        ("", "voices: field required; correct the plan"),
        ("[voices.a]\nfiles = []", r"voices\.a\.files: .*at least 1 item"),
        ("[voices.a]\nfiles = ['*.wav']\nfile = 'x'", r"voices\.a\.file: extra"),
        ("[voices.a]\nfiles = ['*.wav']\nevery = 0", r"voices\.a\.every: .*greater than or equal to 1"),
        ("[voices.a]\nfiles = ['*.wav']\nspelt = '('", r"voices\.a\.spelt: .*regular expression"),
        ("[voices.a]\nfiles = ['*.wav']\nspelt = 'x'", r"voices\.a\.spelt: .*one group"),
        ("[voices.a]\nfiles = ['/etc/*.wav']", r"voices\.a: '/etc/\*\.wav' is no relative pattern"),
        ("[voices.a]\nfiles = ['']", r"voices\.a: '' is no relative pattern"),
        ("[voices.a]\nfiles = ['*.txt']", r"voices\.a: no recording matches '\*\.txt' in "),
        ("[voices.a]\nfiles = ['*.wav']\nevery = 2", r"voices\.a: every 2 leaves nothing; correct the plan"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    (tmp_path / "song.wav").touch()
    (tmp_path / "song.txt").touch()
    with pytest.raises(ValueError, match=sentence) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
