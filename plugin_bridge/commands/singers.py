"""`plugin-bridge singers`: the singers, their ranges, licences and refiners, and who is like a recording."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from plugin_bridge.commands.options import add_json
from plugin_bridge.errors import BridgeError, SingerFileError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.singer.manifest import Manifest


_EPILOG = """\
Likeness (--like, --embed): a network (TUNe) hears who sings and says it in a vector of length 1. Singers and
presets are heard in a short phrase that they sing. --like ranks them by the cosine of their vector and the
reference's, 1 for the same. Of ten seconds of voice, nine in ten pairs of one singer's recordings have more
than .67, and nine in ten of two singers' less than .54; of three seconds .62 and .48. One tells little.

Exit status: 0 done, 2 bad input.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = (
        "List the built-in singers, or describe singer files; with --like, rank singers and presets by how "
        "much they sound like a recording."
    )
    parser.epilog = _EPILOG
    add = parser.add_argument
    add(
        "files",
        nargs="*",
        metavar="SINGER",
        help="ids or singer files; with --like also presets, and folders of both; default: all built-in ones",
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--like", metavar="FILE", help="a recording of a voice that is looked for")
    task.add_argument(
        "--embed",
        nargs="+",
        metavar="FILE",
        help="print a vector for each recording, singer or preset, a line of JSON each",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the singers; a file that is none fails, after the others."""
    if arguments.like is not None:
        return _rank(arguments)
    if arguments.embed is not None:
        return _embed(arguments)
    from models.singer.file import load_singer, shipped  # noqa: PLC0415 - loads onnxruntime

    rows: list[dict[str, object]] = []
    failed = False
    for name in arguments.files or shipped():
        try:
            singer = load_singer(name)
        except SingerFileError as error:
            failed = _said(error)
            continue
        rows.append(described(singer.manifest, singer.path))
        if not arguments.json:
            _show(singer.manifest)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    return 2 if failed else 0


def _rank(arguments: argparse.Namespace) -> int:
    """Print singers and presets, the most like first."""
    from models.singer.file import shipped  # noqa: PLC0415 - loads onnxruntime
    from plugin_bridge.chain.preset import shipped_presets  # noqa: PLC0415 - loads the engine
    from plugin_bridge.measure.search import expanded, found  # noqa: PLC0415 - as above

    names = expanded(arguments.files) or (*shipped(), *shipped_presets())
    reference = found(arguments.like).vector
    rows: list[dict[str, object]] = []
    failed = False
    for name in names:
        try:
            one = found(name)
        except BridgeError as error:
            failed = _said(error)
            continue
        likeness = round(float(one.vector @ reference), 4)
        rows.append({"likeness": likeness, "kind": one.kind, "name": one.name, "title": one.title})
    rows.sort(key=lambda row: cast("float", row["likeness"]), reverse=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    for row in () if arguments.json else rows:
        print(printable(f"{row['likeness']:6.3f}  {row['kind']:<9}  {row['name']:<12}  {row['title']}"))
    return 2 if failed else 0


def _embed(arguments: argparse.Namespace) -> int:
    """Print a line of JSON for each file."""
    from plugin_bridge.measure.search import found  # noqa: PLC0415 - loads the engine

    failed = False
    for name in (*arguments.embed, *arguments.files):
        try:
            one = found(name)
        except BridgeError as error:
            failed = _said(error)
            continue
        vector = [round(float(number), 6) for number in one.vector]
        print(json.dumps({"kind": one.kind, "name": one.name, "vector": vector}), flush=True)
    return 2 if failed else 0


def _said(error: BridgeError) -> bool:
    print(f"plugin-bridge singers: {printable(error)}", file=sys.stderr)
    return True


def described(manifest: Manifest, path: Path) -> dict[str, object]:
    """Return what a singer's file says of itself, and where it lies."""
    facts = manifest.model_dump(mode="json", exclude={"tables"})
    return {**facts, "qualities": _qualities(manifest), "path": str(path), "bytes": path.stat().st_size}


def _qualities(manifest: Manifest) -> dict[str, dict[str, float]]:
    """Return the qualities that differ for a singer, with the steps of its refiner and their milliseconds."""
    from plugin_bridge.engine.singers import qualities  # noqa: PLC0415 - loads numpy

    each = manifest.refiner.milliseconds if manifest.refiner else 0.0
    return {
        word: {"steps": steps, "milliseconds": round(steps * each, 4)}
        for word, steps in qualities(manifest).items()
    }


def _show(manifest: Manifest) -> None:
    pitch = f"{manifest.f0_low:.0f}-{manifest.f0_high:.0f} Hz"
    print(printable(f"{manifest.id:<10}  {manifest.name}, {manifest.kind}, sings {pitch}"))
    print(printable(f"{'':<10}  {manifest.licence}: {manifest.attribution}"))
    print(f"{'':<10}  {_refining(manifest)}")
    if manifest.scores:
        scores = ", ".join(f"{name} {value:.3g}" for name, value in manifest.scores.items())
        print(printable(f"{'':<10}  {scores}"))


def _refining(manifest: Manifest) -> str:
    """Return how many steps a singer's refiner takes at each quality, and what they cost."""
    refiner = manifest.refiner
    if refiner is None:
        return "no refiner: every quality is the same"
    shown = [
        f"{word} {cost['steps']}" + (f" ({cost['milliseconds']:.2g} ms)" if cost["milliseconds"] else "")
        for word, cost in _qualities(manifest).items()
    ]
    kind = "refiner" if refiner.noise else "refiner (a regression)"
    return f"{kind}, steps for each 10 ms: {', '.join(shown)}"
