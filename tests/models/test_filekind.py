"""Files of models: those that ship are known by their bytes, all others are checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from models.content.file import shipped as shipped_encoder
from models.errors import SingerFileError
from models.filekind import SUMS
from models.graphcheck import check_graph
from models.melody.tracker import SHIPPED as MELODY
from models.singer.file import load_singer, shipped

REMEDY = "cd models && sha256sum content/shipped/*.onnx melody/*.onnx singer/shipped/*.onnx > shipped.sha256"
FILES = [shipped_encoder(), MELODY, *shipped().values()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_that_ships_without_a_check_at_each_start_passes_it_here(path: Path) -> None:
    body = path.read_bytes()
    check_graph(memoryview(body))
    named = f"{hashlib.sha256(body).hexdigest()}  {path.relative_to(SUMS.parent).as_posix()}"
    lines = SUMS.read_text(encoding="utf-8").splitlines()
    assert named in lines, REMEDY
    assert len(lines) == len(FILES)


def test_a_file_that_differs_in_one_operator_from_one_that_ships_is_checked(tmp_path: Path) -> None:
    body = next(iter(shipped().values())).read_bytes()
    path = tmp_path / "made.onnx"
    path.write_bytes(body)
    assert load_singer(path).id
    path.write_bytes(body.replace(b"Softmax", b"Hardmax", 1))
    with pytest.raises(SingerFileError, match="holds the operator 'Hardmax', which is not allowed"):
        load_singer(path)
