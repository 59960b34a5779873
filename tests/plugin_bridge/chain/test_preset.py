"""Presets: read, checked, made into chains, and written whole or not at all."""

from __future__ import annotations

import base64
import math
import resource
from pathlib import Path
from typing import Any, cast

import numpy as np
import pedalboard
import pytest
import soundfile

import plugin_bridge.engine.singers
from models.singer.file import load_singer, shipped
from plugin_bridge.chain.chain import Chain
from plugin_bridge.chain.effects import NativeEffect, Vst3Effect
from plugin_bridge.chain.floatmode import kept_float_mode
from plugin_bridge.chain.native import make_native, native_effects, native_parameters
from plugin_bridge.chain.preset import (
    Preset,
    load_preset,
    preset_of,
    read_preset,
    save_preset,
    shipped_presets,
)
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.vst3 import is_installed, load_vst3, plugin_folders, vst3_path, vst3_state
from plugin_bridge.engine.singers import Singer
from plugin_bridge.errors import EffectError, OutputError, PresetError, SingerFileError
from tests.support.doubles import BRIGHT, DARK, sung
from tests.support.singerfiles import write_singer

SOME = Preset(
    name="Some",
    description="All there is.",
    singer="dark",
    parameters={
        "transpose": 3,
        "morph_singer": "bright",
        "morph": 0.5,
        "bypass": False,
        "scale": "minor",
        "quality": "mix",
    },
    before=(NativeEffect(effect="HighpassFilter", parameters={"cutoff_frequency_hz": 80.0}),),
    after=(NativeEffect(effect="LadderFilter", parameters={"mode": "HPF24", "cutoff_hz": 300}),),
)


@pytest.fixture(autouse=True)
def doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the two doubles be named by id, besides the singers that ship."""
    by_id: dict[str, Singer] = {"dark": DARK, "bright": BRIGHT}

    def load(which: str | Path) -> Singer:
        return by_id[str(which)] if str(which) in by_id else load_singer(which)

    monkeypatch.setattr(plugin_bridge.engine.singers, "_load", load)


@pytest.mark.parametrize("name", shipped_presets())
def test_a_shipped_preset_is_complete(name: str) -> None:
    preset = load_preset(name)
    assert preset.name
    assert preset.description.endswith(".")
    assert {preset.singer, str(preset.parameters.get("morph_singer", "pjs"))} <= {"pjs", "nit"}
    effects = [*preset.before, *preset.after]
    assert all(isinstance(effect, NativeEffect) for effect in effects)
    for effect in effects:
        assert isinstance(effect, NativeEffect)
        make_native(effect.effect, effect.parameters)


@pytest.mark.parametrize("name", shipped_presets())
def test_a_shipped_preset_sings(name: str) -> None:
    if not {"pjs", "nit"} <= set(shipped()):
        pytest.fail("the two shipped singers are missing; train them or check out models/singers")
    x = sung(24000, 0.3, 220)
    y = load_preset(name).chain()(x, 24000)
    assert y.shape == x.shape
    assert np.all(np.isfinite(y))
    assert np.abs(y).max() > 1e-3


def test_there_are_a_few() -> None:
    assert len(shipped_presets()) >= 3


def test_a_preset_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    save_preset(SOME, path)
    assert read_preset(path) == SOME
    assert path.read_text("utf-8").startswith("format = 1\n")
    assert [file.name for file in tmp_path.iterdir()] == ["some.toml"]


WRITTEN_BY_0_1 = """format = 1
name = "Old"
description = "made before"
singer = "plain.onnx"
pitch = "melody"
before = [
    { effect = "HighpassFilter", parameters = { cutoff_frequency_hz = 80.0 } },
]

[parameters]
morph_singer = "nit"
morph = 0.3
transpose = "auto"
melody = true

[[after]]
vst3 = "/usr/lib/vst3/ZamComp.vst3"
plugin = "ZamComp"
state = "cGx1Z2lu"

[after.parameters]
threshold_db = 0.5875

[[after]]
effect = "Reverb"

