"""Train the content encoder on labelled recordings of many voices, and write it as one ONNX file.

    python -m models.training.content VOICES/ --hold-out alto/* 'song08*' -o content.onnx

VOICES holds a folder for each voice, and beside every recording a label file: begin and end in units of
100 ns and a phone on each line. Voices or recordings that `--hold-out` names are kept for the scores, which
say how well a voice is understood that the encoder never heard. All that is made on the way lies in the
folder `--work`; interrupt it when you like, the same command goes on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from models.content.manifest import METADATA_KEY, ContentManifest
from models.differentiable.content import SIZE, ContentNetwork
from models.singer.manifest import finite
from models.training.batches import clean_bands
from models.training.command import add_hold_out, add_run, check_run, parser_of, printed, run
from models.training.content.examples import Labelled, pieces_of, read_voices
from models.training.content.network import TaughtContentNetwork
from models.training.content.phones import PHONES, VOWELS
from models.training.content.stepgraph import step_graph
from models.training.content.training import Plan, Trainer
from models.training.corpus import held_out
from models.training.onnxgraph import write_model
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.wholefile import check_output

COMMAND = "python -m models.training.content"
SHIFTS = (0.0, 6.0)
"""Semitones by which recordings are also transposed: speech has to cover the range of singing."""
REPORT_EVERY = 20
CHECKPOINT_EVERY = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("voices", type=Path, metavar="VOICES", help="folder of a folder for each voice")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the ONNX file to write")
    add_hold_out(parser, "VOICE/NAME of recordings to leave out of the training and score with")
    add_run(parser, "the voices", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    check_output(options.output)
    torch.set_num_threads(1)
    with claimed(options.work):
        every = read_voices(options.voices, options.work / "cache", SHIFTS, _shown)
        heard, held = split(every, options.hold_out)
        trainer = Trainer(heard, Plan(steps=options.steps))
        resume(trainer, options.work, printed(REPORT_EVERY), CHECKPOINT_EVERY)
    manifest = ContentManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        size=SIZE,
        steps=trainer.step,
        scores=held_out_scores(trainer.average, held),
    )
    write_encoder(trainer.average, manifest, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def split(every: Sequence[Labelled], patterns: Sequence[str]) -> tuple[list[Labelled], list[Labelled]]:
    """Return the recordings to train on, and those to score with, without transposition.

    Raises:
        TrainingError: a pattern matches nothing, or nothing is left to train on.
    """
    names = held_out([one.path for one in every], patterns, "VOICE/NAME such as 'alto/song08*'")
    heard = [one for one in every if one.path not in names]
    return heard, [one for one in every if one.path in names and not one.shift]


@torch.no_grad()
def held_out_scores(network: TaughtContentNetwork, held: Sequence[Labelled]) -> dict[str, float]:
    """Return by voice and kind, such as "alto vowels", the share of frames whose phone is recognised."""
    vowels = [index for index, phone in enumerate(PHONES) if phone in VOWELS]
    right: dict[str, list[bool]] = {}
    for one in pieces_of(held):
        bands = torch.from_numpy(clean_bands(one.prepared))[None]
        found = network.logits(network(bands)).argmax(2)[0].numpy()
        labels = one.labels[: found.size]
        for kind, chosen in {
            "vowels": np.isin(labels, vowels),
            "consonants": (labels > 0) & ~np.isin(labels, vowels),
        }.items():
            right.setdefault(f"{one.voice} {kind}", []).extend((found == labels)[chosen].tolist())
    return finite({name: round(float(np.mean(hits)), 4) for name, hits in right.items() if hits})


def write_encoder(network: ContentNetwork, manifest: ContentManifest, path: Path) -> None:
    """Write an encoder as one ONNX file; nothing is left behind when it fails."""
    write_model(step_graph(network), {METADATA_KEY: manifest.model_dump_json()}, path)


def _shown(paths: Sequence[Path]) -> Iterable[Path]:
    return tqdm(paths, "voices", disable=None)


if __name__ == "__main__":
    sys.exit(main())
