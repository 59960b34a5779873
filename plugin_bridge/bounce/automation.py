"""Read the automation of a bounce from a MIDI file or a score, and find the singers it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from plugin_bridge.control.events import AnyEvent, Event, NoteOn
from plugin_bridge.control.parameters import PARAMETERS, SINGERS, Value
from plugin_bridge.control.score import read_score
from plugin_bridge.errors import ScoreError

if TYPE_CHECKING:
    from plugin_bridge.bounce.settings import BounceSettings


_MIDI_SUFFIXES = {".mid", ".midi", ".smf", ".kar", ".rmi"}
_START_SECONDS = 0.01  # a frame of the engine: two moves within it cannot be told apart


def read_automation(
    settings: BounceSettings,
    values: Mapping[str, Value],
    sample_rate: int,
    source_rate: int,
    report: Callable[[str], None],
) -> list[AnyEvent]:
    """Read a MIDI file or a JSON-lines score, told apart by their first bytes and their names.

    Args:
        settings: which file, and how to take it.
        values: what is asked for at the start. It holds against what a MIDI file sets at its very start,
            which exporting programs write unasked, unless `settings.midi_start`; so does a gain of 0 dB
            where none is asked for.
        sample_rate: of the positions returned, hertz.
        source_rate: of the positions in a score that names no rate, hertz.
        report: called with a sentence for what was left out.

    Returns:
        Checked events in order; none without an automation.

    Raises:
        ScoreError: the file or the map is missing, damaged or wrong.
    """
    path = settings.automation
    if path is None:
        return []
    if _is_midi(path):
        from plugin_bridge.midi.file import read_midi  # noqa: PLC0415 - mido and the models of maps take 25 ms
        from plugin_bridge.midi.map import load_midi_map  # noqa: PLC0415

        midi_map = load_midi_map(settings.midi_map)
        channel, track = settings.midi_channel, settings.midi_track
        events = read_midi(path, sample_rate, midi_map, report, channel=channel, track=track)
        if not settings.midi_start:
            held = {"gain": PARAMETERS["gain"].default, **values}
            events = _without_start(path, events, held, round(_START_SECONDS * sample_rate), report)
    else:
        events = read_score(path, sample_rate, source_rate)
    if not events:
        report(f"{path} holds no event that moves anything; check the automation")
    return events


def _is_midi(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError as error:
        raise ScoreError(f"{path} does not exist; check the path of the automation") from error
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the automation") from error
    wrapped = head[:4] == b"RIFF" and head[8:] == b"RMID"
    return wrapped or head[:4] == b"MThd" or path.suffix.lower() in _MIDI_SUFFIXES


def _without_start(
    path: Path,
    events: Iterable[AnyEvent],
    values: Mapping[str, Value],
    stop: int,
    report: Callable[[str], None],
) -> list[AnyEvent]:
    """Leave out events before a position that would set the parameters of `values`."""
    kept: list[AnyEvent] = []
    overruled: dict[str, None] = {}
    for event in events:
        if isinstance(event, Event) and event.position < stop and event.parameter in values:
            if event.value != values[event.parameter]:
                overruled[event.parameter] = None
        else:
            kept.append(event)
    if overruled:
        report(
            f"the start of {path} would set {' and '.join(overruled)}, which the options decide; "
            "--midi-start lets the file decide"
        )
    return kept


def singers_in(events: Iterable[AnyEvent], name: str) -> list[str]:
    """Return the singers that events give to the parameter `name`, each once, in order."""
    names = [str(e.value) for e in events if isinstance(e, Event) and e.parameter == name and e.value]
    return list(dict.fromkeys(names))


def with_ids(events: Iterable[AnyEvent], ids: dict[str, str]) -> list[AnyEvent]:
    """Return events with singers named by id instead of by the name or path they were given by."""
    return [
        replace(e, value=ids[str(e.value)])
        if isinstance(e, Event) and e.parameter in SINGERS and e.value
        else e
        for e in events
    ]


def has_unheard_notes(events: Iterable[AnyEvent], melody: object) -> bool:
    """Return whether there are notes but nothing ever turns `melody` on."""
    events = list(events)
    turned_on = melody or any(isinstance(e, Event) and e.parameter == "melody" and e.value for e in events)
    return not turned_on and any(isinstance(e, NoteOn) for e in events)
