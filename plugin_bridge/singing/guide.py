"""A guide vocal for a backing track: composed, sung by a singer, and written as audio, notes and a mix."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.guide.guide import Guide, GuideSettings, compose, range_of
from models.wholefile import check_target
from plugin_bridge.bounce.bounce import BounceListener, BounceResult
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import AudioFileError, OutputError
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.resampling import native_rate
from plugin_bridge.files.writer import OutputFormat, container_of
from plugin_bridge.midi.notesfile import write_notes
from plugin_bridge.singing.mixdown import mix
from plugin_bridge.singing.sing import sing

MAX_SECONDS = 1200.0
"""Of a backing track."""


@dataclass(frozen=True)
class GuideFiles:
    """What is written.

    Raises:
        ValueError: a name does not fit what is in the file; one sentence.
    """

    vocal: Path
    """The guide alone: WAV, AIFF or FLAC."""
    midi: Path | None = None
    """Its notes with their syllables, a tempo and chord names."""
    mix: Path | None = None
    """The guide with its backing track."""
    force: bool = False
    """Replace files that are there."""

    def __post_init__(self) -> None:
        container_of(self.vocal)
        if self.mix is not None:
            container_of(self.mix)
        if self.midi is not None and self.midi.suffix.lower() not in {".mid", ".midi"}:
            raise ValueError(f"{self.midi.name!r} does not end like notes; use .mid")

    @property
    def all(self) -> list[Path]:
        """Return those that are wanted."""
        return [path for path in (self.vocal, self.midi, self.mix) if path is not None]


@dataclass(frozen=True)
class GuideResult:
    """What became of a backing track."""

    guide: Guide
    """The notes, and what was heard in the backing track."""
    vocal: BounceResult
    """Of the file of the vocal."""
    listening_seconds: float
    """Time it took to hear the backing track and to compose."""


def make_guide(
    backing: Path,
    files: GuideFiles,
    singer: str,
    settings: GuideSettings | None = None,
    *,
    lyrics: str = "",
    library: SingerLibrary | None = None,
    listener: BounceListener | None = None,
) -> GuideResult:
    """Compose a guide melody for a backing track, and sing it; needs the extra `guide`.

    All files begin with the backing track. The same backing track, singer, settings and words give the same
    bytes.

    Args:
        backing: an audio file, mono or stereo, 4 s to 20 minutes.
        files: what to write.
        singer: id or path of the singer.
        settings: how the melody is written; where no range is set, that of the singer; the seed
            names the take, too.
        lyrics: as of `sing`; empty for the syllables of the style.
        library: singers loaded before.
        listener: hears sentences and progress.

    Raises:
        AudioFileError, BackingError, MissingExtraError, OutputError, ScoreError, SingerFileError: one
            sentence. Files that were whole by then stay.
        ValueError: a setting or a name does not fit.
    """
    library, listener = library or SingerLibrary(), listener or BounceListener()
    settings = settings or GuideSettings()
    _check(backing, files)
    (voice,) = library.load([singer])
    own = range_of(voice.manifest.f0_low, voice.manifest.f0_high)
    settings = replace(settings, **settings.within(own)._asdict())
    began = time.perf_counter()
    audio, sample_rate = _read(backing)
    found = compose(audio, sample_rate, settings, listener.report)
    heard = time.perf_counter() - began
    sung = sing(
        found.notes,
        files.vocal,
        BounceSettings(
            singer=singer,
            parameters={"transpose": 0.0, "fine_tune": 100.0 * found.tuning},
            seed=settings.seed,
            force=files.force,
        ),
        lyrics=lyrics or None,
        form=_sung_form(files.vocal, sample_rate),
        library=library,
        listener=listener,
    )
    if files.midi is not None:
        write_notes(files.midi, found.notes, tempo=found.bpm, force=files.force)
    if files.mix is not None:
        _mix(backing, files, listener.report)
    return GuideResult(found, sung, heard)


def _check(backing: Path, files: GuideFiles) -> None:
    for path in files.all:
        if _is(path, backing):
            raise OutputError(f"{path} is the backing track itself; name another output")
        check_target(path, force=files.force)
    if len({path.resolve() for path in files.all}) < len(files.all):
        raise OutputError(f"two outputs have the name {files.vocal.name}; give each its own")


def _is(path: Path, backing: Path) -> bool:
    try:
        return path.samefile(backing)
    except OSError:  # one is not there, or has no good name, which is told later
        return False


def _read(backing: Path) -> tuple[NDArray[np.float32], int]:
    with AudioReader(backing) as reader:
        seconds = reader.frames / reader.sample_rate
        if seconds > MAX_SECONDS:
            raise AudioFileError(
                f"{reader.name} lasts {seconds / 60:.0f} min; give a backing track of up to "
                f"{MAX_SECONDS / 60:g} min"
            )
        return np.concatenate(list(reader.chunks()), axis=1), reader.sample_rate


def _form(path: Path) -> OutputFormat:
    return OutputFormat(container_of(path))


def _sung_form(path: Path, sample_rate: int) -> OutputFormat:
    """Return the form of the vocal, at the rate of the backing track where the container takes any."""
    form = _form(path)
    return replace(form, sample_rate=native_rate(sample_rate)) if form.bits else form


def _mix(backing: Path, files: GuideFiles, report: Callable[[str], None]) -> None:
    assert files.mix is not None
    softer = mix(backing, files.vocal, files.mix, _form(files.mix), force=files.force)
    if softer > 0.05:
        report(f"{files.mix.name} is {softer:.1f} dB softer than its backing track, so that it does not clip")
