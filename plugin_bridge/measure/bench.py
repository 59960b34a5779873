"""Measure this machine: speed of bounces, block times, memory of long bounces, start times."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plugin_bridge.bounce.bounce import bounce
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.engine.engine import Engine
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.pitchtracking import USUAL
from plugin_bridge.engine.singers import qualities
from plugin_bridge.errors import BridgeError, SingerFileError
from plugin_bridge.files.writer import AudioWriter, OutputFormat

Float32 = NDArray[np.float32]

RATE = 48000
BLOCKS = (64, 128, 256)
_REPEATS = 3
_BLOCK_SECONDS = 20
_PHRASE_SECONDS = 8
_STARTS = 5
_WAV = OutputFormat("wav", "24")
# A new process inherits the peak of the one that starts it, so a small one stands between.
_LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measured(
    singer: str = "", seconds: float = 210.0, hours: float = 0.0, pitch: str = USUAL
) -> dict[str, Any]:
    """Measure everything and return the figures.

    Args:
        singer: id or path; the first that ships if empty.
        seconds: of singing for the speed.
        hours: length of the bounce whose memory is measured; 0 leaves it out.
        pitch: how the pitch of the source is heard, one of `plugin_bridge.engine.pitchtracking.PITCHES`.

    Raises:
        SingerFileError: there is no such singer.
    """
    library = SingerLibrary()
    if not singer and not library.known():
        raise SingerFileError("no singer ships with this installation; name a singer file with --singer")
    singer = singer or library.known()[0]
    with tempfile.TemporaryDirectory(prefix="plugin-bridge-bench-") as name:
        folder = Path(name)
        with one_core():
            figures: dict[str, Any] = {
                "singer": library.id_of(singer),
                "pitch": pitch,
                "qualities": [
                    {
                        "quality": quality,
                        "steps": steps,
                        "bounce": _speed(folder, library, seconds, singer, pitch, quality),
                        "blocks": [_block_times(library, singer, size, pitch, quality) for size in BLOCKS],
                    }
                    for quality, steps in qualities(library.load([singer])[0].manifest).items()
                ],
            }
        figures["start"] = _starts(folder, singer, pitch)
        if hours:
            figures["memory"] = _memory(folder, singer, hours, pitch)
    return figures


def as_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield the figures as lines for people."""
    yield (
        f"singer {figures['singer']}, pitch by {figures['pitch']}, {RATE} Hz, one core; "
        "CPU time leaves out what other programs took"
    )
    for row in figures["qualities"]:
        name = f"quality {row['quality']}, steps {row['steps']}: " if len(figures["qualities"]) > 1 else ""
        yield from (f"{name}{line}" for line in _quality_lines(row["bounce"], row["blocks"]))
    for what, value in figures["start"].items():
        yield f"{what.removesuffix('_seconds').replace('_', ' ')}: {value:.3f} s"
    if "memory" in figures:
        row = figures["memory"]
        yield f"bounce of {row['hours']:g} h: {row['peak_mb']:.0f} MB at most, {row['rtf']:.4f} of real time"


def _quality_lines(speed: dict[str, Any], blocks: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        f"bounce of {speed['seconds']:.0f} s, file to file: {speed['rtf']:.4f} of real time, "
        f"CPU {speed['cpu_rtf']:.4f}"
    )
    for row in blocks:
        share = 100.0 / row["block_ms"]
        yield (
            f"blocks of {row['block']}: median {row['median_ms']:.3f} ms ({row['median_ms'] * share:.0f} %), "
            f"p99.9 {row['p999_ms']:.3f} ms ({row['p999_ms'] * share:.0f} %); "
            f"CPU p99.9 {row['cpu_p999_ms']:.3f} ms ({row['cpu_p999_ms'] * share:.0f} %), "
            f"load {row['cpu_load']:.4f}"
        )


def phrase(sample_rate: int = RATE) -> Float32:
    """Return 8 s of singing-like sound, shape (1, samples), float32: a vowel on six notes, hiss, a rest.

    Args:
        sample_rate: hertz.
    """
    n = _PHRASE_SECONDS * sample_rate
    t = np.arange(n) / sample_rate
    note = np.array([57, 60, 64, 62, 59, 57])[np.minimum(5, (t / 1.2).astype(int))]
    hertz = 440.0 * 2.0 ** ((note - 69 + 0.3 * np.sin(2 * np.pi * 5.5 * t)) / 12)
    cycles = np.cumsum(hertz) / sample_rate
    voice = np.zeros(n)
    for k in range(1, 31):
        centre = k * hertz
        strength = 1 / (1 + ((centre - 700) / 250) ** 2) + 0.4 / (1 + ((centre - 1800) / 400) ** 2) + 0.02
        voice += strength * np.sin(2 * np.pi * k * cycles)
    hiss = np.random.default_rng(1).standard_normal(n)
    consonant = (t % 1.2) < 0.12
    sounding = t < 7.2
    wave = np.where(consonant, 0.05 * hiss, 0.15 * voice + 0.002 * hiss) * sounding
    return wave.astype(np.float32)[None]


