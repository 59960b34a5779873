"""Chains and singers in pickles: they come back as they were, in processes started anew as well."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pedalboard
import pytest
import soundfile

from plugin_bridge.chain.chain import Chain
from plugin_bridge.chain.stage import SingerConversion
from plugin_bridge.chain.vst3 import load_vst3
from plugin_bridge.errors import EffectError, SingerFileError
from tests.support.doubles import BRIGHT, DARK, sung
from tests.support.singerfiles import write_singer

RATE = 16000
VOICE = sung(RATE, 0.3, 220)
BOARD: Any = pedalboard  # its containers are not typed


def impulse(folder: Path) -> str:
    path = folder / "room.wav"
    soundfile.write(path, np.exp(-np.arange(800) / 100.0), RATE)
    return str(path)


def full(folder: Path) -> Chain:
    """Singers from a file, from an id and from nowhere; every kind of effect, containers, nested chains."""
    file = write_singer(folder / "voice.onnx")
    voice = SingerConversion(file, singers=["nit", DARK], transpose=3.0, seed=7, pitch="melody")
    voice.at(0.1, singer="nit", gain=-3.0).note(0.2, 0.25, 60).bend(0.22, 0.5)
    ladder = pedalboard.LadderFilter(mode=pedalboard.LadderFilter.Mode.HPF24, cutoff_hz=300)
    board = BOARD.Pedalboard([BOARD.Mix([pedalboard.Gain(-3), BOARD.Chain([pedalboard.Invert()])]), ladder])
    room = pedalboard.Convolution(impulse(folder), 0.4)
    return Chain(
        [pedalboard.HighpassFilter(80), Chain([voice, room]), board, pedalboard.Reverb(room_size=0.3)]
    )


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_chain_comes_back_as_it_was(tmp_path: Path, protocol: int) -> None:
    chain = full(tmp_path)
    again: Chain = pickle.loads(pickle.dumps(chain, protocol))  # noqa: S301 - made in the line above
    assert [type(stage) for stage in again] == [type(stage) for stage in chain]
    inner, twin = cast("Any", chain[1])[0], cast("Any", again[1])[0]
    assert (twin.parameters, twin.sources, twin.pitch) == (inner.parameters, inner.sources, "melody")
    assert np.array_equal(again(VOICE, RATE, tail=0.1), chain(VOICE, RATE, tail=0.1))


@pytest.mark.parametrize("made", [pickle.dumps, copy.deepcopy, copy.copy])
def test_the_stream_that_runs_is_left_out(made: Callable[[Any], Any]) -> None:
    """What comes back begins anew; what was pickled goes on undisturbed."""
    for make in (lambda: SingerConversion(DARK, singers=[BRIGHT]), lambda: Chain([SingerConversion(DARK)])):
        stage, other = make(), make()
        for each in (stage, other):
            each(VOICE, RATE, reset=False)
        twin = made(stage)
        twin = pickle.loads(twin) if isinstance(twin, bytes) else twin  # noqa: S301 - as above
        with pytest.raises(ValueError, match="no stream runs yet"):
            _ = twin.latency
        assert np.array_equal(stage(VOICE, RATE, reset=False), other(VOICE, RATE, reset=False))
        assert np.array_equal(twin(VOICE, RATE), make()(VOICE, RATE))


def test_other_processes_run_chains_and_singers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a script spreads files over processes; a relative path counts from where the chain was pickled."""
    monkeypatch.chdir(tmp_path)
    write_singer(Path("voice.onnx"))
    stage = SingerConversion("voice.onnx", transpose=-5.0)
    chain = Chain([stage, pedalboard.Reverb()])
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for call in (chain, stage):
            assert np.array_equal(pool.submit(call, VOICE, RATE).result(60), call(VOICE, RATE))
    written = pickle.dumps(chain)
    monkeypatch.chdir(tmp_path.parent)
    assert np.array_equal(pickle.loads(written)(VOICE, RATE), chain(VOICE, RATE))  # noqa: S301 - as above


def test_a_plugin_comes_back_with_its_state(vst3_folder: Path) -> None:
    plugin: Any = load_vst3(vst3_folder / "ZamComp.vst3")
    plugin.threshold_db = -33.0
    chain = Chain([plugin, SingerConversion(DARK)])
    for again in (pickle.loads(pickle.dumps(chain)), copy.deepcopy(chain)):  # noqa: S301 - as above
        assert again[0] is not plugin
        assert cast("Any", again[0]).threshold_db == pytest.approx(-33.0, abs=0.1)
        assert np.array_equal(again(VOICE, RATE), chain(VOICE, RATE))


def test_what_cannot_be_written_down_is_told() -> None:
    loose = pedalboard.Convolution(np.ones(10, np.float32), sample_rate=RATE)
    for held in (loose, BOARD.Mix([loose])):
        with pytest.raises(
            EffectError, match="Convolution cannot be stored in a preset or a pickle without a"
        ):
            pickle.dumps(Chain([held]))


def test_a_singer_that_changed_meanwhile_is_told(tmp_path: Path) -> None:
    file = write_singer(tmp_path / "voice.onnx")
    written = pickle.dumps(SingerConversion(file, singers=[DARK]))
    write_singer(tmp_path / "other.onnx").rename(file)
    with pytest.raises(SingerFileError, match=r"voice\.onnx holds no singer 'voice' any more; give the file"):
        pickle.loads(written)  # noqa: S301 - as above
    file.unlink()
    with pytest.raises(SingerFileError, match=r"voice\.onnx"):
        pickle.loads(written)  # noqa: S301 - as above
