"""What a studio expects of a bounce: broadcast chunks, markers on their sample, other formats and rates."""

from __future__ import annotations

import hashlib
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.writer import AudioWriter, Carried, OutputFormat
from plugin_bridge.version import __version__
from tests.support.doubles import DARK, sung
from tests.support.extras import needs
from tests.support.studio import adtl, bext, cue, smpl

RATE = 48000
FRAMES = 38400
CLICKS = (4800, 14411, 30000)
TEN_O_CLOCK = 10 * 3600 * RATE
HISTORY = b"A=PCM,F=48000,W=24,M=mono,T=Recorder 9000\r\n"
IXML = (
    "<BWFXML><SPEED><AUDIO_BIT_DEPTH>{bits}</AUDIO_BIT_DEPTH><FILE_SAMPLE_RATE>{rate}</FILE_SAMPLE_RATE>"
    "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>{high}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
    "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{low}</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED></BWFXML>"
)
CHUNKS = [
    (b"bext", bext(TEN_O_CLOCK, version=2, history=HISTORY, loudness=(-1600, 300, -50, -1200, -1400))),
    (b"iXML", IXML.format(bits=24, rate=RATE, high=0, low=TEN_O_CLOCK).encode()),
    (b"axml", b"<ebuCoreMain/>"),
    (b"cue ", cue(*((n, at) for n, at in enumerate(CLICKS, 1)))),
    (b"LIST", adtl({1: b"in", 2: b"Strophe", 3: b"out"}, {2: 4800})),
    (b"smpl", smpl(RATE, (CLICKS[1], CLICKS[2] - 1))),
]
BYPASS = BounceSettings(singer="dark", parameters={"transpose": 0.0, "bypass": True})


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    """A broadcast WAV file with a click at each of its markers."""
    x = np.zeros((1, FRAMES), np.float32)
    x[0, list(CLICKS)] = 0.9
    with AudioWriter(
        tmp_path / "stem.wav", RATE, 1, FRAMES, OutputFormat(), carried=Carried({}, CHUNKS)
    ) as writer:
        writer.write(x)
    return tmp_path / "stem.wav"


def run(
    source: Path, name: str, settings: BounceSettings = BYPASS, form: OutputFormat | None = None
) -> tuple[Path, BounceResult, list[str]]:
    target = source.parent / name
    target.unlink(missing_ok=True)
    notes: list[str] = []
    done = bounce(
        source,
        target,
        form or OutputFormat(),
        settings,
        library=SingerLibrary([DARK]),
        listener=BounceListener(notes.append),
    )
    return target, done, notes


def chunks_of(path: Path) -> dict[bytes, bytes]:
    with AudioReader(path) as reader:
        return dict(reader.carried_chunks())


def clicks_of(path: Path) -> list[int]:
    """Samples at which clicks are loudest."""
    x = np.abs(soundfile.read(path, dtype="float32")[0])
    parts = np.split(np.arange(len(x)), [round(share * len(x)) for share in (0.25, 0.6)])
    return [int(part[x[part].argmax()]) for part in parts]


def cues_of(path: Path) -> list[int]:
    content = chunks_of(path)[b"cue "]
    return [struct.unpack_from("<I", content, 24 * n + 24)[0] for n in range(3)]


