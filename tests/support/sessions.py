"""Record a session as a live engine does, and return what was heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.form import Form
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.pitchtracking import PitchName
from plugin_bridge.engine.singers import Singer
from plugin_bridge.sessions.writer import SessionHeader, SessionWriter
from tests.support.doubles import BRIGHT, DARK

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Live:
    """A live engine; all positions are those of the device."""

    singers: Sequence[Singer] = (DARK, BRIGHT)
    sample_rate: int = 48000
    seed: int = 7
    pitch: PitchName = "periodicity"
    values: Mapping[str, Value] = field(default_factory=lambda: {"singer": "dark", "morph_singer": ""})
    gaps: Sequence[tuple[int, int]] = ()
    """Input left out."""
    missed: Sequence[tuple[int, int]] = ()
    """Output left out, by the input for which it was made."""

    def header(self) -> SessionHeader:
        return SessionHeader.of(self.singers, self.seed, self.values, self.pitch)

    def engine(self, channels: int = 1) -> Engine:
        singers = list(self.singers)
        form = (self.sample_rate, channels)
        return Engine(*form, singers, seed=self.seed, parameters=self.values, pitch=self.pitch)

    def record(
        self, folder: Path, source: Float32, sizes: Sequence[int], events: Sequence[AnyEvent] = ()
    ) -> Float32:
        """Play and record a source in blocks; return what was heard, the engine's latency taken off."""
        form = Form(self.sample_rate, len(source), max(sizes), "a test")
        writer = SessionWriter(folder, form, self.header())
        heard = self._played(writer, source, sizes, events)
        writer.close()
        return heard

    def _played(
        self, writer: SessionWriter, source: Float32, sizes: Sequence[int], events: Sequence[AnyEvent]
    ) -> Float32:
        engine = self.engine(len(source))
        output = np.zeros_like(source)
        position = left_out = mute = 0
        for size in sizes:
            stop = position + size
            due = [event for event in events if position <= event.position < stop]
            for at, samples in self.gaps:  # blocks begin and end with them
                if position == at:
                    assert size == samples
                    writer.gap(samples)
                    left_out += samples
                    mute = engine.latency
                    break
            else:
                block = source[:, position:stop]
                placed = [replace(event, position=event.position - left_out) for event in due]
                start = engine.position
                out = engine.process(np.ascontiguousarray(block), placed)
                writer.block(start, block, placed)
                out[:, :mute] = 0.0
                mute = max(0, mute - size)
                output[:, position:stop] = out
            position = stop
        for at, samples in self.missed:
            writer.missed(at, samples)
            output[:, at : at + samples] = 0.0
        return output[:, engine.latency :]
