"""Turn `/enrol/start` into a command line: a recording or a stem becomes a singer file beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models.singer.manifest import plain_id
from models.wholefile import check_target
from plugin_bridge.errors import AudioFileError, OutputError, SessionError
from plugin_bridge.files.names import check_portable
from plugin_bridge.files.printable import printable
from plugin_bridge.osc.addresses.values import switch, word
from plugin_bridge.osc.paths import inside, open_folder
from plugin_bridge.osc.quota import check_room
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.sessions.folder import AUDIO, is_session

MAX_TEXT = 300
"""Characters of a name, a licence or an attribution."""
_TEXTS = ("name", "licence", "attribution")
_OPTIONS = (*_TEXTS, "force")


def plan_enrolment(arguments: Arguments, singers: SingerSet, recording: str = "") -> tuple[list[str], Path]:
    """Return the arguments of `plugin-bridge enrol`, and the output; call it from a thread.

    Args:
        arguments: id, recording or stem where it is not the newest recording, and options with a value each.
        singers: the set, and the folder.
        recording: name of the session that is being recorded.

    Raises:
        AudioFileError, OutputError, SessionError: a path is absent, taken or outside; or nothing is recorded.
        TypeError, ValueError: an argument that does not fit.
    """
    name = check_portable(plain_id(word(arguments[0], "id")), "singer")
    first = 2 - len(arguments) % 2  # of the options, which come in pairs
    named, options = arguments[1:first], arguments[first:]
    given = {word(key, "option"): value for key, value in zip(options[::2], options[1::2], strict=True)}
    if named:
        source = _source(singers.folder, word(named[0], "recording"), recording)
    else:
        source = _newest(open_folder(singers.folder), recording)
    if name in singers.files:
        raise OutputError(f"{name!r} is a singer of the set; choose another id")
    target = singers.file(name)
    check_target(target, force=switch(given.get("force", False), "force"))
    check_room(target.parent)
    words = [str(source), f"--id={name}", "-o", str(target), "--threads=1", "--progress"]
    for key, value in given.items():
        words += _option(key, value)
    return words, target


def _source(folder: Path | None, name: str, recording: str) -> Path:
    source = inside(folder, name)
    if recording and source.name == recording:
        raise SessionError(f"session {name} is being recorded; send /record/stop first")
    if not is_session(source) and not source.is_file():
        raise AudioFileError(f"{name} is no recording or stem of the folder; give one that is there")
    return source


def _newest(folder: Path, recording: str) -> Path:
    found = sorted(_sessions(folder, recording))
    if not found:
        raise SessionError("nothing is recorded yet; record 30 s of the voice, or name a stem")
    return found[-1][1]


def _sessions(folder: Path, recording: str) -> Iterator[tuple[float, Path]]:
    """Yield when each was last written, and its folder."""
    for path in folder.iterdir():
        if path.name != recording and not path.is_symlink() and (path / AUDIO).is_file() and is_session(path):
            yield (path / AUDIO).stat().st_mtime, path


def _option(key: str, value: Argument) -> list[str]:
    if key == "force":
        return ["--force"] if switch(value, key) else []
    if key not in _TEXTS:
        raise ValueError(f"option {key!r} is unknown; use one of {', '.join(_OPTIONS)}")
    text = word(value, key)
    if len(text) > MAX_TEXT or printable(text) != text:
        raise ValueError(
            f"{key} {printable(text)[:80]!r} is no line of text; give up to {MAX_TEXT} characters that print"
        )
    return [f"--{key}={text}"]
