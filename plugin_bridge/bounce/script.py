"""What to render: initial values, events, and the singers they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugin_bridge.bounce.automation import read_automation, singers_in
from plugin_bridge.control.events import AnyEvent, Event, at_start
from plugin_bridge.control.parameters import SINGERS, Value
from plugin_bridge.engine.singers import heaviest

if TYPE_CHECKING:
    from plugin_bridge.bounce.settings import BounceSettings


@dataclass(frozen=True)
class Script:
    """Initial values, events and singers; these are named as they were given, by id or path."""

    values: dict[str, Value]
    """At the start, by parameter; what is left to the rest is absent."""
    events: list[AnyEvent]
    """In order."""
    singers: list[str]
    """All that are needed, in the order of the engine's set."""
    seed: int | None
    """Of the voice's noise, where it is given."""


def script_asked(
    settings: BounceSettings, sample_rate: int, source_rate: int, report: Callable[[str], None]
) -> Script:
    """Return what the settings ask for.

    Args:
        settings: of a bounce.
        sample_rate: of the positions returned, hertz.
        source_rate: of the positions in a score that names no rate, hertz.
        report: called with a sentence for what was left out.

    Raises:
        ScoreError: the automation or the MIDI map is missing, damaged or wrong.
    """
    preset = settings.preset
    values = {**(preset.values() if preset else {}), **settings.parameters}
    singer = settings.singer or (preset.singer if preset else "")
    if singer:
        values["singer"] = singer
    events = read_automation(settings, values, sample_rate, source_rate, report)
    return Script(values, events, singers_of(values, events), settings.seed)


def singers_of(values: Mapping[str, Value], events: Iterable[AnyEvent]) -> list[str]:
    """Return the singers that values and events name, each once: first those heard as `singer`."""
    events = list(events)
    names: list[str] = []
    for parameter in SINGERS:
        names += [str(values.get(parameter, "")), *singers_in(events, parameter)]
    return [name for name in dict.fromkeys(names) if name]


def heard_first(values: Mapping[str, Value], events: Iterable[AnyEvent], ids: Sequence[str]) -> str:
    """Return the id of the singer that is loudest at the first sample."""
    return ids[heaviest(at_start(values, events), ids)]


def asks_for_auto(values: Mapping[str, Value], events: Sequence[AnyEvent], default: Value) -> bool:
    """Return whether the pitch of the source must be measured for `transpose auto`.

    Args:
        values: at the start.
        events: what happens, in order.
        default: of `transpose` where the values have none.
    """
    start = at_start(values, events)
    if start.get("source_pitch"):
        return False
    wanted = [start.get("transpose", default)]
    wanted += [e.value for e in events if isinstance(e, Event) and e.parameter == "transpose" and e.position]
    return "auto" in wanted
