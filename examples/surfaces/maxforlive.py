"""Write the surface as a Max for Live effect that passes its sound: a patcher in JSON behind a header."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from layout import (
    BYPASS,
    FADERS,
    HEARD,
    HOST,
    METERS,
    MORPH_SINGER,
    PANIC,
    PORT,
    RATE,
    SECONDS,
    SINGER,
    SUBSCRIBE,
    Control,
)

_HEARING_PORT = 9010
"""Where this device hears the server; Max sends from one port and receives on another."""
_HEADER = b"ampf" + struct.pack("<I", 4) + b"aaaa" + b"meta" + struct.pack("<II", 4, 0) + b"ptch"
_UNITS = {"": 1, "st": 7, "dB": 4, "Hz": 3}
"""Max's numbers for how a parameter is shown."""


class Patch:
    """Boxes and the cords between them."""

    def __init__(self) -> None:
        self.boxes: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []

    def add(self, kind: str, x: float, y: float, inlets: int = 1, outlets: int = 1, **more: Any) -> str:  # noqa: ANN401 - JSON
        """Add a box and return its name."""
        name = f"obj-{len(self.boxes) + 1}"
        common = {"id": name, "maxclass": kind, "numinlets": inlets, "numoutlets": outlets}
        place = {"outlettype": [""] * outlets, "patching_rect": [x, y, 110.0, 22.0]}
        self.boxes.append({"box": {**common, **place, **more}})
        return name

    def object(self, text: str, x: float, y: float, inlets: int = 1, outlets: int = 1) -> str:
        """Add an object by its text."""
        return self.add("newobj", x, y, inlets, outlets, text=text)

    def message(self, text: str, x: float, y: float) -> str:
        """Add a message."""
        return self.add("message", x, y, 2, 1, text=text)

    def connect(self, source: str, target: str, outlet: int = 0, inlet: int = 0) -> None:
        """Draw a cord."""
        self.lines.append({"patchline": {"source": [source, outlet], "destination": [target, inlet]}})


def device(singers: Sequence[str]) -> bytes:
    """Return the bytes of the file."""
    patcher = _patcher(singers)
    text = json.dumps({"patcher": patcher}, indent=1).encode() + b"\n\0"
    return _HEADER + struct.pack("<I", len(text)) + text


def _patcher(singers: Sequence[str]) -> dict[str, Any]:
    patch = Patch()
    sends = patch.object(f"udpsend {HOST} {PORT}", 20.0, 560.0, 1, 0)
    _sound(patch)
    _subscription(patch, sends)
    routes = _hearing(patch)
    for row, (label, address) in enumerate((("Singer", SINGER), ("Morph to", MORPH_SINGER))):
        _menu(patch, sends, routes, label, address, singers, row)
    for number, control in enumerate(FADERS):
        _dial(patch, sends, routes, control, number)
    for number, control in enumerate(METERS):
        shown = _shown(118.0 + 72.0 * number, 128.0, 66.0, 15.0)
        box = patch.add(
            "live.numbox", 620.0, 330.0 + 40.0 * number, 1, 2, **shown, **_parameter(control, 0, hidden=True)
        )
        patch.connect(routes[control.address][0], box, routes[control.address][1])
        place = _shown(118.0 + 72.0 * number, 110.0, 66.0, 18.0)
        patch.add("live.comment", 740.0, 330.0 + 40.0 * number, 1, 0, text=control.label, **place)
    _buttons(patch, sends, routes)
    return {
        "fileversion": 1,
        "appversion": {"major": 8, "minor": 5, "revision": 0, "architecture": "x64", "modernui": 1},
        "classnamespace": "box",
        "rect": [80.0, 80.0, 1000.0, 640.0],
        "openinpresentation": 1,
        "devicewidth": 560.0,
        "description": "Controls plugin-bridge live by OSC.",
        "boxes": patch.boxes,
        "lines": patch.lines,
    }


def _sound(patch: Patch) -> None:
    source = patch.object("plugin~", 820.0, 20.0, 2, 2)
    target = patch.object("plugout~", 820.0, 60.0, 2, 2)
    for channel in (0, 1):
        patch.connect(source, target, channel, channel)


def _subscription(patch: Patch, sends: str) -> None:
    start = patch.object("live.thisdevice", 20.0, 20.0, 1, 3)
    clock = patch.object(f"metro {SECONDS * 500}", 20.0, 60.0, 2, 1)
    words = " ".join([SUBSCRIBE, f"{RATE}.", f"{SECONDS}.", str(_HEARING_PORT), *HEARD])
    ask = patch.message(words, 20.0, 100.0)
    switch = patch.message("1", 20.0, 40.0)
    patch.connect(start, switch)
    patch.connect(switch, clock)
    patch.connect(clock, ask)
    patch.connect(ask, sends)


