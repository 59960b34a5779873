"""What commands that render audio through a singer share: options, settings, and lines for people."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from dsp.units import MAX_SEED
from plugin_bridge.commands.options import (
    add_force,
    add_parameters,
    add_progress,
    number_within,
    parameter_values,
)
from plugin_bridge.files.printable import printable
from plugin_bridge.files.standardstreams import STANDARD_STREAM

if TYPE_CHECKING:
    from plugin_bridge.bounce.bounce import BounceListener, BounceResult
    from plugin_bridge.bounce.settings import BounceSettings
    from plugin_bridge.commands.progress import Progress

BROKEN_PIPE = 141
"""Exit status when the reader of standard output has closed it: 128 + SIGPIPE, as in a shell."""


def use_one_thread() -> None:
    """Let numpy not start a thread for each core as it is loaded: 50 ms, and its matrices here are small."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def add_voice(parser: argparse.ArgumentParser) -> None:
    """Add who sings and what moves: `--singer`, `--preset`, `--automation` and what belongs to them."""
    add = parser.add_argument
    add(
        "--singer",
        metavar="SINGER",
        default="",
        help="id of a singer (see 'plugin-bridge singers') or path of a singer file",
    )
    add(
        "--preset",
        metavar="PRESET",
        help="name or TOML file of a preset: singer, parameters and effects; options override it",
    )
    add(
        "--trust-preset",
        action="store_true",
        help="let the preset load VST3 plug-ins from outside the system's plug-in folders",
    )
    add("--automation", type=Path, metavar="FILE", help="MIDI file, or score of timed events in JSON lines")
    add(
        "--midi-map",
        type=Path,
        metavar="FILE",
        help="TOML file that assigns MIDI programs and controllers, instead of the built-in map",
    )


def add_midi_part(parser: argparse.ArgumentParser, chosen: str) -> None:
    """Add `--midi-channel` and `--midi-track`.

    Args:
        parser: of a command.
        chosen: which part it is where neither is given.
    """
    parser.add_argument(
        "--midi-channel",
        type=number_within(1, 16, whole=True),
        metavar="N",
        help="use only this channel of the MIDI file, 1 to 16; never drums (channel 10)",
    )
    parser.add_argument(
        "--midi-track",
        type=number_within(1, 65535, whole=True),
        metavar="N",
        help=f"use only this track of the MIDI file, counted from 1; default: {chosen}",
    )


def add_midi_start(parser: argparse.ArgumentParser) -> None:
    """Add `--midi-start`, a switch."""
    parser.add_argument(
        "--midi-start",
        action="store_true",
        help="let program changes and controllers at the very start of the MIDI file, which many programs "
        "export unasked, override --singer, --gain and the other options",
    )


def add_output(parser: argparse.ArgumentParser, tail: str, seed: str) -> argparse._ArgumentGroup:
    """Add the form of the output, and all parameters but the singer.

    Args:
        parser: of a command.
        tail: what its tail comes after.
        seed: of what it is, and which where none is given.

    Returns:
        The options of the level, which exclude each other.
    """
    add = parser.add_argument
    add(
        "--format",
        choices=("wav", "aiff", "flac", "opus", "mp3"),
        help="output format, opus in Ogg; default: from the name of the output, else wav",
    )
    add(
        "--bits",
        choices=("16", "24", "32f"),
        help="output sample format; 32f is float (wav only); default 24",
    )
    add(
        "--tail",
        type=_tail,
        default=0.0,
        metavar="SECONDS",
        help=f"render this much after the end of {tail}, or 'auto' until it is silent; default 0",
    )
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--normalize",
        nargs="?",
        type=number_within(-60, 0),
        const=-1.0,
        metavar="DBFS",
        help="bring the peak to this level; -1 dBFS if no level is given",
    )
    level.add_argument(
        "--loudness",
        type=number_within(-60, 0),
        metavar="LUFS",
        help="bring the integrated loudness (ITU-R BS.1770) to this level, such as -23, as far as the true "
        "peak stays at or below -1 dBTP",
    )
    add(
        "--seed",
        type=number_within(0, MAX_SEED, whole=True),
        metavar="N",
        help=f"seed of {seed}",
    )
    add("--dither-seed", type=number_within(0, MAX_SEED, whole=True), metavar="N", help="seed of the dither")
    add(
        "--block",
        type=number_within(1, 2**20, whole=True),
        metavar="N",
        help="samples processed at a time; does not change the sound",
    )
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    add_progress(parser)
    add_parameters(parser, leave_out=("singer",))
    return level


