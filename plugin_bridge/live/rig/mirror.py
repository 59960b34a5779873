"""The values of every parameter as set last, seen from the control process while changes are on their way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import PARAMETERS, Value


class Mirror:
    """A change that was sent shows at once, and is not hidden by older ones that are heard of later."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {row.id: row.default for row in PARAMETERS.values()}
        self.values = MappingProxyType(self._values)
        """A view that follows."""
        self._sent: dict[str, int] = {}  # by parameter, the newest message not yet heard of

    def begin(self) -> dict[str, Value]:
        """Return what an audio process is to begin with; what was on its way to the one before is in it."""
        self._sent.clear()
        return dict(self._values)

    def start(self, values: Mapping[str, Value]) -> None:
        """Take what the audio process began with; what was sent to it since goes over that."""
        self._values.update({name: value for name, value in values.items() if name not in self._sent})

    def send(self, events: Iterable[AnyEvent], number: int) -> None:
        """Events that act at once go out in a message of this number."""
        for event in events:
            if isinstance(event, Event):
                self._values[event.parameter] = event.value
                self._sent[event.parameter] = number

    def hear(self, own: Iterable[AnyEvent], others: Iterable[AnyEvent], upto: int) -> None:
        """Take the events of a block; see `Listener.heard`.

        Of one block, own events act before the others.
        """
        for event in own:
            if isinstance(event, Event) and self._sent.get(event.parameter, 0) <= upto:
                self._values[event.parameter] = event.value
        self._sent = {name: number for name, number in self._sent.items() if number > upto}
        for event in others:
            if isinstance(event, Event) and event.parameter not in self._sent:
                self._values[event.parameter] = event.value
