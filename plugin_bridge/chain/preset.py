"""Presets: a singer, parameters and the effects around it, as TOML files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

import presets
from models.wholefile import Draft, unwritable
from plugin_bridge.chain.chain import Chain, flattened
from plugin_bridge.chain.effects import (
    check_flows,
    load_vst3,
    make_native,
    native_effects,
    native_parameters,
    vst3_moved,
    vst3_path,
    vst3_state,
)
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.stream import Simple
from plugin_bridge.control.parameters import Value, check_values
from plugin_bridge.engine.pitchtracking import USUAL, PitchName
from plugin_bridge.errors import EffectError, OutputError, PresetError
from plugin_bridge.files.tomlfile import read_toml

FORMAT = 1
PRESETS_FOLDER = Path(presets.__file__).parent
MAX_EFFECTS = 64
"""On each side of the singer."""
_MAX_BYTES = 64 * 2**20
Word = Annotated[StrictStr, Field(max_length=4096)]
"""A name or a path; error messages repeat it."""
Scalar = StrictBool | StrictInt | StrictFloat | Word


class NativeEffect(BaseModel):
    """An effect of pedalboard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: Word
    """Its class, such as "Reverb"."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        """Check the names; the values are checked when the effect is made."""
        try:
            check_flows(self.effect)
        except EffectError as error:
            raise ValueError(str(error)) from error
        known = native_effects()
        if self.effect not in known:
            raise ValueError(f"effect {self.effect!r} is unknown; use one of {', '.join(known)}")
        for key in self.parameters:
            if key not in known[self.effect]:
                allowed = ", ".join(known[self.effect]) or "none"
                raise ValueError(f"{self.effect} has no parameter {key!r}; use one of {allowed}")
        return self


class Vst3Effect(BaseModel):
    """A VST3 plug-in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vst3: Word
    """Path of the .vst3 file or bundle; a relative one starts at the preset."""
    plugin: Word | None = None
    """Which one, where the file holds several."""
    state: str | None = None
    """From `plugin_bridge.chain.effects.vst3_state`."""
    parameters: dict[str, Annotated[float, Field(ge=0.0, le=1.0)]] = Field(default_factory=dict)
    """Positions 0..1 by name, set after the state."""


Effect = NativeEffect | Vst3Effect


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
    before: Annotated[tuple[Effect, ...], Field(max_length=MAX_EFFECTS)] = ()
    """Effects before the singer."""
    after: Annotated[tuple[Effect, ...], Field(max_length=MAX_EFFECTS)] = ()
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
            SingerFileError: the singer is missing or is no singer.
        """
        return SingerConversion(self.singer, pitch=self.pitch or USUAL, parameters=self.values())

    def chain(self) -> Chain:
        """Return the singer between its effects.

        Raises:
            EffectError: an effect is missing, or refuses its parameters or its state.
            SingerFileError: the singer is missing or is no singer.
        """
        return Chain([*effects_of(self.before), self.stage(), *effects_of(self.after)])


def shipped_presets() -> dict[str, Path]:
    """Return the presets that come with the package: name of the file without its ending -> file."""
    return {path.stem: path for path in sorted(PRESETS_FOLDER.glob("*.toml"))}


def load_preset(which: str | Path) -> Preset:
    """Read a shipped preset by name, or any preset file by path.

    Raises:
        PresetError: there is no such preset, or the file is not one; the sentence says where.
    """
    return read_preset(find_preset(which))


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
    """Read a preset file; see `load_preset`."""
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
        before, after = _stored(stages[:place]), _stored(stages[place + 1 :])
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


def _stored(stages: Iterable[Simple]) -> tuple[Effect, ...]:
    from pedalboard import VST3Plugin  # noqa: PLC0415 - loaded only where effects are

    found: list[Effect] = []
    for stage in stages:
        if isinstance(stage, VST3Plugin):
            state = vst3_state(stage)
            moved = vst3_moved(stage, state)
            path = str(vst3_path(stage))
            found.append(Vst3Effect(vst3=path, plugin=stage.name, state=state, parameters=moved))
        elif not isinstance(stage, SingerConversion):
            found.append(NativeEffect(effect=type(stage).__name__, parameters=native_parameters(stage)))
    return tuple(found)


def effects_of(effects: Iterable[Effect]) -> list[Simple]:
    """Return the effects of one side of a preset, made anew.

    Raises:
        EffectError: an effect is missing, or refuses its parameters or its state.
    """
    return [_made(effect) for effect in effects]


def _made(effect: Effect) -> Simple:
    if isinstance(effect, NativeEffect):
        return make_native(effect.effect, effect.parameters)
    return load_vst3(Path(effect.vst3), effect.plugin, effect.state, effect.parameters)


def _placed(preset: Preset, place: Callable[[str], str]) -> Preset:
    """Return the preset with the paths of its files changed."""

    def moved(effect: Effect) -> Effect:
        if isinstance(effect, NativeEffect):
            return effect
        return effect.model_copy(update={"vst3": place(effect.vst3)})

    def singer(name: Scalar) -> Scalar:
        return place(name) if isinstance(name, str) and name.endswith(".onnx") else name

    return preset.model_copy(
        update={
            "singer": singer(preset.singer),
            "parameters": {key: singer(value) for key, value in preset.parameters.items()},
            "before": tuple(moved(effect) for effect in preset.before),
            "after": tuple(moved(effect) for effect in preset.after),
        }
    )


def _seen_from(folder: Path, file: str) -> str:
    """Return a path relative to a folder that holds it, else in full; a relative one starts where we are."""
    whole, home = Path(file).absolute(), folder.absolute()
    return str(whole.relative_to(home) if whole.is_relative_to(home) else whole)


def _first(error: ValidationError) -> str:
    """Return the first fault of a preset as a place and a sentence."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"]) or "as a whole"
    return f"{where}: {fault['msg'].removeprefix('Value error, ')}"
