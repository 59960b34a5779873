"""REAPER script: bounce the selected items through a running plugin_bridge onto a new track.

Load it in REAPER by Actions, Show action list, New action, Load ReaScript; Python must be turned on under
Preferences, Plug-ins, ReaScript. `plugin-bridge live --osc --sessions FOLDER` must run on the same machine.

The files behind the items are sung as plugin_bridge sounds at the moment, and the new items lie where the old
ones do, with their trims, fades and volumes. Effects, envelopes and stretch markers of takes are not heard.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import struct
import time
from pathlib import Path
from typing import Any

import reaper_python as reaper  # type: ignore[import-not-found]  # REAPER's own

NAME = "plugin_bridge"
ITEM_VALUES = ("D_POSITION", "D_LENGTH", "D_VOL", "D_FADEINLEN", "D_FADEOUTLEN", "B_LOOPSRC", "B_MUTE")
TAKE_VALUES = ("D_STARTOFFS", "D_PLAYRATE", "D_PITCH", "B_PPITCH", "D_VOL", "D_PAN")


def text(word: str) -> bytes:
    """Return a word as OSC writes it: ended by zeros, up to a multiple of four bytes."""
    data = word.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def messages(packet: bytes) -> list[tuple[str, list[Any]]]:
    """Return the address and the arguments of every message in a packet."""
    if packet.startswith(b"#bundle\0"):
        found, at = [], 16
        while at < len(packet):
            (size,) = struct.unpack_from(">i", packet, at)
            found += messages(packet[at + 4 : at + 4 + size])
            at += 4 + size
        return found
    address, at = read_text(packet, 0)
    tags, at = read_text(packet, at)
    arguments: list[Any] = []
    for tag in tags[1:]:
        if tag == "s":
            word, at = read_text(packet, at)
            arguments.append(word)
        elif tag in "TF":
            arguments.append(tag == "T")
        else:
            form = {"i": ">i", "f": ">f", "h": ">q", "d": ">d"}[tag]
            arguments += struct.unpack_from(form, packet, at)
            at += struct.calcsize(form)
    return [(address, arguments)]


def read_text(packet: bytes, at: int) -> tuple[str, int]:
    """Return a word and where the next argument begins."""
    end = packet.index(b"\0", at)
    return packet[at:end].decode(), end + 4 - end % 4


class Bridge:
    """The server, by TCP: a length before each packet."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 2.0)
        self._data = b""

    def send(self, address: str, *words: str) -> None:
        """Send a message of words."""
        packet = text(address) + text("," + "s" * len(words)) + b"".join(map(text, words))
        self._socket.settimeout(2.0)
        self._socket.sendall(struct.pack(">i", len(packet)) + packet)

    def heard(self) -> list[tuple[str, list[Any]]]:
        """Return the messages that have come, without waiting.

        Raises:
            ConnectionError: the server has ended.
        """
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self._socket.recv(65536)
                if not data:
                    raise ConnectionError("plugin_bridge has ended; start it again")
                self._data += data
        found = []
        while len(self._data) >= 4 and len(self._data) >= 4 + (
            size := struct.unpack(">i", self._data[:4])[0]
        ):
            found += messages(self._data[4 : 4 + size])
            self._data = self._data[4 + size :]
        return found

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Run:
    """One run of the script: every file once, then every item."""

    def __init__(self, folder: Path, bridge: Bridge, items: list[tuple[Any, Any, Path]]) -> None:
        self._bridge = bridge
        self._items = items
        self._sources = list(dict.fromkeys(source for _, _, source in items))
        self._numbers: dict[Path, int] = {}
        self._states: dict[int, str] = {}
        self._failed: dict[Path, str] = {}
        self._copies: dict[Path, Path] = {}
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number, source in enumerate(self._sources):
            self._copies[source] = copy = folder / f"reaper-{stamp}-{number}{source.suffix}"
            try:
                shutil.copyfile(source, copy)
                bridge.send("/bounce/start", copy.name, self._output(source).name, f"#{number}")
            except OSError as error:
                self._failed[source] = str(error)

    def step(self) -> bool:
        """Hear what has come, and finish when all is done; return whether to go on."""
        try:
            for address, arguments in self._bridge.heard():
                self._hear(address, arguments)
        except ConnectionError as error:
            self._failed |= {source: str(error) for source in self._sources if not self._is_done(source)}
        if not all(source in self._failed or self._is_done(source) for source in self._sources):
            return True
        self._bridge.close()
        for copy in self._copies.values():
            copy.unlink(missing_ok=True)
        self._place()
        for source, reason in self._failed.items():
            reaper.RPR_ShowConsoleMsg(f"{source.name}: {reason}\n")
        return False

    def _output(self, source: Path) -> Path:
        return self._copies[source].with_suffix(f".{NAME}.wav")

    def _is_done(self, source: Path) -> bool:
        return self._states.get(self._numbers.get(source, 0)) == "done"

    def _hear(self, address: str, arguments: list[Any]) -> None:
        if address in ("/done", "/fail") and arguments[0] == "/bounce/start":
            source = self._sources[int(arguments[-1][1:])]
            if address == "/done":
                self._numbers[source] = arguments[1]
            else:
                self._failed[source] = arguments[1]
        elif address == "/bounce/progress":
            self._states[arguments[0]] = arguments[1]
        for source, number in self._numbers.items():
            if self._states.get(number, "done") not in ("waiting", "running", "done"):
                self._failed[source] = self._states[number]

    def _place(self) -> None:
        """Lay the new items on a new track, from files in the project's folder."""
        media = Path(reaper.RPR_GetProjectPath("", 4096)[0])
        sung = {
            source: media / self._output(source).name for source in self._sources if self._is_done(source)
        }
        if not sung:
            return
        media.mkdir(parents=True, exist_ok=True)
        for source, path in sung.items():
            shutil.move(self._output(source), path)
        reaper.RPR_Undo_BeginBlock2(0)
        index = reaper.RPR_CountTracks(0)
        reaper.RPR_InsertTrackAtIndex(index, True)
        track = reaper.RPR_GetTrack(0, index)
        reaper.RPR_GetSetMediaTrackInfo_String(track, "P_NAME", NAME, True)
        for item, take, source in self._items:
            if source in sung:
                copied(item, take, track, sung[source])
        reaper.RPR_Undo_EndBlock2(0, "Bounce items through plugin_bridge", -1)
        reaper.RPR_Main_OnCommand(40047, 0)  # build the peaks that are missing
        reaper.RPR_UpdateArrange()


