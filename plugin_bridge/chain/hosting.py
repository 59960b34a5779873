"""Who runs a stage's engine: the stage itself or a chain, and how positions in its stream are counted."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from plugin_bridge.engine.engine import Engine


class Host(Protocol):
    """Who runs a stage's engine, and how its samples are counted there."""

    def now(self) -> int:
        """Return the host's input position."""

    def local(self, position: int) -> int:
        """Return the engine's position at which an input sample of the host arrives."""


class Run(NamedTuple):
    """A stream that runs: the engine of a stage, and who feeds it."""

    engine: Engine
    host: Host


class OwnHost:
    """A stage that runs by itself: its positions are those of its engine."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> int:
        """Return the engine's position."""
        return self._engine.position

    def local(self, position: int) -> int:
        """Return the position as it is."""
        return position
