"""The melody network at run time: load its ONNX file, refuse what is not one, and write melodies with it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelFileError
from models.filekind import FileKind
from models.guide.ground import Ground
from models.guide.inputs import (
    BAR_PLACES,
    DENSITY,
    FIRST,
    HIGHEST,
    HOLDS,
    INPUTS,
    LOWEST,
    MIDDLE,
    REST,
    SILENT,
    TOKENS,
    WINDOW,
    density_of,
    tonic_of,
)
from models.guide.lyrics import VOWELS
from models.guide.manifest import FORMAT, METADATA_KEY, GuideManifest
from models.guide.phrases import Frame, notes_per_bar
from models.guide.range import Range, comfortable
from models.guide.steps import PER_BAR, GridNote
from models.guide.styles import Style

Float32 = NDArray[np.float32]
Random = np.random.Generator

SHIPPED = Path(__file__).parent / "shipped" / "guide.onnx"
_KIND = FileKind(
    "guide melody network",
    "one made by 'python -m models.training.guide'",
    "install or copy it again",
    METADATA_KEY,
    range(FORMAT, FORMAT + 1),
    GuideManifest,
    ModelFileError,
)
PAST = 2 * PER_BAR
"""Steps before a window that the network sees."""
NEVER = -1e4
TEMPERATURE = 0.7
"""Of the draws: 1 for what the network takes for likely, 0 for the likeliest."""
SPREAD = 0.7
"""Standard deviation of what a window is drawn from, over that of the prior."""


class Melody(NamedTuple):
    """What the network writes."""

    notes: list[GridNote]
    vowels: list[str]
    """Of `models.guide.lyrics.VOWELS`, of each note."""


class MelodyNetwork:
    """One loaded network, which may be shared by threads.

    Args:
        path: its file.

    Raises:
        ModelFileError: the file is not a network this version can use.
    """

    def __init__(self, path: Path) -> None:
        self._session = _KIND.load(path)
        self.manifest = _KIND.read(self._session, path)
        latent = self.manifest.latent
        ends = {end.name: end.shape for end in (*self._session.get_inputs(), *self._session.get_outputs())}
        if ends != {
            "inputs": [WINDOW, INPUTS],
            "chance": [WINDOW, TOKENS],
            "drawn": [1, latent],
            "past": [1, PAST],
            "tokens": [1, WINDOW],
            "vowels": [WINDOW, len(VOWELS)],
            "levels": [WINDOW, 1],
        }:
            raise ModelFileError(
                f"{path} does not have a guide melody network's inputs and outputs; install or copy it again"
            )
        _KIND.try_out(self._session, path)

    def write(
        self,
        inputs: Float32,
        ground: Ground,
        voice: Range,
        style: Style,
        density: float,
        rng: Random,
    ) -> Melody:
        """Return a melody.

        Args:
            inputs: of the backing track (`models.guide.inputs.inputs_of`).
            ground: its chords and key.
            voice: what can be sung.
            style: how.
            density: 0 for few notes, 1 for many.
            rng: what is drawn from.
        """
        frame = Frame.of(ground, style)
        voice = comfortable(voice)
        shift = _shift(voice, tonic_of(ground.key))
        allowed = _allowed(voice, shift)
        rows = inputs.copy()
        rows[:, DENSITY] = density_of(notes_per_bar(style, density, ground.bpm))
        rows[:, REST] = frame.rests
        tokens = np.full(len(rows) + PAST, SILENT)
        vowels = np.zeros(len(rows), np.int64)
        draws = _Draws(rng, self.manifest.latent)
        for start, kind in frame.windows(WINDOW):
            stop = min(start + WINDOW, len(rows))
            given = np.zeros((WINDOW, INPUTS), np.float32)
            given[: stop - start] = rows[start:stop]
            given[:, BAR_PLACES : BAR_PLACES + 4] = np.eye(4)[np.arange(WINDOW) // PER_BAR]
            drawn, chance = draws(kind)
            chance = TEMPERATURE * chance + allowed
            # A rest that is planned is kept; what is out of the window's song is silent.
            silent = np.ones(WINDOW, bool)
            silent[: stop - start] = frame.rests[start:stop]
            chance[silent] = NEVER
            chance[silent, SILENT] = 0.0
            chance[np.append(True, silent[:-1]), HOLDS] = NEVER
            found = self._session.run(
                ["tokens", "vowels"],
                {
                    "inputs": given,
                    "chance": np.asarray(chance, np.float32),
                    "drawn": SPREAD * drawn,
                    "past": tokens[None, start : start + PAST].astype(np.float32),
                },
            )
            tokens[start + PAST : stop + PAST] = found[0][0, : stop - start]
            vowels[start:stop] = found[1][: stop - start].argmax(axis=1)
        return _notes(tokens[PAST:], vowels, shift)


class _Draws:
    """The draws of each kind of window: one that comes back is drawn alike, so that its melody comes back."""

    def __init__(self, rng: Random, latent: int) -> None:
        self._rng, self._latent = rng, latent
        self._known: dict[str, tuple[Float32, Float32]] = {}

    def __call__(self, kind: str) -> tuple[Float32, Float32]:
        if kind not in self._known:
            drawn = self._rng.standard_normal((1, self._latent)).astype(np.float32)
            self._known[kind] = drawn, self._rng.gumbel(size=(WINDOW, TOKENS)).astype(np.float32)
        return self._known[kind]


def _shift(voice: Range, tonic: int) -> int:
    """Return the semitones from the network's notes to those sung: to the key, in the voice's octave."""
    middle = 0.5 * (voice.low + voice.high)
    return tonic + 12 * round((middle - tonic - MIDDLE) / 12.0)


def _allowed(voice: Range, shift: int) -> Float32:
    """Return what is added to the tokens' logits: none but notes of the voice begin."""
    pitches = np.arange(LOWEST, HIGHEST + 1) + shift
    outside = (pitches < voice.low) | (pitches > voice.high)
    return np.concatenate([np.zeros(FIRST), np.where(outside, NEVER, 0.0)]).astype(np.float32)


def _notes(tokens: NDArray[np.int64], vowels: NDArray[np.int64], shift: int) -> Melody:
    melody = Melody([], [])
    for step in np.flatnonzero(tokens >= FIRST).tolist():
        after = tokens[step + 1 :]
        length = 1 + (int(np.argmax(after != HOLDS)) if (after != HOLDS).any() else after.size)
        melody.notes.append(GridNote(step, length, int(tokens[step]) - FIRST + LOWEST + shift))
        melody.vowels.append(VOWELS[int(vowels[step])])
    return melody


@lru_cache(maxsize=1)
def shipped() -> MelodyNetwork:
    """Return the network that comes with the package, loaded once."""
    return MelodyNetwork(SHIPPED)
