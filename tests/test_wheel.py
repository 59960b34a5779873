"""`python -m build` makes a wheel that holds all it needs: in an environment of its own it bounces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

from plugin_bridge.version import __version__
from tests.conftest import ROOT
from tests.support.extras import needs

PARTS = ("dsp", "models", "plugin_bridge", "presets", "LICENSE", "README.md", "pyproject.toml")
DATA = {".cpp", ".css", ".h", ".html", ".js", ".npz", ".onnx", ".patch", ".sha256", ".svg", ".toml", ".typed"}


def run(*command: object, folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build one from a copy of what is in the repository, by way of the source distribution."""
    needs("build")
    folder = tmp_path_factory.mktemp("source")
    no_caches = shutil.ignore_patterns("__pycache__")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=no_caches)
        else:
            shutil.copy(ROOT / part, folder)
    run(sys.executable, "-m", "build", "--no-isolation", folder=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def test_the_wheel_holds_the_code_and_all_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    code = {
        path.relative_to(ROOT).as_posix()
        for part in ("dsp", "models", "plugin_bridge", "presets")
        for path in (ROOT / part).rglob("*")
        if path.suffix in {".py", *DATA} and "__pycache__" not in path.parts
    }
    assert packed == code
    assert any(name.endswith("nit.onnx") for name in packed)


def test_it_installs_and_bounces_in_a_fresh_environment(
    wheel: Path, tmp_path: Path, short_stem: Path
) -> None:
    """The dependencies are borrowed, so no network is needed; the project itself is the wheel's."""
    venv.create(tmp_path / "fresh", symlinks=True)
    python = tmp_path / "fresh" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        wheel,
        folder=tmp_path,
    )
    packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=tmp_path).strip()
    )
    borrowed = [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]
    (packages / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")

    where = run(python, "-c", "import plugin_bridge; print(plugin_bridge.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(packages)
    program = tmp_path / "fresh" / "bin" / "plugin-bridge"
    assert run(program, "--version", folder=tmp_path) == f"plugin-bridge {__version__}\n"
    run(program, "bounce", short_stem, "--singer", "nit", "-o", "out.wav", folder=tmp_path)
    assert soundfile.info(tmp_path / "out.wav").frames == soundfile.info(short_stem).frames
