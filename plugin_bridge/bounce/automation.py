"""Read the automation of a bounce, a MIDI file or a score, and bring in the singers it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from plugin_bridge.control.events import AnyEvent, Event, NoteOn
from plugin_bridge.control.parameters import SINGERS
from plugin_bridge.control.score import read_score
from plugin_bridge.errors import ScoreError
from plugin_bridge.midi.file import read_midi
from plugin_bridge.midi.map import load_midi_map


def read_automation(
    path: Path, sample_rate: int, source_rate: int, midi_map: Path | None, report: Callable[[str], None]
) -> list[AnyEvent]:
    """Read a MIDI file or a JSON-lines score, told apart by their first bytes.

    Args:
        path: the file.
        sample_rate: of the positions returned, hertz.
        source_rate: of the positions in a score that names no rate, hertz.
        midi_map: a MIDI map other than the one that ships.
        report: called with a sentence for what was left out.

    Returns:
        Checked events in order.

    Raises:
        ScoreError: the file or the map is missing, damaged or wrong.
    """
    try:
        with path.open("rb") as file:
            is_midi = file.read(4) == b"MThd" or path.suffix.lower() in {".mid", ".midi"}
    except FileNotFoundError as error:
        raise ScoreError(f"{path} does not exist; check the path of the automation") from error
    except OSError as error:
        raise ScoreError(f"{path} cannot be read: {error.strerror}; check the automation") from error
    if is_midi:
        return read_midi(path, sample_rate, load_midi_map(midi_map), report)
    return read_score(path, sample_rate, source_rate)


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
    """Return whether there are notes and nothing ever turns the melody on."""
    events = list(events)
    turned_on = melody or any(isinstance(e, Event) and e.parameter == "melody" and e.value for e in events)
    return not turned_on and any(isinstance(e, NoteOn) for e in events)
