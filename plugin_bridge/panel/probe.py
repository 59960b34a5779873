"""Tell what audio files are, a line of JSON each: a process of its own, since they may come from anywhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from plugin_bridge.errors import BridgeError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.writer import SOFTWARE


def probed(path: Path) -> dict[str, object]:
    """Return the seconds of a file and whether it is a bounce of this program, or why it cannot be read."""
    try:
        with AudioReader(path) as reader:
            software = reader.metadata.get("software", "")
            return {
                "seconds": round(reader.frames / reader.sample_rate, 3),
                "bounce": software.startswith(SOFTWARE),
            }
    except BridgeError as error:
        return {"error": str(error).replace(str(path), path.name)}


def main(paths: Sequence[str]) -> None:
    """Print a line for each, in order."""
    for path in paths:
        sys.stdout.write(f"{json.dumps(probed(Path(path)))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
