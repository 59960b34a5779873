"""What the engine asks of a singer, and the set of singers loaded for it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.synth import Synthesizer
from models.refiner.steps import steps_for
from models.singer.retired import retired
from plugin_bridge.control.events import AnyEvent, Event, check_event
from plugin_bridge.control.parameters import QUALITIES, Value
from plugin_bridge.errors import SingerFileError

if TYPE_CHECKING:
    from models.refiner.facts import Refiner

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


class Manifest(Protocol):
    """The facts that are read of a singer."""

    @property
    def f0_low(self) -> float:
        """5th percentile of the pitch of the singer's recordings in hertz."""

    @property
    def f0_median(self) -> float:
        """Median of it."""

    @property
    def f0_high(self) -> float:
        """95th percentile of it."""

    @property
    def refiner(self) -> Refiner | None:
        """The facts of its refiner, None without one."""


class RunningEncoder(Protocol):
    """A running content encoder."""

    def process(self, envelope: Float32) -> Float32:
        """Return what is sung in the next frames; see `models.content.file.RunningEncoder`."""

    def reset(self) -> None:
        """Return to the initial state."""


class ContentEncoder(Protocol):
    """A loaded content encoder; singers that were trained on the same one name the same object."""

    def start(self) -> RunningEncoder:
        """Return a fresh running copy."""


class Estimator(Protocol):
    """The running network of one singer."""

    def process(
        self,
        seen: Float32,
        movement: Float32,
        f0: Float64,
        voicing: Float64,
        loudness: Float64,
        likeness: Float64,
        steps: Float64,
    ) -> tuple[Float32, Float32]:
        """Return harmonic and noise log-magnitudes of the next frames; see `models.singer.file.Estimator`."""

    def reset(self) -> None:
        """Return to the initial state."""


class Singer(Protocol):
    """A loaded singer."""

    @property
    def id(self) -> str:
        """Its name in events."""

    @property
    def kind(self) -> str:
        """The synthesizer it drives."""

    @property
    def manifest(self) -> Manifest:
        """Its facts."""

    @property
    def content(self) -> ContentEncoder | None:
        """What describes to it what is sung; None for one that reads envelopes."""

    def start(self) -> Estimator:
        """Return a fresh estimator."""

    def synthesizer(self, sample_rate: int, seed: int = 0) -> Synthesizer:
        """Return a new synthesizer of its kind."""


AnySinger = str | Path | Singer
"""A shipped singer's id, the path of a singer file, or a loaded singer."""


def load_singers(singers: Sequence[AnySinger] | None) -> dict[str, Singer]:
    """Return loaded singers by id, in the order given; all that ship for None.

    Raises:
        TypeError: one name instead of a sequence.
        ValueError: no singer, or two of one id.
        SingerFileError: a file is missing or is not one.
    """
    if isinstance(singers, (str, Path)):
        raise TypeError(f"singers {singers!r} is one name; give a sequence such as ({str(singers)!r},)")
    loaded: dict[str, Singer] = {}
    for which in _shipped() if singers is None else singers:
        singer = _load(which) if isinstance(which, (str, Path)) else which
        if singer.id in loaded:
            raise ValueError(f"singer {singer.id!r} is given twice; give each singer once")
        loaded[singer.id] = singer
    if not loaded:
        raise ValueError("the set of singers is empty; give at least one singer")
    return loaded


def add_singer(found: dict[str, Singer], singer: Singer, name: str) -> None:
    """Add a singer to a set, once.

    Args:
        found: the set, by id.
        singer: another, or one of the set loaded again.
        name: by which it was asked for.

    Raises:
        SingerFileError: another singer of the set has the same id.
    """
    if not _is_same(found.setdefault(singer.id, singer), singer):
        raise SingerFileError(f"{name} is called {singer.id!r} like another singer; leave one out")


def id_in(loaded: Mapping[str, Singer], name: str) -> str:
    """Return the id of a loaded singer that is named by its id or by its file, or the name as it is."""
    if name in loaded or "\0" in name:
        return name
    paths = {one.id: getattr(one, "path", None) for one in loaded.values()}
    asked = os.path.realpath(name)
    return next((who for who, path in paths.items() if path and os.path.realpath(path) == asked), name)


def _is_same(one: Singer, other: Singer) -> bool:
    first, second = (getattr(singer, "path", None) for singer in (one, other))
    if isinstance(first, Path) and isinstance(second, Path):
        return first.resolve() == second.resolve()
    return one == other


def shares(values: Mapping[str, Value], ids: Sequence[str]) -> list[float]:
    """Return the weight of each singer of a set in the mix; they sum to 1.

    Args:
        values: parameters by id, `singer` among them.
        ids: the set.
    """
    first, second = values["singer"], values.get("morph_singer", "")
    share = float(values.get("morph", 0.0)) if second else 0.0
    return [(1.0 - share) * (name == first) + share * (name == second) for name in ids]


def heaviest(values: Mapping[str, Value], ids: Sequence[str]) -> int:
    """Return the index of the singer with the largest weight; see `shares`."""
    parts = shares(values, ids)
    return parts.index(max(parts))


def check_singer(name: str, value: object, ids: Collection[str]) -> None:
    """Refuse a singer that is not in a set.

    Args:
        name: of a parameter.
        value: its new value.
        ids: the set.

    Raises:
        ValueError: the parameter is a singer, and the value not one of the set.
    """
    named = name == "singer" or (name == "morph_singer" and value != "")
    if named and value not in ids:
        if left := retired(str(value)):
            raise ValueError(f"{name} {value!r} {left}")
        known = ", ".join(ids)
        raise ValueError(f"{name} {value!r} is not in the set; use one of {known} or add it to singers")


def check_events(events: Iterable[AnyEvent], ids: Collection[str]) -> list[AnyEvent]:
    """Return events with positions and values in canonical types: at the door of a process, and once.

    Args:
        events: from a network, a cable or a program.
        ids: the set of singers.

    Raises:
        TypeError: not an event, or a value or position of the wrong type.
        ValueError: an unknown parameter or singer, or a value or position out of range.
    """
    checked = [check_event(event) for event in events]
    for event in checked:
        if isinstance(event, Event):
            check_singer(event.parameter, event.value, ids)
    return checked


def qualities(manifest: Manifest) -> dict[str, int]:
    """Return the words of `quality` for which a singer has a sound of its own, each with its steps."""
    available = manifest.refiner.steps if manifest.refiner else ()
    found: dict[str, int] = {}
    for word, asked in QUALITIES.items():
        steps = steps_for(asked, available)
        if steps not in found.values():
            found[word] = steps
    return found


def file_of(singer: Singer) -> str:
    """Return the path of a singer's file, empty for one that ships or has none."""
    from models.singer.file import shipped  # noqa: PLC0415 - as below

    path = getattr(singer, "path", None)
    ships = path is None or path.resolve() in {ours.resolve() for ours in shipped().values()}
    return "" if ships else str(path)


def named_by(singer: Singer) -> AnySinger:
    """Return what loads a singer in another process: its id if it ships, its file, or itself without one."""
    if not hasattr(singer, "path"):
        return singer
    path = file_of(singer)
    return Path(path).absolute() if path else singer.id


def _shipped() -> list[str]:
    from models.singer.file import shipped  # noqa: PLC0415 - as below

    return list(shipped())


def _load(which: str | Path) -> Singer:
    from models.singer.file import load_singer  # noqa: PLC0415 - onnxruntime is loaded only where a singer is

    return load_singer(which)
