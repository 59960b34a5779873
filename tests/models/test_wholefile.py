"""Files appear when they are whole, nothing stays behind, and whether they can be is known beforehand."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from models.errors import OutputError
from models.training.onnxgraph import Graph, write_model
from models.wholefile import Draft, Scratch, check_output, check_target, discard_all, unwritable, whole
from tests.conftest import ROOT


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"

    def write(text: str, failing: bool) -> None:
        with whole(path) as partial:
            partial.write_text(text)
            if failing:
                raise OSError("disk full")

    write("old", failing=False)
    write("new", failing=False)
    with pytest.raises(OSError, match="disk full"):
        write("half", failing=True)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    graph = Graph("twice")
    graph.add("Add", "x", "x", out="y")
    folder = tmp_path / "x.onnx"
    folder.mkdir()
    with pytest.raises(OutputError, match="is a folder; give the name of a file"):
        write_model(graph.proto({"x": (1,)}, {"y": (1,)}), {}, folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    check_output(tmp_path / "new" / "x.onnx")
    assert list(tmp_path.rglob("*")) == [tmp_path / "new"]
    with pytest.raises(OutputError, match="new is a folder; give the name of a file"):
        check_output(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"x\.onnx cannot be written: .+; give another place"):
        check_output(tmp_path / "file" / "x.onnx")


def test_the_target_appears_with_the_commit(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    with Draft(target) as draft:
        draft.path.write_bytes(b"whole")
        assert draft.path.parent == tmp_path
        assert not target.exists()
        draft.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"whole"


def test_what_somebody_else_made_while_the_disk_worked_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a.wav"
    monkeypatch.setattr(os, "fsync", lambda _: target.write_bytes(b"of another program"))
    with Draft(target) as draft:
        draft.path.write_bytes(b"whole")
        with pytest.raises(OutputError, match="exists already"):
            draft.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert target.read_bytes() == b"of another program"


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
        with pytest.raises(OutputError, match=r"exists already; .* give force to replace it"):
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
            with pytest.raises(OutputError, match=r"cannot be written; choose another$"):
                Draft(tmp_path / "a.wav")
    finally:
        tmp_path.chmod(0o700)


def test_a_signal_handler_can_remove_every_draft(tmp_path: Path) -> None:
    with Draft(tmp_path / "a.wav"), Draft(tmp_path / "b.wav"):
        assert len(list(tmp_path.iterdir())) == 2
        discard_all()
        assert not list(tmp_path.iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from models.wholefile import Draft, Scratch, check_output, check_target, discard_all, whole
with Draft(Path(sys.argv[1])) as draft:
    draft.path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


def test_what_a_killed_process_left_is_swept_and_blocks_nobody(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a.wav"], cwd=ROOT, check=False)
    (left,) = leftovers(tmp_path)
    # The number of a dead process is given again, to this one for example, whose file it then is not.
    machine, number, rest = left.removeprefix(".plugin-bridge-").split("-")
    again = f".plugin-bridge-{machine}-{os.getpid()}-{rest}"
    (tmp_path / again).write_bytes(b"half, too")
    with Draft(tmp_path / "a.wav") as draft:
        assert leftovers(tmp_path) == [draft.path.name]
        draft.path.write_bytes(b"whole")
        draft.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert int(number) != os.getpid()


def test_files_of_running_processes_are_left_alone(tmp_path: Path) -> None:
    with Scratch(tmp_path / "a.wav") as ours:
        parent = ours.path.name.replace(str(os.getpid()), str(os.getppid()), 1)
        (tmp_path / parent).touch()
        other = tmp_path / ".plugin-bridge-00000000-1-ab.part"  # of a machine whose processes are not seen
        earlier = tmp_path / ".plugin-bridge-1-0.part"  # as version 0.1 called them
        for path in (other, earlier):
            path.touch()
        long_ago = time.time() - 8 * 24 * 3600
        os.utime(tmp_path / parent, (long_ago, long_ago))
        os.utime(earlier, (long_ago, long_ago))
        with Scratch(Path(os.path.relpath(tmp_path)) / "b.wav") as second:  # the folder by another name
            assert leftovers(tmp_path) == sorted([ours.path.name, parent, other.name, second.path.name])


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "cache.npz"
    with whole(path) as one:
        one.write_bytes(b"one")
        with whole(path) as two:
            two.write_bytes(b"the other")
        assert path.read_bytes() == b"the other"
    assert path.read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["cache.npz"]


@pytest.mark.parametrize("name", ["a" * 300 + ".wav", "a\0b.wav"])
def test_a_name_that_no_file_can_have_is_told_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"cannot be written: .*; choose another name$"):
        check_target(tmp_path / name)


def test_the_remedy_for_a_full_table_of_files_is_not_free_space() -> None:
    for number, remedy in (
        (errno.EMFILE, "close other programs"),
        (errno.ENOSPC, "free some space or choose"),
    ):
        error = OSError(number, "It is full")
        assert f"a.wav cannot be written: It is full; {remedy}" in str(unwritable(Path("a.wav"), error))
