"""Train the pronunciation on labelled recordings of singers, and write it as one ONNX file.

    python -m models.training.pronunciation VOICES/ --hold-out 'pjs/song08*' -o pronunciation.onnx

VOICES holds a folder for each voice, and beside every recording a label file: begin and end in units of
100 ns and a phone on each line. Each voice is named like a singer file (of the same person), whose network
tells what the synthesizer has to do: one that ships, or NAME.onnx in the folder `--singers`. Recordings that
`--hold-out` names are kept for the scores. All that is made on the way lies in the folder `--work`; interrupt
it when you like, the same command goes on. Needs the extra train.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from dsp.units import DB_PER_LN_POWER
from models.content.file import ContentEncoder
from models.errors import TrainingError
from models.pronunciation.features import features
from models.pronunciation.manifest import METADATA_KEY, PronunciationManifest
from models.singer.file import load_singer, shipped
from models.singer.manifest import finite
from models.training.batches import prepare
from models.training.command import add_hold_out, add_run, check_run, parser_of, printed, run
from models.training.corpus import held_out, load_corpus, recordings_in
from models.training.onnxgraph import write_model
from models.training.pronunciation.network import PronunciationNetwork, graph_of
from models.training.pronunciation.sung import releases
from models.training.pronunciation.targets import Song, maker_of, song_of
from models.training.pronunciation.training import Plan, Trainer, one_hot
from models.training.runfolder import claimed
from models.training.schedule import resume
from models.wholefile import check_output

COMMAND = "python -m models.training.pronunciation"
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
    add("--singers", type=Path, metavar="FOLDER", help="where singer files lie that do not ship")
    add_hold_out(parser, "VOICE/NAME of recordings to leave out of the training and score with")
    add_run(parser, "the voices", Plan.steps)
    return parser


def _run(options: argparse.Namespace) -> int:
    check_run(options)
    check_output(options.output)
    torch.set_num_threads(1)
    with claimed(options.work):
        songs = read_songs(options.voices, options.work / "cache", options.singers)
        heard, held = split(songs, options.hold_out)
        voices = sorted({song.voice for song in heard.values()})
        trainer = Trainer(list(heard.values()), voices, Plan(steps=options.steps))
        resume(trainer, options.work, printed(REPORT_EVERY), CHECKPOINT_EVERY)
    manifest = PronunciationManifest(
        licence=options.licence,
        attribution=options.attribution,
        training_data=options.training_data,
        voices={voice: median_pitch(heard.values(), voice) for voice in voices},
        releases=releases(song.sounds for song in heard.values()),
        steps=trainer.step,
        scores=held_out_scores(trainer.average, list(held.values()), voices),
    )
    write_pronunciation(trainer.average, manifest, options.output)
    print(manifest.model_dump_json(indent=2))  # noqa: T201
    return 0


def read_songs(folder: Path, cache: Path, singers: Path | None) -> dict[str, Song]:
    """Analyse a folder of folders, one for each voice; by VOICE/NAME.

    Raises:
        TrainingError: there are no recordings, one has no label file, lies in no voice's folder or has no
            vowel, or there is no singer of a voice's name.
    """
    paths = recordings_in(folder)
    for path in paths:
        if path.parent == folder:
            raise TrainingError(f"{path} lies in no folder of a voice; move it into one")
        if not path.with_suffix(".lab").is_file():
            raise TrainingError(f"{path} has no label file {path.stem}.lab beside it; add it")
    found: dict[str, Song] = {}
    for voice in sorted({path.parent.name for path in paths}):
        file = singer_of(voice, singers)
        encoder = load_singer(file).content
        if not isinstance(encoder, ContentEncoder):
            raise TrainingError(f"singer file {file} reads no content; train the singer again")
        maker = maker_of(file, encoder.start())
        own = [path for path in paths if path.parent.name == voice]
        for path in tqdm(own, voice, disable=None):
            (recording,) = load_corpus([path], cache)
            found[f"{voice}/{path.name}"] = song_of(
                prepare(recording), path.with_suffix(".lab"), voice, maker
            )
    return found


def singer_of(voice: str, singers: Path | None) -> Path:
    """Return the file of the singer whose voice it is.

    Raises:
        TrainingError: there is none.
    """
    file = singers / f"{voice}.onnx" if singers else shipped().get(voice)
    if file is None or not file.is_file():
        place = f"in {singers}" if singers else f"among those that ship ({', '.join(shipped())})"
        raise TrainingError(
            f"voice {voice!r} has no singer file of its name {place}; name the folder like a singer"
        )
    return file


def split(songs: dict[str, Song], patterns: Sequence[str]) -> tuple[dict[str, Song], dict[str, Song]]:
    """Return the songs to train on, and those to score with.

    Raises:
        TrainingError: a pattern matches nothing, or nothing is left to train on.
    """
    names = held_out(songs, patterns, "VOICE/NAME such as 'alto/song08*'")
    heard = {name: song for name, song in songs.items() if name not in names}
    return heard, {name: song for name, song in songs.items() if name in names}


def median_pitch(songs: Iterable[Song], voice: str) -> float:
    """Return the median of the pitch that a voice sings, hertz."""
    f0 = np.concatenate([song.f0 for song in songs if song.voice == voice])
    return round(float(np.median(f0[f0 > 0.0])), 1)


@torch.no_grad()
def held_out_scores(
    network: PronunciationNetwork, held: Sequence[Song], voices: Sequence[str]
) -> dict[str, float]:
    """Return by voice and part, such as "pjs harmonic", the mean error in dB; of voicing, its own."""
    missed: dict[str, list[np.ndarray]] = {}
    for song in held:
        told = torch.from_numpy(features(song.sounds, song.f0, one_hot(song.voice, voices)))
        found = np.abs(network(told[None])[0].numpy() - song.controls)
        named = {
            "harmonic": (found[:, :142].mean(1) * 2 * DB_PER_LN_POWER, song.weights[:, 0]),
            "noise": (found[:, 142:214].mean(1) * 2 * DB_PER_LN_POWER, song.weights[:, 1]),
            "level": (found[:, 214] * 10.0, song.weights[:, 1]),
            "voicing": (found[:, 215], song.weights[:, 2]),
        }
        for name, (error, weight) in named.items():
            missed.setdefault(f"{song.voice} {name}", []).append(error[weight > 0.5])
    return finite({name: round(float(np.concatenate(some).mean()), 4) for name, some in missed.items()})


def write_pronunciation(network: PronunciationNetwork, manifest: PronunciationManifest, path: Path) -> None:
    """Write a pronunciation as one ONNX file; nothing is left behind when it fails."""
    write_model(graph_of(network), {METADATA_KEY: manifest.model_dump_json()}, path)


if __name__ == "__main__":
    sys.exit(main())
