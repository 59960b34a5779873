"""Training on a voice made here: it learns, stops and goes on, scores, and writes a singer that sings."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from dsp.filters import HARMONIC_GRID, NOISE_GRID, GridReader, TimeVaryingFilter
from dsp.oscillator import Sawtooth
from dsp.phasecompensation import PhaseCompensator
from dsp.singerltas import LTAS_SIZE, SingerLtas
from dsp.spectrum import ENVELOPE_GRID, envelope
from dsp.synth import DdspAdd, Dwts, Knot, SawSing, Synthesizer
from models.content.file import ContentEncoder, shipped
from models.differentiable.losses import aperiodic_loss, band_energy_loss, multi_scale_loss
from models.singer.file import Singer, load_singer
from models.training.batches import Batch, BatchMaker, PreparedRecording, clean_example, prepare, stack
from models.training.corpus import HOP, Recording, analyse
from models.training.perturbation import EnvelopePerturbation, Perturbation, smoothing_width
from models.training.singer.publish import memory_of
from models.training.singer.recipe import (
    SingerFacts,
    TrainingListener,
    copy_scores,
    held_out_of,
    split,
    train_singer,
)
from models.training.singer.renderers import KINDS, BankRenderer, Renderer, tables_of
from models.training.singer.training import Plan, Trainer
from plugin_bridge.errors import OutputError, TrainingError

Float32 = NDArray[np.float32]
FACTS = SingerFacts("made", "Made", "CC0", "nobody", "a voice made by the test")


def made_voice(seconds: float = 2.0, f0: float = 220.0, seed: int = 0) -> Float32:
    """A sawtooth that moves between two vowels, with a little breath and a pause, at 48 kHz."""
    hops = int(seconds * 100)
    hz = f0 * np.exp2(0.3 * np.sin(np.arange(hops * HOP) / 48000.0 * 2.0))
    saw = Sawtooth(48000)
    wave = np.concatenate([saw.process(part) for part in hz.reshape(-1, HOP)])
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(wave + 0.02 * rng.standard_normal(wave.size))
    hertz = np.fft.rfftfreq(wave.size, 1 / 48000)
    vowels = [
        np.fft.irfft(spectrum / (0.2 + ((hertz - formant) / 400.0) ** 2)) for formant in (500.0, 1100.0)
    ]
    blend = 0.5 + 0.5 * np.sin(np.arange(wave.size) / 48000.0 * 9.0)
    voice = blend * vowels[0] + (1.0 - blend) * vowels[1]
    voice[: 20 * HOP] = 0.0
    return np.asarray(0.3 * voice / np.abs(voice).max(), np.float32)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return analyse("made", made_voice())


@pytest.fixture(scope="module")
def prepared(recording: Recording) -> PreparedRecording:
    return prepare(recording)


@pytest.fixture(scope="module")
def encoder() -> ContentEncoder:
    return ContentEncoder(shipped())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "voice"
    place.mkdir()
    for number in range(2):
        soundfile.write(place / f"take{number}.wav", made_voice(1.6, 200.0 + 60.0 * number, number), 48000)
    return place


def synthesizer(kind: str, render: Renderer) -> Synthesizer:
    tables = tables_of(render)
    if tables is not None:
        return Dwts(48000, tables)
    return SawSing(48000) if kind == "sawsing" else DdspAdd(48000)


def played_sawtooth(harmonic: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what SawSing plays at 233 Hz before its filters, a hop for each of them."""
    levels = GridReader(48000, (HARMONIC_GRID,)).read(harmonic)
    moving = TimeVaryingFilter(48000, 1).responses(levels)[1][0]
    compensator, saw, hops = PhaseCompensator(48000), Sawtooth(48000), len(harmonic) - 1
    saw.reset(compensator.start(233.0, moving[0]))
    positions = range(0, hops * HOP + 1, HOP)
    f0 = compensator.process(np.full(hops * HOP, 233.0), positions, [1.0] * hops, moving[1:])
    return saw.process(np.concatenate([f0, f0[-HOP:]]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_trained_synthesizer_is_the_one_that_plays(kind: str) -> None:
    """Torch and numpy agree within -100 dB."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    render, frames = KINDS[kind](), 20
    harmonic = render.initial_bias().numpy() + 0.3 * rng.standard_normal((frames, render.controls))
    harmonic = harmonic.astype(np.float32)
    noise = np.full((frames, NOISE_GRID.size), -40.0, np.float32)
    f0, one = np.full(HOP, 233.0), np.ones(HOP, np.float32)
    synth = synthesizer(kind, render)
    knots = [Knot(0, a, b) for a, b in zip(harmonic, noise, strict=True)]
    plays = np.concatenate(
        [synth.process(f0, one, one, [left, right._replace(position=HOP)]) for left, right in pairwise(knots)]
    )
    wave = (
        played_sawtooth(harmonic.astype(np.float32))
        if kind == "sawsing"
        else np.zeros(frames * HOP, np.float32)
    )
    flat = torch.ones(1, frames * HOP)
    batch = Batch(flat, flat, 233.0 * flat, torch.from_numpy(wave)[None], flat, flat, flat)
    with torch.no_grad():
        trained = render(batch, torch.from_numpy(harmonic)[None], torch.from_numpy(noise)[None])[0].numpy()
    difference = np.abs(plays - trained[: plays.size]).max() / np.abs(plays).max()
    assert 20.0 * np.log10(difference) < -100.0


def test_noise_of_the_bank_is_rendered_too() -> None:
    render = KINDS["ddsp-add"]()
    assert isinstance(render, BankRenderer)
    flat = torch.ones(1, 30 * HOP)
    batch = Batch(flat, flat, 200.0 * flat, flat, 0.0 * flat, flat, flat)
    hiss = render(batch, torch.zeros(1, 30, render.controls), torch.zeros(1, 30, NOISE_GRID.size))
    assert float(hiss[0, 5 * HOP : 25 * HOP].std()) == pytest.approx(1.0, abs=0.05)


def test_features_of_training_are_those_of_the_engine(recording: Recording) -> None:
    assert recording.frames == 200
    assert recording.voicing[60:150].min() > 0.9
    assert recording.voicing[:15].max() < 0.1
    expected = 220.0 * np.exp2(0.3 * np.sin(np.arange(200) * 0.01 * 2.0))
    assert np.median(np.abs(1200 * np.log2(recording.f0 / expected))[60:150]) < 5.0


def test_a_perturbation_moves_formants_and_hides_the_room(recording: Recording) -> None:
    width = smoothing_width(recording.f0, recording.voicing)
    plain = envelope(recording.power.astype(np.float64), recording.loudness, width)
    strong = Perturbation(warp=1.4, band_warp=0.06, blur=2.5, tilt_db=9.0)
    peak = [
        ENVELOPE_GRID[
            EnvelopePerturbation(strong, -20.0, np.random.default_rng(seed))
            .envelope(recording.power, recording.loudness, width)[100]
            .argmax()
        ]
        for seed in range(12)
    ]
    assert len(set(peak)) > 4
    still = Perturbation(1.0, 0.0, 1.0, 0.0, 0.0, (-200.0, -199.0), (24001.0, 24002.0), (200.0, 201.0))
    same = EnvelopePerturbation(still, -20.0, np.random.default_rng(0)).envelope(
        recording.power, recording.loudness, width
    )
    assert np.max(np.abs(same - plain)[:, ENVELOPE_GRID < 20000.0]) < 0.05


def test_loss_is_zero_for_equals_and_grows_with_difference() -> None:
    rng = np.random.default_rng(0)
    a = torch.from_numpy(0.1 * rng.standard_normal((1, 9600)).astype(np.float32))
    assert float(multi_scale_loss(a, a)) == 0.0
    assert float(multi_scale_loss(a, 0.9 * a)) < float(multi_scale_loss(a, 0.5 * a))


def test_band_energy_sees_dullness_and_not_the_order_of_noise() -> None:
    rng = np.random.default_rng(0)
    first, second = (
        torch.from_numpy(0.1 * rng.standard_normal((2, 48000)).astype(np.float32)) for _ in range(2)
    )
    dull = torch.fft.irfft(torch.fft.rfft(first) * torch.linspace(1.0, 0.1, 24001))
    assert float(band_energy_loss(first, second, 48000)) < 0.15
    assert float(band_energy_loss(first, dull, 48000)) > 0.4
    assert float(band_energy_loss(first, first, 48000)) == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns(kind: str, prepared: PreparedRecording, encoder: ContentEncoder) -> None:
    plan = Plan(kind=kind, frames=40, batch=2, skipped=4, warmup_steps=5)
    trainer = Trainer([prepared], [1.0], encoder, plan)
    before = copy_scores(trainer, [prepared])["multi_scale_loss"]
    for _ in range(25):
        trainer.advance()
    assert copy_scores(trainer, [prepared])["multi_scale_loss"] < 0.9 * before


def test_the_loss_is_of_all_but_the_first_frames_and_the_last(
    prepared: PreparedRecording, encoder: ContentEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first the network warms up; after the last there is no frame to glide to."""
    plan = Plan(frames=40, batch=2, skipped=6, scales_per_step=4)
    batch = BatchMaker([prepared], [1.0], encoder.start(), plan.frames, plan.batch, seed=3)()
    trainer = Trainer([prepared], [1.0], encoder, plan)
    torch.manual_seed(5)
    with torch.no_grad():
        output = trainer.renderer(batch, *trainer.network(batch.content, batch.pitch))[:, 6 * 480 : 39 * 480]
    target = batch.target[:, 6 * 480 : 39 * 480]
    f0 = batch.f0[:, 6 * 480 : 39 * 480]
    expected = multi_scale_loss(output, target) + 0.5 * band_energy_loss(output, target, 48000)
    expected += 0.5 * aperiodic_loss(output, target, f0, 48000)
    monkeypatch.setattr(BatchMaker, "__call__", lambda _: batch)
    torch.manual_seed(5)
    assert trainer.advance() == pytest.approx(float(expected), rel=1e-5)


def test_the_average_is_of_all_steps_at_first_and_then_of_the_newest(
    prepared: PreparedRecording, encoder: ContentEncoder
) -> None:
    trainer = Trainer([prepared], [1.0], encoder, Plan(frames=40, batch=2, skipped=4, average=0.7))
    weight, average = trainer.network.harmonic.bias, trainer.averaged[0].harmonic.bias
    seen = [weight.detach().clone()]
    for _ in range(4):
        trainer.advance()
        seen.append(weight.detach().clone())
    assert float((seen[-1] - seen[0]).abs().max()) > 1e-5
    expected = 0.7 * (0.7 * (sum(seen[:3]) / 3.0) + 0.3 * seen[3]) + 0.3 * seen[4]
    assert torch.allclose(average - seen[0], expected - seen[0], rtol=1e-2, atol=2e-7)


def test_a_run_that_stops_goes_on_as_if_it_had_not(
    tmp_path: Path, prepared: PreparedRecording, encoder: ContentEncoder
) -> None:
    plan = Plan(frames=40, batch=2, skipped=4)
    straight = Trainer([prepared], [1.0], encoder, plan)
    for _ in range(3):
        straight.advance()
    straight.save(tmp_path / "checkpoint.pt")
    again = Trainer([prepared], [1.0], encoder, plan)
    again.load(tmp_path / "checkpoint.pt")
    assert again.step == 3
    for a, b in zip(straight.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)
    other = Trainer([prepared], [1.0], encoder, Plan(kind="ddsp-add", frames=40, batch=2))
    with pytest.raises(TrainingError, match="is no checkpoint of this version of a ddsp-add singer"):
        other.load(tmp_path / "checkpoint.pt")


def test_the_learning_rate_falls_with_the_root_of_time_and_then_to_nothing(
    prepared: PreparedRecording, encoder: ContentEncoder
) -> None:
    trainer = Trainer([prepared], [1.0], encoder, Plan())
    rates = {}
    for step in (0, 99, 199, 4000, 9000, 14999, 16000, 20000):
        trainer.step = step
        rates[step] = trainer.learning_rate()
    assert rates == pytest.approx(
        {
            0: 1e-3 / 200.0,
            99: 0.5e-3,
            199: 1e-3,
            4000: 1e-3,
            9000: 1e-3 * 2.0 / 3.0,
            14999: 1e-3 * (4000.0 / 14999.0) ** 0.5,
            16000: 1e-3 * 0.5 * 0.8,
            20000: 0.0,
        }
    )


def test_transposed_copies_count_half(tmp_path: Path, folder: Path) -> None:
    """Two recordings of 1.6 s, less a tenth held out, and each 4 semitones lower and 3 higher."""
    parts = split(folder, (), tmp_path / "cache", TrainingListener())
    assert [part.recording.name for part in parts.training] == [
        *("take0", "take1"),
        *("take0-4", "take0+3", "take1-4", "take1+3"),
    ]
    assert parts.weights == [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    assert [part.recording.frames for part in parts.training] == [144] * 6
    assert [part.recording.frames for part in parts.held_out] == [16, 16]
    assert parts.own == parts.training[:2]
    voiced = [np.median(part.recording.f0[part.recording.voicing > 0.9]) for part in parts.training]
    moved = 12.0 * np.log2(np.array(voiced[2:4]) / voiced[0])
    assert moved == pytest.approx([-4.0, 3.0], abs=0.1)


def test_the_memory_is_of_frames_within_45_db_of_the_loudest(
    prepared: PreparedRecording, encoder: ContentEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    loudness = np.full(200, -20.0, np.float32)
    loudness[50:100], loudness[100:150] = -64.0, -66.0
    part = replace(prepared, recording=replace(prepared.recording, loudness=loudness))
    monkeypatch.setattr("models.training.singer.publish.choose_memory", lambda content: content)
    assert memory_of(encoder.start(), [part]).shape == (149, encoder.manifest.size)  # of 199


def test_batches_are_seeded(prepared: PreparedRecording, encoder: ContentEncoder) -> None:
    a, b, c = (BatchMaker([prepared], [1.0], encoder.start(), 40, 2, seed)() for seed in (1, 1, 2))
    assert torch.equal(a.content, b.content)
    assert not torch.equal(a.content, c.content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_becomes_a_singer_file(
    tmp_path: Path, folder: Path, kind: str, encoder: ContentEncoder
) -> None:
    steps: list[int] = []
    plan = Plan(kind=kind, steps=3, frames=30, batch=2, skipped=4)
    output = tmp_path / "made.onnx"
    manifest = train_singer(
        folder,
        FACTS,
        output,
        plan=plan,
        device="cpu",
        listener=TrainingListener(step=lambda step, _: steps.append(step)),
    )
    assert steps == [0, 1, 2]
    assert output.stat().st_size <= 6 * 2**20
    singer = load_singer(output)
    assert isinstance(singer, Singer)
    assert singer.manifest == manifest
    assert {"multi_scale_loss", "f0_cents", "voicing_f1"} <= set(manifest.scores)
    assert manifest.f0_low <= manifest.f0_median <= manifest.f0_high
    assert len(manifest.ltas) == (LTAS_SIZE if kind == "sawsing" else 0)
    estimator = singer.start()
    content = np.full((2, encoder.manifest.size), 0.5, np.float32)
    bands = np.zeros((2, 72), np.float32)
    facts = (np.full(2, fact) for fact in (220.0, 1.0, -20.0, 0.5, 0.0))
    harmonic, noise = estimator.process(content, bands, *facts)
    assert harmonic.shape == (2, manifest.harmonic)
    assert noise.shape == (2, manifest.noise)
    assert np.all(np.isfinite(harmonic))
    synth = singer.synthesizer(44100)
    knots = [Knot(441 * at, harmonic[at], noise[at]) for at in range(2)]
    voice = synth.process(np.full(441, 220.0), np.ones(441, np.float32), np.ones(441, np.float32), knots)
    assert np.all(np.isfinite(voice))
    assert np.std(voice) > 0.0


def test_a_singer_file_equals_the_trained_network_in_its_ltas(
    tmp_path: Path, folder: Path, encoder: ContentEncoder
) -> None:
    plan = Plan(steps=3, frames=30, batch=2, skipped=4)
    train_singer(folder, FACTS, tmp_path / "made.onnx", plan=plan, device="cpu")
    prepared = prepare(analyse("made", made_voice(1.2)))
    trainer = Trainer([prepared], [1.0], encoder, plan)
    trainer.load(tmp_path / "made.training" / "checkpoint.pt")
    network, _ = trainer.averaged
    batch = stack([clean_example(prepared, encoder.start())])
    with torch.no_grad():
        harmonic, noise = network(batch.content, batch.pitch)
    singer = load_singer(tmp_path / "made.onnx")
    f0, voicing, loudness = batch.pitch[0].double().numpy().T
    ltas = SingerLtas(singer.manifest.ltas)
    wanted = ltas.process(harmonic[0].numpy(), noise[0].numpy(), voicing, loudness)
    nothing = np.zeros(f0.size)
    bands = np.zeros((f0.size, 72), np.float32)  # read by refiners alone
    found = singer.start().process(batch.content[0].numpy(), bands, f0, voicing, loudness, nothing, nothing)
    assert all(np.max(np.abs(a - b)) < 1e-4 for a, b in zip(wanted, found, strict=True))


def test_training_again_goes_on(tmp_path: Path, folder: Path) -> None:
    output = tmp_path / "made.onnx"
    short, longer = (Plan(steps=steps, frames=30, batch=2, skipped=4) for steps in (2, 4))
    train_singer(folder, FACTS, output, plan=short, device="cpu")
    seen: list[int] = []
    listener = TrainingListener(step=lambda step, _: seen.append(step))
    assert train_singer(folder, FACTS, output, plan=longer, device="cpu", listener=listener).steps == 4
    assert seen == [2, 3]


def breath(seconds: float) -> Float32:
    """Noise in which nothing is voiced."""
    return 0.1 * np.random.default_rng(3).standard_normal(int(48000 * seconds)).astype(np.float32)


def test_a_singer_whose_held_out_part_is_unvoiced_can_be_read(tmp_path: Path, folder: Path) -> None:
    soundfile.write(folder / "whisper.wav", breath(0.5), 48000)
    plan = Plan(steps=1, frames=30, batch=2, skipped=4, hold_out=("whisper*",))
    made = train_singer(folder, FACTS, tmp_path / "made.onnx", plan=plan, device="cpu")
    assert made.scores.keys() == {"held_out_seconds", "multi_scale_loss", "voicing_f1"}
    assert load_singer(tmp_path / "made.onnx").manifest == made


@pytest.mark.parametrize("seconds", [0.02, 0.3])
def test_recordings_too_short_to_hold_anything_out_are_passed_over(
    tmp_path: Path, folder: Path, seconds: float
) -> None:
    soundfile.write(folder / "short.wav", made_voice(1.0)[-round(48000 * seconds) :], 48000)
    plan = Plan(steps=1, frames=30, batch=2, skipped=4)
    made = train_singer(folder, FACTS, tmp_path / "made.onnx", plan=plan, device="cpu")
    assert made.scores["held_out_seconds"] == 0.3  # of two times 1.6 s


def test_what_cannot_be_trained_on_or_scored_is_refused_before_the_training(
    tmp_path: Path, folder: Path
) -> None:
    def watch(*_: object) -> None:
        pytest.fail("it trains")

    def run(plan: Plan, place: Path) -> None:
        output = tmp_path / "made.onnx"
        train_singer(place, FACTS, output, plan=plan, device="cpu", listener=TrainingListener(step=watch))

    soundfile.write(folder / "short.wav", made_voice(1.0)[-2880:], 48000)
    with pytest.raises(TrainingError, match=r"no part longer than 0\.06 s is held out for the scores; give"):
        run(Plan(hold_out=("short*",), frames=30), folder)
    noise = tmp_path / "noise"
    noise.mkdir()
    soundfile.write(noise / "noise.wav", breath(2.0), 48000)
    with pytest.raises(TrainingError, match="no recording holds a sung note; give recordings of a singing"):
        run(Plan(frames=30), noise)


def test_every_tenth_recording_is_held_out() -> None:
    paths = [Path(f"take{number:02d}.wav") for number in range(25)]
    assert held_out_of(paths, ()) == [paths[9], paths[19]]
    assert held_out_of(paths, ("take03*", "take1?.wav")) == [paths[3], *paths[10:20]]
    with pytest.raises(TrainingError, match="'song"):
        held_out_of(paths, ("song*",))
    with pytest.raises(TrainingError, match="nothing to train on"):
        held_out_of(paths, ("*",))


@pytest.mark.parametrize("name", ["", "My-Voice", "my voice", "a.b", "_a", "\u00e9", "a" * 41])
def test_an_id_that_no_singer_file_takes_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match=r"singer id '.*' is not plain; use up to 40 lower-case letters"):
        train_singer(tmp_path, replace(FACTS, id=name), tmp_path / "made.onnx", device="cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fact", ["name", "licence", "attribution", "training_data"])
def test_a_text_that_is_not_utf8_is_refused_at_the_start(tmp_path: Path, fact: str) -> None:
    typed = b"Andr\xe9".decode("utf-8", "surrogateescape")  # as a terminal set to Latin-1 hands it on
    with pytest.raises(TrainingError, match=rf"the {fact.replace('_', ' ')} 'Andr.*' is no Unicode"):
        train_singer(tmp_path, replace(FACTS, **{fact: typed}), tmp_path / "made.onnx", device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        train_singer(tmp_path, FACTS, tmp_path, device="cpu")
    assert list(tmp_path.iterdir()) == []


def test_recordings_must_be_there_and_long_enough(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no recordings"):
        train_singer(tmp_path, FACTS, tmp_path / "made.onnx", device="cpu")
    soundfile.write(tmp_path / "short.wav", made_voice(0.5), 48000)
    with pytest.raises(TrainingError, match="longer than"):
        train_singer(tmp_path, FACTS, tmp_path / "made.onnx", device="cpu")