[after.parameters]
room_size = 0.4
freeze_mode = 0.0
"""


def test_a_preset_of_version_0_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text(WRITTEN_BY_0_1, "utf-8")
    assert load_preset(tmp_path / "old.toml") == Preset(
        name="Old",
        description="made before",
        singer=str(tmp_path / "plain.onnx"),
        pitch="melody",
        parameters={"morph_singer": "nit", "morph": 0.3, "transpose": "auto", "melody": True},
        before=(NativeEffect(effect="HighpassFilter", parameters={"cutoff_frequency_hz": 80.0}),),
        after=(
            Vst3Effect(
                vst3="/usr/lib/vst3/ZamComp.vst3",
                plugin="ZamComp",
                state="cGx1Z2lu",
                parameters={"threshold_db": 0.5875},
            ),
            NativeEffect(effect="Reverb", parameters={"room_size": 0.4, "freeze_mode": 0.0}),
        ),
    )


def test_a_chain_comes_back_from_its_preset() -> None:
    chain = SOME.chain()
    assert [type(stage) for stage in chain] == [
        pedalboard.HighpassFilter,
        SingerConversion,
        pedalboard.LadderFilter,
    ]
    again = preset_of(chain, "Some", "All there is.").chain()
    x = sung(16000, 0.3, 220)
    assert np.array_equal(chain(x, 16000), again(x, 16000))
    stage = again[1]
    assert isinstance(stage, SingerConversion)
    assert stage.parameters == {"singer": "dark", **SOME.values()}


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="exists already"):
        save_preset(SOME, path)
    assert path.read_text("utf-8") == "mine"
    save_preset(SOME, path, force=True)
    assert read_preset(path) == SOME


def test_a_preset_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot hold '\\udc80'; leave it out"):
        save_preset(SOME.model_copy(update={"description": "\udc80"}), tmp_path / "some.toml")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            save_preset(SOME, tmp_path / "some.toml")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_relative_paths_start_at_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "Mine"\nsinger = "me.onnx"\n[[before]]\nvst3 = "fx/echo.vst3"\n', "utf-8")
    preset = read_preset(path)
    assert preset.singer == str(tmp_path / "me.onnx")
    assert preset.before == (Vst3Effect(vst3=str(tmp_path / "fx" / "echo.vst3")),)
    with pytest.raises(SingerFileError, match=r"me\.onnx"):
        preset.stage()
    with pytest.raises(EffectError, match=r"echo\.vst3 does not exist; install the plug-in"):
        preset.chain()


@pytest.mark.parametrize("place", ["voices/me.onnx", "pre/me.onnx", "pre/../voices/me.onnx"])
def test_a_relative_singer_comes_back(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it lies, from wherever it is loaded, and as often as it is stored."""
    monkeypatch.chdir(tmp_path)
    for folder in ("voices", "pre", "other"):
        Path(folder).mkdir()
    write_singer(Path(place))
    stage = SingerConversion(place, morph_singer="dark")
    save_preset(preset_of(Chain([stage]), "Mine"), Path("pre/mine.toml"))
    save_preset(load_preset("pre/mine.toml"), tmp_path / "other" / "mine.toml")
    monkeypatch.chdir("other")
    for file in ("mine.toml", "../pre/mine.toml", str(tmp_path / "pre" / "mine.toml")):
        assert load_preset(file).stage().parameters == stage.parameters