@pytest.mark.parametrize("rate", [None, 8000, 44100, 96000, 192000])
def test_broadcast_chunks_survive_at_any_rate_and_markers_lie_on_their_sample(
    stem: Path, rate: int | None
) -> None:
    target, done, notes = run(stem, "out.wav", form=OutputFormat("wav", "16", rate))
    rate = rate or RATE
    assert (done.sample_rate, soundfile.info(target).frames) == (rate, FRAMES * rate // RATE)
    assert notes == []
    found = chunks_of(target)
    assert list(found) == [name for name, _ in CHUNKS]
    time = 10 * 3600 * rate
    line = f"A=PCM,F={rate},W=16,M=mono,T=plugin_bridge {__version__}\r\n".encode()
    assert struct.unpack_from("<Q", found[b"bext"], 338) == (time,)
    assert found[b"bext"][602:] == HISTORY + line
    assert found[b"bext"][:338] == CHUNKS[0][1][:338]
    assert found[b"iXML"].decode() == IXML.format(bits=16, rate=rate, high=time >> 32, low=time % 2**32)
    assert found[b"axml"] == CHUNKS[2][1]
    moved = [int(at * rate / RATE + 0.5) for at in CLICKS]
    assert cues_of(target) == moved
    assert all(abs(heard - at) <= 1 for heard, at in zip(clicks_of(target), moved, strict=True))
    assert found[b"LIST"] == adtl({1: b"in", 2: b"Strophe", 3: b"out"}, {2: 4800 * rate // RATE})
    assert found[b"smpl"] == smpl(rate, (moved[1], moved[2] - 1))


def test_at_the_same_rate_clicks_and_markers_are_the_same_sample(stem: Path) -> None:
    target, *_ = run(stem, "out.wav", form=OutputFormat("wav", "32f"))
    assert clicks_of(target) == cues_of(target) == list(CLICKS)


@pytest.mark.parametrize("level", [BYPASS, replace(BYPASS, loudness=-30.0)], ids=["plain", "set"])
def test_bext_tells_the_loudness_that_the_report_tells(tmp_path: Path, level: BounceSettings) -> None:
    path, x = tmp_path / "stem.wav", sung(RATE, 1.0)
    with AudioWriter(path, RATE, 1, x.shape[1], OutputFormat(), carried=Carried({}, CHUNKS)) as writer:
        writer.write(x)
    target, done, _ = run(path, "out.wav", level)
    value, span, peak, momentary, short = struct.unpack_from("<5h", chunks_of(target)[b"bext"], 412)
    assert done.loudness is not None
    assert done.true_peak_db is not None
    assert (value, peak) == (round(100 * done.loudness), round(100 * done.true_peak_db))
    assert value <= momentary <= value + 300
    assert (span, short) == (0x7FFF, 0x7FFF)  # a second has none


def test_markers_go_from_wav_to_aiff_and_back_and_what_is_lost_is_told(stem: Path) -> None:
    aiff, _, notes = run(stem, "out.aiff", form=OutputFormat("aiff"))
    lost = "is without what stem.wav holds besides its audio (bext, iXML, axml, smpl)"
    assert notes == [f"{aiff} {lost}; write a WAV file to keep it"]
    assert cues_of(aiff) == list(CLICKS)
    wav, _, notes = run(aiff, "back.wav", form=OutputFormat("wav", "24", 96000))
    assert notes == []
    assert cues_of(wav) == [2 * at for at in CLICKS]
    assert chunks_of(wav)[b"LIST"] == adtl({1: b"in", 2: b"Strophe", 3: b"out"})
    flac, _, notes = run(stem, "out.flac", form=OutputFormat("flac"))
    assert "(bext, iXML, axml, cue, LIST, smpl); write a WAV file" in notes[0]
    assert chunks_of(flac) == {}
    assert run(flac, "again.wav")[2] == []


@pytest.mark.parametrize(
    "chunk",
    [
        (b"bext", b""),
        (b"bext", b"\xff" * 700),
        (b"iXML", b"\xff\xfe\xff"),
        (b"cue ", b"\xff" * 100),
        (b"LIST", b"adtl" + b"labl\xff\xff\xff\xff" * 9),
        (b"smpl", b"\xff" * 61),
    ],
    ids=lambda chunk: chunk[0].decode() + str(len(chunk[1])),
)
def test_nothing_in_a_chunk_can_break_a_bounce(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    path, x = tmp_path / "stem.wav", sung(RATE, 0.1)
    with AudioWriter(path, RATE, 1, x.shape[1], OutputFormat(), carried=Carried({}, [chunk])) as writer:
        writer.write(x)
    for form in (OutputFormat("wav", "24", 44100), OutputFormat("wav", "16"), OutputFormat("aiff")):
        target, done, _ = run(path, f"out{form.suffix}", form=form)
        assert soundfile.info(target).frames == round(done.seconds * done.sample_rate)


@pytest.mark.parametrize("rate", [44100, 22050, 96000])
@pytest.mark.parametrize("container", ["opus", "mp3"])
def test_lossy_outputs_have_their_length_and_tell_another_rate(
    tmp_path: Path, container: str, rate: int
) -> None:
    x = np.concatenate([sung(rate, 0.6), np.zeros((1, 7), np.float32)], axis=1)
    soundfile.write(tmp_path / "stem.wav", x.T, rate)
    form = OutputFormat(container)
    target, done, notes = run(tmp_path / "stem.wav", f"out{form.suffix}", form=form)
    expected = form.rate_for(rate)
    assert done.sample_rate == expected
    frames = round(x.shape[1] * expected / rate)
    back, found_rate = soundfile.read(target, dtype="float32")
    assert (len(back), found_rate) == (frames, expected)
    told = f"{target} has {expected} Hz, because {container} has no {rate} Hz"
    assert notes == ([told] if expected != rate else [])
    plain, *_ = run(tmp_path / "stem.wav", "out.wav", form=OutputFormat("wav", "32f", expected))
    dry = soundfile.read(plain, dtype="float32")[0]
    assert len(dry) == frames
    apart = [
        np.abs(back[100 + lag : frames - 100 + lag] - dry[100 : frames - 100]).mean() for lag in range(-3, 4)
    ]
    assert int(np.argmin(apart)) == 3  # at its time
    assert done.loudness is not None


def test_ffmpeg_reads_the_same(stem: Path) -> None:
    needs("av")
    import av

    for name, form, length in (
        ("a.wav", OutputFormat("wav", "24", 96000), FRAMES / RATE),
        ("a.opus", OutputFormat("opus"), FRAMES / RATE),
        ("a.mp3", OutputFormat("mp3"), None),  # FFmpeg counts its padding, but plays none
    ):
        target, *_ = run(stem, name, form=form)
        with av.open(str(target)) as file:
            if length is not None:
                assert file.duration is not None
                assert abs(file.duration / av.time_base - length) < 0.01
            if form.container == "wav":
                assert file.metadata["time_reference"] == str(2 * TEN_O_CLOCK)
                history = file.metadata["coding_history"].splitlines()
                assert history[-1].startswith("A=PCM,F=96000,W=24,M=mono")
                assert (file.metadata["encoded_by"], file.metadata["date"]) == ("Recorder 9000", "2026-11-30")
            played = sum(frame.samples for frame in file.decode(audio=0))
        assert played == soundfile.info(target).frames


def test_the_same_bounce_twice_gives_the_same_bytes(stem: Path) -> None:
    """At another second, from a source with all that can be carried; at its rate and at another."""
    x: NDArray[np.float32] = sung(44100, 0.6)
    carried = Carried({"title": "Lied"}, CHUNKS)
    stem.unlink()
    with AudioWriter(stem, 44100, 1, x.shape[1], OutputFormat(), carried=carried) as writer:
        writer.write(x)
    settings = BounceSettings(singer="dark", loudness=-24.0)
    forms = [OutputFormat("wav", bits) for bits in ("16", "24", "32f")]
    forms += [OutputFormat("wav", "24", 48000), OutputFormat("flac", "16"), OutputFormat("flac", "24", 48000)]
    hashes: list[list[str]] = []
    for turn in ("one", "two"):
        time.sleep(1.05 if hashes else 0.0)  # libsndfile stamps seconds
        made = [run(stem, turn + form.suffix, settings, form)[0].read_bytes() for form in forms]
        hashes.append([hashlib.sha256(data).hexdigest() for data in made])
    assert hashes[0] == hashes[1]
