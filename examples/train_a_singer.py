"""Train a singer on a minute of one voice, and let it sing the stem.

    python examples/train_a_singer.py my_voice --id me --steps 5000
    python examples/train_a_singer.py my_voice --id me --steps 20000     # goes on where it stopped

`my_voice` is a folder of recordings of one person, dry and alone. A minute shows that it works; twenty
minutes and 20000 steps make a voice. Without a folder it trains on the stem beside this file, briefly. Needs
the extra `train`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

from plugin_bridge import (
    BridgeError,
    SingerConversion,
    SingerFacts,
    TrainingListener,
    TrainingPlan,
    train_singer,
)

FOLDER = Path(__file__).parent
STEM = FOLDER / "two_singers.flac"


def main(arguments: list[str] | None = None) -> int:
    """Train, then convert the stem with the new singer."""
    options = parsed(arguments)
    facts = SingerFacts(
        id=options.id,
        name=options.id.title(),
        licence=options.licence,
        attribution=options.attribution,
        training_data=f"recordings in {options.recordings.name}",
    )
    file = options.output or Path(f"{options.id}.onnx")
    try:
        with tqdm(total=options.steps, unit="step", disable=None) as bar:
            manifest = train_singer(
                options.recordings,
                facts,
                file,
                plan=TrainingPlan(steps=options.steps, batch=options.batch),
                listener=TrainingListener(step=lambda step, loss: show(bar, step, loss)),
            )
        result = sung(file, options.stem)
    except BridgeError as error:
        print(error, file=sys.stderr)
        return 2
    scores = ", ".join(f"{name} {value:g}" for name, value in manifest.scores.items())
    print(f"{file}: {manifest.steps} steps, {manifest.f0_low:.0f}-{manifest.f0_high:.0f} Hz, {scores}")
    print(f"{result}: the stem, sung by {manifest.name}")
    return 0


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument(
        "recordings", nargs="?", type=Path, default=FOLDER, help="a folder of one person's voice"
    )
    parser.add_argument("--id", default="me", help="lower-case letters, digits, '-' and '_'")
    parser.add_argument("-o", "--output", type=Path, help="default: ID.onnx")
    parser.add_argument("--steps", type=int, default=300, help="in all, those of earlier runs counted")
    parser.add_argument("--batch", type=int, default=8, help="examples per step")
    parser.add_argument("--licence", default="private", help="what others may do with this voice")
    parser.add_argument("--attribution", default="", help="whom to name")
    parser.add_argument("--stem", type=Path, default=STEM, help="what the new singer sings at the end")
    return parser.parse_args(arguments)


def show(bar: tqdm[Any], step: int, loss: float) -> None:
    """Move the progress bar, which shows the remaining time, to a step."""
    bar.update(step + 1 - bar.n)
    bar.set_postfix(loss=f"{loss:.3f}", refresh=False)


def sung(singer: Path, stem: Path) -> Path:
    """Write the stem as the singer sings it, beside the singer's file."""
    audio, rate = soundfile.read(stem, dtype="float32", always_2d=True)
    result = SingerConversion(singer)(np.ascontiguousarray(audio.T), rate)
    path = singer.with_suffix(".wav")
    soundfile.write(path, result.T, rate, subtype="PCM_24")
    return path


if __name__ == "__main__":
    sys.exit(main())
