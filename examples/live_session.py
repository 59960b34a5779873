"""Sing live from a program: the singer changes on the beat, the session is recorded and bounced again.

    python examples/live_session.py --driver jack --singers nit pjs --seconds 8 -o take.wav

By default the driver `null` plays the stem beside this file at the pace of a clock, without any device. What
is heard live and what the bounce of the session gives are the same samples.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from plugin_bridge import (
    BounceSettings,
    BridgeError,
    DriverSettings,
    Event,
    LiveRig,
    LiveSettings,
    OutputFormat,
    bounce_file,
)

STEM = Path(__file__).parent / "two_singers.flac"
TEMPO = 100.0  # beats per minute


def main(arguments: list[str] | None = None) -> int:
    """Play, record and bounce."""
    options = parsed(arguments)
    driver = DriverSettings(options.driver, options.device or (str(STEM) if options.driver == "null" else ""))
    settings = LiveSettings(driver, tuple(options.singers), sessions=options.output.parent)
    try:
        session = asyncio.run(play(settings, options.output.stem, options.seconds))
        done = bounce_file(session, options.output, OutputFormat("wav", "24"), BounceSettings(force=True))
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{done.target}: {done.seconds:.2f} s bounced again from {session}")
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--driver", default="null", help="jack, soundcard, reastream or null")
    parser.add_argument("--device", default="", help="see plugin-bridge live --help")
    parser.add_argument("--singers", nargs="+", default=["nit", "pjs"], help="ids or paths, sung in turn")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("-o", "--output", type=Path, default=Path("take.wav"))
    return parser.parse_args(arguments)


async def play(settings: LiveSettings, name: str, seconds: float) -> Path:
    """Sing for so long, another singer on every beat; return the session's folder."""
    async with LiveRig(settings) as rig:
        rig.reports(lambda sentence: print(sentence, file=sys.stderr))
        rig.listen(lambda event: print(f"{event.position / rig.status.sample_rate:7.2f} s  {event}"))
        session = await rig.record(name)
        beat = 60.0 / TEMPO * rig.status.sample_rate
        start = rig.status.position
        moves = [
            Event(round(start + number * beat), "singer", rig.singers[number % len(rig.singers)])
            for number in range(1, int(seconds * TEMPO / 60.0) + 1)
        ]
        rig.send(moves, now=False)  # each acts on its sample
        await asyncio.sleep(seconds)
        rig.stop_recording()
        print(f"{rig.status.xruns} xruns, load {100 * rig.status.load:.0f} %", file=sys.stderr)
    return session


if __name__ == "__main__":  # the audio process imports this file, and must not play as well
    sys.exit(main())
