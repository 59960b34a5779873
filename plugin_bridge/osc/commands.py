"""Carry out the commands of the address table: presets, bounces, recordings, subscriptions, status."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from plugin_bridge.control.events import Event
from plugin_bridge.control.rig import Rig
from plugin_bridge.engine.singers import check_singer
from plugin_bridge.errors import OutputError
from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.addresses.values import number, switch, whole, word
from plugin_bridge.osc.bounceplan import BouncePlanner
from plugin_bridge.osc.bounces import BounceQueue
from plugin_bridge.osc.paths import checked_name
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.presetwatch import PresetWatch
from plugin_bridge.osc.quota import check_room
from plugin_bridge.osc.subscriptions import Subscriptions, readable
from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.osc.wire.senders import Call
from plugin_bridge.osc.wire.validation import TOKEN
from plugin_bridge.version import __version__

Handler = Callable[[Call], Arguments | Awaitable[Arguments]]
"""Returns the values of the answer, or what will."""


class Commands:
    """The commands of one server.

    Args:
        rig: what they act on.
        presets: those that can be loaded and saved.
        watch: knows their names.
        planner: what bounces may use.
        subscriptions: the subscribers.
        counters: of the server.
    """

    def __init__(
        self,
        rig: Rig,
        presets: PresetStore,
        watch: PresetWatch,
        planner: BouncePlanner,
        subscriptions: Subscriptions,
        counters: Counters,
    ) -> None:
        self._rig = rig
        self._presets = presets
        self._watch = watch
        self._planner = planner
        self._subscriptions = subscriptions
        self._counters = counters
        self.bounces = BounceQueue()
        """Under way and done."""
        self.handlers: Mapping[str, Handler] = {
            "/singer/list": lambda _: tuple(rig.singers),
            "/preset/load": self._load,
            "/preset/save": self._save,
            "/preset/list": self._list_presets,
            "/bounce/start": self._bounce,
            "/bounce/cancel": self._cancel,
            "/bounce/list": lambda _: tuple(self.bounces.listed()),
            "/record/start": self._record,
            "/record/stop": self._stop_recording,
            "/midi/learn": self._learn,
            "/midi/learn/stop": self._stop_learning,
            "/panic": self._panic,
            "/status": lambda _: tuple(self._status()),
            "/version": lambda _: ("plugin_bridge", __version__),
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            TOKEN: self._validate,
        }
        """By path; `/sync` is the dispatcher's own."""

    def _status(self) -> Iterator[Argument]:
        status = self._rig.status
        for row in ADDRESSES.values():
            if row.kind == "status":
                yield from (row.name, getattr(status, row.name))
        for counter in fields(self._counters):
            yield from (f"osc_{counter.name}", getattr(self._counters, counter.name))

    async def _load(self, call: Call) -> Arguments:
        (name,) = _exactly(call, 1)
        values, effects = await asyncio.to_thread(self._presets.load, word(name, "preset"))
        position = call.position or 0
        events = [Event(position, key, value) for key, value in values.items()]
        for event in events:
            check_singer(event.parameter, event.value, self._rig.singers)
        self._rig.send_checked(events, now=call.position is None)
        return (
            (name, f"without its effects ({effects}): live there is only the singer") if effects else (name,)
        )

    async def _save(self, call: Call) -> Arguments:
        if len(call.arguments) not in (1, 2):
            raise ValueError("/preset/save takes a name, and T to replace one; send those")
        name = word(call.arguments[0], "preset")
        replace = len(call.arguments) == 2 and switch(call.arguments[1], "replace")
        values = dict(self._rig.values)
        await asyncio.to_thread(self._presets.save, name, values, replace=replace)
        await self._watch.names()
        return (name,)

    async def _list_presets(self, _: Call) -> Arguments:
        return tuple(await self._watch.names())

    async def _bounce(self, call: Call) -> Arguments:
        live = dict(self._rig.values)
        words, target = await asyncio.to_thread(self._planner.plan, call.arguments, live)

        def tell(*how: Argument) -> None:
            call.sender.send(message("/bounce/progress", *how))
            self._subscriptions.tell("/bounce/progress", *how, but=call.sender.key)

        return (self.bounces.start(words, target, tell),)

    async def _cancel(self, call: Call) -> Arguments:
        (which,) = _exactly(call, 1)
        found = whole(which, "bounce")
        return (found, await self.bounces.cancel(found))

    def _record(self, call: Call) -> Awaitable[Arguments]:
        (name,) = _exactly(call, 1)
        checked = checked_name(word(name, "session"), "session")
        if self._planner.folder is not None:
            check_room(self._planner.folder)  # here, so that a /record/stop sent next finds a recording
        return _folder_of(self._rig.record(checked))

    def _stop_recording(self, call: Call) -> Arguments:
        _exactly(call, 0)
        folder = self._rig.stop_recording()
        if folder is None:
            raise OutputError("nothing is being recorded; begin with /record/start NAME")
        return (str(folder),)

    def _learn(self, call: Call) -> Arguments:
        (name,) = _exactly(call, 1)
        self._rig.learn(word(name, "parameter"))
        return (name,)

    def _stop_learning(self, call: Call) -> Arguments:
        _exactly(call, 0)
        self._rig.learn(None)
        return ()

    def _panic(self, call: Call) -> Arguments:
        _exactly(call, 0)
        self._rig.panic()
        return ()

    def _subscribe(self, call: Call) -> Arguments:
        if len(call.arguments) < 3:
            raise ValueError("/subscribe takes a rate, seconds and addresses; send those")
        rate, seconds = number(call.arguments[0], "rate"), number(call.arguments[1], "time")
        rest, port = call.arguments[2:], None
        if len(rest) > 1 and not isinstance(rest[0], str):
            port, rest = whole(rest[0], "port"), rest[1:]
        paths = [readable(word(wanted, "address")).path for wanted in rest]
        return (self._subscriptions.subscribe(call.sender, rate, seconds, paths, port),)

    def _unsubscribe(self, call: Call) -> Arguments:
        paths = [readable(word(wanted, "address")).path for wanted in call.arguments]
        return (self._subscriptions.unsubscribe(call.sender, paths if call.arguments else None),)

    def _validate(self, call: Call) -> Arguments:
        (token,) = _exactly(call, 1)
        if not call.sender.validate(whole(token, "token")):
            raise ValueError(f"token {token!r} is not the one of {call.sender.host}; send back that one")
        return ()


async def _folder_of(begun: Awaitable[Path]) -> Arguments:
    """Answer only once a recording has begun, or has not."""
    return (str(await begun),)


def _exactly(call: Call, count: int) -> Arguments:
    if len(call.arguments) != count:
        raise ValueError(f"a count of {len(call.arguments)} arguments does not fit; send {count}")
    return call.arguments
