"""Play the plug-in in Ardour, without a display or a sound card: make a session, export it, save it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from plugin_bridge.plugin.installation import Installation
from plugin_bridge.plugin.table import slots
from tests.plugin_bridge.plugin.hosting import Float32, Move

_SUPERCLOCK = 282_240_000
"""Ticks of a second in a session file."""
_SECONDS = 45.0
_EXPORT_SECONDS = 20.0
"""An export takes 2, and 4 on a busy machine."""
_TRIES = 8
SLIP = 16
"""Samples, the latency of the resampler of Ardour's ports."""
CYCLE, OFFSET = 1024, 256
"""Samples of a cycle of its dummy sound card, and where on the timeline the first whole one begins."""
PAN_LAW = np.float32(10.0 ** (-3.0 / 20.0))
"""Gain of a mono track in the middle."""
_NAMES = {1: "plugin_bridge mono", 2: "plugin_bridge"}
_MAKE = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = create_session("{folder}", "{name}", {rate})
local tracks = session:new_audio_track({channels}, 2, nil, 1, "vox", ARDOUR.PresentationInfo.max_order,
                                       ARDOUR.TrackMode.Normal, true)
for track in tracks:iter() do
  local plugin = ARDOUR.LuaAPI.new_plugin(session, "{plugin}", ARDOUR.PluginType.{format}, "")
  assert(not plugin:isnil(), "the plug-in is not found")
  assert(track:add_processor_by_index(plugin, 0, nil, true) == 0)
  local values = {{{values}}}
  for i = 0, plugin:to_insert():plugin(0):parameter_count() - 1 do
    local known, _, _, row = pcall(ARDOUR.LuaAPI.plugin_automation, plugin, i)
    if known and row ~= nil and values[row.label] ~= nil then
      assert(ARDOUR.LuaAPI.set_processor_param(plugin, i, values[row.label]), row.label)
      values[row.label] = nil
    end
  end
  assert(next(values) == nil, next(values))
end
ARDOUR.LuaAPI.usleep(500000) -- the plug-in takes the values where it plays
session:save_state("")
close_session()
quit()
"""
_SAVE = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = load_session("{folder}", "{name}")
assert(session)
session:save_state("")
close_session()
quit()
"""

_HOLD = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = load_session("{folder}", "{name}")
assert(session)
local plugin = session:route_by_name("vox"):nth_plugin(0)
ARDOUR.LuaAPI.usleep(1000000) -- the plug-in is played
for i = 0, plugin:to_insert():plugin(0):parameter_count() - 1 do
  local known, _, _, row = pcall(ARDOUR.LuaAPI.plugin_automation, plugin, i)
  if known and row ~= nil and row.label == "Panel" then
    assert(ARDOUR.LuaAPI.set_processor_param(plugin, i, 1))
  end
  if known and row ~= nil and row.label == "{recorded}" then
    local which = Evoral.Parameter(ARDOUR.AutomationType.PluginAutomation, 0, i)
    plugin:to_automatable():automation_control(which, true):set_automation_state(ARDOUR.AutoState.Touch)
  end
