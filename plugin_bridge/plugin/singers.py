"""The singers that the numbers of an instance mean, and whether their files are those of its project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.singers import Singer
from plugin_bridge.midi.map import load_midi_map
from plugin_bridge.plugin.bridge import Segment
from plugin_bridge.plugin.table import SLOTS
from plugin_bridge.sessions.header import hash_of


@dataclass(frozen=True)
class InstanceSingers:
    """The singers of an instance."""

    loaded: dict[int, Singer]
    """By number; those that are gone are left out."""
    changed: frozenset[int]
    """Numbers whose file is not the one the project was made with."""

    @property
    def ids(self) -> dict[int, str]:
        """Ids by number."""
        return {number: singer.id for number, singer in self.loaded.items()}

    @property
    def members(self) -> list[Singer]:
        """The singers, each once."""
        return list({singer.id: singer for singer in self.loaded.values()}.values())


class SingerLoader:
    """The singers of all MIDI maps met so far, loaded once for all instances of a process."""

    def __init__(self) -> None:
        self._libraries: dict[str, SingerLibrary] = {}
        self._names: dict[str, dict[str, str]] = {}
        self._hashes: dict[Path, str] = {}

    def load(self, midi_map: str = "") -> SingerLibrary:
        """Load the singers of a MIDI map.

        Args:
            midi_map: its path, empty for the one that ships.

        Raises:
            ScoreError: it is missing or does not fit.
            SingerFileError: it names a singer that is missing.
        """
        self._names_in(midi_map)
        return self._libraries[midi_map]

    def _names_in(self, midi_map: str) -> dict[str, str]:
        """Return what the singers of a map are named by in it, by id."""
        if midi_map not in self._libraries:
            library = SingerLibrary()
            programs = load_midi_map(Path(midi_map) if midi_map else None).program
            names = {library.id_of(row.singer): row.singer for row in programs}
            self._names[midi_map], self._libraries[midi_map] = names, library
        return self._names[midi_map]

    def of(self, segment: Segment) -> InstanceSingers:
        """Return the singers of an instance, and tell it which files they are.

        Raises:
            ScoreError, SingerFileError: as `load`.
        """
        midi_map = segment.midi_map()
        library = self.load(midi_map)
        loaded, changed = {}, set()
        for number in range(SLOTS):
            name, wanted = segment.singer(number)
            known = self._names[midi_map].get(name) or (name if name in library.known() else "")
            if not known:
                continue
            loaded[number] = singer = library.load([known])[0]
            digits = self._hash(singer)
            segment.loaded(number, name, digits)
            if wanted not in {"", digits}:
                changed.add(number)
        return InstanceSingers(loaded, frozenset(changed))

    def names_of(self, segment: Segment) -> dict[int, tuple[str, str]]:
        """Return the ids of an instance's singers by number, each with the id or file that it is loaded by.

        Raises:
            ScoreError, SingerFileError: as `load`.
        """
        midi_map = segment.midi_map()
        names = {name: name for name in SingerLibrary().known()} | (
            self._names_in(midi_map) if midi_map else {}
        )
        ids = {number: segment.singer(number)[0] for number in range(SLOTS)}
        return {number: (name, names[name]) for number, name in ids.items() if name in names}

    def _hash(self, singer: Singer) -> str:
        path = getattr(singer, "path", None)
        if path is None:
            return ""
        if path not in self._hashes:
            self._hashes[path] = hash_of(path)
        return self._hashes[path]
