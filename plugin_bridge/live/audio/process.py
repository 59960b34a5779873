"""The audio process: a device, its rings and the engine's thread, told what to do through a link.

Its main thread loads the singers, reopens lost devices, manages recordings and sends messages; the engine's
thread reads the link. The process ends when it is told to, is terminated, or finds the control process gone,
and closes a recording in any case.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from dsp.units import RATES
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.form import Form
from plugin_bridge.control.parameters import PARAMETERS, SINGERS, Value
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.singers import Singer, file_of
from plugin_bridge.errors import BridgeError, OutputError, refusal
from plugin_bridge.live.audio.blockprocessor import BlockProcessor
from plugin_bridge.live.audio.device import Device
from plugin_bridge.live.audio.engineloop import EngineLoop
from plugin_bridge.live.audio.realtime import ordinary_priority, settle_process
from plugin_bridge.live.audio.rings import Rings
from plugin_bridge.live.drivers.driver import Exchange
from plugin_bridge.live.link import EVENTS_PER_MESSAGE, Link, Message, SharedFigures, rows_of
from plugin_bridge.live.settings import LiveSettings
from plugin_bridge.midi.input import MidiInput
from plugin_bridge.midi.map import Learned
from plugin_bridge.sessions.writer import MAX_SECONDS, SessionHeader, SessionWriter

IGNORED_SIGNALS = (signal.SIGINT, signal.SIGHUP)
"""Meant for the control process, which then ends this one; held back until this one can ignore them."""
_TICK_SECONDS = 0.01
_HELD_SECONDS = 60.0
_MAX_OUTGOING = 10_000
_SHORT_BLOCK_SECONDS = 0.004
_WARM_SECONDS = 0.5


def run(
    connection: Connection,
    store: Any,  # noqa: ANN401 - a ctypes array
    settings: LiveSettings,
    patient: bool,
    held: bool = False,
) -> None:
    """Run the audio process.

    Args:
        connection: of the link.
        store: of the page.
        settings: what to play.
        patient: wait for a device that is missing, instead of ending.
        held: load the singers, and wait to be told to play.
    """
    for ignored in IGNORED_SIGNALS:
        signal.signal(ignored, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)
    link = Link(connection)
    try:
        library = SingerLibrary()
        if held:
            settings = _held(link, settings, library)
        AudioProcess(link, SharedFigures(store), settings, library).run(patient=patient)
    except EOFError:  # the control process has gone, or wants it no longer
        return
    except BridgeError as error:
        link.send({"failed": str(error), "kind": type(error).__name__})
    except OSError as error:  # of the system, such as too many open files
        link.send({"failed": str(error), "kind": BridgeError.__name__})


def _held(link: Link, settings: LiveSettings, library: SingerLibrary) -> LiveSettings:
    """Get ready to play while another process does; return the settings with what is in force at its end.

    Raises:
        EOFError: the control process is gone.
        SingerFileError: a singer is missing or wrong.
    """
    singers, values = _singers_and_values(settings, library)
    driver = settings.driver
    _warm(Engine(driver.sample_rate or RATES[-1], driver.channels, singers, parameters=values))
    link.send({"loaded": [singer.id for singer in singers]})
    while (told := link.receive(_HELD_SECONDS)) is None:
        pass
    learned = tuple(Learned(*row) for row in told["learned"])
    return replace(settings, parameters=told["begin"], learned=learned)


class AudioProcess:
    """A device, the engine's thread and a recording.

    Args:
        link: to the control process.
        page: for the figures.
        settings: what to play.
        library: of singers, some of which may be loaded.

    Raises:
        SingerFileError, ScoreError: a singer or the MIDI map is missing or wrong.
    """

    def __init__(
        self, link: Link, page: SharedFigures, settings: LiveSettings, library: SingerLibrary
    ) -> None:
        self._link, self._page, self._settings = link, page, settings
        self._outgoing: deque[Callable[[], Message]] = deque(maxlen=_MAX_OUTGOING)
        self._singers, self._values = _singers_and_values(settings, library)
        ids = [singer.id for singer in self._singers]
        self._midi = MidiInput(settings.midi_map, self.say, ids, settings.learned, self._keep)
        self._loop = EngineLoop(page, self._midi, link)
        self._device = Device(settings.driver, self._exchange, self.say)
        self._writer: SessionWriter | None = None
        self._recording = 0  # number of the session that is being recorded
        self._latency = 0
        self._processor: BlockProcessor | None = None
        self._ended = False
        signal.signal(signal.SIGTERM, self._end)

    def say(self, sentence: str) -> None:
        """Tell a person; from any thread."""
        self._outgoing.append(lambda: {"say": sentence})

    def _keep(self, learned: Learned) -> None:
        """Report a learned control, for the next audio process."""
        self._outgoing.append(lambda: {"learned": list(learned)})

    def heard(self, own: list[AnyEvent], others: list[AnyEvent], upto: int) -> None:
        """See `Listener.heard`."""
        for start in range(0, max(1, len(own) + len(others)), EVENTS_PER_MESSAGE):
            first = own[start : start + EVENTS_PER_MESSAGE]
            more = max(0, start - len(own))
            then = others[more : more + EVENTS_PER_MESSAGE - len(first)]
            self._outgoing.append(partial(_heard, first, then, upto))

    def run(self, *, patient: bool) -> None:
        """Play until the end.

        Raises:
            DeviceError: the device is not there now, and this is not to wait for it.
        """
        real_time = settle_process()
        self._loop.start()
        try:
            if not patient:
                self._device.open()
            self._tell_form()  # first: it is used as soon as the process is ready
            ids, files = [singer.id for singer in self._singers], _files(self._singers)
            self._outgoing.append(
                lambda: {"ready": ids, "files": files, "values": self._values, "real_time": real_time}
            )
            while not (self._ended or self._loop.orphaned):
                self._turn()
                time.sleep(_TICK_SECONDS)
        finally:
            self._device.close()
            self._loop.play(None)
            self._close_session()
            self._loop.end()
            self._midi.close()
            self._tell()
            self._leave()

    def _leave(self) -> None:
        """Exit at once where a device cannot be closed, for which Python would wait at its end."""
        if self._device.stuck:
            sys.stderr.flush()
            os._exit(1)

    def _turn(self) -> None:
        if not self._loop.alive:
            raise RuntimeError("the engine's thread has failed")
        while self._loop.forwarded:
            self._follow(self._loop.forwarded.popleft())
        if self._writer is not None and self._writer.done:  # the disk was full or too slow
            self._close_session()
        if self._device.watch():
            if self._device.form is None:
                self._loop.play(None)
                self._close_session()
            self._tell_form()
        self._tell()

    def _follow(self, message: Message) -> None:
        """Handle a message that is not for the engine's thread."""
        match message:
            case {"record": folder, "number": number}:
                self._open_session(Path(folder), number)
            case {"stop": _}:
                self._close_session()
            case {"end": _}:
                self._ended = True

    def _tell(self) -> None:
        while self._outgoing and self._link.send(self._outgoing[0]()):
            self._outgoing.popleft()

    def _tell_form(self) -> None:
        form, latency = self._device.form, self._latency
        facts = None if form is None else asdict(form)
        self._outgoing.append(lambda: {"form": facts, "latency": latency})

    def _exchange(self, form: Form) -> Exchange:
        """Make an engine and rings for a device, and hand them to the engine's thread."""
        values = self._processor.state.values if self._processor else self._values
        settings = self._settings
        with ordinary_priority():  # this takes a while, and other audio programs share the cores
            engine = Engine(
                form.sample_rate,
                form.channels,
                self._singers,
                seed=settings.seed,
                parameters=values,
                pitch=settings.pitch,
            )
            _warm(engine, form.block)
            gc.collect()  # the engine before, of another device
        short = form.block < _SHORT_BLOCK_SECONDS * form.sample_rate
        blocks = self._settings.ring or (3 if short else 2)
        rings = Rings(form, engine.latency, blocks, self._origin(), self._loop.doorbell)
        self._latency = rings.latency
        loop = self._loop
        self._processor = BlockProcessor(engine, values, rings, loop.events, loop.gauges, self)
        loop.play(self._processor)
        return rings

    def _origin(self) -> int:
        """Return the stream position now: it goes on with the clock while a device is away."""
        figures = self._page.read()
        if not figures.rate:
            return 0
        return int(figures.position + (time.monotonic() - figures.clock) * figures.rate)

    def _open_session(self, folder: Path, number: int) -> None:
        form, processor = self._device.form, self._processor
        self._close_session()
        try:
            if form is None or processor is None:
                raise OutputError(f"session {folder.name} cannot begin while the device is away; try later")
            initial = processor.state.initial
            settings = self._settings
            header = SessionHeader.of(self._singers, settings.seed, initial, settings.pitch)
            self._writer = SessionWriter(folder, form, header, self.say)
        except (BridgeError, OSError) as error:
            fault = refusal(error)
            self._outgoing.append(lambda: {"recording": number, "ended": fault})
            return
        self._recording = number
        self._loop.record(self._writer)
        if (room := self._writer.room) < MAX_SECONDS:
            self.say(f"the disk has room for {room / 60.0:.0f} min of {folder.name}; then its recording ends")
        self._outgoing.append(lambda: {"recording": number, "begun": True})

    def _close_session(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        number = self._recording
        self._loop.record(None)
        writer.close()
        self._outgoing.append(lambda: {"recording": number, "ended": ""})

    def _end(self, *_: object) -> None:
        self._ended = True


def _heard(own: list[AnyEvent], others: list[AnyEvent], upto: int) -> Message:
    return {"heard": rows_of(others), "own": rows_of(own), "upto": upto}


def _singers_and_values(
    settings: LiveSettings, library: SingerLibrary
) -> tuple[list[Singer], dict[str, Value]]:
    """Load the singers; return them and the initial value of every parameter."""
    values: dict[str, Value] = {row.id: row.default for row in PARAMETERS.values()}
    values |= settings.parameters
    names = settings.singers or library.known()
    ids = [singer.id for singer in library.load(names)]
    chosen = {name: str(values[name]) for name in SINGERS}
    others = [which for which in chosen.values() if which and which not in ids]
    singers = library.load([*names, *others])
    values |= {name: library.id_of(which) for name, which in chosen.items() if which in others}
    values["singer"] = values["singer"] or singers[0].id
    return singers, values


def _files(singers: Sequence[Singer]) -> dict[str, str]:
    """Return the files of the singers that do not ship, by id."""
    files = {singer.id: file_of(singer) for singer in singers}
    return {name: path for name, path in files.items() if path}


def _warm(engine: Engine, block: int = 0) -> None:
    """Process half a second, for libraries prepare much at their first use, and reset the engine.

    Args:
        engine: any.
        block: samples that it will be given at a time, whose number of frames the networks get ready for;
            0 for all at once.
    """
    n = round(_WARM_SECONDS * engine.sample_rate)
    wave = 0.1 * (np.arange(n) * 200.0 / engine.sample_rate % 1.0) - 0.05
    rows = np.tile(wave.astype(np.float32), (engine.channels, 1))
    for at in range(0, n, block or n):
        engine.process(rows[:, at : at + (block or n)])
    engine.reset()
