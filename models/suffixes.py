"""The suffixes of the audio files that can be read."""

from __future__ import annotations

AUDIO_SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc", ".caf", ".au", ".snd", ".voc"),
    *(".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
)
"""Read by libsndfile."""
EXTRA_SUFFIXES = (
    *(".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".aac", ".webm", ".mka", ".mkv"),
    *(".wma", ".wv", ".ape", ".tta", ".ac3", ".eac3", ".amr", ".spx"),
)
"""Read by FFmpeg, with the extra `formats`."""