def add_rate(parser: argparse.ArgumentParser, unset: str) -> None:
    """Add `--rate`.

    Args:
        parser: of a command.
        unset: which it is where none is given.
    """
    parser.add_argument(
        "--rate",
        type=number_within(8000, 768000, whole=True),
        metavar="HZ",
        help=f"sample rate of the output; default: {unset}, or the next higher that Opus and MP3 have",
    )


def settings_of(arguments: argparse.Namespace, **more: Any) -> BounceSettings:  # noqa: ANN401 - as the fields
    """Return the settings that the options of this module ask for, and more fields.

    Raises:
        BridgeError: the preset is missing or wrong.
    """
    from plugin_bridge.bounce.settings import BounceSettings  # noqa: PLC0415
    from plugin_bridge.files.dither import DITHER_SEED  # noqa: PLC0415 - loads numpy

    preset = None
    if arguments.preset:
        from plugin_bridge.chain.preset import load_preset  # noqa: PLC0415 - loads the chain

        preset = load_preset(arguments.preset, trusted=arguments.trust_preset)
    return BounceSettings(
        singer=arguments.singer,
        preset=preset,
        parameters=parameter_values(arguments),
        automation=arguments.automation,
        midi_map=arguments.midi_map,
        seed=arguments.seed,
        dither_seed=DITHER_SEED if arguments.dither_seed is None else arguments.dither_seed,
        block=arguments.block,
        tail_seconds=arguments.tail,
        normalize_db=arguments.normalize,
        loudness=arguments.loudness,
        force=arguments.force,
        **more,
    )


def reports(arguments: argparse.Namespace) -> TextIO:
    """Return where reports go: not between the audio."""
    return sys.stderr if arguments.output == STANDARD_STREAM else sys.stdout


def say(command: str, sentence: str) -> None:
    """Write a sentence for a person to standard error, if anybody reads it."""
    with suppress(OSError):  # a note that nobody can read is no reason to fail
        print(told(command, sentence), file=sys.stderr)


def told(command: str, sentence: str) -> str:
    """Return the line that tells a person a sentence."""
    return f"plugin-bridge {command}: {printable(sentence)}"


def listener_of(command: str, shown: Progress, notes: list[str]) -> BounceListener:
    """Return what hears how one file goes: it shows progress, and tells sentences, which it also keeps.

    Args:
        command: that tells them.
        shown: where.
        notes: takes the sentences.
    """
    from plugin_bridge.bounce.bounce import BounceListener  # noqa: PLC0415 - loads soundfile

    def report(sentence: str) -> None:
        notes.append(sentence)
        shown.write(told(command, sentence), sys.stderr)

    def move(done: float, total: float) -> None:
        shown.move(done, total, done / total)

    return BounceListener(report, move)


def summary(done: BounceResult, *, compared: bool = True) -> str:
    """Return the line that reports a file that is done.

    Args:
        done: of one file.
        compared: tell the levels of the source, too.
    """
    peak = "silent" if done.peak_db is None else f"peak {done.peak_db:.1f} dBFS"
    levels = [f"{_levels(done.source_loudness, done.source_true_peak_db)} before"] if compared else []
    if done.peak_db is not None:
        levels.append(_levels(done.loudness, done.true_peak_db) + (" now" if compared else ""))
    speed = f"{done.seconds / done.render_seconds:.0f} times real time"
    target = "standard output" if done.target == STANDARD_STREAM else done.target
    parts = [f"{target}: {done.singer}", f"{done.seconds:.2f} s", peak, *levels, speed]
    return printable(", ".join(parts))


def _levels(loudness: float | None, true_peak: float | None) -> str:
    heard = "no LUFS" if loudness is None else f"{loudness:.1f} LUFS"
    return "silent" if true_peak is None else f"{heard} and {true_peak:.1f} dBTP"


def _tail(text: str) -> float | None:
    if text == "auto":
        return None
    found: float = number_within(0, 3600)(text)
    return found
