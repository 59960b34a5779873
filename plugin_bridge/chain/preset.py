"""Presets: a singer, parameters and the effects around it, as TOML files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

import presets
from models.wholefile import Draft, unwritable
from plugin_bridge.chain.chain import Chain, flattened
from plugin_bridge.chain.effects import (
    Effect,
    NativeEffect,
    Scalar,
    Vst3Effect,
    Word,
    described,
    made_of,
    placed,
)
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.stream import Simple
from plugin_bridge.chain.vst3 import is_installed, plugin_folders
from plugin_bridge.control.parameters import Value, check_values
from plugin_bridge.engine.pitchtracking import USUAL, PitchName
from plugin_bridge.errors import EffectError, OutputError, PresetError
from plugin_bridge.files.tomlfile import read_toml

FORMAT = 1
PRESETS_FOLDER = Path(presets.__file__).parent
MAX_EFFECTS = 64
"""On each side of the singer."""
_MAX_BYTES = 64 * 2**20


def _kind(effect: object) -> str:
    is_vst3 = isinstance(effect, Vst3Effect) or (isinstance(effect, Mapping) and "vst3" in effect)
    return "vst3" if is_vst3 else "native"


_StoredEffect = Annotated[
    Annotated[NativeEffect, Tag("native")] | Annotated[Vst3Effect, Tag("vst3")], Discriminator(_kind)
]
"""An `Effect`, whose faults are told of its own kind."""
_FAULTS = {
    "missing": "it is missing",
    "extra_forbidden": "it is unknown",
    "tuple_type": "it must be a list",
    "dict_type": "it must be a table",
    "model_type": "it must be a table",
    "bool_type": "it must be a number, a switch or a word",  # the first that is tried of a `Scalar`
    "string_type": "it must be a word",
}
"""What pydantic says of a preset, in the words of its file."""


class Preset(BaseModel):
    """What a preset file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[int, Field(ge=1)] = FORMAT
    name: Annotated[str, Field(min_length=1, max_length=100)]
    description: str = ""
    singer: Annotated[Word, Field(min_length=1)]
    """Id of a shipped singer, or path of a singer file; a relative path starts at the preset."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    """By id; the others have their defaults."""
    pitch: PitchName | Literal[""] = ""
    """How the pitch of the source is heard; empty for the usual way."""
    before: Annotated[tuple[_StoredEffect, ...], Field(max_length=MAX_EFFECTS)] = ()
    """Effects before the singer."""
    after: Annotated[tuple[_StoredEffect, ...], Field(max_length=MAX_EFFECTS)] = ()
    """Effects after it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Check the parameters against the table."""
        if "singer" in self.parameters:
            raise ValueError("the singer stands at the top of a preset, not among its parameters; move it")
        try:
            check_values(self.parameters)
        except TypeError as error:
            raise ValueError(str(error)) from error
        return self

    def values(self) -> dict[str, Value]:
        """Return the parameters in canonical types, without the singer."""
        return check_values(self.parameters)

    def stage(self) -> SingerConversion:
        """Return the singer with its parameters.

        Raises:
            SingerFileError: the singer is missing or is not one.
        """
        return SingerConversion(self.singer, pitch=self.pitch or USUAL, parameters=self.values())

    def chain(self) -> Chain:
        """Return the singer between its effects.

        Raises:
            EffectError: an effect is missing, or refuses its parameters or its state.
            SingerFileError: the singer is missing or is not one.
        """
        return Chain([*effects_of(self.before), self.stage(), *effects_of(self.after)])


def shipped_presets() -> dict[str, Path]:
    """Return the presets that come with the package: name of the file without its ending -> file."""
    return {path.stem: path for path in sorted(PRESETS_FOLDER.glob("*.toml"))}


def load_preset(which: str | Path, *, trusted: bool = False) -> Preset:
    """Read a shipped preset by name, or any preset file by path.

    Args:
        which: the name or the path.
        trusted: let it name VST3 plug-ins anywhere on the disk. A plug-in is code that runs when the chain is
            made, so those of somebody else's preset must lie in the system's plug-in folders.

    Raises:
        PresetError: there is no such preset, the file is not one, or it names a plug-in elsewhere without
            being trusted; the sentence says where.
    """
    path = find_preset(which)
    preset = read_preset(path)
    if not trusted:
        _check_plugins(preset, path)
    return preset


def _check_plugins(preset: Preset, path: Path) -> None:
    for effect in (*preset.before, *preset.after):
        if isinstance(effect, Vst3Effect) and not is_installed(Path(effect.vst3)):
            folders = ", ".join(map(str, plugin_folders()))
            raise PresetError(
                f"{path} would run the plug-in {effect.vst3}, which is in none of this system's plug-in "
                f"folders ({folders}); install it there, or trust the preset: --trust-preset on the command "
                "line, load_preset(..., trusted=True) in a script"
            )


def find_preset(which: str | Path) -> Path:
    """Return the file of a preset.

    Raises:
        PresetError: there is none.
    """
    known = shipped_presets()
    path = known.get(str(which), Path(which))
    if not path.is_file():
        names = ", ".join(known)
        raise PresetError(f"preset {str(which)!r} is not there; use one of {names}, or the path of a file")
    return path


def read_preset(path: Path) -> Preset:
    """Read a preset file, whichever plug-ins it names; see `load_preset`."""
    data = read_toml(path, "preset", PresetError, _MAX_BYTES)
    version = data.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise PresetError(f"{path} has preset format {version} and this version reads up to {FORMAT}; update")
    try:
        return _placed(Preset.model_validate(data), lambda file: str(path.parent / file))
    except ValidationError as error:
        raise PresetError(f"{path}, {_first(error)}; correct the preset") from error


def save_preset(preset: Preset, path: Path, *, force: bool = False) -> None:
    """Write a preset file, whole or not at all.

    The files it names are written as seen from its folder where they lie in it, so that the folder can move,
    and in full where they do not.

    Args:
        preset: what to write.
        path: the file.
        force: replace a file that is there.

    Raises:
        OutputError: the file exists, or cannot be written.
    """
    with Draft(path, force=force) as draft:
        stored = _placed(preset, lambda file: _seen_from(path.parent, file))
        text = tomli_w.dumps({"format": FORMAT} | stored.model_dump(exclude_defaults=True))
        try:
            draft.path.write_text(text, "utf-8")
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{path} cannot hold {error.object[error.start : error.end]!r}; leave it out"
            ) from error
        except OSError as error:
            raise unwritable(path, error) from error
        draft.commit()


def preset_of(chain: Chain, name: str, description: str = "") -> Preset:
    """Return a preset that makes a chain of one singer and effects again.

    Raises:
        PresetError: the chain does not hold exactly one singer, or an effect cannot be stored.
    """
    stages = list(flattened(chain))
    singers = [i for i, stage in enumerate(stages) if isinstance(stage, SingerConversion)]
    if len(singers) != 1:
        raise PresetError(
            f"a preset holds one singer and the chain has {len(singers)}; store them one by one"
        )
    place = singers[0]
    stage = stages[place]
    assert isinstance(stage, SingerConversion)
    values, sources = stage.parameters, stage.sources
    try:
        before, after = (
            tuple(described(stage) for stage in part if not isinstance(stage, SingerConversion))
            for part in (stages[:place], stages[place + 1 :])
        )
    except EffectError as error:
        raise PresetError(str(error)) from error
    return Preset(
        name=name,
        description=description,
        singer=sources[str(values.pop("singer"))],
        parameters={key: sources.get(str(value), value) for key, value in values.items()},
        pitch="" if stage.pitch == USUAL else stage.pitch,
        before=before,
        after=after,
    )


def effects_of(effects: Iterable[Effect]) -> list[Simple]:
    """Return the effects of one side of a preset, made anew.

    Raises:
        EffectError: an effect is missing, or refuses its parameters or its state.
    """
    return [made_of(effect) for effect in effects]


def _placed(preset: Preset, place: Callable[[str], str]) -> Preset:
    """Return the preset with the paths of its files changed."""

    def singer(name: Scalar) -> Scalar:
        return place(name) if isinstance(name, str) and name.endswith(".onnx") else name

    return preset.model_copy(
        update={
            "singer": singer(preset.singer),
            "parameters": {key: singer(value) for key, value in preset.parameters.items()},
            "before": tuple(placed(effect, place) for effect in preset.before),
            "after": tuple(placed(effect, place) for effect in preset.after),
        }
    )


def _seen_from(folder: Path, file: str) -> str:
    """Return a path relative to a folder that holds it, else in full; a relative one starts where we are."""
    whole, home = Path(file).absolute(), folder.absolute()
    return str(whole.relative_to(home) if whole.is_relative_to(home) else whole)


def _first(error: ValidationError) -> str:
    """Return the first fault of a preset as a place and a sentence."""
    fault = error.errors()[0]
    place = list(fault["loc"][: -1 if fault["type"] == "bool_type" else None])  # without the kind of scalar
    if len(place) > 1 and isinstance(place[1], int):
        place[:3] = [f"effect {place[1] + 1} {place[0]} the singer"]  # the third is its kind
    where = ", ".join(map(str, place)) or "as a whole"
    return f"{where}: {_FAULTS.get(fault['type']) or fault['msg'].removeprefix('Value error, ')}"
