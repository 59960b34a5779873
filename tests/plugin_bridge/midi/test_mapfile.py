"""Learned controls in a map file: their rows change, the comments stay, and a failure leaves it whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.units import MAX_F0
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.errors import OutputError, ScoreError
from plugin_bridge.midi.map import DEFAULT_MAP, RESERVED, MidiMap, load_midi_map, parse_midi_map
from plugin_bridge.midi.mapfile import save_learned

SHIPPED = DEFAULT_MAP.read_text(encoding="utf-8")
MOVABLE = [row.id for row in PARAMETERS.values() if row.kind != "singer"]
FREE = sorted(set(range(120)) - RESERVED)


def meaning(midi_map: MidiMap) -> object:
    return midi_map.bend_range, midi_map.program, sorted(midi_map.control, key=lambda row: row.number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(SHIPPED, encoding="utf-8")
    return path


def test_a_new_control_is_added_and_no_other_line_changes(path: Path) -> None:
    save_learned(path, 21, "source_pitch")
    text = path.read_text(encoding="utf-8")
    assert text == SHIPPED + '\n[[control]] # learned\nnumber = 21\nparameter = "source_pitch"\n'
    assert load_midi_map(path).control[-1].value(1.0) == MAX_F0


def test_a_control_that_moves_something_else_changes_in_its_place_with_the_range_it_had(path: Path) -> None:
    save_learned(path, 1, "gain")
    text = path.read_text(encoding="utf-8")
    row = '[[control]] # modulation wheel\nnumber = 1\nparameter = "gain"\nlow = -48.0\nhigh = 12.0\n'
    assert row in text
    assert "number = 7\n" not in text
    lost = set(SHIPPED.splitlines()) - set(text.splitlines())
    assert lost == {"[[control]] # volume", "number = 7", 'parameter = "vibrato"'}


def test_both_ends_of_lines_and_a_missing_last_one_stay(path: Path) -> None:
    path.write_bytes(b'# mine\r\n[[control]]\r\n# knob\r\nnumber = 3\r\nparameter = "mix"\r\n# end')
    save_learned(path, 3, "breath")
    save_learned(path, 4, "mix")
    assert path.read_bytes() == (
        b'# mine\r\n[[control]]\r\n# knob\r\nnumber = 3\r\nparameter = "breath"\r\n# end\r\n'
        b'\r\n[[control]] # learned\r\nnumber = 4\r\nparameter = "mix"\r\n'
    )


def test_comments_above_a_row_stay_when_the_row_before_it_goes(path: Path) -> None:
    rows = [
        f'# knob {n}\n[[control]]\nnumber = {n}\nparameter = "{p}"\n' for n, p in ((3, "mix"), (4, "gain"))
    ]
    path.write_text("# mine\n\n" + "\n".join([*rows, "# end\n"]), encoding="utf-8")
    save_learned(path, 5, "gain")
    assert path.read_text(encoding="utf-8") == (
        f'# mine\n\n{rows[0]}\n# knob 4\n\n# end\n\n[[control]] # learned\nnumber = 5\nparameter = "gain"\n'
    )
    save_learned(path, 5, "mix")  # and the first row
    assert path.read_text(encoding="utf-8") == (
        '# mine\n\n# knob 3\n[[control]] # learned\n\n# knob 4\n\n# end\n\nnumber = 5\nparameter = "mix"\n'
    )
    assert [row.parameter for row in load_midi_map(path).control] == ["mix"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_byte_order_mark_and_a_list_in_brackets_stay(path: Path, mark: str) -> None:
    row = 'control = [\n  {number = 1, parameter = "mix"}, # one\n  {number = 2, parameter = "gain"},\n]\n'
    path.write_text(mark + row, encoding="utf-8")
    save_learned(path, 2, "morph")
    assert path.read_text(encoding="utf-8") == mark + row.replace("gain", "morph")


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.sampled_from(FREE), st.sampled_from(MOVABLE), st.booleans()), min_size=1, max_size=5
    )
)
def test_the_file_means_what_was_learned_and_keeps_its_head(
    tmp_path_factory: pytest.TempPathFactory, learned: list[tuple[int, str, bool]]
) -> None:
    path = tmp_path_factory.mktemp("maps") / "map.toml"
    path.write_text(SHIPPED, encoding="utf-8")
    meant = load_midi_map()
    for number, parameter, both in learned:
        pair = both and number < 32
        save_learned(path, number, parameter, pair=pair)
        meant = meant.learned(number, parameter, pair=pair)
    assert meaning(load_midi_map(path)) == meaning(meant)
    assert path.read_text(encoding="utf-8").startswith(SHIPPED.partition("[[control]]")[0])


@pytest.mark.parametrize(
    "text",
    [
        'control = [{number = 1, parameter = "mix"}, {number = 2, parameter = "morph", high = 0.5}]',
        'bend_range = 7.0\ncontrol = []\n[["program"]]\nprogram = 3\nsinger = "nit"',
        '[["control"]]\nnumber = 1\nparameter = "mix"\n[[ control ]]\nnumber = 2\nparameter = """morph"""\n',
        "",
    ],
)
def test_a_file_written_otherwise_keeps_its_meaning(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    before = parse_midi_map(text)
    save_learned(path, 9, "morph")
    save_learned(path, 1, "gain")
    assert meaning(load_midi_map(path)) == meaning(before.learned(9, "morph").learned(1, "gain"))


def test_paths_of_singers_stay_as_they_are_written(path: Path) -> None:
    path.write_text('[[program]]\nprogram = 0\nsinger = "mine/me.onnx"\n', encoding="utf-8")
    save_learned(path, 9, "morph")
    assert 'singer = "mine/me.onnx"\n' in path.read_text(encoding="utf-8")


def test_a_link_and_the_rights_of_the_file_stay(path: Path, tmp_path: Path) -> None:
    path.chmod(0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    save_learned(link, 9, "morph")
    assert link.is_symlink()
    assert load_midi_map(path).control[-1].number == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_edited_meanwhile_stays_and_a_broken_file_is_left_alone(path: Path) -> None:
    path.write_text("[[program", encoding="utf-8")
    with pytest.raises(ScoreError, match="is not valid TOML"):
        save_learned(path, 9, "morph")
    assert path.read_text(encoding="utf-8") == "[[program"
    path.unlink()
    with pytest.raises(ScoreError, match="does not exist"):
        save_learned(path, 9, "morph")


def test_a_file_that_cannot_be_written_stays_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_learned(path, 9, "morph")
    assert path.read_text(encoding="utf-8") == SHIPPED
    assert [file.name for file in path.parent.iterdir()] == ["map.toml"]
