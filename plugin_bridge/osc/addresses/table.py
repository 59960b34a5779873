"""The table of OSC addresses, most of them made from the table of parameters and from the fields of a rig."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from plugin_bridge.control.parameters import PARAMETERS, Parameter
from plugin_bridge.osc.wire.validation import TOKEN

Kind = Literal["value", "position", "meter", "status", "note", "command", "notice"]
READ, WRITE = 1, 2
"""Bits of `Address.access`, as OSCQuery counts them."""


@dataclass(frozen=True, slots=True)
class Address:
    """One row of the table."""

    path: str
    description: str
    """One sentence for a musician."""
    kind: Kind
    """A parameter's value or its fader's position; a meter; a field of the status; a note; a command; or what
    is only ever sent to subscribers."""
    name: str = ""
    """Id of the parameter, or field of the meters or the status."""
    arguments: str = ""
    """What it takes, for people; brackets mark what may be left out."""
    types: str = ""
    """OSC type tags of those that must be there, or of the value."""
    access: int = WRITE
    """Whether it can be read, written or both."""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    """What it can hold, where that is a choice."""
    timed: bool = False
    """Whether a time tag to come schedules it to its sample."""
    patterns: bool = False
    """Whether it takes addresses, which may be patterns."""
    switch: bool = False
    """Whether `T` or a whole 1 right after its arguments is one more of them and not a button's."""
    button: bool = False
    """Whether a number or switch after its arguments is the state of the button that sends it."""

    @property
    def group(self) -> str:
        """What it is about: a parameter's group, else its kind."""
        return PARAMETERS[self.name].group if self.kind in ("value", "position") else self.kind

    @property
    def most(self) -> float:
        """How many arguments a command takes at most."""
        return math.inf if self.arguments.endswith(("...", "[anything]")) else len(self.arguments.split())

    @property
    def readable(self) -> bool:
        """Whether it has a value to get and to subscribe to."""
        return bool(self.access & READ)


def _value(row: Parameter, path: str) -> Address:
    number = row.kind == "number"
    return Address(
        path,
        row.description,
        "value",
        row.id,
        "[value]",
        "f" if number else "T" if row.kind == "switch" else "s",
        READ | WRITE,
        row.unit,
        row.low if number else None,
        row.high if number else None,
        row.words if row.kind == "choice" else (),
        timed=True,
    )


def _parameters() -> Iterator[Address]:
    for row in PARAMETERS.values():
        path = f"/param/{row.id}"
        yield _value(row, path)
        if row.kind != "singer":
            description = f"`{path}` as a fader's position."
            yield Address(
                f"{path}/unit",
                description,
                "position",
                row.id,
                "[0..1]",
                "f",
                READ | WRITE,
                low=0.0,
                high=1.0,
                timed=True,
            )
    for path, name in _SHORT.items():
        yield _value(PARAMETERS[name], path)


_SHORT = {"/singer": "singer", "/morph": "morph", "/morph/singer": "morph_singer", "/bypass": "bypass"}

_NOTES = (
    Address(
        "/note/on",
        "Begin a note, heard while `melody` is on; 69 is 440 Hz, fractions allowed; velocity 0 ends it.",
        "note",
        "on",
        "note [velocity]",
        "f",
        low=0,
        high=127,
        timed=True,
    ),
    Address("/note/off", "End a note.", "note", "off", "note", "f", low=0, high=127, timed=True),
    Address(
        "/note/bend",
        "Bend all notes.",
        "note",
        "bend",
        "semitones",
        "f",
        unit="semitones",
        low=-48,
        high=48,
        timed=True,
    ),
    Address("/note/alloff", "End all notes and undo the bend.", "note", "alloff", timed=True, button=True),
)

_METERS = (
    ("input", "input_db", "dBFS", -120.0, 24.0, "Peak of the source."),
    ("output", "output_db", "dBFS", -120.0, 24.0, "Peak of the output."),
    ("f0", "f0", "Hz", 0.0, PARAMETERS["source_pitch"].high, "Pitch of the source, held while unvoiced."),
    ("voicing", "voicing", "", 0.0, 1.0, "How voiced the source is."),
    ("f0_out", "f0_out", "Hz", 0.0, 4000.0, "Pitch asked of the singer."),
    ("load", "load", "", 0.0, 1.0, "Time of the engine per time of audio."),
)

_STATUS = {
    "running": ("T", "", "Whether samples move."),
    "driver": ("s", "", "Name of the driver."),
    "device": ("s", "", "Name of the device."),
    "sample_rate": ("i", "Hz", "Rate of the device."),
    "channels": ("i", "", "Channels of the device."),
    "block": ("i", "samples", "Block of the device."),
    "latency": ("i", "samples", "From input to output, the device not counted."),
    "position": ("h", "samples", "Input samples taken since the start."),
    "load": ("f", "", "Time of the engine per time of audio."),
    "worst_ms": ("f", "ms", "Longest time of a block."),
    "queue_ms": ("f", "ms", "Age of the oldest audio that waits for the engine."),
    "xruns": ("i", "", "Blocks that were not ready."),
    "dropped": ("i", "samples", "Left out to catch up after a stall."),
    "late": ("i", "", "Events that came after their sample."),
    "faults": (
        "i",
        "",
        "Hops of 10 ms whose sound was not finite or over 24 dB, and was silenced or held there.",
    ),
    "refused": ("i", "", "Events the engine would not take."),
    "restarts": ("i", "", "How often the engine was started again."),
    "recording": ("s", "", "Name of the session being recorded."),
    "learning": ("s", "", "Parameter that the next control change will move."),
}

