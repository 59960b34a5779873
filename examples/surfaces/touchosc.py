"""Write the surface as a document of TouchOSC: XML, compressed by zlib."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from layout import (
    BYPASS,
    FADERS,
    HEARD,
    METERS,
    MORPH_SINGER,
    PANIC,
    RATE,
    SECONDS,
    SINGER,
    SUBSCRIBE,
    Control,
)

Frame = tuple[int, int, int, int]
Color = tuple[float, float, float, float]

WIDTH, HEIGHT = 1024, 768
_MARGIN, _GAP = 12, 10
_GREY, _TEAL, _AMBER, _RED = (
    (0.25, 0.28, 0.33, 1.0),
    (0.2, 0.65, 0.6, 1.0),
    (0.85, 0.5, 0.15, 1.0),
    (0.8, 0.2, 0.2, 1.0),
)
_SCRIPT = """\
-- Asks for values and meters, again before they stop coming, and proves on UDP that we are there.
local asked = -{again}

function update()
  if getMillis() - asked >= {again} then
    asked = getMillis()
    sendOSC({{'{subscribe}', {{ {arguments} }}}})
  end
end

function onReceiveOSC(message)
  if message[1] == '/token' then
    sendOSC({{'/token', {{ {{tag = 'i', value = message[2][1].value}} }}}})
    asked = -{again}
  end
