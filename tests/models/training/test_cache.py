"""What is made of a file is made once, named by content and way, and kept only when it is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.training.cache import Arrays, cached, digest


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> Arrays:
        made.append(1)
        return {"b": np.arange(3), "a": np.ones((2, 2), np.float32)}

    for _ in range(2):
        found = cached(tmp_path / "x.npz", make)
        assert list(found) == ["b", "a"]
        assert found["a"].dtype == np.float32
    assert made == [1]
    assert list(tmp_path.iterdir()) == [tmp_path / "x.npz"]


def test_what_cannot_be_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        cached(tmp_path / "x.npz", lambda: {"a": np.array([None])})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("at", [3, 40, 60, 130, 200, 3000, -4000, -30, -1])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_entry_is_made_again(tmp_path: Path, at: int, cut: bool) -> None:
    """A bit in data, headers or directory, or an end too early, as older versions could leave it."""
    arrays = {"a": np.arange(999.0), "b": np.ones((7, 7), np.float32)}
    cached(tmp_path / "x.npz", lambda: arrays)
    whole = (tmp_path / "x.npz").read_bytes()
    spoiled = bytearray(whole[:at] if cut else whole)
    if not cut:
        spoiled[at] ^= 16
    (tmp_path / "x.npz").write_bytes(spoiled)
    found = cached(tmp_path / "x.npz", lambda: arrays)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("data", [b"", b"text", bytes(5000), b"PK\5\6" + bytes(18), b"\x93NUMPY" + bytes(90)])
def test_a_foreign_entry_is_made_again(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(data)
    assert np.array_equal(cached(tmp_path / "x.npz", lambda: {"a": np.arange(3)})["a"], np.arange(3))


def test_names_are_those_of_earlier_versions(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(b"abc")
    assert digest("[2, 0.0]", path) == "f57beaef4a96598ab6974896"
