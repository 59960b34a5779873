"""Singers that shipped once and no longer do."""

from __future__ import annotations

RETIRED = {"alys": "nit"}
"""Old id and the singer to use instead. The owner of ALYS allows it to three named programs only."""


def retired(name: str) -> str:
    """Return what is to be said of a name, after "singer ..."; empty if no singer of that name has left."""
    if name not in RETIRED:
        return ""
    return f"no longer ships, because the voice's owner objects; use {RETIRED[name]!r} instead"
