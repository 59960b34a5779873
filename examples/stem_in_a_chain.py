"""A pedalboard script with a singer in it: clean the stem, convert it, then compress it and put it in a hall.

    python examples/stem_in_a_chain.py --singer nit -o in_a_hall.wav
    python examples/stem_in_a_chain.py --vst3 /usr/lib/vst3/ZamComp.vst3 --set threshold_db=-24

`Chain` is called like `pedalboard.Pedalboard`. Every effect of pedalboard fits, and so does a VST3 plug-in,
which takes the compressor's place here.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from pedalboard import Compressor, Gain, HighpassFilter, Plugin, Reverb

from plugin_bridge import BridgeError, Chain, SingerConversion, load_vst3

STEM = Path(__file__).parent / "two_singers.flac"
TAIL_SECONDS = 1.5


def main(arguments: list[str] | None = None) -> int:
    """Read the stem, run the chain over it and write the result."""
    options = parsed(arguments)
    try:
        chain = build(options.singer, compressor(options.vst3, options.set))
        audio, rate = read(options.stem, options.seconds)
        result = chain(audio, rate, tail=TAIL_SECONDS)
        latency = chain.latency_at(rate, channels=audio.shape[0])
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    soundfile.write(options.output, result.T, rate, subtype="PCM_24")
    print(f"{options.output}: {result.shape[1] / rate:.2f} s, {latency} samples of latency taken off")
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("stem", nargs="?", type=Path, default=STEM, help="default: the stem beside this file")
    parser.add_argument("-o", "--output", type=Path, default=Path("in_a_hall.wav"))
    parser.add_argument("--singer", default="nit", help="id or path of a singer file")
    parser.add_argument("--vst3", type=Path, help="a VST3 effect in place of the compressor")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the VST3"
    )
    parser.add_argument("--seconds", type=float, help="stop after so much of the stem")
    return parser.parse_args(arguments)


def build(singer: str, dynamics: Plugin) -> Chain:
    """Return the chain: effects before and after the singer, as in any mixer."""
    return Chain(
        [
            HighpassFilter(80),
            SingerConversion(singer, transpose="auto", brightness=1.0),
            dynamics,
            Reverb(room_size=0.6, wet_level=0.15, dry_level=0.85),
            Gain(-1.0),
        ]
    )


def compressor(vst3: Path | None, settings: list[str]) -> Plugin:
    """Return pedalboard's own compressor, or a VST3 effect with its parameters set."""
    if vst3 is None:
        return Compressor(threshold_db=-20, ratio=3)
    plugin = load_vst3(vst3)
    for setting in settings:
        name, _, value = setting.partition("=")
        if not hasattr(plugin, name):  # an unknown one would be set without effect
            sys.exit(f"{plugin.name} has no parameter {name!r}; print(plugin.parameters) lists them")
        setattr(plugin, name, float(value))
    return plugin


def read(path: Path, seconds: float | None) -> tuple[NDArray[np.float32], int]:
    """Return the stem, float32 (channels, samples), and its rate in hertz."""
    with soundfile.SoundFile(path) as file:
        frames = -1 if seconds is None else round(seconds * file.samplerate)
        audio = file.read(frames, dtype="float32", always_2d=True)
        return np.ascontiguousarray(audio.T), file.samplerate


if __name__ == "__main__":
    sys.exit(main())
