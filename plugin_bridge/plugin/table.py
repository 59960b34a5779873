"""The parameters as plug-in hosts know them: by number, as floats. The C++ header is made from this, too."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from dsp.units import HOPS_PER_SECOND
from plugin_bridge.control.parameters import PARAMETERS, Parameter, Value
from plugin_bridge.engine.core import LATENCY_HOPS, TAIL_HOPS
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import ScoreError
from plugin_bridge.live.rig.handle import ONE_THREAD
from plugin_bridge.midi.map import load_midi_map
from plugin_bridge.version import __version__

STATUSES = (
    "starting",
    "ready",
    "behind",
    "singer changed",
    "no engine",
    "sample rate not native",
    "singer missing",
    "failed",
)
"""What the plug-in can say of its engine. From `REFUSALS` on the stream is not sung."""
REFUSALS = STATUSES.index("no engine")
AUTO = {"transpose": "transpose_auto"}
"""The switches of numbers that may be the word `auto`, which hosts cannot automate."""
OUTPUTS = ("status", "late")
"""Rows that the plug-in sets."""
OWN = (
    Parameter(
        AUTO["transpose"],
        "Whether the octave nearest to the singer's range is found; `transpose` is then not used.",
        True,
        kind="switch",
        number=21,
    ),
    Parameter(
        "wait",
        "Whether the host waits for the engine: where it says that it is offline, always, or never.",
        "auto",
        kind="choice",
        words=("auto", "exact", "never"),
        number=22,
    ),
    Parameter(
        "fallback",
        "What is heard where the engine has nothing in time.",
        "silence",
        kind="choice",
        words=("silence", "source"),
        number=23,
    ),
    Parameter("status", "How the engine is.", STATUSES[0], kind="choice", words=STATUSES, number=24),
    Parameter(
        "late", "Samples that the engine did not make in time.", 0.0, unit="samples", high=1e9, number=25
    ),
    Parameter("panel", "A button: opens the panel in the browser.", False, kind="switch", number=27),
)
"""Parameters of the plug-in, not of the engine."""
SLOTS = 16
"""Singers that a host can choose from: the programs 0 to 15 of the MIDI map, bank 0."""
SERVER, PANEL_SERVER = "plugin_bridge.plugin.server", "plugin_bridge.plugin.panelserver"
"""Modules that the plug-in starts."""
CONF = "engine.conf"
"""The file beside a built library that says where its engine is."""
LOCK = "engine.lock"
"""The file in the folder of the instances that their engine holds locked."""
SEGMENT, HOST, PANEL = ".segment", ".host", ".panel"
"""Endings of the files of an instance: what is shared, a lock that its host holds, and one of its panel."""
CALM = 1 << 16
"""What the panel asks for by this number, in a parameter's place: that all notes end."""


def rows() -> list[Parameter]:
    """Return the rows in the order of their numbers, which count from 0."""
    found = {row.number: row for row in (*PARAMETERS.values(), *OWN)}
    return [found[number] for number in range(len(PARAMETERS) + len(OWN))]


def slots(midi_map: Path | None = None) -> dict[int, str]:
    """Return the ids of the singers by number.

    Args:
        midi_map: the map whose programs they are; None for the one that ships.

    Raises:
        ScoreError: the map is missing, does not fit, or has no program from 0 to 15 of bank 0.
        SingerFileError: it names a singer that is missing.
    """
    library = SingerLibrary()
    programs = [row for row in load_midi_map(midi_map).program if row.bank == 0 and row.program < SLOTS]
    if not programs:
        raise ScoreError(
            f"{midi_map} names no singer for programs 0 to {SLOTS - 1} of bank 0; add a [[program]]"
        )
    return {row.program: library.id_of(row.singer) for row in programs}


class HostValues:
    """Turn what a host sets into values of the engine's parameters, and back.

    Args:
        singers: ids by number.
    """

    def __init__(self, singers: Mapping[int, str]) -> None:
        self._singers = singers
        self._rows = rows()
        self._set: dict[str, Value] = {}

    def take(self, number: int, value: float) -> tuple[str, Value] | None:
        """Return the engine's parameter that moves, with its value; None where none does.

        Args:
            number: of a row.
            value: as the host has it: a number in its unit, 0 or 1, or the number of a word or a singer.
        """
        if not 0 <= number < len(self._rows):
            return None
        row = self._rows[number]
        found = self._value(row, value)
        if found is None:
            return None
        self._set[row.id] = found
        if row.id in PARAMETERS and row.id not in AUTO:
            return row.id, found
        for name, switch in AUTO.items():
            if row.id in {name, switch} and name in self._set and switch in self._set:
                return name, "auto" if self._set[switch] else self._set[name]
        return None

    def given(self, name: str, value: Value) -> list[tuple[int, float]]:
        """Return the numbers of rows, with values as a host has them, that make a parameter what it shall be.

        Args:
            name: of one of the engine's parameters.
            value: checked; a singer is one of those that have numbers.
        """
        row = PARAMETERS[name]
        switch = next((own.number for own in OWN if own.id == AUTO.get(name)), None)
        if switch is None:
            return [(row.number, self._number(row, value))]
        if isinstance(value, str):
            return [(switch, 1.0)]
        return [(row.number, float(value)), (switch, 0.0)]

    def _number(self, row: Parameter, value: Value) -> float:
        if not isinstance(value, str):
            return float(value)
        if row.kind == "choice":
            return float(row.words.index(value))
        if not value:
            return 0.0
        number = next(number for number, name in self._singers.items() if name == value)
        return float(number + (row.id == "morph_singer"))

    def _value(self, row: Parameter, value: float) -> Value | None:
        if row.kind == "number":
            return min(row.high, max(row.low, round(value, decimals(row))))
        if row.kind == "switch":
            return value >= 0.5
        at = round(value)
        if row.kind == "choice":
            return row.words[at] if 0 <= at < len(row.words) else None
        if row.id == "singer":
            return self._singers.get(at)
        return "" if at == 0 else self._singers.get(at - 1)


