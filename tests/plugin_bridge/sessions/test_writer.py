"""Sessions on the disk: written by a thread of their own, read again whole, cut off or damaged."""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.control.form import Form
from plugin_bridge.control.score import read_score
from plugin_bridge.errors import OutputError, SessionError
from plugin_bridge.sessions.reader import SessionReader
from plugin_bridge.sessions.writer import SessionHeader, SessionWriter
from tests.conftest import ROOT
from tests.support.doubles import DARK

Float32 = NDArray[np.float32]
FORM = Form(48000, 2, 128, "a test")
HEADER = SessionHeader.of([DARK], 3, {"singer": "dark", "morph": 0.1 + 0.2, "bypass": True})


def noise(samples: int, channels: int = 2) -> Float32:
    return np.random.default_rng(1).normal(size=(channels, samples)).astype(np.float32)


def audio(session: SessionReader) -> Float32:
    return np.concatenate(list(session.chunks()), axis=1)


def recorded(folder: Path, blocks: int = 20) -> tuple[Path, Float32, list[AnyEvent]]:
    """Record noise in blocks with an event in each."""
    writer = SessionWriter(folder, FORM, HEADER)
    x = noise(128 * blocks)
    events: list[AnyEvent] = [Event(128 * i + i, "morph", i / 64) for i in range(blocks)]
    for i in range(blocks):
        writer.block(128 * i, x[:, 128 * i : 128 * (i + 1)], [events[i]])
    writer.close()
    return folder, x, events


def test_what_is_recorded_is_read_again_to_the_bit(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "a", FORM, HEADER)
    x = noise(9000)
    x[0, 100:103] = np.nan, np.inf, -1e30
    events: list[AnyEvent] = [
        Event(0, "singer", "dark"),
        NoteOn(0, 60.5),
        Event(5, "morph", 0.1 + 0.2),
        Event(5, "bypass", value=True),
        Event(5, "transpose", "auto"),
        PitchBend(8999, -1 / 3),
        NoteOff(8999, 60.5),
        AllNotesOff(8999),
    ]
    position = 0
    for n in (0, 1, 128, 3000, 5871):
        due = [event for event in events if position <= event.position < position + n]
        writer.block(position, x[:, position : position + n], due)
        position += n
    writer.close()
    with SessionReader(tmp_path / "a") as session:
        assert audio(session).tobytes() == x.tobytes()
        assert (session.frames, session.channels, session.sample_rate) == (9000, 2, 48000)
        assert session.events == events
        assert (session.values, session.header.seed) == (
            {"singer": "dark", "morph": 0.1 + 0.2, "bypass": True},
            3,
        )
        assert (session.gaps, session.missed, session.note) == ([], [], "")
    assert read_score(tmp_path / "a" / "events.jsonl", 48000) == events


def test_gaps_are_zeros_and_shift_what_follows(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "a", FORM, HEADER)
    x = noise(400)
    writer.block(0, x[:, :100], [])
    writer.gap(50)
    writer.gap(7)
    writer.block(100, x[:, 100:300], [Event(100, "morph", 0.5)])
    writer.missed(-10, 30)
    writer.missed(-10, 10)
    writer.missed(157, 100)
    writer.block(300, x[:, 300:], [Event(399, "morph", 1.0)])
    writer.gap(1000)
    writer.close()
    with SessionReader(tmp_path / "a") as session:
        heard = audio(session)
        assert session.frames == 1457
        assert session.gaps == [(100, 50), (150, 7), (457, 1000)]
        assert session.missed == [(0, 20), (157, 100)]
        assert [event.position for event in session.events] == [157, 456]
    assert np.array_equal(heard, np.hstack([x[:, :100], np.zeros((2, 57)), x[:, 100:], np.zeros((2, 1000))]))


