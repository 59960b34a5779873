"""Plan a batch: which input becomes which output, checked before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin_bridge.errors import AudioFileError, OutputError
from plugin_bridge.files.reader import SUFFIXES
from plugin_bridge.files.standardstreams import STANDARD_STREAM
from plugin_bridge.files.writer import CONTAINERS, OutputFormat, container_of
from plugin_bridge.sessions.folder import is_session

MAX_NAMED = 3
"""Files named in a sentence for each reason to leave them out."""


@dataclass(frozen=True)
class BounceJob:
    """One input and its output."""

    source: Path
    target: Path
    form: OutputFormat


def plan_jobs(
    inputs: Sequence[Path],
    output: Path | None,
    label: str,
    container: str | None = None,
    bits: str | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> list[BounceJob]:
    """Return the jobs of a batch.

    Args:
        inputs: files, recorded sessions, `STANDARD_STREAM`, or folders whose audio files and sessions are
            meant (not those of their subfolders, nor what comes out of others of this batch).
        output: a file or `STANDARD_STREAM` for one input, else a folder, which is made; None to write beside
            each input.
        label: put into the names of outputs in a folder, as in `stem.nit.wav`.
        container: see `OutputFormat`; from the name of an output file if absent, else "wav".
        bits: "16", "24" or "32f"; 24 if absent. Opus and MP3 have none.
        force: outputs that exist will be replaced.
        resume: inputs whose output exists will be skipped; outputs of this batch are then no inputs, not even
            those that are named.
        report: called with a sentence for each folder of which something is left out.

    Raises:
        AudioFileError: a folder without audio.
        OutputError: two inputs would become one output, one would be overwritten by another's, or a folder is
            missing, named like an audio file or cannot be made.
        ValueError: a format that is not written.
    """
    folders = [_Folder(path) for path in inputs if _is_folder(path)]
    found = {folder.path: folder.files for folder in folders}
    sources = [file for path in inputs for file in found.get(path, [path])]
    if output == STANDARD_STREAM:
        return [BounceJob(_only(sources), output, _streamed(container, bits))]
    if output is None and STANDARD_STREAM in inputs:
        raise OutputError(
            "standard input has no folder to write to; name the output with -o, or -o - for standard output"
        )
    if output is not None and _is_file(output, inputs):
        return [BounceJob(sources[0], output, OutputFormat(_container(output, container), bits or ""))]
    if output is None and any(_is_folder(path) for path in inputs):
        raise OutputError("a folder of inputs needs a folder for the outputs; name it with -o")
    form = OutputFormat(container or "wav", bits or "")
    if output is not None:
        _check_folder_name(output)
        _make(output)
    jobs = [_job(source, output, label, form) for source in sources]
    named = set() if resume else {_place(path) for path in inputs}
    if force:
        _check_overwritten(jobs, named)
    makers = {place: job for job in jobs for place in _outputs(job, label)}
    kept = [job for job in jobs if _place(job.source) in named or makers.get(_place(job.source), job) is job]
    _check_distinct(kept)
    made = {job.source for job in jobs} - {job.source for job in kept}
    for folder in folders:
        if sentence := folder.left_out(made):
            report(sentence)
    return kept


def _job(source: Path, output: Path | None, label: str, form: OutputFormat) -> BounceJob:
    return BounceJob(source, _target(source, output or source.parent, label, form.suffix), form)


def _target(source: Path, folder: Path, label: str, suffix: str) -> Path:
    return folder / f"{stem_of(source)}.{label}{suffix}"


def _outputs(job: BounceJob, label: str) -> list[Path]:
    """Return the places of the outputs an input may become, one for each format."""
    folder = _place(job.target).parent
    return [_target(job.source, folder, label, f".{kind}") for kind in CONTAINERS]


def _place(path: Path) -> Path:
    """Return the absolute name without following a link at its end: an output replaces the link itself."""
    return path.parent.resolve() / path.name


def _check_overwritten(jobs: Sequence[BounceJob], named: Container[Path]) -> None:
    makers = {_place(job.target): job for job in jobs}
    for job in jobs:
        maker = makers.get(_place(job.source), job)
        if maker is not job and _place(job.source) in named:
            raise OutputError(
                f"{job.source} would be overwritten by the bounce of {maker.source}; name a folder with -o"
            )


class _Folder:
    """A folder of inputs: the files to bounce, and the others with the reason for leaving them out.

    Raises:
        AudioFileError: it holds no audio.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[Path] = []
        self._others: dict[str, list[str]] = {}
        for file in sorted(path.iterdir()):
            if why := why_not_bounced(file):
                self._others.setdefault(why, []).append(file.name)
            else:
                self.files.append(file)
        if not self.files:
            raise AudioFileError(
                f"the folder {path} holds no audio; give files that end in {', '.join(SUFFIXES)}"
            )

    def left_out(self, made: Container[Path]) -> str:
        """Return a sentence that names what is not bounced, "" if nothing is left out."""
        others = dict(self._others)
        if outputs := [file.name for file in self.files if file in made]:
            others["output of this batch"] = outputs
        if not others:
            return ""
        listed = "; ".join(f"{_some(names)} ({why})" for why, names in others.items())
        return f"left out of the folder {self.path}: {listed}"


def why_not_bounced(file: Path) -> str:
    """Return in a word or two why a file of a folder is not meant, "" if it is audio or a session."""
    if file.name.startswith("."):
        return "hidden"
    if is_session(file):
        return ""
    if file.is_dir():
        return "folder"
    if file.suffix.lower() not in SUFFIXES:
        return "not named like audio"
    return "" if file.is_file() else "no file"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _only(sources: Sequence[Path]) -> Path:
    if len(sources) > 1:
        raise OutputError(
            f"{len(sources)} inputs cannot go to standard output; give one, or name a folder with -o"
        )
    return sources[0]


def _streamed(container: str | None, bits: str | None) -> OutputFormat:
    if container not in {None, "wav"}:
        raise ValueError(f"standard output is written as WAV, not as {container}; leave --format out")
    return OutputFormat("wav", bits or "24")


def _is_folder(path: Path) -> bool:
    return path != STANDARD_STREAM and path.is_dir() and not is_session(path)


def stem_of(source: Path) -> str:
    """Return the name of an input without its suffix, for the names of outputs."""
    if source == STANDARD_STREAM:
        return "stdin"
    return source.resolve().name if source.is_dir() else source.stem


def _is_file(output: Path, inputs: Sequence[Path]) -> bool:
    return len(inputs) == 1 and not _is_folder(inputs[0]) and not output.is_dir() and output.suffix != ""


def _container(output: Path, container: str | None) -> str:
    named = container_of(output)
    if container is not None and named != container:
        raise ValueError(f"{output.name!r} does not fit --format {container}; leave one out")
    return named


def _check_folder_name(output: Path) -> None:
    if output.suffix.lower() in SUFFIXES and not output.is_dir():
        raise OutputError(
            f"{output} is named like one file, and the output of several inputs or of a folder is a folder; "
            "name one with -o"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be made: {error.strerror}; choose another with -o"
        ) from error


def _check_distinct(jobs: Sequence[BounceJob]) -> None:
    taken: dict[Path, Path] = {}
    for job in jobs:
        other = taken.setdefault(job.target, job.source)
        if other is not job.source:
            raise OutputError(
                f"{other} and {job.source} would both become {job.target}; rename one or bounce them apart"
            )
