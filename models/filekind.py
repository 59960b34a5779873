"""Read the manifest in an ONNX file's metadata, and refuse a file of another kind or of another version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import onnxruntime
from pydantic import BaseModel, ValidationError

from models.errors import BridgeError

Facts = TypeVar("Facts", bound=BaseModel)


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
    version: int
    """The one that this program reads."""
    manifest: type[Facts]
    error: type[BridgeError]

    def read(self, session: onnxruntime.InferenceSession, path: Path) -> Facts:
        """Return the manifest of a loaded file.

        Raises:
            BridgeError: of the kind `error`; there is none, it is of another version or broken.
        """
        text = session.get_modelmeta().custom_metadata_map.get(self.key)
        if text is None:
            raise self.error(f"{path} is an ONNX model but no {self.name}; use {self.source}")
        try:
            fields = json.loads(text)
            version = fields.get("format")
            if isinstance(version, int) and version != self.version:
                known = (
                    f"up to {self.version}; update"
                    if version > self.version
                    else f"{self.version}; {self.remedy}"
                )
                raise self.error(f"{path} has {self.name} format {version} and this version reads {known}")
            return self.manifest.model_validate(fields)
        except (ValueError, ValidationError, AttributeError) as error:
            raise self.error(f"{path} has a broken manifest; {self.remedy}") from error
