"""Make one job of a plan, in whichever process, unless it is done already."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from plugin_bridge.batches.expansion import PlannedJob
from plugin_bridge.batches.identity import changed, depends_on, id_of
from plugin_bridge.batches.sidecar import Sidecar, read_sidecar, write_sidecar
from plugin_bridge.batches.stamp import Stamp, seen
from plugin_bridge.bounce.bounce import BounceListener, BounceResult, bounce
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import AudioFileError, OutputError
from plugin_bridge.files.writer import SOFTWARE
from plugin_bridge.version import __version__


@dataclass(frozen=True)
class Standing:
    """How a job stands before it is made."""

    kind: Literal["make", "keep", "refuse"]
    why: str
    """What is new or has changed, or the sentence of the refusal."""
    before: Sidecar | None = None
    """Of the output that is there."""


@dataclass(frozen=True)
class Made:
    """What became of a job."""

    is_new: bool
    """It was made just now."""
    sidecar: Sidecar


class Making(NamedTuple):
    """A job to be made."""

    job: PlannedJob
    force: bool
    """Replace an output that no plan has made."""

    @property
    def target(self) -> Path:
        """The file it makes."""
        return self.job.target


def standing(job: PlannedJob, *, force: bool) -> Standing:
    """Return how a job stands; an input is read where its output is there and size or time have changed.

    Args:
        job: of a plan.
        force: replace an output that no plan has made.

    Raises:
        BridgeError, OSError: what it depends on cannot be read.
    """
    before = read_sidecar(job.target)
    if not os.path.lexists(job.target):
        return Standing("make", "new" if before is None else "its output is gone", before)
    if before is None or not before.output.fits(job.target):
        if force and not job.target.is_dir():
            return Standing("make", "replaces what no plan has made", before)
        what = "is a folder" if job.target.is_dir() else "is there, and not as a plan made it"
        return Standing("refuse", f"{job.target} {what}; move it away, or replace a file with --force")
    parts, _ = depends_on(job, before.input)
    if id_of(parts) == before.id:
        return Standing("keep", "up to date", before)
    return Standing("make", f"changed: {', '.join(changed(before.depends_on, parts))}", before)


def make(task: Making, library: SingerLibrary, listener: BounceListener) -> Made:
    """Make a job and its sidecar, or nothing where both are up to date.

    Args:
        task: the job.
        library: singers loaded so far.
        listener: hears how it goes.

    Raises:
        BridgeError, OSError: one sentence; no new file is left.
    """
    job = task.job
    found = standing(job, force=task.force)
    if found.kind == "refuse":
        raise OutputError(found.why)
    if found.kind == "keep" and found.before is not None:
        return Made(False, found.before)
    parts, stamp = _depends_on(job, found.before)
    _make_folder(job.target.parent)
    warnings: list[str] = []
    written: list[Sidecar] = []

    def report(sentence: str) -> None:
        warnings.append(sentence)
        listener.report(sentence)

    def whole(path: Path, result: BounceResult) -> None:
        listener.whole(path, result)
        if seen(job.source) != stamp.files:
            raise AudioFileError(f"{job.source} changed while it was bounced; bounce it again")
        written.append(_sidecar(job, parts, stamp, Stamp.of(path), result, warnings))
        write_sidecar(job.target, written[0])

    bounce(
        job.source,
        job.target,
        job.form,
        replace(job.settings, force=os.path.lexists(job.target)),
        library=library,
        listener=replace(listener, report=report, whole=whole),
    )
    return Made(True, written[0])


def _depends_on(job: PlannedJob, before: Sidecar | None) -> tuple[dict[str, Any], Stamp]:
    if not job.source.exists():
        raise AudioFileError(f"{job.source} does not exist; check the path")
    return depends_on(job, None if before is None else before.input)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be made: {error.strerror}; name another output"
        ) from error


def _sidecar(
    job: PlannedJob,
    parts: dict[str, Any],
    stamp: Stamp,
    output: Stamp,
    result: BounceResult,
    warnings: list[str],
) -> Sidecar:
    figures = {name: value for name, value in asdict(result).items() if name not in {"source", "target"}}
    return Sidecar(
        software=f"{SOFTWARE} {__version__}",
        id=id_of(parts),
        depends_on=parts,
        source=str(job.source),
        input=stamp,
        output=output,
        figures={**figures, "rtf": result.render_seconds / result.seconds},
        warnings=list(warnings),
    )
