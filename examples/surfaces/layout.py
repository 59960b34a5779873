"""What all surfaces show: the addresses, their ranges and their names."""

from __future__ import annotations

from dataclasses import dataclass

SINGERS = ("nit", "pjs")
"""Those that ship; `make.py` takes others."""
HOST, PORT = "127.0.0.1", 9000
"""Where `plugin-bridge live --osc` listens."""
RATE, SECONDS = 20, 60
"""Updates a second, and how long they come for one `/subscribe`."""


@dataclass(frozen=True)
class Control:
    """A fader or a meter."""

    address: str
    label: str
    low: float
    high: float
    default: float = 0.0
    unit: str = ""

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.address.rpartition("/")[2]


FADERS = (
    Control("/param/morph", "Morph", 0, 1),
    Control("/param/transpose", "Transpose", -24, 24, unit="st"),
    Control("/param/formant", "Formant", -12, 12, unit="st"),
    Control("/param/breath", "Breath", -40, 20, unit="dB"),
    Control("/param/mix", "Mix", 0, 1, default=1),
    Control("/param/gain", "Gain", -60, 12, unit="dB"),
)
METERS = (
    Control("/meter/input", "Input", -60, 0, default=-60, unit="dB"),
    Control("/meter/output", "Output", -60, 0, default=-60, unit="dB"),
    Control("/meter/f0", "Pitch", 0, 1000, unit="Hz"),
    Control("/meter/voicing", "Voicing", 0, 1),
)
SINGER, MORPH_SINGER = "/singer", "/morph/singer"
BYPASS = "/param/bypass/unit"
"""As a fader's position, 0 or 1: not every program reads OSC's T and F."""
PANIC = "/panic"
SUBSCRIBE = "/subscribe"
HEARD = (SINGER, MORPH_SINGER, BYPASS, *(each.address for each in (*FADERS, *METERS)))
"""What a surface subscribes to."""
