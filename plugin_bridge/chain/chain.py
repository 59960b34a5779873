"""`Chain`: a pedalboard that holds singers beside effects, with constant blocks and one declared latency."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Literal, TypeAlias, overload

import numpy as np

from plugin_bridge.chain.shapes import (
    Audio,
    Float32,
    Layout,
    check_buffer,
    check_rate,
    check_samples,
    layout_of,
)
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.stream import Simple, Stream, latency_of
from plugin_bridge.chain.streaming import Streaming, check_form
from plugin_bridge.control.events import AnyEvent, check_event
from plugin_bridge.control.parameters import as_float, is_number
from plugin_bridge.engine.rendering import dropped, followed_by_silence, taken, until_quiet
from plugin_bridge.engine.sourcepitch import whole_pitch

if TYPE_CHECKING:
    from pedalboard import Plugin

    from plugin_bridge.chain.effects import Described

Stage: TypeAlias = "Plugin | SingerConversion | Chain"
"""What a chain holds: effects of pedalboard, VST3 plug-ins, singers and other chains."""
Packed: TypeAlias = "Described | SingerConversion | Chain"
"""A stage in a pickle."""


class Chain(Streaming, MutableSequence["Stage"]):
    """A list of stages, called like a Pedalboard: `Chain([Gain(3), SingerConversion("nit")])(audio, sr)`.

    Inside, every stage gets hops of 10 ms, so the samples do not depend on the blocks; a stream returns as
    many samples as it takes, `latency` samples late, and a whole recording comes back at its own length,
    without delay.

    Args:
        stages: in the order of the signal.

    Raises:
        TypeError: something other than a stage, or an instrument.
        ValueError: the same stage twice.
    """

    def __init__(self, stages: Iterable[Stage] = ()) -> None:
        self._stages: list[Stage] = []
        self._stream: Stream | None = None
        self._layout: Layout | None = None
        self.extend(stages)

    def __len__(self) -> int:
        return len(self._stages)

    @overload
    def __getitem__(self, index: int) -> Stage: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[Stage]: ...
    def __getitem__(self, index: int | slice) -> Stage | MutableSequence[Stage]:
        return self._stages[index]

    @overload
    def __setitem__(self, index: int, value: Stage) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Stage]) -> None: ...
    def __setitem__(self, index: int | slice, value: Stage | Iterable[Stage]) -> None:
        stages = list(self._stages)
        stages[index] = value  # type: ignore[index, assignment]
        self._replace(stages)

    def __delitem__(self, index: int | slice) -> None:
        stages = list(self._stages)
        del stages[index]
        self._replace(stages)

    def insert(self, index: int, value: Stage) -> None:
        """Put a stage before the index."""
        stages = list(self._stages)
        stages.insert(index, value)
        self._replace(stages)

    def __copy__(self) -> Chain:
        """Return a chain of the same stages, a list of its own; no stream runs in it."""
        return Chain(self._stages)

    def __deepcopy__(self, memo: dict[int, object]) -> Chain:
        """Return a chain of copied stages; no stream runs in it.

        Raises:
            EffectError: an effect holds what cannot be written down; see `__reduce__`.
        """
        return Chain(_unpacked(copy.deepcopy(_packed(stage), memo)) for stage in self._stages)

    def __reduce__(self) -> tuple[Callable[[Iterable[Packed]], Chain], tuple[list[Packed]]]:
        """Pickle singers by their files, effects by their parameters, and VST3 plug-ins by path and state.

        The stream that runs is left out. Unpickling runs the plug-ins, as any pickle runs what it names.

        Raises:
            EffectError: an effect holds what cannot be written down, such as an impulse response that came
                from no file.
        """
        return _chain_of, ([_packed(stage) for stage in self._stages],)

    def __repr__(self) -> str:
        return f"Chain({self._stages!r})"

    def _replace(self, stages: list[Stage]) -> None:
        leaves = list(flattened(stages))
        for stage in leaves:
            _check_stage(stage)
        if len({id(stage) for stage in leaves}) < len(leaves):
            raise ValueError("a stage stands twice in the chain and would share its state; make a second one")
        self._stages = stages
        if self._stream is not None:
            self._stream.dismiss(leaves)

    def latency_at(self, sample_rate: float, channels: int = 1) -> int:
        """Return the samples from input to output of a stream.

        Args:
            sample_rate: hertz; native where the chain holds a singer.
            channels: of the audio.

        Raises:
            EffectError: a plug-in refuses the channels.
            ValueError: the rate is not native, or a stream of another form runs, which measuring would
                disturb.
        """
        form = (check_rate(sample_rate), channels)
        if self._stream is None:
            return latency_of(list(flattened(self)), *form)
        check_form(self._stream.form, form)
        return self._stream.latency

    def __call__(
        self,
        audio: Audio,
        sample_rate: float,
        buffer_size: int = 8192,
        reset: bool = True,
        *,
        tail: float | Literal["auto"] = 0.0,
        events: Iterable[AnyEvent] = (),
    ) -> Float32:
        """Process audio, in the call shape of `pedalboard.Pedalboard`.

        Args:
            audio: float32 or float64 in -1..1, shape (samples,), (channels, samples) or (samples, channels),
                1 or 2 channels; a stream keeps the layout of its first block.
            sample_rate: hertz; native where the chain holds a singer.
            buffer_size: for the sake of the call shape; the samples do not depend on it.
            reset: True processes a whole recording without delay; False the next block of a stream, as many
                samples as given, `latency` samples late.
            tail: seconds of what rings on, added to a whole recording; "auto" ends where it stays below
                -100 dBFS for two seconds, or after a minute.
            events: automation of the chain's singers, positions in samples of the recording or of the stream.

        Returns:
            float32 in the shape of `audio`, longer by the tail.

        Raises:
            TypeError: not an array of floats.
            ValueError: another shape, or one that can be read both ways; samples scaled as whole numbers, or
                not finite in a whole recording; a rate that is not usable; a tail out of range or of a
                stream; or a stream that changes its rate, channels or layout.
            EffectError: a plug-in refuses the channels.
        """
        check_buffer(buffer_size)
        rate, seconds = check_rate(sample_rate), _check_tail(tail)
        if reset:
            layout = layout_of(audio)
            rows = layout.rows(audio)
            check_samples(rows, rate)
            return layout.restored(self._whole(rows, rate, seconds, events))
        if seconds != 0.0:
            raise ValueError("a stream has no end and so no tail; feed it zeros instead")
        layout = layout_of(audio, self._layout, streamed=True)
        out = layout.restored(self._block(layout.rows(audio), rate, events))
        self._layout = layout
        return out

    process = __call__

    def reset(self) -> None:
        """End the stream that runs, for its singers too; the next block starts a new one."""
        if self._stream is not None:
            self._stream.dismiss()
        self._stream = self._layout = None

    def _whole(
        self, rows: Float32, rate: int, tail: float | Literal["auto"], events: Iterable[AnyEvent]
    ) -> Float32:
        stages = list(flattened(self))
        singers = [stage for stage in stages if isinstance(stage, SingerConversion)]
        events = [check_event(event) for event in events]
        unknown = [singer for singer in singers if singer.needs_source_pitch(events)]
        pitch = whole_pitch(rows, rate, unknown[0].pitch) if unknown else 0.0
        pitches = []
        for singer in singers:
            pitches.append(pitch)
            pitch = singer.pitch_sung(pitch, rate, events)
        self.reset()
        stream = Stream(stages, rate, rows.shape[0], pitches, offline=True)
        try:
            stream.schedule(events)
            endless = followed_by_silence([rows], rows.shape[0])
            sound = dropped((stream.process(x) for x in endless), stream.latency)
            n = rows.shape[1]
            parts = until_quiet(sound, n, rate) if tail == "auto" else taken(sound, n + round(tail * rate))
            return np.concatenate(list(parts), axis=1)
        finally:
            stream.dismiss()

    def _block(self, rows: Float32, rate: int, events: Iterable[AnyEvent]) -> Float32:
        stages, form = list(flattened(self)), (rate, rows.shape[0])
        check_samples(rows, rate, 0 if self._stream is None else self._stream.position, streamed=True)
        if self._stream is None:
            self._stream = Stream(stages, *form)
        check_form(self._stream.form, form)
        self._stream.arrange(stages)
        self._stream.schedule(events)
        return self._stream.process(rows)

    def _running(self) -> Stream | None:
        return self._stream


def _packed(stage: Stage) -> Packed:
    if isinstance(stage, (Chain, SingerConversion)):
        return stage
    from plugin_bridge.chain.effects import described_all  # noqa: PLC0415 - loads pydantic

    return described_all(stage)


def _unpacked(stage: Packed) -> Stage:
    if isinstance(stage, (Chain, SingerConversion)):
        return stage
    from plugin_bridge.chain.effects import made_of  # noqa: PLC0415 - as above

    return made_of(stage)


def _chain_of(stages: Iterable[Packed]) -> Chain:
    return Chain(_unpacked(stage) for stage in stages)


def flattened(stages: Iterable[Stage]) -> Iterator[Simple]:
    """Yield the stages with nested chains taken apart."""
    for stage in stages:
        if isinstance(stage, Chain):
            yield from flattened(stage)
        else:
            yield stage


def _check_stage(stage: object) -> None:
    from pedalboard import Plugin  # noqa: PLC0415 - takes longer to load than a script without effects needs

    if not isinstance(stage, (Plugin, SingerConversion)):
        raise TypeError(
            f"{stage!r} is not a stage; give pedalboard effects, VST3 plug-ins, singers or chains"
        )
    if getattr(stage, "is_instrument", False) and not getattr(stage, "is_effect", True):
        raise TypeError(f"{stage!r} is an instrument and takes no audio; give effects")


def _check_tail(value: object) -> float | Literal["auto"]:
    if value == "auto":
        return "auto"
    if not is_number(value):
        raise TypeError(f"tail {value!r} is not a number; give seconds from 0, or 'auto'")
    seconds = as_float(value)
    if not 0.0 <= seconds <= 3600.0:
        raise ValueError(f"tail {value!r} is out of range; give 0 to 3600 seconds, or 'auto'")
    return seconds
