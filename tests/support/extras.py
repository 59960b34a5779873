"""Let a test ask for a package or a program: CI must have it, elsewhere the test is passed over."""

from __future__ import annotations

import importlib
import os
import shutil
import warnings

import pytest


def needs(package: str) -> None:
    """Go on if the package can be imported, else fail in CI and skip elsewhere."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(package)
    except ImportError:
        sentence = f"{package} is not installed; for the tests of evaluation: sh .ci/setup eval test"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)


def needs_program(name: str, package: str) -> str:
    """Return the path of a program of a Debian package, else fail in CI and skip elsewhere."""
    path = shutil.which(name)
    if path is None:
        sentence = f"{name} is not installed; on Debian: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return path
