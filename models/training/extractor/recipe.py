"""From folders of voices, music and an encoder to an extractor file: split, analyse, train, score, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import TrainingError
from models.extractor.manifest import ExtractorManifest
from models.training.corpus import matching, recordings_in
from models.training.extractor.encoder import load_encoder
from models.training.extractor.examples import ExampleMaker
from models.training.extractor.export import export_extractor
from models.training.extractor.folder import fingerprint
from models.training.extractor.scoring import held_out_scores
from models.training.extractor.training import Plan, Trainer, train
from models.training.extractor.voices import Voice, pieces_of, read_music, read_voices
from models.training.runfolder import claimed
from models.training.schedule import device_of
from models.training.singer.recipe import HELD_OUT_SHARE, TrainingListener, held_out_of
from models.wholefile import check_output

Float32 = NDArray[np.float32]

MUSIC_HELD_OUT = 1 / 3
"""Share of each piece of music, at its end, that is kept for the scores."""


class Sources(NamedTuple):
    """The folders that an extractor is made from."""

    voices: Path
    """Recordings of voices, dry and alone, at any rate; subfolders count."""
    music: Path
    """Accompaniment without a voice."""
    encoder: Path
    """A HuBERT or WavLM in the form of Hugging Face."""


class DataSplit(NamedTuple):
    """What is trained on, and what is kept for the scores."""

    voices: list[Voice]
    music: list[Float32]
    held_out_voices: list[Voice]
    held_out_music: list[Float32]


def split_sources(
    sources: Sources, hold_out: Sequence[str], cache: Path, listener: TrainingListener
) -> DataSplit:
    """Read voices and music and keep part of both apart.

    Of the voices: what matches a pattern, else every tenth, or the last tenth of each where they are fewer.
    Of the music: what matches a pattern, and the last third of everything else.

    Raises:
        TrainingError: recordings are missing or all of them are held out, or a pattern matches none.
    """
    paths, bands = recordings_in(sources.voices), recordings_in(sources.music)
    # A pattern that names music need not name a voice.
    names = [pattern for pattern in hold_out if matching(paths, [pattern]) or not matching(bands, [pattern])]
    held = held_out_of(paths, names)
    kept = read_voices([path for path in paths if path not in held], cache, listener.files)
    unheard = read_voices(held, cache)
    if not held:
        cuts = [round(voice.frames * (1.0 - HELD_OUT_SHARE)) for voice in kept]
        unheard = [voice.part(cut, voice.frames) for voice, cut in zip(kept, cuts, strict=True)]
        kept = [voice.part(0, cut) for voice, cut in zip(kept, cuts, strict=True)]
    playing, later = [], []
    apart = matching(bands, hold_out)
    for path in bands:
        piece = read_music(path)
        cut = 0 if path in apart else round(piece.size * (1.0 - MUSIC_HELD_OUT))
        playing += pieces_of(piece[:cut])
        later += pieces_of(piece[cut:])
    if not later:
        raise TrainingError(
            f"{sources.music} is silent in what is kept for the scores; give music that plays to its end"
        )
    return DataSplit(kept, playing, unheard, later)


def train_extractor(
    sources: Sources,
    output: Path,
    *,
    plan: Plan | None = None,
    hold_out: Sequence[str] = (),
    device: str | None = None,
    threads: int | None = None,
    listener: TrainingListener | None = None,
) -> ExtractorManifest:
    """Train an extractor and write its file.

    Run it again to go on where it stopped: analyses, the checkpoint and the loss of every step (loss.csv)
    stay beside the output in `NAME.training`.

    Args:
        sources: the folders.
        output: the extractor file to write (.onnx).
        plan: how to train, and for how long.
        hold_out: name patterns of the voices and music kept for the scores.
        device: "cpu" or "cuda"; by default CUDA where there is one.
        threads: of the CPU; by default as many as torch finds right.
        listener: shows progress.

    Returns:
        The manifest, layer weights and held-out scores included.

    Raises:
        ModelFileError: the encoder's folder is not one.
        TrainingError: recordings are missing or too short, another process trains in the run folder or its
            checkpoint is of another run, or the loss is not finite.
        OutputError: the extractor file cannot be written.
    """
    listener, plan, place = listener or TrainingListener(), plan or Plan(), device_of(device)
    if threads:
        torch.set_num_threads(threads)
    check_output(output)
    encoder = load_encoder(sources.encoder)
    run = output.with_suffix(".training")
    with claimed(run):
        parts = split_sources(sources, hold_out, run / "analyses", listener)
        trainer = Trainer(
            encoder,
            fingerprint(sources.encoder),
            ExampleMaker(parts.voices, parts.music, plan.frames, plan.batch),
            plan,
            place,
        )
        checkpoint = run / "checkpoint.pt"
        if checkpoint.exists():
            trainer.load(checkpoint)
        train(trainer, run, listener.step)
        scores = held_out_scores(trainer.network, parts.held_out_voices, parts.held_out_music)
        manifest = ExtractorManifest(
            encoder=encoder.architecture,
            encoder_sha256=trainer.encoder_sha256,
            layers=plan.layers,
            fft=plan.fft,
            frozen=plan.freeze,
            steps=trainer.step,
            layer_weights_before=trainer.weights_before,
            layer_weights_after=trainer.network.layer_weights,
            scores=scores,
        )
        export_extractor(trainer.network, manifest, output)
    return manifest
