"""The script for REAPER bounces items through a real server; a list of functions stands in for REAPER."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.plugin_bridge.osc.clients import PATIENCE, in_loop, served
from tests.support.doubles import sung
from tests.support.singerfiles import write_singer
from tests.surfaces.reading import SURFACES

SCRIPT = SURFACES / "bounce_items.py"


@dataclass
class Item:
    """A media item with one take; it stands for its handle, its take's and its source's, too."""

    path: str = ""
    values: dict[str, float] = field(default_factory=dict)


@dataclass
class Reaper:
    """What the script asks of REAPER, with the arguments and results that REAPER's own module has.

    Args:
        selected: items.
        project: folder of its media.
        answers: what a person types into a dialogue; None to cancel it.
    """

    selected: Sequence[Item]
    project: Path
    answers: str | None
    tracks: list[tuple[dict[str, str], list[Item]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """Message boxes and lines of the console."""
    kept: dict[str, str] = field(default_factory=dict)
    deferred: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Run the script, and what it defers, as REAPER does, to its end."""
        module = ModuleType("reaper_python")
        for name in dir(self):
            if name.startswith("RPR_"):
                setattr(module, name, getattr(self, name))
        sys.modules["reaper_python"] = module
        try:
            namespace = {"__name__": "__main__"}
            exec(compile(SCRIPT.read_text(encoding="utf-8"), SCRIPT, "exec"), namespace)  # noqa: S102 - ours
            deadline = time.monotonic() + PATIENCE
            while self.deferred:
                assert time.monotonic() < deadline
                time.sleep(0.02)
                exec(self.deferred.pop(), namespace)  # noqa: S102
        finally:
            del sys.modules["reaper_python"]

    def RPR_CountSelectedMediaItems(self, _: int) -> int:  # noqa: N802 - REAPER's names, as below
        return len(self.selected)

    def RPR_GetSelectedMediaItem(self, _: int, index: int) -> Item:  # noqa: N802
        return self.selected[index]

    def RPR_GetActiveTake(self, item: Item) -> Item:  # noqa: N802
        return item

    def RPR_GetMediaItemTake_Source(self, take: Item) -> Item:  # noqa: N802
        return take

    def RPR_GetMediaSourceFileName(self, source: Item, _: str, size: int) -> tuple[Item, str, int]:  # noqa: N802
        return source, source.path, size

    def RPR_GetMediaItemInfo_Value(self, item: Item, key: str) -> float:  # noqa: N802
        return item.values.get(f"item {key}", 0.0)

    def RPR_SetMediaItemInfo_Value(self, item: Item, key: str, value: float) -> bool:  # noqa: N802
        item.values[f"item {key}"] = value
        return True

    def RPR_GetMediaItemTakeInfo_Value(self, take: Item, key: str) -> float:  # noqa: N802
        return take.values.get(f"take {key}", 0.0)

    def RPR_SetMediaItemTakeInfo_Value(self, take: Item, key: str, value: float) -> bool:  # noqa: N802
        take.values[f"take {key}"] = value
        return True

    def RPR_GetProjectPath(self, _: str, size: int) -> tuple[str, int]:  # noqa: N802
        return str(self.project), size

    def RPR_CountTracks(self, _: int) -> int:  # noqa: N802
        return len(self.tracks)

    def RPR_InsertTrackAtIndex(self, index: int, _: bool) -> None:  # noqa: N802
        self.tracks.insert(index, ({}, []))

    def RPR_GetTrack(self, _: int, index: int) -> Any:  # noqa: ANN401, N802
        return self.tracks[index]

    def RPR_GetSetMediaTrackInfo_String(self, track: Any, key: str, text: str, _: bool) -> Any:  # noqa: ANN401, N802
        track[0][key] = text
        return True, track, key, text, True

    def RPR_AddMediaItemToTrack(self, track: Any) -> Item:  # noqa: ANN401, N802
        track[1].append(Item())
        found: Item = track[1][-1]
        return found

    def RPR_AddTakeToMediaItem(self, item: Item) -> Item:  # noqa: N802
        return item

    def RPR_PCM_Source_CreateFromFile(self, path: str) -> str:  # noqa: N802
        return path

    def RPR_SetMediaItemTake_Source(self, take: Item, source: str) -> bool:  # noqa: N802
        take.path = source
        return True

    def RPR_Undo_BeginBlock2(self, _: int) -> None:  # noqa: N802
        pass

    def RPR_Undo_EndBlock2(self, _: int, name: str, flags: int) -> None:  # noqa: N802
        self.told.append(f"undo: {name} {flags}")

    def RPR_Main_OnCommand(self, command: int, _: int) -> None:  # noqa: N802
        assert command == 40047

    def RPR_UpdateArrange(self) -> None:  # noqa: N802
        pass

    def RPR_ShowConsoleMsg(self, text: str) -> None:  # noqa: N802
        self.told.append(text)

    def RPR_MB(self, text: str, _: str, __: int) -> int:  # noqa: N802
        self.told.append(text)
        return 1

    def RPR_GetExtState(self, _: str, key: str) -> str:  # noqa: N802
        return self.kept.get(key, "")

    def RPR_SetExtState(self, _: str, key: str, value: str, __: bool) -> None:  # noqa: N802
        self.kept[key] = value

    def RPR_DeleteExtState(self, _: str, key: str, __: bool) -> None:  # noqa: N802
        self.kept.pop(key, None)

    def RPR_GetUserInputs(self, title: str, number: int, captions: str, _: str, size: int) -> Any:  # noqa: ANN401, N802
        return self.answers is not None, title, number, captions, self.answers or "", size

    def RPR_defer(self, code: str) -> None:  # noqa: N802
        self.deferred.append(code)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A folder with a stem and what is none."""
    folder = tmp_path / "stems"
    folder.mkdir()
    soundfile.write(folder / "one.wav", sung(24000, 0.5).T, 24000, "PCM_24")
    (folder / "none.wav").write_text("la la la", encoding="utf-8")
    return folder


@in_loop
async def test_selected_items_are_sung_on_a_new_track(tmp_path: Path, stems: Path) -> None:
    home = tmp_path / "sessions"
    home.mkdir()
    places = [
        {"item D_POSITION": 1.5, "item D_LENGTH": 0.3, "item D_FADEINLEN": 0.01, "take D_STARTOFFS": 0.1},
        {"item D_POSITION": 4.0, "item D_LENGTH": 0.2, "item D_VOL": 0.5, "take D_PLAYRATE": 1.0},
    ]
    items = [Item(str(stems / "one.wav"), values) for values in places]
    items += [Item(str(stems / "none.wav")), Item("")]  # no audio, and MIDI
    singers = {name: str(write_singer(tmp_path / f"{name}.onnx")) for name in ("dark", "bright")}
    async with served(home, singers=singers) as (_, server):
        reaper = Reaper(items, tmp_path / "project", f"{home},{server.tcp_port}")
        await asyncio.to_thread(reaper.run)
    ((name, laid),) = reaper.tracks
    assert name == {"P_NAME": "plugin_bridge"}
    for new, values in zip(laid, places, strict=True):
        assert {key: value for key, value in new.values.items() if value} == values
        assert Path(new.path).parent == tmp_path / "project"
    assert laid[0].path == laid[1].path
    before, after = soundfile.info(stems / "one.wav"), soundfile.info(laid[0].path)
    assert (after.frames, after.samplerate) == (before.frames, before.samplerate)
    assert np.abs(soundfile.read(laid[0].path)[0]).max() > 0.01
    assert list(home.glob("reaper-*")) == []
    assert [text for text in reaper.told if "none.wav: failed: " in text and "is not audio" in text]
    assert [text for text in reaper.told if text.startswith("undo: ")] == [
        "undo: Bounce items through plugin_bridge -1"
    ]
    assert set(reaper.kept) == {"folder", "port"}


@pytest.mark.parametrize(
    ("names", "answers", "sentence"),
    [
        ([], "x,9000", "No audio item is selected; select some first"),
        (["one.wav"], "/no/such/folder,9000", "/no/such/folder is not a folder, or 9000 no port; give what"),
        (["one.wav"], "{home},nine", "or nine no port; give what --sessions names"),
        (["one.wav"], "{home},1", "plugin_bridge cannot be reached ("),
        (["one.wav"], None, ""),
    ],
)
def test_what_is_missing_is_told(
    tmp_path: Path, stems: Path, names: list[str], answers: str | None, sentence: str
) -> None:
    answers = answers and answers.format(home=tmp_path)
    reaper = Reaper([Item(str(stems / name)) for name in names], tmp_path / "project", answers)
    reaper.run()
    assert (reaper.tracks, reaper.deferred) == ([], [])
    assert len(reaper.told) == bool(sentence)
    assert sentence in "".join(reaper.told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stems"]


@in_loop
async def test_a_server_that_ends_is_told(tmp_path: Path, stems: Path) -> None:
    async with served(tmp_path) as (_, server):
        reaper = Reaper([Item(str(stems / "one.wav"))], tmp_path / "project", f"{tmp_path},{server.tcp_port}")
        running = asyncio.create_task(asyncio.to_thread(reaper.run))
        while not reaper.deferred:
            await asyncio.sleep(0.01)
    await running
    assert reaper.tracks == []
    assert any(text.startswith("one.wav: ") for text in reaper.told)
    assert list(tmp_path.glob("reaper-*")) == []