_COMMANDS = (
    ("/singer/list", "", "", False, "The singers of the set."),
    (
        "/singer/add",
        "name",
        "s",
        False,
        "Add a singer file of the folder, such as an enrolled one; the sound is away for a moment.",
    ),
    (
        "/preset/load",
        "name",
        "s",
        True,
        "Take a preset's singer and parameters, all but an unnamed bypass; no effects.",
    ),
    (
        "/preset/save",
        "name [T]",
        "s",
        False,
        "Keep the singer and the parameters as they are now; `T` or `i` 1 replaces a preset of that name.",
    ),
    ("/preset/list", "", "", False, "The presets by name."),
    (
        "/bounce/start",
        "input output [option value]...",
        "ss",
        False,
        "Bounce a file beside the live sound; answers with its number. Without `preset`, as it sounds now.",
    ),
    ("/bounce/cancel", "number", "i", False, "End a bounce; no half file is left."),
    ("/bounce/list", "", "", False, "The bounces: number, state, part done 0..1, output; and so on."),
    (
        "/enrol/start",
        "id [source] [option value]...",
        "s",
        False,
        "Make a singer of a stem or of the input of a recording, else the newest; answers with its number.",
    ),
    ("/enrol/cancel", "number", "i", False, "End an enrolment; no half file is left."),
    ("/enrol/list", "", "", False, "The enrolments: number, state, part done 0..1, singer file; and so on."),
    (
        "/guide/start",
        "backing output [option value]...",
        "ss",
        False,
        "Sing a guide melody to a backing track of the folder; answers with its number.",
    ),
    ("/guide/cancel", "number", "i", False, "End the making of a guide; no half file is left."),
    ("/guide/list", "", "", False, "The guides: number, state, part done 0..1, output; and so on."),
    ("/record/start", "name", "s", False, "Record a session; answers with its folder once it has begun."),
    ("/record/stop", "", "", False, "End the recording; answers with its folder."),
    ("/midi/learn", "parameter", "s", False, "Let the next control change move this parameter from now on."),
    ("/midi/learn/stop", "", "", False, "Wait for no control change any longer."),
    (
        "/panic",
        "",
        "",
        False,
        "All notes off, events to come forgotten, bypass, melody and morph as at the start.",
    ),
    (
        "/status",
        "",
        "",
        False,
        "Everything of `/status/...` and the server's own counters: name, value; and so on.",
    ),
    ("/version", "", "", False, "Name and version of this program."),
    (
        "/report/list",
        "",
        "",
        False,
        "The last 100 of `/report`, the oldest first: sentence, seconds that have passed since; and so on.",
    ),
    ("/sync", "[anything]", "", False, "Answered when all that this sender asked before is answered."),
    (
        "/subscribe",
        "rate seconds [port] address...",
        "ffs",
        False,
        "Send values, first all and then changes, 0.1..100 times a second for 1..3600 s, to `port` if given.",
    ),
    ("/unsubscribe", "[address]...", "", False, "Send these no longer, or nothing any longer."),
    (
        TOKEN,
        "number",
        "i",
        False,
        "From a host of a network: send back the number that the server sent; 0 asks for it.",
    ),
)

_TAKING_NUMBERS = ("/bounce/start", "/enrol/start", "/guide/start", "/sync")
"""Commands whose own last argument may be a number or a switch, and cannot be told from a button's."""

_NOTICES = (
    (
        "/report",
        "s",
        "Sentences for a person: a lost device, a preset that is loaded, a bounce that is done.",
    ),
    (
        "/bounce/progress",
        "isff",
        "Number, state, seconds done and in all; also sent, unasked, to who started the bounce.",
    ),
    (
        "/enrol/progress",
        "isff",
        "Number, state, seconds passed and, by estimate, in all; sent as `/bounce/progress`.",
    ),
    ("/guide/progress", "isff", "Number, state, seconds done and in all; sent as `/bounce/progress`."),
)


def _rows() -> Iterator[Address]:
    yield from _parameters()
    yield from _NOTES
    for name, field, unit, low, high, description in _METERS:
        path = f"/meter/{name}"
        yield Address(path, description, "meter", field, "", "f", READ, unit, low, high)
    for name, (types, unit, description) in _STATUS.items():
        yield Address(f"/status/{name}", description, "status", name, "", types, READ, unit)
    for path, arguments, types, timed, description in _COMMANDS:
        yield Address(
            path,
            description,
            "command",
            "",
            arguments,
            types,
            WRITE,
            timed=timed,
            patterns="address" in arguments,
            switch=arguments.endswith("[T]"),
            button=path not in _TAKING_NUMBERS,
        )
    for path, types, description in _NOTICES:
        yield Address(path, description, "notice", "", "", types, READ)


ADDRESSES: Mapping[str, Address] = MappingProxyType({row.path: row for row in _rows()})
"""Every address by its path, in the order of the documentation."""


def address(path: str) -> Address:
    """Return a row of the table.

    Raises:
        ValueError: no such address.
    """
    row = ADDRESSES.get(path)
    if row is None:
        raise ValueError(f"address {path!r} is unknown; `plugin-bridge params --osc` lists them all")
    return row
