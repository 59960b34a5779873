"""The level of a bounce: the gain that gives it the peak or the loudness asked for."""

from __future__ import annotations

from dsp.units import db_to_gain
from plugin_bridge.bounce.settings import BounceSettings
from plugin_bridge.files.loudness import Loudness, LoudnessMeter

MAX_TRUE_PEAK = -1.0
"""dBTP up to which a loudness may bring the output (EBU R 128)."""
_ROUNDS, _NEAR = 16, 1e-4


def gain_for(
    settings: BounceSettings, source: Loudness, output: LoudnessMeter, peak: float
) -> tuple[float, str]:
    """Return the gain, and a sentence without its subject where the loudness cannot be what was asked for.

    Args:
        settings: say what is asked for.
        source: what the source has.
        output: has heard all of the output.
        peak: its largest absolute sample, full scale = 1.
    """
    if settings.normalize_db is not None:
        return (db_to_gain(settings.normalize_db) / peak if peak else 1.0), ""
    wanted = source.integrated if settings.match_loudness else settings.loudness
    if wanted is None:
        return 1.0, "keeps its level, because the source is too quiet or too short to have a loudness"
    if output.shown().integrated is None:
        return 1.0, "keeps its level, because it is too quiet or too short to have a loudness"
    gain = _gain_to(wanted, output)
    over = (output.shown(gain).true_peak or 0.0) - MAX_TRUE_PEAK
    if over <= 0.0:
        return gain, ""
    gain *= db_to_gain(-over)
    return gain, (
        f"has {output.shown(gain).integrated:.1f} LUFS instead of {wanted:.1f}: its true peak would pass "
        f"{MAX_TRUE_PEAK:g} dBTP by {over:.1f} dB; compress it, or ask for less"
    )


def _gain_to(wanted: float, output: LoudnessMeter) -> float:
    """Return the gain for a loudness. It is approached: what the gate leaves out depends on it."""
    gain = 1.0
    for _ in range(_ROUNDS):
        now = output.shown(gain).integrated
        if now is None or abs(wanted - now) < _NEAR:
            break
        gain *= db_to_gain(wanted - now)
    return gain
