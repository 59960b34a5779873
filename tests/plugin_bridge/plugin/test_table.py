"""Hosts know parameters and singers by number, for good, and what they round arrives as it was meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.errors import ScoreError
from plugin_bridge.plugin.table import HostValues, header, rows, slots

# Projects hold these numbers: a row may be added at the end, and none may ever move.
NUMBERS = [
    "singer",
    "morph_singer",
    "morph",
    "transpose",
    "fine_tune",
    "formant",
    "vibrato",
    "correction",
    "scale",
    "key",
    "retune",
    "breath",
    "brightness",
    "likeness",
    "consonants",
    "melody",
    "glide",
    "source_pitch",
    "mix",
    "gain",
    "bypass",
    "transpose_auto",
    "wait",
    "fallback",
    "status",
    "late",
    "quality",
    "panel",
]
SINGERS = {0: "pjs", 1: "nit"}


def test_numbers_never_move() -> None:
    known = [row.id for row in rows()]
    assert known[: len(NUMBERS)] == NUMBERS
    assert [row.number for row in rows()] == list(range(len(known)))
    assert set(PARAMETERS) <= set(known)


def test_singers_have_the_numbers_of_their_programs(tmp_path: Path) -> None:
    found = slots()
    assert {number: found[number] for number in SINGERS} == SINGERS
    path = tmp_path / "map.toml"
    path.write_text('[[program]]\nbank = 1\nprogram = 3\nsinger = "nit"\n')
    with pytest.raises(
        ScoreError, match=r"names no singer for programs 0 to 15 of bank 0; add a \[\[program\]\]"
    ):
        slots(path)


@given(number=st.sampled_from([n for n in NUMBERS if n in PARAMETERS]), thousandth=st.integers(0, 1000))
def test_what_a_host_rounds_arrives_as_it_was_meant(number: str, thousandth: int) -> None:
    """A VST3 host keeps places from 0 to 1, some of them in 24 bits."""
    row = PARAMETERS[number]
    if row.kind != "number" or row.words:
        return
    meant = round(row.low + (row.high - row.low) * thousandth / 1000, 3 if row.high - row.low < 100 else 1)
    place = np.float32((meant - row.low) / (row.high - row.low))
    held = np.float32(row.low + float(place) * (row.high - row.low))
    assert HostValues(SINGERS).take(row.number, float(held)) == (row.id, meant)


def test_words_switches_and_singers_have_numbers() -> None:
    host = HostValues(SINGERS)
    number = {row.id: row.number for row in rows()}
    assert host.take(number["key"], 3.0) == ("key", "D#")
    assert host.take(number["melody"], 1.0) == ("melody", True)
    assert host.take(number["singer"], 1.0) == ("singer", "nit")
    assert host.take(number["morph_singer"], 1.0) == ("morph_singer", "pjs")
    assert host.take(number["morph_singer"], 0.0) == ("morph_singer", "")
    assert host.take(number["singer"], 5.0) is None  # nobody has it
    assert host.take(number["wait"], 1.0) is None  # the plug-in's own
    assert host.take(999, 1.0) is None


def test_auto_is_a_switch_of_its_own() -> None:
    host = HostValues(SINGERS)
    number = {row.id: row.number for row in rows()}
    assert host.take(number["transpose"], 5.0) is None  # it is not known yet which of the two counts
    assert host.take(number["transpose_auto"], 1.0) == ("transpose", "auto")
    assert host.take(number["transpose"], 7.0) == ("transpose", "auto")
    assert host.take(number["transpose_auto"], 0.0) == ("transpose", 7.0)


def test_what_a_page_sets_is_what_a_host_would_set() -> None:
    """Every value comes back as itself."""
    host = HostValues(SINGERS)
    for row in rows():
        host.take(row.number, 0.0)
    for row in PARAMETERS.values():
        values: list[Value] = list(row.words)
        values += [row.low, row.high] if row.kind == "number" else []
        values += [True, False] if row.kind == "switch" else []
        values += ["pjs", "nit"] if row.kind == "singer" else []
        values += [""] if row.id == "morph_singer" else []
        for value in values:
            for number, held in host.given(row.id, value):
                found = host.take(number, held)
            assert found == (row.id, value)


def test_the_header_has_every_row() -> None:
    text = header(SINGERS)
    for row in rows():
        assert f'{{"{row.id}", ' in text
