"""Self-supervised encoders, HuBERT (Hsu et al. 2021) and WavLM (Chen et al. 2022), with all their layers."""

from __future__ import annotations

from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ModelFileError
from models.extractor.manifest import Architecture
from models.extractor.windows import STEP
from models.training.extractor.folder import architecture_of

REACH = 400
"""Samples that one frame of the convolutions sees, 25 ms."""
PADDING = REACH // 2
"""Put before and after, so that frame i is centred at sample i * STEP."""
_VARIANCE = 1e-7
"""The least that the input is taken to have; in the training of the published models it is added."""
_UNUSED = frozenset({"masked_spec_embed"})

CLASSES: dict[str, tuple[Any, Any]] = {
    "hubert": (transformers.HubertConfig, transformers.HubertModel),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
}


class Encoder(nn.Module):
    """Run a HuBERT or WavLM and return what each of its layers says.

    Args:
        model: `HubertModel` or `WavLMModel`. Layers are not dropped and nothing is masked from here on.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - transformers has no common type
        super().__init__()
        model.config.layerdrop = 0.0
        model.config.apply_spec_augment = False
        self.model = model
        self.architecture: Architecture = model.config.model_type
        self.width = int(model.config.hidden_size)
        self.layers = int(model.config.num_hidden_layers) + 1
        """What enters the transformer counts as the first."""

    def forward(self, audio: Tensor) -> Tensor:
        """Encode audio, whose level does not matter.

        Args:
            audio: (batch, samples) at 16 kHz, a multiple of `STEP`.

        Returns:
            (layers, batch, samples / STEP + 1, width); frame i is centred at sample i * STEP.
        """
        padded = functional.pad(standardised(audio), (PADDING, PADDING))
        return torch.stack(self.model(padded, output_hidden_states=True).hidden_states)


def standardised(audio: Tensor) -> Tensor:
    """Return audio without offset and with a mean power of 1, (batch, samples)."""
    centred = audio - audio.mean(1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(1, keepdim=True).clamp(min=_VARIANCE))


def load_encoder(folder: Path) -> Encoder:
    """Load an encoder from a folder on this machine; nothing is downloaded and no pickle is read.

    Raises:
        ModelFileError: the folder does not hold a complete HuBERT or WavLM with the usual convolutions.
    """
    architecture = architecture_of(folder)
    silence_transformers()
    configuration, model_class = CLASSES[architecture]
    try:
        config = configuration.from_pretrained(folder, local_files_only=True)
        _check_convolutions(folder, config)
        model, report = model_class.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except ModelFileError:
        raise
    except Exception as error:  # transformers and safetensors raise a dozen unrelated types
        raise ModelFileError(f"{folder} cannot be read as a {architecture}; fetch it again") from error
    missing = sorted(set(report["missing_keys"]) - _UNUSED)
    if missing:
        raise ModelFileError(
            f"{folder} lacks {len(missing)} weights of a {architecture}, such as {missing[0]}; fetch it again"
        )
    return Encoder(model)


def silence_transformers() -> None:
    """Keep transformers from printing: what is wrong is said in one sentence by whoever calls it."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def _check_convolutions(folder: Path, config: Any) -> None:  # noqa: ANN401
    strides = [1, *accumulate(config.conv_stride, lambda a, b: a * b)]
    reach = 1 + sum(
        (kernel - 1) * stride for kernel, stride in zip(config.conv_kernel, strides, strict=False)
    )
    if (prod(config.conv_stride), reach) != (STEP, REACH):
        raise ModelFileError(
            f"{folder} has convolutions of {prod(config.conv_stride)} samples a step that see {reach}; "
            f"give an encoder with {STEP} and {REACH}, as all published HuBERT and WavLM have"
        )
