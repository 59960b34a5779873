"""Parameter values as the control process sees them, with the changes that are on their way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import PARAMETERS, Value


class ParameterMirror:
    """A change shows as soon as it is sent, and older ones that are confirmed later do not hide it."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {row.id: row.default for row in PARAMETERS.values()}
        self.values = MappingProxyType(self._values)
        """A view that follows."""
        self._sent: dict[str, int] = {}  # by parameter, the newest message not yet heard of

    def begin(self) -> dict[str, Value]:
        """Return the values a new process begins with, those on their way to the one before included."""
        self._sent.clear()
        return dict(self._values)

    def start(self, values: Mapping[str, Value]) -> None:
        """Take the values a process has begun with; those sent to it since override them."""
        self._values.update({name: value for name, value in values.items() if name not in self._sent})

    def send(self, events: Iterable[AnyEvent], number: int) -> None:
        """Take events that act at once and are sent in a message of this number."""
        for event in events:
            if isinstance(event, Event):
                self._values[event.parameter] = event.value
                self._sent[event.parameter] = number

    def confirm(self, own: Iterable[AnyEvent], others: Iterable[AnyEvent], upto: int) -> None:
        """Take the events that acted in a block; see `Listener.heard`.

        Within a block, own events act before the others.
        """
        for event in own:
            if isinstance(event, Event) and self._sent.get(event.parameter, 0) <= upto:
                self._values[event.parameter] = event.value
        self._sent = {name: number for name, number in self._sent.items() if number > upto}
        for event in others:
            if isinstance(event, Event) and event.parameter not in self._sent:
                self._values[event.parameter] = event.value
