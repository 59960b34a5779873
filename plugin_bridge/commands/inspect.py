"""`plugin-bridge inspect`: a picture of one sound, or of two to compare."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_force, add_pitch, number_within
from plugin_bridge.files.printable import printable
from plugin_bridge.files.standardstreams import STANDARD_STREAM

if TYPE_CHECKING:
    from models.metrics.pictures import Sound

_SUFFIX = ".png"
_EPILOG = """\
Shows a spectrogram from 50 Hz to 16 kHz on a logarithmic axis, notes at its right, with the pitch that the
engine hears; below it the peak of every 10 ms in dBFS, as the meters show it, and the voicing, 0 to 1. Two
files are drawn one above the other on the same axes and in the same colours. Colours span 70 dB down from
the loudest partial. A line for each file says its length, its peak, how much of it has a pitch, from where
to where (5 to 95 % of it), and its median.

The PNG has 1600 x 760 pixels, or 1600 x 1400 of two files. A window (--show) zooms; on Linux it takes Tk
(Debian: python3-tk) or Qt.

Exit status: 0 done, 2 bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Draw the spectrogram, pitch, level and voicing of a file, or of two to compare."
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="one or two audio files; - is standard input")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="PNG",
        help="picture to write; default: beside the first file, unless it is only shown",
    )
    add("--show", action="store_true", help="show the picture in a window")
    add(
        "--start",
        type=number_within(0, 360000),
        default=0.0,
        metavar="S",
        help="begin so many seconds into the files",
    )
    add(
        "--seconds",
        type=number_within(0.01, 1200),
        default=0.0,
        metavar="S",
        help="show only so much; default: all, up to 1200",
    )
    add_pitch(parser)
    add_force(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the picture and print a line for each file."""
    from models.metrics.extras import check_pictures_extra  # noqa: PLC0415
    from models.metrics.pictures import can_show, show_picture  # noqa: PLC0415 - loads numpy
    from plugin_bridge.measure.inspection import inspected  # noqa: PLC0415 - loads soundfile

    check_pictures_extra()
    target = _target(arguments)
    if arguments.show and not can_show():
        raise UsageError(
            "no window can be opened here, which takes a desktop, and Tk (Debian: python3-tk) or Qt; "
            "leave out --show and look at the picture that is written"
        )
    sounds = []
    for path in arguments.files:
        sound, note = inspected(path, arguments.start, arguments.seconds, arguments.pitch)
        sounds.append(sound)
        if note:
            print(printable(f"plugin-bridge inspect: {note}"), file=sys.stderr)
        print(printable(sound.facts), flush=True)
    if target is not None:
        _write(target, sounds, force=arguments.force)
        print(printable(f"{target}: written"))
    if arguments.show:
        show_picture(sounds)
    return 0


def _target(arguments: argparse.Namespace) -> Path | None:
    """Return the picture to be written, None for none, checked before the work."""
    from models.wholefile import check_target  # noqa: PLC0415

    files: list[Path] = arguments.files
    if len(files) > 2:
        raise UsageError(f"{len(files)} files are given and a picture holds one or two; leave some out")
    if files.count(STANDARD_STREAM) > 1:
        raise UsageError("standard input can be read only once; give a file in place of one -")
    target: Path | None = arguments.output
    if target is None:
        if arguments.show:
            return None
        if files[0] == STANDARD_STREAM:
            raise UsageError("standard input has no folder to write to; name the picture with -o")
        target = files[0].with_suffix(_SUFFIX)
    if target.suffix.lower() != _SUFFIX:
        raise UsageError(f"{str(target)!r} does not end in {_SUFFIX}; name such a file with -o")
    check_target(target, force=arguments.force)
    if target.exists() and any(target.samefile(file) for file in files if file.exists()):
        raise UsageError(f"{target} is to be drawn itself; name another picture with -o")
    return target


def _write(target: Path, sounds: Sequence[Sound], *, force: bool) -> None:
    from models.metrics.pictures import write_picture  # noqa: PLC0415
    from models.wholefile import Draft, unwritable  # noqa: PLC0415

    with Draft(target, force=force) as draft:
        try:
            write_picture(draft.path, sounds)
        except OSError as error:
            raise unwritable(target, error) from error
        draft.commit()
