"""Expand a plan to jobs: one for each input and singer, with checked settings and a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from plugin_bridge.batches.naming import fields_of, filled
from plugin_bridge.batches.plan import JobTable, read_plan
from plugin_bridge.batches.sidecar import sidecar_of
from plugin_bridge.bounce.batch import stem_of, why_not_bounced
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.chain.preset import Preset, load_preset, shipped_presets
from plugin_bridge.control.parameters import SINGERS
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.errors import PlanError
from plugin_bridge.files.dither import DITHER_SEED
from plugin_bridge.files.writer import OutputFormat, container_of
from plugin_bridge.sessions.folder import is_session

_MAGIC = set("*?[")


@dataclass(frozen=True)
class PlannedJob:
    """One bounce of a plan."""

    plan: Path
    """The file that asks for it."""
    source: Path
    target: Path
    form: OutputFormat
    settings: BounceSettings


def planned_jobs(
    path: Path, *, trusted: bool = False, report: Callable[[str], None] = lambda _: None
) -> list[PlannedJob]:
    """Return the jobs of a plan, in its order; nothing is written.

    Args:
        path: of the plan.
        trusted: see `plugin_bridge.chain.preset.load_preset`.
        report: called with a sentence for what is left out.

    Raises:
        BridgeError: the plan does not fit, an input, a singer, a preset or an automation is not there, two
            jobs would become one output, or an output would replace an input.
    """
    tables = read_plan(path)
    jobs: list[PlannedJob] = []
    for number, table in enumerate(tables, 1):
        try:
            jobs += _Expansion(path, table, trusted, report).jobs()
        except ValueError as error:
            raise PlanError(f"{path}, job {number}: {error}") from error
    _check_distinct(path, jobs)
    return jobs


class _Expansion:
    """One job of the file becomes one for each input and singer."""

    def __init__(self, plan: Path, table: JobTable, trusted: bool, report: Callable[[str], None]) -> None:
        self._plan, self._home, self._table, self._report = plan, plan.parent, table, report
        self._values = {
            name: self._singer(str(value)) if name in SINGERS and value else value
            for name, value in table.values().items()
        }
        self._preset = self._loaded(trusted) if table.preset else None

    def jobs(self) -> Iterator[PlannedJob]:
        for source, folder in self._sources():
            for singer in self._table.singer:
                yield self._job(source, folder, self._singer(singer) if singer else "")

    def _job(self, source: Path, folder: str, singer: str) -> PlannedJob:
        table, preset = self._table, self._preset
        values = {**(preset.values() if preset else {}), **self._values}
        named = singer or (preset.singer if preset else "")
        fields = fields_of(stem_of(source), folder, named, table.preset, values)
        target = self._home / filled(table.output, fields)
        container = container_of(target)
        tail = None if table.tail == "auto" else float(table.tail)
        settings = BounceSettings(
            singer=singer,
            preset=preset,
            parameters=self._values,
            automation=self._there(filled(table.automation, fields), "automation"),
            midi_map=self._there(table.midi_map, "MIDI map"),
            midi_channel=table.midi_channel,
            midi_track=table.midi_track,
            midi_start=table.midi_start,
            seed=table.seed,
            pitch=table.pitch,
            dither_seed=DITHER_SEED if table.dither_seed is None else table.dither_seed,
            tail_seconds=tail,
            normalize_db=table.normalize,
            loudness=table.loudness,
            match_loudness=table.match_loudness,
            dropouts=table.dropouts,
        )
        form = OutputFormat(container, table.bits, table.rate)
        return PlannedJob(self._plan, source, target, form, settings)

    def _sources(self) -> Iterator[tuple[Path, str]]:
        """Yield each input with its folder below the one that is named."""
        for text in self._table.input:
            path = self._home / text
            if path.is_dir() and not is_session(path):
                yield from self._found(text, path, path.iterdir())
            elif path.exists() or not _MAGIC & set(text):
                if not path.exists():
                    raise ValueError(f"input {path} does not exist; check the path")
                yield path, "."
            else:
                base, pattern = _split(text)
                yield from self._found(text, self._home / base, (self._home / base).glob(pattern))

    def _found(self, text: str, base: Path, files: Iterable[Path]) -> Iterator[tuple[Path, str]]:
        """Yield the audio among files; outputs of plans are no inputs of patterns."""
        count = outputs = 0
        for file in sorted(files):
            if why_not_bounced(file):
                continue
            if sidecar_of(file).exists():
                outputs += 1
                continue
            count += 1
            yield file, file.parent.relative_to(base).as_posix()
        if outputs:
            self._report(f"input {text!r}: {outputs} files are outputs of a plan and are left out")
        if not count:
            raise ValueError(f"input {text!r} finds no audio in {self._home}; check the pattern")

    def _singer(self, name: str) -> str:
        """Return an id, or a path as seen from here; what is neither is refused."""
        placed = str(self._home / name) if name.endswith(".onnx") else name
        SingerLibrary().file_of(placed)
        return placed

    def _loaded(self, trusted: bool) -> Preset:
        name = self._table.preset
        return _preset(name if name in shipped_presets() else str(self._home / name), trusted)

    def _there(self, text: str, what: str) -> Path | None:
        if not text:
            return None
        path = self._home / text
        if not path.is_file():
            raise ValueError(f"{what} {path} does not exist; check the path")
        return path


@lru_cache(maxsize=64)
def _preset(which: str, trusted: bool) -> Preset:
    return load_preset(which, trusted=trusted)


def _split(pattern: str) -> tuple[Path, str]:
    """Return the folders of a pattern before the first that is one itself, and the rest."""
    parts = Path(pattern).parts
    stop = next(number for number, part in enumerate(parts) if _MAGIC & set(part))
    return Path(*parts[:stop]), str(Path(*parts[stop:]))


def _check_distinct(path: Path, jobs: Sequence[PlannedJob]) -> None:
    makers: dict[Path, PlannedJob] = {}
    for job in jobs:
        other = makers.setdefault(_place(job.target), job)
        if other is not job:
            what = "twice" if other.source == job.source else f"of {other.source} and of {job.source}"
            raise PlanError(
                f"{path} would make {job.target} {what}; tell them apart in the output, as by {{folder}}, "
                "{singer} or {transpose}"
            )
    for job in jobs:
        if maker := makers.get(_place(job.source)):
            raise PlanError(
                f"{path} would replace the input {job.source} by the bounce of {maker.source}; "
                "name another output"
            )


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name
