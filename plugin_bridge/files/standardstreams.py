"""Standard input as a source of audio, standard output as its target: "-" for both, as most programs do."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, TextIO

from plugin_bridge.errors import AudioFileError, OutputError

STANDARD_STREAM = Path("-")
"""Standard input where a source is asked for, standard output where a target is."""


def all_of_standard_input() -> BinaryIO:
    """Copy standard input to an anonymous temporary file, since a bounce may read its source twice.

    Raises:
        AudioFileError: nothing is sent to it.
        OSError: the disk is full.
    """
    if sys.stdin.isatty():
        raise AudioFileError("standard input is a terminal; send audio to it: sox IN.flac -t wav - | ...")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
    try:
        shutil.copyfileobj(sys.stdin.buffer, file)
        size = file.tell()
    except OSError:
        file.close()
        raise
    if not size:
        file.close()
        raise AudioFileError("standard input is empty: it has 0 bytes; send audio to it")
    return file


class StandardOutput(AbstractContextManager["StandardOutput"]):
    """Standard output in place of a `Draft`: what is written is gone at once.

    Raises:
        OutputError: it is a terminal, or was closed before the program began.
    """

    path = STANDARD_STREAM
    target = Path("standard output")
    """For sentences."""

    def __init__(self) -> None:
        if sys.__stdout__ is None:  # `sys.stdout` then leads nowhere, so that reports fail no bounce
            raise OutputError(
                "standard output is closed; send the audio to a program or a file: ... > out.wav"
            )
        if sys.stdout.isatty():
            raise OutputError(
                "standard output is a terminal; send the audio to a program or a file, as in: ... > out.wav"
            )

    def commit(self) -> None:
        """Do nothing: everything is written already."""

    def __exit__(self, *_: object) -> None:
        pass


def give_up_standard_output() -> None:
    """Send further output nowhere, so that Python does not complain at exit about the closed pipe."""
    _give_up(sys.stdout)


def flush_standard_streams() -> None:
    """Write out what waits; give up a stream that takes no more, for which Python would exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _give_up(stream)


def _give_up(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
