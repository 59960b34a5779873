"""Serve one instance of the plug-in until it is gone: wait for its host, and begin each of its streams."""

from __future__ import annotations

import time
from collections.abc import Callable

from plugin_bridge.errors import BridgeError
from plugin_bridge.plugin.bridge import Segment, Stream
from plugin_bridge.plugin.singers import SingerLoader
from plugin_bridge.plugin.stream import RefusedError, StreamEngine
from plugin_bridge.plugin.table import STATUSES

_NEVER = 1 << 63
_WAIT_MS = 100
_WATCH_SECONDS = 1.0


class Instance:
    """The engine's side of one instance.

    Args:
        segment: claimed.
        singers: of the process.
        host_is_gone: asked once a second.
        say: called with a sentence for the log.
    """

    def __init__(
        self,
        segment: Segment,
        singers: SingerLoader,
        host_is_gone: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self._segment, self._singers = segment, singers
        self._host_is_gone, self._say = host_is_gone, say
        self._epoch = 0
        self._served: StreamEngine | None = None

    def run(self) -> None:
        """Serve until the instance is gone."""
        watched = time.monotonic()
        while True:
            bell = self._segment.bell()
            stream = self._segment.stream()
            if not self._segment.alive:
                return
            if stream is not None and stream.epoch != self._epoch:
                self._begin(stream)
            moved = stream is not None and self._served is not None and self._served.advance(stream)
            self._segment.beat()
            if not moved:
                self._pause(bell)
            if time.monotonic() - watched > _WATCH_SECONDS:
                watched = time.monotonic()
                if self._host_is_gone():
                    return

    def _pause(self, bell: int) -> None:
        """Wait for the host; until it rings, do what need not be done within a hop."""
        while self._served is not None and self._served.engine.use_pause():
            if self._segment.bell() != bell:
                return
        self._segment.wait(bell, _WAIT_MS)

    def _begin(self, stream: Stream) -> None:
        before, self._served = self._served, None
        self._epoch = stream.epoch
        try:
            singers = self._singers.of(self._segment)
            self._served = StreamEngine(self._segment, stream, singers, self._say, before)
        except RefusedError as error:
            self._refuse(stream, str(error))
        except BridgeError as error:
            self._say(str(error))
            self._refuse(stream, "failed")

    def _refuse(self, stream: Stream, status: str) -> None:
        self._segment.report(STATUSES.index(status), 0.0)
        self._segment.begin(stream.epoch, _NEVER, stream.base)
