"""What the programs of the trainings share: options, a sentence for each fault, a word at an interrupt."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from models.errors import BridgeError, TrainingError, how_to_install
from models.singer.manifest import check_unicode


def started(module: str) -> int:
    """Return the exit status of a program whose module needs torch: 2 and one sentence where that is missing.

    Args:
        module: that has `main`.
    """
    try:
        main: Callable[[], int] = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        sys.stderr.write(f"training needs {error.name}, which is not installed; {how_to_install('train')}\n")
        return 2
    return main()


def run(command: str, work: Callable[[], int]) -> int:
    """Return the exit status of a program: 2 and one sentence for bad input, 130 after an interrupt.

    Args:
        command: its name, as it is typed.
        work: what it does; returns its status.
    """
    try:
        return work()
    except BridgeError as error:
        print(f"{command}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print(f"\n{command}: stopped; run the same command to go on", file=sys.stderr)  # noqa: T201
        return 130


def parser_of(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the text of the program's module, as it is written.

    Args:
        command: the program's name, as it is typed.
        description: the text.
    """
    form = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(
        prog=command, description=description, formatter_class=form, allow_abbrev=False
    )


def add_run(parser: argparse.ArgumentParser, heard: str, steps: int) -> None:
    """Add the options of every training: what its file says, the folder of the run, and the steps.

    Args:
        parser: of the program.
        heard: what has a licence, such as "the voices".
        steps: how many by default.
    """
    add = parser.add_argument
    add("--licence", default="unspecified", metavar="TEXT", help=f"licence of {heard}, stored in the file")
    add("--attribution", default="", metavar="TEXT", help="who is to be credited, stored in the file")
    add("--training-data", default="", metavar="TEXT", help="what it was trained on, stored in the file")
    work = f"{parser.prog.rpartition('.')[2]}-work"
    add(
        "--work", type=Path, default=Path(work), metavar="FOLDER", help=f"folder of the run; default ./{work}"
    )
    add(
        "--steps",
        type=int,
        default=steps,
        metavar="N",
        help=f"training steps, including those of earlier runs; default {steps}",
    )


def add_hold_out(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `--hold-out`, patterns of a shell.

    Args:
        parser: of the program.
        what: they name, and what for.
    """
    parser.add_argument("--hold-out", nargs="+", default=[], metavar="PATTERN", help=what)


def check_run(options: argparse.Namespace) -> None:
    """Check what `add_run` has read.

    Raises:
        TrainingError: there are no steps, or a text is no Unicode.
    """
    if options.steps < 1:
        raise TrainingError(f"{options.steps} steps train nothing; give 1 or more")
    check_unicode({name: getattr(options, name) for name in ("licence", "attribution", "training_data")})


def printed(every: int) -> Callable[[int, float], None]:
    """Return what prints number and loss of each step that is a multiple of `every`."""

    def report(step: int, loss: float) -> None:
        if (step + 1) % every == 0:
            print(step + 1, f"{loss:.3f}", flush=True)  # noqa: T201

    return report
