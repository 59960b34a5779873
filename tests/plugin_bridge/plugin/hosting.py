"""Play the VST3 plug-in in pedalboard, and bounce the same moves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pedalboard
import soundfile
from numpy.typing import NDArray

from plugin_bridge.cli import main
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.plugin.installation import Installation

Float32 = NDArray[np.float32]


class Move(NamedTuple):
    """A parameter changes at a sample."""

    position: int
    parameter: str
    value: float | str


def vst3(place: Installation, channels: int) -> Any:  # noqa: ANN401 - of no type that pedalboard exports
    """Load it into pedalboard."""
    name = "plugin_bridge" if channels == 2 else "plugin_bridge_mono"
    return pedalboard.VST3Plugin(str(place.home / f".vst3/{name}.vst3"))


def set_values(plugin: Any, values: Mapping[str, float | str]) -> None:  # noqa: ANN401 - pedalboard has no type
    """Set parameters by their places 0..1, as a host does; pedalboard rounds values to 1/1000 of a range."""
    for name, value in values.items():
        if name == "transpose":
            plugin.transpose_auto = value == "auto"
        if isinstance(value, str):
            if name != "transpose":
                setattr(plugin, name, value)
            continue
        row = PARAMETERS[name]
        (known,) = (found for key, found in plugin.parameters.items() if found.name.lower() == named(name))
        known.raw_value = (value - row.low) / (row.high - row.low)


def named(parameter: str) -> str:
    """Return the name that hosts show, in small letters."""
    return parameter.replace("_", " ")


def played(plugin: Any, audio: Float32, rate: int, block: int, moves: list[Move]) -> Float32:  # noqa: ANN401
    """Render offline in blocks, cut where something moves; the latency is taken off."""
    plugin.reset()
    parts, start = [], 0
    whole = np.pad(audio, ((0, 0), (0, 1 << 14)))
    for move in [*moves, None]:
        stop = whole.shape[1] if move is None else move.position
        if stop > start:
            parts.append(plugin.process(whole[:, start:stop], rate, buffer_size=block, reset=False))
        if move is not None:
            set_values(plugin, {move.parameter: move.value})
        start = stop
    return np.concatenate(parts, axis=1)[:, : audio.shape[1]]


def bounced(
    folder: Path, audio: Float32, rate: int, moves: list[Move], more: Sequence[dict[str, int]] = ()
) -> Float32:
    """Return what `plugin-bridge bounce` makes of the same.

    Args:
        folder: for its files.
        audio: shape (channels, n).
        rate: hertz.
        moves: of parameters.
        more: further rows of its score.
    """
    soundfile.write(folder / "stem.wav", audio.T, rate, subtype="FLOAT")
    rows = [{"position": m.position, "parameter": m.parameter, "value": m.value} for m in moves]
    (folder / "score.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, *more]))
    words = ["bounce", str(folder / "stem.wav"), "-o", str(folder / "out.wav"), "--bits", "32f", "--force"]
    assert main([*words, "--automation", str(folder / "score.jsonl")]) == 0
    out, _ = soundfile.read(folder / "out.wav", dtype="float32", always_2d=True)
    return np.ascontiguousarray(out.T)
