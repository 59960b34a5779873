"""A tiny real rig: the engine in this process, given silence or a buzzing vowel as time is said to pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np

from dsp.units import gain_to_db
from models.singer.file import load_singer
from plugin_bridge import Engine
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event
from plugin_bridge.control.parameters import PARAMETERS, Value, parameter
from plugin_bridge.control.rig import Listeners, Meters, Status
from plugin_bridge.engine.singers import Singer, check_events
from plugin_bridge.errors import OutputError
from plugin_bridge.midi.decoder import MidiDecoder
from plugin_bridge.midi.map import load_midi_map
from tests.support.doubles import BRIGHT, DARK, Float32, sung

RATE = 16000
BLOCK = 160
EPOCH = 1_700_000_000.0
"""When the rig's first sample is captured, seconds since 1970."""


class EngineRig:
    """Implements `plugin_bridge.control.rig.Rig`; `run` lets audio pass.

    Args:
        folder: where sessions are made.
    """

    def __init__(self, folder: Path) -> None:
        self._set: list[Singer] = [DARK, BRIGHT]
        self.engine = Engine(RATE, 1, self._set, parameters={"transpose": 0.0})
        self.source = sung(RATE, 1.0)
        self.taken: list[AnyEvent] = []
        """Every event, with the position it acts on."""
        self.sent: list[tuple[bool, list[AnyEvent]]] = []
        """Every call of `send`: now, and its events."""
        self.learned: list[str | None] = []
        """Every call of `learn`."""
        self._folder = folder
        self._values = {name: self.engine.value(name) for name in PARAMETERS} | {"singer": DARK.id}
        self._status = Status(
            running=True,
            driver="none",
            device="this process",
            sample_rate=RATE,
            channels=1,
            block=BLOCK,
            latency=self.engine.latency,
            position=0,
            load=0.0,
            worst_ms=0.0,
            queue_ms=0.0,
            xruns=0,
            dropped=0,
            late=0,
            faults=0,
            refused=0,
            restarts=0,
            recording="",
        )
        self._levels = (0.0, 0.0)
        self._decoder = MidiDecoder(load_midi_map(), self.tell)
        self._heard: Listeners[AnyEvent] = Listeners()
        self._told: Listeners[str] = Listeners()

    def run(self, samples: int) -> Float32:
        """Let audio pass and return what is heard, shape (1, samples)."""
        parts = []
        while samples > 0:
            start = self.engine.position % (self.source.shape[1] - BLOCK)
            block = self.source[:, start : start + min(BLOCK, samples)]
            parts.append(self.engine.process(block))
            self._levels = (float(np.abs(block).max()), float(np.abs(parts[-1]).max()))
            samples -= block.shape[1]
        return np.concatenate(parts, axis=1)

    @property
    def singers(self) -> Sequence[str]:
        return self.engine.singers

    @property
    def values(self) -> Mapping[str, Value]:
        return self._values

    @property
    def status(self) -> Status:
        return replace(
            self._status, position=self.engine.position, late=self.engine.late, faults=self.engine.faults
        )

    @property
    def meters(self) -> Meters:
        source, output = (gain_to_db(level) if level else -120.0 for level in self._levels)
        reading = self.engine.reading
        return Meters(source, output, reading.f0, reading.voicing, reading.f0_out, 0.0)

    def send(self, events: Iterable[AnyEvent], *, now: bool = True) -> None:
        self.send_checked(check_events(events, self.singers), now=now)

    def send_checked(self, events: Sequence[AnyEvent], *, now: bool = True) -> None:
        self.sent.append((now, list(events)))
        here = self.engine.position
        for event in events:
            if isinstance(event, Event):
                self._values[event.parameter] = event.value
            acting = replace(event, position=here if now else max(here, event.position))
            self.engine.schedule([acting if now else event])
            self.taken.append(acting)
            self._heard.tell(acting)

    def position_at(self, time: float) -> int:
        return round((time - EPOCH) * RATE)

    def midi(self, message: bytes, port: str = "") -> None:
        del port  # there is one
        self.send(self._decoder.process(mido.Message.from_bytes(message), self.engine.position))

    def learn(self, name: str | None) -> None:
        if name is not None and parameter(name).kind == "singer":
            raise ValueError(f"no control can move {name!r}; choose another parameter")
        self.learned.append(name)
        self._status = replace(self._status, learning=name or "")

    async def record(self, name: str) -> Path:
        folder = self._folder / name
        if folder.exists():
            raise OutputError(f"session {name!r} exists already; choose another name")
        folder.mkdir()
        self._status = replace(self._status, recording=name)
        return folder

    def stop_recording(self) -> Path | None:
        name = self._status.recording
        self._status = replace(self._status, recording="")
        return self._folder / name if name else None

    async def add_singer(self, file: Path) -> str:
        singer = load_singer(file)
        self._set.append(singer)
        self.engine = Engine(RATE, 1, self._set, parameters=self._values)
        return singer.id

    def panic(self) -> None:
        self.engine._core.queue.clear()
        still = [Event(0, name, PARAMETERS[name].default) for name in ("bypass", "melody", "morph")]
        self.send([AllNotesOff(0), *still])

    def listen(self, heard: Callable[[AnyEvent], None]) -> Callable[[], None]:
        return self._heard.add(heard)

    def reports(self, heard: Callable[[str], None]) -> Callable[[], None]:
        return self._told.add(heard)

    def tell(self, sentence: str) -> None:
        """Report a sentence."""
        self._told.tell(sentence)