def test_a_preset_moves_with_the_files_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "old" / "fx").mkdir(parents=True)
    write_singer(tmp_path / "old" / "me.onnx")
    effect = Vst3Effect(vst3=str(tmp_path / "old" / "fx" / "echo.vst3"))
    elsewhere = Vst3Effect(vst3=str(tmp_path / "echo.vst3"))
    preset = preset_of(Chain([SingerConversion(str(tmp_path / "old" / "me.onnx"))]), "Mine")
    preset = preset.model_copy(update={"before": (effect, elsewhere)})
    save_preset(preset, tmp_path / "old" / "mine.toml")
    (tmp_path / "old").rename(tmp_path / "new")
    moved = load_preset(tmp_path / "new" / "mine.toml", trusted=True)
    assert moved.stage().singer == "me"
    assert moved.before == (Vst3Effect(vst3=str(tmp_path / "new" / "fx" / "echo.vst3")), elsewhere)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name =", "is not valid TOML"),
        ("a = " + "[" * 5000 + "]" * 5000, "values are nested more than 32 deep; correct the preset"),
        ("\x00", "is not valid TOML"),
        (f'name = "x"\nsinger = "{5000 * "a"}"', "singer: String should have at most 4096 characters"),
        (
            'name = "x"\nsinger = "dark"\n' + 65 * '[[after]]\neffect = "Gain"\n',
            "after: Tuple should have at most 64",
        ),
        ('name = "x"', "singer: it is missing"),
        (
            'name = "x"\nsinger = "a"\n[[before]]\neffect = "Wobble"',
            "toml, effect 1 before the singer: effect",
        ),
        (
            'name = "x"\nsinger = "a"\n[[after]]\neffect = "Gain"\n[[after]]\nvst3 = 3',
            "toml, effect 2 after the singer, vst3: it must be a word; correct",
        ),
        ('name = "x"\nsinger = "a"\n[[after]]\n', "effect 1 after the singer, effect: it is missing"),
        (
            'name = "x"\nsinger = "a"\n[[after]]\neffect = "Gain"\ngain_db = 3',
            "toml, effect 1 after the singer, gain_db: it is unknown; correct",
        ),
        (
            'name = "x"\nsinger = "a"\n[[before]]\nvst3 = "x.vst3"\nparameter = { mix = 1.0 }',
            "toml, effect 1 before the singer, parameter: it is unknown; correct",
        ),
        (
            'name = "x"\nsinger = "a"\n[[after]]\neffect = "Gain"\nparameters = { gain_db = [1] }',
            "effect 1 after the singer, parameters, gain_db: it must be a number, a switch or a word;",
        ),
        ('name = "x"\nsinger = "a"\nafter = 3', "toml, after: it must be a list; correct"),
        ('name = ""\nsinger = "dark"', "name: String should have at least 1 character"),
        ('name = "x"\nsinger = "dark"\ncolour = 1', "colour: it is unknown"),
        ('format = 2\nname = "x"\nsinger = "dark"', "preset format 2 and this version reads up to 1; update"),
        (
            'name = "x"\nsinger = "dark"\n[parameters]\nloud = 1',
            "parameter 'loud' is unknown; use one of singer",
        ),
        (
            'name = "x"\nsinger = "dark"\n[parameters]\ngain = 99.0',
            "gain 99.0 is out of range; give -60 to 24 dB",
        ),
        ('name = "x"\nsinger = "dark"\n[parameters]\ngain = "a"', "gain 'a' is not a number"),
        ('name = "x"\nsinger = "dark"\n[parameters]\nsinger = "b"', "stands at the top of a preset"),
        (
            'name = "x"\nsinger = "dark"\n[[after]]\neffect = "Wobble"',
            "effect 'Wobble' is unknown; use one of Bit",
        ),
        (
            'name = "x"\nsinger = "dark"\n[[after]]\neffect = "Gain"\nparameters = { db = 3 }',
            "Gain has no parameter 'db'; use one of gain_db",
        ),
        (
            'name = "x"\nsinger = "dark"\n[[after]]\neffect = "PitchShift"',
            "PitchShift falls silent when it gets its audio in blocks; use another effect, or a VST3 plug-in",
        ),
    ],
)
def test_a_broken_preset_is_refused_with_a_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(PresetError, match=sentence) as caught:
        load_preset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_preset_lists_the_shipped() -> None:
    with pytest.raises(PresetError, match="preset 'hal' is not there; use one of breathy, duet, hall"):
        load_preset("hal")


def test_a_folder_or_noise_is_no_preset(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match="is not there"):
        load_preset(tmp_path)
    noise = tmp_path / "noise.toml"
    noise.write_bytes(bytes(range(128, 256)))
    with pytest.raises(PresetError, match="is not valid TOML"):
        load_preset(noise)


