"""The nodes of a running chain: effects and singers, one hop at a time, each with its latency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.fifo import Backlog
from dsp.units import gain_to_db
from models.samples import MAX_LEVEL
from plugin_bridge.chain.native import check_all_flow
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.control.events import AnyEvent
from plugin_bridge.errors import EffectError

if TYPE_CHECKING:
    from pedalboard import Plugin

Float32 = NDArray[np.float32]

_SETTLED_HOPS = 20
_MAX_LATENCY_S = 30.0


class Node(Protocol):
    """A running stage."""

    latency: int
    """Samples from input to output."""

    @property
    def faults(self) -> int:
        """See `plugin_bridge.engine.engine.Engine.faults`; 0 of an effect."""

    def place(self, before: int) -> None:
        """Learn by how many samples the chain delays what arrives here."""

    def process(self, x: Float32) -> Float32:
        """Take whole hops (channels, n), at most `dsp.units.MAX_HOPS`, and return the same shape."""

    def schedule(self, events: Iterable[AnyEvent]) -> None:
        """Take events in input samples of the chain."""

    def release(self) -> None:
        """Release the stage, which runs here no longer."""


class EffectNode:
    """A native effect, a VST3 plug-in or a container of them.

    The plug-in is reset, fed zeros until it holds back no more, and reset again: that counts its latency, and
    it has then seen its largest block, after which it keeps its state from block to block.

    Args:
        plugin: the effect.
        sample_rate: hertz.
        channels: of the audio.
        hop: samples per call.

    Raises:
        EffectError: the plug-in refuses these channels, never stops holding back, or falls silent in blocks.
    """

    def __init__(self, plugin: Plugin, sample_rate: int, channels: int, hop: int) -> None:
        check_all_flow(plugin)
        self._plugin = plugin
        self._rate = float(sample_rate)
        self._hop = hop
        plugin.reset()
        silence = np.zeros((channels, hop), np.float32)
        try:
            counted = self._count(silence)
        except RuntimeError as error:
            raise EffectError(f"{_name(plugin)} does not run ({error}); use another effect") from error
        except ValueError as error:
            raise EffectError(
                f"{_name(plugin)} refuses {channels} channels ({error}); give what it takes"
            ) from error
        self.faults = 0
        self.latency = max(counted, int(getattr(plugin, "reported_latency_samples", 0)))
        self._backlog = Backlog(channels, self.latency, hop)
        plugin.reset()

    def _count(self, silence: Float32) -> int:
        missing = unchanged = 0
        for _ in range(round(_MAX_LATENCY_S * self._rate / self._hop)):
            got = int(self._run(silence).shape[1])
            unchanged = unchanged + 1 if got == self._hop else 0
            missing += self._hop - got
            if unchanged == _SETTLED_HOPS:
                return missing
        raise EffectError(
            f"{_name(self._plugin)} still holds audio back after {_MAX_LATENCY_S:g} s; use another effect"
        )

    def _run(self, x: Float32) -> Float32:
        return self._plugin.process(x, self._rate, self._hop, False)

    def process(self, x: Float32) -> Float32:
        """Take whole hops and return as many; the plug-in gets them one by one.

        Raises:
            EffectError: the plug-in fails, or holds back more than it did when its latency was counted.
        """
        out = np.empty_like(x)
        try:
            for start in range(0, x.shape[1], self._hop):
                span = slice(start, start + self._hop)
                self._backlog.push(self._run(x[:, span]))
                out[:, span] = self._backlog.pull(self._hop)
        except (ValueError, RuntimeError) as error:
            raise EffectError(
                f"{_name(self._plugin)} does not run on ({error}); use another effect"
            ) from error
        return out

    def place(self, before: int) -> None:
        """Effects do not count samples."""

    def schedule(self, events: Iterable[AnyEvent]) -> None:
        """Effects take no events."""

    def release(self) -> None:
        """Effects do not know that they run."""


class SingerNode:
    """A singer, told of events where their samples reach it.

    Args:
        stage: the singer and its parameters.
        form: native rate in hertz, and channels.
        source_pitch: median pitch in hertz where it is known, else 0.
        clock: returns the chain's input position.
        started: samples that went through the chain before this stage joined it.
        before: samples by which the chain delays what arrives here.
    """

    def __init__(
        self,
        stage: SingerConversion,
        form: tuple[int, int],
        source_pitch: float,
        clock: Callable[[], int],
        started: int,
        before: int,
    ) -> None:
        self.now = clock
        self._stage = stage
        self._started, self._before = started, before
        self.engine = stage.start(*form, source_pitch, self)
        self.latency = self.engine.hop_latency

    @property
    def faults(self) -> int:
        """Those of its engine."""
        return self.engine.faults

    @property
    def beyond(self) -> int:
        """That of its engine."""
        return self.engine.beyond

    @property
    def voiced(self) -> int:
        """That of its engine."""
        return self.engine.voiced

    def local(self, position: int) -> int:
        """Return the engine's position at which an input sample of the chain arrives."""
        return position + self._before - self._started

    def place(self, before: int) -> None:
        """Learn by how many samples the chain delays what arrives here."""
        self._before = before

    def process(self, x: Float32) -> Float32:
        """Take whole hops and return as many.

        Raises:
            EffectError: effects before the singer give what is not finite or far over full scale, of which
                nothing would be heard.
        """
        if not np.abs(x).max() <= MAX_LEVEL:
            raise EffectError(
                f"what the effects before the singer give is not finite or over "
                f"{gain_to_db(MAX_LEVEL):.0f} dB above full scale; lower or remove them"
            )
        return self.engine.process_hops(x)

    def schedule(self, events: Iterable[AnyEvent]) -> None:
        """Take events in input samples of the chain."""
        self.engine.schedule(replace(event, position=max(0, self.local(event.position))) for event in events)

    def release(self) -> None:
        """Release the stage, unless another chain runs it by now."""
        self._stage.let_go(self)


def _name(plugin: Plugin) -> str:
    return str(getattr(plugin, "name", type(plugin).__name__))
