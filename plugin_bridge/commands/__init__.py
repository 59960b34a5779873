"""The commands: a module each, with `add_options(parser)` and `run(arguments) -> exit status`.

Only the module of the command that is asked for is imported, and what is heavy only when it runs.
"""

from __future__ import annotations

COMMANDS = {
    "bounce": "turn stems into another singer's",
    "live": "sing live",
    "devices": "list sound cards, JACK and MIDI ports",
    "singers": "list the singers",
    "params": "list the parameters",
    "train": "train a singer from recordings",
    "extractor": "train a melody extractor on HuBERT or WavLM",
    "evaluate": "score conversions and copies",
    "bench": "measure speed and memory",
}
"""What each does, in the order of the help."""


class UsageError(Exception):
    """Options that do not fit together: one sentence, exit status 2."""
