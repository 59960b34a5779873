"""How an OSC server is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plugin_bridge.engine.pitchtracking import USUAL


@dataclass(frozen=True)
class OscSettings:
    """Where it listens and what it may touch.

    Raises:
        ValueError: a port or a limit out of range, or an announcement without OSCQuery.
    """

    host: str = "127.0.0.1"
    """Address to bind to; another than this one opens the server to the network."""
    port: int | None = 9000
    """Of UDP; 0 for any that is free; None for no UDP."""
    tcp_port: int | None = 9000
    """0 for any that is free; None for no TCP."""
    http_port: int | None = None
    """Of OSCQuery, which needs the extra `live`; 0 for any that is free; None for no OSCQuery."""
    token: str = ""
    """What every request over HTTP must bring, in its address (`?token=`) or as a cookie, unless `host` is a
    loopback address; empty for none."""
    announce: bool = False
    """Whether to announce OSCQuery by zeroconf."""
    name: str = "plugin_bridge"
    """As announced and told by OSCQuery."""
    folder: Path | None = None
    """Where bounces read and write; None for no bounces."""
    presets: Path | None = None
    """Where presets are saved; None for nowhere."""
    singers: Mapping[str, str] = field(default_factory=dict)
    """By id, the file of each singer that does not ship, for bounces and presets."""
    pitch: str = USUAL
    """How the rig hears the pitch of the source, for bounces."""
    seed: int = 0
    """Of the rig's voice, for bounces."""
    allow_effects: bool = False
    """Whether bounces may have the effects of presets: plug-ins among them are programs that run here."""
    rate: float = 2000.0
    """Requests a second that one sender may keep up."""
    burst: float = 8000.0
    """Requests that one sender may send at once."""
    events: float = 4000.0
    """Changes of the sound a second that all senders together may keep up."""
    horizon: float = 60.0
    """Seconds that a time tag may lie ahead."""
    connections: int = 64
    """Of TCP and WebSockets together, at once."""

    def __post_init__(self) -> None:
        for name in ("port", "tcp_port", "http_port"):
            port = getattr(self, name)
            if port is not None and not 0 <= port <= 65535:
                raise ValueError(f"{name} {port!r} is out of range; give 0 to 65535")
        if not (self.rate > 0.0 and self.burst >= 1.0 and self.events >= 1.0):
            raise ValueError("rate, burst and events must be positive; correct them")
        if not (self.horizon >= 0.0 and self.connections >= 1):
            raise ValueError("horizon and connections must be positive; correct them")
        if self.announce and self.http_port is None:
            raise ValueError("announce needs OSCQuery; give http_port, 0 for any that is free")
