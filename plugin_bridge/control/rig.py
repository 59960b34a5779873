"""A running live engine as control surfaces see it: the one interface of OSC, MIDI and the command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import Value

What = TypeVar("What")


@dataclass(frozen=True, slots=True)
class Meters:
    """What is heard now."""

    input_db: float
    """Peak of the newest blocks, dBFS; -120 for silence."""
    output_db: float
    f0: float
    """Pitch of the source, hertz, held through unvoiced frames."""
    voicing: float
    """0..1."""
    f0_out: float
    """Pitch asked of the singer, hertz."""
    load: float
    """Time of the engine per time of audio, smoothed over about a second; 1 is all there is."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the engine is doing."""

    running: bool
    """Whether samples move; False while a device or a server is away, or the engine starts again."""
    driver: str
    device: str
    sample_rate: int
    channels: int
    block: int
    latency: int
    """Samples from input to output, device not counted: the engine's and the ring's. Constant."""
    position: int
    """Input samples taken since the start."""
    load: float
    worst_ms: float
    """Longest time of a block since the start or the last reset of the counters."""
    queue_ms: float
    """Age of the oldest audio that waits for the engine."""
    xruns: int
    """Blocks the device asked for that were not ready, and those it reports itself."""
    dropped: int
    """Samples left out to catch up after a stall."""
    late: int
    """Events that came after their sample and acted at once."""
    refused: int
    """Events the engine would not take, or that found the queue full."""
    restarts: int
    """How often the engine's process was started again."""
    recording: str
    """Name of the session being recorded, empty for none and before it has begun."""
    faults: int = 0
    """Hops of 10 ms that were not finite or over 24 dB re full scale, and were silenced or held there."""
    learning: str = ""
    """Parameter that the next control change will move, empty for none."""


class Listeners(Generic[What]):
    """Who wants to be told of something."""

    def __init__(self) -> None:
        self._called: list[list[Callable[[What], None]]] = []

    def add(self, heard: Callable[[What], None]) -> Callable[[], None]:
        """Call back from now on; return what ends it, which may be called again."""
        entry = [heard]  # of this call alone: the same function may be added twice
        self._called.append(entry)

        def end() -> None:
            self._called = [kept for kept in self._called if kept is not entry]

        return end

    def tell(self, what: What) -> None:
        """Call all of them back; one may end itself meanwhile."""
        for (heard,) in list(self._called):
            heard(what)


class Rig(Protocol):
    """What a control surface can do. All of it returns at once; what takes time returns an awaitable.

    Used from the control process's event loop only.
    """

    @property
    def singers(self) -> Sequence[str]:
        """Ids of the set; all are loaded, and no other can be switched to before `add_singer`."""

    @property
    def values(self) -> Mapping[str, Value]:
        """Every parameter as last set, by whichever surface."""

    @property
    def status(self) -> Status:
        """Counters and state."""

    @property
    def meters(self) -> Meters:
        """Levels and pitch."""

    def send(self, events: Iterable[AnyEvent], *, now: bool = True) -> None:
        """Queue events.

        Args:
            events: all are checked before any goes.
            now: they act on the next sample the engine takes, their positions unread; otherwise on the
                input sample of their position, or at once, counted in `Status.late`, where it has passed.

        Raises:
            TypeError: not an event, or a value of the wrong type.
            ValueError: an unknown parameter or singer, or a value out of range.
            DeviceError: so many events wait for the audio process that these are refused, all of them. Or
                between the end of an audio process and the next, which begins with the parameters that were
                set for now: a note that begins, a bend, or an event with its own sample.
        """

    def send_checked(self, events: Sequence[AnyEvent], *, now: bool = True) -> None:
        """Queue events as `send` does, for a surface that has checked them already.

        Raises:
            DeviceError: see `send`.
        """

    def position_at(self, time: float) -> int:
        """Return the input sample that the device captures at a moment.

        Args:
            time: seconds since 1970 by the system's clock, as `time.time()`; may lie in the future or past.
        """

    def midi(self, message: bytes, port: str = "") -> None:
        """Hand on one MIDI message from a port of the control process; it acts at once.

        Args:
            message: whole.
            port: its name: each has banks, pedals and bends of its own.
        """

    def learn(self, parameter: str | None) -> None:
        """Let the next control change move this parameter from now on; None gives up waiting.

        Raises:
            ValueError: an unknown parameter, or one that no control can move.
            DeviceError: there is no audio process now that could hear one.
        """

    def record(self, name: str) -> Awaitable[Path]:
        """Record a session.

        Returns:
            Its folder, once awaited: by then its files are there, and recording begins with the next input.

        Raises:
            OutputError: at once or where it is awaited: another session is being recorded, this one exists,
                its name is no plain name, the device is away, or the disk has no room.
        """

    def stop_recording(self) -> Path | None:
        """End the recording, begun or not, and return its folder; None where there is none."""

    def add_singer(self, file: Path) -> Awaitable[str]:
        """Take another singer into the set.

        Args:
            file: of the singer.

        Returns:
            Its id, once awaited: by then it can be switched to.

        Raises:
            SingerFileError: where it is awaited: it is no singer file, or the set has one of its id.
            DeviceError: where it is awaited: a session is being recorded, or the set cannot change now.
        """

    def panic(self) -> None:
        """All notes off, events to come forgotten, `bypass`, `melody`, `morph` as at the start."""

    def listen(self, heard: Callable[[AnyEvent], None]) -> Callable[[], None]:
        """Call back on every event once the engine has taken it, with the position it acted on.

        Of several that set a parameter on one sample, all but the last may be left out where they were to
        act at once.

        Returns:
            What ends it.
        """

    def reports(self, heard: Callable[[str], None]) -> Callable[[], None]:
        """Call back with sentences for a person: an unknown program, a lost device, a restart.

        Returns:
            What ends it.
        """
