"""Ask an encoder what it knows: a linear layer, and two, learn classes from what it says of recordings.

    python -m models.training.tune.probe encoder.onnx VOICES/

VOICES holds a folder of recordings for each class: singers, instruments, songs. Every fifth recording of
each, or those that `--hold-out` names, are kept from the probes, and told are the share that is recognised,
each class counting alike, and the area under the ROC curve, each with the range in which 95 of 100 draws of
other recordings would lie. Needs the extra train.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from models.errors import TrainingError
from models.training.command import add_hold_out, parser_of, run
from models.training.corpus import held_out, recordings_in
from models.training.tune.architecture import SAMPLES
from models.training.tune.examples import read_audio
from models.training.tune.file import TuneEncoder
from models.training.tune.probing import EVERY, Examples, Float32, fifths, probed, split

COMMAND = "python -m models.training.tune.probe"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    parser.add_argument(
        "encoder", type=Path, metavar="ENCODER", help="made by python -m models.training.tune"
    )
    parser.add_argument("classes", type=Path, metavar="FOLDER", help="a folder of recordings for each class")
    add_hold_out(parser, "CLASS/NAME of recordings to ask about; default every fifth")
    return parser


def _run(options: argparse.Namespace) -> int:
    encoder = TuneEncoder(options.encoder)
    names, examples, held = asked(encoder.process, options.classes, options.hold_out)
    known, unknown = split(examples, held)
    scores = probed(known, unknown, len(names))
    told = {
        "classes": names,
        "recordings": {"heard": len(np.unique(known.recordings)), "held out": len(held)},
        "chance": round(1.0 / len(names), 4),
        **{
            probe: {what: [round(part, 4) for part in one] for what, one in found.items()}
            for probe, found in scores.items()
        },
    }
    print(json.dumps(told, indent=2))  # noqa: T201
    return 0


def asked(
    process: Callable[[Float32], Float32], folder: Path, patterns: Sequence[str]
) -> tuple[list[str], Examples, list[int]]:
    """Read a folder of classes.

    Args:
        process: maps examples, (n, SAMPLES), to what is said of them, (n, size).
        folder: `CLASS/NAME.wav`, or deeper.
        patterns: of CLASS/NAME of the recordings to hold out; none: every fifth of each class.

    Returns:
        The names of the classes, all examples, and the recordings to hold out.

    Raises:
        TrainingError: there are no two classes, a recording lies in none, a pattern matches nothing, or a
            class has no recording to learn from or to ask about.
    """
    paths = recordings_in(folder)
    if loose := [path for path in paths if path.parent == folder]:
        raise TrainingError(f"{loose[0]} lies in no folder of a class; move it into one")
    keys = [path.relative_to(folder).as_posix() for path in paths]
    asked_about = held_out(keys, patterns, "CLASS/NAME such as 'alto/song08*'")
    names = sorted({key.split("/")[0] for key in keys})
    if len(names) < 2:
        raise TrainingError(f"{folder} holds recordings of one class, {names[0]}; a probe needs 2 or more")
    said = [process(examples_of(read_audio(path))) for path in paths]
    counts = [len(part) for part in said]
    classes = np.repeat([names.index(key.split("/")[0]) for key in keys], counts)
    examples = Examples(np.concatenate(said), classes, np.repeat(np.arange(len(keys)), counts))
    named = [index for index, key in enumerate(keys) if key in asked_about]
    held = named if patterns else fifths(examples)
    for what, part in zip(("to learn from", "to ask about"), split(examples, held), strict=True):
        if missing := set(range(len(names))) - set(part.classes.tolist()):
            raise TrainingError(
                f"{names[min(missing)]} has no recording {what}; give it {EVERY} or more, or hold out others"
            )
    return names, examples, held


def examples_of(audio: Float32) -> Float32:
    """Cut a recording into examples, (n, SAMPLES); the end counts from half of one on, padded by silence.

    A recording shorter than that is one example all the same.
    """
    count = max(1, round(audio.size / SAMPLES))
    padded = np.zeros(count * SAMPLES, np.float32)
    padded[: audio.size] = audio[: padded.size]
    return padded.reshape(count, SAMPLES)


if __name__ == "__main__":
    sys.exit(main())
