"""The rule of the rooms: dsp (numpy, FFTW) <- models (onnxruntime) <- plugin_bridge; no torch at run time."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = {"dsp", "models", "plugin_bridge", "presets"}
RUN_TIME = {"numpy", "onnxruntime", "pedalboard", "pydantic", "soundfile", "soxr", "tqdm"}
# Transforms were half of the synthesizer's time; FFTW takes a tenth of what numpy takes for one of a hop.
TRANSFORMS = {"pyfftw"}
TRAINING = {"torch", "onnx", "transformers"}
SCORING = {"librosa", "matplotlib", "pesq", "pystoi", "resemblyzer", "swift_f0"}
OTHER_TRACKERS = {"parselmouth", "torchcrepe"}  # in no extra; compared where somebody installed them
LIVE = {"jack", "rtmidi", "sounddevice", "zeroconf"}
ALLOWED = {
    "dsp": {"dsp", "numpy", *TRANSFORMS},
    "models": {"dsp", "models", *RUN_TIME, *TRAINING, *SCORING, *OTHER_TRACKERS},
    "plugin_bridge": {*ROOMS, *RUN_TIME, *LIVE, "mido", "pythonosc", "tomli_w"},
    "presets": set[str](),
}
BLOCKED_IMPORT = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(name + " must not be imported at run time", name=name)

sys.meta_path.insert(0, Block())
import plugin_bridge
for module in pkgutil.walk_packages(plugin_bridge.__path__, "plugin_bridge."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
needing = []
for name in plugin_bridge.__all__:
    try:
        getattr(plugin_bridge, name)
    except plugin_bridge.MissingExtraError:
        needing.append(name)
print(needing)
"""


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the top-level package of each absolute import in a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.partition(".")[0]


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_imports_only_what_its_rule_allows(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    wrong = [
        f"{file.relative_to(ROOT)}:{line} imports {package}"
        for file in files
        for line, package in imports(file)
        if package not in ALLOWED[room] and package not in sys.stdlib_module_names
    ]
    assert files
    assert not wrong


def test_the_rule_sees_an_import_inside_a_function(tmp_path: Path) -> None:
    file = tmp_path / "block.py"
    file.write_text(
        "def f():\n    from models.file import load\n    import torch.nn as nn\n", encoding="utf-8"
    )
    assert list(imports(file)) == [(2, "models"), (3, "torch")]


def test_the_run_time_imports_nothing_of_the_training() -> None:
    code = BLOCKED_IMPORT.format(blocked=TRAINING | SCORING)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['SingerFacts', 'TrainingPlan', 'TrainingListener', 'train_singer']\n"
