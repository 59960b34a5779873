"""Compile the plug-in into its bundles: two of each format, stereo and mono."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from plugin_bridge.errors import MissingExtraError, OutputError
from plugin_bridge.plugin import dpf
from plugin_bridge.plugin.table import header

HERE = Path(__file__).parent
SOURCES = ("shell.cpp", "bridge.h", "platform.h", "DistrhoPluginInfo.h")
_OPTIONS = (
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror=return-type",
)
_SECONDS = 600
_WINDOWS = ("Local/Programs/Common/VST3", "Local/Programs/Common/CLAP", "Roaming/LV2")


class Bundle(NamedTuple):
    """One of the things that a DAW looks for."""

    format: str
    """VST3, CLAP or LV2."""
    channels: int
    folder: str
    """In which DAWs look for it, below the user's home."""
    bundle: str
    """Its folder in there."""
    library: str
    """The compiled file in the bundle."""

    @property
    def place(self) -> str:
        """The compiled file, from the user's home."""
        return f"{self.folder}/{self.bundle}/{self.library}"


def bundles() -> list[Bundle]:
    """Return all bundles of this system."""
    found = []
    for name, channels in (("plugin_bridge", 2), ("plugin_bridge_mono", 1)):
        found += [
            Bundle("VST3", channels, _VST3, f"{name}.vst3", _vst3(name)),
            Bundle("CLAP", channels, _CLAP, "plugin_bridge", f"{name}.clap"),
            Bundle("LV2", channels, _LV2, f"{name}.lv2", f"{name}{_SUFFIX}"),
        ]
    return found


_VST3, _CLAP, _LV2, _SUFFIX = {
    "darwin": (*(f"Library/Audio/Plug-Ins/{kind}" for kind in ("VST3", "CLAP", "LV2")), ".dylib"),  # untested
    "win32": (*(f"AppData/{place}" for place in _WINDOWS), ".dll"),  # untested
}.get(sys.platform, (".vst3", ".clap", ".lv2", ".so"))


def _vst3(name: str) -> str:
    if sys.platform == "darwin":
        return f"Contents/MacOS/{name}"
    machine = os.uname().machine if hasattr(os, "uname") else "x86_64"
    return (
        f"Contents/{machine}-win/{name}.vst3"
        if sys.platform == "win32"
        else f"Contents/{machine}-linux/{name}.so"
    )


def compiler() -> list[str]:
    """Return the words that call the C++ compiler: `$CXX`, or the usual one.

    Raises:
        MissingExtraError: there is none.
    """
    words = shlex.split(os.environ.get("CXX", ""))
    if words and shutil.which(words[0]):
        return words
    for name in ("c++", "g++", "clang++"):
        if shutil.which(name):
            return [name]
    raise MissingExtraError(
        "there is no C++ compiler to build the plug-in with; on Debian or Ubuntu: apt-get install g++, "
        "on macOS: xcode-select --install"
    )


def build(target: Path, work: Path, cache: Path, singers: Mapping[int, str], made: Sequence[Bundle]) -> None:
    """Compile bundles, with `$CXX` and `$CXXFLAGS` where they are set.

    Args:
        target: takes the user's home's place: bundles come into `target/.vst3` and so on.
        work: a folder for what the compiler needs.
        cache: keeps DPF where it has to be fetched.
        singers: ids by number.
        made: the bundles.

    Raises:
        MissingExtraError: the compiler or DPF is missing.
        OutputError: the compiler fails; the sentence tells its first complaint.
    """
    command = compiler()
    dpf.prepare(work, cache)
    (work / "table.h").write_text(header(singers), encoding="utf-8")
    for name in SOURCES:
        shutil.copyfile(HERE / name, work / name)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda bundle: _compile(command, bundle, target, work), made))
    for bundle in made:
        if bundle.format == "LV2":
            _describe(target / bundle.place)


def _compile(command: list[str], bundle: Bundle, target: Path, work: Path) -> None:
    output = target / bundle.place
    output.parent.mkdir(parents=True, exist_ok=True)
    words = [
        *command,
        *_OPTIONS,
        *shlex.split(os.environ.get("CXXFLAGS", "")),
        f"-I{work}",
        f"-I{work / 'distrho'}",
        f"-DDISTRHO_PLUGIN_TARGET_{bundle.format}",
        f"-DPLUGIN_BRIDGE_CHANNELS={bundle.channels}",
        str(work / "shell.cpp"),
        str(work / "distrho/DistrhoPluginMain.cpp"),
        "-o",
        str(output),
        *(["-ldl", "-pthread"] if sys.platform == "linux" else []),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603
    if done.returncode:
        complaint = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[-300:])
        raise OutputError(f"{bundle.bundle} cannot be built: {complaint.strip()}; check the compiler")


def _describe(library: Path) -> None:
    """Write the description of an LV2 bundle, which the library itself knows."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).lv2_generate_ttl(sys.argv[2].encode())"
    words = [sys.executable, "-c", code, str(library), library.stem]
    done = subprocess.run(  # noqa: S603
        words, cwd=library.parent, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        raise OutputError(f"{library.parent} cannot be described: {done.stderr.strip()[-300:]}; report this")
