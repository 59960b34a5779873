"""Import what evaluation needs from the extra `eval`, or say in one sentence how to get it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dsp.errors import MissingExtraError


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
        name = error.name or str(error)
        raise MissingExtraError(
            f"{name} is not installed and evaluation needs it; "
            "install the extra: pip install 'plugin-bridge[eval]'"
        ) from error
