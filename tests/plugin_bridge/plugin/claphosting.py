"""Run the small CLAP host, `claphost.cpp`, with the built plug-in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.table import rows

Float32 = NDArray[np.float32]

NUMBER = {row.id: row.number for row in rows()}


class Heard(NamedTuple):
    """What a run left."""

    audio: Float32
    """As it came out, shape (channels, n)."""
    figures: dict[str, Any]
    """As the host wrote them."""

    @property
    def sung(self) -> Float32:
        """The audio without the latency."""
        return self.audio[:, self.figures["latency"] :]

    def text(self, parameter: str) -> str:
        """Return a parameter as the plug-in shows it at the end."""
        return str(self.figures["values"][str(NUMBER[parameter])][2])

    def number(self, parameter: str) -> float:
        """Return a parameter at the end."""
        return float(self.figures["values"][str(NUMBER[parameter])][1])


@dataclass
class ClapHost:
    """One run of a host.

    Args:
        program: the compiled host.
        place: the plug-in.
        folder: for its files.
    """

    program: Path
    place: Installation
    folder: Path
    mode: str = "offline"
    block: str = "random"
    load: Path | None = None
    save: Path | None = None
    events: list[str] = field(default_factory=list)
    clap: Path | None = None
    """Another folder than the installed one."""

    def value(self, position: int, parameter: str, value: float) -> ClapHost:
        """Move a parameter at a sample."""
        self.events.append(f"{position} value {NUMBER[parameter]} {float(value)!r}")
        return self

    def start(self, audio: Float32, rate: int, extra: int = 1 << 13) -> Running:
        """Begin to play audio, shape (channels, n), and so much silence after it."""
        self.folder.mkdir(exist_ok=True)
        channels = audio.shape[0]
        padded = np.pad(audio, ((0, 0), (0, extra)))
        padded.tofile(self.folder / "in.raw")
        lines = sorted(self.events, key=lambda line: int(line.split()[0]))
        (self.folder / "events").write_text("".join(f"{line}\n" for line in lines))
        name, kind = ("plugin_bridge", "stereo") if channels == 2 else ("plugin_bridge_mono", "mono")
        library = (self.clap or self.place.home / ".clap/plugin_bridge") / f"{name}.clap"
        words: Sequence[object] = [
            *(self.program, library, f"plugin_bridge.{kind}", rate, self.block, self.mode),
            *(self.folder / "in.raw", self.folder / "out.raw", self.folder / "events"),
            *(self.load or "-", self.save or "-"),
        ]
        pipe = subprocess.PIPE
        process = subprocess.Popen([str(word) for word in words], stdout=pipe, stderr=pipe, text=True)
        return Running(process, self.folder / "out.raw", channels)

    def play(self, audio: Float32, rate: int, extra: int = 1 << 13) -> Heard:
        """Play audio to its end."""
        return self.start(audio, rate, extra).heard()


@dataclass
class Running:
    """A host that plays."""

    process: subprocess.Popen[str]
    output: Path
    channels: int

    def heard(self) -> Heard:
        """Wait for its end, and return what it left."""
        out, err = self.process.communicate(timeout=120.0)
        assert self.process.returncode == 0, err
        return Heard(np.fromfile(self.output, np.float32).reshape(self.channels, -1), json.loads(out))
