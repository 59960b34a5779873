"""Effects as data: what presets and pickles store of them, and the effects made from it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from plugin_bridge.chain.native import IMPULSE, check_flows, make_native, native_effects, native_parameters
from plugin_bridge.chain.vst3 import load_vst3, vst3_moved, vst3_path, vst3_state
from plugin_bridge.errors import EffectError

if TYPE_CHECKING:
    from pedalboard import Plugin

Word = Annotated[StrictStr, Field(max_length=4096)]
"""A name or a path; error messages repeat it."""
Scalar = StrictBool | StrictInt | StrictFloat | Word


class NativeEffect(BaseModel):
    """An effect of pedalboard; a file it names that is no full path starts at the preset."""

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
    """From `plugin_bridge.chain.vst3.vst3_state`."""
    parameters: dict[str, Annotated[float, Field(ge=0.0, le=1.0)]] = Field(default_factory=dict)
    """Positions 0..1 by name, set after the state."""


Effect = NativeEffect | Vst3Effect


@dataclass(frozen=True)
class Container:
    """A container of pedalboard and what it holds; in pickles only."""

    kind: str
    """Its class, such as "Mix"."""
    parts: tuple[Described, ...]


Described: TypeAlias = Effect | Container


def described(effect: Plugin) -> Effect:
    """Return a single effect as data.

    Raises:
        EffectError: it holds what cannot be written down, such as an impulse response that came from no file.
    """
    from pedalboard import VST3Plugin  # noqa: PLC0415 - loaded only where effects are

    if not isinstance(effect, VST3Plugin):
        return NativeEffect(effect=type(effect).__name__, parameters=native_parameters(effect))
    state = vst3_state(effect)
    moved = vst3_moved(effect, state)
    return Vst3Effect(vst3=str(vst3_path(effect)), plugin=effect.name, state=state, parameters=moved)


def described_all(effect: Plugin) -> Described:
    """Return an effect as data, or a container of effects; see `described`."""
    from pedalboard import PluginContainer  # noqa: PLC0415 - as above

    if isinstance(effect, PluginContainer):
        return Container(type(effect).__name__, tuple(described_all(part) for part in effect))
    return described(effect)


def made_of(effect: Described) -> Plugin:
    """Return an effect made of its data.

    Raises:
        EffectError: it is missing, or refuses its parameters or its state.
    """
    import pedalboard  # noqa: PLC0415 - as above

    if isinstance(effect, Container):
        made: Plugin = getattr(pedalboard, effect.kind)([made_of(part) for part in effect.parts])
        return made
    if isinstance(effect, NativeEffect):
        return make_native(effect.effect, effect.parameters)
    return load_vst3(Path(effect.vst3), effect.plugin, effect.state, effect.parameters)


def placed(effect: Effect, place: Callable[[str], str]) -> Effect:
    """Return an effect with the path of its file, if it has one, changed."""
    if isinstance(effect, Vst3Effect):
        return effect.model_copy(update={"vst3": place(effect.vst3)})
    file = effect.parameters.get(IMPULSE)
    if not isinstance(file, str):
        return effect
    return effect.model_copy(update={"parameters": {**effect.parameters, IMPULSE: place(file)}})
