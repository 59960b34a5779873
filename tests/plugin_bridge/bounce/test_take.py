"""Sessions bounced: what was heard live, to the sample, and what was asked for over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.singer.file import load_singer
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.bounce.take import Interrupted
from plugin_bridge.chain.effects import NativeEffect
from plugin_bridge.chain.preset import Preset
from plugin_bridge.control.events import AllNotesOff, AnyEvent, Event, NoteOff, NoteOn, PitchBend
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import SessionError
from plugin_bridge.files.writer import OutputFormat
from tests.plugin_bridge.commands.commandline import call
from tests.support.doubles import ADDED, BRIGHT, DARK, sung
from tests.support.sessions import Live
from tests.support.singerfiles import write_singer

Float32 = NDArray[np.float32]
RATE = 48000
PLAIN = BounceSettings()
FLOAT = OutputFormat("wav", "32f")
SOURCE = sung(RATE, 0.5, vibrato=0.3)
SHORT = SOURCE[:, :12_000]
EVENTS: list[AnyEvent] = [
    Event(0, "transpose", 3.0),
    Event(0, "brightness", 2.0),
    Event(4801, "singer", "bright"),
    Event(6000, "morph_singer", "dark"),
    Event(6000, "morph", 0.4),
    Event(9600, "melody", value=True),
    NoteOn(9600, 57.0),
    Event(12000, "singer", "dark"),
    PitchBend(12345, 0.5),
    NoteOff(17000, 57.0),
    AllNotesOff(17000),
    Event(17001, "melody", value=False),
]


def again(
    folder: Path,
    settings: BounceSettings = PLAIN,
    form: OutputFormat = FLOAT,
    source: str = "take",
    report: Callable[[str], None] = lambda _: None,
) -> tuple[Float32, BounceResult]:
    """Bounce a session; return the samples, shape (channels, n), and the report."""
    target = folder / f"out{form.suffix}"
    library = SingerLibrary([DARK, BRIGHT, ADDED])
    done = bounce(
        folder / source,
        target,
        form,
        replace(settings, force=True),
        library=library,
        listener=BounceListener(report),
    )
    return soundfile.read(target, dtype="float32", always_2d=True)[0].T, done


def take(folder: Path, events: Sequence[AnyEvent] = EVENTS, live: Live | None = None) -> Float32:
    """Record half a second as `take`; return what was heard."""
    sizes = [128] * 187 + [64]
    return (live or Live()).record(folder / "take", SOURCE, sizes, events)


def as_file(folder: Path, settings: BounceSettings, source: Float32 = SOURCE) -> Float32:
    """Bounce the source as a plain file."""
    soundfile.write(folder / "stem.wav", source.T, RATE, "FLOAT")
    return again(folder, settings, source="stem.wav")[0]


def score(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "score.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_bounce_is_what_was_heard(tmp_path: Path) -> None:
    heard = take(tmp_path)
    found = set()
    for block in (4096, 37):
        out, done = again(tmp_path, BounceSettings(block=block))
        assert out.shape == SOURCE.shape
        assert np.array_equal(out[:, : heard.shape[1]], heard)
        found.add((tmp_path / "out.wav").read_bytes())
    assert len(found) == 1
    assert (done.singer, done.seconds, done.source_pitch) == ("dark", 0.5, None)
    assert heard.any()


def test_a_session_is_bounced_with_the_tracker_it_was_played_with(tmp_path: Path) -> None:
    heard = take(tmp_path, live=Live(pitch="melody"))
    out, _ = again(tmp_path)
    assert np.array_equal(out[:, : heard.shape[1]], heard)
    other, _ = again(tmp_path, BounceSettings(pitch="periodicity"))
    assert not np.array_equal(other, out)
    plain = tmp_path / "plain"
    plain.mkdir()
    take(plain)
    assert np.array_equal(again(plain)[0], other)
    assert np.array_equal(again(plain, BounceSettings(pitch="melody"))[0], out)
    preset = Preset(name="mix", singer="dark", parameters={"transpose": 0}, pitch="melody")
    asked = BounceSettings("dark", parameters={"transpose": 0.0}, pitch="melody")
    assert np.array_equal(again(tmp_path, BounceSettings(preset=preset))[0], again(tmp_path, asked)[0])


@st.composite
def performances(
    draw: st.DrawFn,
) -> tuple[list[int], list[tuple[int, int]], list[tuple[int, int]], list[AnyEvent]]:
    """Blocks, gaps among them, output missed and events, for `SHORT`."""
    total = SHORT.shape[1]
    pattern = draw(st.lists(st.sampled_from([100, 128, 479, 2048, 5000]), min_size=1, max_size=5))
    sizes: list[int] = []
    while sum(sizes) < total:
        sizes.append(min(pattern[len(sizes) % len(pattern)], total - sum(sizes)))
    starts = [0, *np.cumsum(sizes).tolist()]
    chosen = sorted(draw(st.sets(st.integers(1, max(1, len(sizes) - 1)), max_size=4)))
    gaps = [(starts[i], sizes[i]) for i in chosen if i < len(sizes)]
    missed = draw(st.lists(st.tuples(st.integers(0, total - 1), st.integers(1, 3000)), max_size=3))
    positions = st.integers(0, total - 1)
    event: st.SearchStrategy[AnyEvent] = st.one_of(
        st.builds(Event, positions, st.just("singer"), st.sampled_from(["dark", "bright"])),
        st.builds(Event, positions, st.just("formant"), st.floats(-12, 12)),
        st.builds(Event, positions, st.just("melody"), st.booleans()),
        st.builds(NoteOn, positions, st.integers(45, 60)),
        st.builds(PitchBend, positions, st.floats(-2, 2)),
    )
    events = sorted(draw(st.lists(event, max_size=8)), key=lambda one: one.position)
    inside = [one for one in events if not any(at <= one.position < at + n for at, n in gaps)]
    return sizes, gaps, missed, inside


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(performance=performances(), cut=st.sampled_from([64, 441, 3000]))
def test_any_cutting_into_blocks_gives_the_same_bounce(
    tmp_path_factory: pytest.TempPathFactory,
    performance: tuple[list[int], list[tuple[int, int]], list[tuple[int, int]], list[AnyEvent]],
    cut: int,
) -> None:
    """Two recordings of one performance, cut differently around its gaps, give what was heard of each."""
    sizes, gaps, missed, events = performance
    live = Live(gaps=gaps, missed=missed)
    folder = tmp_path_factory.mktemp("take")
    heard = live.record(folder / "one", SHORT, sizes, events)
    starts = np.cumsum([0, *sizes])
    edges = {*starts[[0, -1]], *(e for at, n in gaps for e in (at, at + n)), *range(0, SHORT.shape[1], cut)}
    others = sorted(e for e in edges if not any(at < e < at + n for at, n in gaps))
    other = live.record(folder / "two", SHORT, np.diff(others).tolist(), events)
    assert np.array_equal(heard, other)
    one, two = (again(folder, source=name)[0] for name in ("one", "two"))
    assert np.array_equal(one, two)
    assert np.array_equal(one[:, : heard.shape[1]], heard)


def test_stereo_and_samples_out_of_range_come_again(tmp_path: Path) -> None:
    x = np.concatenate([SOURCE, 0.3 * SOURCE])
    x[0, 5000:5010] = np.nan, np.inf, -np.inf, 1e20, 200.0, 17.0, -1e-40, 0, 1, 2
    heard = Live().record(tmp_path / "take", x, [240] * 100, EVENTS)
    out, _ = again(tmp_path)
    assert np.array_equal(out[:, : heard.shape[1]], heard)


def test_without_the_dropouts_it_sings_on(tmp_path: Path) -> None:
    take(tmp_path, live=Live(missed=[(10_000, 128), (10_128, 64), (30_000, 5)]))
    kept, _ = again(tmp_path)
    whole, _ = again(tmp_path, BounceSettings(dropouts=False))
    heard = slice(10_000 - 3 * 480, 10_192 - 3 * 480)
    assert not kept[:, heard].any()
    assert whole[:, heard].any()
    whole[:, heard] = 0.0
    assert np.array_equal(kept, whole)


def test_a_singer_asked_for_replaces_every_switch_and_nothing_else(tmp_path: Path) -> None:
    take(tmp_path)
    out, done = again(tmp_path, BounceSettings(singer="added"))
    rows: list[dict[str, Any]] = [
        {"position": event.position, "parameter": event.parameter, "value": event.value}
        for event in EVENTS
        if isinstance(event, Event) and event.parameter != "singer"
    ]
    notes: list[dict[str, Any]] = [
        {"position": 9600, "note_on": 57},
        {"position": 12345, "bend": 0.5},
        {"position": 17000, "notes_off": True},
    ]
    plain = BounceSettings(singer="added", automation=score(tmp_path, *rows, *notes), seed=7)
    assert done.singer == "added"
    assert np.array_equal(out, as_file(tmp_path, plain))


def test_a_parameter_asked_for_replaces_its_moves(tmp_path: Path) -> None:
    moves: list[AnyEvent] = [
        Event(0, "formant", 4.0),
        Event(8000, "formant", -4.0),
        Event(9000, "breath", 6.0),
    ]
    take(tmp_path, moves)
    out, _ = again(tmp_path, BounceSettings(parameters={"formant": 1.0}))
    lines = score(tmp_path, {"position": 9000, "parameter": "breath", "value": 6})
    plain = BounceSettings(singer="dark", parameters={"formant": 1.0}, automation=lines, seed=7)
    live_auto = {**plain.parameters, "source_pitch": 0.0, "transpose": 0.0}
    assert np.array_equal(
        again(tmp_path, BounceSettings(parameters={"formant": 1.0, "transpose": 0.0}))[0],
        as_file(tmp_path, replace(plain, parameters=live_auto)),
    )
    assert not np.array_equal(out, again(tmp_path)[0])


def test_an_automation_replaces_what_it_moves_from_the_value_at_the_start(tmp_path: Path) -> None:
    moves: list[AnyEvent] = [
        Event(0, "transpose", 0.0),
        Event(0, "formant", 4.0),
        Event(4000, "formant", -4.0),
        Event(6000, "melody", value=True),
        NoteOn(6000, 50.0),
        NoteOn(12_000, 55.0),
    ]
    take(tmp_path, moves)
    asked: list[dict[str, Any]] = [
        {"position": 8000, "parameter": "formant", "value": 2},
        {"time": 0.2, "note_on": 60},
    ]
    out, _ = again(tmp_path, BounceSettings(automation=score(tmp_path, *asked)))
    plain = score(tmp_path, *asked, {"position": 6000, "parameter": "melody", "value": True})
    start = {"formant": 4.0, "transpose": 0.0}
    assert np.array_equal(
        out, as_file(tmp_path, BounceSettings("dark", parameters=start, automation=plain, seed=7))
    )


def test_auto_transpose_is_found_as_it_was_live_unless_asked_for(tmp_path: Path) -> None:
    heard = take(tmp_path, [])
    out, done = again(tmp_path)
    assert np.array_equal(out[:, : heard.shape[1]], heard)
    assert done.auto_transpose is None
    asked, done = again(tmp_path, BounceSettings(parameters={"transpose": "auto"}))
    assert done.source_pitch == pytest.approx(220.0, rel=0.01)
    assert done.auto_transpose == -12.0
    assert np.array_equal(asked, as_file(tmp_path, BounceSettings("dark", seed=7)))


def test_a_preset_goes_over_the_session_with_its_effects(tmp_path: Path) -> None:
    take(tmp_path)
    gain = NativeEffect(effect="Gain", parameters={"gain_db": -6.0})
    preset = Preset(name="low", singer="bright", parameters={"transpose": 0}, after=(gain,))
    wet, done = again(tmp_path, BounceSettings(preset=preset))
    dry, _ = again(tmp_path, BounceSettings("bright", parameters={"transpose": 0.0}))
    assert done.singer == "bright"
    assert np.allclose(wet, dry * 10 ** (-6 / 20), atol=1e-6)


def test_levels_tails_and_formats_work_on_a_session(tmp_path: Path) -> None:
    heard = take(tmp_path)
    plain, _ = again(tmp_path)
    loud, done = again(tmp_path, BounceSettings(normalize_db=-1.0))
    assert np.allclose(loud, plain * 10 ** (done.gain_db / 20), atol=1e-6)
    assert done.peak_db == pytest.approx(-1.0, abs=1e-4)
    long, _ = again(tmp_path, BounceSettings(tail_seconds=0.25))
    assert long.shape[1] == plain.shape[1] + 12_000
    assert np.array_equal(long[:, : plain.shape[1]], plain)
    assert again(tmp_path, BounceSettings(tail_seconds=None))[0].shape[1] >= plain.shape[1]
    for form in (OutputFormat("flac", "24"), OutputFormat("aiff", "16")):
        out, _ = again(tmp_path, form=form)
        assert np.abs(out[:, : heard.shape[1]] - heard).max() < 2.0 / 2 ** (int(form.bits) - 1)
    assert not np.array_equal(again(tmp_path, BounceSettings(seed=8))[0], plain)


def test_the_moves_of_a_session_can_be_sung_on_another_stem(tmp_path: Path) -> None:
    take(tmp_path)
    moves = BounceSettings("dark", automation=tmp_path / "take" / "events.jsonl", seed=7)
    assert np.array_equal(as_file(tmp_path, moves), again(tmp_path)[0])


def test_a_session_that_was_cut_off_is_bounced_up_to_there_and_says_so(tmp_path: Path) -> None:
    heard = take(tmp_path)
    audio = tmp_path / "take" / "audio.f32"
    audio.write_bytes(audio.read_bytes()[: 4 * 9999 + 3])
    notes: list[str] = []
    out, _ = again(tmp_path, report=notes.append)
    assert out.shape[1] == 9999
    assert np.array_equal(out[:, : 9999 - 1440], heard[:, : 9999 - 1440])
    assert notes == ["take was cut off; it is used up to there, 0.21 s"]


def on_disk(folder: Path) -> Live:
    """Record with singers from files."""
    paths = [write_singer(folder / "low.onnx", -2.0, 130.0), write_singer(folder / "high.onnx", 2.0, 260.0)]
    live = Live([load_singer(path) for path in paths], values={"singer": "low", "transpose": 0.0})
    live.record(folder / "take", SOURCE, [480] * 50, [Event(7000, "singer", "high")])
    return live


def test_the_command_line_finds_the_singers_files_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sessions").mkdir()
    live = on_disk(tmp_path / "sessions")
    heard = live.record(tmp_path / "other.1", SOURCE, [480] * 50, [Event(7000, "singer", "high")])
    assert call(capsys, "bounce", "sessions", "other.1", "-o", "out", "--bits", "32f").status == 0
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["other.1.bounced.wav", "take.bounced.wav"]
    for name in files:
        out = soundfile.read(tmp_path / "out" / name, dtype="float32")[0]
        assert np.array_equal(out[: heard.shape[1]], heard[0])
    assert call(capsys, "bounce", "other.1", "--singer", "sessions/high.onnx", "--no-dropouts").status == 0
    assert (tmp_path / "other.1.high.wav").is_file()
    done = call(capsys, "bounce", "sessions/take", "-o", "a.flac", "--tail", "auto", "--normalize", "--json")
    assert json.loads(done.out)["files"][0]["singer"] == "low"


def test_another_singer_file_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    on_disk(tmp_path)
    write_singer(tmp_path / "high.onnx", 2.5, 260.0)
    with pytest.raises(SessionError, match=r"by 'high', and .*high\.onnx is another one by now; put that"):
        again(tmp_path)
    (tmp_path / "high.onnx").unlink()
    with pytest.raises(SessionError, match=r"high\.onnx is gone; put that file back or choose with --singer"):
        again(tmp_path)
    assert again(tmp_path, BounceSettings(singer="dark"))[1].singer == "dark"
    assert again(tmp_path, BounceSettings(singer=str(tmp_path / "low.onnx")))[1].singer == "low"


def test_a_session_that_names_a_stranger_is_refused(tmp_path: Path) -> None:
    take(tmp_path, [Event(100, "singer", "bright")], Live())
    path = tmp_path / "take" / "events.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("bright", "blight"), encoding="utf-8")
    with pytest.raises(SessionError, match="names a singer 'blight' that is not in its set"):
        again(tmp_path)
    (tmp_path / "take" / "session.json").unlink()
    with pytest.raises(SessionError, match=r"lacks session\.json"):
        again(tmp_path)


def test_gaps_that_touch_or_repeat_or_lie_in_others_are_one() -> None:
    spans = [(0, 10), (2, 3), (10, 5), (12, 6), (13, 1), (100, 1), (101, 0), (50, 7)]
    x = np.random.default_rng(2).normal(size=(1, 300)).astype(np.float32)
    whole = Interrupted(Delay(), spans, []).process(x)
    cut = Interrupted(Delay(), [(0, 18), (50, 7), (100, 1)], [])
    parts = [cut.process(part) for part in np.split(x, [1, 9, 30, 52, 100, 101, 250], axis=1)]
    assert np.array_equal(whole, np.concatenate(parts, axis=1))
    assert np.array_equal(
        whole[:, 18:50], np.pad(x[:, 18:50], ((0, 0), (4, 0)))[:, :32] * (np.arange(32) >= 4)
    )
    assert not whole[:, :22].any()
    assert not whole[:, 50:61].any()
    assert not whole[:, 100:105].any()


def test_output_missed_twice_is_silent_for_the_longer_time() -> None:
    x = np.random.default_rng(3).normal(size=(1, 300)).astype(np.float32)
    y = Interrupted(Delay(), [], [(40, 100), (60, 10), (130, 30)]).process(x)
    expected = np.pad(x, ((0, 0), (4, 0)))[:, :300]
    expected[:, 40:160] = 0.0
    assert np.array_equal(y, expected)


class Delay:
    """A processor that is four samples late."""

    latency = 4
    faults = 0
    beyond = voiced = 0

    def __init__(self) -> None:
        self._held = np.zeros((1, 4), np.float32)

    def process(self, block: Float32, events: object = ()) -> Float32:
        del events
        both = np.concatenate([self._held, block], axis=1)
        self._held = both[:, -4:]
        return both[:, :-4]
