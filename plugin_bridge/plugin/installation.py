"""Put the plug-in where DAWs look, tell how it stands, and take it away again."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.wholefile import unwritable
from plugin_bridge.panel.opening import address
from plugin_bridge.plugin.bridge import Library
from plugin_bridge.plugin.build import Bundle, build, bundles
from plugin_bridge.plugin.server import is_abandoned
from plugin_bridge.plugin.table import CONF, LOCK, SEGMENT, STATUSES, slots


def run_folder() -> Path:
    """Return the folder of the instances that run: this user's own, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of the user's own in it
    if memory.is_dir() and hasattr(os, "getuid"):
        return memory / f"plugin_bridge-{os.getuid()}"
    return cache_folder() / "run"


def cache_folder() -> Path:
    """Return the folder for what can be fetched again."""
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/plugin_bridge"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "plugin_bridge"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plugin_bridge"


@dataclass(frozen=True)
class Installation:
    """The plug-in of one home folder."""

    home: Path = field(default_factory=Path.home)
    """In which DAWs look, for `.vst3` and so on."""
    run: Path = field(default_factory=run_folder)
    """Of the instances."""

    def install(self, midi_map: Path | None = None) -> list[Path]:
        """Build the plug-in and put it there; what was there is replaced, whole.

        Args:
            midi_map: names the singers by their programs 0 to 15; None for the one that ships.

        Returns:
            The bundles.

        Raises:
            MissingExtraError: the compiler or DPF is missing.
            OutputError: it cannot be built or put there.
            ScoreError, SingerFileError: the MIDI map, or a singer that it names.
        """
        singers = slots(midi_map)
        with self._stage() as stage:
            work = stage / "work"
            work.mkdir()
            made = bundles()
            build(stage, work, cache_folder(), singers, made)
            for bundle in made:
                text = self.conf(midi_map)
                (stage / bundle.place).with_name(CONF).write_text(text, encoding="utf-8")
            places = self._places(made)
            for place in places:
                self._replace(stage / place, self.home / place)
        return [self.home / place for place in places]

    def conf(self, midi_map: Path | None = None) -> str:
        """Return what a built plug-in has to know of its engine, for the file `table.CONF` beside it."""
        known = {"python": sys.executable, "run": self.run, "map": midi_map.resolve() if midi_map else ""}
        return "".join(f"{name}={value}\n" for name, value in known.items())

    def uninstall(self) -> list[Path]:
        """Remove the bundles that are there, and return them; a host that uses one keeps it until it ends.

        Raises:
            OutputError: one cannot be removed.
        """
        there = [self.home / place for place in self._places(bundles()) if (self.home / place).exists()]
        for folder in there:
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise unwritable(folder, error) from error
        return there

    def status(self) -> Status:
        """Return what is installed and what runs."""
        there = [bundle for bundle in bundles() if (self.home / bundle.place).is_file()]
        if not there:
            return Status((), "", False, (), ())
        first = self.home / there[0].place
        library = Library(first)
        lock = self.run / LOCK
        return Status(
            tuple(dict.fromkeys(self.home / place for place in self._places(there))),
            _conf(first).get("python", ""),
            lock.exists() and not library.is_free(lock),
            tuple(self._instances(library)),
            tuple((block, library.latency(48000.0, block) / 48.0) for block in (128, 512, 1024)),
        )

    def _instances(self, library: Library) -> Iterator[str]:
        for path in sorted(self.run.glob(f"*{SEGMENT}")):
            if is_abandoned(library, path) or (segment := library.look_at(path)) is None:
                continue
            with segment:
                stream = segment.stream()
                if stream is None:
                    continue
                mode = "waits for the engine" if stream.exact else "live"
                status = "starting" if library.is_free(path) else STATUSES[segment.status()]
                facts = f"{status}, {stream.rate:.0f} Hz, {stream.channels} channels, {mode}"
                panel = f", panel at {address('127.0.0.1', segment.port())}" if segment.port() else ""
                yield f"{path.stem}: {facts}{panel}"

    @contextmanager
    def _stage(self) -> Iterator[Path]:
        """Give a folder on the disk of the home folder."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".plugin-bridge-", dir=self.home) as stage:
                yield Path(stage)
        except OSError as error:
            raise unwritable(self.home, error) from error

    @staticmethod
    def _places(made: list[Bundle]) -> list[str]:
        return list(dict.fromkeys(f"{bundle.folder}/{bundle.bundle}" for bundle in made))

    @staticmethod
    def _replace(new: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():  # never written over: a host may have it in memory
            old = new.with_name(f"{new.name}.old")
            place.rename(old)
        new.rename(place)


@dataclass(frozen=True)
class Status:
    """How the plug-in stands."""

    bundles: tuple[Path, ...]
    """What is installed."""
    python: str
    """Of the environment that sings for them."""
    running: bool
    """Whether an engine runs."""
    instances: tuple[str, ...]
    """A line for each instance."""
    latencies: tuple[tuple[int, float], ...]
    """A host's block, and the latency in milliseconds at 48 kHz."""


def _conf(library: Path) -> dict[str, str]:
    path = library.with_name(CONF)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
