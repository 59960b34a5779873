"""A singer's voice as a plug-in you can script: everything users import stands here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from plugin_bridge.rooms import check_rooms

__version__ = "0.1.0"

check_rooms()

if TYPE_CHECKING:
    from dsp.errors import (
        AudioFileError,
        BridgeError,
        DeviceError,
        EffectError,
        MissingExtraError,
        ModelFileError,
        OutputError,
        PresetError,
        ScoreError,
        SessionError,
        SingerFileError,
        TrainingError,
    )
    from models.extractor.runtime import MelodyExtractor
    from models.manifest import Manifest
    from models.recipe import Facts, Watcher, train_singer
    from models.singer import Singer, load_singer
    from models.singer import shipped as shipped_singers
    from models.training import Plan as TrainingPlan
    from plugin_bridge.audiowriter import OutputFormat
    from plugin_bridge.batch import Job, planned_jobs
    from plugin_bridge.bounce import Bounced, Listener
    from plugin_bridge.bounce import bounce as bounce_file
    from plugin_bridge.cast import Cast
    from plugin_bridge.chain import Chain
    from plugin_bridge.effects import load_vst3
    from plugin_bridge.engine import Engine
    from plugin_bridge.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
    from plugin_bridge.live.settings import DriverSettings, LiveSettings
    from plugin_bridge.live.supervisor import LiveRig
    from plugin_bridge.midifile import read_midi
    from plugin_bridge.parameters import PARAMETERS, Parameter
    from plugin_bridge.planning import Settings
    from plugin_bridge.presets import Preset, load_preset, preset_of, save_preset, shipped_presets
    from plugin_bridge.score import read_score, write_score
    from plugin_bridge.stage import SingerConversion

# Loaded at first use, so that the import stays quick and a command pays only for what it needs.
_NAMES = {
    "dsp.errors": "AudioFileError BridgeError DeviceError EffectError MissingExtraError ModelFileError "
    "OutputError PresetError ScoreError SessionError SingerFileError TrainingError",
    "models.extractor.runtime": "MelodyExtractor",
    "models.manifest": "Manifest",
    "models.recipe": "Facts Watcher train_singer",
    "models.singer": "Singer load_singer shipped:shipped_singers",
    "models.training": "Plan:TrainingPlan",
    "plugin_bridge.audiowriter": "OutputFormat",
    "plugin_bridge.batch": "Job planned_jobs",
    "plugin_bridge.bounce": "Bounced Listener bounce:bounce_file",  # the module itself is called bounce
    "plugin_bridge.cast": "Cast",
    "plugin_bridge.chain": "Chain",
    "plugin_bridge.effects": "load_vst3",
    "plugin_bridge.engine": "Engine",
    "plugin_bridge.events": "AllNotesOff AnyEvent Event NoteOff NoteOn PitchBend",
    "plugin_bridge.live.settings": "DriverSettings LiveSettings",
    "plugin_bridge.live.supervisor": "LiveRig",
    "plugin_bridge.midifile": "read_midi",
    "plugin_bridge.parameters": "PARAMETERS Parameter",
    "plugin_bridge.planning": "Settings",
    "plugin_bridge.presets": "Preset load_preset preset_of save_preset shipped_presets",
    "plugin_bridge.score": "read_score write_score",
    "plugin_bridge.stage": "SingerConversion",
}
_PLACES = {
    name.partition(":")[2] or name: (module, name.partition(":")[0])
    for module, names in _NAMES.items()
    for name in names.split()
}
_EXTRAS = {"torch": "train", "onnx": "train"}

__all__ = [
    "PARAMETERS",
    "AllNotesOff",
    "AnyEvent",
    "AudioFileError",
    "Bounced",
    "BridgeError",
    "Cast",
    "Chain",
    "DeviceError",
    "DriverSettings",
    "EffectError",
    "Engine",
    "Event",
    "Facts",
    "Job",
    "Listener",
    "LiveRig",
    "LiveSettings",
    "Manifest",
    "MelodyExtractor",
    "MissingExtraError",
    "ModelFileError",
    "NoteOff",
    "NoteOn",
    "OutputError",
    "OutputFormat",
    "Parameter",
    "PitchBend",
    "Preset",
    "PresetError",
    "ScoreError",
    "SessionError",
    "Settings",
    "Singer",
    "SingerConversion",
    "SingerFileError",
    "TrainingError",
    "TrainingPlan",
    "Watcher",
    "bounce_file",
    "load_preset",
    "load_singer",
    "load_vst3",
    "planned_jobs",
    "preset_of",
    "read_midi",
    "read_score",
    "save_preset",
    "shipped_presets",
    "shipped_singers",
    "train_singer",
    "write_score",
]


if not TYPE_CHECKING:  # a type checker would take any name for a public one

    def __getattr__(name: str) -> object:
        """Load a public name from the module where it lives.

        Raises:
            AttributeError: no public name is called so.
            MissingExtraError: it needs an extra that is not installed.
        """
        if name not in _PLACES:
            raise AttributeError(f"plugin_bridge has no public name {name!r}; it has {', '.join(__all__)}")
        module, attribute = _PLACES[name]
        try:
            value: object = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(str(error.name).partition(".")[0])
            if extra is None:
                raise
            from dsp.errors import MissingExtraError  # noqa: PLC0415 - only here is it needed

            raise MissingExtraError(
                f"{name} needs {error.name}, which is missing; run: pip install 'plugin-bridge[{extra}]'"
            ) from error
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
