"""A rig with a real audio process: what surfaces ask for, and what happens when a process is killed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
import soundfile

from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn
from plugin_bridge.control.parameters import Value
from plugin_bridge.errors import BridgeError, DeviceError, OutputError, SingerFileError
from plugin_bridge.live.audio import process as audio
from plugin_bridge.live.rig import supervisor
from plugin_bridge.live.rig.handle import AudioHandle
from plugin_bridge.live.rig.liverig import LiveRig
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.sessions.reader import SessionReader
from tests.plugin_bridge.commands.commandline import spawn
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer
from tests.support.waiting import until, wait_until

RATE = 16000


@pytest.fixture
def settings(tmp_path: Path) -> LiveSettings:
    """A stem of 1 s that is sung over and over by one of two singers."""
    soundfile.write(tmp_path / "stem.wav", sung(RATE, 1.0).T, RATE, "FLOAT")
    singers = tuple(str(write_singer(tmp_path / f"{name}.onnx")) for name in ("dark", "bright"))
    (tmp_path / "map.toml").write_text('[[program]]\nprogram = 3\nsinger = "bright"\n', encoding="utf-8")
    return LiveSettings(
        driver=DriverSettings("null", str(tmp_path / "stem.wav"), block=64),
        singers=singers,
        parameters={"gain": -2.0, "transpose": 0.0},
        midi_map=tmp_path / "map.toml",
        sessions=tmp_path,
    )


class Watch:
    """Keeps what a rig says and hears; how much room this machine's disk has is left out."""

    def __init__(self, rig: LiveRig) -> None:
        self.said: list[str] = []
        self.heard: list[AnyEvent] = []
        rig.reports(self._say)
        rig.listen(self.heard.append)

    def _say(self, sentence: str) -> None:
        if not sentence.startswith("the disk has room"):
            self.said.append(sentence)

    def of_the_process(self) -> list[str]:
        """What was said of the audio process itself."""
        return [sentence for sentence in self.said if sentence.startswith("the audio process ")]


def test_a_rig_does_what_a_surface_asks(settings: LiveSettings) -> None:
    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            status = rig.status
            assert (rig.singers, rig.values["singer"], rig.values["gain"]) == (
                ("dark", "bright"),
                "dark",
                -2.0,
            )
            assert (status.sample_rate, status.channels, status.block) == (RATE, 1, 64)
            assert status.latency == 3 * 160 + 2 * 64  # a block of 4 ms
            rig.send([Event(0, "gain", -9), Event(0, "gain", -3), NoteOn(0, 60)])  # the first is undone
            assert rig.values["gain"] == -3.0
            await until(lambda: len(watch.heard) == 2)
            await until(lambda: rig.meters.output_db > -60.0 and rig.meters.f0 > 200.0)
            rig.midi(b"\xc0\x03")
            await until(lambda: rig.values["singer"] == "bright")
            when = time.time() + 0.2
            rig.send([Event(rig.position_at(when), "gain", -4.0)], now=False)
            assert rig.values["gain"] == -3.0
            await until(lambda: rig.values["gain"] == -4.0)
            assert abs(rig.position_at(time.time()) - rig.status.position) < RATE
            last = watch.heard[-1]
            assert isinstance(last, Event)
            rig.send([Event(10**9, "gain", 0.0)], now=False)
            rig.panic()
            await until(lambda: isinstance(watch.heard[-4], AllNotesOff))
            assert rig.values["bypass"] is False
            for bad in (Event(0, "singer", "nobody"), Event(0, "gain", 900.0), Event(0, "pitch", 1.0)):
                with pytest.raises(ValueError, match=r"give|use"):
                    rig.send([bad])
            with pytest.raises(ValueError, match="singer"):
                rig.learn("singer")
            assert rig.status.running
            assert sum(rig.block_times()) > 10
            assert watch.said == []
        assert rig.status.running is False

    asyncio.run(play())


