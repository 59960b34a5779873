"""The one way audio is made: `Engine.process(block, events)`, the same samples whatever the blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dsp.fifo import HopFifo
from dsp.units import HOPS_PER_SECOND, MAX_HOPS, hop_size
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import Value, check_values, is_whole, parameter
from plugin_bridge.engine import core
from plugin_bridge.engine.pitchtracking import USUAL, check_pitch
from plugin_bridge.engine.singers import AnySinger, check_events, check_singer, load_singers

Float32 = NDArray[np.float32]

LATENCY_HOPS = 1 + core.LATENCY_HOPS
"""One hop of re-blocking and those of the core: 30 ms at every rate."""


class Engine:
    """Turn one voice into another, live or offline, block by block.

    The same input and events give the same samples, bit for bit, however they are cut into blocks.

    Args:
        sample_rate: a native rate in hertz, one of `dsp.units.RATES`.
        channels: 1, or 2 to keep the pan of a stereo source; `dsp.downmix` says what of it is sung.
        singers: ids of shipped singers, paths of singer files or loaded singers; the first sings first.
            All run all the time, so that a switch needs no warm-up. None for all that ship.
        seed: of the noise.
        parameters: initial values by parameter id.
        pitch: the tracker of the source's pitch: "periodicity", for a voice alone, or "melody", for one
            that music plays along with.

    Raises:
        TypeError: an argument or a value has the wrong type.
        ValueError: the rate is not native, channels are not 1 or 2, an unknown parameter, a value out of
            range, or an unknown pitch tracker.
        SingerFileError: a singer file is missing or is not one.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int = 1,
        singers: Sequence[AnySinger] | None = None,
        *,
        seed: int = 0,
        parameters: Mapping[str, Value] | None = None,
        pitch: str = USUAL,
    ) -> None:
        hop, sample_rate = hop_size(sample_rate), int(sample_rate)
        if channels not in (1, 2):
            raise ValueError(f"{channels!r} channels cannot be sung; give 1 or 2, mix down the rest first")
        seed = _check_seed(seed)
        self.pitch = check_pitch(pitch)
        """How the pitch of the source is tracked."""
        loaded = load_singers(singers)
        self.sample_rate = sample_rate
        self.channels = channels
        self.singers = tuple(loaded)
        """Ids of the set, in order."""
        values = self._checked(parameters or {})
        self._core = core.Core(sample_rate, channels, loaded, seed, values, self.pitch)
        self._fifo = HopFifo(channels, hop, self._core.render, MAX_HOPS)
        self.latency = self._fifo.latency + self._core.latency
        """Samples from input to output: 3 hops, whatever the blocks."""
        self.tail = self._core.tail
        """Samples after the end of the input, besides the latency, in which something may still sound."""
        self.late = 0
        """Events that came after their block and were taken at the start of the next."""
        self.position = 0
        """Input samples taken so far, the position of the next block's first sample."""

    def process(self, block: Float32, events: Iterable[AnyEvent] = ()) -> Float32:
        """Take a block of source and return as many samples of the singer, `latency` samples late.

        Nothing is taken where an argument is refused.

        Args:
            block: shape (channels, n), float32, any n; not finite samples count as 0.
            events: their positions are input samples since the start; each acts on the output sample that
                belongs to it. Those of later blocks wait; one before this block acts at its start and is
                counted in `late`.

        Returns:
            A new array, shape (channels, n), float32, finite and at most 16, which is 24 dB over full scale
            (see `faults`).

        Raises:
            TypeError: the block is not a float32 array, or an event has the wrong type.
            ValueError: another number of channels, an unknown parameter or singer, a value out of range.
        """
        self._check_block(block)
        self.schedule(events)
        out = self._fifo.process(block)
        self.position += block.shape[1]
        return out

    def process_hops(self, hops: Float32) -> Float32:
        """Take whole hops and return those `hop_latency` samples before them.

        For hosts that cut the audio into hops themselves, and so need not pay for a second cut; a stream goes
        through `process` or through this, never both. Events come by `schedule`.

        Args:
            hops: shape (channels, n), float32; n is sample_rate // 100 samples once to
                `dsp.units.MAX_HOPS` times.

        Returns:
            Shape (channels, n), float32.
        """
        out = self._core.render(hops)
        self.position += hops.shape[1]
        return out

    @property
    def offline(self) -> bool:
        """Whether nobody listens meanwhile, False at first; no sample depends on it.

        Offline a singer costs nothing until it is heard, and then makes up for ten minutes at most; otherwise
        silent singers keep up, so that no block takes long.
        """
        return self._core.offline

    @offline.setter
    def offline(self, offline: bool) -> None:
        self._core.offline = offline

    def use_pause(self) -> bool:
        """Do some of the work that can wait for a pause between blocks; return False when none is left.

        Call it between blocks: it makes the slowest blocks faster, and no sample depends on it. The networks
        of singers that are not audible run here.
        """
        return self._core.use_pause()

    def heard_pitch(self, seconds: float) -> float:
        """Return the median pitch of the source heard so far, hertz; 0 before so many seconds were voiced."""
        return self._core.heard_pitch(round(seconds * HOPS_PER_SECOND))

    @property
    def hop_latency(self) -> int:
        """Samples from input to output of `process_hops`."""
        return self._core.latency

    def schedule(self, events: Iterable[AnyEvent]) -> None:
        """Queue events for the blocks to come; see `process`, which raises the same."""
        checked = check_events(events, self.singers)
        if not checked:
            return
        self.late += sum(event.position < self.position for event in checked)
        self._core.queue.add(
            event if event.position >= self.position else replace(event, position=self.position)
            for event in checked
        )

    def value(self, name: str) -> Value:
        """Return the value of a parameter as set by the events that have acted so far.

        Raises:
            ValueError: unknown parameter.
        """
        return self._core.parameters.values[parameter(name).id]

    def _check_block(self, block: object) -> None:
        if not isinstance(block, np.ndarray) or block.dtype != np.float32:
            kind = block.dtype if isinstance(block, np.ndarray) else type(block).__name__
            raise TypeError(f"block of {kind} is not audio; give a numpy array of float32")
        if block.ndim != 2 or block.shape[0] != self.channels:
            raise ValueError(f"block of shape {block.shape} does not fit; give ({self.channels}, samples)")

    @property
    def repaired(self) -> int:
        """Samples that were not finite and were taken as 0."""
        return self._core.repaired

    @property
    def faults(self) -> int:
        """Hops of 10 ms in which a singer's controls or the output were not finite or too large.

        What is not finite is replaced by silence, and no output sample is beyond `core.CEILING`, 24 dB over
        full scale.
        """
        return self._core.faults

    @property
    def beyond(self) -> int:
        """Hops of 10 ms whose sound has a pitch outside the tracker's range; it is not sung as it is."""
        return self._core.beyond

    @property
    def voiced(self) -> int:
        """Hops of 10 ms in which the source has a pitch, counted as `beyond` is."""
        return self._core.voiced

    @property
    def reading(self) -> core.Reading:
        """The measurements of the newest frame, for meters."""
        return self._core.reading

    def reset(self, parameters: Mapping[str, Value] | None = None) -> None:
        """Return to the state of a new engine: initial values, no events, silence, counters at 0.

        Args:
            parameters: other initial values from now on, as for a new engine; None for the same.

        Raises:
            TypeError, ValueError: as for a new engine; nothing is changed then.
        """
        if parameters is not None:
            self._core.parameters.begin_with({"singer": self.singers[0]} | self._checked(parameters))
        self._core.reset()
        self._fifo.reset()
        self.position = self.late = 0

    def _checked(self, parameters: Mapping[str, Value]) -> dict[str, Value]:
        values = check_values(parameters)
        for name, value in values.items():
            check_singer(name, value, self.singers)
        return values


def _check_seed(seed: object) -> int:
    if not is_whole(seed) or int(seed) < 0:
        raise ValueError(f"seed {seed!r} does not name a noise; give a whole number from 0")
    return int(seed)
