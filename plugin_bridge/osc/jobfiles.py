"""What a job takes and makes, named by who asks for it over OSC: files of the open folder and options."""

from __future__ import annotations

from pathlib import Path

from models.wholefile import check_target
from plugin_bridge.files.names import check_portable
from plugin_bridge.osc.addresses.values import switch, word
from plugin_bridge.osc.paths import inside
from plugin_bridge.osc.quota import check_room
from plugin_bridge.osc.wire.packets import Argument, Arguments


def options_of(path: str, arguments: Arguments) -> dict[str, Argument]:
    """Return the options of a command that takes an input, an output, and options with a value each.

    Raises:
        TypeError: the name of an option is not a word.
        ValueError: there are too few arguments, or an option has no value.
    """
    if len(arguments) < 2 or len(arguments) % 2:
        raise ValueError(f"{path} takes input, output and options with a value each; send those")
    return {word(key, "option"): value for key, value in zip(arguments[2::2], arguments[3::2], strict=True)}


def replaces(options: dict[str, Argument]) -> bool:
    """Return whether the option `force` lets outputs replace what is there."""
    return switch(options.get("force", False), "force")


def output_of(folder: Path | None, name: Argument, what: str, *, force: bool) -> Path:
    """Return the path of an output.

    Args:
        folder: the open one.
        name: within it.
        what: it is called in a refusal.
        force: whether it may replace a file.

    Raises:
        OutputError: it leads out of the folder, is there already, or the disk is full.
        TypeError, ValueError: it is no name.
    """
    target = inside(folder, word(name, what))
    check_portable(target.name, what)
    check_target(target, force=force)
    check_room(target.parent)
    return target
