"""The plan of an evaluation: from the command line or from a file, refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.measure.plan import Item, plan_of, read_plan
from tests.plugin_bridge.commands.evaluating import studio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return studio(tmp_path)


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
        ("[references]\na = ['x']", "pairs: field required; correct the plan"),
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
