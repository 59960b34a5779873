"""Import packages of an extra at first use, or say in one sentence how to get it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from models.errors import MissingExtraError, how_to_install


@contextmanager
def imports(what: str, extra: str) -> Iterator[None]:
    """Hold the imports of one function that needs an extra.

    Args:
        what: needs it, such as "evaluation".
        extra: its name.

    Raises:
        MissingExtraError: a package is not installed.
    """
    backend = os.environ.pop("MPLBACKEND", None)  # a notebook sets one that matplotlib may not find here
    try:
        with warnings.catch_warnings():
            # webrtcvad, numba and librosa warn while they load of matters that are not the caller's.
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs {error.name or error}, which is not installed; {how_to_install(extra)}"
        ) from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