def copied(item: Any, take: Any, track: Any, path: Path) -> None:  # noqa: ANN401 - REAPER's handles
    """Add an item like another one to a track, of another file."""
    new = reaper.RPR_AddMediaItemToTrack(track)
    new_take = reaper.RPR_AddTakeToMediaItem(new)
    reaper.RPR_SetMediaItemTake_Source(new_take, reaper.RPR_PCM_Source_CreateFromFile(str(path)))
    for key in ITEM_VALUES:
        reaper.RPR_SetMediaItemInfo_Value(new, key, reaper.RPR_GetMediaItemInfo_Value(item, key))
    for key in TAKE_VALUES:
        reaper.RPR_SetMediaItemTakeInfo_Value(new_take, key, reaper.RPR_GetMediaItemTakeInfo_Value(take, key))


def selected() -> list[tuple[Any, Any, Path]]:
    """Return the selected items that have a file behind them, with their active takes and these files."""
    found = []
    for index in range(reaper.RPR_CountSelectedMediaItems(0)):
        item = reaper.RPR_GetSelectedMediaItem(0, index)
        take = reaper.RPR_GetActiveTake(item)
        name = reaper.RPR_GetMediaSourceFileName(reaper.RPR_GetMediaItemTake_Source(take), "", 4096)[1]
        if name and Path(name).is_file():
            found.append((item, take, Path(name)))
    return found


def settings() -> tuple[Path, int] | None:
    """Return the folder of the server and its port, asked for once; None where a person cancels."""
    known = [reaper.RPR_GetExtState(NAME, key) for key in ("folder", "port")]
    if not all(known):
        asked = reaper.RPR_GetUserInputs(
            NAME, 2, "Folder of --sessions,OSC port,extrawidth=200", ",9000", 4096
        )
        if not asked[0]:
            return None
        known = [word.strip() for word in asked[4].rsplit(",", 1)]
    folder = Path(known[0]).expanduser()
    if not folder.is_dir() or not known[1].isdigit():
        reaper.RPR_DeleteExtState(NAME, "folder", True)
        reaper.RPR_MB(f"{folder} is not a folder, or {known[1]} no port; give what --sessions names", NAME, 0)
        return None
    for key, value in zip(("folder", "port"), known, strict=True):
        reaper.RPR_SetExtState(NAME, key, value, True)
    return folder, int(known[1])


def loop() -> None:
    """Go on until all is done; REAPER stays usable."""
    if RUN is not None and RUN.step():
        reaper.RPR_defer("loop()")


def begin() -> Run | None:
    """Send what is selected to the server; say what is missing."""
    items = selected()
    if not items:
        reaper.RPR_MB("No audio item is selected; select some first", NAME, 0)
        return None
    known = settings()
    if known is None:
        return None
    folder, port = known
    try:
        return Run(folder, Bridge(port), items)
    except OSError as error:
        start = f"plugin-bridge live --osc --sessions {folder}"
        reaper.RPR_MB(f"plugin_bridge cannot be reached ({error}); start it: {start}", NAME, 0)
        return None


RUN = begin()
loop()
