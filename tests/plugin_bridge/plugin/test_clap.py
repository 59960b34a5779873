"""CLAP: random blocks, moves within them, MIDI, notes, and what a host is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from plugin_bridge.engine.engine import Engine
from tests.plugin_bridge.plugin.claphosting import ClapHost
from tests.plugin_bridge.plugin.hosting import Float32, Move, bounced
from tests.support.doubles import sung

RATE = 48000


def differing(heard: Float32, wanted: Float32) -> int:
    """Return how many samples differ."""
    return int(np.count_nonzero(heard[:, : wanted.shape[1]] != wanted))


def voice(seconds: float, channels: int = 1) -> Float32:
    """A vowel, the right channel quieter."""
    mono = sung(RATE, seconds, 196.0, vibrato=0.4)
    return mono if channels == 1 else np.concatenate([mono, 0.5 * mono])


@pytest.mark.parametrize("channels", [1, 2])
def test_random_blocks_with_moves_within_them_are_the_bounce(
    host: ClapHost, tmp_path: Path, channels: int
) -> None:
    audio = voice(1.5, channels)
    moves = [
        Move(0, "singer", "nit"),
        Move(0, "transpose", 3.0),
        Move(20011, "transpose", 5.25),
        Move(30001, "singer", "pjs"),
        Move(30002, "morph_singer", "nit"),
        Move(30003, "morph", 0.3),
        Move(41007, "gain", -3.5),
    ]
    numbers = {"pjs": 0.0, "nit": 1.0}
    host.value(0, "transpose_auto", 0)
    for move in moves:
        value = numbers[move.value] if isinstance(move.value, str) else move.value
        host.value(move.position, move.parameter, value + (move.parameter == "morph_singer"))
    heard = host.play(audio, RATE)
    assert differing(heard.sung, bounced(tmp_path, audio, RATE, moves)) == 0
    assert heard.figures["restarts"] == 0
    assert heard.number("late") == 0.0
    assert heard.text("status") == "ready"


def test_the_latency_is_that_of_the_engine_and_the_block(host: ClapHost) -> None:
    """An impulse in bypass comes when the host was told it would."""
    engine = Engine(RATE, 1, ["pjs"])
    impulse = np.zeros((1, RATE), np.float32)
    impulse[0, 12345] = 0.5
    for block, hops in (("128", 1), ("480", 1), ("512", 2), ("1024", 3)):
        host.block, host.events = block, []
        heard = host.value(0, "bypass", 1).play(impulse, RATE)
        assert heard.figures["latency"] == engine.hop_latency + (2 + hops) * 480
        assert heard.figures["tail"] == engine.tail
        assert np.flatnonzero(heard.sung[0]).tolist() == [12345]


def test_a_program_change_picks_the_singer_at_its_sample(host: ClapHost, tmp_path: Path) -> None:
    audio = voice(1.0)
    host.value(0, "singer", 1).value(0, "transpose_auto", 0).events.append("24003 midi 192 0 0")
    moves = [Move(0, "singer", "nit"), Move(0, "transpose", 0.0), Move(24003, "singer", "pjs")]
    assert differing(host.play(audio, RATE).sung, bounced(tmp_path, audio, RATE, moves)) == 0


def test_notes_replace_the_melody(host: ClapHost, tmp_path: Path) -> None:
    audio = voice(1.0)
    host.value(0, "singer", 1).value(0, "transpose_auto", 0).value(0, "melody", 1)
    host.events += [
        "4801 midi 144 64 100",
        "24007 midi 144 67 100",
        "24500 midi 128 64 0",
        "40000 midi 128 67 0",
    ]
    heard = host.play(audio, RATE).sung
    moves = [Move(0, "singer", "nit"), Move(0, "transpose", 0.0), Move(0, "melody", 1.0)]
    notes = [
        {"position": 4801, "note_on": 64},
        {"position": 24007, "note_on": 67},
        {"position": 24500, "note_off": 64},
        {"position": 40000, "note_off": 67},
    ]
    assert differing(heard, bounced(tmp_path, audio, RATE, moves, more=notes)) == 0


def test_parameters_have_names_units_words_and_flags(host: ClapHost) -> None:
    heard = (
        host.value(0, "transpose_auto", 0)
        .value(0, "transpose", 5.25)
        .value(0, "key", 3)
        .play(voice(0.2), RATE)
    )
    assert heard.text("transpose") == "5.25 semitones"
    assert heard.text("key") == "D#"
    assert heard.text("singer") == "pjs"
    flags = {name: heard.figures["values"][str(number)][3] for name, number in NUMBERS_OF_INTEREST.items()}
    assert flags == {
        "singer": STEPPED | AUTOMATED,
        "gain": AUTOMATED,
        "status": STEPPED | READ_ONLY,
        "bypass": BYPASS,
    }


def test_a_rate_that_is_not_native_is_told_and_holds_nobody_up(host: ClapHost) -> None:
    heard = host.value(0, "singer", 1).play(voice(0.3), 47999)
    assert heard.text("status") == "sample rate not native"
    assert not heard.audio.any()


def test_so_many_moves_that_the_first_are_forgotten(host: ClapHost, tmp_path: Path) -> None:
    """An engine that comes late finds the values all the same; the ring holds 16,384 moves."""
    audio = voice(0.5)
    host.value(0, "singer", 1).value(0, "transpose_auto", 0).value(0, "transpose", 3).value(0, "wait", 2)
    for position in range(18000):
        host.value(position, "gain", -20.0 + position % 2)
    host.value(18000, "gain", 0.0).value(18001, "wait", 1)
    host.block = "64"
    moves = [Move(0, "singer", "nit"), Move(0, "transpose", 3.0)]
    wanted = bounced(tmp_path, audio, RATE, moves)
    heard = host.play(audio, RATE, 1 << 14)
    assert heard.text("status") == "ready"
    kept = slice(20000, wanted.shape[1])
    assert differing(heard.sung[:, kept], wanted[:, kept]) == 0


STEPPED, READ_ONLY, AUTOMATED = 1, 8, 32
BYPASS = STEPPED | 16 | AUTOMATED
NUMBERS_OF_INTEREST = {"singer": 0, "gain": 19, "status": 24, "bypass": 20}
