"""The two pitch trackers of the engine, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from dsp.pitch import VoiceTracker

PitchName = Literal["periodicity", "melody"]
PITCHES: tuple[PitchName, ...] = get_args(PitchName)
"""`periodicity` for a voice alone (`dsp.pitch`); `melody`, a network, for one that music plays along with."""
USUAL: PitchName = "periodicity"


def check_pitch(value: object) -> PitchName:
    """Return the name of a tracker.

    Raises:
        ValueError: it is none of `PITCHES`.
    """
    for name in PITCHES:
        if value == name:
            return name
    raise ValueError(f"pitch {value!r} is no tracker; use one of {', '.join(PITCHES)}")


def pitch_tracker(name: str, sample_rate: int) -> VoiceTracker:
    """Return a fresh tracker.

    Args:
        name: one of `PITCHES`.
        sample_rate: a native rate in hertz.

    Raises:
        ModelFileError: the network's file is missing or damaged.
    """
    if name == "periodicity":
        from dsp.pitch import PitchTracker  # noqa: PLC0415 - numpy would delay the help of the command line

        return PitchTracker(sample_rate)
    from models.melody.tracker import MelodyTracker  # noqa: PLC0415 - onnxruntime is loaded only where it runs

    return MelodyTracker(sample_rate)
