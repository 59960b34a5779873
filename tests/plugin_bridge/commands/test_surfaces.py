"""A rig with its OSC server: what is asked over the network fits the rig that plays."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
import soundfile

from plugin_bridge import BounceSettings, OutputFormat, bounce_file, load_preset
from plugin_bridge.commands.surfaces import Surfaces, playing
from plugin_bridge.errors import MissingExtraError
from plugin_bridge.live.settings import DriverSettings, LiveSettings
from plugin_bridge.osc.settings import OscSettings
from tests.plugin_bridge.osc.clients import Client, in_loop
from tests.support.doubles import sung
from tests.support.extras import needs
from tests.support.singerfiles import write_singer

RATE = 16000
PRESET = ("preset", "mine", "pitch", "melody", "seed", 5)
FILES = {"dark": "dark", "me": "voice_v3"}


@pytest.fixture
def settings(tmp_path: Path) -> LiveSettings:
    """A stem of 1 s, sung by `dark`, which goes to the singer `me` of another file's name."""
    soundfile.write(tmp_path / "stem.wav", sung(RATE, 1.0).T, RATE, "FLOAT")
    voice = write_singer(tmp_path / "voice_v3.onnx", 2.0, id="me")
    return LiveSettings(
        driver=DriverSettings("null", str(tmp_path / "stem.wav")),
        singers=(str(write_singer(tmp_path / "dark.onnx")),),
        parameters={"morph_singer": str(voice), "transpose": 0.0},
        seed=5,
        pitch="melody",
        sessions=tmp_path,
    )


def ports(said: list[str]) -> dict[str, int]:
    """The ports that were told."""
    (line,) = (sentence for sentence in said if sentence.startswith("OSC listens on 127.0.0.1, "))
    return {what: int(port) for what, port in (part.rsplit(" ", 1) for part in line.split(", ")[1:])}


async def bounced(client: Client, *arguments: str | int) -> object:
    """Bounce and return how it ended."""
    await client.done("/bounce/start", *arguments)
    while (state := (await client.hear_of("/bounce/progress"))[1][1]) == "running":
        pass
    return state


@in_loop
async def test_singers_named_by_their_files_are_bounced_as_they_sound_and_kept_in_presets(
    settings: LiveSettings, tmp_path: Path
) -> None:
    osc = OscSettings(port=0, tcp_port=0, http_port=0, folder=tmp_path, presets=tmp_path)
    said: list[str] = []
    async with playing(settings, Surfaces(osc), said.append) as rig, Client(ports(said)["port"]) as client:
        assert ports(said).keys() == {"port", "TCP port", "OSCQuery port"}
        assert await client.done("/singer/list") == ("dark", "me")
        assert rig.files == {name: str(tmp_path / f"{file}.onnx") for name, file in FILES.items()}
        assert await bounced(client, "stem.wav", "morphs.wav") == "done"
        await client.done("/singer", "me")
        assert await bounced(client, "stem.wav", "me.wav") == "done"
        await client.done("/preset/save", "mine")
        await client.done("/singer", "dark")
        await client.done("/preset/load", "mine")
        assert (rig.values["singer"], rig.values["morph_singer"]) == ("me", "me")
        assert await bounced(client, "stem.wav", "preset.wav", *PRESET) == "done"
    assert load_preset(tmp_path / "mine.toml").singer == str(tmp_path / "voice_v3.onnx")
    now = BounceSettings(
        str(tmp_path / "voice_v3.onnx"), parameters={"transpose": 0.0}, seed=5, pitch="melody"
    )
    bounce_file(tmp_path / "stem.wav", tmp_path / "same.wav", OutputFormat(), now)
    assert (tmp_path / "me.wav").read_bytes() == (tmp_path / "same.wav").read_bytes()
    assert (tmp_path / "preset.wav").read_bytes() == (tmp_path / "me.wav").read_bytes()


@in_loop
async def test_a_panel_on_the_network_tells_its_token_and_what_it_opens(
    settings: LiveSettings, tmp_path: Path
) -> None:
    needs("aiohttp")
    osc = OscSettings(host="0.0.0.0", port=None, tcp_port=None, http_port=0, folder=tmp_path)  # noqa: S104
    said: list[str] = []
    async with playing(settings, Surfaces(osc, panel=True), said.append):
        (where,) = (line.split()[-1] for line in said if line.startswith("the panel is at "))
        address, _, token = where.partition("/panel/?token=")
        assert len(token) >= 22
        port = int(address.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /panel/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 403 " in await reader.readline()
        writer.close()
    assert not any("open to everybody" in sentence for sentence in said)
    (warning,) = (sentence for sentence in said if sentence.startswith("whoever knows that address"))
    assert str(tmp_path) in warning


@in_loop
async def test_a_panel_without_aiohttp_is_refused_in_a_sentence(
    settings: LiveSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("plugin_bridge.osc.query.server", "plugin_bridge.osc.wire.websocket"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    osc = OscSettings(port=None, tcp_port=None, http_port=0, folder=tmp_path)
    with pytest.raises(MissingExtraError) as refused:
        async with playing(settings, Surfaces(osc, panel=True), lambda _: None):
            pass
    assert str(refused.value) == (
        "OSCQuery and the panel need aiohttp, which is not installed; install the extra: "
        "sh .ci/setup live, or pip install 'plugin-bridge[live]'"
    )


@pytest.mark.parametrize(("host", "is_open"), [("127.0.0.1", False), ("0.0.0.0", True)])  # noqa: S104
def test_a_host_of_the_network_is_told_to_be_open(
    settings: LiveSettings, tmp_path: Path, host: str, is_open: bool
) -> None:
    @in_loop
    async def test() -> None:
        osc = OscSettings(host=host, port=0, tcp_port=0, folder=tmp_path / "takes")
        said: list[str] = []
        async with playing(settings, Surfaces(osc), said.append):
            pass
        warnings = [sentence for sentence in said if "open to everybody" in sentence]
        assert len(warnings) == is_open
        assert all(f"OSC on {host} is" in text and str(osc.folder) in text for text in warnings)

    test()
