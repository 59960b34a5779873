"""Train the network that writes guide melodies on a folder of melodies, and write it as one ONNX file.

    python -m models.training.guide FOLDER -o guide.onnx

FOLDER holds MIDI files, one melody each, in 4/4 and with a key signature; recordings (FLAC) and phone labels
(.lab) of the same names tell vowels and loudness. Each melody gets chords by rule and is played in several
styles, keys and tempi; songs whose melody is made by rule, too, are added. Files that `--hold-out` names,
every tenth where it names none, are kept for the scores. All that is made on the way lies in the folder
`--work`; interrupt it when you like, the same command goes on. Needs the extras train and guide.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from models.errors import TrainingError
from models.guide.manifest import METADATA_KEY, GuideManifest
from models.singer.manifest import finite
from models.training.command import add_hold_out, add_run, check_run, parser_of, run
from models.training.corpus import held_out
from models.training.guide.examples import Heard, drawn, heard_rules, heard_tunes, sung_tunes
from models.training.guide.graph import graph_of
from models.training.guide.network import LATENT, GuideNetwork, with_other_backing
from models.training.guide.training import Plan, Trainer, loss_of
from models.training.guide.tunes import Tune, read_tune, tunes_in
from models.training.onnxgraph import write_model
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.wholefile import check_output

COMMAND = "python -m models.training.guide"
VARIANTS = 5
"""Arrangements of each tune."""
RULES = 120
"""Songs whose melody is made by rule."""
SCORED = 64
"""Windows of held-out tunes on which the scores are taken."""
RESAMPLES = 1000
REPORT_EVERY = 20
CHECKPOINT_EVERY = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="MIDI files of one melody each")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="the ONNX file to write")
    add_hold_out(parser, "names of tunes to leave out of the training")
    add(
        "--variants",
        type=int,
        default=VARIANTS,
        metavar="N",
        help=f"arrangements of each; default {VARIANTS}",
    )
    add("--rules", type=int, default=RULES, metavar="N", help=f"songs made by rule; default {RULES}")
    add_run(parser, "the melodies", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    if options.variants < 1 or options.rules < 0:
        raise TrainingError("--variants below 1 or --rules below 0 leave nothing to train on; give more")
    check_output(options.output)
    torch.set_num_threads(1)
    tunes, held = chosen(options.folder, options.hold_out)
    with claimed(options.work):
        cache = options.work / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        sung = heard_tunes(sung_tunes(tunes, options.folder), options.variants, cache, _shown)
        trainer = Trainer(sung, heard_rules(options.rules, cache, _shown), Plan(steps=options.steps))
        resume(trainer, options.work, _reporter(), CHECKPOINT_EVERY)
        unheard = heard_tunes(sung_tunes(held, options.folder), 1, cache, _shown)
    manifest = GuideManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        latent=LATENT,
        steps=trainer.step,
        scores=held_out_scores(trainer.average, unheard),
    )
    write_model(graph_of(trainer.average), {METADATA_KEY: manifest.model_dump_json()}, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def chosen(folder: Path, patterns: Sequence[str]) -> tuple[list[Tune], list[Tune]]:
    """Return the tunes to train on, and those to score with.

    Raises:
        TrainingError: there are none, or none is left.
    """
    paths = tunes_in(folder)
    names = held_out([path.name for path in paths], patterns, "names such as 'song08*'", "file")
    held = [path for path in paths if path.name in names] if patterns else paths[9::10]
    kept = [path for path in paths if path not in held]
    return [read_tune(path) for path in kept], [read_tune(path) for path in held]


@torch.no_grad()
def held_out_scores(network: GuideNetwork, songs: Sequence[Heard]) -> dict[str, float]:
    """Return nats a step on tunes that were not heard: with their own backing, and with another one.

    "nats listening" is how much likelier a tune is with its own, with the ends of its interval of 95 % (by
    bootstrap over windows).

    Args:
        network: in torch.
        songs: of the tunes; two or more.
    """
    if len(songs) < 2:
        return {}
    rng = np.random.default_rng(0)
    batch = drawn(songs, np.full(len(songs), 1.0 / len(songs)), SCORED, rng)
    nats = []
    for rows in (batch.inputs, with_other_backing(batch.inputs)):
        encoded = network.encoded(rows)
        prior = network.prior_of(encoded)
        decoded = network(rows, encoded, prior.mean, batch.tokens, batch.past)
        of_each = [
            loss_of(*(x[place : place + 1] for x in (decoded.logits, batch.tokens, batch.counted)))
            for place in range(SCORED)
        ]
        nats.append(torch.stack(of_each).double().numpy())
    encoded = network.encoded(batch.inputs)
    posterior, prior = network.posterior_of(encoded, batch.tokens), network.prior_of(encoded)
    gained = nats[1] - nats[0]
    means = gained[rng.integers(SCORED, size=(RESAMPLES, SCORED))].mean(axis=1)
    divergence = posterior.divergence(prior).mean(dim=0)
    found = {
        "nats matched": nats[0].mean(),
        "nats shuffled": nats[1].mean(),
        "nats listening": gained.mean(),
        "nats listening, low": np.percentile(means, 2.5),
        "nats listening, high": np.percentile(means, 97.5),
        "nats of z": divergence.sum(),
    }
    return finite({name: round(float(value), 4) for name, value in found.items()})


def _shown(songs: Sequence[int]) -> tqdm[int]:
    return tqdm(songs, "songs", disable=None)


def _reporter() -> Callable[[int, dict[str, float]], None]:
    recent: deque[dict[str, float]] = deque(maxlen=REPORT_EVERY)

    def report(step: int, losses: dict[str, float]) -> None:
        recent.append(losses)
        if (step + 1) % REPORT_EVERY == 0:
            means = {name: sum(part[name] for part in recent) / len(recent) for name in losses}
            print(step + 1, *(f"{name} {value:.3f}" for name, value in means.items()), flush=True)  # noqa: T201

    return report
