"""Write the surface as a patch of Pure Data 0.51 or newer: its UDP socket hears the answers, too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
)

_COLORS = "#fcfcfc #000000 #000000"


class Patch:
    """Objects in their order, and the cords between them by number."""

    def __init__(self) -> None:
        self._objects: list[str] = []
        self._cords: list[str] = []

    def add(self, kind: str, x: int, y: int, text: str) -> int:
        """Add an object, a message, a comment or a box and return its number."""
        escaped = text.replace(",", " \\,").replace(";", " \\;").replace("$", "\\$")
        self._objects.append(f"#X {kind} {x} {y} {escaped};")
        return len(self._objects) - 1

    def connect(self, *chain: int, outlet: int = 0) -> None:
        """Draw cords along a chain, from the first one's outlet into left inlets."""
        for source, target in pairwise(chain):
            self._cords.append(f"#X connect {source} {outlet} {target} 0;")
            outlet = 0

    def text(self) -> str:
        """Return the file."""
        return "\n".join(["#N canvas 60 60 1180 800 12;", *self._objects, *self._cords, ""])


def patch(singers: Sequence[str]) -> str:
    """Return the text of the file."""
    it = Patch()
    it.add("text", 20, 10, "plugin_bridge: control of plugin-bridge live --osc")
    net = it.add("obj", 780, 420, "netsend -u -b")
    out = it.add("obj", 780, 360, "list prepend send")
    it.connect(out, it.add("obj", 780, 390, "list trim"), net)
    _connection(it, net)
    _subscription(it, out)
    _singers(it, out, singers)
    _faders(it, out)
    _meters(it)
    _buttons(it, out)
    _hearing(it, net)
    return it.text()


def _format(it: Patch, x: int, y: int, address: str) -> int:
    return it.add("obj", x, y, f"oscformat {address[1:].replace('/', ' ')}")


def _connection(it: Patch, net: int) -> None:
    """Connect when the patch is opened; `pb-connect` takes another address."""
    start = it.add("obj", 780, 10, "loadbang")
    it.connect(start, it.add("msg", 780, 40, f"connect {HOST} {PORT}"), net)
    it.connect(it.add("obj", 940, 10, "r pb-connect"), net)


def _subscription(it: Patch, out: int) -> None:
    start = it.add("obj", 780, 80, "loadbang")
    on = it.add("msg", 780, 110, "1")
    clock = it.add("obj", 780, 140, f"metro {SECONDS * 500}")
    words = it.add("msg", 780, 180, " ".join([str(RATE), str(SECONDS), *HEARD]))
    it.connect(
        start, it.add("obj", 860, 80, "delay 50"), on, clock, words, _format(it, 780, 320, SUBSCRIBE), out
    )
    it.connect(it.add("obj", 940, 140, "r pb-subscribe"), words)


def _singers(it: Patch, out: int, singers: Sequence[str]) -> None:
    rows = (("Singer", "pb-singer", SINGER), ("Morph to", "pb-morph-singer", MORPH_SINGER))
    for row, (label, name, address) in enumerate(rows):
        y = 50 + 52 * row
        it.add("text", 20, y, label)
        it.add("symbolatom", 20, y + 22, f"10 0 0 0 - {name}-now - 14")
        target = _format(it, 560, y + 20, address)
        for number, singer in enumerate(singers):
            it.connect(it.add("msg", 140 + 100 * number, y, f"symbol {singer}"), target)
        it.connect(it.add("obj", 560, y, f"r {name}"), target, out)


def _faders(it: Patch, out: int) -> None:
    for number, control in enumerate(FADERS):
        y = 160 + 40 * number
        label = f"{control.label}_{control.unit}".rstrip("_")
        start = round(100 * 219 * (control.default - control.low) / (control.high - control.low))
        box = f"hsl 220 20 {control.low:g} {control.high:g} 0 0 pb-{control.name} pb-{control.name}-set"
        it.add("obj", 140, y, f"{box} {label} -120 10 0 14 {_COLORS} {start} 1")
        it.add("floatatom", 370, y, f"7 0 0 0 - pb-{control.name}-now - 14")
        it.connect(
            it.add("obj", 560, y, f"r pb-{control.name}"), _format(it, 560, y + 20, control.address), out
        )


def _meters(it: Patch) -> None:
    for number, control in enumerate(METERS):
        x = 20 + 110 * number
        it.add("text", x, 410, f"{control.label} {control.unit}".strip())
        it.add("floatatom", x, 435, f"8 0 0 0 - pb-{control.name}-now - 14")


def _buttons(it: Patch, out: int) -> None:
    it.add("obj", 20, 480, f"tgl 40 0 pb-bypass pb-bypass-set Bypass 48 20 0 14 {_COLORS} 0 1")
    it.connect(it.add("obj", 560, 440, "r pb-bypass"), _format(it, 560, 460, BYPASS), out)
    it.add("obj", 180, 480, f"bng 40 250 50 0 pb-panic pb-panic-set Panic 48 20 0 14 {_COLORS}")
    it.connect(it.add("obj", 560, 500, "r pb-panic"), _format(it, 560, 520, PANIC), out)


def _hearing(it: Patch, net: int) -> None:
    """Show what comes back: values move their faders, which do not send them again."""
    packets, message = it.add("obj", 780, 450, "oscparse"), it.add("obj", 780, 480, "list trim")
    first = it.add("obj", 780, 510, "route param meter singer morph")
    it.connect(net, packets, message, first, outlet=1)
    names = [each.name for each in FADERS]
    params = it.add("obj", 20, 570, f"route {' '.join(names)} bypass")
    it.connect(first, params)
    for outlet, name in enumerate(names):
        x = 20 + 130 * outlet
        number = it.add("obj", x, 600, "route float")  # not the word auto
        it.connect(params, number, outlet=outlet)
        it.connect(number, it.add("obj", x, 690, f"s pb-{name}-now"))
        _set(it, number, x, f"pb-{name}-set")
    position = it.add("obj", 940, 600, "route unit")
    it.connect(params, position, outlet=len(names))
    _set(it, position, 940, "pb-bypass-set")
    meters = it.add("obj", 20, 720, f"route {' '.join(each.name for each in METERS)}")
    it.connect(first, meters, outlet=1)
    for outlet, control in enumerate(METERS):
        it.connect(meters, it.add("obj", 20 + 130 * outlet, 750, f"s pb-{control.name}-now"), outlet=outlet)
    it.connect(first, it.add("obj", 780, 720, "symbol"), it.add("obj", 780, 750, "s pb-singer-now"), outlet=2)
    target = it.add("obj", 940, 690, "route singer")
    it.connect(first, target, outlet=3)
    it.connect(target, it.add("obj", 940, 720, "symbol"), it.add("obj", 940, 750, "s pb-morph-singer-now"))


def _set(it: Patch, source: int, x: int, name: str) -> None:
    it.connect(source, it.add("msg", x, 630, "set $1"), it.add("obj", x, 660, f"s {name}"))
