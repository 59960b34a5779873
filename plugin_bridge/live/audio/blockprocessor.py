"""Run the engine on a device's blocks: input from the rings, events at their samples, output to the rings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.live.audio.clock import StreamClock
from plugin_bridge.live.audio.gauges import Gauges
from plugin_bridge.live.audio.rings import Rings, Taken
from plugin_bridge.live.audio.scheduler import EventScheduler
from plugin_bridge.live.audio.state import EngineState

Float32 = NDArray[np.float32]


class Recorder(Protocol):
    """Records a session and never makes its caller wait; `SessionWriter` is one."""

    def block(self, position: int, source: Float32, events: Sequence[AnyEvent]) -> None:
        """Take a block of input and the events in it; positions count the engine's samples from its reset."""

    def gap(self, samples: int) -> None:
        """Note input that was left out before the block to come."""

    def missed(self, position: int, samples: int) -> None:
        """Note output that was not heard; positions count the stream's samples from the engine's reset."""


class Listener(Protocol):
    """Learns what the engine's thread does; its methods return at once."""

    def heard(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        """Events were taken, with the stream positions they act on.

        Args:
            own: those that were to act at once.
            others: from MIDI, and those that waited for their sample.
            upto: number of the newest message from which `own` come.
        """

    def say(self, sentence: str) -> None:
        """Something for a person to read."""


class BlockProcessor:
    """Lives as long as the device keeps its form; used in the engine's thread only.

    Args:
        engine: a fresh one.
        values: what it was made with.
        rings: fresh ones.
        events: scheduled events.
        gauges: meters and counters.
        listener: told of the events that are taken.
    """

    def __init__(
        self,
        engine: Engine,
        values: Mapping[str, Value],
        rings: Rings,
        events: EventScheduler,
        gauges: Gauges,
        listener: Listener,
    ) -> None:
        form = rings.form
        self.rings = rings
        self.state = EngineState(values)
        """What is in force."""
        self._engine, self._events, self._gauges, self._listener = engine, events, gauges, listener
        self._clock = StreamClock(form.sample_rate, form.block)
        self._block = np.zeros((form.channels, form.block), np.float32)
        self._fade = np.linspace(1.0, 0.0, form.block, dtype=np.float32)
        self._offset = rings.given  # from positions of the engine to those of the stream
        self._mute = 0
        self._start = 0  # of the recording, in the stream
        self._recorder: Recorder | None = None
        self._armed: Recorder | None = None
        self._faded = False

    def record(self, recorder: Recorder | None) -> None:
        """Record from the next block but one, at which the engine is reset; None ends the recording."""
        self._recorder, self._armed, self._faded = None, recorder, False

    def step(self) -> bool:
        """Process a block; return False if there is none."""
        taken = self.rings.take(self._block)
        if taken is None:
            return False
        began = time.perf_counter()
        self._process(taken)
        self._gauges.count_block(time.perf_counter() - began)
        behind = taken.position + self._block.shape[1]
        self._gauges.moment(self._clock.update(taken.time), behind, self._clock.rate, taken.waiting)
        self._gauges.publish()
        return True

    def use_pause(self) -> bool:
        """Do a part of the work that need not be done within a block; return False if none is left."""
        began = time.perf_counter()
        if not self._engine.use_pause():
            return False
        self._gauges.count_pause(time.perf_counter() - began)
        return True

    def _process(self, taken: Taken) -> None:
        engine, events, block = self._engine, self._events, self._block
        if taken.skipped:
            self._skip(taken.skipped)
        restored = self._begin(taken.position) if self._faded else []
        stop = taken.position + block.shape[1]
        events.decode_midi(self.rings.midi_before(stop), taken.position)
        own, others = events.due(taken.position, stop)
        placed = [replace(event, position=event.position - self._offset) for event in (*own, *others)]
        acting = (*restored, *placed)
        start, faults = engine.position, engine.faults
        output = self._shaped(engine.process(block, acting), taken.position)
        self.rings.give(output)
        self._count(engine.faults - faults)
        for event in placed:
            self.state.follow(event)
        if self._recorder is not None:
            self._recorder.block(start, block, acting)
        while self.rings.misses:
            self._unheard(self.rings.misses.popleft(), block.shape[1])
        if events.acknowledged() or others:
            self._listener.heard(own, others, events.upto)
        self._gauges.levels(block, output, engine.reading)

    def _count(self, faults: int) -> None:
        """Count hops at fault; the first are told."""
        if faults and not self._gauges.faults:
            self._listener.say(
                "the voice is not finite or over 24 dB above full scale, and is silenced or held there; "
                "switch to another singer or lower the gain"
            )
        self._gauges.faults += faults

    def _skip(self, samples: int) -> None:
        """Leave input out; what the engine still holds from before it would come late, and is muted."""
        self._offset += samples
        self._mute = self._engine.latency
        self._gauges.dropped += samples
        if self._recorder is not None:
            self._recorder.gap(samples)

    def _begin(self, position: int) -> list[AnyEvent]:
        """Reset the engine and begin the session; return the events that bring back the engine's state."""
        self._engine.reset()
        self._recorder, self._armed, self._faded = self._armed, None, False
        self._offset, self._start, self._mute = position, position, 0
        return self.state.events()

    def _shaped(self, output: Float32, position: int) -> Float32:
        """Mute what is late, and fade out before the engine is reset."""
        if self._mute:
            late = min(self._mute, output.shape[1])
            output[:, :late] = 0.0
            self._mute -= late
            self._unheard(position, late)
        if self._armed is not None:
            output *= self._fade
            self._faded = True
        return output

    def _unheard(self, position: int, samples: int) -> None:
        if self._recorder is not None and position >= self._start:
            self._recorder.missed(position - self._start, samples)
