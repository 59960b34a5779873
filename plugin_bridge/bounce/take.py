"""Render a recorded session again, as it was or with other settings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.singer.file import shipped
from plugin_bridge.bounce.automation import with_ids
from plugin_bridge.bounce.script import Script, singers_of
from plugin_bridge.control.events import AnyEvent, Event
from plugin_bridge.control.parameters import SINGERS
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.rendering import Processor
from plugin_bridge.errors import SessionError
from plugin_bridge.sessions.header import SessionSinger, hash_of
from plugin_bridge.sessions.reader import SessionReader, Span

Float32 = NDArray[np.float32]


def taken_again(session: SessionReader, asked: Script, library: SingerLibrary) -> Script:
    """Return what to render: the session's own events and values under those that are asked for.

    What is asked for a parameter, by a value or by events, replaces all that the session says of it: its
    initial value and every change, so a singer asked for is heard throughout, whatever was switched live.
    Where only events ask, the session's initial value holds until the first of them. Notes, bends and
    all-notes-off are as one such parameter.

    Args:
        session: as recorded.
        asked: for this bounce; positions as the session's.
        library: knows singers by id.

    Raises:
        SessionError: a singer's file is gone or has changed.
    """
    moved = {event.parameter for event in asked.events if isinstance(event, Event)}
    plays = any(not isinstance(event, Event) for event in asked.events)
    kept = [
        event
        for event in session.events
        if (event.parameter not in moved | asked.values.keys() if isinstance(event, Event) else not plays)
    ]
    start = {e.parameter: e.value for e in session.events if isinstance(e, Event) and e.position == 0}
    values = session.values | {name: start[name] for name in moved & start.keys()}
    values = {name: value for name, value in values.items() if name not in asked.values}
    names = _session_singers(session, library, singers_of(values, kept) if "singer" in asked.values else None)
    values |= {name: names[str(values[name])] for name in SINGERS if values.get(name)}
    events = sorted([*with_ids(kept, names), *asked.events], key=lambda event: event.position)
    first = [str(asked.values["singer"])] if "singer" in asked.values else []
    singers = list(dict.fromkeys([*first, *names.values(), *asked.singers]))
    seed = session.header.seed if asked.seed is None else asked.seed
    return Script(values | asked.values, events, singers, seed)


def _session_singers(
    session: SessionReader, library: SingerLibrary, needed: list[str] | None
) -> dict[str, str]:
    """Return id or path for each singer of a session, checked to be the same file; all of them for None."""
    known = {singer.id: singer for singer in session.header.singers}
    used = {*singers_of(session.values, session.events), *(needed or [])}
    if foreign := sorted(used - known.keys()):
        raise SessionError(
            f"{session.path} names a singer {foreign[0]!r} that is not in its set; copy the session again"
        )
    return {name: _place(session, known[name], library) for name in known if needed is None or name in needed}


def _place(session: SessionReader, singer: SessionSinger, library: SingerLibrary) -> str:
    if not singer.sha256 and singer.id in library.known():
        return singer.id
    ours = shipped().get(singer.id)
    places = [place for place in (ours, Path(singer.file)) if place is not None and place.is_file()]
    for place in places:
        if hash_of(place) == singer.sha256:
            return singer.id if place == ours else str(place)
    fault = f"{places[0]} is another one by now" if places else f"{singer.file or 'its file'} is gone"
    raise SessionError(
        f"{session.path} was sung by {singer.id!r}, and {fault}; put that file back or choose with --singer"
    )


class Interrupted:
    """Repeat the dropouts of a live session: input the engine never got, output that was never heard.

    What it still held when a gap came would have been late, and was left silent.

    Args:
        processor: a fresh one.
        gaps: input left out, in order and apart.
        missed: output that was not heard, as positions of the input blocks for which it was returned.
    """

    def __init__(self, processor: Processor, gaps: Sequence[Span], missed: Sequence[Span]) -> None:
        self.latency = processor.latency
        self._processor = processor
        self._gaps, self._missed = _Spans(gaps), _Spans(missed)
        self._position = 0
        self._mute = 0
        self._waiting: list[AnyEvent] = []

    @property
    def faults(self) -> int:
        """See `Processor`."""
        return self._processor.faults

    @property
    def beyond(self) -> int:
        """See `Processor`."""
        return self._processor.beyond

    @property
    def voiced(self) -> int:
        """See `Processor`."""
        return self._processor.voiced

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        """Process a block of the whole input, gaps included; see `Processor`."""
        start, stop = self._position, self._position + block.shape[1]
        self._waiting += [replace(event, position=self._gaps.outside(event.position)) for event in events]
        output = np.zeros_like(block)
        for first, last, is_gap in self._gaps.parts(start, stop):
            if is_gap:
                self._mute = self.latency
                continue
            source = np.ascontiguousarray(block[:, first - start : last - start])
            part = self._processor.process(source, self._waiting)
            self._waiting = []
            mute = min(self._mute, last - first)
            self._mute -= mute
            output[:, first - start + mute : last - start] = part[:, mute:]
        for first, last, is_missed in self._missed.parts(start, stop):
            if is_missed:
                output[:, first - start : last - start] = 0.0
        self._position = stop
        return output


class _Spans:
    """Spans of samples, sorted, and joined where they touch."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._edges = [0]  # beginnings of what is outside and of what is inside, in turn
        self._inside = [0]  # samples inside before each
        for start, samples in sorted(spans):
            if len(self._edges) > 1 and start <= self._edges[-1]:
                more = max(0, start + samples - self._edges[-1])
                self._edges[-1] += more
                self._inside[-1] += more
            else:
                self._edges += [start, start + samples]
                self._inside += [self._inside[-1], self._inside[-1] + samples]

    def outside(self, position: int) -> int:
        """Return how many samples before a position are outside."""
        at = bisect_right(self._edges, position) - 1
        inside = self._inside[at] + (position - self._edges[at] if at % 2 else 0)
        return position - inside

    def parts(self, start: int, stop: int) -> Iterator[tuple[int, int, bool]]:
        """Cut samples at the edges; yield beginning, end, and whether they are inside."""
        at = bisect_right(self._edges, start) - 1
        while start < stop:
            last = min(stop, self._edges[at + 1]) if at + 1 < len(self._edges) else stop
            yield start, last, at % 2 == 1
            start, at = last, at + 1
