"""What a chain and a singer's stage share: a stream that may be running, with its latency and form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

Form = tuple[int, int]
"""Sample rate in hertz, and channels."""


class Delayed(Protocol):
    """A stream, or the engine that is one."""

    @property
    def latency(self) -> int:
        """Samples from input to output."""


class Streaming(ABC):
    """Runs a stream from its first block until it is reset."""

    __slots__ = ()

    @property
    def latency(self) -> int:
        """Samples from input to output of the stream that runs.

        Raises:
            ValueError: none runs, so the rate is not known; ask `latency_at`.
        """
        running = self._running()
        if running is None:
            raise ValueError("no stream runs yet, so the rate is not known; ask latency_at(sample_rate)")
        return running.latency

    @abstractmethod
    def _running(self) -> Delayed | None:
        """Return the stream that runs."""


def check_form(running: Form, asked: Form) -> None:
    """Refuse a block that does not fit the stream that runs.

    Raises:
        ValueError: the form is another.
    """
    if running != asked:
        raise ValueError(
            f"the stream has {running[0]} Hz and {running[1]} channels, not {asked[0]} Hz and {asked[1]}; "
            "call reset() before it changes"
        )
