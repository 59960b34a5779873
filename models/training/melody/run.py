"""Train the melody network on folders of voices and music, and write it as one ONNX file.

    python -m models.training.melody --voices choir/ soloists/ --music backing/ -o melody.onnx

Voices are dry recordings of one singer each; they are labelled where two trackers agree, and sung again by
the shipped singers at pitches that are then known exactly. Music has no singing in it; pieces made up of
chords, bass and drums are added. Files that `--hold-out` names, every tenth of a folder of voices in which it
names none, and the last third of each piece of music are kept for the scores. All that is made on the way
lies in the folder `--work`; interrupt it when you like, the same command goes on. Needs the extras train and
eval.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from models.errors import TrainingError
from models.melody.manifest import MelodyManifest
from models.singer.file import load_singer, shipped
from models.training.command import add_hold_out, add_run, check_run, parser_of, run
from models.training.corpus import matching, read_voice, recordings_in
from models.training.melody.accompaniment import made_up, recorded
from models.training.melody.examples import ExampleMaker
from models.training.melody.publish import held_out_scores, write_network
from models.training.melody.takes import Float32, Take, takes_of
from models.training.melody.training import Plan, Trainer
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.wholefile import check_output

COMMAND = "python -m models.training.melody"
PIECES = 300
"""Number of generated pieces, of 20 s each."""
RENDITIONS = 2
"""How many times each recording is sung again."""
REPORT_EVERY = 20
CHECKPOINT_EVERY = 50


@dataclass(frozen=True)
class Files:
    """What to train on and what to hold out for the scores."""

    voices: list[Path]
    held_voices: list[Path]
    music: list[Path]
    held_music: list[Path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("--voices", nargs="+", type=Path, required=True, metavar="FOLDER", help="recordings of single voices")
    add("--music", nargs="+", type=Path, required=True, metavar="FOLDER", help="recordings without singing")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the ONNX file to write")
    add_hold_out(parser, "names of files to leave out of the training and score with")
    add_run(parser, "voices and music", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    files = chosen(options.voices, options.music, options.hold_out)
    check_output(options.output)
    torch.set_num_threads(1)
    for path in (*files.held_voices, *files.held_music):
        read_voice(path)  # here and not for the scores, hours later
    with claimed(options.work):
        trainer = Trainer(examples(files, options.work), Plan(steps=options.steps))
        resume(trainer, options.work, _reporter(), CHECKPOINT_EVERY)
        manifest = publish(trainer, files, options)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def publish(trainer: Trainer, files: Files, options: argparse.Namespace) -> MelodyManifest:
    """Write the file, score it, and write it again with its scores."""
    network = trainer.average
    manifest = MelodyManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        parameters=sum(part.numel() for part in network.parameters()),
        steps=trainer.step,
    )
    write_network(network, manifest, options.output)
    heard = set(files.music)
    unheard = [path for path in files.held_music if path not in heard]

    def shown(paths: Sequence[Path]) -> Iterable[Path]:
        return tqdm(paths, "scores", disable=None)

    scores = held_out_scores(options.output, files.held_voices, files.held_music, unheard, shown)
    manifest = manifest.model_copy(update={"scores": scores})
    write_network(network, manifest, options.output)
    return manifest


def chosen(voices: Sequence[Path], music: Sequence[Path], patterns: Sequence[str]) -> Files:
    """Split the files of folders.

    Args:
        voices: folders.
        music: folders.
        patterns: of names to hold out; of a folder of voices in which none matches, every tenth.

    Raises:
        TrainingError: a folder holds no recordings, a pattern matches nothing, or nothing is left.
    """
    found = [recordings_in(folder) for folder in voices]
    pieces = [path for folder in music for path in recordings_in(folder)]
    for pattern in patterns:
        if not matching((*chain(*found), *pieces), [pattern]):
            raise TrainingError(f"hold-out pattern {pattern!r} matches no file; give names such as 'song08*'")

    held = [path for paths in found for path in matching(paths, patterns) or paths[9::10]]
    kept = matching(pieces, patterns)
    files = Files(
        [path for path in chain(*found) if path not in held],
        held,
        [path for path in pieces if path not in kept],
        pieces,
    )
    if not files.voices or not files.music:
        raise TrainingError(f"hold-out patterns {list(patterns)} leave nothing to train on; hold out fewer")
    return files


def examples(files: Files, work: Path) -> ExampleMaker:
    """Prepare all material, or find it in the folder `work`; return the maker of examples."""
    cache = work / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    singers = [load_singer(name) for name in shipped()]
    takes: list[Take] = []
    for path in tqdm(files.voices, "voices", disable=None):
        takes += takes_of(path, singers, RENDITIONS, cache)
    music: list[Float32] = []
    for path in tqdm(files.music, "music", disable=None):
        music += recorded(path, cache)
    music += [
        made_up(np.random.default_rng([1, number])) for number in tqdm(range(PIECES), "pieces", disable=None)
    ]
    return ExampleMaker(takes, music, Plan.frames, Plan.batch)


def _reporter() -> Callable[[int, dict[str, float]], None]:
    recent: deque[dict[str, float]] = deque(maxlen=REPORT_EVERY)

    def report(step: int, losses: dict[str, float]) -> None:
        recent.append(losses)
        if (step + 1) % REPORT_EVERY == 0:
            means = {name: sum(part[name] for part in recent) / len(recent) for name in losses}
            print(step + 1, *(f"{name} {value:.3f}" for name, value in means.items()), flush=True)  # noqa: T201

    return report


if __name__ == "__main__":
    sys.exit(main())
