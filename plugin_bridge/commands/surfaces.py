"""A rig with its control surfaces, started and stopped together."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import LiveSettings

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

    from plugin_bridge.osc.server import OscServer
    from plugin_bridge.osc.settings import OscSettings

VIRTUAL = "virtual"
"""Instead of a MIDI port's name: a port of our own, for other programs to connect to."""
_VIRTUAL_NAME = "plugin-bridge"
_OPEN = (
    "OSC on {host} is open to everybody on that network: they can change the sound, read the meters, record, "
    "and bounce, enrol and save presets in {folder}; leave out --host to keep it to this machine"
)
_KNOWN = (
    "whoever knows that address, or sees it pass, for HTTP is not encrypted, can change the sound, record, "
    "bounce, enrol, and hear what lies in {folder}; leave out --host to keep it to this machine"
)


@dataclass(frozen=True)
class Surfaces:
    """What controls a rig besides the program that made it."""

    osc: OscSettings | None = None
    """None for no OSC."""
    midi: Sequence[str] = field(default_factory=tuple)
    """MIDI ports of the system by name or a part of it; `VIRTUAL` for one of our own."""
    panel: bool = False
    """Whether OSCQuery's port serves the panel, too, which then opens in a browser."""


@asynccontextmanager
async def playing(
    settings: LiveSettings, surfaces: Surfaces, say: Callable[[str], None]
) -> AsyncIterator[LiveRig]:
    """Play live in an `async with` block.

    Args:
        settings: what to play.
        surfaces: what controls it.
        say: called with sentences for a person.

    Raises:
        DeviceError, SingerFileError, MissingExtraError, ScoreError: as the sentence says.
    """
    rig = LiveRig(settings)
    rig.reports(say)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(rig)
        if surfaces.osc is not None:
            osc = replace(surfaces.osc, singers=rig.files, pitch=settings.pitch, seed=settings.seed)
            server = _server(rig, osc, panel=surfaces.panel)
            await server.start()
            stack.push_async_callback(server.stop)
            if osc.port is not None:
                say(f"OSC listens on {osc.host}, {server.ports}")
            if surfaces.panel:
                from plugin_bridge.panel.opening import address, open_page  # noqa: PLC0415

                where = address(server.host, server.http_port or 0, server.token)
                say(f"the panel is at {where}")
                open_page(where)
                if not server.is_local:
                    say(_KNOWN.format(folder=osc.folder or "no folder"))
            if osc.port is not None and not server.is_local:
                say(_OPEN.format(host=osc.host, folder=osc.folder or "no folder"))
        if surfaces.midi:
            from plugin_bridge.midi.ports import MidiPorts  # noqa: PLC0415

            names = [name for name in surfaces.midi if name != VIRTUAL]
            virtual = [_VIRTUAL_NAME] if VIRTUAL in surfaces.midi else []
            ports = MidiPorts(rig, names, virtual, report=say)
            await ports.start()
            stack.push_async_callback(ports.stop)
        yield rig


def _server(rig: LiveRig, settings: OscSettings, *, panel: bool) -> OscServer:
    from plugin_bridge.osc.server import OscServer  # noqa: PLC0415 - only where it is used

    def pages() -> Sequence[RouteDef]:
        from plugin_bridge.panel.panel import STEMS, Panel  # noqa: PLC0415 - needs the extra `live`

        return Panel(rig.named, settings.folder, lambda: server.changed(STEMS)).routes

    if not panel:
        return OscServer(rig, settings)
    server = OscServer(rig, replace(settings, token=secrets.token_urlsafe(16)), pages=pages)
    return server
