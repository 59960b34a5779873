"""Bouncing: the same bytes whatever the blocks, exact lengths, silence, tails, levels, rates and metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import mido
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from pedalboard import Reverb

from dsp.units import RATES
from plugin_bridge.bounce import planning
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, _checked, bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.chain.chain import Chain
from plugin_bridge.chain.effects import NativeEffect
from plugin_bridge.chain.preset import Preset
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.control.events import Event
from plugin_bridge.control.parameters import Value
from plugin_bridge.engine import sourcepitch
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.rendering import CHUNK
from plugin_bridge.engine.spares import Spares
from plugin_bridge.errors import EffectError, OutputError, SingerFileError
from plugin_bridge.files.loudness import Loudness, LoudnessMeter
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.writer import AudioWriter, Carried, OutputFormat
from tests.support.doubles import BRIGHT, BROKEN, DARK, sung

Float32 = NDArray[np.float32]
FLOAT = OutputFormat("wav", "32f")
WAV24 = OutputFormat("wav", "24")
DARK_ONE = BounceSettings(singer="dark", parameters={"transpose": 0.0})
LINES: list[dict[str, Any]] = [
    {"position": 7001, "parameter": "singer", "value": "bright"},
    {"position": 9600, "parameter": "transpose", "value": 3},
    {"position": 12001, "parameter": "morph_singer", "value": "dark"},
    {"position": 12001, "parameter": "morph", "value": 0.5},
    {"time": 0.35, "parameter": "melody", "value": True},
    {"time": 0.35, "note_on": 57},
    {"time": 0.5, "parameter": "gain", "value": -6},
]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with half a second of singing at 44.1 kHz in float."""
    soundfile.write(tmp_path / "stem.wav", sung(44100, 0.6).T, 44100, "FLOAT")
    (tmp_path / "score.jsonl").write_text("\n".join(json.dumps(line) for line in LINES), encoding="utf-8")
    return tmp_path


def run(
    folder: Path,
    settings: BounceSettings = DARK_ONE,
    form: OutputFormat = FLOAT,
    source: str = "stem.wav",
    report: Callable[[str], None] = lambda _: None,
) -> tuple[Float32, BounceResult]:
    """Bounce to a new file; return its samples, shape (channels, n), and the report."""
    target = folder / f"out{form.suffix}"
    target.unlink(missing_ok=True)
    done = bounce(
        folder / source,
        target,
        form,
        settings,
        library=SingerLibrary([DARK, BRIGHT, BROKEN]),
        listener=BounceListener(report),
    )
    return soundfile.read(target, dtype="float32", always_2d=True)[0].T, done


def write(folder: Path, x: Float32, rate: int = 44100, subtype: str = "FLOAT") -> None:
    soundfile.write(folder / "stem.wav", x.T, rate, subtype)


@pytest.mark.parametrize(
    "form", [FLOAT, WAV24, OutputFormat("flac", "16"), OutputFormat("aiff", "24")], ids=str
)
def test_the_bytes_do_not_depend_on_the_blocks(here: Path, form: OutputFormat) -> None:
    settings = replace(DARK_ONE, automation=here / "score.jsonl")
    found = set()
    for block in (4096, 1, 64, 480, 1000, 100_000):
        run(here, replace(settings, block=block), form)
        found.add((here / f"out{form.suffix}").read_bytes())
    assert len(found) == 1


