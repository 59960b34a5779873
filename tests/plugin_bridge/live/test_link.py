"""The link and the page: whole messages, no waiting for the other end, and figures of one moment."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.live.audio.clock import StreamClock
from plugin_bridge.live.link import BIN_SECONDS, BINS, SPAWN, Figures, Link, SharedFigures, event_of, row_of
from plugin_bridge.live.rig.mirror import ParameterMirror


@pytest.fixture
def links() -> tuple[Link, Link]:
    ours, theirs = SPAWN.Pipe()
    return Link(ours), Link(theirs)


@pytest.mark.parametrize(
    "event",
    [
        Event(5, "gain", -3.25),
        Event(6, "singer", "nit"),
        Event(7, "bypass", True),
        NoteOn(8, 60.5),
        NoteOff(9, 60.5),
        PitchBend(10, -0.1),
        AllNotesOff(2**40),
    ],
)
def test_events_arrive_as_they_were(links: tuple[Link, Link], event: AnyEvent) -> None:
    assert links[0].send({"events": [row_of(event)]})
    message = links[1].receive(1.0)
    assert message is not None
    assert [event_of(row) for row in message["events"]] == [event]
    assert links[1].receive() is None


def test_an_end_that_does_not_read_is_not_waited_for(links: tuple[Link, Link]) -> None:
    message = {"say": "x" * 1000}
    sent = 0
    while links[0].send(message):
        sent += 1
        assert sent < 10_000
    assert sent > 10
    for _ in range(sent):
        assert links[1].receive() == message
    assert links[1].receive() is None
    assert links[0].send(message)


def test_a_message_that_the_other_end_would_not_read_is_refused(links: tuple[Link, Link]) -> None:
    with pytest.raises(ValueError, match="is too long; send at most 65536"):
        links[0].send({"say": "x" * 65536})
    assert links[0].send({"say": "x" * 65000})
    assert links[1].receive(1.0) == {"say": "x" * 65000}


def test_an_end_that_is_gone_is_noticed_by_both(links: tuple[Link, Link]) -> None:
    links[0].send({"say": "last words"})
    links[0].close()
    assert links[1].receive(1.0) == {"say": "last words"}
    with pytest.raises(EOFError):
        links[1].receive(1.0)
    assert not links[1].send({"say": "hello?"})


def test_the_page_shows_one_moment_at_a_time() -> None:
    page = SharedFigures()
    reader = SharedFigures(page.store)
    assert reader.read() == Figures(*[0.0] * len(Figures._fields))
    done = threading.Event()

    def write() -> None:
        number = 0.0
        while not done.is_set():
            number += 1.0
            page.write(Figures(*[number] * len(Figures._fields)))

    writer = threading.Thread(target=write)
    writer.start()
    deadline = time.monotonic() + 0.5
    torn = 0
    while time.monotonic() < deadline:
        torn += len(set(reader.read())) != 1
    done.set()
    writer.join()
    assert torn == 0


def test_the_page_of_a_writer_that_was_killed_can_be_read() -> None:
    page = SharedFigures()
    page.write(Figures(load=0.5))
    np.frombuffer(page.store)[0] += 1.0  # in the middle of the next
    assert page.read().load == 0.5


def test_times_of_blocks_are_counted_in_bins() -> None:
    page = SharedFigures()
    for seconds in (0.0, 1.5 * BIN_SECONDS, 1.6 * BIN_SECONDS, 3.0):
        page.count(seconds)
    times = page.times()
    assert (times[0], times[1], times[BINS - 1], sum(times)) == (1.0, 2.0, 1.0, 4.0)


@pytest.mark.parametrize("error_ppm", [-200, 0, 200])
def test_the_clock_is_freed_from_jitter(error_ppm: int) -> None:
    rate, block = 48000, 128
    period = block / rate / (1.0 + error_ppm * 1e-6)
    jitter = np.random.default_rng(1).exponential(0.0005, 20_000)
    clock = StreamClock(rate, block)
    found = np.array([clock.update(1000.0 + i * period + late) for i, late in enumerate(jitter)])
    wrong = found - (1000.0 + np.arange(20_000) * period)
    assert np.abs(wrong[10_000:] - jitter.mean()).max() < 0.0003  # 14 samples
    assert abs(clock.rate / rate - 1.0 - error_ppm * 1e-6) < 100e-6


def test_the_clock_starts_again_after_a_pause() -> None:
    clock = StreamClock(48000, 128)
    for i in range(100):
        clock.update(i * 128 / 48000)
    assert clock.update(5.0) == 5.0
    assert clock.rate == 48000.0


def test_a_change_on_its_way_is_not_hidden_by_older_ones() -> None:
    mirror = ParameterMirror()
    mirror.start({"gain": 0.0, "singer": "dark"})
    mirror.send([Event(0, "gain", -1.0)], 1)
    mirror.send([Event(0, "gain", -2.0)], 2)
    assert mirror.values["gain"] == -2.0
    mirror.confirm([Event(9, "gain", -1.0)], [Event(9, "gain", -9.0), Event(9, "singer", "bright")], upto=1)
    assert (mirror.values["gain"], mirror.values["singer"]) == (-2.0, "bright")
    mirror.confirm([Event(10, "gain", -2.0)], [Event(11, "gain", -5.0)], upto=2)
    assert mirror.values["gain"] == -5.0
