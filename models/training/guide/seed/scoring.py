"""Sample and score models of `python -m models.training.guide.seed` on pairs that were held out.

    python -m models.training.guide.seed.score vae.pt vaegan.pt autovc.pt --pairs HELD/ --pictures PICTURES/

Each vocal is reconstructed (its own code) and sampled (a code drawn at random), with its own accompaniment,
with another song's, and with a random code in its place. Told are the error in dB, with what a wrong
accompaniment adds to it (the seed's test: it must spoil the vocal; intervals of 95 % by drawing songs), the
distance of all frames from real ones (Frechet, in dB squared), and what is heard once it is sound. The first
lines say what can be reached: real vocals, and what knows nothing of the clip. PICTURES gets the curves of
the trainings, and for two clips spectrograms and sound. Needs the extras train, eval and pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from models.errors import TrainingError
from models.training.command import parser_of, run
from models.training.guide.pairs.database import Clip, read_clips
from models.training.guide.pairs.spectrogram import FRAMES, MELS, RATE, sound
from models.training.guide.seed.coding import resized
from models.training.guide.seed.file import SeedModel, read_model
from models.training.guide.seed.pictures import draw_curves, draw_spectrograms
from models.training.guide.seed.scores import (
    TASKS,
    TELLING,
    Vocals,
    centre_of,
    frechet_distance,
    heard,
    interval,
    level_error,
    other_songs,
    pooled,
    reliance,
    spectral_distance,
    vocals_in,
    vocals_of,
)
from models.wholefile import whole

Float32 = NDArray[np.float32]

COMMAND = "python -m models.training.guide.seed.score"
HEARD = 20
"""Clips that are made sound and listened to: each takes a second or two."""
SHOWN = 2
_HEADER = (
    "| vocals | error, dB | log-spectral distance, dB | Frechet | voiced | restless, cents | likeness |\n"
    "|---|---|---|---|---|---|---|"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input, 130 after an interrupt."""
    return run(COMMAND, lambda: _run(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of(COMMAND, __doc__)
    add = parser.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="models to score")
    add("--pairs", type=Path, required=True, metavar="PAIRS", help="a database of songs that were held out")
    add("--pictures", type=Path, metavar="FOLDER", help="folder for pictures and sounds")
    add("--seed", type=int, default=0, metavar="N", help="of all that is drawn; default 0")
    add("--heard", type=int, default=HEARD, metavar="N", help=f"clips that are listened to; default {HEARD}")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.seed < 0 or options.heard < 1:
        raise TrainingError(
            f"the seed {options.seed} and {options.heard} clips to hear cannot be; give a seed from 0, and 1 "
            "clip or more"
        )
    torch.set_num_threads(1)
    models = [read_model(path) for path in options.files]
    clips = read_clips(options.pairs)
    songs = [clip.song for clip in clips]
    if len(set(songs)) < 2:
        raise TrainingError(
            f"{options.pairs} holds one song and none to mismatch it with; make pairs of more songs"
        )
    wanted = vocals_in(clips)
    some = np.unique(np.linspace(0, len(clips) - 1, min(options.heard, len(clips))).round().astype(int))
    centre = centre_of(wanted[some])

    def line(name: str, found: Float32) -> str:
        figures = [
            str(interval(measure(wanted, found), songs)) for measure in (level_error, spectral_distance)
        ]
        figures.append(f"{frechet_distance(wanted, found):.0f}")
        ears = heard(found[some], centre)
        figures += [f"{ears.voiced:.2f}", f"{ears.restless:.1f}", f"{ears.likeness:.2f}"]
        return f"| {name} | " + " | ".join(figures) + " |"

    print(f"{len(clips)} clips of {len(set(songs))} songs\n\n{_HEADER}")  # noqa: T201
    for name, found in _bounds(models[0], clips, wanted, options.seed):
        print(line(name, found), flush=True)  # noqa: T201
    made = {
        path.stem: vocals_of(model, clips, options.seed)
        for path, model in zip(options.files, models, strict=True)
    }
    for name, vocals in made.items():
        for (task, telling), found in vocals.items():
            print(line(f"{name}: {task}, {telling} accompaniment", found), flush=True)  # noqa: T201
    print("\n| a wrong accompaniment, dB | mean (95 %) |\n|---|---|")  # noqa: T201
    for name, vocals in made.items():
        for what, value in reliance(vocals, wanted, songs).items():
            print(f"| {name}: {what} | {value} |")  # noqa: T201
    if options.pictures:
        _draw(options.pictures, models, made, clips)
    return 0


def _bounds(
    model: SeedModel, clips: Sequence[Clip], wanted: Float32, seed: int
) -> Iterator[tuple[str, Float32]]:
    """Yield what nothing can surpass, and what knows nothing of a clip."""
    yield "real vocals", wanted
    yield f"real vocals in the size of {model.model}", pooled(model, clips)
    yield "another song's real vocals", wanted[other_songs([clip.song for clip in clips], seed)]
    mean = resized(model.vocal_mean[None], (MELS, FRAMES)).numpy()
    yield "the mean of the training's vocals", np.repeat(mean, len(clips), axis=0)


def _draw(folder: Path, models: Sequence[SeedModel], made: dict[str, Vocals], clips: Sequence[Clip]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw_curves(models, folder / "curves.png")
    shown = np.linspace(0, len(clips) - 1, SHOWN + 2).round().astype(int)[1:-1]
    for at in shown.tolist():
        clip = clips[at]
        for name, vocals in made.items():
            rows = [("accompaniment", clip.accompaniment), ("real vocal", clip.vocal)]
            rows += [
                (f"{task}, {telling} accompaniment", vocals[task, telling][at])
                for task in TASKS
                for telling in TELLING[:2]
            ]
            draw_spectrograms(rows, folder / f"{clip.line['song']}-{at}-{name}.png")
            for title, spectrogram in rows[1:]:
                target = (
                    folder
                    / f"{clip.line['song']}-{at}-{name}-{title.replace(', ', '-').replace(' ', '-')}.wav"
                )
                with whole(target) as partial:
                    soundfile.write(partial, sound(spectrogram), RATE, format="WAV", subtype="PCM_16")


if __name__ == "__main__":
    sys.exit(main())
