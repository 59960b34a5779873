"""TOML files: read whole, refused in one sentence, and never at a cost out of proportion."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from plugin_bridge.chain.preset import read_preset
from plugin_bridge.errors import PresetError, ScoreError
from plugin_bridge.files.tomlfile import MAX_DEPTH, MAX_PARTS, MAX_TEXT, parse_toml, read_toml
from plugin_bridge.measure.plan import read_plan
from plugin_bridge.midi.map import load_midi_map

KEY = ".".join("a" * MAX_PARTS)
DIGITS = 4300 * "9"

BOMBS = {
    "40 kB of a dotted key": ("a." * 20_000 + "a = 1", f"a key has more than {MAX_PARTS} parts"),
    "with spaces": ("a . " * 20_000 + "a = 1", f"a key has more than {MAX_PARTS} parts"),
    "quoted": ('"a".' * 20_000 + "a = 1", f"a key has more than {MAX_PARTS} parts"),
    "in a header": (f"[{'a.' * 20_000}a]", f"a key has more than {MAX_PARTS} parts"),
    "in an array's header": (f"[[{'a.' * 20_000}a]]", f"a key has more than {MAX_PARTS} parts"),
    "in an inline table": (f"x = {{{'a.' * 20_000}a = 1}}", f"a key has more than {MAX_PARTS} parts"),
    "behind a string": ('b = "]"\n' + "a." * 20_000 + "a = 1", f"a key has more than {MAX_PARTS} parts"),
    "after a comment": ("# [\n" + "a." * 20_000 + "a = 1", f"a key has more than {MAX_PARTS} parts"),
    "arrays in arrays": ("x = " + "[" * 50_000, f"values are nested more than {MAX_DEPTH} deep"),
    "tables in tables": ("x = " + "{a=" * 50_000, f"values are nested more than {MAX_DEPTH} deep"),
    "both": ("x = " + "[{a=" * 50_000, f"values are nested more than {MAX_DEPTH} deep"),
    "a number of 4300 digits": (f"x = {DIGITS}", "a whole number is beyond 64 bits"),
    "one digit more": (f"x = -{DIGITS}0", "a whole number is beyond 64 bits"),
    "hexadecimal": (f"x = 0x{'f' * 100_000}", "a whole number is beyond 64 bits"),
    "binary, deep inside": (f"x = [[{{a = [0b{'1' * 65}]}}]]", "a whole number is beyond 64 bits"),
    "a long key": ("a" * 100_000 + " = 1", "a key has 100000 characters, more than 200"),
    "a string without an end": ('x = "' + '\\"' * 200_000, "Unterminated string|line 1"),
    "a long string without an end": ('x = """' + '\\"""' * 200_000, "end of document|line 1"),
    "a literal without an end": ("x = '''" + "''\n" * 200_000, "end of document|line"),
    "lone quotes": ("x = 1\n" + "'" * 200_001, "line 2"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    text, reason = BOMBS[name]
    path = tmp_path / "bomb.toml"
    path.write_text(text, "utf-8")
    for read, error, kind in (
        (read_preset, PresetError, "preset"),
        (load_midi_map, ScoreError, "MIDI map"),
        (read_plan, ValueError, "plan"),
    ):
        with pytest.raises(error, match=reason) as told:
            read(path)
        assert str(told.value).startswith(f"{path} is not valid TOML: ")
        assert str(told.value).endswith(f"; correct the {kind}")
        assert len(str(told.value)) < 400


WITHIN = [
    "\ufeff# A comment with \"quotes', [brackets] and a.b.c.d",
    f"{KEY} = 1",
    f'plain = "{"." * 100}[[[[{"{" * 100} \\" # "',
    f"literal = '{'.' * 100}[\\'",
    f'long = """a "quoted" word,\n{"[" * 100} \\""" and an end"""""',
    f"longer = '''it's ''here''\n{'.[' * 100}'''''",
    "array = [ # with . [ { inside",
    f"1.5, -2e3, 1979-05-27T07:32:00.999Z, {'[' * (MAX_DEPTH - 1)}{']' * (MAX_DEPTH - 1)},",
    "]",
    f"least = {-(2**63)}",
    f"most = {2**63 - 1}",
    "[table.\"a.b\".'c.d']",
    "x = { a.b = 1, c = [true] }",
    "[[rows]]",
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_is_within_the_bounds_is_read_as_before(newline: str) -> None:
    text = newline.join(WITHIN)
    assert parse_toml(text) == tomllib.loads(text.removeprefix("\ufeff"))
    assert parse_toml(text)["long"].endswith('"" and an end""')


@pytest.mark.parametrize(
    "broken", [f"{KEY}.a = 1", f"x = {'[' * (MAX_DEPTH + 1)}", f"x = {2**63}", f"x = {-(2**63) - 1}"]
)
def test_one_more_is_too_much(broken: str) -> None:
    with pytest.raises(ValueError, match=r"more than|beyond"):
        parse_toml(broken)


def test_long_strings_do_not_count_as_text() -> None:
    state = "A" * (4 * MAX_TEXT)
    for quotes in ('"', "'", '"""', "'''"):
        assert parse_toml(f"state = {quotes}{state}{quotes}")["state"] == state
    with pytest.raises(ValueError, match="characters outside of strings"):
        parse_toml("[[a]]\n" * (MAX_TEXT // 6 + 1))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(PresetError, match=r"x\.toml does not exist; check the path of the preset"):
        read_toml(path, "preset", PresetError)
    with pytest.raises(PresetError, match="cannot be read: Is a directory; check the preset"):
        read_toml(tmp_path, "preset", PresetError)
    with pytest.raises(PresetError, match=r"cannot be read: .*; check the preset"):
        read_toml(Path("a\0b"), "preset", PresetError)
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(PresetError, match=r"is not valid TOML: 'utf-8' codec"):
        read_toml(path, "preset", PresetError)
    path.write_bytes(b"a = 1 # 4567890")
    assert read_toml(path, "preset", PresetError, 15) == {"a": 1}
    with pytest.raises(PresetError, match=r"x\.toml is larger than 14 bytes; give a preset"):
        read_toml(path, "preset", PresetError, 14)
