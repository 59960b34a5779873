"""A project keeps its parameters, its singers by id and file, and the octave that was found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from plugin_bridge.plugin.installation import Installation
from tests.plugin_bridge.plugin.claphosting import ClapHost, Heard
from tests.plugin_bridge.plugin.hosting import Float32, played, set_values, vst3
from tests.plugin_bridge.plugin.test_clap import RATE, differing, voice


def again(host: ClapHost, state: Path, audio: Float32) -> Heard:
    """Open a project and play."""
    host.load, host.save, host.events = state, None, []
    return host.play(audio, RATE)


def test_a_project_is_opened_as_it_was_saved(host: ClapHost, tmp_path: Path) -> None:
    audio, state = voice(1.0), tmp_path / "project"
    host.save = state
    host.value(0, "singer", 1).value(0, "transpose_auto", 0).value(0, "transpose", -4.5).value(0, "key", 3)
    before = host.value(0, "breath", 6.25).value(0, "fallback", 1).play(audio, RATE)
    after = again(host, state, audio)
    assert differing(after.audio, before.audio) == 0
    unsaved = {"24", "25"}  # status and late
    assert {k: v for k, v in after.figures["values"].items() if k not in unsaved} == {
        k: v for k, v in before.figures["values"].items() if k not in unsaved
    }


def test_a_singer_that_is_gone_or_another_file_is_told(host: ClapHost, tmp_path: Path) -> None:
    audio, state = voice(0.5), tmp_path / "project"
    host.save = state
    whole = host.value(0, "singer", 1).play(audio, RATE)
    saved = state.read_bytes()
    at = saved.index(b"1 nit ") + len("1 nit ")
    digits = saved[at : saved.index(b";", at)]
    assert len(digits) == 64
    state.write_bytes(saved.replace(digits, b"0" * 64))
    other = again(host, state, audio)
    assert other.text("status") == "singer changed"
    assert differing(other.audio, whole.audio) == 0
    state.write_bytes(saved.replace(b"1 nit ", b"1 tin "))
    gone = again(host, state, audio)
    assert gone.text("status") == "singer missing"
    assert not gone.audio.any()


def test_numbers_keep_their_singers(host: ClapHost, tmp_path: Path) -> None:
    """A project made with another MIDI map is sung by the same people."""
    audio, state = voice(0.5), tmp_path / "project"
    host.save = state
    first = host.value(0, "singer", 1).play(audio, RATE)
    swapped = re.sub(rb"0 pjs (\w+);1 nit (\w+);", rb"0 nit \2;1 pjs \1;", state.read_bytes())
    moved = re.sub(rb"(\0singer\0)1(\0)", rb"\g<1>0\2", swapped)
    assert len({state.read_bytes(), swapped, moved}) == 3
    state.write_bytes(moved)
    assert differing(again(host, state, audio).audio, first.audio) == 0


def test_what_auto_found_is_kept(host: ClapHost, tmp_path: Path) -> None:
    """A first export hunts for the octave; the next ones have it from the first note on, all alike."""
    audio, state = voice(7.0), tmp_path / "project"
    host.save = state
    first = host.value(0, "singer", 1).play(audio, RATE)
    second = again(host, state, audio)
    host.save = state
    third = host.play(audio, RATE)
    fourth = again(host, state, audio)
    assert differing(second.audio, first.audio) > 0
    assert differing(third.audio, second.audio) == 0
    assert differing(fourth.audio, second.audio) == 0


def test_a_project_of_a_vst3_host_is_opened_as_it_was_saved(
    place: Installation, stem: tuple[Float32, int]
) -> None:
    audio, rate = stem
    audio = np.ascontiguousarray(audio[:, :rate])
    first = vst3(place, 1)
    set_values(first, {"singer": "nit", "transpose": -4.5, "breath": 6.25, "key": "D#"})
    before = played(first, audio, rate, 512, [])
    second = vst3(place, 1)
    second.raw_state = first.raw_state
    assert np.array_equal(played(second, audio, rate, 1000, []), before)
    assert second.key == "D#"