def decimals(row: Parameter) -> int:
    """Return how many decimals of a number count: 10,000 steps or more over its range.

    Hosts round to 24 bits, some of them what they map to 0..1; so much finer is the grid than what anyone
    hears, and so much coarser than that rounding, that 0.7 arrives as 0.7.
    """
    return 4 - math.floor(math.log10(row.high - row.low))


def header(singers: Mapping[int, str]) -> str:
    """Return the C++ header of the parameters and of what else both sides have to know.

    Args:
        singers: ids by number.
    """
    table = rows()
    place = {row.id: row.number for row in table}
    words = {row.id: _labels(row, singers) for row in table}
    major, minor, micro = (int(part) for part in __version__.split(".")[:3])
    constants = {
        "Count": len(table),
        "Singer": place["singer"],
        "Bypass": place["bypass"],
        "Auto": place[AUTO["transpose"]],
        "Wait": place["wait"],
        "Fallback": place["fallback"],
        "Status": place["status"],
        "Late": place["late"],
        "Panel": place["panel"],
        "Calm": CALM,
        "Programs": max(singers) + 1,
        "HopsPerSecond": HOPS_PER_SECOND,
        "LatencyHops": LATENCY_HOPS,
        "TailHops": TAIL_HOPS,
        "Starting": STATUSES.index("starting"),
        "NoEngine": STATUSES.index("no engine"),
        "Refusals": REFUSALS,
        "Major": major,
        "Minor": minor,
        "Micro": micro,
    }
    texts = {"Conf": CONF, "Server": SERVER, "PanelServer": PANEL_SERVER, "Lock": LOCK}
    texts |= {"SegmentSuffix": SEGMENT, "HostSuffix": HOST, "PanelSuffix": PANEL}
    return "\n".join(
        [
            "// Made from plugin_bridge/plugin/table.py at every build.",
            "#pragma once",
            "#include <cstdint>",
            "namespace bridge {",
            "struct Row {",
            "  const char *id, *name, *unit, *description;",
            "  float standard, low, high;",
            "  bool step, toggles, output;",
            "  const char* const* words;",
            "  uint32_t count;",
            "};",
            *(f"constexpr uint32_t k{name} = {value};" for name, value in constants.items()),
            *(f"constexpr const char* k{name} = {_quoted(text)};" for name, text in texts.items()),
            f"constexpr const char* kEnvironment[] = {{{_list(map('='.join, ONE_THREAD.items()))}}};",
            f"constexpr const char* kSingers[] = {{{_list(singers.get(i, '') for i in range(SLOTS))}}};",
            *(
                f"constexpr const char* kWords{row.number}[] = {{{_list(words[row.id])}}};"
                for row in table
                if words[row.id]
            ),
            "constexpr Row kRows[] = {",
            *(_row(row, words[row.id]) for row in table),
            "};",
            "}  // namespace bridge",
            "",
        ]
    )


def _labels(row: Parameter, singers: Mapping[int, str]) -> list[str]:
    if row.kind == "singer":
        named = [singers.get(i, f"free {i}") for i in range(SLOTS)]
        return named if row.id == "singer" else ["none", *named]
    return list(row.words) if row.kind == "choice" else []


def _row(row: Parameter, words: list[str]) -> str:
    standard, low, high = 0.0, float(row.low), float(row.high)
    if row.kind == "number":
        standard = 0.0 if isinstance(row.default, str) else float(row.default)
    elif row.kind == "switch":
        standard = float(bool(row.default))
    else:
        low, high = 0.0, len(words) - 1.0
        standard = float(words.index(str(row.default))) if row.kind == "choice" else 0.0
    name = row.id.replace("_", " ").capitalize()
    flags = (bool(words), row.kind == "switch", row.id in OUTPUTS)
    return (
        f"  {{{_list([row.id, name, row.unit, row.description])}, {standard!r}f, {low!r}f, {high!r}f, "
        f"{', '.join(str(flag).lower() for flag in flags)}, "
        f"{f'kWords{row.number}' if words else 'nullptr'}, {len(words)}}},"
    )


def _list(texts: Iterable[str]) -> str:
    return ", ".join(map(_quoted, texts))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
