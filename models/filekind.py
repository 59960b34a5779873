"""Load a model file that may be hostile: refuse what its graph must not hold, and read its manifest."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import onnxruntime
from pydantic import BaseModel

from dsp.units import HOPS_PER_SECOND
from models.errors import BridgeError
from models.graphcheck import FRAMES, GraphError, check_graph
from models.onnxstep import opened

Facts = TypeVar("Facts", bound=BaseModel)

MAX_BYTES = 64 * 2**20
SUMS = Path(__file__).parent / "shipped.sha256"
"""Names the files that come with the package and need no check, which takes a third of the time to load one.
Written by `sha256sum`; a file that it does not name is checked like any other."""
MAX_MANIFEST = 2**20
"""Characters; wavetables take 32,000."""
TRIAL_SECONDS = 10.0
"""For `FRAMES`; the singers that ship take five milliseconds."""


@dataclass(frozen=True)
class FileKind(Generic[Facts]):
    """A kind of file with a manifest."""

    name: str
    """For people, such as "singer"."""
    source: str
    """Where files of it come from; ends the sentence "use ..."."""
    remedy: str
    """What to do about a damaged one."""
    key: str
    """Of the manifest in the metadata."""
    versions: range
    """Those that this program reads."""
    manifest: type[Facts]
    error: type[BridgeError]
    rewritten: bool = True
    """See `models.onnxstep.opened`."""

    def load(self, path: Path) -> onnxruntime.InferenceSession:
        """Return a graph that takes frames and a state, of bounded size and time; nothing of it has run yet.

        A file of `SUMS` has been checked where it was made.

        Raises:
            BridgeError: of the kind `error`; the file is too large, no ONNX model, or its graph is refused.
        """
        model = self._read(path)
        try:
            if hashlib.sha256(model).hexdigest() not in _checked_before():
                check_graph(memoryview(model))
            return opened(model, rewritten=self.rewritten)
        except GraphError as error:
            raise self.error(f"{path} {error}; {self.remedy}") from error

    def _read(self, path: Path) -> bytes:
        try:
            size = path.stat().st_size
            if size > MAX_BYTES:
                most = f"{size / 2**20:.0f} MB and a {self.name} file at most {MAX_BYTES / 2**20:.0f}"
                raise self.error(f"{path} has {most}; {self.remedy}")
            return path.read_bytes()
        except OSError as error:
            raise self.error(f"{path} cannot be read: {error.strerror}; {self.remedy}") from error

    def try_out(
        self,
        session: onnxruntime.InferenceSession,
        path: Path,
        branches: Iterable[Mapping[str, float]] = (),
    ) -> None:
        """Run a loaded graph, whose inputs and outputs have been checked, for once.

        Args:
            session: the graph.
            path: its file.
            branches: inputs and their values that lead to each further part of the graph.

        Raises:
            BridgeError: of the kind `error`; it fails, or takes long.
        """
        options = onnxruntime.RunOptions()
        timer = threading.Timer(TRIAL_SECONDS, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            shapes = {
                end.name: [size if isinstance(size, int) else FRAMES for size in end.shape]
                for end in session.get_inputs()
            }
            for value, own in [(0.0, {}), (1.0, {}), *((1.0, branch) for branch in branches)]:
                given = {
                    name: np.full(shape, own.get(name, value), np.float32) for name, shape in shapes.items()
                }
                session.run(None, given, options)
        except Exception as error:  # onnxruntime raises a dozen unrelated types
            most = f"{TRIAL_SECONDS:g} s for {FRAMES / HOPS_PER_SECOND:g} s of singing"
            raise self.error(f"{path} fails, or takes more than {most}; {self.remedy}") from error
        finally:
            timer.cancel()

    def read(self, session: onnxruntime.InferenceSession, path: Path) -> Facts:
        """Return the manifest of a loaded file.

        Raises:
            BridgeError: of the kind `error`; there is none, it is of another version or broken.
        """
        text = session.get_modelmeta().custom_metadata_map.get(self.key)
        if text is None:
            raise self.error(f"{path} is an ONNX model but no {self.name}; use {self.source}")
        try:
            fields: Any = json.loads(text) if len(text) <= MAX_MANIFEST else None
            version = fields.get("format")
            if isinstance(version, int) and version not in self.versions:
                newest = self.versions[-1]
                known = (
                    f"up to {newest}; update"
                    if version > newest
                    else f"{self.versions[0]} or newer; {self.remedy}"
                )
                raise self.error(f"{path} has {self.name} format {version} and this version reads {known}")
            return self.manifest.model_validate(fields)
        except (ValueError, AttributeError, RecursionError) as error:
            raise self.error(f"{path} has a broken manifest; {self.remedy}") from error


@cache
def _checked_before() -> frozenset[str]:
    return frozenset(line.split()[0] for line in SUMS.read_text(encoding="utf-8").splitlines())
