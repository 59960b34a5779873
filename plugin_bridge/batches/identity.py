"""The id of a job: the SHA-256 of all that its output depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from models.content.file import shipped as shipped_encoder
from models.melody.tracker import SHIPPED as MELODY
from plugin_bridge.batches.expansion import PlannedJob
from plugin_bridge.batches.stamp import Files, Stamp, seen
from plugin_bridge.bounce.script import script_asked
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.chain.preset import Preset
from plugin_bridge.control.parameters import SINGERS
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.version import __version__

_FILES = {"singer", "preset", "parameters", "automation", "midi_map"}
_ELSEWHERE = {"block", "force"}
"""Settings on which no byte of the output depends."""


def depends_on(job: PlannedJob, known: Stamp | None = None) -> tuple[dict[str, Any], Stamp]:
    """Return what the output of a job depends on, and the stamp of its input.

    Files count by the SHA-256 of their bytes, not by their names, so that folders can move. Singers name the
    content encoder that they need, and the one that ships and the melody network stand beside the version.

    Args:
        job: of a plan.
        known: the stamp of an input as it was hashed before; one of the same size and time is not read again.

    Raises:
        BridgeError: a file that it names is missing or cannot be read.
        OSError: the input cannot be read.
    """
    settings = job.settings
    stamp = Stamp.of(job.source, known)
    script = script_asked(settings, 48000, 48000, lambda _: None)
    library = SingerLibrary()
    singers = {name: _hash(library.file_of(name)) for name in script.singers}
    values = {
        name: singers[str(value)] if name in SINGERS and value else value
        for name, value in settings.parameters.items()
    }
    return {
        "input": stamp.sha256,
        "singers": list(singers.values()),
        "singer": singers.get(settings.singer, ""),
        "preset": "" if settings.preset is None else _preset(settings.preset),
        "parameters": values,
        "automation": "" if settings.automation is None else _hash(settings.automation),
        "midi_map": "" if settings.midi_map is None else _hash(settings.midi_map),
        "settings": _rest(settings),
        "output": [job.form.container, job.form.bits, job.form.sample_rate],
        "engine": engine_facts(),
    }, stamp


def engine_facts() -> dict[str, str]:
    """Return the version, and the SHA-256 of the networks that ship and are no singers."""
    return {
        "plugin_bridge": __version__,
        "content": _hash(shipped_encoder()),
        "melody": _hash(MELODY),
    }


def id_of(parts: Mapping[str, Any]) -> str:
    """Return the id of a job, 64 hexadecimal digits.

    Args:
        parts: from `depends_on`.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the names of the parts that differ, those of tables with a dot."""
    found: list[str] = []
    for name in dict.fromkeys([*before, *now]):
        one, two = before.get(name), now.get(name)
        if isinstance(one, Mapping) and isinstance(two, Mapping):
            found += [f"{name}.{part}" for part in changed(one, two)]
        elif one != two:
            found.append(name)
    return found


def _rest(settings: BounceSettings) -> dict[str, Any]:
    names = [field.name for field in fields(settings) if field.name not in _FILES | _ELSEWHERE]
    return {name: getattr(settings, name) for name in names}


def _preset(preset: Preset) -> str:
    """Return the digest of a preset and of the files that it names."""
    data = preset.model_dump(exclude={"name", "description", "singer"})
    texts = sorted({str(value) for value in _texts(data) if isinstance(value, str)})
    files = [_hash(path) for path in map(Path, texts) if _is_there(path)]
    return id_of({"preset": _without_paths(data), "files": files})


def _texts(data: object) -> Iterable[object]:
    if isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _texts(value)
    else:
        yield data


def _without_paths(data: object) -> object:
    if isinstance(data, Mapping):
        return {key: _without_paths(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_without_paths(value) for value in data]
    return "" if isinstance(data, str) and _is_there(Path(data)) else data


def _is_there(path: Path) -> bool:
    try:
        return path.is_absolute() and path.exists()
    except (OSError, ValueError):  # too long, or no name at all: a state, not a path
        return False


def _hash(path: Path) -> str:
    """Return the SHA-256 of a file or of all files of a folder, read once while it stays as it is."""
    return _hashed(path, seen(path))


@lru_cache(maxsize=1024)
def _hashed(path: Path, files: Files) -> str:
    del files  # another file under the same name is another one
    return Stamp.of(path).sha256
