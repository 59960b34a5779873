"""`plugin-bridge live`: sing live, controlled by OSC, MIDI or the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsp.units import HOPS_PER_SECOND, MAX_SEED
from plugin_bridge.commands import UsageError
from plugin_bridge.commands.options import add_parameters, add_pitch, number_within, parameter_values
from plugin_bridge.engine.pitchtracking import USUAL
from plugin_bridge.files.printable import printable
from plugin_bridge.live.settings import DRIVERS, DriverSettings, LiveSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugin_bridge.commands.surfaces import Surfaces
    from plugin_bridge.control.rig import Meters, Status
    from plugin_bridge.live.rig.liverig import LiveRig

OSC_PORT = 9000
PANEL_PORT = 9080
_METERS_SECONDS = 0.25
_EPILOG = """\
Drivers and their --device:

soundcard: any card, through PortAudio; its name or number (see 'plugin-bridge devices'), or IN,OUT for two.

jack: a client of JACK or PipeWire with audio and MIDI ports, which reports its latency to the server; a
pattern of the ports to connect to, or "none".

reastream: a track of a DAW over the network; NAME@HOST:PORT,NAME@HOST:PORT, every part of which may be left
out: the identifier the DAW sends and where to listen for it (default@127.0.0.1:58710), then the identifier of
the answer and where the DAW receives it (the same name with -sung appended, at the sender's address). With
--rate it does not have to wait for the DAW to start.

null: no device at all; a file to play, or silence.

All singers are loaded at the start and stay ready, so that a switch is heard at once; each takes its share of
the processor. If a device or server goes away, the program waits for it. Ctrl-C ends it with exit status 0;
2 means bad input or a device that is missing at the start.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Fill the parser of the command."""
    parser.description = "Convert a voice to another singer's in real time."
    parser.epilog = _EPILOG
    add = parser.add_argument
    add("--driver", choices=DRIVERS, default="soundcard", help="audio driver; default soundcard")
    add(
        "--device",
        default="",
        metavar="DEVICE",
        help="device, ports, file or address for the driver; see below",
    )
    add(
        "--rate",
        type=number_within(8000, 96000, whole=True),
        default=0,
        metavar="HZ",
        help="sample rate; default: the device's",
    )
    add(
        "--channels",
        type=int,
        choices=(1, 2),
        default=1,
        help="2 keeps the panning of a stereo source; default 1",
    )
    add(
        "--block",
        type=number_within(16, 8192, whole=True),
        default=0,
        metavar="N",
        help="block size; default: the device's",
    )
    add(
        "--ring",
        type=number_within(2, 8, whole=True),
        default=0,
        metavar="BLOCKS",
        help="blocks buffered between device and engine, more for a busy machine, fewer for less latency; "
        "default 2 or 3",
    )
    add(
        "--singer",
        action="append",
        default=[],
        metavar="SINGER",
        help="id or path of a singer file; may be repeated, the first is heard first; default: all "
        "built-in singers",
    )
    add(
        "--preset",
        metavar="PRESET",
        help="name or TOML file of a preset: singer and parameters; options override it",
    )
    add(
        "--osc",
        nargs="?",
        type=_port,
        const=OSC_PORT,
        metavar="PORT",
        help=f"listen for OSC on this port of UDP and TCP; default {OSC_PORT}",
    )
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address that OSC and the panel listen on; default 127.0.0.1",
    )
    add(
        "--oscquery",
        nargs="?",
        type=_port,
        const=0,
        metavar="PORT",
        help="serve OSCQuery over HTTP and announce it on the network",
    )
    add(
        "--panel",
        nargs="?",
        type=_port,
        const=PANEL_PORT,
        metavar="PORT",
        help=f"serve the panel, a page that controls it, and open it in the browser; default {PANEL_PORT}",
    )
    add(
        "--allow-effects",
        action="store_true",
        help="let OSC clients use presets with effects; plug-ins are programs: trust the folder",
    )
    add(
        "--midi",
        action="append",
        default=[],
        metavar="PORT",
        help="MIDI input: part of its name, 'all', or 'virtual' to create one; may be repeated",
    )
    add(
        "--midi-map",
        type=Path,
        metavar="FILE",
        help="TOML file that assigns MIDI programs and controllers; MIDI learn writes to it",
    )
    add(
        "--sessions",
        type=Path,
        default=Path("sessions"),
        metavar="FOLDER",
        help="folder for recordings, and for bounces and singers by OSC and the panel; default ./sessions",
    )
    add(
        "--record",
        default="",
        metavar="NAME",
        help="record a session from the start; ends after 6 h, or when the disk has less than 500 MB",
    )
    add(
        "--seed",
        type=number_within(0, MAX_SEED, whole=True),
        default=0,
        metavar="N",
        help="seed of the voice's noise",
    )
    add_pitch(parser, unset="", more="; default: as the preset says, else ")
    add_parameters(parser, leave_out=("singer",))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play until a signal."""
    is_controlled = arguments.osc is not None or arguments.panel is not None
    if arguments.oscquery is not None and not is_controlled:
        raise UsageError("--oscquery describes what --osc listens to; add --osc")
    if arguments.allow_effects and not is_controlled:
        raise UsageError("--allow-effects is about bounces by OSC; add --osc")
    settings, surfaces = _settings(arguments), _surfaces(arguments)
    if is_controlled or arguments.record:
        settings.sessions.mkdir(0o700, parents=True, exist_ok=True)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_play(settings, surfaces, arguments.record))
    return 0


