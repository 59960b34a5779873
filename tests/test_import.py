"""Importing plugin_bridge: light, without torch, and clear when a file of the caller hides a room."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def import_from(folder: Path, code: str = "import plugin_bridge") -> subprocess.CompletedProcess[str]:
    """Run code in a folder, which Python searches before the folder of the project."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", ["dsp", "models", "presets"])
@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py"])
def test_a_file_that_hides_a_room_is_named_with_the_remedy(tmp_path: Path, room: str, form: str) -> None:
    file = tmp_path / form.format(room)
    file.parent.mkdir(exist_ok=True)
    file.write_text("", encoding="utf-8")
    done = import_from(tmp_path)
    sentence = done.stderr.strip().splitlines()[-1]
    hidden_by = file if file.name == f"{room}.py" else file.parent
    assert done.returncode == 1
    beginning = f"ImportError: {hidden_by.resolve()} hides plugin_bridge's own package {room!r}; rename it"
    assert sentence.startswith(beginning)


def test_a_bare_folder_called_models_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    done = import_from(tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_import_is_silent_and_leaves_the_heavy_parts_alone(tmp_path: Path) -> None:
    code = (
        "import sys, plugin_bridge; "
        "print(sorted({'torch', 'scipy', 'librosa', 'onnxruntime', 'pedalboard'} & set(sys.modules)))"
    )
    done = import_from(tmp_path, code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_an_extra_what_needs_it_says_how_to_get_it(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['torch'] = None; "
    remedy = "needs torch, which is not installed; install the extra: sh .ci/setup train, or pip install"
    done = import_from(tmp_path, f"{hidden}from plugin_bridge import train_singer")
    assert f"MissingExtraError: train_singer {remedy}" in done.stderr
    assert done.stderr.count("Traceback") == 1
    command = "import runpy; runpy.run_module('models.training.melody', run_name='__main__')"
    done = import_from(tmp_path, hidden + command)
    assert done.returncode == 2
    assert done.stderr.startswith(f"training {remedy}")
    assert done.stderr.count("\n") == 1


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    import plugin_bridge

    tree = ast.parse((ROOT / "plugin_bridge" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    aliases = [alias for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(alias.asname or alias.name for alias in aliases) == sorted(plugin_bridge.__all__)
    for name in plugin_bridge.__all__:
        assert getattr(plugin_bridge, name) is not None
        assert name in dir(plugin_bridge)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    import plugin_bridge

    with pytest.raises(AttributeError, match=r"no public name 'Chian'; it has .*Chain, "):
        _ = plugin_bridge.Chian  # type: ignore[attr-defined]
