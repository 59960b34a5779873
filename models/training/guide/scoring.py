"""Score guide melodies on songs that no training has heard: rules, network, real leads and chance.

    python -m models.training.guide.scoring --songs FOLDER --melodies FOLDER [--network guide.onnx]

FOLDER of the songs holds backing tracks, NAME_instrumental.flac or NAME_backing.flac, and where there is one
the real lead, NAME_vocal_lead.flac. The melodies, MIDI files that were held out of the training, tell how
real melodies move. Each backing is cut into windows of 8 bars. Scores are means over windows and seeds;
intervals are 95 % by bootstrap over windows. "Shuffled" judges a melody by another song's bars,
moved to their key.

The rule by which one ships as the default was written down before the first table. The network wins if
1. its fit to the backing (mean of chord tones on beats, tones in key, consonance with the bass, and onset
   agreement) is not lower than that of the rules by more than 0.03, at the lower end of the interval, and
2. its likeness to real melodies (mean of the divergences of intervals and durations) is better, at the whole
   interval of the difference, and
3. its shares of repeated notes and of octave jumps are not further from the real ones by more than 0.05, and
4. it listens: melodies are likelier with their own backing than with another (nats a step, whole interval).
Else the rules stay the default and the network can be chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from models.errors import TrainingError
from models.guide.chords import Key
from models.guide.ground import Ground, ground_of
from models.guide.guide import COMPOSERS, Composer, GuideSettings, compose_for
from models.guide.inputs import tonic_of
from models.guide.listening import Heard, hear
from models.guide.melodynetwork import MelodyNetwork
from models.guide.steps import GridNote
from models.notes import Note
from models.training.command import parser_of, run
from models.training.corpus import matching
from models.training.guide.judging import MEASURES, Scores, divergence, histograms, on_grid, score, windows
from models.training.guide.tunes import read_tune, tunes_in
from models.transcription import heard_notes

Float64 = NDArray[np.float64]
Random = np.random.Generator

COMMAND = "python -m models.training.guide.scoring"
SEEDS = 3
RESAMPLES = 1000
LOW, HIGH = 55, 74
FIT = ("chord tones", "in key", "bass", "onsets")
LIKENESS = ("intervals", "durations")


@dataclass(frozen=True)
class Backing:
    """A song without its lead."""

    name: str
    heard: Heard
    ground: Ground
    lead: list[Note] | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 and one sentence for bad input."""
    parser = parser_of(COMMAND, __doc__)
    parser.add_argument(
        "--songs", nargs="+", type=Path, required=True, metavar="FOLDER", help="backing tracks"
    )
    parser.add_argument("--melodies", type=Path, required=True, metavar="FOLDER", help="MIDI files, held out")
    parser.add_argument(
        "--pattern", nargs="+", default=["*"], metavar="PATTERN", help="which of them; default all"
    )
    parser.add_argument(
        "--network", type=Path, metavar="FILE", help="another network than the one that ships"
    )
    parser.add_argument("--style", default="pop", metavar="NAME", help="of the guides; default pop")
    return run(COMMAND, lambda: _run(parser.parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    backings = [backing for folder in options.songs for backing in backings_in(folder)]
    network = MelodyNetwork(options.network) if options.network else None
    melodies = matching(tunes_in(options.melodies), options.pattern)
    real = [list(read_tune(path).notes) for path in melodies]
    found = table(backings, real, network, options.style)
    for line in found:
        print(line, flush=True)  # noqa: T201
    return 0


def backings_in(folder: Path) -> Iterator[Backing]:
    """Yield the songs of a folder.

    Raises:
        TrainingError: it holds none.
    """
    paths = [path for kind in ("instrumental", "backing") for path in sorted(folder.glob(f"*_{kind}.*"))]
    if not paths:
        raise TrainingError(f"{folder} holds no backing tracks; name them NAME_instrumental or NAME_backing")
    for path in paths:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        heard = hear(audio.T, rate)
        voice = path.with_name(f"{path.stem.rpartition('_')[0]}_vocal_lead{path.suffix}")
        lead = None
        if voice.exists():
            sung, rate = soundfile.read(voice, dtype="float32", always_2d=True)
            lead = heard_notes(sung.mean(axis=1), rate)
        yield Backing(path.stem, heard, ground_of(heard), lead)


def table(
    backings: Sequence[Backing],
    real: Sequence[list[GridNote]],
    network: MelodyNetwork | None,
    style: str,
    composers: Sequence[Composer] = COMPOSERS,
) -> list[str]:
    """Return the lines of the table.

    Args:
        backings: songs.
        real: melodies to compare intervals and durations with; the songs' own leads are added.
        network: another one than the one that ships.
        style: of the guides.
        composers: to be compared.
    """
    makers: dict[str, Callable[[Backing, int], list[GridNote]]] = {
        name: partial(_guide, style=style, composer=name, network=network) for name in composers
    }
    makers["random scale"] = _random
    leads = {song.name: on_grid(song.lead, song.heard) for song in backings if song.lead}
    reference = histograms([*real, *leads.values()])
    rows: dict[str, list[Scores]] = {}
    for name, make in makers.items():
        lines = {(song.name, seed): make(song, seed) for song in backings for seed in range(SEEDS)}
        rows[name] = [
            judged
            for song in backings
            for seed in range(SEEDS)
            for judged in _judged(lines[song.name, seed], song)
        ]
        rows[f"{name}, shuffled"] = [
            judged
            for song, other in _pairs(backings)
            for seed in range(SEEDS)
            for judged in _judged(_moved(lines[song.name, seed], song.ground.key, other), other)
        ]
    rows["real leads"] = [
        judged for song in backings if song.lead for judged in _judged(leads[song.name], song)
    ]
    others = histograms(real)
    found = [
        _line(name, scores, others if name == "real leads" else reference) for name, scores in rows.items()
    ]
    verdict = _verdict(rows, reference) if {"rules", "network"} <= rows.keys() else []
    return [" | ".join(["", *MEASURES, *LIKENESS, "windows"]), *found, *verdict]


def _judged(line: Sequence[GridNote], song: Backing) -> list[Scores]:
    return [score(window) for window in windows(line, song.heard, song.ground)]


def _guide(
    song: Backing, seed: int, style: str, composer: Composer, network: MelodyNetwork | None
) -> list[GridNote]:
    settings = GuideSettings(LOW, HIGH, style=style, seed=seed, composer=composer)
    return on_grid(compose_for(song.heard, settings, network=network).notes, song.heard)


def _random(song: Backing, seed: int) -> list[GridNote]:
    """Return notes of the key at random pitches, lengths and rests: the level of chance."""
    rng = np.random.default_rng([seed, 2])
    scale = [pitch for pitch in range(LOW, HIGH + 1) if pitch % 12 in song.ground.key.scale]
    step, found = 0, []
    while step < song.heard.steps - 4:
        length = int(rng.choice([1, 2, 2, 2, 4, 4]))
        if rng.random() > 0.15:
            found.append(GridNote(step, length, int(rng.choice(scale))))
        step += length
    return found


def _moved(line: list[GridNote], key: Key, other: Backing) -> list[GridNote]:
    shift = (tonic_of(other.ground.key) - tonic_of(key) + 6) % 12 - 6
    size = other.heard.steps
    return [note._replace(pitch=note.pitch + shift) for note in line if note.stop <= size]


def _pairs(backings: Sequence[Backing]) -> list[tuple[Backing, Backing]]:
    """Return each song with the next one that is another song."""
    names = [song.name.partition("_")[0] for song in backings]
    found = []
    for place, song in enumerate(backings):
        others = [number for number in range(len(backings)) if names[number] != names[place]]
        if others:
            found.append((song, backings[min(others, key=lambda number: (number - place) % len(backings))]))
    return found


def _likeness(scores: Sequence[Scores], reference: tuple[Float64, Float64], often: Float64) -> Float64:
    """Return the divergences of intervals and durations where the windows count so often, (2,)."""
    found = [
        divergence(often @ np.array([getattr(one, name) for one in scores]), other)
        for name, other in zip(LIKENESS, reference, strict=True)
    ]
    return np.array(found)


def resampled(
    scores: Sequence[Scores], reference: tuple[Float64, Float64], seed: int = 0
) -> dict[str, Float64]:
    """Return each score of all windows, and then of `RESAMPLES` draws of them, (1 + RESAMPLES,)."""
    count = len(scores)
    rng = np.random.default_rng(seed)
    often = np.stack(
        [
            np.ones(count),
            *(np.bincount(row, minlength=count) for row in rng.integers(count, size=(RESAMPLES, count))),
        ]
    )
    values = np.array([[one.values[name] for name in MEASURES] for one in scores])
    means = often @ values / count
    likeness = np.stack([_likeness(scores, reference, row) for row in often])
    return dict(zip((*MEASURES, *LIKENESS), np.column_stack([means, likeness]).T, strict=True))


def _line(name: str, scores: Sequence[Scores], reference: tuple[Float64, Float64]) -> str:
    if not scores:
        return f"{name} | none"
    cells = []
    for values in resampled(scores, reference).values():
        low, high = np.percentile(values[1:], [2.5, 97.5])
        cells.append(f"{values[0]:.3f} ({low:.3f}..{high:.3f})")
    return " | ".join([name, *cells, str(len(scores))])


def _verdict(rows: dict[str, list[Scores]], reference: tuple[Float64, Float64]) -> list[str]:
    """Apply the rule of the module; its last part is judged by the scores in the network's file."""
    network, rules = resampled(rows["network"], reference, 1), resampled(rows["rules"], reference, 2)
    fit = np.mean([network[name] - rules[name] for name in FIT], axis=0)
    likeness = np.mean([network[name] - rules[name] for name in LIKENESS], axis=0)
    said = []
    for name, values in (("fit", fit), ("divergence from real melodies", likeness)):
        low, high = np.percentile(values[1:], [2.5, 97.5])
        said.append(f"network minus rules, {name}: {values[0]:.3f} ({low:.3f}..{high:.3f})")
    wins = bool(np.percentile(fit[1:], 2.5) >= -0.03 and np.percentile(likeness[1:], 97.5) < 0.0)
    if rows["real leads"]:
        for name in ("repeats", "octaves"):
            real, *both = (
                float(np.mean([one.values[name] for one in rows[row]]))
                for row in ("real leads", "network", "rules")
            )
            further = abs(both[0] - real) - abs(both[1] - real)
            said.append(f"network further from the real {name} than the rules by {further:.3f}")
            wins &= further <= 0.05
    return [*said, f"by 1 to 3 of the rule the network {'wins' if wins else 'loses'}"]


if __name__ == "__main__":
    sys.exit(main())