def test_a_preset_holds_one_singer() -> None:
    with pytest.raises(PresetError, match="one singer and the chain has 0"):
        preset_of(Chain([pedalboard.Gain()]), "None")
    with pytest.raises(PresetError, match="one singer and the chain has 2"):
        preset_of(Chain([SingerConversion(DARK), SingerConversion(BRIGHT)]), "Two")


def test_what_cannot_be_written_down_is_refused() -> None:
    impulse = pedalboard.Convolution(np.ones(10, np.float32), sample_rate=16000)
    with pytest.raises(
        PresetError, match="Convolution cannot be stored in a preset or a pickle without a file"
    ):
        preset_of(Chain([SingerConversion(DARK), impulse]), "Room")
    board = cast("Any", pedalboard).Pedalboard([pedalboard.Gain()])
    with pytest.raises(PresetError, match="Pedalboard cannot be stored in a preset"):
        preset_of(Chain([SingerConversion(DARK), board]), "Board")


def test_an_impulse_response_moves_with_its_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the preset, as singers and plug-ins are."""
    (tmp_path / "mine" / "rooms").mkdir(parents=True)
    decay = np.exp(-np.arange(1600) / 300.0).astype(np.float32)
    soundfile.write(tmp_path / "mine" / "rooms" / "hall.wav", decay, 16000)
    text = 'name = "Mine"\nsinger = "dark"\n[[after]]\neffect = "Convolution"\n'
    text += 'parameters = { impulse_response_filename = "rooms/hall.wav", mix = 0.5 }\n'
    (tmp_path / "mine" / "mine.toml").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    chain = load_preset("mine/mine.toml").chain()
    x = sung(16000, 0.2, 220)
    y = chain(x, 16000, tail=0.1)
    assert np.abs(y[:, x.shape[1] :]).max() > 1e-3
    assert np.abs(Chain([SingerConversion(DARK)])(x, 16000, tail=0.1)[:, x.shape[1] + 500 :]).max() < 1e-6
    save_preset(preset_of(chain, "Again"), tmp_path / "mine" / "again.toml")
    assert '"rooms/hall.wav"' in (tmp_path / "mine" / "again.toml").read_text("utf-8")
    (tmp_path / "mine").rename(tmp_path / "moved")
    assert np.array_equal(load_preset(tmp_path / "moved" / "again.toml").chain()(x, 16000, tail=0.1), y)


def test_an_impulse_response_is_an_audio_file(tmp_path: Path) -> None:
    """What pedalboard takes as silence, a folder too, is refused."""
    (tmp_path / "notes.txt").write_text("no audio", "utf-8")
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * 61, np.float32), 8000)
    for file, sentence in {
        "notes.txt": r"the impulse response .*notes\.txt is not audio this program reads; give WAV",
        "missing.wav": r"missing\.wav does not exist; check the path",
        "": "is not a file",
        "long.wav": r"long\.wav lasts 61 s, more than 60; cut it",
    }.items():
        with pytest.raises(EffectError, match=sentence):
            make_native("Convolution", {"impulse_response_filename": str(tmp_path / file)})
    with pytest.raises(EffectError, match="the impulse response /dev/zero is not a file"):
        make_native("Convolution", {"impulse_response_filename": "/dev/zero"})
    with pytest.raises(EffectError, match="Convolution has no parameter 'impulse_response'"):
        make_native("Convolution", {"impulse_response": "x"})


WITHOUT_FILE = sorted(set(native_effects()) - {"Convolution"})


@pytest.mark.parametrize("name", WITHOUT_FILE)
def test_every_native_effect_comes_back_from_its_parameters(name: str) -> None:
    made = make_native(name, {})
    again = make_native(name, native_parameters(made))
    assert native_parameters(again) == native_parameters(made)
    assert set(native_parameters(made)) == set(native_effects()[name])


@pytest.mark.parametrize(
    ("name", "parameters", "sentence"),
    [
        ("Wobble", {}, "effect 'Wobble' is unknown; use one of Bitcrush"),
        ("Pedalboard", {}, "effect 'Pedalboard' is unknown"),
        ("GSMFullRateCompressor", {}, "GSMFullRateCompressor falls silent when it gets its audio in blocks"),
        ("Gain", {"db": 1.0}, "Gain has no parameter 'db'; use one of gain_db"),
        ("Chorus", {"rate_hz": 5000.0}, "Chorus refuses rate_hz=5000.0"),
        ("Gain", {"gain_db": "loud"}, "Gain refuses gain_db='loud'"),
        ("LadderFilter", {"mode": "LPF13"}, "mode is one of LPF12, HPF12"),
    ],
)
def test_a_wrong_effect_is_refused(name: str, parameters: dict[str, float | str], sentence: str) -> None:
    with pytest.raises(EffectError, match=sentence):
        make_native(name, parameters)


def test_a_plugin_keeps_its_state(vst3_folder: Path, tmp_path: Path) -> None:
    path = vst3_folder / "ZamComp.vst3"
    plugin: Any = load_vst3(path)
    plugin.threshold_db = -33.0
    chain = Chain([SingerConversion(DARK), plugin])
    preset = preset_of(chain, "Squeezed")
    save_preset(preset, tmp_path / "squeezed.toml")
    again: Any = read_preset(tmp_path / "squeezed.toml").chain()[1]
    assert again.threshold_db == pytest.approx(-33.0, abs=0.1)
    x = sung(48000, 0.2, 220)
    assert np.array_equal(Chain([again])(x, 48000), Chain([plugin])(x, 48000))
    assert not np.allclose(Chain([again])(x, 48000), Chain([load_vst3(path)])(x, 48000), atol=1e-3)
    with kept_float_mode():
        installed = pedalboard.VST3Plugin(str(path))
    assert vst3_path(installed).name == "ZamComp.vst3"


def tiny() -> float:
    """Return a product below the least normal float32: 0 where tiny numbers are flushed."""
    return float((np.full(8, 1e-30, np.float32) * np.float32(1e-10)).max())


def test_a_plugin_does_not_change_how_others_calculate(vst3_folder: Path) -> None:
    before = tiny()
    plugin = load_vst3(vst3_folder / "ZamComp.vst3")
    Chain([plugin])(sung(48000, 0.05, 220), 48000)
    assert tiny() == before


def test_a_foreign_or_broken_state_never_reaches_the_plugin(vst3_folder: Path) -> None:
    path = vst3_folder / "ZamComp.vst3"
    state = vst3_state(load_vst3(path))
    other = vst3_state(load_vst3(vst3_folder / "ZamGate.vst3"))
    turned = bytearray(base64.b64decode(state))
    turned[-1] ^= 1
    cases = {
        "not base64!": "is not base64; store the preset again",
        base64.b64encode(b"garbage").decode(): "does not begin with 'plugin_bridge VST3 state 1'",
        base64.b64encode(b"plugin_bridge VST3 state 1\n{}\n").decode(): "has a broken header",
        base64.b64encode(b"plugin_bridge VST3 state 1\n" + b"[" * 100_000).decode(): "has a broken header",
        base64.b64encode(bytes(turned)).decode(): "does not match its SHA-256",
        other: "and the state is of 'VST3-ZamGate",
    }
    for text, sentence in cases.items():
        with pytest.raises(EffectError, match=sentence):
            load_vst3(path, state=text)


def written(path: Path, plugin: object) -> Path:
    path.write_text(f'name = "Theirs"\nsinger = "dark"\n[[before]]\nvst3 = {str(plugin)!r}\n', "utf-8")
    return path


@pytest.mark.parametrize(
    "place",
    [
        "theirs.vst3",
        "deeper/theirs.VST3",
        "/tmp/theirs.vst3",  # noqa: S108 - a name only
        "HOME/.vst3/../theirs.vst3",
        "HOME/.vst3/out/theirs.vst3",
        "HOME/.vst3/..",
        "HOME/.vst3/theirs.so",
        "HOME/.vst3",
        "HOME/.vst3x/theirs.vst3",
        "//server/share/theirs.vst3",
    ],
)
def test_a_plugin_that_nobody_installed_is_not_run(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in is code: what a preset brings along is refused before anything of it is loaded."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".vst3").mkdir(parents=True)
    (tmp_path / "home" / ".vst3" / "out").symlink_to(tmp_path)
    path = written(tmp_path / "theirs.toml", place.replace("HOME", str(tmp_path / "home")))
    with pytest.raises(
        PresetError, match=r"theirs\.toml would run the plug-in .*, which is in none of this"
    ) as told:
        load_preset(path)
    assert all(str(folder) in str(told.value) for folder in plugin_folders())
    assert load_preset(path, trusted=True).singer == "dark"
    assert read_preset(path).before == load_preset(path, trusted=True).before


def test_installed_plugins_are_run_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vst3_folder: Path
) -> None:
    """Those of the system's folders, of folders in them, and what somebody put there as a link."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    own = tmp_path / "home" / ".vst3"
    (own / "maker").mkdir(parents=True)
    (own / "linked.vst3").symlink_to(tmp_path / "build" / "linked.vst3")
    (tmp_path / "way").symlink_to(own)
    for path in (own / "a.vst3", own / "maker" / "a.VST3", own / "linked.vst3", tmp_path / "way" / "a.vst3"):
        assert is_installed(path)
    assert is_installed(Path("/usr/lib/vst3/a.vst3"))
    assert is_installed(Path("/usr/local/lib/vst3/maker/a.vst3"))
    chain = load_preset(written(tmp_path / "mine.toml", vst3_folder / "ZamComp.vst3")).chain()
    assert vst3_path(cast("Any", chain[0])) == vst3_folder / "ZamComp.vst3"


