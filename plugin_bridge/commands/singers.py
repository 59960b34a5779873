"""`plugin-bridge singers`: the singers, their ranges, licences and refiners."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.commands.options import add_json
from plugin_bridge.errors import SingerFileError
from plugin_bridge.files.printable import printable

if TYPE_CHECKING:
    from models.singer.manifest import Manifest


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "List the built-in singers, or describe singer files."
    parser.add_argument(
        "files", nargs="*", metavar="SINGER", help="ids or singer files; default: all built-in singers"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the singers; a file that is none fails, after the others."""
    from models.singer.file import load_singer, shipped  # noqa: PLC0415 - loads onnxruntime

    rows: list[dict[str, object]] = []
    failed = 0
    for name in arguments.files or shipped():
        try:
            singer = load_singer(name)
        except SingerFileError as error:
            print(f"plugin-bridge singers: {printable(error)}", file=sys.stderr)
            failed += 1
            continue
        rows.append(described(singer.manifest, singer.path))
        if not arguments.json:
            _show(singer.manifest)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    return 2 if failed else 0


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
