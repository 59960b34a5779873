"""Let a test ask for what it plays with: a package or a program that is missing is named, with the remedy.

The test is then skipped; with CI=true, tests/conftest.py fails it.
"""

from __future__ import annotations

import importlib
import shutil
import warnings
from pathlib import Path

import pytest

VST3_FOLDERS = (Path("/usr/lib/vst3"), Path("/Library/Audio/Plug-Ins/VST3"), Path.home() / ".vst3")


def needs(package: str) -> None:
    """Go on if a package can be imported, with the system's library that it names.

    Raises:
        pytest.skip.Exception: it cannot.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(package)
    except (ImportError, OSError) as error:  # OSError: JACK-Client and sounddevice find no library
        pytest.skip(f"{package} is missing ({error}); run: sh .ci/setup test", allow_module_level=True)


def needs_program(name: str, package: str) -> str:
    """Return the path of a program.

    Args:
        name: of the program.
        package: Debian's, which holds it.

    Raises:
        pytest.skip.Exception: it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing; run: sh .ci/setup test, or as root: apt-get install {package}")
    return path


def needs_effect(name: str, package: str) -> Path:
    """Return the folder with a VST3 effect, as `needs_program` does the path of a program."""
    for folder in VST3_FOLDERS:
        if (folder / name).exists():
            return folder
    pytest.skip(f"{name} is missing; run: sh .ci/setup test, or as root: apt-get install {package}")
