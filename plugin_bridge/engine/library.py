"""Load the singers a bounce needs, by id or by file, and suggest the nearest id for an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from models.singer.file import load_singer, shipped
from models.singer.retired import retired
from plugin_bridge.engine.singers import Singer, add_singer
from plugin_bridge.errors import SingerFileError


class SingerLibrary:
    """Singers loaded once and shared by all files of a batch.

    Args:
        singers: loaded singers, to be named by their ids besides those that ship.
    """

    def __init__(self, singers: Sequence[Singer] = ()) -> None:
        self._by_name: dict[str, Singer] = {singer.id: singer for singer in singers}
        self._by_path: dict[Path, Singer] = {}

    def known(self) -> list[str]:
        """Return the ids that can be named without a path."""
        return list(dict.fromkeys([*shipped(), *self._by_name]))

    def listed(self) -> str:
        """Return what can be named, as the end of a sentence."""
        known = self.known()
        return (
            f"one of {', '.join(known)}, or the path of a singer file"
            if known
            else "the path of a singer file"
        )

    def load(self, names: Iterable[str]) -> list[Singer]:
        """Return the singers of these names, each once, in order.

        Args:
            names: ids of shipped singers or paths of singer files.

        Raises:
            SingerFileError: an unknown name, a file that is not a singer, or two singers with one id.
        """
        found: dict[str, Singer] = {}
        for name in names:
            add_singer(found, self._singer(name), name)
        return list(found.values())

    def id_of(self, name: str) -> str:
        """Return the id of a singer named by id or path.

        Raises:
            SingerFileError: as `load`.
        """
        return self._singer(name).id

    def file_of(self, name: str) -> Path:
        """Return the file of a singer named by the id of a shipped one or by its path; it is not read.

        Raises:
            SingerFileError: an unknown name.
        """
        path = shipped().get(name, Path(name))
        if not path.exists():
            raise SingerFileError(self._unknown(name))
        return path.resolve()

    def _singer(self, name: str) -> Singer:
        if name not in self._by_name:
            path = self.file_of(name)
            if path not in self._by_path:
                self._by_path[path] = load_singer(path)
            self._by_name[name] = self._by_path[path]
        return self._by_name[name]

    def _unknown(self, name: str) -> str:
        if left := retired(name):
            return f"singer {name!r} {left}"
        near = difflib.get_close_matches(name.lower(), self.known(), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"singer {name!r} is unknown{hint}; use {self.listed()}"
