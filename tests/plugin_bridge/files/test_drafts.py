"""Temporary files: the target appears whole or not at all, and nothing stays behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugin_bridge.errors import OutputError
from plugin_bridge.files.drafts import Draft, discard_all


def test_the_target_appears_with_the_commit(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    with Draft(target) as draft:
        draft.path.write_bytes(b"whole")
        assert draft.path.parent == tmp_path
        assert not target.exists()
        draft.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"whole"


def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_bytes(b"old")

    def fail() -> None:
        with Draft(target, force=True) as draft:
            draft.path.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"old"


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    with Draft(target) as draft:
        target.write_bytes(b"somebody was quicker")
        with pytest.raises(OutputError, match=r"exists already; .* --force"):
            draft.commit()
    with pytest.raises(OutputError, match="exists already"):
        Draft(target)
    with Draft(target, force=True) as draft:
        draft.path.write_bytes(b"new")
        draft.commit()
    assert target.read_bytes() == b"new"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        Draft(tmp_path)
    with pytest.raises(OutputError, match="does not exist; make it first"):
        Draft(tmp_path / "none" / "a.wav")
    with pytest.raises(OutputError, match="does not exist"):
        Draft(tmp_path / "file" / "a.wav")
    tmp_path.chmod(0o500)
    try:
        if not os.access(tmp_path, os.W_OK):  # an administrator may write everywhere
            with pytest.raises(OutputError, match="cannot be written; choose another with -o"):
                Draft(tmp_path / "a.wav")
    finally:
        tmp_path.chmod(0o700)


def test_a_signal_handler_can_remove_every_draft(tmp_path: Path) -> None:
    with Draft(tmp_path / "a.wav"), Draft(tmp_path / "b.wav"):
        assert len(list(tmp_path.iterdir())) == 2
        discard_all()
        assert not list(tmp_path.iterdir())
