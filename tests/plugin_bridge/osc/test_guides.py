"""Guides over OSC: what is asked for becomes a command line, with every path inside the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_bridge.errors import BridgeError
from plugin_bridge.osc.guideplan import plan_guide
from plugin_bridge.osc.singerset import SingerSet
from plugin_bridge.osc.wire.packets import Argument
from tests.support.rigs import EngineRig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The open folder, with a backing track."""
    home = tmp_path / "open"
    home.mkdir()
    (home / "band.wav").touch()
    (home / "there.mid").touch()
    return home


def planned(folder: Path, *arguments: Argument) -> list[str]:
    singers = {"pjs": "pjs", "hers": "/elsewhere/hers.onnx"}
    known = SingerSet(EngineRig(folder), folder, singers, lambda: None)
    words, target = plan_guide(arguments, known, "hers")
    assert words[:4] == [str(folder / str(arguments[0])), "-o", str(target), "--progress"]
    return [target.name, *(word.replace(f"{folder}/", "") for word in words[4:])]


def test_what_is_asked_for_becomes_a_command_line(folder: Path) -> None:
    assert planned(folder, "band.wav", "g.wav") == ["g.wav", "--singer=/elsewhere/hers.onnx"]
    assert planned(folder, "band.wav", "g.wav", "singer", "pjs", "seed", 7, "density", 0.3) == [
        "g.wav",
        "--singer=pjs",
        "--seed=7",
        "--density=0.3",
    ]
    asked = planned(folder, "band.wav", "g.wav", "midi", "g.mid", "mix", "m.flac", "key", "A minor")
    assert asked[2:] == ["--midi=g.mid", "--mix=m.flac", "--key=A minor"]
    assert planned(folder, "band.wav", "g.wav", "midi", "there.mid", "force", True)[2:] == [
        "--midi=there.mid",
        "--force",
    ]
    assert planned(folder, "band.wav", "g.wav", "lyrics", "--force")[2:] == ["--lyrics=--force"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("band.wav",), "/guide/start takes input, output and options with a value each"),
        (("band.wav", "g.wav", "seed"), "takes input, output and options with a value each"),
        (("none.wav", "g.wav"), "none.wav is not a file in the folder"),
        (("../band.wav", "g.wav"), "leads out of the folder"),
        (("band.wav", "/etc/g.wav"), "leads out of the folder"),
        (("band.wav", "g.wav", "midi", "../g.mid"), "leads out of the folder"),
        (("band.wav", "g.wav", "midi", "there.mid"), "there.mid exists already; choose another name"),
        (("band.wav", "g.wav", "midi", "g.wav"), "midi 'g.wav' is no .mid file; name it so"),
        (("band.wav", "g.wav", "mix", "m.txt"), "mix 'm.txt' is no .wav or .aiff or .flac file"),
        (("band.wav", "g.wav", "mix", "g.wav"), "'g.wav' is named twice"),
        (("band.wav", "band.wav", "force", True), "'band.wav' is named twice"),
        (("band.wav", "g.wav", "singer", "nit"), "singer 'nit' is not in the set; use one of pjs, hers"),
        (("band.wav", "g.wav", "output", "x"), "option 'output' is unknown; use one of singer, midi"),
        (("band.wav", "g.wav", "key", True), "key True is no number or word"),
        (("band.wav", "g.wav", "lyrics", "la\nla"), "is no line of text; give up to 300 characters"),
        (("band.wav", "g.wav", "force", "yes"), "force 'yes' is not a switch"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(
    folder: Path, arguments: tuple[Argument, ...], sentence: str
) -> None:
    with pytest.raises((BridgeError, TypeError, ValueError)) as refused:
        planned(folder, *arguments)
    assert sentence in str(refused.value)
