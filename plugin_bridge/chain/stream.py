"""A running chain: its stages on whole hops, behind one FIFO, with the latencies summed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dsp.fifo import HopFifo
from dsp.units import HOPS_PER_SECOND, MAX_HOPS
from plugin_bridge.chain.nodes import EffectNode, Node, SingerNode
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.control.events import AnyEvent

if TYPE_CHECKING:
    from pedalboard import Plugin

Float32 = NDArray[np.float32]
Simple: TypeAlias = "Plugin | SingerConversion"
"""A stage that is no chain."""


class Stream:
    """Stages in a row.

    Args:
        stages: singers and effects, in order.
        sample_rate: hertz.
        channels: 1 or 2.
        source_pitches: median pitch in hertz of what each singer hears, in order; one left out or 0 listens.
        offline: nobody listens meanwhile, see `plugin_bridge.engine.engine.Engine.offline`.

    Raises:
        EffectError: a plug-in refuses the channels.
        ValueError: the rate is not native and there is a singer.
    """

    def __init__(
        self,
        stages: Sequence[Simple],
        sample_rate: int,
        channels: int,
        source_pitches: Iterable[float] = (),
        *,
        offline: bool = False,
    ) -> None:
        self.form = (sample_rate, channels)
        self.position = 0
        """Input samples taken so far."""
        self._hop = sample_rate // HOPS_PER_SECOND
        self._source_pitches = iter(source_pitches)
        self._offline = offline
        self._rendered = 0
        self._stages: list[Simple] = []
        self._nodes: list[Node] = []
        self._fifo = HopFifo(channels, self._hop, self._render, MAX_HOPS)
        self.latency = self._hop
        """Samples from input to output: one hop of re-blocking and the stages' own."""
        self.arrange(stages)

    def arrange(self, stages: Sequence[Simple]) -> None:
        """Put the stages in this order; those that ran before go on with what they hold.

        Raises:
            EffectError, ValueError: as for the class; all is as before.
        """
        if len(stages) == len(self._stages) and all(
            a is b for a, b in zip(stages, self._stages, strict=True)
        ):
            return
        running = {id(stage): node for stage, node in zip(self._stages, self._nodes, strict=True)}
        nodes: list[Node] = []
        places = [0]
        with ExitStack() as undo:
            for stage in stages:
                node = running.pop(id(stage), None)
                if node is None:
                    node = self._node(stage, places[-1])
                    undo.callback(node.release)
                places.append(places[-1] + node.latency)
                nodes.append(node)
            undo.pop_all()
        for node in running.values():
            node.release()
        for node, before in zip(nodes, places, strict=False):
            node.place(before)
        self._stages, self._nodes = list(stages), nodes
        self.latency = places[-1] + self._hop

    def dismiss(self, kept: Iterable[Simple] = ()) -> None:
        """Release at once the singers that are not kept; effects stay until the stages are arranged."""
        ids = {id(stage) for stage in kept}
        stays = [x for x in self._stages if id(x) in ids or not isinstance(x, SingerConversion)]
        self.arrange(stays)

    def _node(self, stage: Simple, before: int) -> Node:
        if isinstance(stage, SingerConversion):
            pitch = next(self._source_pitches, 0.0)
            node = SingerNode(stage, self.form, pitch, lambda: self.position, self._rendered, before)
            node.engine.offline = self._offline
            return node
        return EffectNode(stage, *self.form, self._hop)

    @property
    def faults(self) -> int:
        """Those of its singers, see `plugin_bridge.engine.engine.Engine.faults`."""
        return sum(node.faults for node in self._nodes)

    @property
    def beyond(self) -> int:
        """That of its first singer, see `plugin_bridge.engine.engine.Engine.beyond`."""
        return next((node.beyond for node in self._nodes if isinstance(node, SingerNode)), 0)

    @property
    def voiced(self) -> int:
        """That of its first singer, see `plugin_bridge.engine.engine.Engine.voiced`."""
        return next((node.voiced for node in self._nodes if isinstance(node, SingerNode)), 0)

    def schedule(self, events: Iterable[AnyEvent]) -> None:
        """Take events in input samples."""
        given = list(events)
        for node in self._nodes:
            node.schedule(given)

    def process(self, rows: Float32) -> Float32:
        """Take a block (channels, n) and return one of the same shape; what is not finite is taken as 0."""
        if not np.isfinite(rows).all():  # effects would hold it for ever
            rows = np.where(np.isfinite(rows), rows, np.float32(0.0))
        out = self._fifo.process(rows)
        self.position += rows.shape[1]
        return out

    def _render(self, hops: Float32) -> Float32:
        self._rendered += hops.shape[1]
        for node in self._nodes:
            hops = node.process(hops)
        return hops


def latency_of(stages: Sequence[Simple], sample_rate: int, channels: int) -> int:
    """Return the latency a stream of these stages would have; effects are measured, and reset by it."""
    hop = sample_rate // HOPS_PER_SECOND
    total = hop
    for stage in stages:
        if isinstance(stage, SingerConversion):
            total += stage.latency_at(sample_rate) - hop
        else:
            total += EffectNode(stage, sample_rate, channels, hop).latency
    return total
