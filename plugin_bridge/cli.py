"""The command line: `plugin-bridge COMMAND ...`, one module in `plugin_bridge/commands` for each command."""

from __future__ import annotations

import argparse
import difflib
import gc
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from plugin_bridge.commands import COMMANDS, UsageError
from plugin_bridge.errors import BridgeError, refusal
from plugin_bridge.files.printable import printable
from plugin_bridge.files.standardstreams import flush_standard_streams, give_up_standard_output
from plugin_bridge.interrupts import install
from plugin_bridge.version import __version__

BAD_INPUT = 2
"""Exit status for bad input; an interrupt gives 130, a termination 143."""
_NEW_OBJECTS = 20_000
"""Between two searches for garbage; with Python's 700 they take 20 ms of the start, in which all stays."""


class Paragraphs(argparse.HelpFormatter):
    """Fill each paragraph of a description or an epilog by itself."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n\n".join(fill(paragraph, width, indent) for paragraph in text.strip().split("\n\n"))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and exit."""
        self.exit(BAD_INPUT, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")


def build_parser(wanted: str) -> tuple[Parser, argparse.ArgumentParser | None]:
    """Return the parser of the whole command line and that of one command; others have no options yet.

    Args:
        wanted: the command whose options are added; may be unknown.
    """
    parser = Parser(
        prog="plugin-bridge",
        description="Singing voice conversion: stems in, stems out.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"plugin-bridge {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    commands = {
        name: subparsers.add_parser(name, help=does, allow_abbrev=False, formatter_class=Paragraphs)
        for name, does in COMMANDS.items()
    }
    if wanted in commands:
        import_module(f"plugin_bridge.commands.{wanted}").add_options(commands[wanted])
    return parser, commands.get(wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 2 after bad input.

    Args:
        arguments: without the program's name; if absent, those of the process, whose signals are handled too.
    """
    if arguments is not None:
        return _run(arguments)
    install()
    gc.set_threshold(_NEW_OBJECTS)
    _fill_streams()
    for stream in (sys.stdout, sys.stderr):  # a file's name need not be text
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(sys.argv[1:])
    finally:
        flush_standard_streams()


def _run(arguments: Sequence[str]) -> int:
    wanted = next((word for word in arguments if not word.startswith("-")), "")
    parser, command = build_parser(wanted)
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        _refuse(command or parser, unknown)
    try:
        status: int = parsed.run(parsed)
        if status == 0:  # else a sentence is out already
            sys.stdout.flush()
    except (BridgeError, UsageError) as error:
        _complain(parsed.command, str(error))
        return BAD_INPUT
    except BrokenPipeError:  # whoever read our output has enough
        give_up_standard_output()
        return 0
    except OSError as error:
        _complain(parsed.command, refusal(error))
        return BAD_INPUT
    return status


def _complain(command: str, sentence: str) -> None:
    print(f"plugin-bridge {command}: {printable(sentence)}", file=sys.stderr)


def _fill_streams() -> None:
    """Open standard streams that are closed, as in some services, so that no file gets their numbers."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        while (number := os.open(os.devnull, os.O_RDWR)) < 3:
            pass
        os.close(number)
        sys.stdin = sys.stdin or os.fdopen(0)
        sys.stdout = sys.stdout or os.fdopen(1, "w")
        sys.stderr = sys.stderr or os.fdopen(2, "w")


def _refuse(command: argparse.ArgumentParser, unknown: list[str]) -> NoReturn:
    known = list(dict.fromkeys(re.findall(r"--[a-z][a-z-]*", command.format_usage())))
    option = next((word for word in unknown if word.startswith("-")), unknown[0]).split("=")[0]
    near = difflib.get_close_matches(option, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    command.exit(BAD_INPUT, f"{command.prog}: {option!r} is unknown{hint}; use {', '.join(known)}\n")


if __name__ == "__main__":
    sys.exit(main())