def _settings(arguments: argparse.Namespace) -> LiveSettings:
    values, singers, pitch = parameter_values(arguments), list(arguments.singer), arguments.pitch
    if arguments.preset:
        from plugin_bridge.chain.preset import load_preset  # noqa: PLC0415 - loads the chain

        preset = load_preset(arguments.preset, trusted=True)  # its effects are not made
        values = {**preset.values(), **values}
        singers, pitch = singers or [preset.singer], pitch or preset.pitch
        if preset.before or preset.after:
            _say(f"the effects of preset {preset.name} are left out live; put them into the host")
    try:
        return LiveSettings(
            driver=DriverSettings(
                arguments.driver, arguments.device, arguments.rate, arguments.channels, arguments.block
            ),
            singers=tuple(dict.fromkeys(singers)),
            parameters=values,
            seed=arguments.seed,
            pitch=pitch or USUAL,
            midi_map=arguments.midi_map,
            sessions=arguments.sessions,
            ring=arguments.ring,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _surfaces(arguments: argparse.Namespace) -> Surfaces:
    from plugin_bridge.commands.surfaces import Surfaces  # noqa: PLC0415 - loads numpy

    if arguments.osc is None and arguments.panel is None:
        return Surfaces(midi=arguments.midi)
    from plugin_bridge.osc.settings import OscSettings  # noqa: PLC0415 - only where it is used

    osc = OscSettings(
        host=arguments.host,
        port=arguments.osc,
        tcp_port=arguments.osc,
        http_port=_http_port(arguments.oscquery, arguments.panel),
        announce=arguments.oscquery is not None,
        folder=arguments.sessions,
        presets=arguments.sessions,
        allow_effects=arguments.allow_effects,
    )
    return Surfaces(osc, arguments.midi, panel=arguments.panel is not None)


def _http_port(oscquery: int | None, panel: int | None) -> int | None:
    """Return the one port that OSCQuery and the panel are served on."""
    if oscquery and panel not in (None, PANEL_PORT, oscquery):
        raise UsageError(f"--panel {panel} and --oscquery {oscquery} are served on one port; name one")
    return panel if panel is not None and not oscquery else oscquery


async def _play(settings: LiveSettings, surfaces: Surfaces, record: str) -> None:
    from plugin_bridge.commands.surfaces import playing  # noqa: PLC0415 - as above

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end() -> None:
        if not task.cancelling():  # a second signal would leave half of what is being closed
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end)
    loop.set_exception_handler(_Faults(_say))
    async with playing(settings, surfaces, _say) as rig:
        if record:
            _say(f"records to {await rig.record(record)}")
        _say(_opening(rig))
        try:
            await _show(rig)
        finally:
            _say(_closing(rig.status))


class _Faults:
    """Say in a line, once, what the system refuses, as where files run out; asyncio shows it again and again.

    Args:
        say: called with the sentence.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take a fault that nothing else has caught."""
        error = context.get("exception")
        if not isinstance(error, OSError):
            loop.default_exception_handler(context)
            return
        sentence = f"{context['message']}: {error.strerror}; close what is not needed, or raise ulimit -n"
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


async def _show(rig: LiveRig) -> None:
    """Keep a line of meters up to date where a person watches, for ever."""
    watched = sys.stderr.isatty()
    while True:
        await asyncio.sleep(_METERS_SECONDS)
        if watched:
            sys.stderr.write(f"\r{_meter_line(rig.values['singer'], rig.status, rig.meters)}\033[K")


def _meter_line(singer: object, status: Status, meters: Meters) -> str:
    return (
        f"{singer:<10} in {meters.input_db:5.0f} dB  out {meters.output_db:5.0f} dB  "
        f"{meters.f0_out if meters.voicing > 0.5 else 0:5.0f} Hz  load {100 * status.load:3.0f} %  "
        f"xruns {status.xruns}  {f'faults {status.faults}  ' if status.faults else ''}"
        f"{'' if status.running else 'waiting for the device'}"
    )


def _opening(rig: LiveRig) -> str:
    status = rig.status
    milliseconds = 1000.0 * status.latency / status.sample_rate
    warning = (
        "" if rig.real_time else "; without real-time priority, so expect dropouts while the machine is busy"
    )
    return (
        f"{', '.join(rig.singers)} on {status.device}, {status.sample_rate} Hz, blocks of {status.block}, "
        f"latency {milliseconds:.1f} ms ({status.latency} samples){warning}; Ctrl-C ends"
    )


def _closing(status: Status) -> str:
    return (
        f"xruns {status.xruns}, samples dropped {status.dropped}, longest block {status.worst_ms:.1f} ms, "
        f"load {100 * status.load:.0f} %"
        + (f", not finite or over 24 dB for {status.faults / HOPS_PER_SECOND:g} s" if status.faults else "")
    )


def _say(sentence: str) -> None:
    clear = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{clear}plugin-bridge live: {printable(sentence)}", file=sys.stderr, flush=True)


def _port(text: str) -> int:
    found: int = number_within(0, 65535, whole=True)(text)
    return found
