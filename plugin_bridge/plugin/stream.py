"""One stream of an instance, from an activation to the next: its input through an engine of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from dsp.units import HOPS_PER_SECOND, MAX_HOPS, RATES
from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.core import LATENCY_HOPS
from plugin_bridge.engine.engine import Engine
from plugin_bridge.live.audio.gauges import Levels, Load
from plugin_bridge.live.audio.realtime import ordinary_priority
from plugin_bridge.midi.input import MidiInput
from plugin_bridge.plugin.bridge import HISTORY, MIDI, SLACK, VALUE, Float32, Message, Segment, Stream
from plugin_bridge.plugin.singers import InstanceSingers
from plugin_bridge.plugin.table import STATUSES, HostValues

_LIVE_HOPS = 4
"""Hops at once where the host does not wait: the first of them must not wait for many others."""
_AGAIN_HOPS = HOPS_PER_SECOND
"""Input that an engine which comes late hears first, unheard, where the host does not wait."""
_FOUND_SECONDS = 5.0
"""Voiced, before the source's pitch counts as found."""
_REPORT_HOPS = 50
_READY, _BEHIND, _CHANGED = (STATUSES.index(word) for word in ("ready", "behind", "singer changed"))


class RefusedError(Exception):
    """A stream that cannot be sung; its text is one of `table.STATUSES`."""