def _hearing(patch: Patch) -> dict[str, tuple[str, int]]:
    """Return for every address the box and the outlet where its values come out."""
    receives = patch.object(f"udpreceive {_HEARING_PORT}", 420.0, 20.0, 1, 1)
    route = patch.object(f"route {' '.join(HEARD)}", 420.0, 60.0, 1, len(HEARD) + 1)
    patch.connect(receives, route)
    return {address: (route, outlet) for outlet, address in enumerate(HEARD)}


def _menu(
    patch: Patch,
    sends: str,
    routes: dict[str, tuple[str, int]],
    label: str,
    address: str,
    singers: Sequence[str],
    row: int,
) -> None:
    """A menu of singers: it sends the one that is chosen, and shows the one that is heard."""
    y = 160.0 + 120.0 * row
    number = {"parameter_enum": [*singers], "parameter_mmax": len(singers) - 1, "parameter_type": 2}
    common = {"parameter_longname": label, "parameter_shortname": label, "parameter_linknames": 1}
    shown = _shown(8.0, 28.0 + 56.0 * row, 100.0, 18.0)
    menu = patch.add(
        "live.menu",
        160.0,
        y,
        1,
        3,
        **shown,
        parameter_enable=1,
        varname=label,
        saved_attribute_attributes={"valueof": {**common, **number}},
    )
    patch.add("live.comment", 160.0, y - 20.0, 1, 0, text=label, **_shown(8.0, 8.0 + 56.0 * row, 100.0, 18.0))
    prepend = patch.object(f"prepend {address}", 160.0, y + 40.0)
    back = patch.object("prepend setsymbol", 300.0, y)
    patch.connect(menu, prepend, 1)
    patch.connect(prepend, sends)
    patch.connect(routes[address][0], back, routes[address][1])
    patch.connect(back, menu)


def _dial(
    patch: Patch, sends: str, routes: dict[str, tuple[str, int]], control: Control, number: int
) -> None:
    x = 20.0 + 130.0 * number
    shown = _shown(118.0 + 72.0 * number, 8.0, 66.0, 60.0)
    dial = patch.add("live.dial", x, 400.0, 1, 2, **shown, **_parameter(control, _UNITS[control.unit]))
    prepend = patch.object(f"prepend {control.address}", x, 470.0)
    back = patch.object("prepend set", x, 360.0)
    patch.connect(dial, prepend)
    patch.connect(prepend, sends)
    patch.connect(routes[control.address][0], back, routes[control.address][1])
    patch.connect(back, dial)


def _buttons(patch: Patch, sends: str, routes: dict[str, tuple[str, int]]) -> None:
    switch = Control(BYPASS, "Bypass", 0, 1)
    enumerated = _parameter(switch, 0)
    valueof = enumerated["saved_attribute_attributes"]["valueof"]
    valueof.update({"parameter_enum": ["off", "on"], "parameter_type": 2, "parameter_mmax": 1})
    toggle = patch.add(
        "live.text",
        20.0,
        600.0,
        1,
        2,
        text="Bypass",
        texton="Bypass",
        mode=1,
        **_shown(8.0, 128.0, 48.0, 18.0),
        **enumerated,
    )
    prepend = patch.object(f"prepend {BYPASS}", 140.0, 600.0)
    back = patch.object("prepend set", 20.0, 580.0)
    patch.connect(toggle, prepend)
    patch.connect(prepend, sends)
    patch.connect(routes[BYPASS][0], back, routes[BYPASS][1])
    patch.connect(back, toggle)
    panic = patch.add(
        "live.text",
        300.0,
        600.0,
        1,
        2,
        text="Panic",
        mode=0,
        **_shown(60.0, 128.0, 48.0, 18.0),
        parameter_enable=0,
    )
    message = patch.message(PANIC, 420.0, 600.0)
    patch.connect(panic, message)
    patch.connect(message, sends)


def _shown(x: float, y: float, width: float, height: float) -> dict[str, Any]:
    return {"presentation": 1, "presentation_rect": [x, y, width, height]}


def _parameter(control: Control, style: int, *, hidden: bool = False) -> dict[str, Any]:
    """Return what makes a box a parameter of the device; a hidden one cannot be automated."""
    value = {
        "parameter_longname": control.label,
        "parameter_shortname": control.label,
        "parameter_type": 0,
        "parameter_mmin": float(control.low),
        "parameter_mmax": float(control.high),
        "parameter_initial_enable": 1,
        "parameter_initial": [float(control.default)],
        "parameter_unitstyle": style,
        "parameter_invisible": 2 if hidden else 0,
    }
    return {"parameter_enable": 1, "varname": control.label, "saved_attribute_attributes": {"valueof": value}}
