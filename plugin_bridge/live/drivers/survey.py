"""Find out what there is to play through: sound cards, JACK and its ports, MIDI ports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plugin_bridge.errors import BridgeError
from plugin_bridge.live.drivers.catalogue import driver_module
from plugin_bridge.midi.backend import midi_inputs

Rows = list[Any]
"""Texts, or objects of a sound card."""


def surveyed() -> dict[str, Rows]:
    """Return titles with what there is; a sentence stands where something cannot be found out."""
    return {
        "sound cards": _asked(lambda: driver_module("soundcard").cards()),
        "JACK": _asked(lambda: driver_module("jack").ports()),
        "MIDI ports": _asked(midi_inputs),
    }


def _asked(question: Callable[[], Rows]) -> Rows:
    try:
        return question()
    except BridgeError as error:
        return [str(error)]
