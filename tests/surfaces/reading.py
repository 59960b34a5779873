"""Read from each file of examples/surfaces what it sends, at the ends of its ranges, and what it hears."""

from __future__ import annotations

import json
import re
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.wire.packets import Argument
from tests.conftest import ROOT

SURFACES = ROOT / "examples" / "surfaces"
FILES = {path.name: path for path in SURFACES.iterdir() if path.stem == "plugin_bridge"}
Message = tuple[str, tuple[Argument, ...]]


@dataclass
class Surface:
    """What a file says."""

    sends: list[Message] = field(default_factory=list)
    hears: set[str] = field(default_factory=set)

    def add(self, address: str, *arguments: Argument) -> None:
        """Note a message that it sends."""
        self.sends.append((address, arguments))

    def add_range(self, address: str, low: float, high: float) -> None:
        """Note a fader by its ends."""
        self.add(address, low)
        self.add(address, high)


def read(path: Path) -> Surface:
    """Read any of the files."""
    surface = Surface()
    _READERS[path.suffix](path.read_bytes(), surface)
    return surface


def _open_stage_control(data: bytes, surface: Surface) -> None:
    session = json.loads(data)
    assert (session["createdWith"], session["type"]) == ("Open Stage Control", "session")
    for widget in _widgets(session["content"]):
        if "address" in widget:
            surface.hears |= {widget["address"]} if widget["type"] != "button" else set()
            if not widget.get("bypass"):
                assert widget["target"] == ["127.0.0.1:9000"]
                _open_stage_control_sends(widget, surface)


