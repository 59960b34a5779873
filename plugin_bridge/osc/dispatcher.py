"""Turn packets into answers: send events to the rig, run commands, answer every request."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from plugin_bridge.control.events import AnyEvent
from plugin_bridge.control.parameters import PARAMETERS
from plugin_bridge.control.rig import Rig
from plugin_bridge.errors import BridgeError, refusal
from plugin_bridge.osc.addresses.search import Search
from plugin_bridge.osc.addresses.table import Address, address
from plugin_bridge.osc.addresses.values import answered, check_arguments, moved, pressing, read
from plugin_bridge.osc.commands import Handler
from plugin_bridge.osc.wire.counters import Counters
from plugin_bridge.osc.wire.limits import Budget, Limiter
from plugin_bridge.osc.wire.packets import Argument, Arguments, Group, Message, PacketError, reading
from plugin_bridge.osc.wire.patterns import is_pattern
from plugin_bridge.osc.wire.replies import ANSWERS, done, fail
from plugin_bridge.osc.wire.senders import Call, Sender

_MAX_TASKS = 32
"""Requests of one sender under way."""
_MAX_TASKS_TOTAL = 256
_COSTS = {
    "/preset/load": len(PARAMETERS),
    "/panic": 5,
    "/record/start": 1,
    "/record/stop": 1,
    "/midi/learn": 1,
    "/midi/learn/stop": 1,
}
"""Events that the commands hand to the engine; the others hand it nothing."""
_PATTERN_COST = 32
"""Requests that the search for a pattern counts as."""
_MAX_REASON_LENGTH = 1000
_REFUSED = (BridgeError, ValueError, TypeError, OSError)
"""What a request may be refused with; anything else is a fault of ours and is shown as one."""


@dataclass(frozen=True, slots=True)
class _Request:
    sender: Sender
    path: str
    arguments: Arguments
    id: str | None


@dataclass
class _Batch:
    """Requests of one group, their events that go to the engine together, and who waits for an answer."""

    position: int | None
    """Input sample they are scheduled to; None for at once."""
    requests: deque[_Request]
    """Still to be taken."""
    events: list[AnyEvent] = field(default_factory=list)
    waiting: list[tuple[_Request, Arguments]] = field(default_factory=list)
    loading: asyncio.Task[None] | None = None
    """A preset on its way, which the rest waits for."""


class Dispatcher:
    """Handles packets of every sender, in steps of one address each; nothing in it waits.

    Args:
        rig: what is controlled.
        commands: by path.
        limiter: charged for the further messages of a packet.
        budget: of what goes to the engine.
        counters: of the server.
        horizon: seconds that a time tag may lie ahead.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        rig: Rig,
        commands: Mapping[str, Handler],
        limiter: Limiter,
        budget: Budget,
        counters: Counters,
        horizon: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rig = rig
        self._commands = {**commands, "/sync": self._sync}
        self._limiter = limiter
        self._budget = budget
        self._counters = counters
        self._horizon = horizon
        self._clock = clock
        self._search = Search()
        self._tasks: dict[Hashable, set[asyncio.Task[None]]] = {}
        self._waiting: dict[Hashable, list[Callable[[], None]]] = {}
        self._under_way = 0

    def handle(self, data: bytes, sender: Sender) -> Iterator[None]:
        """Do what a packet asks for, step by step; every request in it is answered, now or when it is done.

        Raises:
            PacketError: it is not OSC; nothing of it is done.
        """
        self._counters.packets += 1
        groups = yield from reading(data)
        further = sum(len(group.messages) for group in groups) - 1
        if not self._limiter.charge(sender.key, further, time.monotonic()):
            self._fail(_Request(sender, "", (), None), ValueError(self._limiter.rule))
            return
        for group in groups:
            yield from self._act(group, sender)

    def refuse(self, sender: Sender, error: PacketError) -> None:
        """Answer a packet that is not OSC."""
        self._counters.malformed += 1
        self._fail(_Request(sender, error.address, (), None), error)

    def when_answered(self, key: Hashable, then: Callable[[], None]) -> None:
        """Call back once nothing of a sender is under way, which may be now."""
        if key in self._tasks:
            self._waiting.setdefault(key, []).append(then)
        else:
            then()

    async def close(self) -> None:
        """Give up the requests under way."""
        tasks = [task for tasks in self._tasks.values() for task in tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _act(self, group: Group, sender: Sender) -> Iterator[None]:
        ahead = 0.0 if group.time is None else group.time - self._clock()
        requests = [_request(message, sender) for message in group.messages if message.address not in ANSWERS]
        self._counters.requests += len(requests)
        if ahead > self._horizon:
            reason = f"time tag lies {ahead:.1f} s ahead; send at most {self._horizon:g} s before its time"
            for request in requests:
                self._fail(request, ValueError(reason))
                yield
            return
        batch = _Batch(None, deque(requests))
        if group.time is not None and ahead > 0.0:  # one that is late goes with what is at once, in order
            batch.position = max(0, self._rig.position_at(group.time))
        self._counters.late += ahead < 0.0
        yield from self._go_on(batch)
        if batch.requests:
            self._begin(sender.key, self._rest(batch))

    def _go_on(self, batch: _Batch) -> Iterator[None]:
        """Take a group's requests, up to a preset that must be loaded before the rest."""
        batch.loading = None
        while batch.requests and batch.loading is None:
            yield from self._take(batch.requests.popleft(), batch)
        yield from self._flush(batch)

    async def _rest(self, batch: _Batch) -> None:
        while batch.loading is not None:
            await asyncio.wait([batch.loading])
            for _ in self._go_on(batch):
                await asyncio.sleep(0)

    def _take(self, request: _Request, batch: _Batch) -> Iterator[None]:
        rows: Sequence[Address]
        try:
            if is_pattern(request.path):
                rows = yield from self._matching(request.path, request.sender.key)
                self._charge(request.sender.key, len(rows))
            else:
                rows = (address(request.path),)
        except ValueError as error:
            self._fail(request, error)
            yield
            return
        for row in rows:
            one = _Request(request.sender, row.path, request.arguments, request.id)
            try:
                yield from self._one(row, one, batch)
            except _REFUSED as error:
                self._fail(one, error)
            yield

    def _matching(self, text: str, key: Hashable) -> Generator[None, None, tuple[Address, ...]]:
        """Return what a pattern stands for; the search is paid for before it begins.

        Raises:
            ValueError: it is no pattern, stands for nothing, or its sender asks for too much.
        """
        self._charge(key, _PATTERN_COST)
        return (yield from self._search.steps(text))

    def _charge(self, key: Hashable, requests: int) -> None:
        if not self._limiter.charge(key, requests, time.monotonic()):
            raise ValueError(self._limiter.rule)

    def _spread(self, arguments: Arguments, key: Hashable) -> Generator[None, None, Arguments]:
        """Return arguments with the addresses that a pattern stands for in its place."""
        found: list[Argument] = []
        for argument in arguments:
            if isinstance(argument, str) and is_pattern(argument):
                found += [row.path for row in (yield from self._matching(argument, key))]
            else:
                found.append(argument)
        return tuple(found)

    def _one(self, row: Address, request: _Request, batch: _Batch) -> Iterator[None]:
        getting = row.readable and not request.arguments
        if batch.position is not None and (getting or not row.timed):
            raise ValueError(f"{row.path} cannot be scheduled like this; send it without a time tag")
        arguments, pressed = pressing(row, request.arguments)
        if row.kind == "command" or not pressed:
            check_arguments(row, arguments)
        if not pressed:  # a button that is let go
            yield from self._flush(batch)
            self._done(request, (False,))
        elif row.kind in ("value", "position", "note") and not getting:
            event = moved(row, arguments, self._rig.singers, batch.position or 0)
            batch.events.append(event)
            values = answered(row, arguments, event)
            batch.waiting.append((request, values))
        else:
            yield from self._flush(batch)  # what is read or done next comes after what was set before
            if row.kind == "command":
                if row.patterns:
                    arguments = yield from self._spread(arguments, request.sender.key)
                task = self._run(row, replace(request, arguments=arguments), batch.position)
                batch.loading = task if row.timed else None
            elif getting:
                self._done(request, read(self._rig, row))
            else:
                remedy = (
                    "/subscribe to it" if row.kind == "notice" else "send it without arguments to read it"
                )
                raise ValueError(f"{row.path} cannot be set; {remedy}")

    def _flush(self, batch: _Batch) -> Iterator[None]:
        """Hand the events to the rig, all at once, and answer their requests."""
        events, waiting = batch.events, batch.waiting
        if not events:
            return
        batch.events, batch.waiting = [], []
        failure: Exception | None = None
        try:
            self._budget.spend(waiting[0][0].sender.key, len(events), time.monotonic())
            self._rig.send_checked(events, now=batch.position is None)
        except _REFUSED as error:
            failure = error
        for request, values in waiting:
            if failure is None:
                self._done(request, values)
            else:
                self._fail(request, failure)
            yield

    def _run(self, row: Address, request: _Request, position: int | None) -> asyncio.Task[None] | None:
        """Run a command; return what goes on with one that takes a while."""
        key = request.sender.key
        if len(self._tasks.get(key, ())) >= _MAX_TASKS or self._under_way >= _MAX_TASKS_TOTAL:
            raise ValueError("too many requests are under way; wait for their answers")
        if row.path in _COSTS:
            self._budget.spend(key, _COSTS[row.path], time.monotonic())
        found = self._commands[row.path](Call(request.sender, request.arguments, position))
        if isinstance(found, Awaitable):
            return self._begin(key, self._finish(request, found))
        self._done(request, found)
        return None

    def _begin(self, key: Hashable, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Let work of a sender go on."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.setdefault(key, set()).add(task)
        self._under_way += 1
        task.add_done_callback(lambda task: self._forget(key, task))
        return task

    async def _finish(self, request: _Request, found: Awaitable[Arguments]) -> None:
        try:
            self._done(request, await found)
        except _REFUSED as error:
            self._fail(request, error)

    def _forget(self, key: Hashable, task: asyncio.Task[None]) -> None:
        self._under_way -= 1
        tasks = self._tasks[key]
        tasks.discard(task)
        if not tasks:
            del self._tasks[key]
            for then in self._waiting.pop(key, ()):
                then()

    def _sync(self, call: Call) -> Arguments | Awaitable[Arguments]:
        before = list(self._tasks.get(call.sender.key, ()))
        return _after(before, call.arguments) if before else call.arguments

    def _done(self, request: _Request, values: Arguments) -> None:
        packet = done(request.path, values, request.id)
        if len(packet) > request.sender.longest:
            self._fail(request, ValueError("the answer is too large for a datagram; ask over TCP"))
        else:
            request.sender.send(packet)

    def _fail(self, request: _Request, error: Exception) -> None:
        self._counters.failed += 1
        if request.path not in ANSWERS:
            request.sender.send(fail(request.path, refusal(error)[:_MAX_REASON_LENGTH], request.id))


def _request(message: Message, sender: Sender) -> _Request:
    """A last argument that is a word with '#' in front names the request."""
    arguments = message.arguments
    last = arguments[-1] if arguments else None
    if isinstance(last, str) and last.startswith("#"):
        return _Request(sender, message.address, arguments[:-1], last)
    return _Request(sender, message.address, arguments, None)


async def _after(tasks: Sequence[asyncio.Task[None]], values: Arguments) -> Arguments:
    await asyncio.wait(tasks)
    return values
