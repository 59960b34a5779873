"""Pre-train a small HuBERT or WavLM: `python -m models.training.extractor.pretrain FOLDER... -o FOLDER`.

For whoever has no published encoder, and for trying everything out without a GPU. As HuBERT (Hsu et al.
2021) it learns to name the clusters of stretches it does not see; as WavLM (Chen et al. 2022) it also hears
another recording on top and is to name those of the first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from models.errors import BridgeError, OutputError, TrainingError
from models.extractor.windows import RATE, STEP
from models.training.corpus import recordings_in
from models.training.extractor.clusters import k_means, log_mel, nearest_of
from models.training.extractor.encoder import CLASSES, PADDING, silence_transformers, standardised
from models.training.extractor.folder import ARCHITECTURES
from models.training.extractor.voices import read_music
from models.wholefile import unwritable

Float32 = NDArray[np.float32]

CLUSTERS = 100
CLUSTERED_EXCERPTS = 200
START, SPAN = 0.08, 10
"""Of all frames this share begins a masked stretch of ten, 200 ms: a good half is masked."""
CODE = 64
TEMPERATURE = 0.1
OVERLAID, OVERLAID_DB = 0.5, (0.0, 20.0)
"""Share of a WavLM's examples with another recording on top, and how far that is below."""
WARMUP = 0.1


@dataclass(frozen=True)
class Size:
    """Of the encoder and of its training."""

    width: int = 96
    layers: int = 4
    heads: int = 4
    front: int = 48
    """Channels of the seven convolutions."""
    steps: int = 400
    batch: int = 8
    seconds: float = 1.6
    """Of an example."""
    learning_rate: float = 1e-3
    seed: int = 0


class Pretrainer(nn.Module):
    """An encoder and the codes of the clusters it is to name.

    Args:
        architecture: "hubert" or "wavlm".
        size: of both.
    """

    def __init__(self, architecture: str, size: Size) -> None:
        super().__init__()
        configuration, model_class = CLASSES[architecture]
        self.model = model_class(
            configuration(
                hidden_size=size.width,
                num_hidden_layers=size.layers,
                num_attention_heads=size.heads,
                intermediate_size=4 * size.width,
                conv_dim=(size.front,) * 7,
                num_conv_pos_embeddings=64,
                num_conv_pos_embedding_groups=size.heads,
                hidden_dropout=0.0,
                attention_dropout=0.0,
                activation_dropout=0.0,
                feat_proj_dropout=0.0,
                layerdrop=0.0,
            )
        )
        self.project = nn.Linear(size.width, CODE)
        self.codes = nn.Parameter(torch.randn(CLUSTERS, CODE))

    def forward(self, audio: Tensor, masked: Tensor) -> Tensor:
        """Return logits of the clusters, (batch, frames, CLUSTERS): cosines, HuBERT's equation 3.

        Args:
            audio: (batch, samples), a multiple of 320.
            masked: which frames of samples / 320 + 1 are hidden from the transformer.
        """
        padded = functional.pad(standardised(audio), (PADDING, PADDING))
        seen = self.model(padded, mask_time_indices=masked).last_hidden_state
        nearness = functional.normalize(self.project(seen), dim=2) @ functional.normalize(self.codes, dim=1).T
        return torch.as_tensor(nearness / TEMPERATURE)