end
session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
while io.open("{end}") == nil do ARDOUR.LuaAPI.usleep(50000) end
session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
ARDOUR.LuaAPI.usleep(500000)
session:save_state("")
close_session()
quit()
"""


class Ardour:
    """Ardour as a user has it who has installed the plug-in.

    Args:
        place: of the plug-in; its home folder is the user's.

    Raises:
        pytest.skip.Exception: Ardour is not installed.
    """

    def __init__(self, place: Installation) -> None:
        found = sorted(Path("/usr/bin").glob("ardour[0-9]*-lua"))
        if not found:
            pytest.skip("Ardour is missing; run: sh .ci/setup test, or as root: apt-get install ardour")
        self._lua = found[-1]
        self._export = self._lua.with_name(self._lua.name.replace("lua", "export"))
        self._home = place.home

    def make(self, folder: Path, kind: str, audio: Float32, rate: int, moves: list[Move]) -> Session:
        """Make a session: a track with a stem and the plug-in, whose moves are automation.

        Args:
            folder: of the session, which is made.
            kind: LV2 or VST3.
            audio: the stem, shape (channels, samples).
            rate: hertz.
            moves: automation, in order; what moves has its first value from the start on.
        """
        if kind == "VST3":
            scanner = next(Path("/usr/lib").glob(f"{self._lua.name.partition('-')[0]}/ardour-vst3-scanner"))
            name = "plugin_bridge_mono" if audio.shape[0] == 1 else "plugin_bridge"
            self._run(
                [str(scanner), str(self._home / f".vst3/{name}.vst3")], LD_LIBRARY_PATH=str(scanner.parent)
            )
        name = "session"
        first = "".join(f'["{_label(m.parameter)}"] = {_value(m)}, ' for m in moves if not m.position)
        self._lua_script(
            _MAKE.format(
                values=first,
                folder=folder,
                name=name,
                rate=rate,
                channels=audio.shape[0],
                plugin=_NAMES[audio.shape[0]],
                format=kind,
            ),
            folder.with_name(f"{folder.name}.lua"),
            folder,
        )
        session = Session(folder, name)
        session.put_in(audio, rate, moves)
        return session

    def save(self, session: Session) -> None:
        """Open a session, save it and close it."""
        text = _SAVE.format(folder=session.folder, name=session.name)
        self._lua_script(text, session.folder.with_name("save.lua"))

    @contextmanager
    def panel(self, session: Session, recorded: str) -> Iterator[None]:
        """Play a session for a `with` block, with the button of the panel pressed, and save it.

        Args:
            session: as it was made.
            recorded: a parameter whose moves become automation.
        """
        end, script = session.folder.with_name("end"), session.folder.with_name("hold.lua")
        facts = {"folder": session.folder, "name": session.name, "recorded": _label(recorded), "end": end}
        script.write_text(_HOLD.format(**facts))
        pipe = subprocess.PIPE
        words = [str(self._lua), str(script)]
        process = subprocess.Popen(words, env=self._environment(), stdout=pipe, stderr=subprocess.STDOUT)
        try:
            yield
            end.touch()
            said, _ = process.communicate(timeout=_SECONDS)
            assert process.returncode == 0, said
        finally:
            process.kill()
            process.communicate()

    def export(self, session: Session, slips: Sequence[Float32]) -> Float32:
        """Return what the master bus makes of a session, shape (2, samples).

        Version 7.3 often ends in a broken heap or waits for itself, and on a busy machine one export in ten
        comes whole, but the sound begins `SLIP` samples early, without any plug-in, too, or its cycles begin
        as much later, and so do moves in LV2: such exports do not count.

        Args:
            session: as it was made or saved.
            slips: how exports begin that do not count, (2, samples) each.
        """
        path = session.folder.with_suffix(".wav")
        words = [str(self._export), "-b", "float", "-o", str(path), str(session.folder), session.name]
        for _ in range(_TRIES):
            with contextlib.suppress(subprocess.TimeoutExpired):
                done = self._call(words, {}, _EXPORT_SECONDS)
                if done.returncode == 0:
                    audio, _ = soundfile.read(path, dtype="float32", always_2d=True)
                    if any(np.array_equal(audio[: slip.shape[1]].T, slip) for slip in slips):
                        continue
                    return np.ascontiguousarray(audio.T)
                assert done.returncode < 0, done.stdout + done.stderr
        raise AssertionError(f"Ardour died, hung or slipped in {_TRIES} exports")

    def _lua_script(self, text: str, path: Path, made: Path | None = None) -> None:
        """Run a script; on a busy machine version 8 now and then dies at its end ("exception not rethrown").

        Args:
            text: of the script, which may run again.
            path: where it is put.
            made: a folder that it makes.
        """
        path.write_text(text)
        for _ in range(_TRIES):
            done = self._call([str(self._lua), str(path)], {})
            if done.returncode >= 0:
                return _check(done)
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)
        raise AssertionError(f"Ardour died in {_TRIES} runs of {path.name}")

    def _run(self, words: list[str], **settings: str) -> None:
        _check(self._call(words, settings))

    def _call(
        self, words: list[str], settings: Mapping[str, str], seconds: float = _SECONDS
    ) -> subprocess.CompletedProcess[str]:
        environment = {**self._environment(), **settings}
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, check=False, timeout=seconds
        )

    def _environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if name != "LV2_PATH"}
        return {**others, "HOME": str(self._home)}


class Session:
    """A session on disk.

    Args:
        folder: of it.
        name: of its file.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.path = folder / f"{name}.ardour"

    def values(self) -> dict[str, float]:
        """Return the plug-in's parameters as they are saved, by the names that Ardour shows."""
        track = ET.parse(self.path).getroot().iter("Processor")  # noqa: S314 - Ardour's own file
        rows = [one for found in track for one in found.iter("Controllable") if one.get("parameter")]
        return {one.get("name", ""): float(one.get("value", "")) for one in rows}

    def recorded(self, parameter: str) -> set[float]:
        """Return the values in a parameter's automation."""
        root = ET.parse(self.path).getroot()  # noqa: S314 - Ardour's own file
        numbers = {one.get("name"): one.get("parameter") for one in root.iter("Controllable")}
        name = f"parameter-{numbers[_label(parameter)]}"
        (row,) = (one for one in root.iter("AutomationList") if one.get("automation-id") == name)
        return {float(line.split()[1]) for line in row.findtext("events", "").split("\n") if line}

    def put_in(self, audio: Float32, rate: int, moves: list[Move]) -> None:
        """Write the stem and the automation into the file, as Ardour's editor would, which has a display."""
        tree = ET.parse(self.path)  # noqa: S314 - Ardour's own file
        root = tree.getroot()
        numbers = iter(range(int(root.get("id-counter", "0")) + 1, 1 << 30))
        length = audio.shape[1] * _SUPERCLOCK // rate
        folder = next((self.folder / "interchange").glob("*/audiofiles"))
        sources = []
        for channel, samples in enumerate(audio):
            name, number = f"stem-{channel}.wav", str(next(numbers))
            soundfile.write(folder / name, samples, rate, subtype="FLOAT")
            facts = {"name": name, "type": "audio", "flags": "", "id": number, "channel": "0", "origin": ""}
            ET.SubElement(_one(root, "Sources"), "Source", {**facts, "natural-position": "a0", "gain": "1"})
            sources.append(number)
        region = _region(sources, length)
        ET.SubElement(
            _one(root, "Regions"), "Region", {**region, "id": str(next(numbers)), "whole-file": "1"}
        )
        track = next(route for route in root.iter("Route") if route.get("name") == "vox")
        playlist = _playlist(_one(root, "Playlists"), track)
        ET.SubElement(playlist, "Region", {**region, "id": str(next(numbers)), "whole-file": "0"})
        ET.SubElement(
            _one(root, "Locations"),
            "Location",
            {"id": str(next(numbers)), "name": "session", "start": "a0", "end": f"a{length}"}
            | {"flags": "IsSessionRange", "locked": "0", "cue": "0"},
        )
        _automate(track, rate, moves)
        root.set("id-counter", str(next(numbers)))
        tree.write(self.path, encoding="UTF-8", xml_declaration=True)


