"""Turn `/bounce/start` into a command line, with all paths inside the folder, and what that says back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dsp.units import MAX_SEED
from plugin_bridge.control.parameters import PARAMETERS, SINGERS, Value, parameter
from plugin_bridge.engine.pitchtracking import USUAL, check_pitch
from plugin_bridge.errors import AudioFileError, PresetError, ScoreError
from plugin_bridge.files.writer import BITS
from plugin_bridge.osc.addresses.values import number, switch, whole, word
from plugin_bridge.osc.jobfiles import options_of, output_of, replaces
from plugin_bridge.osc.paths import inside
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.sessions.folder import is_session

MAX_TAIL_SECONDS = 60.0
"""The longest tail that a bounce by OSC may render."""


@dataclass(frozen=True)
class BouncePlanner:
    """What a bounce may use.

    Its work touches the disk: call it from a thread.
    """

    folder: Path | None
    """Where inputs and outputs lie; None for nowhere."""
    presets: PresetStore
    singers: Mapping[str, str] = field(default_factory=dict)
    """By id, what a bounce names them by: the id of one that ships, or the path of its file."""
    pitch: str = USUAL
    """How the pitch of the source is heard live."""
    seed: int = 0
    """Of the live voice."""
    effects: bool = False
    """Whether presets may have effects, some of which are plug-ins, which are programs."""

    def plan(self, arguments: Arguments, live: Mapping[str, Value]) -> tuple[list[str], Path]:
        """Return the arguments of `plugin-bridge bounce`, and the output.

        Args:
            arguments: input, output, and options with a value each.
            live: the parameters as they are now: used without a preset, and not for a recorded session.

        Raises:
            AudioFileError, OutputError, PresetError, ScoreError: a path is absent, taken or outside.
            TypeError, ValueError: an argument that does not fit.
        """
        given = options_of("/bounce/start", arguments)
        source = inside(self.folder, word(arguments[0], "input"))
        session = is_session(source)
        if not session and not source.is_file():
            raise AudioFileError(f"{arguments[0]} is not a file in the folder; give one that is there")
        target = output_of(self.folder, arguments[1], "output", force=replaces(given))
        if len(_LEVELS & {key for key, value in given.items() if value is not False}) > 1:
            raise ValueError("normalize, loudness and match_loudness each set the level; give one of them")
        settings: dict[str, Argument] = {}
        if not session and "preset" not in given:
            settings |= {"pitch": self.pitch, "seed": self.seed}
            settings |= {key: value for key, value in live.items() if value != PARAMETERS[key].default}
        words = [str(source), "-o", str(target), "--progress"]
        for key, value in (settings | given).items():
            words += self._option(key, value)
        return words, target

    def _option(self, key: str, value: Argument) -> list[str]:
        if key in SINGERS:
            return self._singer(key, value)
        if key == "preset":
            return self._preset(word(value, key))
        if key == "automation":
            path = inside(self.folder, word(value, key))
            if not path.is_file():
                raise ScoreError(f"automation {value} is not a file in the folder; give one that is there")
            return [f"--automation={path}"]
        if key in _SWITCHES:
            return [f"--{key.replace('_', '-')}"] if switch(value, key) else []
        if key in _PLAIN:
            return [f"--{key}={_PLAIN[key](value)}"]
        if key not in PARAMETERS:
            raise ValueError(f"option {key!r} is unknown; use one of {', '.join(_OPTIONS)}")
        return _parameter(key, value)

    def _preset(self, name: str) -> list[str]:
        _, effects = self.presets.load(name)
        if effects and not self.effects:
            raise PresetError(
                f"preset {name!r} has effects ({effects}), and bounces by OSC have none; take another, or "
                "start live with --allow-effects"
            )
        return [f"--preset={self.presets.find(name)}"]

    def _singer(self, key: str, value: Argument) -> list[str]:
        name = word(value, key)
        if name and name not in self.singers:
            raise ValueError(f"{key} {name!r} is not in the set; use one of {', '.join(self.singers)}")
        return [f"--{key.replace('_', '-')}={self.singers.get(name, '')}"]


def _tail(value: Argument) -> str:
    if value == "auto":
        return "auto"
    seconds = number(value, "tail")
    if not 0.0 <= seconds <= MAX_TAIL_SECONDS:
        raise ValueError(f"tail {seconds!r} is out of range; give 0 to {MAX_TAIL_SECONDS:g} seconds, or auto")
    return f"{seconds:.9g}"


def _decibels(name: str, value: Argument) -> str:
    return f"{number(value, name):.9g}"


def _bits(value: Argument) -> str:
    bits = value if isinstance(value, str) else str(whole(value, "bits"))
    if bits not in BITS["wav"]:
        raise ValueError(f"bits {bits!r} are not written; give 16, 24 or 32f")
    return bits


def _seed(value: Argument) -> str:
    seed = whole(value, "seed")
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed} is out of range; give 0 to {MAX_SEED}")
    return str(seed)


_PLAIN: Mapping[str, Callable[[Argument], str]] = {
    "pitch": check_pitch,
    "bits": _bits,
    "rate": lambda value: str(whole(value, "rate")),
    "tail": _tail,
    "normalize": partial(_decibels, "normalize"),
    "loudness": partial(_decibels, "loudness"),
    "seed": _seed,
}
"""Options whose value stands in the command line, by what checks and writes it."""


_SWITCHES = ("force", "match_loudness")
_LEVELS = {"normalize", "loudness", "match_loudness"}
_OPTIONS = ("preset", "automation", *_SWITCHES, *_PLAIN, *PARAMETERS)
_WORD = re.compile(r"(?<!\S)--(?:no-)?([a-z]+(?:-[a-z]+)*)")


def by_osc(sentence: str) -> str:
    """Return a sentence of the command line with its options as `/bounce/start` takes them."""

    def named(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        return name if name in _OPTIONS else found[0]

    return _WORD.sub(named, sentence.replace(" with -o", ""))


def _parameter(key: str, value: Argument) -> list[str]:
    checked = parameter(key).check(value)
    option = key.replace("_", "-")
    if isinstance(checked, bool):
        return [f"--{option}" if checked else f"--no-{option}"]
    return [f"--{option}={checked}"]
