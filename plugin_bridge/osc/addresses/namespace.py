"""Describe the addresses as an OSCQuery namespace: a tree of nodes with their attributes."""

from __future__ import annotations

from collections.abc import Sequence

from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.control.rig import Rig
from plugin_bridge.osc.addresses.table import ADDRESSES, Address
from plugin_bridge.osc.addresses.values import read

Node = dict[str, object]

ATTRIBUTES = (
    "FULL_PATH",
    "CONTENTS",
    "TYPE",
    "ACCESS",
    "RANGE",
    "CLIPMODE",
    "UNIT",
    "VALUE",
    "DEFAULT_VALUE",
    "CURVE",
    "WORDS",
    "DESCRIPTION",
    "TAGS",
)
"""Of OSCQuery; DEFAULT_VALUE as libossia has it; for numbers our own CURVE, the exponent from a fader's 0..1
to the range, and WORDS, which are taken besides numbers. CLIPMODE is always "none": a value
out of range is refused in a sentence."""
PRESETS = "/preset/load"
"""The address whose range are the presets."""
SINGERS = "/singer"
"""The address whose range are the singers of the set; those of its parameters have the same."""
_UNITS = {"dB": "gain.db", "dBFS": "gain.db", "Hz": "time.hz", "ms": "time.ms", "cents": "time.cents"}
"""Names of OSCQuery's own; other units keep ours."""
_ROOT = "What can be moved and read."


def node(path: str, rig: Rig, presets: Sequence[str]) -> Node | None:
    """Return a node with all below it; None where there is none.

    Args:
        path: as an OSC address; "/" for the root.
        rig: whose values are told.
        presets: that can be loaded now.
    """
    path = path.rstrip("/")
    row = ADDRESSES.get(path)
    below = _BELOW.get(path, {})
    if row is None and not below:
        return None
    found: Node = {"FULL_PATH": path or "/"} | (_attributes(row, rig, presets) if row else _container(path))
    if below:
        found["CONTENTS"] = {name: node(f"{path}/{name}", rig, presets) for name in below}
    return found


def _nested() -> dict[str, dict[str, None]]:
    """Return the names below each path, in order; the root is an empty path."""
    below: dict[str, dict[str, None]] = {}
    for known in ADDRESSES:
        parts = known.split("/")
        for depth in range(1, len(parts)):
            below.setdefault("/".join(parts[:depth]), {})[parts[depth]] = None
    return below


_BELOW = _nested()


def _container(path: str) -> Node:
    return {"ACCESS": 0} | ({} if path else {"DESCRIPTION": _ROOT})


def _attributes(row: Address, rig: Rig, presets: Sequence[str]) -> Node:
    found: Node = {"ACCESS": row.access, "DESCRIPTION": row.description, "TAGS": [row.group]}
    if row.types:
        found["TYPE"] = row.types
    if row.low is not None:
        found |= {"RANGE": [{"MIN": row.low, "MAX": row.high}], "CLIPMODE": ["none"]}
    elif words := _words(row, rig.singers, presets):
        found["RANGE"] = [{"VALS": words}]
    if row.unit:
        found["UNIT"] = [_UNITS.get(row.unit, row.unit)]
    if row.readable and row.kind != "notice":
        found["VALUE"] = list(read(rig, row))
    if row.kind == "value":
        found |= _initial(row)
    return found


def _initial(row: Address) -> Node:
    parameter = PARAMETERS[row.name]
    default: Node = {} if parameter.kind == "singer" else {"DEFAULT_VALUE": [parameter.default]}
    if parameter.kind == "number":
        default |= {"CURVE": parameter.curve} | ({"WORDS": list(parameter.words)} if parameter.words else {})
    return default


def _words(row: Address, singers: Sequence[str], presets: Sequence[str]) -> list[str]:
    if row.path == PRESETS:
        return list(presets)
    if row.kind != "value":
        return []
    if row.name == "singer":
        return list(singers)
    return ["", *singers] if row.name == "morph_singer" else list(row.words)