def test_a_small_queue_that_is_emptied_in_time_goes_round(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "a", FORM, HEADER, queue_seconds=0.02)
    x = noise(128 * 40)
    for i in range(40):
        end = time.monotonic() + 10.0
        while writer._given - writer._taken > 960 - 128 and time.monotonic() < end:
            time.sleep(0.005)
        writer.block(128 * i, x[:, 128 * i : 128 * (i + 1)], [])
    writer.close()
    with SessionReader(tmp_path / "a") as session:
        assert np.array_equal(audio(session), x)


def test_a_slow_disk_ends_the_recording_and_never_holds_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk sleeps in its first sync, as a real one does, until the test lets it go on."""
    awake, asleep = threading.Event(), threading.Event()

    def sync(_: int) -> None:
        asleep.set()
        awake.wait(10.0)

    monkeypatch.setattr("plugin_bridge.sessions.writer._SYNC_SECONDS", 0.0)
    said: list[str] = []
    writer = SessionWriter(tmp_path / "a", FORM, HEADER, said.append, queue_seconds=0.02)
    monkeypatch.setattr(os, "fsync", sync)
    x = noise(128 * 50)
    writer.block(0, x[:, :128], [])
    assert asleep.wait(10.0)
    for i in range(1, 50):
        writer.block(128 * i, x[:, 128 * i : 128 * (i + 1)], [])
    assert (writer.ended, writer.done) == (True, False)
    awake.set()
    writer.close()
    assert writer.done
    assert len(said) == 1
    assert "the recording a ended after 0.0 s: the disk was too slow; what it has is kept" in said[0]
    with SessionReader(tmp_path / "a") as session:
        assert session.frames == 128 + 7 * 128  # the queue holds 960
        assert np.array_equal(audio(session), x[:, : session.frames])
        assert session.note == "a ended by itself after 0.02 s: the disk was too slow"


@pytest.mark.parametrize(("before", "with_it", "taken"), [(9, 1, True), (9, 2, False), (10, 0, True)])
def test_events_wait_for_the_disk_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, with_it: int, taken: bool
) -> None:
    """The disk sleeps, so that nothing is taken out, and ten rows may wait."""
    awake, asleep = threading.Event(), threading.Event()

    def sync(_: int) -> None:
        asleep.set()
        awake.wait(10.0)

    monkeypatch.setattr("plugin_bridge.sessions.writer._SYNC_SECONDS", 0.0)
    monkeypatch.setattr("plugin_bridge.sessions.writer.MAX_ROWS", 10)
    said: list[str] = []
    writer = SessionWriter(tmp_path / "a", FORM, HEADER, said.append)
    monkeypatch.setattr(os, "fsync", sync)
    x = noise(128 * 3)
    writer.block(0, x[:, :128], [])
    assert asleep.wait(10.0)
    writer.block(128, x[:, 128:256], [Event(128, "morph", k / 16) for k in range(before)])
    ended = [writer.ended]
    writer.block(256, x[:, 256:], [Event(256, "morph", 1.0)] * with_it)
    assert [*ended, writer.ended] == [False, not taken]
    writer.missed(0, 5)  # is kept as far as there is room, and never ends a recording
    assert len(writer._rows) == 10 - (not taken)
    awake.set()
    writer.close()
    assert len(said) == (not taken)
    with SessionReader(tmp_path / "a") as session:
        assert session.frames == (384 if taken else 256)
        assert len(session.events) == before + with_it * taken


def test_a_full_disk_ends_the_recording_and_keeps_what_fits(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    said: list[str] = []
    x = noise(48000)
    writer = SessionWriter(tmp_path / "a", FORM, HEADER, said.append)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        for i in range(375):
            writer.block(128 * i, x[:, 128 * i : 128 * (i + 1)], [])
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "it cannot be written (File too large)" in said[0]
    assert writer.ended
    with SessionReader(tmp_path / "a") as session:
        assert session.frames == 100_000 // 8
        assert np.array_equal(audio(session), x[:, : session.frames])
        assert "a was cut off; it is used up to there, 0.26 s" in session.note


def fill(writer: SessionWriter, seconds: float) -> None:
    """Hand over silence until the recording ends by itself, at most for so long."""
    silence, position = np.zeros((2, 480), np.float32), 0
    deadline = time.monotonic() + seconds
    while not writer.ended and time.monotonic() < deadline:
        if position - writer._taken < 48000:
            writer.block(position, silence, [Event(position, "morph", 0.5)])
            position += 480
        else:
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("bound", "value", "why", "remedy"),
    [
        (
            "MIN_FREE_BYTES",
            10**18,
            "its disk has less than 500 MB left, which are kept free",
            "free some space",
        ),
        ("MAX_SECONDS", 0.5, "it is as long as one may be, 0.000138889 h", "begin another"),
        ("MAX_LINES", 100_150, "it holds as many events as one may, ", "begin another"),
    ],
)
def test_a_recording_at_its_bound_ends_and_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: float, why: str, remedy: str
) -> None:
    said: list[str] = []
    writer = SessionWriter(tmp_path / "a", FORM, HEADER, said.append)
    assert 0.0 < writer.room <= 6 * 3600.0
    monkeypatch.setattr(f"plugin_bridge.sessions.writer.{bound}", value)
    fill(writer, 20.0)
    assert writer.ended
    writer.close()
    (sentence,) = said
    assert sentence.startswith("the recording a ended after ")
    assert f"s: {why}" in sentence
    assert f"; what it has is kept, {remedy}" in sentence
    with SessionReader(tmp_path / "a") as session:
        assert session.note.startswith(f"a ended by itself after {session.frames / 48000:.2f} s: {why}")
        assert len(session.events) == session.frames // 480


def test_a_disk_without_room_is_told_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin_bridge.sessions.writer.MIN_FREE_BYTES", 10**18)
    with pytest.raises(
        OutputError, match=r"session a cannot begin: its disk has less than .*; free some space"
    ):
        SessionWriter(tmp_path / "a", FORM, HEADER)
    assert list(tmp_path.iterdir()) == []


def test_what_a_microphone_heard_is_open_to_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder, _, _ = recorded(tmp_path / "sessions" / "a")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (folder.parent, folder, *folder.iterdir())}
    private = {"session.json": 0o600, "audio.f32": 0o600, "events.jsonl": 0o600}
    assert modes == {"sessions": 0o700, "a": 0o700, **private}


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    SessionWriter(tmp_path / "a", FORM, HEADER).close()
    (tmp_path / "b").write_text("")
    for name in ("a", "b"):
        with pytest.raises(OutputError, match=f"{name} exists already; choose another name"):
            SessionWriter(tmp_path / name, FORM, HEADER)
    with pytest.raises(OutputError, match="cannot be written"):
        SessionWriter(Path("/proc/session"), FORM, HEADER)


KILLED = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from tests.plugin_bridge.sessions.test_writer import FORM, HEADER, noise
from plugin_bridge.control.events import Event
from plugin_bridge.sessions.writer import SessionWriter
writer = SessionWriter(Path("a"), FORM, HEADER)
x = noise(128 * 200)
for i in range(200):
    writer.block(128 * i, x[:, 128 * i : 128 * i + 128], [Event(128 * i, "morph", i / 200)])
    time.sleep(0.002)
    if writer._taken > 9000:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_what_it_had_written(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with SessionReader(tmp_path / "a") as session:
        assert session.frames > 9000
        assert np.array_equal(audio(session), noise(128 * 200)[:, : session.frames])
        assert [event.position for event in session.events] == list(range(0, session.frames, 128))
        assert session.note.startswith("a was cut off; it is used up to there, 0.")


@pytest.mark.parametrize("name", ["audio.f32", "events.jsonl"])
def test_a_session_cut_anywhere_is_read_up_to_there(tmp_path: Path, name: str) -> None:
    folder, x, events = recorded(tmp_path / "a")
    whole = (folder / name).read_bytes()
    found = set()
    for kept in np.linspace(500, len(whole) - 1, 60).astype(int):
        (folder / name).write_bytes(whole[:kept])
        if name == "events.jsonl" and b"upto" not in whole[:kept]:
            with pytest.raises(SessionError, match="holds no samples"):
                SessionReader(folder)
            continue
        with SessionReader(folder) as session:
            assert session.note
            assert np.array_equal(audio(session), x[:, : session.frames])
            assert session.events == [event for event in events if event.position < session.frames]
            found.add(session.frames)
    assert max(found) == x.shape[1] - (name == "audio.f32")
    assert len(found) == 60 if name == "audio.f32" else found


def test_gaps_of_a_session_that_was_cut_end_with_its_samples(tmp_path: Path) -> None:
    writer = SessionWriter(tmp_path / "a", FORM, HEADER)
    writer.block(0, noise(100), [])
    writer.missed(60, 100)
    writer.gap(50)
    writer.block(100, noise(100), [])
    writer.close()
    path = tmp_path / "a" / "audio.f32"
    path.write_bytes(path.read_bytes()[: 8 * 120])
    with SessionReader(tmp_path / "a") as session:
        assert (session.frames, session.gaps, session.missed) == (120, [(100, 20)], [(60, 60)])


@pytest.mark.parametrize(
    "wrong",
    [
        b"\0\0\0\0\n",
        b"\xff\xfe\n",
        b"[" * 4000,
        b"[]\n",
        b"{}\n",
        b'{"upto": true}\n',
        b'{"upto": -1}\n',
        b'{"upto": 1e3}\n',
        b'{"gap": 1}\n',
        b'{"position": 5, "gap": "x"}\n',
        b'{"position": 9, "gap": 2}\n{"position": 10, "gap": 1}\n',
        b'{"position": 1, "morph": 2}\n',
        b'{"position": 1, "parameter": "morph", "value": 7}\n',
    ],
)
def test_garbage_after_a_kill_is_left_out(tmp_path: Path, wrong: bytes) -> None:
    folder, x, _ = recorded(tmp_path / "a")
    lines = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[:-1]) + wrong + lines[-1])
    with SessionReader(folder) as session:
        assert np.array_equal(audio(session), x)
        assert "a is damaged in line 2" in session.note
        assert "; it is used up to there, 0.05 s" in session.note


def changed(change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        facts = json.loads((folder / "session.json").read_text(encoding="utf-8"))
        change(facts)
        (folder / "session.json").write_text(json.dumps(facts), encoding="utf-8")

    return write


def nested(depth: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for _ in range(depth):
        found = {"mix": found}
    return found


def linked(part: Path) -> None:
    """Let a part of a session be a link to what lies outside of it."""
    part.rename(part.parent.parent / "elsewhere")
    part.symlink_to(part.parent.parent / "elsewhere")


def piped(part: Path) -> None:
    part.unlink()
    os.mkfifo(part)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda a: (a / "audio.f32").unlink(), "a lacks audio.f32, so it is no whole session"),
        (lambda a: (a / "events.jsonl").unlink(), "a lacks events.jsonl, so it is no whole session"),
        (lambda a: (a / "session.json").unlink(), "a lacks session.json, so it is no whole session"),
        (lambda a: (a / "audio.f32").write_bytes(b"abc"), "a holds no samples"),
        (lambda a: (a / "events.jsonl").write_bytes(b""), "a holds no samples"),
        (lambda a: (a / "session.json").write_bytes(b"{"), "session.json is damaged: not JSON"),
        (lambda a: (a / "session.json").write_bytes(b"\xff"), "session.json is damaged: not JSON"),
        (lambda a: (a / "session.json").write_bytes(b"[" * 100_000), "session.json is damaged: not JSON"),
        (lambda a: (a / "session.json").write_bytes(b" " * 2**21), "too long"),
        (lambda a: (a / "session.json").write_bytes(b"[]"), "session.json is damaged: it: "),
        (
            changed(lambda facts: facts.update(format=2)),
            "has format 2 and this program reads up to 1; update",
        ),
        (changed(lambda facts: facts.update(format=10**4000)), "has format 10000000000000000000 and this"),
        (lambda a: (a / "session.json").write_text('{"seed": 1' + 5000 * "0" + "}"), "damaged: not JSON"),
        (changed(lambda facts: facts.update(seed=2**63)), "session.json is damaged: seed: "),
        (changed(lambda facts: facts.update(seed=10**4000)), "session.json is damaged: seed: "),
        (changed(lambda facts: facts.update(values=nested(900))), "session.json is damaged: values."),
        (changed(lambda facts: facts.update(values={"mix": 10**4000})), "does not fit: mix 1000000"),
        (changed(lambda facts: facts.update(values={"mix": math.nan})), "does not fit: mix nan is out of"),
        (changed(lambda facts: facts.update(channels=0)), "session.json is damaged: channels: "),
        (changed(lambda facts: facts.update(sample_rate=10**12)), "session.json is damaged: sample_rate: "),
        (changed(lambda facts: facts.update({"\x1b[2Jmore": 1})), "session.json is damaged: [2Jmore: "),
        (changed(lambda facts: facts.update(singers=[{"id": "\x1b]0;x\x07"}])), "damaged: singers.0.id: "),
        (lambda a: linked(a / "session.json"), "session.json is a link; put the file itself"),
        (lambda a: linked(a / "audio.f32"), "audio.f32 is a link; put the file itself"),
        (lambda a: linked(a / "events.jsonl"), "events.jsonl is a link; put the file itself"),
        (lambda a: piped(a / "events.jsonl"), "a lacks events.jsonl"),
        (lambda a: (a / "events.jsonl").write_bytes(b"\n" * 2_000_001), "has 2000001 lines, and a recording"),
        (changed(lambda facts: facts.update(sample_rate=47999)), "session.json is damaged: sample_rate: "),
        (changed(lambda facts: facts.update(channels=3)), "session.json is damaged: channels: "),
        (changed(lambda facts: facts.update(more=1)), "session.json is damaged: more: "),
        (changed(lambda facts: facts.update(values={"mix": 2.0})), "does not fit: mix 2.0 is out of range"),
        (changed(lambda facts: facts.update(values={"mx": 2.0})), "does not fit: parameter 'mx' is unknown"),
    ],
)
def test_what_is_no_session_is_refused_with_a_sentence(
    tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    folder, _, _ = recorded(tmp_path / "a", 2)
    damage(folder)
    with pytest.raises(SessionError) as error:
        SessionReader(folder)
    assert sentence in str(error.value)
    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()


def test_what_a_terminal_would_obey_is_left_out_of_a_session_s_texts(tmp_path: Path) -> None:
    folder, _, _ = recorded(tmp_path / "a", 2)
    changed(lambda facts: facts.update(device="\x1b]0;mine\x07card", software="a\r\nb"))(folder)
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[-1] = json.dumps({"end": 256, "why": "\x1b[2Jthe disk\nwas slow" + 3000 * "!"}) + "\n"
    (folder / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    with SessionReader(folder) as session:
        assert (session.header.device, session.header.software) == ("]0;minecard", "a  b")
        assert session.note.startswith("a ended by itself after 0.01 s: [2Jthe disk was slow!")
        assert len(session.note) < 600


@contextlib.contextmanager
def somebody_else(folder: Path) -> Iterator[None]:
    """Be a user who may not read a folder; root may read everything, and has to be another for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # to whom the folders of tests are closed
    else:
        folder.chmod(0)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        else:
            folder.chmod(0o700)


def test_a_session_closed_to_us_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder, _, _ = recorded(tmp_path / "a", 2)
    with somebody_else(folder), pytest.raises(SessionError, match="cannot be read: Permission denied"):
        SessionReader(folder)
