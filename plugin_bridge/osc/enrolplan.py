"""Turn `/enrol/start` into a command line: a recording or a stem becomes a singer file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.singer.manifest import plain_id
from models.wholefile import check_target
from plugin_bridge.errors import AudioFileError, OutputError, SessionError
from plugin_bridge.files.names import check_portable
from plugin_bridge.files.printable import printable
from plugin_bridge.osc.addresses.values import switch, word
from plugin_bridge.osc.paths import inside, open_folder
from plugin_bridge.osc.quota import check_room
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.sessions.header import AUDIO, is_session

MAX_TEXT = 300
"""Characters of a name, a licence or an attribution."""
SUFFIX = ".onnx"
_TEXTS = ("name", "licence", "attribution")
_OPTIONS = (*_TEXTS, "force")


@dataclass(frozen=True)
class EnrolPlanner:
    """What an enrolment may use.

    Its work touches the disk: call it from a thread.
    """

    folder: Path | None
    """Where recordings and stems lie, and singer files are written; None for nowhere."""
    singers: Mapping[str, str] = field(default_factory=dict)
    """Of the set, by id, the file of each that does not ship."""

    def plan(self, arguments: Arguments, recording: str = "") -> tuple[list[str], Path]:
        """Return the arguments of `plugin-bridge enrol`, and the output.

        Args:
            arguments: id, recording or stem where it is not the newest recording, and options with a value
                each.
            recording: name of the session that is being recorded.

        Raises:
            AudioFileError, OutputError, SessionError: a path is absent, taken or outside; or nothing is
                recorded.
            TypeError, ValueError: an argument that does not fit.
        """
        name = check_portable(plain_id(word(arguments[0], "id")), "singer")
        first = 2 - len(arguments) % 2  # of the options, which come in pairs
        named, options = arguments[1:first], arguments[first:]
        given = {word(key, "option"): value for key, value in zip(options[::2], options[1::2], strict=True)}
        source = self._source(word(named[0], "recording"), recording) if named else self._newest(recording)
        target = self.file(name)
        if (known := self.singers.get(name)) is not None and Path(known).resolve() != target:
            raise OutputError(f"{name!r} is another singer of the set; choose another id")
        check_target(target, force=switch(given.get("force", False), "force"))
        check_room(target.parent)
        words = [str(source), f"--id={name}", "-o", str(target), "--threads=1", "--progress"]
        for key, value in given.items():
            words += _option(key, value)
        return words, target

    def file(self, name: str) -> Path:
        """Return where the singer file of a name lies, or would.

        Raises:
            OutputError: there is no folder, or the name leads out of it.
        """
        return inside(self.folder, f"{name}{SUFFIX}")

    def _source(self, name: str, recording: str) -> Path:
        source = inside(self.folder, name)
        if recording and source.name == recording:
            raise SessionError(f"session {name} is being recorded; send /record/stop first")
        if not is_session(source) and not source.is_file():
            raise AudioFileError(f"{name} is no recording or stem of the folder; give one that is there")
        return source

    def _newest(self, recording: str) -> Path:
        found = sorted(_sessions(open_folder(self.folder), recording))
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