def test_a_file_sounds_the_same_alone_and_after_others_in_one_process(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(here / "high.wav", 0.5 * sung(44100, 0.3)[:, ::2].T, 44100, "FLOAT")
    ways = [
        BounceSettings(singer="dark"),
        replace(DARK_ONE, automation=here / "score.jsonl"),
        BounceSettings(singer="bright", parameters={"formant": 3.0, "melody": True}, seed=4),
        BounceSettings(singer="dark", parameters={"gain": -6.0}),
    ]

    def bounced(way: BounceSettings, source: str) -> tuple[bytes, float]:
        _, done = run(here, way, WAV24, source)
        return (here / "out.wav").read_bytes(), done.voiced

    with monkeypatch.context() as none_used_again:
        none_used_again.setattr(planning, "_ENGINES", Spares(0))
        none_used_again.setattr(sourcepitch, "_TRACKERS", Spares(0))
        alone = {(n, name): bounced(ways[n], name) for n in range(4) for name in ("stem.wav", "high.wav")}
    made = Mock(side_effect=Engine)
    monkeypatch.setattr(planning, "Engine", made)
    order = [*alone, *reversed(alone), *alone]
    for number, source in order:
        assert bounced(ways[number], source) == alone[number, source]
    assert made.call_count < len(order)  # the others were used again


def test_a_bounce_that_fails_leaves_nothing_to_the_next(here: Path) -> None:
    expected, _ = run(here, BounceSettings(singer="dark"))

    def fail(_: float, __: float) -> None:
        raise OutputError("the disk is full")

    with pytest.raises(OutputError, match="full"):
        bounce(
            here / "stem.wav",
            here / "none.wav",
            FLOAT,
            BounceSettings(singer="dark"),
            library=SingerLibrary([DARK]),
            listener=BounceListener(progress=fail),
        )
    assert np.array_equal(run(here, BounceSettings(singer="dark"))[0], expected)


def test_a_bounce_is_a_stream_of_the_stage_with_its_latency_taken_off(here: Path) -> None:
    out, _ = run(here, replace(DARK_ONE, automation=here / "score.jsonl", seed=5))
    x = soundfile.read(here / "stem.wav", dtype="float32")[0]
    stage = SingerConversion(DARK, singers=[BRIGHT], seed=5, transpose=0)
    events = [
        Event(7001, "singer", "bright"),
        Event(9600, "transpose", 3.0),
        Event(12001, "morph_singer", "dark"),
        Event(12001, "morph", 0.5),
    ]
    stage.at(0.35, melody=True).note(0.35, 100.0, 57).at(0.5, gain=-6.0)
    padded = np.pad(x, (0, 3 * 441))
    first = stage(padded[:1000], 44100, reset=False, events=events)
    rest = [stage(part, 44100, reset=False) for part in np.split(padded[1000:], [1, 700, 5000])]
    live = np.concatenate([first, *rest])[3 * 441 :]
    assert np.array_equal(out[0], live)


@pytest.mark.parametrize("rate", RATES)
def test_bypass_gives_the_source_to_the_sample_at_every_native_rate(tmp_path: Path, rate: int) -> None:
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (2, rate // 4 + 7)).astype(np.float32)
    write(tmp_path, x, rate)
    out, done = run(tmp_path, replace(DARK_ONE, parameters={"bypass": True, "transpose": 0.0}))
    assert np.array_equal(out, x)
    assert (done.sample_rate, done.channels, done.latency_seconds) == (rate, 2, 0.03)


@pytest.mark.parametrize("rate", [11025, 22050, 37800, 176400, 192000])
def test_other_rates_keep_length_place_and_rate(tmp_path: Path, rate: int) -> None:
    x = 0.5 * np.sin(2 * np.pi * 700 / rate * np.arange(rate // 2 + 1))[None].astype(np.float32)
    write(tmp_path, x, rate)
    out, done = run(tmp_path, replace(DARK_ONE, parameters={"bypass": True, "transpose": 0.0}))
    assert out.shape == x.shape
    assert done.sample_rate == rate
    assert np.abs(out - x)[:, rate // 8 : -rate // 8].max() < 1e-5


@pytest.mark.parametrize("form", [FLOAT, WAV24, OutputFormat("flac", "16")], ids=str)
def test_silence_gives_silence_and_one_sample_gives_one(tmp_path: Path, form: OutputFormat) -> None:
    write(tmp_path, np.zeros((2, 30000), np.float32))
    out, done = run(tmp_path, BounceSettings(singer="dark", normalize_db=-1.0), form)
    assert out.shape == (2, 30000)
    assert not out.any()
    assert (done.peak_db, done.clipped, done.source_pitch) == (None, 0, None)
    write(tmp_path, np.full((1, 1), 0.5, np.float32))
    assert run(tmp_path, BounceSettings(singer="dark"), form)[0].shape == (1, 1)


def test_mono_in_both_channels_stays_so(tmp_path: Path) -> None:
    write(tmp_path, np.repeat(sung(44100, 0.5), 2, axis=0))
    out, _ = run(tmp_path)
    assert np.array_equal(out[0], out[1])
    assert out.any()


def test_normalizing_sets_the_peak_in_a_second_pass(here: Path) -> None:
    plain, _ = run(here)
    out, done = run(here, replace(DARK_ONE, normalize_db=-3.0))
    assert np.abs(out).max() == pytest.approx(10 ** (-3 / 20), rel=1e-6)
    assert np.allclose(out, plain * 10 ** (done.gain_db / 20), atol=1e-6)
    _, full = run(here, replace(DARK_ONE, normalize_db=0.0), WAV24)
    assert full.clipped == 0
    assert full.peak_db == pytest.approx(0.0, abs=1e-4)


def loudness_of(x: Float32, rate: int) -> Loudness:
    meter = LoudnessMeter(rate, len(x))
    meter.process(x)
    meter.finish()
    return meter.shown()


def close(found: float | None) -> Any:  # noqa: ANN401 - of pytest
    return None if found is None else pytest.approx(found, abs=0.05)


def test_the_loudness_before_and_after_is_told(here: Path) -> None:
    source = loudness_of(soundfile.read(here / "stem.wav", dtype="float32", always_2d=True)[0].T, 44100)
    for form in (FLOAT, WAV24):
        out, done = run(here, form=form)
        made = loudness_of(out, 44100)
        assert None not in {source.integrated, made.integrated}
        assert (done.source_loudness, done.source_true_peak_db) == (source.integrated, source.true_peak)
        assert (done.loudness, done.true_peak_db) == (close(made.integrated), close(made.true_peak))


@pytest.mark.parametrize("form", [FLOAT, WAV24], ids=str)
def test_the_loudness_can_be_set_or_matched(here: Path, form: OutputFormat) -> None:
    plain, before = run(here, form=FLOAT)
    for settings, wanted in (
        (replace(DARK_ONE, loudness=-30.0), -30.0),
        (replace(DARK_ONE, match_loudness=True), before.source_loudness),
        (replace(DARK_ONE, match_loudness=True, parameters={"gain": -20.0}), before.source_loudness),
    ):
        notes: list[str] = []
        out, done = run(here, settings, form, report=notes.append)
        assert loudness_of(out, 44100).integrated == close(wanted)
        assert done.loudness == close(wanted)
        assert not any("LUFS" in note for note in notes)
    quiet, done = run(here, replace(DARK_ONE, loudness=-30.0))
    assert np.allclose(quiet, plain * 10 ** (done.gain_db / 20), atol=1e-6)


@pytest.mark.parametrize("form", [FLOAT, WAV24], ids=str)
def test_the_true_peak_limits_the_loudness_and_that_is_told(here: Path, form: OutputFormat) -> None:
    notes: list[str] = []
    out, done = run(here, replace(DARK_ONE, loudness=-3.0), form, report=notes.append)
    made = loudness_of(out, 44100)
    assert made.true_peak == close(-1.0)
    assert done.clipped == 0
    assert made.integrated is not None
    expected = f"out.wav has {made.integrated:.1f} LUFS instead of -3.0: its true peak would pass -1 dBTP by "
    assert any(expected in note for note in notes)


def test_what_has_no_loudness_keeps_its_level_and_that_is_told(tmp_path: Path) -> None:
    for x, why in (
        (np.zeros((1, 48000), np.float32), "the source is too quiet or too short"),
        (sung(48000, 0.3), "the source is too quiet or too short"),
    ):
        write(tmp_path, x, 48000)
        notes: list[str] = []
        _, done = run(tmp_path, replace(DARK_ONE, match_loudness=True), report=notes.append)
        assert done.gain_db == 0.0
        assert any(f"out.wav keeps its level, because {why} to have a loudness" in note for note in notes)
    write(tmp_path, sung(48000, 0.3), 48000)
    notes = []
    _, done = run(tmp_path, replace(DARK_ONE, loudness=-20.0), report=notes.append)
    assert done.gain_db == 0.0
    assert any("because it is too quiet or too short to have a loudness" in note for note in notes)


def test_clipping_is_told_with_its_measure_and_remedy(here: Path) -> None:
    notes: list[str] = []
    loud = replace(DARK_ONE, parameters={"gain": 24.0, "transpose": 0.0})
    out, done = run(here, loud, WAV24, report=notes.append)
    assert done.clipped > 0
    assert done.peak_db is not None
    assert np.abs(out).max() <= 1.0
    assert f"{done.clipped} samples pass full scale, by up to {done.peak_db:.1f} dB" in notes[0]
    assert f"add --normalize, lower --gain by {done.peak_db + 0.1:.1f} dB, or write floats" in notes[0]
    notes.clear()
    lower = {"gain": 24.0 - done.peak_db - 0.1, "transpose": 0.0}
    assert run(here, replace(DARK_ONE, parameters=lower), WAV24, report=notes.append)[1].clipped == 0
    assert run(here, loud, FLOAT, report=notes.append)[1].clipped == 0
    assert not notes


def hall(wet: float = 0.3) -> Preset:
    reverb = NativeEffect(effect="Reverb", parameters={"room_size": 0.5, "wet_level": wet})
    return Preset(name="hall", singer="dark", parameters={"transpose": 0}, after=(reverb,))


def test_a_tail_of_given_length_continues_the_sound(here: Path) -> None:
    settings = BounceSettings(preset=hall())
    plain, _ = run(here, settings)
    out, done = run(here, replace(settings, tail_seconds=0.5))
    n = plain.shape[1]
    assert out.shape[1] == n + 22050
    assert done.seconds == out.shape[1] / 44100
    assert np.array_equal(out[:, :n], plain)
    assert np.abs(out[:, n + 4410 :]).max() > 1e-3


@pytest.mark.parametrize("normalize", [None, -1.0])
def test_an_automatic_tail_ends_when_nothing_sounds(here: Path, normalize: float | None) -> None:
    settings = BounceSettings(preset=hall(), tail_seconds=None, normalize_db=normalize)
    out, _ = run(here, settings)
    long, _ = run(here, replace(settings, tail_seconds=5.0))
    n = out.shape[1]
    assert 44100 < n < 4 * 44100
    assert np.array_equal(out, long[:, :n])
    assert np.abs(long[:, n:]).max() < 2e-4
    found = {run(here, replace(settings, block=block))[0].shape[1] for block in (64, 9999)}
    assert found == {n}


def echo(seconds: float) -> Preset:
    """A preset that repeats what is sung once, so much later."""
    effect = NativeEffect(effect="Delay", parameters={"delay_seconds": seconds, "feedback": 0.0, "mix": 0.5})
    return Preset(name="Echo", singer="dark", parameters={"transpose": 0.0}, after=[effect])


@pytest.mark.parametrize("rate", [22050, 192000])
def test_a_tail_at_a_foreign_rate_is_measured_at_that_rate(tmp_path: Path, rate: int) -> None:
    """The engine runs at 24 and 96 kHz, where seconds have other numbers of samples."""
    soundfile.write(tmp_path / "stem.wav", sung(rate, 0.3).T, rate, "FLOAT")
    n = round(0.3 * rate)
    out, done = run(tmp_path, replace(DARK_ONE, tail_seconds=1.0))
    assert (out.shape[1], done.seconds) == (n + rate, 1.3)
    # An automatic tail waits two seconds for an echo, no less and no more.
    heard, _ = run(tmp_path, BounceSettings(preset=echo(2.2), tail_seconds=None))
    assert heard.shape[1] == pytest.approx(2.5 * rate, abs=0.1 * rate)
    missed, _ = run(tmp_path, BounceSettings(preset=echo(2.4), tail_seconds=None))
    assert missed.shape[1] == pytest.approx(0.3 * rate, abs=0.1 * rate)


def test_a_preset_sings_under_its_effects_and_options_go_over_it(here: Path) -> None:
    dry, _ = run(here, replace(DARK_ONE, singer="bright", parameters={"transpose": 2.0}))
    wet, done = run(
        here, BounceSettings(preset=hall(wet=0.0), singer="bright", parameters={"transpose": 2.0})
    )
    assert done.singer == "bright"
    scale = np.vdot(wet, dry) / np.vdot(dry, dry)
    assert np.abs(wet - scale * dry).max() < 1e-4
    found = set()
    for block in (1, 441, 5000):
        run(here, BounceSettings(preset=hall(), automation=here / "score.jsonl", block=block))
        found.add((here / "out.wav").read_bytes())
    assert len(found) == 1


def test_a_midi_file_and_a_score_of_the_same_events_sound_the_same(here: Path) -> None:
    track = mido.MidiTrack()
    track.append(mido.Message("program_change", program=1, time=96))
    track.append(mido.Message("control_change", control=1, value=127, time=96))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(here / "a.mid")
    (here / "map.toml").write_text(
        '[[program]]\nprogram = 1\nsinger = "bright"\n[[control]]\nnumber = 1\nparameter = "vibrato"\n',
        encoding="utf-8",
    )
    score = [
        {"time": 0.1, "parameter": "singer", "value": "bright"},
        {"time": 0.2, "parameter": "vibrato", "value": 2},
    ]
    (here / "b.jsonl").write_text("\n".join(json.dumps(line) for line in score), encoding="utf-8")
    midi, _ = run(here, replace(DARK_ONE, automation=here / "a.mid", midi_map=here / "map.toml"))
    assert np.array_equal(midi, run(here, replace(DARK_ONE, automation=here / "b.jsonl"))[0])
    assert not np.array_equal(midi, run(here)[0])


def test_auto_transpose_is_measured_beforehand_and_told(tmp_path: Path) -> None:
    write(tmp_path, sung(44100, 1.0, f0=500.0))
    notes: list[str] = []
    _, done = run(tmp_path, BounceSettings(singer="dark"), report=notes.append)
    assert done.source_pitch == pytest.approx(500.0, rel=0.01)
    assert done.auto_transpose == -24.0
    assert notes == ["transpose auto: stem.wav lies around 500 Hz, so -24 semitones"]
    assert run(tmp_path)[1].source_pitch is None


def test_what_is_told_of_auto_holds_for_what_is_set_at_the_start(here: Path) -> None:
    morphed = BounceSettings(singer="dark", parameters={"morph_singer": "bright", "morph": 1.0})
    out, done = run(here, morphed)
    assert (done.singer, done.auto_transpose) == ("bright", 0.0)

    def scored(settings: BounceSettings, **values: Value) -> tuple[Float32, BounceResult]:
        rows = [{"time": 0.0, "parameter": name, "value": value} for name, value in values.items()]
        (here / "start.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return run(here, replace(settings, automation=here / "start.jsonl"))

    again, done = scored(replace(morphed, parameters={"morph_singer": "bright"}), morph=1.0)
    assert (done.singer, done.auto_transpose) == ("bright", 0.0)
    assert np.array_equal(again, out)
    assert scored(morphed, transpose=3.0)[1].auto_transpose is None
    assert scored(morphed, source_pitch=110.0)[1].auto_transpose is None


def test_the_automation_can_choose_the_first_singer(here: Path) -> None:
    assert run(here, BounceSettings(automation=here / "score.jsonl"))[1].singer == "bright"
    with pytest.raises(SingerFileError, match="no singer is chosen; add --singer"):
        run(here, BounceSettings())


def test_events_without_effect_are_told(here: Path) -> None:
    lines = [{"time": 0.1, "note_on": 60}, {"time": 50, "parameter": "gain", "value": 0}]
    (here / "a.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    notes: list[str] = []
    run(here, replace(DARK_ONE, automation=here / "a.jsonl"), report=notes.append)
    assert "1 of 2 events lies after the end of the source" in notes
    assert any("add --melody" in note for note in notes)


@pytest.mark.parametrize(("position", "beyond"), [(26459, False), (26460, True)])
def test_the_sample_behind_the_last_is_after_the_end(here: Path, position: int, beyond: bool) -> None:
    line = {"position": position, "parameter": "gain", "value": 0}
    (here / "a.jsonl").write_text(json.dumps(line), encoding="utf-8")
    notes: list[str] = []
    run(here, replace(DARK_ONE, automation=here / "a.jsonl"), report=notes.append)
    assert ("1 of 1 events lies after the end of the source" in notes) is beyond


def test_titles_and_so_on_are_kept(tmp_path: Path) -> None:
    metadata = {"title": "Lied", "artist": "Ännchen"}
    with AudioWriter(tmp_path / "stem.wav", 48000, 1, 4800, WAV24, carried=Carried(metadata)) as writer:
        writer.write(sung(48000, 0.1))
    for form in (WAV24, OutputFormat("flac", "24"), OutputFormat("aiff", "16"), OutputFormat("opus")):
        run(tmp_path, DARK_ONE, form)
        with soundfile.SoundFile(tmp_path / f"out{form.suffix}") as file:
            assert (file.title, file.artist) == ("Lied", "Ännchen")
            assert file.software.startswith("plugin_bridge")
    run(tmp_path, DARK_ONE, OutputFormat("mp3"))
    with soundfile.SoundFile(tmp_path / "out.mp3") as file:
        assert (file.title, file.artist) == ("Lied", "Ännchen")


def test_progress_reaches_its_end(here: Path) -> None:
    steps: list[tuple[float, float]] = []
    listener = BounceListener(progress=lambda done, total: steps.append((done, total)))
    bounce(
        here / "stem.wav", here / "o.wav", FLOAT, DARK_ONE, library=SingerLibrary([DARK]), listener=listener
    )
    assert steps == sorted(steps)
    assert steps[-1] == (0.6, 0.6)


@pytest.mark.parametrize("effects", [(), (NativeEffect(effect="Gain"),)], ids=["alone", "in effects"])
@pytest.mark.parametrize("form", [FLOAT, WAV24], ids=["float", "24 bits"])
def test_a_singer_that_is_no_number_is_silent_counted_and_told(
    here: Path, form: OutputFormat, effects: tuple[NativeEffect, ...]
) -> None:
    notes: list[str] = []
    preset = Preset(name="p", singer="broken", parameters={"transpose": 0}, after=effects)
    out, done = run(here, BounceSettings(preset=preset), form, report=notes.append)
    assert np.abs(out).max() < 1e-6
    assert 60 <= done.faults <= 64 + CHUNK // 441
    (note,) = notes
    assert note == (
        f"{here / 'out.wav'}: the voice was not finite or over 24 dB above full scale for "
        f"{done.faults / 100:g} s, and was silenced or held there; use another singer file or lower --gain"
    )


@pytest.mark.parametrize(("hz", "told"), [(40.0, True), (220.0, False), (1568.0, False), (2093.0, True)])
def test_a_pitch_out_of_range_is_told(here: Path, hz: float, told: bool) -> None:
    notes: list[str] = []
    t = np.arange(2 * 44100) / 44100
    x = 0.1 * sum(np.sin(2.0 * np.pi * k * hz * t) / k for k in range(1, int(15000.0 / hz)))
    write(here, np.asarray(x, np.float32)[None])
    run(here, report=notes.append)
    assert len(notes) == told
    if told:
        assert "stem.wav: " in notes[0]
        assert notes[0].endswith(
            " s have a pitch below 50 or above 1600 Hz, which is not heard, and are whispered or sung at "
            "another pitch; transpose the source into that range first"
        )


def test_a_failure_leaves_no_file_behind(here: Path) -> None:
    x = soundfile.read(here / "stem.wav", dtype="float32", always_2d=True)[0].T
    x[0, 25000] = np.nan
    write(here, x)
    before = sorted(here.iterdir())
    for settings in (DARK_ONE, replace(DARK_ONE, normalize_db=-1.0)):
        with pytest.raises(Exception, match="holds NaN"):
            bounce(here / "stem.wav", here / "out.wav", FLOAT, settings, library=SingerLibrary([DARK]))
        assert sorted(here.iterdir()) == before


def test_the_source_is_never_replaced(here: Path) -> None:
    before = (here / "stem.wav").read_bytes()
    (here / "link.wav").hardlink_to(here / "stem.wav")
    for name in ("stem.wav", "link.wav"):
        with pytest.raises(OutputError, match="is the source itself"):
            bounce(
                here / "stem.wav",
                here / name,
                FLOAT,
                replace(DARK_ONE, force=True),
                library=SingerLibrary([DARK]),
            )
    assert (here / "stem.wav").read_bytes() == before


def test_an_effect_that_gives_nonsense_is_named(here: Path) -> None:
    with AudioReader(here / "stem.wav") as reader:
        chunks = [np.zeros((1, 441), np.float32), np.full((1, 5), np.inf, np.float32)]
        with pytest.raises(EffectError, match=r"is not finite near 0.01 s; take out the effect"):
            list(_checked(chunks, reader, 44100))
        with pytest.raises(EffectError, match=r"is over 40 dB above full scale near 0.00 s; take out"):
            list(_checked([np.full((1, 5), 101.0, np.float32)], reader, 44100))


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"block": 0}, {"block": 2**21}, {"tail_seconds": -1.0}, {"normalize_db": 3.0}):
        with pytest.raises(ValueError, match="is out of range; give"):
            BounceSettings(**wrong)
    with pytest.raises(ValueError, match=r"block 2\.5 is out of range"):
        BounceSettings(block=2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="tail 'auto' is not a number; give seconds, or None"):
        BounceSettings(tail_seconds="auto")  # type: ignore[arg-type]
    for seed in (-1, 2**63, 1.5):
        with pytest.raises(ValueError, match=r"seed .* does not name a noise; give a whole number"):
            BounceSettings(dither_seed=seed)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=r"seed .* does not name a noise; give a whole number"):
            BounceSettings(seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("loudness", [1.0, -61.0, float("nan"), "-23"])
def test_a_loudness_out_of_range_is_refused(loudness: Any) -> None:  # noqa: ANN401 - as from anywhere
    with pytest.raises(ValueError, match=r"^loudness .* is out of range; give -60 to 0 LUFS"):
        BounceSettings(loudness=loudness)


@pytest.mark.parametrize(
    ("normalize", "loudness", "match"), [(-1.0, -20.0, False), (-1.0, None, True), (None, -20.0, True)]
)
def test_the_level_is_set_in_one_way_only(
    normalize: float | None, loudness: float | None, match: bool
) -> None:
    with pytest.raises(ValueError, match="each set the level; give one of them"):
        BounceSettings(normalize_db=normalize, loudness=loudness, match_loudness=match)


def test_a_bounce_is_the_call_of_a_stage_or_a_chain_on_the_whole_stem(tmp_path: Path) -> None:
    write(tmp_path, sung(44100, 2.7, f0=330.0, vibrato=0.4))
    x = soundfile.read(tmp_path / "stem.wav", dtype="float32")[0]
    out, done = run(tmp_path, BounceSettings(singer="dark", seed=3))
    assert done.auto_transpose == -12.0
    assert np.array_equal(out[0], SingerConversion(DARK, seed=3)(x, 44100))
    out, _ = run(tmp_path, replace(DARK_ONE, preset=hall(), tail_seconds=None))
    chain = Chain([SingerConversion(DARK, transpose=0), Reverb(room_size=0.5, wet_level=0.3)])
    assert np.array_equal(out[0], chain(x, 44100, tail="auto"))
