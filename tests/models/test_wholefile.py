"""Files appear when they are whole, and whether they can be is known beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.training.onnxgraph import Graph, write_model
from models.wholefile import check_output, whole
from plugin_bridge.errors import OutputError


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
    with pytest.raises(OSError, match="irectory"):
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
