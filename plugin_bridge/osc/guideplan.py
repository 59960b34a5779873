"""Turn `/guide/start` into a command line: a backing track of the folder gets a sung guide beside it."""

from __future__ import annotations

from pathlib import Path

from plugin_bridge.errors import AudioFileError, OutputError
from plugin_bridge.osc.addresses.values import switch, word
from plugin_bridge.osc.jobfiles import options_of, output_of, replaces
from plugin_bridge.osc.paths import inside
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.wire.packets import Argument, Arguments

_FILES = {"midi": (".mid",), "mix": (".wav", ".aiff", ".flac")}
"""Options that name a further output, and its suffixes."""
_PLAIN = ("seed", "low", "high", "density", "key", "style", "composer", "lyrics")
"""Options that the command checks; none of them is a path."""
_MAX_WORD = 300


def plan_guide(arguments: Arguments, singers: SingerSet, live: str) -> tuple[list[str], Path]:
    """Return the arguments of `plugin-bridge guide`, and the output; call it from a thread.

    Args:
        arguments: backing track, output, and options with a value each.
        singers: the set, and the folder.
        live: the singer who sings now.

    Raises:
        AudioFileError, OutputError: a path is absent, taken or outside.
        TypeError, ValueError: an argument that does not fit.
    """
    given = options_of("/guide/start", arguments)
    backing = inside(singers.folder, word(arguments[0], "backing"))
    if not backing.is_file():
        raise AudioFileError(f"{arguments[0]} is not a file in the folder; give one that is there")
    force = replaces(given)
    target = output_of(singers.folder, arguments[1], "output", force=force)
    words = [str(backing), "-o", str(target), "--progress"]
    files = [backing, target]
    for key, value in ({"singer": live} | given).items():
        if key in _FILES:
            path = output_of(singers.folder, value, key, force=force)
            if path.suffix.lower() not in _FILES[key]:
                raise OutputError(f"{key} {path.name!r} is no {' or '.join(_FILES[key])} file; name it so")
            files.append(path)
            words.append(f"--{key}={path}")
        else:
            words += _option(key, value, singers)
    for path in files:
        if files.count(path) > 1:
            raise OutputError(f"{path.name!r} is named twice; give each output a name of its own")
    return words, target


def _option(key: str, value: Argument, singers: SingerSet) -> list[str]:
    if key == "singer":
        name = word(value, key)
        if name not in singers.files:
            raise ValueError(f"singer {name!r} is not in the set; use one of {', '.join(singers.files)}")
        return [f"--singer={singers.files[name]}"]
    if key == "force":
        return ["--force"] if switch(value, key) else []
    if key not in _PLAIN:
        known = ", ".join(("singer", *_FILES, "force", *_PLAIN))
        raise ValueError(f"option {key!r} is unknown; use one of {known}")
    return [f"--{key}={_text(key, value)}"]


def _text(key: str, value: Argument) -> str:
    """Return a value as it stands in a command line; a float of 32 bits as short as it can be told."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{key} {value!r} is no number or word; send one")
    text = value if isinstance(value, str) else f"{value:.9g}"
    if len(text) > _MAX_WORD or not text.isprintable():
        raise ValueError(f"{key} {text[:80]!r} is no line of text; give up to {_MAX_WORD} characters")
    return text