class StreamEngine:
    """A stream that is served.

    Positions are those of the segment. Where the host waits, the engine begins with the stream, or hears the
    input that is left again, unheard. Where it does not, it begins with the newest second.

    Args:
        segment: claimed.
        stream: its facts.
        singers: its singers.
        say: called with a sentence for the log.
        before: the stream before, ended; its engine is used again where it fits.

    Raises:
        RefusedError: the rate is not native, or the singer is missing.
        ScoreError: the MIDI map is missing or does not fit.
    """

    def __init__(
        self,
        segment: Segment,
        stream: Stream,
        singers: InstanceSingers,
        say: Callable[[str], None],
        before: StreamEngine | None = None,
    ) -> None:
        if stream.rate not in RATES:
            raise RefusedError("sample rate not native")
        self._segment, self._singers = segment, singers
        self._epoch, self._hop, self._delay = stream.epoch, stream.hop, stream.delay
        self._heard, self._sent = stream.heard, stream.sent
        self._host = HostValues(singers.ids)
        midi_map = segment.midi_map()
        self._midi = MidiInput(Path(midi_map) if midi_map else None, say, list(singers.ids.values()))
        self._values: dict[str, Value] = {}
        resumed = stream.ack == stream.epoch and stream.made > stream.base
        self._next = self._origin = self._first_hop(stream, resumed)
        self._publish_from: int | None = None  # None: once the input is caught up with
        if stream.exact and resumed:
            self._publish_from = stream.made
        elif stream.exact or (not resumed and stream.taken - stream.base <= self._delay):
            self._publish_from = stream.base
        events = self._events(segment.messages(stream.first, stream.sent))
        first = self._first_values(events)
        if "singer" not in first:
            raise RefusedError("singer missing")
        number = next(number for number, name in singers.ids.items() if name == first["singer"])
        self._usual = self._status = _CHANGED if number in singers.changed else _READY
        form = (int(stream.rate), stream.channels)
        self._rest = before.end(stream) if before is not None and stream.drains else None
        used = before.engine if before is not None and before.fits(singers, form) else None
        self.engine: Engine = used or Engine(*form, singers.members)
        self.engine.reset()  # what is set at position 0 holds as if the engine were made with it
        self.engine.schedule([*(Event(0, *value) for value in first.items()), *events])
        self._levels, self._load = Levels(), Load()
        self._reported = 0
        if self._publish_from is not None:
            segment.begin(stream.epoch, stream.base, self._publish_from)
        segment.report(self._status, 0.0)

    def fits(self, singers: InstanceSingers, form: tuple[int, int]) -> bool:
        """Return whether the engine has these singers, sample rate and channels."""
        return self._singers == singers and (self.engine.sample_rate, self.engine.channels) == form

    def end(self, stream: Stream) -> Float32 | None:
        """Sing to the end, where the next stream begins.

        Returns:
            What the engine holds behind that end, `core.LATENCY_HOPS` hops; None where nothing is heard now.
        """
        left = stream.base - self._next
        if (
            self._publish_from is None
            or self._next < self._publish_from
            or not 0 <= left <= self._delay + self._hop
        ):
            return None
        self.engine.schedule(self._events(self._segment.messages(self._sent, stream.first)))
        hops = -(-left // self._hop) + LATENCY_HOPS
        source = np.zeros((self.engine.channels, hops * self._hop), np.float32)
        known = np.empty((self.engine.channels, left), np.float32)
        self._segment.read(self._next, known)
        source[:, :left] = known
        sung = self.engine.process_hops(source)
        self._segment.write(self._next, np.ascontiguousarray(sung[:, :left]))
        return sung[:, left : left + LATENCY_HOPS * self._hop]

    def _first_hop(self, stream: Stream, resumed: bool) -> int:
        """Return where the engine begins: at the base, or at the oldest hop that is of use."""
        oldest = stream.taken - (HISTORY - SLACK)
        if not stream.exact:
            oldest = max(oldest, stream.taken - _AGAIN_HOPS * self._hop)
        if stream.exact and not resumed:
            oldest = stream.base
        return stream.base + max(0, -((stream.base - oldest) // self._hop)) * self._hop

    def _events(self, messages: Iterable[Message]) -> list[AnyEvent]:
        """Return the events of messages that change anything, placed in the engine."""
        found: list[AnyEvent] = []
        for message in messages:
            at = max(0, message.position - self._origin)
            if message.kind == MIDI:
                found += self._midi.process(bytes(message.data)[: message.id], at)
            elif message.kind == VALUE and (moved := self._host.take(message.id, message.value)) is not None:
                found.append(Event(at, *self._known(*moved)))
        return [event for event in found if self._is_news(event)]

    @staticmethod
    def _first_values(events: Iterable[AnyEvent]) -> dict[str, Value]:
        """Return what holds at the beginning; of what was lost, what came next."""
        found: dict[str, Value] = {}
        for event in events:
            if isinstance(event, Event) and (event.position == 0 or event.parameter not in found):
                found[event.parameter] = event.value
        return found

    def _known(self, name: str, value: Value) -> tuple[str, Value]:
        """Put what was found before in place of a pitch that would be measured."""
        return name, self._heard if name == "source_pitch" and value == 0.0 else value

    def _is_news(self, event: AnyEvent) -> bool:
        """Return whether an event changes anything, and keep track of the values."""
        if not isinstance(event, Event):
            return True
        before = self._values.get(event.parameter)
        self._values[event.parameter] = event.value
        return event.value != before

    def advance(self, stream: Stream) -> bool:
        """Process what there is of the input; return False if there is no whole hop.

        Args:
            stream: the facts of now.
        """
        hops = (stream.taken - self._next) // self._hop
        if hops <= 0:
            return False
        if (
            not stream.exact
            and self._publish_from is not None
            and stream.taken - self._next > self._delay + self._hop
        ):
            self._skip(hops - 1)
            hops = 1
        began = time.perf_counter()
        events = self._events(self._segment.messages(self._sent, stream.sent))
        self._sent = stream.sent
        self.engine.schedule(events)
        unheard = self._publish_from is None or self._next < self._publish_from
        count = min(hops, MAX_HOPS if stream.exact or unheard else _LIVE_HOPS)
        if self._publish_from is not None and unheard:
            count = min(count, (self._publish_from - self._next) // self._hop)
        with ordinary_priority() if stream.exact else nullcontext():
            source = np.empty((self.engine.channels, count * self._hop), np.float32)
            self._segment.read(self._next, source)
            sung = self.engine.process_hops(source)
        if self._rest is not None:
            self._add_rest(sung)
        if not unheard:
            self._segment.write(self._next, sung)
        self._next += source.shape[1]
        if self._publish_from is None and count == hops:
            self._start_at(self._next)
        self._measure(source, sung, time.perf_counter() - began)
        self._report(count)
        return True

    def _measure(self, source: Float32, sung: Float32, spent: float) -> None:
        """Update the meters, which the panel shows."""
        seconds = source.shape[1] / self.engine.sample_rate
        self._levels.take(source, sung, seconds)
        self._load.count_block(spent, seconds)
        reading = self.engine.reading
        pitch = (reading.f0, reading.voicing, reading.f0_out)
        figures = (self._load.now, 1000.0 * self._load.worst, float(self.engine.faults))
        self._segment.measure((*self._levels.decibels, *pitch, *figures))

    def _add_rest(self, sung: Float32) -> None:
        """Let the stream before end within the latency of this one, which is silent."""
        assert self._rest is not None
        n = min(sung.shape[1], self._rest.shape[1])
        sung[:, :n] += self._rest[:, :n]
        self._rest = self._rest[:, n:] if n < self._rest.shape[1] else None

    def _skip(self, hops: int) -> None:
        """Leave out what would come too late; what the engine still holds from before it would, too."""
        self._next += hops * self._hop
        self._origin += hops * self._hop
        self._start_at(self._next + LATENCY_HOPS * self._hop)
        self._status = _BEHIND

    def _start_at(self, position: int) -> None:
        self._publish_from = self._next
        self._segment.begin(self._epoch, position, self._next)

    def _report(self, hops: int) -> None:
        self._reported += hops
        if self._reported >= _REPORT_HOPS:
            self._reported = 0
            self._segment.report(
                self._status, 0.0 if self._heard else self.engine.heard_pitch(_FOUND_SECONDS)
            )
            self._status = self._usual
