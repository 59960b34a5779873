"""The commands: a module each, with `add_options(parser)` and `run(arguments) -> exit status`.

Only the module of the chosen command is imported; heavy imports wait until it runs.
"""

from __future__ import annotations

COMMANDS = {
    "bounce": "convert stems to another singer's voice",
    "batch": "make what a plan of many bounces asks for",
    "sing": "sing a melody from a MIDI file",
    "notes": "write the notes of a vocal as a MIDI file",
    "guide": "compose a melody to a backing track and sing it",
    "live": "convert a voice live",
    "plugin": "install the plug-in for DAWs (VST3, CLAP, LV2)",
    "devices": "list sound cards, JACK and MIDI ports",
    "singers": "list the singers and their licences",
    "params": "list the parameters",
    "inspect": "draw spectrogram, pitch, level and voicing",
    "train": "train a singer from recordings",
    "enrol": "make a singer of half a minute of a voice",
    "extractor": "train a melody extractor on HuBERT or WavLM",
    "evaluate": "score conversions, singers and pitch trackers",
    "bench": "measure speed and memory",
}
"""What each command does, in the order of the help."""


class UsageError(Exception):
    """Options that do not fit together: one sentence, exit status 2."""
