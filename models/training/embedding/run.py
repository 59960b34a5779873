"""Train the singer embedding on recordings of many singers, and write it as one ONNX file.

    python -m models.training.embedding SINGERS/ --hold-out 'alto/song08*' 'bass/*' -o embedding.onnx
    python -m models.training.embedding HELD/ --score embedding.onnx

SINGERS holds a folder for each singer. Recordings that `--hold-out` names are kept for the scores, which say
how well singers are told apart by recordings, or as singers, that were never heard. All that is made on the
way lies in the folder `--work`; interrupt it when you like, the same command goes on. With `--score` nothing
is trained: the file is scored on all of HELD, beside other judges that are installed. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from models.embedding.file import SingerEmbedding
from models.embedding.frames import CROP, levels
from models.embedding.manifest import METADATA_KEY, EmbeddingManifest
from models.errors import TrainingError
from models.singer.manifest import finite
from models.training.command import add_hold_out, add_run, check_run, parser_of, printed, run
from models.training.corpus import TRAINING_RATE, held_out, read_voice, recordings_in
from models.training.embedding.graph import graph_of
from models.training.embedding.scoring import HEADER, judges_beside, line, score
from models.training.embedding.training import Plan, Trainer
from models.training.embedding.trials import SECONDS
from models.training.embedding.voices import by_singer, read_voices
from models.training.onnxgraph import write_model
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.training.tune.network import TuneNetwork
from models.wholefile import check_output

COMMAND = "python -m models.training.embedding"
REPORT_EVERY = 20
CHECKPOINT_EVERY = 100

Float32 = NDArray[np.float32]
Singers = dict[str, list[Path]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("singers", type=Path, metavar="SINGERS", help="folder of a folder for each singer")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("-o", "--output", type=Path, metavar="FILE", help="the ONNX file to write")
    task.add_argument("--score", type=Path, metavar="FILE", help="an ONNX file to score; nothing is trained")
    add_hold_out(parser, "SINGER/NAME of recordings to leave out of the training and score with")
    add(
        "--music",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="accompaniments that may play beside the voices; with --score one is mixed under them",
    )
    add_run(parser, "the voices", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    return _train(options) if options.score is None else _score(options)


def _score(options: argparse.Namespace) -> int:
    judges = judges_beside(SingerEmbedding(options.score))
    rows = 0
    for row in score(judges, by_singer(options.singers), _music(options)):
        print(line(row) if rows else f"{HEADER}\n{line(row)}", flush=True)  # noqa: T201
        rows += 1
    if not rows:
        raise TrainingError(
            f"{options.singers} has no singer with two pieces of {SECONDS[0]:g} s; give longer recordings, "
            "or more of them"
        )
    return 0


def _train(options: argparse.Namespace) -> int:
    check_run(options)
    check_output(options.output)
    torch.set_num_threads(1)
    heard, held = split(by_singer(options.singers), options.hold_out, options.singers)
    with claimed(options.work):
        voices = read_voices(heard, options.work / "cache", partial(tqdm, desc="recordings", disable=None))
        trainer = Trainer(voices, _levels(_music(options)), Plan(steps=options.steps))
        resume(trainer, options.work, printed(REPORT_EVERY), CHECKPOINT_EVERY)
    manifest = EmbeddingManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        size=trainer.average.architecture.size,
        steps=trainer.step,
    )
    write_embedding(trainer.average, manifest, options.output)
    if held:
        scores = held_out_scores(SingerEmbedding(options.output), heard, held)
        manifest = manifest.model_copy(update={"scores": scores})
        write_embedding(trainer.average, manifest, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def held_out_scores(embedding: SingerEmbedding, heard: Singers, held: Singers) -> dict[str, float]:
    """Return equal error rate and top-1 by length, of singers heard in training and of others."""
    found: dict[str, float] = {}
    for name, is_known in (("heard", True), ("unheard", False)):
        some = {singer: paths for singer, paths in held.items() if (singer in heard) is is_known}
        for row in score({"tune": embedding.process}, some, changed=False) if len(some) > 1 else ():
            found[f"{name} equal error rate {row.condition}"] = round(row.equal_error_rate.value, 4)
            found[f"{name} top-1 {row.condition}"] = round(row.top_1.value, 4)
    return finite(found)


def split(singers: Singers, patterns: Sequence[str], folder: Path) -> tuple[Singers, Singers]:
    """Return the recordings to train on, and those to score with.

    Raises:
        TrainingError: a pattern matches nothing, or too few singers are left to train on.
    """
    names = {path: path.relative_to(folder).as_posix() for some in singers.values() for path in some}
    held = held_out(set(names.values()), patterns, "SINGER/NAME such as 'alto/song08*'")
    parts = []
    for keep in (False, True):
        some = {
            singer: [one for one in paths if (names[one] in held) is keep]
            for singer, paths in singers.items()
        }
        parts.append({singer: paths for singer, paths in some.items() if paths})
    if len(parts[0]) < 2:
        raise TrainingError(
            f"hold-out patterns {list(patterns)} leave {len(parts[0])} singers to train on and two are "
            "needed; hold out fewer"
        )
    return parts[0], parts[1]


def _music(options: argparse.Namespace) -> list[Float32]:
    return [read_voice(path) for folder in options.music for path in recordings_in(folder)]


def _levels(music: Sequence[Float32]) -> list[NDArray[np.float16]]:
    """Return the levels of the accompaniments that last for a crop."""
    found = [levels(one, TRAINING_RATE).astype(np.float16) for one in music]
    return [one for one in found if len(one) >= CROP]


def write_embedding(network: TuneNetwork, manifest: EmbeddingManifest, path: Path) -> None:
    """Write an embedding as one ONNX file; nothing is left behind when it fails."""
    write_model(graph_of(network), {METADATA_KEY: manifest.model_dump_json()}, path)


if __name__ == "__main__":
    sys.exit(main())