def _widgets(widget: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield widget
    for child in widget.get("widgets", []):
        yield from _widgets(child)


def _open_stage_control_sends(widget: dict[str, Any], surface: Surface) -> None:
    address, kind = widget["address"], widget["type"]
    if kind == "switch":
        for value in widget["values"].values():
            surface.add(address, value)
    elif kind == "button" and widget["mode"] == "momentary":
        surface.add(address, *widget.get("preArgs", ()))
    elif kind == "button":
        surface.add_range(address, float(widget["off"]), float(widget["on"]))
        surface.hears.add(address)
    else:
        surface.add_range(address, float(widget["range"]["min"]), float(widget["range"]["max"]))


def _touchosc(data: bytes, surface: Surface) -> None:
    root = ET.fromstring(zlib.decompress(data))  # noqa: S314 - our own file
    assert (root.tag, root.attrib) == ("lexml", {"version": "3"})
    nodes = list(root.iter("node"))
    assert len({node.attrib["ID"] for node in nodes}) == len(nodes) > 30
    for message in root.iter("osc"):
        address = "".join(_text(partial, "value") for partial in message.findall("path/partial"))
        if _text(message, "receive") == "1":
            surface.hears.add(address)
        if _text(message, "send") == "1":
            low, high = (
                [_touchosc_argument(partial, end) for partial in message.findall("arguments/partial")]
                for end in ("scaleMin", "scaleMax")
            )
            surface.add(address, *low)
            surface.add(address, *high)
    (script,) = (_text(each, "value") for each in root.iter("property") if _text(each, "key") == "script")
    (asked,) = re.findall(r"sendOSC\(\{'(/subscribe)', \{(.*?)\}\}\)", script, re.DOTALL)
    surface.add(asked[0], *_lua_arguments(asked[1]))
    assert "sendOSC({'/token', { {tag = 'i', value = message[2][1].value} }})" in script


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(name) or ""


def _touchosc_argument(partial: ET.Element, end: str) -> Argument:
    if _text(partial, "type") == "CONSTANT":
        return _text(partial, "value")
    assert (_text(partial, "value"), _text(partial, "conversion")) == ("x", "FLOAT")
    return float(_text(partial, end))


def _lua_arguments(text: str) -> list[Argument]:
    found = re.findall(r"\{tag = '([fs])', value = ([^}]*)\}", text)
    return [float(value) if tag == "f" else value.strip("'") for tag, value in found]


def _max_for_live(data: bytes, surface: Surface) -> None:
    assert data[:12] == b"ampf\x04\0\0\0aaaa"
    assert data[12:24] == b"meta\x04\0\0\0\0\0\0\0"
    assert data[24:28] == b"ptch"
    assert struct.unpack("<I", data[28:32]) == (len(data) - 32,)
    patcher = json.loads(data[32:].rstrip(b"\0"))["patcher"]
    boxes = {box["box"]["id"]: box["box"] for box in patcher["boxes"]}
    assert any(box.get("text") == "udpsend 127.0.0.1 9000" for box in boxes.values())
    for box in boxes.values():
        words = box.get("text", "").split()
        if box["maxclass"] == "message" and words[0].startswith("/"):
            surface.add(words[0], *map(_number_or_word, words[1:]))
        if words[:1] == ["route"]:
            surface.hears |= set(words[1:])
    for line in patcher["lines"]:
        (source, outlet), (target, inlet) = line["patchline"]["source"], line["patchline"]["destination"]
        assert outlet < boxes[source]["numoutlets"]
        assert inlet < boxes[target]["numinlets"]
        words = boxes[target].get("text", "").split()
        if words[0:1] == ["prepend"] and words[1].startswith("/"):
            _max_sends(boxes[source], outlet, words[1], surface)


def _max_sends(box: dict[str, Any], outlet: int, address: str, surface: Surface) -> None:
    value = box["saved_attribute_attributes"]["valueof"]
    if box["maxclass"] == "live.menu":
        assert outlet == 1  # the item's text; 0 is its number
        for word in value["parameter_enum"]:
            surface.add(address, word)
    else:
        surface.add_range(address, float(value.get("parameter_mmin", 0)), float(value["parameter_mmax"]))


def _number_or_word(word: str) -> Argument:
    return float(word) if re.fullmatch(r"-?[0-9.]+", word) else word


def _pure_data(data: bytes, surface: Surface) -> None:
    lines = [line.split()[1:] for line in data.decode().split(";\n")[1:] if line.strip()]
    objects = [line for line in lines if line[0] != "connect"]
    cords = [tuple(map(int, line[1:])) for line in lines if line[0] == "connect"]
    assert ["obj", "780", "420", "netsend", "-u", "-b"] in objects
    for source, _, target, _ in cords:
        kind, words = objects[source][0], objects[source][3:]
        if objects[target][3:4] != ["oscformat"]:
            continue
        address = "/" + "/".join(objects[target][4:])
        if kind == "msg":
            surface.add(address, *map(_number_or_word, words[words[0] == "symbol" :]))
            surface.hears |= set(words[2:]) if address == "/subscribe" else set()
        elif words[0] == "r":
            _pure_data_sends(objects, words[1], address, surface)


def _pure_data_sends(objects: list[list[str]], name: str, address: str, surface: Surface) -> None:
    """Find the box that sends to a name; singers have none, for their names are sent as messages."""
    for box in (each[3:] for each in objects if name in each and each[3] in {"hsl", "tgl", "bng"}):
        if box[0] == "hsl":
            surface.add_range(address, float(box[3]), float(box[4]))
        elif box[0] == "tgl":
            surface.add_range(address, 0.0, 1.0)
        else:
            surface.add(address)


def _super_collider(data: bytes, surface: Surface) -> None:
    text = data.decode()
    for line in text.splitlines():
        found = re.search(r'~(\w+) = \{(?: \|(\w+)\|)? ~bridge\.sendMsg\("(/[^"]+)"', line)
        if found is None:
            continue
        ends = re.search(r"// (-?\d+) to (-?\d+)", line)
        if ends:
            surface.add_range(found[3], float(ends[1]), float(ends[2]))
            row = ADDRESSES[found[3]]
            assert (row.low, row.high) == (float(ends[1]), float(ends[2])), line
        elif found[2] == "on":
            surface.add_range(found[3], 0, 1)
        else:
            surface.add(found[3], *(["nit"] if found[2] else []))
    (asked,) = re.findall(r'sendMsg\("/subscribe", (.*?)\)', text, re.DOTALL)
    surface.add("/subscribe", *(_number_or_word(word.strip().strip('"')) for word in asked.split(",")))
    (listed,) = re.findall(r"~heard = .*?;\n\[(.*?)\]", text, re.DOTALL)
    surface.hears = set(re.findall(r'"(/[^"]+)"', listed))


def _reaper(data: bytes, surface: Surface) -> None:
    for line in data.decode().splitlines():
        key, *patterns = line.split("#")[0].split() or [""]
        if key.startswith(("DEVICE_", "REAPER_")) or not key:
            continue
        for pattern in patterns:
            flag, address = pattern[0], pattern[1:]
            row = ADDRESSES[address]
            if flag == "s":
                surface.add(address, "nit")
            elif flag == "f":
                assert (row.unit, key) == ("dB", "TRACK_VOLUME")  # which REAPER sends raw in dB
                surface.add(address, 0.0)
            else:
                assert flag in "nb"
                surface.add_range(address, 0.0, 1.0)


_READERS = {
    ".json": _open_stage_control,
    ".tosc": _touchosc,
    ".amxd": _max_for_live,
    ".pd": _pure_data,
    ".scd": _super_collider,
    ".ReaperOSC": _reaper,
}