def test_many_changes_of_one_moment_are_all_heard_in_order(settings: LiveSettings) -> None:
    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            when = rig.position_at(time.time() + 1.0)
            changes = [Event(when, "source_pitch", 100.0 + k / 7.0) for k in range(3000)]
            rig.send(changes, now=False)
            await until(lambda: len(watch.heard) == len(changes))
            values = [event.value for event in watch.heard if isinstance(event, Event)]
            assert values == [change.value for change in changes]
            assert rig.status.restarts == 0

    asyncio.run(play())


def test_sessions_are_recorded_under_plain_names(settings: LiveSettings, tmp_path: Path) -> None:
    async def play() -> None:
        rig = LiveRig(settings)
        async with rig:
            bad = (
                "",
                ".",
                "..",
                "../out",
                "a/b",
                "/a",
                "a\\b",
                "a\nb",
                "a\0b",
                "\x1b]0;a\a",
                "\udc80",
                300 * "a",
            )
            foreign = ("CON", "nul.1", "4:30", "take?", "take.", "take ")
            reasons = (
                dict.fromkeys(bad, "plain name")
                | dict.fromkeys(foreign, "Windows")
                | {"stem.wav": "exists already"}
            )
            for name, reason in reasons.items():
                with pytest.raises(OutputError, match=reason):
                    rig.record(name)
            assert rig.stop_recording() is None
            one = rig.record("one")
            assert rig.status.recording == ""  # not yet
            with pytest.raises(OutputError, match="one is being recorded"):
                rig.record("two")
            assert await one == tmp_path / "one"
            assert rig.status.recording == "one"
            assert (tmp_path / "one" / "audio.f32").exists()
            start = rig.status.position
            await until(lambda: rig.status.position > start + 3200)
            assert rig.stop_recording() == tmp_path / "one"
            assert await rig.record("two") == tmp_path / "two"
            start = rig.status.position
            await until(lambda: rig.status.position > start + 3200)
        for name in ("one", "two"):
            with SessionReader(tmp_path / name) as session:
                assert session.frames > 1600
                assert session.note == ""

    asyncio.run(play())


