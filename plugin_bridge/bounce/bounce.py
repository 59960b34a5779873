"""Bounce a file or a session: stream it through the engine into a file of exactly its length."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.units import HOPS_PER_SECOND, MAX_F0, MAX_HOPS, MIN_F0, gain_to_db, hop_size
from models.samples import MAX_LEVEL
from models.wholefile import Draft, Scratch, unwritable
from plugin_bridge.bounce.level import gain_for
from plugin_bridge.bounce.planning import Plan, planned
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.bounce.sources import Source, Stem, open_source
from plugin_bridge.engine.core import CEILING
from plugin_bridge.engine.library import SingerLibrary
from plugin_bridge.engine.rendering import CHUNK, MAX_TAIL_SECONDS, reblocked, rendered, taken, until_quiet
from plugin_bridge.errors import EffectError, OutputError
from plugin_bridge.files.broadcast import Made, true_of
from plugin_bridge.files.loudness import Loudness, LoudnessMeter, metered
from plugin_bridge.files.markers import Chunks, moved
from plugin_bridge.files.reader import AudioReader
from plugin_bridge.files.resampling import resampled
from plugin_bridge.files.standardstreams import STANDARD_STREAM, StandardOutput
from plugin_bridge.files.writer import SOFTWARE, AudioWriter, Carried, OutputFormat, output_bytes

Float32 = NDArray[np.float32]

MIN_BEYOND_HOPS, MIN_BEYOND_SHARE = 50, 0.1
"""Half a second and a tenth of the output: from there on a pitch out of range is told."""


@dataclass(frozen=True)
class BounceResult:
    """The result of one bounce."""

    source: Path
    target: Path
    singer: str
    """Id of the singer heard most at the first sample."""
    seconds: float
    """Length of the output."""
    sample_rate: int
    channels: int
    latency_seconds: float
    """Of the engine; it is taken off."""
    peak_db: float | None
    """Of the output, dBFS; None for silence."""
    clipped: int
    """Samples the output could not hold."""
    faults: int
    """See `plugin_bridge.engine.engine.Engine.faults`."""
    voiced: float
    """Fraction of the output whose source has a pitch, 0..1."""
    gain_db: float
    """Applied to set the level."""
    source_loudness: float | None
    """Integrated, LUFS (`plugin_bridge.files.loudness.Loudness`); None where it is silent or too short."""
    source_true_peak_db: float | None
    """dBTP; None for silence."""
    loudness: float | None
    """Of the output."""
    true_peak_db: float | None
    """Of the output."""
    source_pitch: float | None
    """Median of the source in hertz; None where `transpose auto` did not ask or nothing is voiced."""
    auto_transpose: float | None
    """What `auto` means for that singer, semitones."""
    render_seconds: float
    """Time it took."""


@dataclass(frozen=True)
class BounceListener:
    """Callbacks for the progress of a bounce."""

    report: Callable[[str], None] = lambda _: None
    """Called with a sentence for a person to see."""
    progress: Callable[[float, float], None] = lambda _, __: None
    """Called with the seconds of audio done and those in all."""
    whole: Callable[[Path, BounceResult], None] = lambda _, __: None
    """Called with the temporary file once all of the output is in it, before it gets its name. What this
    raises ends the bounce, and no file is left."""


def bounce(
    source: Path | Stem,
    target: Path,
    form: OutputFormat,
    settings: BounceSettings,
    *,
    library: SingerLibrary | None = None,
    listener: BounceListener | None = None,
) -> BounceResult:
    """Bounce one file or session; the output has the source's channels, rate and, without a tail, length.

    The rate is another where the form asks for it or has no such rate. What a WAV, W64 or AIFF file holds
    besides its audio (`bext`, iXML, markers, regions, loops) goes into a WAV file, and markers into an AIFF
    file, told anew for its rate and sound.

    Args:
        source: an audio file, the folder of a recorded session, `STANDARD_STREAM` for standard input, or a
            stem that is made while it is read.
        target: the file to write, or `STANDARD_STREAM` for standard output.
        form: its kind; WAV for standard output.
        settings: singer, parameters, automation and so on.
        library: singers loaded before, to share them between files.
        listener: hears notes and progress.

    Raises:
        AudioFileError, EffectError, OutputError, ScoreError, SessionError, SingerFileError: one sentence; no
            file is left.
        BrokenPipeError: whoever read standard output has gone.
    """
    listener = listener or BounceListener()
    began = time.perf_counter()
    path = source.path if isinstance(source, Stem) else source
    if _is_same(path, target):
        raise OutputError(f"{target} is the source itself; name another output with -o")
    with open_source(source) as reader, _draft(target, settings) as draft:
        _check_space(draft, reader, form, spooled=settings.sets_level)
        plan = planned(reader, settings, library or SingerLibrary(), listener.report)
        if plan.auto_transpose is not None:
            shift, pitch = plan.auto_transpose, plan.source_pitch
            listener.report(
                f"transpose auto: {_named(path)} lies around {pitch:.0f} Hz, so {shift:+g} semitones"
            )
        writer, gain, before, after = _write(reader, plan, draft, form, settings, listener)
        _warn(path, draft.target, plan, writer, listener.report)
        processor, hops = plan.processor, HOPS_PER_SECOND * writer.frames / writer.sample_rate
        done = BounceResult(
            source=path,
            target=target,
            singer=plan.singer,
            seconds=writer.frames / writer.sample_rate,
            sample_rate=writer.sample_rate,
            channels=reader.channels,
            latency_seconds=processor.latency / plan.rate,
            peak_db=gain_to_db(writer.peak) if writer.peak else None,
            clipped=writer.clipped,
            faults=processor.faults,
            voiced=min(1.0, processor.voiced / hops),
            gain_db=gain_to_db(gain),
            source_loudness=before.integrated,
            source_true_peak_db=before.true_peak,
            loudness=after.integrated,
            true_peak_db=after.true_peak,
            source_pitch=plan.source_pitch,
            auto_transpose=plan.auto_transpose,
            render_seconds=time.perf_counter() - began,
        )
        plan.finish()
        listener.whole(draft.path, done)
        draft.commit()
    return done


def _warn(
    source: Path,
    target: Path,
    plan: Plan,
    writer: AudioWriter,
    report: Callable[[str], None],
) -> None:
    """Tell what is wrong with an output that is whole."""
    if plan.processor.faults:
        report(
            f"{target}: the voice was not finite or over {gain_to_db(CEILING):.0f} dB above full scale for "
            f"{plan.processor.faults / HOPS_PER_SECOND:g} s, and was silenced or held there; "
            "use another singer file or lower --gain"
        )
    beyond = plan.processor.beyond
    if beyond >= max(
        MIN_BEYOND_HOPS, MIN_BEYOND_SHARE * HOPS_PER_SECOND * writer.frames / writer.sample_rate
    ):
        report(
            f"{_named(source)}: {beyond / HOPS_PER_SECOND:.1f} s have a pitch below {MIN_F0:g} or above "
            f"{MAX_F0:g} Hz, which is not heard, and are whispered or sung at another pitch; "
            "transpose the source into that range first"
        )
    if writer.clipped:
        over = gain_to_db(writer.peak)
        report(
            f"{target} is clipped: {writer.clipped} samples pass full scale, by up to {over:.1f} dB; "
            f"add --normalize, lower --gain by {over + 0.1:.1f} dB, or write floats with --bits 32f"
        )


def _draft(target: Path, settings: BounceSettings) -> Draft | StandardOutput:
    return StandardOutput() if target == STANDARD_STREAM else Draft(target, force=settings.force)


def _named(source: Path) -> str:
    return "standard input" if source == STANDARD_STREAM else source.name


def _is_same(source: Path, target: Path) -> bool:
    try:
        return STANDARD_STREAM not in {source, target} and target.samefile(source)
    except OSError:  # one is not there, or has no good name, which is told later
        return False


class _Written(NamedTuple):
    writer: AudioWriter
    """Closed, with its counts."""
    gain: float
    """That set the level."""
    before: Loudness
    after: Loudness


def _write(
    reader: Source,
    plan: Plan,
    draft: Draft | StandardOutput,
    form: OutputFormat,
    settings: BounceSettings,
    listener: BounceListener,
) -> _Written:
    rate = form.rate_for(reader.sample_rate)
    frames = _output_frames(reader, rate) + round((settings.tail_seconds or 0.0) * rate)
    before = LoudnessMeter(reader.sample_rate, reader.channels)
    after = LoudnessMeter(rate, reader.channels)
    audio = _checked(_bounced(reader, plan, settings, (frames, rate), before), reader, rate)
    audio = _shown(audio, frames / rate, rate, listener)
    besides = reader.carried_chunks() if isinstance(reader, AudioReader) else []
    _tell_losses(reader, draft.target, form, besides, listener.report)

    def write(chunks: Iterable[Float32], length: int | None, gain: float = 1.0) -> AudioWriter:
        with AudioWriter(
            draft.path,
            rate,
            reader.channels,
            length,
            form,
            carried=Carried({**reader.metadata, "software": SOFTWARE}),
            seed=settings.dither_seed,
            target=draft.target,
        ) as writer:
            for x in chunks:
                writer.write(x)
            bits = int(form.bits.rstrip("f") or 0)
            made = Made(reader.sample_rate, rate, reader.channels, bits, after.shown(gain))
            writer.chunks = true_of(besides, made)
        return writer

    audio = metered(audio, after)
    if not settings.sets_level:
        longest: int | None = frames
        if settings.tail_seconds is None:
            longest = frames + round(MAX_TAIL_SECONDS * rate)
            longest = longest if isinstance(draft, Draft) else None
        return _Written(write(audio, longest), 1.0, before.shown(), after.shown())
    with Scratch(_spool_beside(draft)) as spool:
        length, peak = _spool(spool, audio)
        gain, doubt = gain_for(settings, before.shown(), after, peak)
        if doubt:
            listener.report(f"{draft.target} {doubt}")
        writer = write((x * np.float32(gain) for x in _spooled(spool, reader.channels)), length, gain)
        return _Written(writer, gain, before.shown(), after.shown(gain))


def _bounced(
    reader: Source, plan: Plan, settings: BounceSettings, length: tuple[int, int], meter: LoudnessMeter
) -> Iterator[Float32]:
    """The output as a stream of so many samples at a rate; the meter hears the source."""
    (frames, rate), native, channels = length, plan.rate, reader.channels
    source = resampled(metered(reader.chunks(), meter), channels, reader.sample_rate, native)
    block = settings.block or MAX_HOPS * hop_size(native)
    stream = rendered(source, channels, plan.processor, plan.events, block)
    stream = resampled(stream, channels, native, rate)
    endless = settings.tail_seconds is None
    sound = until_quiet(stream, frames, rate) if endless else taken(stream, frames)
    return reblocked(sound, CHUNK)


def _output_frames(reader: Source, rate: int) -> int:
    """Return the samples of an output without a tail."""
    return moved(reader.frames, reader.sample_rate, rate)


def _tell_losses(
    reader: Source,
    target: Path,
    form: OutputFormat,
    besides: Chunks,
    report: Callable[[str], None],
) -> None:
    """Tell what of the source the format cannot hold: its rate, its markers and so on."""
    rate = form.rate_for(reader.sample_rate)
    if rate != reader.sample_rate and form.sample_rate is None:
        report(f"{target} has {rate} Hz, because {form.container} has no {reader.sample_rate} Hz")
    held = () if target == StandardOutput.target else form.held
    if lost := [name.decode().strip() for name, _ in besides if name not in held]:
        report(
            f"{target} is without what {_named(reader.path)} holds besides its audio ({', '.join(lost)}); "
            "write a WAV file to keep it"
        )


def _checked(chunks: Iterable[Float32], reader: Source, rate: int) -> Iterator[Float32]:
    """Refuse output that is not finite or far over full scale: an effect plug-in may produce it."""
    position = 0
    for x in chunks:
        if not np.abs(x).max(initial=0.0) <= MAX_LEVEL:
            far = f"over {gain_to_db(MAX_LEVEL):.0f} dB above full scale"
            what = far if np.isfinite(x).all() else "not finite"
            raise EffectError(
                f"the output of {reader.path} is {what} near {position / rate:.2f} s; "
                "take out the effect that makes it so"
            )
        position += x.shape[1]
        yield x


def _shown(
    chunks: Iterable[Float32], total: float, sample_rate: int, listener: BounceListener
) -> Iterator[Float32]:
    done = 0
    for x in chunks:
        yield x
        done += x.shape[1]
        listener.progress(min(total, done / sample_rate), total)


def _spool(spool: Scratch, chunks: Iterable[Float32]) -> tuple[int, float]:
    """Write interleaved float32 to a temporary file; return its length in samples and its peak."""
    length, peak = 0, 0.0
    try:
        with spool.path.open("wb") as file:
            for x in chunks:
                file.write(np.ascontiguousarray(x.T).tobytes())
                length += x.shape[1]
                peak = max(peak, float(np.abs(x).max(initial=0.0)))
    except OSError as error:
        raise unwritable(spool.target, error) from error
    return length, peak


def _spooled(spool: Scratch, channels: int) -> Iterator[Float32]:
    with spool.path.open("rb") as file:
        while (x := np.fromfile(file, np.float32, CHUNK * channels)).size:
            yield np.ascontiguousarray(x.reshape(-1, channels).T)


def _spool_beside(draft: Draft | StandardOutput) -> Path:
    """Return the file beside which the temporary file of normalizing lies."""
    if isinstance(draft, StandardOutput):
        return Path(tempfile.gettempdir()) / draft.target
    return draft.target


def _check_space(draft: Draft | StandardOutput, reader: Source, form: OutputFormat, *, spooled: bool) -> None:
    """Check the free space; what is compressed has no known size, so a full disk shows as it is written."""
    is_counted = form.container != "flac" and isinstance(draft, Draft)
    frames = _output_frames(reader, form.rate_for(reader.sample_rate))
    needed = output_bytes(form, reader.channels, frames) if is_counted else 0
    if spooled:
        needed += output_bytes(OutputFormat("wav", "32f"), reader.channels, frames)
    free = shutil.disk_usage(_spool_beside(draft).parent).free
    if needed > free:
        raise OutputError(
            f"{draft.target} needs {needed / 1e6:.1f} MB and its disk has {free / 1e6:.1f} MB free; "
            "free some space or choose another folder"
        )
