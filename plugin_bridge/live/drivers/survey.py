"""List the sound cards, JACK ports and MIDI ports of this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugin_bridge.errors import BridgeError
from plugin_bridge.live.drivers.catalogue import driver_module
from plugin_bridge.midi.backend import midi_inputs

Rows = list[Any]
"""Strings, or a dict for each sound card."""


def survey() -> dict[str, Rows]:
    """Return what there is by title; where it cannot be listed, a sentence that says why."""
    return {
        "sound cards": _or_reason(lambda: driver_module("soundcard").cards()),
        "JACK": _or_reason(lambda: driver_module("jack").ports()),
        "MIDI ports": _or_reason(midi_inputs),
    }


def _or_reason(question: Callable[[], Rows]) -> Rows:
    try:
        return question()
    except BridgeError as error:
        return [str(error)]