def test_every_system_has_its_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    monkeypatch.setenv("CommonProgramFiles", "/common")
    monkeypatch.delenv("CommonProgramFiles(x86)", raising=False)
    found = {}
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr("sys.platform", system)
        found[system] = [folder.as_posix() for folder in plugin_folders()]
    assert found["linux"] == ["/home/me/.vst3", "/usr/lib/vst3", "/usr/local/lib/vst3"]
    assert found["darwin"][:2] == [
        "/home/me/Library/Audio/Plug-Ins/VST3",
        "/Library/Audio/Plug-Ins/VST3",
    ]
    assert found["win32"] == ["/local/Programs/Common/VST3", "/common/VST3"]


def test_what_is_no_plugin_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "fake.vst3"
    fake.write_bytes(b"not a plug-in")
    with pytest.raises(EffectError, match=r"fake\.vst3 is no VST3 plug-in that loads"):
        load_vst3(fake)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_parameters_that_are_not_finite_are_refused(value: float) -> None:
    """Pedalboard takes them: a gain that is not a number is silence, such a rate ends the process."""
    for name, key in (("Gain", "gain_db"), ("Resample", "target_sample_rate"), ("Phaser", "rate_hz")):
        with pytest.raises(EffectError, match=f"{name} has {key}={value}; give a finite number"):
            make_native(name, {key: value})


@pytest.mark.parametrize("rate", [0.001, 1.0, 1e12])
def test_a_rate_at_which_resampling_hangs_or_fails_is_refused(rate: float) -> None:
    x = np.zeros((1, 1600), np.float32)
    for effect in (make_native("Resample", {"target_sample_rate": rate}), pedalboard.Resample(rate)):
        with pytest.raises(EffectError, match=r"Resample to \S+ Hz does not run; give 100 to 1e\+06 Hz"):
            Chain([effect])(x, 16000)
    assert Chain([pedalboard.Resample(100.0)])(x, 16000).shape == x.shape


def test_a_preset_of_a_singer_that_has_left_says_whom_to_use(tmp_path: Path) -> None:
    for text in ('singer = "alys"', 'singer = "pjs"\n[parameters]\nmorph_singer = "alys"\nmorph = 0.5'):
        (tmp_path / "old.toml").write_text(f'name = "old"\n{text}\n')
        with pytest.raises(
            SingerFileError, match=r"'alys' no longer ships, because .* objects; use 'nit' instead"
        ):
            load_preset(tmp_path / "old.toml").chain()
