"""Write a file under another name beside it and rename it when it is whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name to write to; an old file stays until the new one is whole, and nothing else is left."""
    partial = path.with_suffix(".part")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def check_output(path: Path) -> None:
    """Check that a file can be written, hours before it is; its folder is made when missing.

    Raises:
        OutputError: it cannot.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give the name of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; give another place") from error