def test_recordings_asked_for_in_one_moment_keep_their_names(settings: LiveSettings, tmp_path: Path) -> None:
    """What is heard of the first comes when the second has been asked for already."""

    async def play() -> None:
        rig = LiveRig(settings)
        async with rig:
            first = rig.record("a")
            assert rig.stop_recording() == tmp_path / "a"
            second = rig.record("b")
            assert await first == tmp_path / "a"
            assert await second == tmp_path / "b"
            start = rig.status.position
            await until(lambda: rig.status.position > start + RATE)
            assert rig.status.recording == "b"
            assert rig.stop_recording() == tmp_path / "b"
        with SessionReader(tmp_path / "b") as session:
            assert (session.frames > RATE // 2, session.note) == (True, "")

    asyncio.run(play())


def test_a_recording_that_cannot_begin_says_so_to_who_asked(settings: LiveSettings, tmp_path: Path) -> None:
    async def play() -> None:
        rig = LiveRig(replace(settings, sessions=tmp_path / "stem.wav"))
        watch = Watch(rig)
        async with rig:
            with pytest.raises(OutputError, match="cannot be made: Not a directory"):
                rig.record("a")
        rig = LiveRig(replace(settings, sessions=tmp_path / "made"))
        async with rig:
            begun = rig.record("a")
            (tmp_path / "made").touch()  # in between
            with pytest.raises(OutputError, match=r"a (cannot be written|exists already)"):
                await begun
            assert (rig.status.recording, rig.stop_recording()) == ("", None)
            (tmp_path / "made").unlink()
            lost = rig.record("b")
            os.kill(rig.pid, signal.SIGKILL)
            with contextlib.suppress(OutputError):  # begun or not, it is known
                await asyncio.wait_for(lost, 20.0)
            await until(lambda: rig.status.running)
            assert (rig.status.recording, rig.stop_recording()) == ("", None)
            assert await rig.record("c") == tmp_path / "made" / "c"
        assert watch.said == []

    asyncio.run(play())


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="this system sets no limits for other processes")
def test_a_recording_that_ends_by_itself_makes_room_for_another(
    settings: LiveSettings, tmp_path: Path
) -> None:
    """No file of the audio process may be longer than 0.6 s of audio, as on a full disk."""

    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            before = resource.prlimit(rig.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(rig.pid, resource.RLIMIT_FSIZE, (4 * RATE * 6 // 10, before[1]))
            await rig.record("one")
            await until(lambda: watch.said)
            assert watch.said[0].startswith("the recording one ended after ")
            await until(lambda: rig.status.recording == "")
            resource.prlimit(rig.pid, resource.RLIMIT_FSIZE, before)
            assert rig.stop_recording() is None
            assert await rig.record("two") == tmp_path / "two"
            start = rig.status.position
            await until(lambda: rig.status.position > start + RATE)
            assert rig.status.recording == "two"
        for name, frames in (("one", range(9600, 9601)), ("two", range(RATE // 2, 10 * RATE))):
            with SessionReader(tmp_path / name) as session:
                assert session.frames in frames
        assert len(watch.said) == 1

    asyncio.run(play())


def test_an_audio_process_that_is_killed_comes_back_with_its_values(
    settings: LiveSettings, tmp_path: Path
) -> None:
    other = write_singer(tmp_path / "voice_v3.onnx", id="me")

    async def play() -> None:
        values: dict[str, Value] = {"gain": -2.0, "morph_singer": str(other)}
        rig = LiveRig(replace(settings, parameters=values, midi_map=None))
        watch = Watch(rig)
        async with rig:
            files = dict(rig.files)
            assert files["me"] == str(other)
            rig.send([Event(0, "gain", -7.0), Event(0, "singer", "bright")])
            await rig.record("take")
            rig.learn("breath")
            assert rig.status.learning == "breath"
            rig.midi(b"\xb0\x15\x40")
            await until(lambda: watch.said)
            await until(lambda: rig.status.learning == "")
            start = rig.status.position
            await until(lambda: rig.status.position > start + RATE)
            rig.learn("gain")
            when, before = time.time(), rig.position_at(time.time())
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == 1)
            assert rig.status.learning == ""  # nobody waits any longer
            assert rig.status.position > start
            await until(lambda: rig.status.running)
            await until(lambda: rig.status.position > before)
            assert abs(rig.position_at(when) - before) < RATE // 2  # the clock went on
            assert rig.losses == 1
            assert (rig.values["gain"], rig.values["singer"]) == (-7.0, "bright")
            assert rig.values["morph_singer"] == "me"
            assert (rig.singers, rig.files) == (("dark", "bright", "me"), files)
            assert "control 21 moves breath now until the end" in watch.said[0]
            assert "killed by SIGKILL" in watch.said[1]
            assert "session take ends" in watch.said[1]
            rig.midi(b"\xb0\x15\x00")
            await until(lambda: rig.values["breath"] == -40.0)
            assert rig.status.recording == ""
            rig.send([NoteOn(0, 60.0)])
            await until(lambda: isinstance(watch.heard[-1], NoteOn))
        with SessionReader(tmp_path / "take") as session:
            assert session.frames > 0
            assert "was cut off" in session.note

    asyncio.run(play())


def test_a_rig_that_was_stopped_and_started_again_comes_back_after_a_kill(settings: LiveSettings) -> None:
    rig = LiveRig(settings)

    async def play(again: int) -> None:
        async with rig:
            assert rig.values["gain"] == (-7.0 if again else -2.0)
            rig.send([Event(0, "gain", -7.0)])
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == again + 1 and rig.status.running)
            assert rig.values["gain"] == -7.0
        assert (rig.pid, rig.status.running) == (0, False)

    for again in range(2):
        asyncio.run(play(again))  # in a loop of its own each time


@contextlib.contextmanager
def few_files(more: int) -> Iterator[None]:
    """Let this process open only so many files more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = os.open("/dev/null", os.O_RDONLY)
    os.close(files)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files + more, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_restart_that_fails_is_tried_again_until_it_succeeds(
    settings: LiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_DELAYS", (0.0, 0.02))

    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            with few_files(0):
                os.kill(rig.pid, signal.SIGKILL)
                await until(lambda: rig._supervisor._failures > 5)
                rig.send([Event(0, "gain", -9.0)])
                assert (rig.pid, rig.status.running, rig.values["gain"]) == (0, False, -9.0)
            await until(lambda: rig.status.running)
            assert (rig.values["gain"], rig.status.restarts) == (-9.0, 1)
        killed, failed = watch.of_the_process()
        assert "was killed by SIGKILL; it starts again" in killed
        assert failed.startswith(
            "the audio process cannot be started (Too many open files); it is tried again"
        )

    asyncio.run(play())


def test_a_start_without_files_fails_in_a_sentence_and_leaves_none_open(settings: LiveSettings) -> None:
    async def start() -> None:
        with pytest.raises(BridgeError, match=r"cannot be started \(Too many open files\)"):
            await LiveRig(settings).start()

    resource_tracker.ensure_running()
    for more in range(6):  # of the two or more that a pipe, shared memory and a process need each
        before = len(list(Path("/proc/self/fd").iterdir()))
        with few_files(more), pytest.raises(OSError, match="Too many open files"):
            AudioHandle(settings, patient=False)
        gc.collect()
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    with few_files(6):
        asyncio.run(start())


def test_a_process_that_fails_as_soon_as_it_begins_is_told_once_and_tried_again(
    settings: LiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_DELAYS", (0.0,))

    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            (tmp_path / "dark.onnx").rename(tmp_path / "away.onnx")
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == 3)
            rig.send([Event(0, "gain", -9.0)])
            (tmp_path / "away.onnx").rename(tmp_path / "dark.onnx")
            await until(lambda: rig.status.running)
            assert rig.values["gain"] == -9.0
        killed, failed = watch.of_the_process()
        assert "was killed by SIGKILL" in killed
        assert "the audio process ended (" in failed
        assert "dark.onnx" in failed

    asyncio.run(play())


def test_a_process_that_ran_steadily_is_started_again_at_once_however_often_it_ended_before(
    settings: LiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_STEADY_SECONDS", 0.0)
    monkeypatch.setattr(supervisor, "_DELAYS", (0.0, 3600.0))

    async def play() -> None:
        async with LiveRig(settings) as rig:
            for times in (1, 2):
                os.kill(rig.pid, signal.SIGKILL)
                await until(lambda: rig.status.restarts == times and rig.status.running)  # noqa: B023 - used at once

    asyncio.run(play())


def test_whatever_goes_wrong_with_a_start_it_is_tried_again(
    settings: LiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_DELAYS", (0.0,))
    faults = [RuntimeError("can't start new thread"), MemoryError(), ValueError("no such thing")]

    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            good = rig._supervisor._settings

            def bad() -> LiveSettings:
                if faults:
                    raise faults.pop(0)
                return good()

            rig._supervisor._settings = bad
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == 1 and rig.status.running)
        reasons = ("can't start new thread", "MemoryError", "no such thing")
        assert [
            f"({reason})" in said for said, reason in zip(watch.of_the_process()[1:], reasons, strict=True)
        ] == [True] * 3

    asyncio.run(play())


def test_what_finds_too_much_waiting_is_refused_and_a_panic_is_not(settings: LiveSettings) -> None:
    """The audio process stands still for a while, as on a machine that has too much to do."""

    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        async with rig:
            os.kill(rig.pid, signal.SIGSTOP)
            sent: list[float] = []
            notes = [60.0 + k / 64.0 for k in range(60)]
            while rig._supervisor.has_room(1):
                rig.send([NoteOn(0, note) for note in notes])
                sent += notes
                await asyncio.sleep(0)
            with pytest.raises(DeviceError, match="is too busy for 60 more events; send them later"):
                rig.send([NoteOn(0, note) for note in notes])
            assert rig.status.refused == 60
            rig.panic()
            os.kill(rig.pid, signal.SIGCONT)
            await until(lambda: any(isinstance(event, AllNotesOff) for event in watch.heard))
            assert [event.note for event in watch.heard if isinstance(event, NoteOn)] == sent
            assert rig.status.refused == 60

    asyncio.run(play())


def test_a_singer_of_the_set_is_chosen_by_id_or_by_file(settings: LiveSettings) -> None:
    async def play() -> None:
        for which in ("bright", settings.singers[1]):
            async with LiveRig(replace(settings, parameters={"morph_singer": which})) as rig:
                assert (rig.singers, rig.values["morph_singer"]) == (("dark", "bright"), "bright")

    asyncio.run(play())


def test_between_two_audio_processes_values_are_kept_and_the_rest_is_refused(
    settings: LiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_DELAYS", (0.5,))

    async def play() -> None:
        rig = LiveRig(settings)
        async with rig:
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == 1)
            assert rig.pid == 0
            rig.send([Event(0, "gain", -9.0), NoteOff(0, 60.0), AllNotesOff(0)])
            rig.panic()
            rig.learn(None)
            for event, now in ((NoteOn(0, 60.0), True), (Event(9, "gain", 0.0), False)):
                with pytest.raises(DeviceError, match="process is away; send it again when it runs"):
                    rig.send([Event(0, "gain", 0.0), event], now=now)
            with pytest.raises(DeviceError, match="gain cannot be learned"):
                rig.learn("gain")
            with pytest.raises(OutputError, match="'take' cannot begin while the device is away"):
                rig.record("take")
            assert rig.values["gain"] == -9.0
            await until(lambda: rig.status.running)
            assert rig.values["gain"] == -9.0
            assert rig.status.refused == 0
            await rig.record("take")
            assert (tmp_path / "take" / "audio.f32").exists()

    asyncio.run(play())


def test_without_its_device_nothing_is_recorded(settings: LiveSettings, tmp_path: Path) -> None:
    async def play() -> None:
        rig = LiveRig(settings)
        async with rig:
            (tmp_path / "stem.wav").rename(tmp_path / "away.wav")
            os.kill(rig.pid, signal.SIGKILL)
            await until(lambda: rig.status.restarts == 1 and rig.pid != 0)
            with pytest.raises(OutputError, match="'take' cannot begin while the device is away"):
                rig.record("take")
            assert (rig.status.recording, (tmp_path / "take").exists()) == ("", False)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"singers": ("nobody",)}, SingerFileError, "'nobody'"),
        ({"driver": DriverSettings("null", "missing.wav")}, DeviceError, "missing.wav is not an audio file"),
    ],
)
def test_what_is_missing_at_the_start_is_said(
    settings: LiveSettings, change: dict[str, object], error: type[Exception], sentence: str
) -> None:
    async def play() -> None:
        rig = LiveRig(replace(settings, **change))  # type: ignore[arg-type]
        watch = Watch(rig)
        with pytest.raises(error, match=sentence):
            await rig.start()
        assert watch.said == []

    asyncio.run(play())


@pytest.mark.parametrize("number", audio.IGNORED_SIGNALS)
def test_a_signal_of_the_terminal_does_not_reach_an_audio_process_that_starts(
    settings: LiveSettings, number: signal.Signals
) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handle = AudioHandle(settings, patient=False)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    os.kill(handle.pid, number)  # at its very beginning
    while "ready" not in (message := handle.link.receive(20.0) or {"ready": "never"}):
        pass
    assert message["ready"] == ["dark", "bright"]
    os.kill(handle.pid, number)
    assert handle.link.send({"end": True})
    assert handle.reap() == "ended with status 0"


@pytest.mark.usefixtures("settings")
@pytest.mark.skipif(not Path("/proc/thread-self/children").exists(), reason="this system tells no children")
def test_a_control_process_that_is_killed_leaves_a_closed_session_and_no_process(tmp_path: Path) -> None:
    options = ["--singer", "dark.onnx", "--record", "take", "--sessions", "takes"]
    process = spawn(["live", "--driver", "null", "--device", "stem.wav", *options], tmp_path)
    sound = tmp_path / "takes" / "take" / "audio.f32"
    wait_until(lambda: sound.exists() and sound.stat().st_size > 4 * RATE // 2)
    children = _children(process.pid)
    process.kill()
    process.communicate(timeout=30)
    assert children
    wait_until(lambda: not any(_lives(child) for child in children))
    with SessionReader(tmp_path / "takes" / "take") as session:
        assert session.frames >= RATE // 2
        assert session.note == ""  # it was closed


def _children(pid: int) -> list[int]:
    """Processes that a process has started, where the system tells."""
    folder = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in folder.read_text(encoding="utf-8").split()]


def _lives(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_singer_is_added_while_it_plays(settings: LiveSettings, tmp_path: Path) -> None:
    async def play() -> None:
        rig = LiveRig(settings)
        watch = Watch(rig)
        file = write_singer(tmp_path / "new.onnx")
        async with rig:
            rig.send([Event(0, "gain", -7.0), Event(0, "singer", "bright")])
            position, before = rig.status.position, rig.pid
            assert await rig.add_singer(file) == "new"
            assert rig.singers == ("dark", "bright", "new")
            assert rig.files["new"] == str(file)
            assert (rig.values["gain"], rig.values["singer"]) == (-7.0, "bright")
            assert rig.pid != before
            await until(lambda: rig.status.running and rig.status.position > position)
            rig.send([Event(0, "singer", "new"), Event(0, "gain", -5.0)])
            await until(lambda: watch.heard[-1:] == [Event(watch.heard[-1].position, "gain", -5.0)])
            assert rig.values["singer"] == "new"
            (said,) = watch.said
            assert said.startswith("new is in the set; the sound was away for ")
            playing = rig.pid
            os.kill(playing, signal.SIGKILL)  # the set stays
            await until(lambda: rig.pid not in (0, playing) and rig.status.running)
            assert (rig.singers, rig.values["singer"]) == (("dark", "bright", "new"), "new")

    asyncio.run(play())


def test_a_singer_that_cannot_be_added_leaves_the_sound_as_it_is(
    settings: LiveSettings, tmp_path: Path
) -> None:
    write_singer(tmp_path / "new.onnx")
    (tmp_path / "other").mkdir()
    write_singer(tmp_path / "other" / "dark.onnx", 2.0)
    (tmp_path / "text.onnx").write_text("no singer")

    async def play() -> None:
        async with LiveRig(settings) as rig:
            before = rig.pid

            async def refused(name: str) -> str:
                with pytest.raises(BridgeError) as refusal:
                    await rig.add_singer(tmp_path / name)
                return str(refusal.value)

            first = asyncio.create_task(refused("text.onnx"))
            await asyncio.sleep(0.0)
            assert "another singer is being added; ask again" in await refused("new.onnx")
            assert "text.onnx is not a readable ONNX model" in await first
            assert "is called 'dark' like another singer" in await refused("other/dark.onnx")
            assert "dark.onnx is in the set already" in await refused("dark.onnx")
            await rig.record("take")
            assert "new cannot be added while a session is being recorded" in await refused("new.onnx")
            rig.stop_recording()
            assert (rig.pid, rig.status.restarts, rig.singers) == (before, 0, ("dark", "bright"))
            assert rig.status.running

    asyncio.run(play())


def test_a_device_that_does_not_come_back_leaves_the_set_as_it_was(
    settings: LiveSettings, tmp_path: Path
) -> None:
    stem, file = tmp_path / "stem.wav", write_singer(tmp_path / "new.onnx")

    async def play() -> None:
        async with LiveRig(settings) as rig:
            stem.rename(tmp_path / "away.wav")
            with pytest.raises(BridgeError, match="before it was ready; the set is the one before"):
                await rig.add_singer(file)
            (tmp_path / "away.wav").rename(stem)
            await until(lambda: rig.status.running)
            assert rig.singers == ("dark", "bright")

    asyncio.run(play())
