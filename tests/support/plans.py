"""A folder with small singers, stems and a plan for them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import soundfile

from plugin_bridge.batches.making import Made, Making, make
from plugin_bridge.bounce.bounce import BounceListener
from plugin_bridge.engine.library import SingerLibrary
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer

PLAN = """
[defaults]
singer = "dark.onnx"
output = "made/{stem}_{singer}_{transpose}.wav"
parameters = { transpose = 0 }

[[jobs]]
input = "stems/*.wav"
"""


def planned_folder(folder: Path, stems: int = 3, seconds: float = 0.1) -> Path:
    """Fill a folder with the singers `dark` and `bright`, numbered stems of one sound, and `plan.toml`."""
    write_singer(folder / "dark.onnx", -2.0, 130.0)
    write_singer(folder / "bright.onnx", 2.0, 260.0)
    (folder / "stems").mkdir()
    for number in range(stems):
        x = sung(16000, seconds).T * (1.0 - number / (2.0 * stems))
        soundfile.write(folder / "stems" / f"{number}.wav", x, 16000, "PCM_24")
    (folder / "plan.toml").write_text(PLAN, encoding="utf-8")
    return folder


def make_or_die(task: Making, library: SingerLibrary, listener: BounceListener) -> Made:
    """Make a job, but kill the process where its input is `1.wav`, as one that takes all memory would."""
    if task.job.source.name == "1.wav":
        os.kill(os.getpid(), signal.SIGKILL)
    return make(task, library, listener)
