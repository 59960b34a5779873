"""What a MIDI channel remembers between messages: the pitch wheel, the hold pedal and 14-bit controls."""

from __future__ import annotations

DATA, DATA_LOW = 6, 38
NRPN = (98, 99)
RPN_LOW, RPN_HIGH = 100, 101
REGISTERED = frozenset({DATA, DATA_LOW, RPN_LOW, RPN_HIGH, *NRPN})
"""Controls that select and set registered parameters."""
_NO_RPN = 0x3FFF


def unit(value: int, bits: int) -> float:
    """Map a MIDI value to 0..1 so that its middle, 64 or 8192, is exactly 0.5."""
    middle = 1 << (bits - 1)
    if value <= middle:
        return value / (2 * middle)
    return 0.5 + (value - middle) / (2 * (middle - 1))


class Wheel:
    """The pitch wheel and its range.

    Args:
        semitones: the range each way until registered parameter 0 says otherwise.
    """

    def __init__(self, semitones: float) -> None:
        self._semitones = int(semitones)
        self._cents = 100.0 * (semitones - self._semitones)
        self._rpn = _NO_RPN
        self.pitch = 0
        """Where the wheel stands, -8192..8191."""

    def bend(self) -> float:
        """Return the bend in semitones, before any limit."""
        width = self._semitones + self._cents / 100.0
        return width * (unit(self.pitch + 8192, 14) * 2.0 - 1.0)

    def registered(self, number: int, value: int) -> bool:
        """Take a control of `REGISTERED`; return whether the range changed.

        The data control sets its semitones and clears its cents; the low data control sets its cents.
        """
        if number in NRPN:
            self._rpn = _NO_RPN
        elif number == RPN_LOW:
            self._rpn = self._rpn & 0x3F80 | value
        elif number == RPN_HIGH:
            self._rpn = value << 7 | self._rpn & 127
        elif self._rpn == 0:
            if number == DATA:
                self._semitones = value
            self._cents = value if number == DATA_LOW else 0.0
            return True
        return False


class Pedal:
    """The hold pedal: notes released while it is down end when it comes up."""

    def __init__(self) -> None:
        self.down = False
        self._kept: dict[int, None] = {}

    def begin(self, note: int) -> bool:
        """Begin a note; return whether the pedal was still holding it."""
        held = note in self._kept
        self._kept.pop(note, None)
        return held

    def end(self, note: int) -> bool:
        """Release a key; return whether its note ends now."""
        if self.down:
            self._kept[note] = None
        return not self.down

    def move(self, *, down: bool) -> list[int]:
        """Move the pedal; return the notes that end with it, in the order of their release."""
        self.down = down
        ended = [] if down else list(self._kept)
        if not down:
            self._kept.clear()
        return ended

    def forget(self) -> None:
        """Hold no notes any more; the pedal stays where it is."""
        self._kept.clear()


class PairedControls:
    """The 14-bit controls: 0-31 and their low halves, 32-63."""

    def __init__(self) -> None:
        self._high: dict[int, int] = {}
        self._paired: set[int] = set()

    def high(self, number: int, value: int) -> float:
        """Take a 7-bit control, or the high half of a pair, which clears the low half; return 0..1."""
        self._high[number] = value
        return unit(value << 7, 14) if number in self._paired else unit(value, 7)

    def low(self, number: int, value: int) -> float | None:
        """Take the low half of control `number`; return 0..1, or None while its high half is not known."""
        self._paired.add(number)
        high = self._high.get(number)
        return None if high is None else unit(high << 7 | value, 14)
