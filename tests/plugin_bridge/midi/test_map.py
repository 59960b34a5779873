"""The MIDI map: the one that ships is complete, and a wrong one is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.map import load_midi_map


def test_the_shipped_map_reaches_both_singers_and_fits_the_table() -> None:
    midi_map = load_midi_map()
    assert [row.singer for row in midi_map.program] == ["pjs", "nit"]
    for row in midi_map.control:
        for position in (0.0, 0.5, 1.0):
            PARAMETERS[row.parameter].check(row.value(position))


def test_paths_of_singers_start_at_the_map(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[[program]]\nprogram = 0\nsinger = "mine/me.onnx"\n', encoding="utf-8")
    assert load_midi_map(path).program[0].singer == str(tmp_path / "mine" / "me.onnx")


def test_a_control_turns_through_the_words_of_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[[control]]\nnumber = 20\nparameter = "quality"\n', encoding="utf-8")
    (row,) = load_midi_map(path).control
    words = [row.value(place / 127.0) for place in range(128)]
    assert list(dict.fromkeys(words)) == ["draft", "live", "mix", "render"]
    assert all(words.count(word) == 32 for word in words)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[[program", "is not valid TOML"),
        ("a = " + "[" * 5000 + "]" * 5000, "values are nested more than 32 deep; correct the MIDI map"),
        ("bend_range = 100.0", "bend_range: "),
        ("colour = 1", "colour: "),
        ('[[control]]\nnumber = 1\nparameter = "moprh"', "parameter 'moprh' is unknown; use one of singer, "),
        ('[[control]]\nnumber = 1\nparameter = "singer"', "a control cannot pick a singer; map a program"),
        ('[[control]]\nnumber = 6\nparameter = "morph"', "control 6 has a fixed meaning"),
        ('[[control]]\nnumber = 200\nparameter = "morph"', "control.0.number: "),
        ('[[control]]\nnumber = 1\nparameter = "morph"\nhigh = 3.0', "morph 3.0 is out of range"),
        ('[[control]]\nnumber = 1\nparameter = "bypass"\nhigh = 1.0', "bypass takes no low and high"),
        ('[[control]]\nnumber = 1\nparameter = "morph"\n' * 2, "control 1 is given twice; keep one"),
        ('[[program]]\nprogram = 1\nsinger = "a"\n' * 2, "program 1 of bank 0 is given twice"),
    ],
)
def test_a_wrong_map_is_named_with_its_place(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScoreError) as caught:
        load_midi_map(path)
    assert str(path) in str(caught.value)
    assert part in str(caught.value)


def test_a_missing_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="does not exist"):
        load_midi_map(tmp_path / "map.toml")
