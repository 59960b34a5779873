"""Names of outputs from a pattern with fields in braces, such as `{stem}_{singer}_{transpose}.wav`."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

from plugin_bridge.control.parameters import PARAMETERS, Value

FIELDS = ("stem", "folder", "singer", "preset")
"""The input's name without its suffix; its folder below the one that a pattern or a folder of the plan names;
the singer's id, or the name of its file; the preset's name. Parameters are fields, too."""


def filled(pattern: str, fields: Mapping[str, str]) -> str:
    """Return a pattern with its fields filled in.

    Args:
        pattern: text with names in braces; `{{` and `}}` stand for braces.
        fields: what each name stands for.

    Raises:
        ValueError: a brace without its other, or a field that is unknown.
    """
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        raise ValueError(f"{pattern!r} has a brace without its other; double it to mean itself") from error
    text = ""
    for before, name, form, conversion in parts:
        text += before
        if name is None:
            continue
        if name not in fields or form or conversion:
            known = ", ".join([*FIELDS, "or a parameter, as {transpose}"])
            raise ValueError(f"{pattern!r} has a field {{{name}}}, which is unknown; use {known}")
        text += fields[name]
    return text


def fields_of(
    stem: str, folder: str, singer: str, preset: str, values: Mapping[str, Value]
) -> dict[str, str]:
    """Return the fields of a job.

    Args:
        stem: of the input.
        folder: see `FIELDS`.
        singer: id or path.
        preset: name or path.
        values: parameters by id that are not at their defaults.
    """
    shown = {name: _shown(values.get(name, row.default)) for name, row in PARAMETERS.items()}
    return shown | {"stem": stem, "folder": folder, "singer": Path(singer).stem, "preset": Path(preset).stem}


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return (
        f"{value:g}" if isinstance(value, float) else Path(value).stem if value.endswith(".onnx") else value
    )
