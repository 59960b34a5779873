"""Read the value of an address from a rig, and turn OSC arguments into the events that change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend, check_event
from plugin_bridge.control.parameters import PARAMETERS, Value
from plugin_bridge.control.rig import Rig
from plugin_bridge.engine.singers import check_singer
from plugin_bridge.osc.addresses.table import Address
from plugin_bridge.osc.wire.packets import Argument, Arguments


def read(rig: Rig, row: Address) -> Arguments:
    """Return the value of an address as OSC arguments.

    Raises:
        ValueError: it has none.
    """
    if row.kind == "value":
        return (rig.values[row.name],)
    if row.kind == "position":
        value = rig.values[row.name]
        parameter = PARAMETERS[row.name]
        if isinstance(value, str) and parameter.kind == "number":  # a word such as auto has no position
            return (value,)
        return (parameter.to_unit(value),)
    if row.kind == "meter":
        return (cast("float", getattr(rig.meters, row.name)),)
    if row.kind == "status":
        return (cast("Argument", getattr(rig.status, row.name)),)
    if row.kind == "notice":
        raise ValueError(f"{row.path} has no value to read; /subscribe to it")
    raise ValueError(f"{row.path} has no value to read; send {row.path} {row.arguments}".rstrip())


def answered(row: Address, arguments: Arguments, event: AnyEvent) -> Arguments:
    """Return the answer to arguments that were set: the value, or a fader's own position, lest it jump."""
    if not isinstance(event, Event):
        return arguments
    if row.kind == "value":
        return (event.value,)
    return (min(1.0, max(0.0, number(arguments[0], "position"))),)


def moved(row: Address, arguments: Arguments, singers: Sequence[str], position: int) -> AnyEvent:
    """Return the checked event that an address and its arguments stand for.

    Args:
        row: of a value, a position or a note.
        arguments: without a request's id.
        singers: ids of the set.
        position: input sample it acts on, from 0.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: too many or too few, out of range, or an unknown word or singer.
    """
    if row.kind == "note":
        return check_event(_note(row, arguments, position))
    argument = only(row, arguments)
    parameter = PARAMETERS[row.name]
    value: Value
    if row.kind == "position":
        value = parameter.from_unit(number(argument, f"{parameter.id} position"))
    elif parameter.kind == "switch":
        value = switch(argument, parameter.id)
    else:
        value = parameter.check(argument)
    check_singer(row.name, value, singers)
    return Event(position, row.name, value)


def pressing(row: Address, arguments: Arguments) -> tuple[Arguments, bool]:
    """Return the arguments without the value of the button that sends them, and whether it is pressed.

    Many control surfaces cannot send a bare command: they add 1 when the button is pressed, and send it again
    with 0 when it is released.

    Args:
        row: any; only commands and the end of all notes take buttons.
        arguments: without a request's id.

    Raises:
        ValueError: `F` where `T` may stand, which would be taken for a button's and do nothing.
    """
    last = arguments[-1] if arguments else None
    surplus = len(arguments) - len(row.types)
    own = row.switch and surplus == 1 and isinstance(last, int) and last == 1  # True is an int, 1.0 is none
    if row.switch and surplus == 1 and last is False:
        raise ValueError(f"{row.path} does nothing with F, as a button sends it; send T or leave it out")
    if not row.button or surplus < 1 or own or not isinstance(last, (bool, int, float)):
        return arguments, True
    return arguments[:-1], bool(last)


def check_arguments(row: Address, arguments: Arguments) -> None:
    """Check that a command, or what a button sends, takes so many arguments, and of these types.

    Args:
        row: of a command or the end of all notes.
        arguments: without a request's id and a button's value.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: too many or too few.
    """
    if not len(row.types) <= len(arguments) <= row.most:
        usage = f"{row.path} {row.arguments}".rstrip()
        count = "1 argument" if len(arguments) == 1 else f"{len(arguments)} arguments"
        raise ValueError(f"{row.path} does not take {count}; send {usage}")
    for tag, name, argument in zip(row.types, row.arguments.split(), arguments, strict=False):
        if not name.startswith("["):
            _CHECKS[tag](argument, name)


def only(row: Address, arguments: Arguments) -> Argument:
    """Return the one argument an address takes.

    Raises:
        ValueError: there are more or fewer.
    """
    if len(arguments) != 1:
        raise ValueError(f"{row.path} takes one argument, not {len(arguments)}; send {row.arguments}")
    return arguments[0]


def number(argument: Argument, what: str) -> float:
    """Return an argument as a number.

    Raises:
        TypeError: it is none.
    """
    if isinstance(argument, bool) or not isinstance(argument, (int, float)):
        raise TypeError(f"{what} {argument!r} is not a number; send i, h, f or d")
    return float(argument)


def whole(argument: Argument, what: str) -> int:
    """Return an argument as a whole number, also where a surface that has only floats sends it as one.

    Raises:
        TypeError: it is none.
    """
    if isinstance(argument, bool) or not isinstance(argument, (int, float)) or argument % 1:
        raise TypeError(f"{what} {argument!r} is not a whole number; send one as i, h, f or d")
    return int(argument)


def switch(argument: Argument, what: str) -> bool:
    """Return an argument as a switch.

    Raises:
        TypeError: it is none.
    """
    if isinstance(argument, str) or argument not in (0, 1):  # True and False are among them
        raise TypeError(f"{what} {argument!r} is not a switch; send T, F, 0 or 1")
    return bool(argument)


def word(argument: Argument, what: str) -> str:
    """Return an argument as a word.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(argument, str):
        raise TypeError(f"{what} {argument!r} is not a word; send s")
    return argument


_CHECKS: Mapping[str, Callable[[Argument, str], object]] = {"f": number, "i": whole, "s": word}
"""By type tag."""


def _note(row: Address, arguments: Arguments, position: int) -> AnyEvent:
    if row.name == "alloff":
        if arguments:
            raise ValueError(f"{row.path} takes no argument, not {len(arguments)}; send none")
        return AllNotesOff(position)
    if row.name == "bend":
        return PitchBend(position, number(only(row, arguments), "pitch bend"))
    if row.name == "off":
        return NoteOff(position, number(only(row, arguments), "note"))
    if len(arguments) not in (1, 2):
        raise ValueError(
            f"{row.path} takes a note, or a note and a velocity, not {len(arguments)} arguments; "
            f"send {row.arguments}"
        )
    velocity = number(arguments[1], "velocity") if len(arguments) == 2 else 127.0
    if not 0.0 <= velocity <= 127.0:
        raise ValueError(f"velocity {velocity!r} is out of range; send 0 to 127")
    note = number(arguments[0], "note")
    return NoteOn(position, note) if velocity > 0.0 else NoteOff(position, note)
