"""A singer's voice as a plug-in you can script: everything users import stands here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from plugin_bridge.shadowing import check_rooms
from plugin_bridge.version import __version__ as __version__

check_rooms()

if TYPE_CHECKING:
    from models.extractor.runtime import MelodyExtractor
    from models.guide.guide import Guide, GuideSettings
    from models.notes import Note
    from models.singer.file import Singer, load_singer
    from models.singer.file import shipped as shipped_singers
    from models.singer.manifest import Manifest
    from models.training.enrolment.enrol import enrol_singer
    from models.training.singer.recipe import SingerFacts, TrainingListener, train_singer
    from models.training.singer.training import Plan as TrainingPlan
    from plugin_bridge.batches.cluster import on_cluster
    from plugin_bridge.batches.expansion import PlannedJob, planned_jobs
    from plugin_bridge.batches.report import write_report
    from plugin_bridge.batches.running import PlanListener, PlanRow, on_cores, run_plan
    from plugin_bridge.bounce.batch import BounceJob, plan_jobs
    from plugin_bridge.bounce.bounce import BounceListener, BounceResult
    from plugin_bridge.bounce.bounce import bounce as bounce_file
    from plugin_bridge.bounce.many import BatchListener, BounceOutcome, bounce_files
    from plugin_bridge.bounce.settings import BounceSettings
    from plugin_bridge.chain.chain import Chain
    from plugin_bridge.chain.preset import Preset, load_preset, preset_of, save_preset, shipped_presets
    from plugin_bridge.chain.stage import SingerConversion
    from plugin_bridge.chain.vst3 import load_vst3
    from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
    from plugin_bridge.control.parameters import PARAMETERS, Parameter
    from plugin_bridge.control.score import read_score, write_score
    from plugin_bridge.engine.engine import Engine
    from plugin_bridge.engine.library import SingerLibrary
    from plugin_bridge.errors import (
        AudioFileError,
        BackingError,
        BridgeError,
        DeviceError,
        EffectError,
        MissingExtraError,
        ModelFileError,
        OutputError,
        PlanError,
        PresetError,
        ScoreError,
        SessionError,
        SingerFileError,
        TrainingError,
    )
    from plugin_bridge.files.writer import OutputFormat
    from plugin_bridge.live.rig.liverig import LiveRig
    from plugin_bridge.live.settings import DriverSettings, LiveSettings
    from plugin_bridge.midi.file import read_midi
    from plugin_bridge.midi.notesfile import read_notes, write_notes
    from plugin_bridge.singing.guide import GuideFiles, GuideResult, make_guide
    from plugin_bridge.singing.sing import SungMelody, sing

# Loaded at first use, so that the import stays quick and a command pays only for what it needs.
_NAMES = {
    "plugin_bridge.errors": "AudioFileError BackingError BridgeError DeviceError EffectError "
    "MissingExtraError ModelFileError OutputError PlanError PresetError ScoreError SessionError "
    "SingerFileError TrainingError",
    "models.extractor.runtime": "MelodyExtractor",
    "models.guide.guide": "Guide GuideSettings",
    "models.notes": "Note",
    "models.singer.manifest": "Manifest",
    "models.training.singer.recipe": "SingerFacts TrainingListener train_singer",
    "models.training.enrolment.enrol": "enrol_singer",
    "models.singer.file": "Singer load_singer shipped:shipped_singers",
    "models.training.singer.training": "Plan:TrainingPlan",
    "plugin_bridge.files.writer": "OutputFormat",
    "plugin_bridge.batches.cluster": "on_cluster",
    "plugin_bridge.batches.expansion": "PlannedJob planned_jobs",
    "plugin_bridge.batches.report": "write_report",
    "plugin_bridge.batches.running": "PlanListener PlanRow on_cores run_plan",
    "plugin_bridge.bounce.batch": "BounceJob plan_jobs",
    "plugin_bridge.bounce.bounce": "BounceResult BounceListener bounce:bounce_file",
    "plugin_bridge.bounce.many": "BatchListener BounceOutcome bounce_files",
    "plugin_bridge.engine.library": "SingerLibrary",
    "plugin_bridge.chain.chain": "Chain",
    "plugin_bridge.chain.vst3": "load_vst3",
    "plugin_bridge.engine.engine": "Engine",
    "plugin_bridge.control.events": "AllNotesOff AnyEvent Event NoteOff NoteOn PitchBend",
    "plugin_bridge.live.settings": "DriverSettings LiveSettings",
    "plugin_bridge.live.rig.liverig": "LiveRig",
    "plugin_bridge.midi.file": "read_midi",
    "plugin_bridge.midi.notesfile": "read_notes write_notes",
    "plugin_bridge.singing.guide": "GuideFiles GuideResult make_guide",
    "plugin_bridge.singing.sing": "SungMelody sing",
    "plugin_bridge.control.parameters": "PARAMETERS Parameter",
    "plugin_bridge.bounce.settings": "BounceSettings",
    "plugin_bridge.chain.preset": "Preset load_preset preset_of save_preset shipped_presets",
    "plugin_bridge.control.score": "read_score write_score",
    "plugin_bridge.chain.stage": "SingerConversion",
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
    "BackingError",
    "BatchListener",
    "BounceJob",
    "BounceListener",
    "BounceOutcome",
    "BounceResult",
    "BounceSettings",
    "BridgeError",
    "Chain",
    "DeviceError",
    "DriverSettings",
    "EffectError",
    "Engine",
    "Event",
    "Guide",
    "GuideFiles",
    "GuideResult",
    "GuideSettings",
    "LiveRig",
    "LiveSettings",
    "Manifest",
    "MelodyExtractor",
    "MissingExtraError",
    "ModelFileError",
    "Note",
    "NoteOff",
    "NoteOn",
    "OutputError",
    "OutputFormat",
    "Parameter",
    "PitchBend",
    "PlanError",
    "PlanListener",
    "PlanRow",
    "PlannedJob",
    "Preset",
    "PresetError",
    "ScoreError",
    "SessionError",
    "Singer",
    "SingerConversion",
    "SingerFacts",
    "SingerFileError",
    "SingerLibrary",
    "SungMelody",
    "TrainingError",
    "TrainingListener",
    "TrainingPlan",
    "bounce_file",
    "bounce_files",
    "enrol_singer",
    "load_preset",
    "load_singer",
    "load_vst3",
    "make_guide",
    "on_cluster",
    "on_cores",
    "plan_jobs",
    "planned_jobs",
    "preset_of",
    "read_midi",
    "read_notes",
    "read_score",
    "run_plan",
    "save_preset",
    "shipped_presets",
    "shipped_singers",
    "sing",
    "train_singer",
    "write_notes",
    "write_report",
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
            from models.errors import MissingExtraError, how_to_install  # noqa: PLC0415 - only here is it needed

            raise MissingExtraError(
                f"{name} needs {error.name}, which is not installed; {how_to_install(extra)}"
            ) from None  # a script that imports the name shows one sentence, not two tracebacks
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