end
"""


def document(singers: Sequence[str]) -> bytes:
    """Return the bytes of the file."""
    return zlib.compress(xml(singers).encode(), 9)


def xml(singers: Sequence[str]) -> str:
    """Return what is compressed in it."""
    nodes = "".join([*_singers(singers), *_faders(), *_meters(), *_buttons()])
    properties = _properties("plugin_bridge", (0, 0, WIDTH, HEIGHT), (0.08, 0.09, 0.11, 1.0)) + _property(
        "s", "script", _text(_script())
    )
    root = _node("GROUP", "plugin_bridge", properties, f"<children>{nodes}</children>")
    return f"<?xml version='1.0' encoding='UTF-8'?><lexml version='3'>{root}</lexml>"


def _script() -> str:
    numbers = [f"{{tag = 'f', value = {number}}}" for number in (RATE, SECONDS)]
    words = [f"{{tag = 's', value = '{address}'}}" for address in HEARD]
    return _SCRIPT.format(
        again=SECONDS * 500, subscribe=SUBSCRIBE, arguments=",\n      ".join([*numbers, *words])
    )


def _singers(singers: Sequence[str]) -> Iterator[str]:
    for row, (label, address) in enumerate((("Singer", SINGER), ("Morph to", MORPH_SINGER))):
        y = _MARGIN + 70 * row
        yield _label(f"{label}_title", label, (_MARGIN, y, 110, 60))
        for place, one in zip(_columns(len(singers), _MARGIN + 120, 690), singers, strict=True):
            message = _osc(address, [_constant(one)], trigger="RISE", receive=False)
            yield _button(f"{label}_{one}", one, (place[0], y, place[1], 60), _TEAL, message, toggles=False)
        now = _osc(address, [_variable("text", "STRING")], send=False)
        yield _label(f"{label}_now", "", (830, y, WIDTH - 830 - _MARGIN, 60), now)


def _faders() -> Iterator[str]:
    for place, control in zip(_columns(len(FADERS), _MARGIN, WIDTH - 2 * _MARGIN), FADERS, strict=True):
        x, width = place
        yield _label(f"{control.name}_title", f"{control.label} {control.unit}".strip(), (x, 160, width, 34))
        yield _fader(control, (x, 198, width, 300), _TEAL, interactive=True)
        yield _number(control, (x, 502, width, 34))


def _meters() -> Iterator[str]:
    for place, control in zip(_columns(len(METERS), _MARGIN, WIDTH - 2 * _MARGIN), METERS, strict=True):
        x, width = place
        yield _label(f"{control.name}_title", f"{control.label} {control.unit}".strip(), (x, 552, width, 30))
        yield _fader(control, (x, 586, width, 40), _AMBER, interactive=False)
        yield _number(control, (x, 630, width, 30))


def _buttons() -> Iterator[str]:
    (bypass, panic) = _columns(2, _MARGIN, WIDTH - 2 * _MARGIN)
    position = _osc(BYPASS, [_variable("x", "FLOAT")])
    yield _button("bypass", "Bypass", (bypass[0], 676, bypass[1], 80), _AMBER, position, toggles=True)
    pressed = _osc(PANIC, [], trigger="RISE", receive=False)
    yield _button("panic", "Panic", (panic[0], 676, panic[1], 80), _RED, pressed, toggles=False)


def _columns(count: int, start: int, width: int) -> list[tuple[int, int]]:
    """Return the left edge and the width of each."""
    each = (width - _GAP * (count - 1)) // count
    return [(start + number * (each + _GAP), each) for number in range(count)]


def _fader(control: Control, frame: Frame, color: Color, *, interactive: bool) -> str:
    lying = frame[2] > frame[3]
    properties = _properties(control.name, frame, color, interactive=interactive)
    properties += _property("i", "orientation", str(int(lying))) + _property(
        "b", "cursor", str(int(interactive))
    )
    start = (control.default - control.low) / (control.high - control.low)
    scaled = _variable("x", "FLOAT", control.low, control.high)
    message = _osc(control.address, [scaled], send=interactive)
    return _node("FADER", control.name, properties, _values(x=f"{start:g}") + message)


def _number(control: Control, frame: Frame) -> str:
    message = _osc(control.address, [_variable("text", "STRING")], send=False)
    return _label(f"{control.name}_value", "", frame, message)


def _button(name: str, label: str, frame: Frame, color: Color, message: str, *, toggles: bool) -> str:
    properties = _properties(name, frame, color, interactive=True) + _property(
        "i", "buttonType", str(int(toggles))
    )
    return _node("BUTTON", name, properties, _values(x="0") + message) + _label(f"{name}_label", label, frame)


def _label(name: str, text: str, frame: Frame, message: str = "") -> str:
    properties = _properties(name, frame, _GREY, background=False) + _property("i", "textSize", "20")
    properties += _property("c", "textColor", _fields("rgba", (0.9, 0.92, 0.95, 1.0)))
    return _node("LABEL", name, properties, _values(text=text) + message)


def _node(kind: str, name: str, properties: str, rest: str) -> str:
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"plugin_bridge/{kind}/{name}")  # the same each time
    return f"<node ID='{number}' type='{kind}'><properties>{properties}</properties>{rest}</node>"


def _properties(
    name: str, frame: Frame, color: Color, *, interactive: bool = False, background: bool = True
) -> str:
    rows = (
        ("s", "name", _text(name)),
        ("r", "frame", _fields("xywh", frame)),
        ("c", "color", _fields("rgba", color)),
        ("b", "interactive", str(int(interactive))),
        ("b", "background", str(int(background))),
        ("b", "visible", "1"),
    )
    return "".join(_property(*row) for row in rows)


def _property(kind: str, key: str, value: str) -> str:
    return f"<property type='{kind}'><key>{key}</key><value>{value}</value></property>"


def _fields(names: str, numbers: Sequence[float]) -> str:
    return "".join(f"<{name}>{number:g}</{name}>" for name, number in zip(names, numbers, strict=True))


def _values(**defaults: str) -> str:
    ends = "<locked>0</locked><lockedDefaultCurrent>0</lockedDefaultCurrent>"
    each = "".join(
        f"<value><key>{key}</key>{ends}<default>{_text(default)}</default><defaultPull>0</defaultPull></value>"
        for key, default in {"touch": "false", **defaults}.items()
    )
    return f"<values>{each}</values>"


def _osc(
    address: str, arguments: Sequence[str], trigger: str = "ANY", *, send: bool = True, receive: bool = True
) -> str:
    variable = "text" if arguments and "<value>text</value>" in arguments[0] else "x"
    switches = (
        f"<enabled>1</enabled><send>{int(send)}</send><receive>{int(receive)}</receive><feedback>0</feedback>"
    )
    triggers = (
        f"<triggers><trigger><var>{variable}</var><condition>{trigger}</condition></trigger></triggers>"
    )
    path = f"<path>{_constant(address)}</path>"
    return (
        f"<messages><osc>{switches}<connections>11111</connections>{triggers}{path}"
        f"<arguments>{''.join(arguments)}</arguments></osc></messages>"
    )


def _constant(word: str) -> str:
    return _partial("CONSTANT", "STRING", word, 0.0, 1.0)


def _variable(key: str, conversion: str, low: float = 0.0, high: float = 1.0) -> str:
    return _partial("VALUE", conversion, key, low, high)


def _partial(kind: str, conversion: str, value: str, low: float, high: float) -> str:
    return (
        f"<partial><type>{kind}</type><conversion>{conversion}</conversion><value>{_text(value)}</value>"
        f"<scaleMin>{low:g}</scaleMin><scaleMax>{high:g}</scaleMax></partial>"
    )


def _text(text: str) -> str:
    return escape(text)
