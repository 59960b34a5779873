"""Presets over OSC: listed, loaded with a time tag or without, saved, and `/sync` behind them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from plugin_bridge import PARAMETERS, Event, Preset, load_preset, save_preset
from plugin_bridge.chain.preset import shipped_presets
from plugin_bridge.osc.presetstore import PresetStore
from plugin_bridge.osc.wire.replies import message
from tests.plugin_bridge.osc.clients import Client, bundle, in_loop, served, tag
from tests.support.rigs import EPOCH, RATE


def write(folder: Path, name: str, **facts: object) -> None:
    values = {"name": name, "singer": "bright", "parameters": {"gain": -6.0, "melody": True}} | facts
    save_preset(Preset.model_validate(values), folder / f"{name}.toml")


@in_loop
async def test_a_preset_is_loaded_whole_and_bypass_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "mine")
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        await client.done("/bypass", True)
        await client.done("/param/mix", 0.5)
        assert "mine" in await client.done("/preset/list")
        assert await client.done("/preset/load", "mine") == ("mine",)
        changed = {"singer": "bright", "gain": -6.0, "melody": True, "bypass": True}
        assert dict(rig.values) == {row.id: row.default for row in PARAMETERS.values()} | changed


@in_loop
async def test_a_preset_is_loaded_on_its_sample(tmp_path: Path) -> None:
    write(tmp_path, "mine")
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        client.throw(bundle(tag(EPOCH + 2.0), message("/preset/load", "mine", "#p")))
        assert await client.hear() == ("/done", ("/preset/load", "mine", "#p"))
        assert {event.position for event in rig.taken} == {2 * RATE}
        assert Event(2 * RATE, "gain", -6.0) in rig.taken


@pytest.mark.parametrize("ahead", [0.0, 2.0])
def test_what_stands_behind_a_preset_in_a_bundle_goes_over_it(tmp_path: Path, ahead: float) -> None:
    write(tmp_path, "mine")
    write(tmp_path, "other", parameters={"gain": -12.0, "breath": 3.0})

    @in_loop
    async def test() -> None:
        async with served(tmp_path) as (rig, server), Client(server.port) as client:
            load, none = message("/preset/load", "mine"), message("/preset/load", "none")
            parts = [message("/param/gain", -1.0), load, message("/param/gain", -9.0), none]
            parts += [message("/preset/load", "other"), message("/param/mix", 0.5), message("/nowhere")]
            client.throw(bundle(tag(EPOCH + ahead), *parts))
            client.send("/sync")
            answers = [await client.hear() for _ in range(8)]
            assert [(answer, values[0]) for answer, values in answers] == [
                ("/done", "/param/gain"),
                ("/done", "/preset/load"),
                ("/done", "/param/gain"),
                ("/fail", "/preset/load"),
                ("/done", "/preset/load"),
                ("/fail", "/nowhere"),
                ("/done", "/param/mix"),
                ("/done", "/sync"),
            ]
            moved = [event for event in rig.taken if isinstance(event, Event)]
            gains = [event.value for event in moved if event.parameter == "gain"]
            assert gains == [-1.0, -6.0, -9.0, -12.0]
            assert {event.position for event in moved} == {round(ahead * RATE)}
            assert (rig.values["mix"], rig.values["breath"]) == (0.5, 3.0)

    test()


@in_loop
async def test_effects_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    write(tmp_path, "roomy", after=[{"effect": "Reverb"}], singer="files/bright.onnx")
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        name, note = await client.done("/preset/load", "roomy")
        assert name == "roomy"
        assert "without its effects (1)" in str(note)
        assert rig.values["singer"] == "bright"


@in_loop
async def test_what_is_saved_can_be_loaded_again(tmp_path: Path) -> None:
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        await client.done("/singer", "bright")
        await client.done("/param/formant", 2.5)
        kept = dict(rig.values)
        assert await client.done("/preset/save", "My voice (2)") == ("My voice (2)",)
        assert "exists already" in await client.fail("/preset/save", "My voice (2)")
        await client.done("/preset/save", "My voice (2)", True)
        await client.done("/param/formant", -2.5)
        await client.done("/singer", "dark")
        await client.done("/preset/load", "My voice (2)")
        assert dict(rig.values) == kept
    assert load_preset(tmp_path / "My voice (2).toml").parameters["formant"] == 2.5


def test_a_singer_that_does_not_ship_is_kept_by_its_file_and_found_again(tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    voice = str(tmp_path / "voice_v3.onnx")
    shelf = PresetStore(tmp_path / "presets", {"nit": "nit", "me": voice})
    values = {row.id: row.default for row in PARAMETERS.values()}
    for singer, other in (("me", "nit"), ("nit", "me"), ("nit", "")):
        shelf.save("mine", values | {"singer": singer, "morph_singer": other}, replace=True)
        preset = load_preset(tmp_path / "presets" / "mine.toml")
        named = [preset.singer, preset.parameters.get("morph_singer", "")]
        assert named == [voice if name == "me" else name for name in (singer, other)]
        found, _ = shelf.load("mine")
        assert (found["singer"], found["morph_singer"]) == (singer, other)
    write(tmp_path / "presets", "near", singer=str(tmp_path / "presets" / ".." / "voice_v3.onnx"))
    assert '"../voice_v3.onnx"' in (tmp_path / "presets" / "near.toml").read_text()
    assert shelf.load("near")[0]["singer"] == "me"


@in_loop
async def test_only_a_switch_lets_a_preset_be_replaced(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        await client.done("/preset/save", "mine")
        for pressed in (1.0, 127, 0.5):
            assert "exists already" in await client.fail("/preset/save", "mine", pressed)
        for wrong in ("F", "no", "", None):
            assert "is not a switch; send T, F, 0 or 1" in await client.fail("/preset/save", "mine", wrong)
        await client.done("/param/gain", 6.0)
        for yes in ((True,), (1,), (True, 1.0)):
            await client.done("/preset/save", "mine", *yes)
        assert load_preset(tmp_path / "mine.toml").parameters["gain"] == 6.0


@in_loop
async def test_a_button_that_is_let_go_saves_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        for released in ((0,), (0.0,), (True, False), (True, 0.0)):
            assert await client.done("/preset/save", "mine", *released) == (False,)
        assert await client.fail("/preset/save", "mine", False) == (
            "/preset/save does nothing with F, as a button sends it; send T or leave it out"
        )
        assert not (tmp_path / "mine.toml").exists()
        assert await client.done("/preset/save", "mine", 1.0) == ("mine",)
        assert (tmp_path / "mine.toml").exists()


@in_loop
async def test_what_is_listed_can_be_loaded(tmp_path: Path) -> None:
    text = 'name = "x"\nsinger = "dark"\n'
    home = tmp_path / "home"
    (home / "folder.toml").mkdir(parents=True)
    for path in (tmp_path / "out.toml", *(home / f"{name}.toml" for name in ("mine", ".dot", "a,b", "x ."))):
        path.write_text(text, encoding="utf-8")
    for name, target in (("link", "mine"), ("away", "../out"), ("hall", "../out"), ("broken", "nothing")):
        (home / f"{name}.toml").symlink_to(f"{target}.toml")
    async with served(home) as (_, server), Client(server.port) as client:
        listed = [str(name) for name in await client.done("/preset/list")]
        assert sorted({*listed} - {*shipped_presets()}) == ["link", "mine"]
        assert "hall" not in listed
        assert "octave_up" in listed


@in_loop
async def test_a_preset_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        assert "nested more than 32 deep; correct the preset" in await client.fail("/preset/load", "deep")


@in_loop
async def test_without_a_folder_nothing_is_saved(tmp_path: Path) -> None:
    async with served(tmp_path, presets=None) as (_, server), Client(server.port) as client:
        assert "start with --sessions FOLDER" in await client.fail("/preset/save", "mine")
        assert "hall" in await client.done("/preset/list")


@in_loop
async def test_a_broken_preset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("name = [", encoding="utf-8")
    (tmp_path / "away.toml").symlink_to(tmp_path.parent / "elsewhere.toml")
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        assert "is not valid TOML" in await client.fail("/preset/load", "broken")
        assert "leads out" in await client.fail("/preset/load", "away")
        assert "leads out" in await client.fail("/preset/save", "away", True)
        assert rig.sent == []


@in_loop
async def test_sync_is_answered_after_all_that_was_asked_before(tmp_path: Path) -> None:
    write(tmp_path, "mine")
    async with served(tmp_path) as (_, server), Client(server.port) as client, Client(server.port) as idle:
        for k in range(5):
            client.send("/preset/load", "mine", f"#{k}")
        client.send("/param/gain", 1.0, "#set")
        client.send("/sync", "#sync")
        client.send("/sync", "#again")
        assert await idle.done("/sync") == ()
        names = [(await client.hear())[1][-1] for _ in range(8)]
        assert set(names[:6]) == {"#0", "#1", "#2", "#3", "#4", "#set"}
        assert set(names[6:]) == {"#sync", "#again"}


@in_loop
async def test_too_many_requests_under_way_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40, of which none is answered before the last has come."""
    write(tmp_path, "mine")
    all_came, names = threading.Event(), PresetStore.names

    def waiting(store: PresetStore) -> list[str]:
        assert all_came.wait(60.0)
        return names(store)

    monkeypatch.setattr(PresetStore, "names", waiting)
    async with served(tmp_path) as (_, server), Client(server.port) as client:
        client.throw(bundle(1, *[message("/preset/list")] * 40))
        refused = [await client.hear() for _ in range(8)]
        assert all(answer == "/fail" and "are under way" in str(values[1]) for answer, values in refused)
        all_came.set()
        assert [(await client.hear())[0] for _ in range(32)] == ["/done"] * 32


@pytest.mark.parametrize("name", ["hall", "duet", "breathy"])
def test_names_that_ship_are_plain_names(name: str) -> None:
    assert PresetStore(None).find(name).is_file()


@in_loop
async def test_a_preset_that_costs_much_to_read_is_refused(tmp_path: Path) -> None:
    bombs = {
        "dots": "a" + ".a" * 20_000 + " = 1",
        "depth": "a = " + "[" * 20_000,
        "digits": "name = " + "1" * 5000,
        "size": "#" * 70_000_000,
    }
    for name, text in bombs.items():
        (tmp_path / f"{name}.toml").write_text(text, "utf-8")
    (tmp_path / "in.wav").touch()
    async with served(tmp_path) as (rig, server), Client(server.port) as client:
        for name in bombs:
            assert "; " in await client.fail("/preset/load", name)
            reason = await client.fail("/bounce/start", "in.wav", "out.wav", "preset", name)
            assert f"{name}.toml is " in reason
        assert rig.sent == []