def pretrain(
    folders: Sequence[Path], output: Path, architecture: str, size: Size | None = None
) -> list[float]:
    """Train an encoder and save it in the form of Hugging Face.

    Args:
        folders: recordings of whatever it is to hear; subfolders count.
        output: the folder to write, which is not there yet, or empty.
        architecture: "hubert" or "wavlm".
        size: of the encoder and its training.

    Returns:
        The loss of each step, nats.

    Raises:
        TrainingError: there are no recordings as long as an example, or no steps to train.
        OutputError: the folder is there, or cannot be written.
    """
    silence_transformers()
    size = size or Size()
    if size.steps < 1:
        raise TrainingError(f"{size.steps} steps train nothing; give 1 or more")
    _check_folder(output)
    samples = round(size.seconds * RATE) // STEP * STEP
    recordings = [read_music(path) for folder in folders for path in recordings_in(folder)]
    recordings = [recording for recording in recordings if recording.size >= samples and recording.any()]
    if not recordings:
        raise TrainingError(f"no recording is as long as {size.seconds:g} s; give longer ones")
    draw = _Draw(recordings, samples)
    rng = np.random.default_rng(size.seed)
    points = np.concatenate([log_mel(draw(rng)) for _ in range(CLUSTERED_EXCERPTS)])
    centres = k_means(points, CLUSTERS, rng)
    torch.manual_seed(size.seed)
    trainer = Pretrainer(architecture, size).train()
    optimizer = torch.optim.AdamW(trainer.parameters(), betas=(0.9, 0.98))
    losses = []
    for step in range(size.steps):
        clean = np.stack([draw(rng) for _ in range(size.batch)])
        heard = (
            clean if architecture == "hubert" else np.stack([_overlaid(voice, draw, rng) for voice in clean])
        )
        targets = torch.from_numpy(np.stack([nearest_of(log_mel(audio), centres) for audio in clean]))
        masked = torch.from_numpy(_masks(targets.shape[0], targets.shape[1], rng))
        for group in optimizer.param_groups:
            group["lr"] = size.learning_rate * min(
                (step + 1) / (WARMUP * size.steps), 1.0 - step / size.steps
            )
        loss = functional.cross_entropy(trainer(torch.from_numpy(heard), masked)[masked], targets[masked])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainer.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    _save(trainer.model, output)
    return losses


def _check_folder(output: Path) -> None:
    """Check before the training that its folder can be written."""
    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise OutputError(f"{output} exists already; name a folder that is not there yet")
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent):
            pass
    except OSError as error:
        raise unwritable(output, error) from error


def _save(model: Any, output: Path) -> None:  # noqa: ANN401 - transformers has no common type
    """Write the encoder beside its place and rename it when it is whole."""
    try:
        with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
            whole = Path(scratch) / output.name
            model.save_pretrained(whole)
            if output.exists():
                output.rmdir()
            whole.rename(output)
    except OSError as error:
        raise unwritable(output, error) from error


class _Draw:
    """Draw excerpts that are not silent, with a mean power of 1."""

    def __init__(self, recordings: Sequence[Float32], samples: int) -> None:
        self._recordings, self._samples = recordings, samples
        lengths = np.array([recording.size for recording in recordings], np.float64)
        self._chances = lengths / lengths.sum()

    def __call__(self, rng: np.random.Generator) -> Float32:
        while True:
            recording = self._recordings[int(rng.choice(len(self._recordings), p=self._chances))]
            start = int(rng.integers(recording.size - self._samples + 1))
            found = recording[start : start + self._samples]
            power = float(np.square(found).mean())
            if power > 0.0:
                return np.asarray(found / np.sqrt(power), np.float32)


def _overlaid(audio: Float32, draw: _Draw, rng: np.random.Generator) -> Float32:
    if rng.random() >= OVERLAID:
        return audio
    return np.asarray(audio + 10.0 ** (-rng.uniform(*OVERLAID_DB) / 20.0) * draw(rng), np.float32)


def _masks(batch: int, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    starts = rng.random((batch, frames)) < START
    starts[:, rng.integers(frames)] = True  # at least one stretch
    spread = np.stack([np.convolve(row, np.ones(SPAN))[:frames] for row in starts])
    return spread > 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Pre-train from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m models.training.extractor.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="FOLDER", help="recordings; subfolders are included"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="encoder to write")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="hubert", help="default hubert")
    parser.add_argument("--steps", type=int, default=Size.steps, metavar="N", help=f"default {Size.steps}")
    parsed = parser.parse_args(arguments)
    try:
        losses = pretrain(parsed.folders, parsed.output, parsed.architecture, Size(steps=parsed.steps))
    except BridgeError as error:
        print(f"pretrain: {error}", file=sys.stderr)  # noqa: T201
        return 2
    tenth = max(1, len(losses) // 10)
    curve = [sum(losses[start : start + tenth]) / tenth for start in range(0, len(losses) - tenth + 1, tenth)]
    print(f"{parsed.output}: loss by tenths of the steps, nats: " + " ".join(f"{loss:.2f}" for loss in curve))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
