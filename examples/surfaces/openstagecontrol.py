"""Write the surface as a session of Open Stage Control: JSON, in which what is left out has its default."""

from __future__ import annotations

import json
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
    SINGER,
    SUBSCRIBE,
    Control,
)

Widget = dict[str, Any]


def session(singers: Sequence[str]) -> str:
    """Return the text of the file."""
    switches = [
        _switch("singer", "Singer", SINGER, singers),
        _switch("morph_singer", "Morph to", MORPH_SINGER, singers),
    ]
    buttons = [
        _widget("button", "bypass", "Bypass", BYPASS, mode="toggle", on=1, off=0, colorFill="#d9822b"),
        _widget("button", "panic", "Panic", PANIC, mode="momentary", colorFill="#c23030"),
        _widget(
            "button",
            "listen",
            "Listen (once an hour)",
            SUBSCRIBE,
            mode="momentary",
            preArgs=[RATE, 3600, *HEARD],
            typeTags="ffs",
        ),
    ]
    rows = [
        _row("singers", switches, 16),
        _row("faders", [_fader(each) for each in FADERS], 52),
        _row("meters", [_meter(each) for each in METERS], 18),
        _row("buttons", buttons, 14),
    ]
    root = {
        "type": "root",
        "id": "root",
        "layout": "vertical",
        "colorBg": "#14171c",
        "widgets": rows,
        "tabs": [],
    }
    content = {"createdWith": "Open Stage Control", "version": "1.26.2", "type": "session", "content": root}
    return json.dumps(content, indent=2) + "\n"


def _widget(kind: str, name: str, label: str, address: str, **more: Any) -> Widget:  # noqa: ANN401 - JSON
    common = {"type": kind, "id": name, "label": label, "expand": True, "address": address}
    return {**common, "target": [f"{HOST}:{PORT}"], **more}


def _row(name: str, widgets: list[Widget], percent: int) -> Widget:
    size = {"width": "100%", "height": f"{percent}%", "layout": "horizontal", "scroll": False}
    return {"type": "panel", "id": f"{name}_row", "bypass": True, **size, "widgets": widgets}


def _switch(name: str, label: str, address: str, singers: Sequence[str]) -> Widget:
    return _widget("switch", name, label, address, layout="horizontal", values={one: one for one in singers})


def _range(control: Control) -> Widget:
    return {"range": {"min": control.low, "max": control.high}, "default": control.default, "decimals": 3}


def _fader(control: Control) -> Widget:
    fader = _widget("fader", control.name, control.label, control.address, doubleTap=True, **_range(control))
    label = {
        "type": "text",
        "id": f"{control.name}_label",
        "default": f"{control.label} {control.unit}".strip(),
    }
    children = [{**label, "bypass": True, "height": 30}, fader, _value(control)]
    return {
        "type": "panel",
        "id": f"{control.name}_strip",
        "layout": "vertical",
        "expand": True,
        "bypass": True,
        "widgets": children,
    }


def _value(control: Control) -> Widget:
    """A box for typing, which is the same widget to the session as the fader of its id."""
    box = _widget("input", control.name, control.label, control.address, **_range(control))
    return {**box, "expand": False, "height": 36, "unit": f" {control.unit}".rstrip()}


def _meter(control: Control) -> Widget:
    looks = {"design": "compact", "horizontal": True, "interaction": False, "bypass": True}
    html = f"{control.label} {control.unit}".strip()
    return _widget(
        "fader", control.name, control.label, control.address, html=html, **looks, **_range(control)
    )