def write_stem(path: Path, seconds: float) -> None:
    """Write a stem of repeated phrases, streaming.

    Args:
        path: a WAV file to write.
        seconds: its length.
    """
    x, left = phrase(), round(seconds * RATE)
    with AudioWriter(path, RATE, 1, left, _WAV) as writer:
        while left:
            writer.write(x[:, :left])
            left -= min(left, x.shape[1])


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _speed(
    folder: Path, library: SingerLibrary, seconds: float, singer: str, pitch: str, quality: str
) -> dict[str, Any]:
    """The median of a few bounces from file to file, with `transpose auto` measuring the source first."""
    settings = BounceSettings(singer=singer, pitch=pitch, parameters={"quality": quality}, force=True)
    source, target = folder / "stem.wav", folder / "out.wav"
    write_stem(source, seconds)
    walls, cpus = [], []
    for _ in range(_REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        bounce(source, target, _WAV, settings, library=library)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    rtf, cpu_rtf = (statistics.median(times) / seconds for times in (walls, cpus))
    return {"seconds": seconds, "rtf": rtf, "cpu_rtf": cpu_rtf}


def _block_times(library: SingerLibrary, singer: str, size: int, pitch: str, quality: str) -> dict[str, Any]:
    """As live: garbage collection frozen, one block after the other."""
    engine = Engine(RATE, 1, library.load([singer]), parameters={"quality": quality}, pitch=pitch)
    x = np.tile(phrase(), (1, 1 + _BLOCK_SECONDS // _PHRASE_SECONDS))
    blocks = [np.ascontiguousarray(x[:, i : i + size]) for i in range(0, _BLOCK_SECONDS * RATE, size)]
    walls, cpus = np.zeros(len(blocks)), np.zeros(len(blocks))
    gc.freeze()
    gc.disable()
    try:
        for i, block in enumerate(blocks):
            wall, cpu = time.perf_counter(), time.thread_time()
            engine.process(block)
            cpus[i] = time.thread_time() - cpu
            walls[i] = time.perf_counter() - wall
    finally:
        gc.enable()
        gc.unfreeze()
    walls, cpus = (1000.0 * times[RATE // size :] for times in (walls, cpus))  # the first second warms up
    return {
        "block": size,
        "block_ms": 1000.0 * size / RATE,
        "median_ms": float(np.median(walls)),
        "p999_ms": float(np.quantile(walls, 0.999)),
        "worst_ms": float(walls.max()),
        "cpu_p999_ms": float(np.quantile(cpus, 0.999)),
        "cpu_load": float(cpus.mean() * RATE / (1000.0 * size)),
    }


def _starts(folder: Path, singer: str, pitch: str) -> dict[str, float]:
    stem = folder / "short.wav"
    write_stem(stem, 0.1)
    out = folder / "short_out.wav"
    commands = {
        "python_seconds": ["-c", ""],
        "import_seconds": ["-c", "import plugin_bridge"],
        "help_seconds": ["-m", "plugin_bridge", "--help"],
        "start_of_a_bounce_seconds": _bounce_command(stem, out, singer, pitch),
    }
    return {
        name: statistics.median(_run(command)[0] for _ in range(_STARTS))
        for name, command in commands.items()
    }


def _memory(folder: Path, singer: str, hours: float, pitch: str) -> dict[str, Any]:
    stem = folder / "long.wav"
    write_stem(stem, hours * 3600.0)
    command = [sys.executable, *_bounce_command(stem, folder / "long_out.wav", singer, pitch)]
    seconds, out = _run(["-c", _LAUNCHER, *command])
    unit = 1.0 if sys.platform == "darwin" else 1024.0  # macOS counts bytes, Linux kilobytes
    return {"hours": hours, "peak_mb": int(out) * unit / 1e6, "rtf": seconds / (hours * 3600.0)}


def _bounce_command(source: Path, target: Path, singer: str, pitch: str) -> list[str]:
    options = ["--singer", singer, "--pitch", pitch, "-o", str(target), "--force"]
    return ["-m", "plugin_bridge", "bounce", str(source), *options]


def _run(arguments: list[str]) -> tuple[float, str]:
    """Run Python with arguments; return the seconds it took and what it printed."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, *arguments]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BridgeError(f"{' '.join(command)} failed with status {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - began, done.stdout
