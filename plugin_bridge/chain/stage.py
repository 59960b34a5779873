"""`SingerConversion`: the engine as a stage of a pedalboard script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from dsp.units import hop_size, hz_to_semitones, semitones_to_ratio
from plugin_bridge.chain.hosting import Host, OwnHost, Run
from plugin_bridge.chain.shapes import (
    Audio,
    Float32,
    Layout,
    check_buffer,
    check_rate,
    check_samples,
    layout_of,
)
from plugin_bridge.chain.streaming import Streaming, check_form
from plugin_bridge.control.events import AnyEvent, Event, NoteOff, NoteOn, PitchBend, at_start, check_event
from plugin_bridge.control.parameters import (
    PARAMETERS,
    SINGERS,
    Value,
    as_float,
    check_values,
    is_number,
    parameter,
)
from plugin_bridge.engine.engine import LATENCY_HOPS, Engine
from plugin_bridge.engine.pitchtracking import USUAL, PitchName, check_pitch
from plugin_bridge.engine.rendering import dropped, followed_by_silence, taken
from plugin_bridge.engine.singers import (
    AnySinger,
    Singer,
    add_singer,
    file_of,
    heaviest,
    id_in,
    load_singers,
    named_by,
)
from plugin_bridge.engine.sourcepitch import octave_shift, whole_pitch
from plugin_bridge.errors import SingerFileError


class SingerConversion(Streaming):
    """Sing a recording with another voice: `SingerConversion("nit", transpose=12)(audio, 48000)`.

    Every parameter of the table is an attribute; set between two blocks of a stream, it acts from the next
    sample on, smoothed. `at`, `note` and `bend` write automation in seconds from the start.

    Args:
        singer: id of a shipped singer, path of a singer file, or a loaded singer.
        singers: others to switch or morph to while a stream runs. Those that parameters and automation name
            beforehand are added by themselves.
        seed: of the noise; the same seed gives the same samples.
        pitch: the tracker of the source's pitch: "periodicity", for a voice alone, or "melody", for one
            that music plays along with.
        parameters: initial values by id.
        **more: the same, as keywords.

    Raises:
        TypeError: a value has the wrong type.
        ValueError: an unknown parameter, a value out of range, or no such way to hear pitch.
        SingerFileError: a singer file is missing, is not one, or has the id of another one here.
    """

    __slots__ = ("_automation", "_layout", "_loaded", "_pitch", "_run", "_seed", "_values")

    def __init__(
        self,
        singer: AnySinger,
        *,
        singers: Sequence[AnySinger] = (),
        seed: int = 0,
        pitch: str = USUAL,
        parameters: Mapping[str, Value] | None = None,
        **more: Value,
    ) -> None:
        values = check_values({**(parameters or {}), **more})
        self._loaded: dict[str, Singer] = load_singers([singer])
        self._seed = seed
        self._pitch = check_pitch(pitch)
        self._automation: list[tuple[float, AnyEvent]] = []
        self._run: Run | None = None
        self._layout: Layout | None = None
        self._values: dict[str, Value] = {"singer": next(iter(self._loaded))}
        for other in singers:
            (singer,) = load_singers([other]).values()
            add_singer(self._loaded, singer, str(getattr(other, "path", other)))
        for name, value in values.items():
            self._values[name] = self._named(name, value, self._loaded)

    def __getattr__(self, name: str) -> Value:
        """Return a parameter's value.

        Raises:
            AttributeError: no such parameter; the sentence lists the known ones.
        """
        if name not in PARAMETERS:
            raise AttributeError(_unknown(name))
        return self._values.get(name, PARAMETERS[name].default)

    def __setattr__(self, name: str, value: object) -> None:
        """Set a parameter; see the class.

        Raises:
            AttributeError: no such parameter; the sentence lists the known ones.
            TypeError: the value has the wrong type.
            ValueError: the value is out of range, or a singer that the running stream does not have.
            SingerFileError: as for the class.
        """
        if name in SingerConversion.__slots__:
            object.__setattr__(self, name, value)
            return
        if name not in PARAMETERS:
            raise AttributeError(_unknown(name))
        if self._run is None:
            self._values[name] = self._named(name, parameter(name).check(value), self._loaded)
            return
        checked = parameter(name).check(value)
        if name in SINGERS:
            checked = id_in(self._loaded, str(checked))
        host = self._run.host
        self._run.engine.schedule([Event(host.local(host.now()), name, checked)])
        self._values[name] = checked

    def __copy__(self) -> Self:
        """Return a stage with the same values and automation, to be changed apart; no stream runs in it."""
        made = object.__new__(type(self))
        for name in SingerConversion.__slots__:
            value = getattr(self, name)
            object.__setattr__(made, name, value.copy() if isinstance(value, dict | list) else value)
        made._run = None
        return made

    def __reduce__(self) -> tuple[Callable[..., SingerConversion], tuple[object, ...]]:
        """Pickle the singers by their files, the values and the automation, without the stream that runs.

        Unpickling raises `SingerFileError` where a file is gone, or holds a singer of another id by then.
        """
        singers = {name: named_by(singer) for name, singer in self._loaded.items()}
        return _stage_of, (singers, self._seed, self._pitch, self._values, self._automation)

    def __deepcopy__(self, _: object) -> Self:
        """Return the same; loaded singers do not change and are shared."""
        return self.__copy__()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._values.items() if name != "singer")
        return f"SingerConversion({self._values['singer']!r}{', ' if values else ''}{values})"

    @property
    def pitch(self) -> PitchName:
        """How the pitch of the source is heard."""
        return self._pitch

    @property
    def parameters(self) -> dict[str, Value]:
        """The values that were set, by id; the others have their defaults."""
        return dict(self._values)

    @property
    def sources(self) -> dict[str, str]:
        """Where the singers of the set come from: id -> id, or -> path of a file that does not ship."""
        return {name: file_of(singer) or name for name, singer in self._loaded.items()}

    def latency_at(self, sample_rate: float) -> int:
        """Return the samples from input to output of a stream at a rate in hertz.

        Raises:
            ValueError: the rate is not native.
        """
        return LATENCY_HOPS * hop_size(check_rate(sample_rate))

    def at(self, seconds: float, **values: Value) -> Self:
        """Change parameters at a time; return the stage, so that calls can be chained.

        Args:
            seconds: from the start of the audio, >= 0.
            **values: new values by id.

        Raises:
            TypeError: a value has the wrong type.
            ValueError: an unknown parameter, a value out of range, a time before 0, or a singer that the
                running stream does not have.
            SingerFileError: as for the class.
        """
        loaded = dict(self._loaded)
        self._write(
            (seconds, Event(0, name, self._named(name, value, loaded)))
            for name, value in check_values(values).items()
        )
        self._loaded = loaded
        return self

    def note(self, start: float, stop: float, note: float) -> Self:
        """Play a note, heard while `melody` is on; return the stage.

        Args:
            start: seconds from the start of the audio.
            stop: seconds, after `start`.
            note: MIDI note number, 0..127, fractions allowed.

        Raises:
            ValueError: a time before 0, an end before the start, or a note out of range.
        """
        if not stop > start:
            raise ValueError(f"note from {start!r} to {stop!r} s has no length; end it after its start")
        return self._write([(start, NoteOn(0, note)), (stop, NoteOff(0, note))])

    def bend(self, seconds: float, semitones: float) -> Self:
        """Bend the notes from a time on, in semitones; return the stage.

        Raises:
            ValueError: a time before 0, or a bend out of range.
        """
        return self._write([(seconds, PitchBend(0, semitones))])

    def __call__(
        self,
        audio: Audio,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        *,
        events: Iterable[AnyEvent] = (),
    ) -> Float32:
        """Convert audio, in the call shape of a pedalboard effect.

        Args:
            audio: float32 or float64 in -1..1, shape (samples,), (channels, samples) or (samples, channels),
                1 or 2 channels; a stream keeps the layout of its first block.
            sample_rate: a native rate in hertz.
            buffer_size: for the sake of the call shape; the samples do not depend on it.
            reset: True converts a whole recording, as long as before and without delay; `transpose` "auto"
                then knows its median pitch. False converts the next block of a stream, `latency` samples
                late.
            events: further automation, positions in samples of the recording or of the stream.

        Returns:
            float32 in the shape of `audio`.

        Raises:
            TypeError: not an array of floats.
            ValueError: another shape, or one that can be read both ways; samples scaled as whole numbers, or
                not finite in a whole recording; a rate that is not native; or a stream that changes its rate,
                channels or layout.
        """
        check_buffer(buffer_size)
        rate = check_rate(sample_rate)
        if reset:
            layout = layout_of(audio)
            return layout.restored(self._whole(layout.rows(audio), rate, events))
        layout = layout_of(audio, self._layout if self._run is not None else None, streamed=True)
        out = layout.restored(self._block(layout.rows(audio), rate, events))
        self._layout = layout
        return out

    process = __call__

    def reset(self) -> None:
        """End the stream that runs; the next block starts a new one with the values of now."""
        self._run = None

    def let_go(self, host: Host) -> None:
        """End the stream that runs if it is this host's."""
        if self._run is not None and self._run.host is host:
            self._run = None

    def start(
        self,
        sample_rate: int,
        channels: int,
        source_pitch: float = 0.0,
        host: Host | None = None,
    ) -> Engine:
        """Start a stream and return its engine, for a host that runs it.

        Args:
            sample_rate: a native rate in hertz.
            channels: 1 or 2.
            source_pitch: median pitch of the source in hertz, where it is known beforehand.
            host: who runs the engine; the stage itself for None.
        """
        values = dict(self._values)
        if source_pitch > 0.0:
            values.setdefault("source_pitch", min(source_pitch, PARAMETERS["source_pitch"].high))
        engine = Engine(
            sample_rate,
            channels,
            list(self._loaded.values()),
            seed=self._seed,
            parameters=values,
            pitch=self._pitch,
        )
        self._run, self._layout = Run(engine, host or OwnHost(engine)), None
        self._schedule(self._automation)
        return engine

    def needs_source_pitch(self, more: Iterable[AnyEvent] = ()) -> bool:
        """Return whether `transpose` "auto" is used, here or in more events, without a given source pitch."""
        written = [*(event for _, event in self._automation), *more]
        events = [event for event in written if isinstance(event, Event)]
        given = "source_pitch" in self._values or any(event.parameter == "source_pitch" for event in events)
        return not given and (self.transpose == "auto" or any(event.value == "auto" for event in events))

    def pitch_sung(self, heard: float, sample_rate: int, more: Iterable[AnyEvent] = ()) -> float:
        """Return the median pitch in hertz of what is sung as a recording begins, 0 where that is not known.

        Args:
            heard: median pitch of the recording in hertz, 0 where it is not known.
            sample_rate: hertz.
            more: checked events besides the automation, positions in samples.
        """
        written = [replace(event, position=round(time * sample_rate)) for time, event in self._automation]
        start = at_start({"source_pitch": heard, **self._values}, [*written, *more])
        if heard == 0.0 or start.get("melody"):
            return 0.0
        if start.get("bypass"):
            return heard
        interval, source = start.get("transpose", "auto"), float(start["source_pitch"])
        if interval == "auto" and source == 0.0:
            return 0.0
        if interval == "auto":
            singer = list(self._loaded.values())[heaviest(start, list(self._loaded))]
            interval = octave_shift(hz_to_semitones(source), hz_to_semitones(singer.manifest.f0_median))
        return heard * semitones_to_ratio(float(interval))

    def _whole(self, rows: Float32, rate: int, events: Iterable[AnyEvent]) -> Float32:
        check_samples(rows, rate)
        events = list(events)
        pitch = whole_pitch(rows, rate, self._pitch) if self.needs_source_pitch(events) else 0.0
        engine = self.start(rate, rows.shape[0], pitch)
        engine.offline = True
        try:
            engine.schedule(events)
            sound = (engine.process(x) for x in followed_by_silence([rows], rows.shape[0]))
            return np.concatenate(list(taken(dropped(sound, engine.latency), rows.shape[1])), axis=1)
        finally:
            self._run = None

    def _block(self, rows: Float32, rate: int, events: Iterable[AnyEvent]) -> Float32:
        check_samples(rows, rate, 0 if self._run is None else self._run.engine.position, streamed=True)
        engine = self._run.engine if self._run is not None else self.start(rate, rows.shape[0])
        check_form((engine.sample_rate, engine.channels), (rate, rows.shape[0]))
        return engine.process(rows, events)

    def _running(self) -> Engine | None:
        return None if self._run is None else self._run.engine

    def _named(self, name: str, value: Value, loaded: dict[str, Singer]) -> Value:
        """Load a singer that is named by id or path into a set; return its id."""
        if name not in SINGERS or value == "":
            return value
        known = id_in(loaded, str(value))
        if known in loaded:
            return known
        (singer,) = load_singers([str(value)]).values()
        add_singer(loaded, singer, str(value))
        return singer.id

    def _write(self, written: Iterable[tuple[float, AnyEvent]]) -> Self:
        checked = [(_seconds(time), check_event(event)) for time, event in written]
        self._schedule(checked)
        self._automation.extend(checked)
        return self

    def _schedule(self, written: Iterable[tuple[float, AnyEvent]]) -> None:
        if self._run is None:
            return
        engine, host = self._run
        engine.schedule(
            replace(event, position=max(0, host.local(round(time * engine.sample_rate))))
            for time, event in written
        )


def _seconds(value: object) -> float:
    if not is_number(value):
        raise TypeError(f"time {value!r} is not a number; give seconds from 0")
    seconds = as_float(value)
    if not 0.0 <= seconds < 1e6:
        raise ValueError(f"time {value!r} is out of range; give seconds from 0")
    return seconds


def _unknown(name: str) -> str:
    return f"SingerConversion has no parameter {name!r}; use one of {', '.join(PARAMETERS)}"


def _stage_of(
    singers: Mapping[str, AnySinger],
    seed: int,
    pitch: str,
    values: Mapping[str, Value],
    automation: list[tuple[float, AnyEvent]],
) -> SingerConversion:
    first, *others = load_singers(list(singers.values())).values()
    found = [first.id, *(singer.id for singer in others)]
    if found != list(singers):
        named = next(name for name, there in zip(singers, found, strict=True) if name != there)
        raise SingerFileError(f"{singers[named]} holds no singer {named!r} any more; give the file it held")
    stage = SingerConversion(first, singers=others, seed=seed, pitch=pitch, parameters=values)
    stage._automation.extend(automation)  # noqa: SLF001 - a function of this module that makes one
    return stage