def _one(root: ET.Element, name: str) -> ET.Element:
    found = root.find(name)
    assert found is not None, name
    return found


def _playlist(known: ET.Element, track: ET.Element) -> ET.Element:
    """Return the track's playlist, which a session may not have saved yet."""
    number = track.get("audio-playlist", "")
    found = known.find(f"Playlist[@id='{number}']")
    facts = {
        "id": number,
        "name": "vox",
        "type": "audio",
        "orig-track-id": track.get("id", ""),
        "frozen": "0",
    }
    return ET.SubElement(known, "Playlist", facts) if found is None else found


def _region(sources: list[str], length: int) -> Mapping[str, str]:
    links = {f"source-{i}": number for i, number in enumerate(sources)}
    masters = {f"master-source-{i}": number for i, number in enumerate(sources)}
    return {
        "name": "stem",
        "type": "audio",
        "start": "a0",
        "length": f"a{length}@a0",
        "channels": str(len(sources)),
        "fade-in-active": "0",
        "fade-out-active": "0",
        "opaque": "1",
        "stretch": "1",
        "shift": "1",
        "scale-amplitude": "1",
        **links,
        **masters,
    }


def _automate(track: ET.Element, rate: int, moves: list[Move]) -> None:
    """Put in what moves later, in steps: a line of Ardour's editor that is set to discrete."""
    numbers = {one.get("name"): one.get("parameter") for one in track.iter("Controllable")}
    for name in {move.parameter for move in moves if move.position}:
        number = numbers[_label(name)]
        row = next(
            one for one in track.iter("AutomationList") if one.get("automation-id") == f"parameter-{number}"
        )
        row.attrib |= {"state": "Play", "interpolation-style": "Discrete", "time-domain": "AudioTime"}
        points = [(m.position * _SUPERCLOCK // rate, _value(m)) for m in moves if m.parameter == name]
        ET.SubElement(row, "events").text = "".join(f"a{at} {value}\n" for at, value in points)


def _label(parameter: str) -> str:
    return parameter.replace("_", " ").capitalize()


def _value(move: Move) -> float:
    if isinstance(move.value, str):
        return next(float(number) for number, name in slots().items() if name == move.value)
    return move.value


def _check(done: subprocess.CompletedProcess[str]) -> None:
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Error:" not in said, said
