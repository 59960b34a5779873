"""Carry out the commands of the address table: presets, bounces, enrolments, guides, recordings and so on."""

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
from plugin_bridge.osc.bounceplan import BouncePlanner, by_osc
from plugin_bridge.osc.enrolplan import plan_enrolment
from plugin_bridge.osc.guideplan import plan_guide
from plugin_bridge.osc.jobs import Job, JobQueue, Kind
from plugin_bridge.osc.paths import checked_name
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.presetwatch import PresetWatch
from plugin_bridge.osc.quota import check_room
from plugin_bridge.osc.reports import Reports
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.subscriptions import Subscriptions, readable
from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.packets import Argument, Arguments
from plugin_bridge.osc.wire.replies import message
from plugin_bridge.osc.wire.senders import Call
from plugin_bridge.osc.wire.validation import TOKEN
from plugin_bridge.version import __version__

BOUNCES = Kind("bounce", "bounce", "bounce it from the command line", by_osc)
ENROLMENTS = Kind("enrol", "enrolment", "enrol it from the command line")
GUIDES = Kind("guide", "guide", "make it from the command line")

Handler = Callable[[Call], Arguments | Awaitable[Arguments]]
"""Returns the values of the answer, or what will."""


class Commands:
    """The commands of one server.

    Args:
        rig: what they act on.
        presets: those that can be loaded and saved.
        watch: knows their names.
        planner: what bounces may use.
        singers: the set.
        subscriptions: the subscribers.
        reports: told of what is done.
        counters: of the server.
    """

    def __init__(
        self,
        rig: Rig,
        presets: PresetStore,
        watch: PresetWatch,
        planner: BouncePlanner,
        singers: SingerSet,
        subscriptions: Subscriptions,
        reports: Reports,
        counters: Counters,
    ) -> None:
        self._rig = rig
        self._presets = presets
        self._watch = watch
        self._planner = planner
        self._singers = singers
        self._subscriptions = subscriptions
        self._reports = reports
        self._counters = counters
        self._bounces, self._enrolments = JobQueue(BOUNCES), JobQueue(ENROLMENTS)
        self._guides = JobQueue(GUIDES)
        self.handlers: Mapping[str, Handler] = {
            "/singer/list": lambda _: tuple(rig.singers),
            "/singer/add": self._add_singer,
            "/preset/load": self._load,
            "/preset/save": self._save,
            "/preset/list": self._list_presets,
            "/bounce/start": self._bounce,
            "/bounce/cancel": lambda call: _cancel(self._bounces, call),
            "/bounce/list": lambda _: tuple(self._bounces.listed()),
            "/enrol/start": self._enrol,
            "/enrol/cancel": lambda call: _cancel(self._enrolments, call),
            "/enrol/list": lambda _: tuple(self._enrolments.listed()),
            "/guide/start": self._guide,
            "/guide/cancel": lambda call: _cancel(self._guides, call),
            "/guide/list": lambda _: tuple(self._guides.listed()),
            "/record/start": self._record,
            "/record/stop": self._stop_recording,
            "/midi/learn": self._learn,
            "/midi/learn/stop": self._stop_learning,
            "/panic": self._panic,
            "/status": lambda _: tuple(self._status()),
            "/report/list": lambda _: tuple(reports.listed()),
            "/version": lambda _: ("plugin_bridge", __version__),
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            TOKEN: self._validate,
        }
        """By path, of calls with as many arguments as the table says; `/sync` is the dispatcher's own."""

    def _status(self) -> Iterator[Argument]:
        status = self._rig.status
        for row in ADDRESSES.values():
            if row.kind == "status":
                yield from (row.name, getattr(status, row.name))
        for counter in fields(self._counters):
            yield from (f"osc_{counter.name}", getattr(self._counters, counter.name))

    async def _add_singer(self, call: Call) -> Arguments:
        return (await self._singers.add(word(call.arguments[0], "singer"), self._enrolments.is_making),)

    async def _load(self, call: Call) -> Arguments:
        name = word(call.arguments[0], "preset")
        values, effects = await asyncio.to_thread(self._presets.load, name)
        position = call.position or 0
        events = [Event(position, key, value) for key, value in values.items()]
        for event in events:
            check_singer(event.parameter, event.value, self._rig.singers)
        self._rig.send_checked(events, now=call.position is None)
        without = (f"without its effects ({effects}): live there is only the singer",) if effects else ()
        self._reports.note(", ".join((f"preset {name} is loaded", *without)))
        return (name, *without)

    async def _save(self, call: Call) -> Arguments:
        name = word(call.arguments[0], "preset")
        replace = len(call.arguments) == 2 and switch(call.arguments[1], "replace")
        values = dict(self._rig.values)
        await asyncio.to_thread(self._presets.save, name, values, replace=replace)
        await self._watch.names()
        self._reports.note(f"preset {name} is saved")
        return (name,)

    async def _list_presets(self, _: Call) -> Arguments:
        return tuple(await self._watch.names())

    async def _bounce(self, call: Call) -> Arguments:
        live = dict(self._rig.values)
        words, target = await asyncio.to_thread(self._planner.plan, call.arguments, live)

        tell = self._follower(call, "/bounce/progress", f"{target.name} is {{}}bounced")
        return (self._bounces.start(words, target, tell),)

    async def _enrol(self, call: Call) -> Arguments:
        recording = self._rig.status.recording
        words, target = await asyncio.to_thread(plan_enrolment, call.arguments, self._singers, recording)
        tell = self._follower(call, "/enrol/progress", f"{target.stem} is {{}}enrolled")
        return (self._enrolments.start(words, target, tell),)

    async def _guide(self, call: Call) -> Arguments:
        live = str(self._rig.values["singer"])
        words, target = await asyncio.to_thread(plan_guide, call.arguments, self._singers, live)
        tell = self._follower(call, "/guide/progress", f"{target.name} is {{}}sung")
        return (self._guides.start(words, target, tell),)

    def _follower(self, call: Call, path: str, sentence: str) -> Callable[[Job], None]:
        """Return what tells who asked for a job and all subscribers how it stands, and everybody how it ends.

        Args:
            call: that asked for it.
            path: of its progress.
            sentence: of its end, with a place for "not ".
        """

        def tell(job: Job) -> None:
            how = (job.number, job.state, job.done, job.total)
            call.sender.send(message(path, *how))
            self._subscriptions.tell(path, *how, but=call.sender.key)
            if job.state == "done":
                self._reports.note("; ".join(filter(None, (sentence.format(""), job.said))))
            elif job.state.startswith("failed: "):
                self._reports.note(f"{sentence.format('not ')}: {job.state.removeprefix('failed: ')}")

        return tell

    async def close(self) -> None:
        """End what is under way, with its unfinished files."""
        await asyncio.gather(self._bounces.close(), self._enrolments.close(), self._guides.close())

    def _record(self, call: Call) -> Awaitable[Arguments]:
        name = checked_name(word(call.arguments[0], "session"), "session")
        if self._planner.folder is not None:
            check_room(self._planner.folder)  # here, so that a /record/stop sent next finds a recording
        return self._begun(self._rig.record(name))

    async def _begun(self, recording: Awaitable[Path]) -> Arguments:
        """Answer only once a recording has begun, or has not."""
        folder = await recording
        self._reports.note(f"session {folder.name} is being recorded")
        return (str(folder),)

    def _stop_recording(self, _: Call) -> Arguments:
        folder = self._rig.stop_recording()
        if folder is None:
            raise OutputError("nothing is being recorded; begin with /record/start NAME")
        self._reports.note(f"session {folder.name} is recorded")
        return (str(folder),)

    def _learn(self, call: Call) -> Arguments:
        name = word(call.arguments[0], "parameter")
        self._rig.learn(name)
        return (name,)

    def _stop_learning(self, _: Call) -> Arguments:
        self._rig.learn(None)
        return ()

    def _panic(self, _: Call) -> Arguments:
        self._rig.panic()
        self._reports.note("panic: all notes off; bypass, melody and morph are as at the start")
        return ()

    def _subscribe(self, call: Call) -> Arguments:
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
        token = whole(call.arguments[0], "token")
        if not call.sender.validate(token):
            raise ValueError(f"token {token!r} is not the one of {call.sender.host}; send back that one")
        return ()


async def _cancel(jobs: JobQueue, call: Call) -> Arguments:
    number = whole(call.arguments[0], "number")
    return (number, await jobs.cancel(number))
