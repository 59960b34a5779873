"""Let a test ask for a package of an extra: CI must have it, elsewhere the test is passed over."""

from __future__ import annotations

import importlib
import os
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
