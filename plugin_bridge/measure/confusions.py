"""Which phones are heard as which, pooled over takes: one row for each kind of phone and for each phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.metrics.phones import CLASSES, VOWELS

KINDS = {"vowels": VOWELS, **CLASSES}
_INSTEAD = 3


def confusion_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows for the table `PHONES`: kinds first, then phones, those never meant left out.

    Args:
        rows: takes, as dictionaries of `VoiceScores`.
    """
    before, after = (_pooled(row[name] for row in rows) for name in ("confusions_source", "confusions"))
    singles = {phone: (phone,) for members in KINDS.values() for phone in members}
    found = []
    for name, members in [*KINDS.items(), *singles.items()]:
        count = sum(before[meant].total() for meant in members)
        if count:
            instead: Counter[str] = Counter()
            for meant in members:
                wrong = {
                    f"{meant}>{heard}" if len(members) > 1 else heard: n for heard, n in after[meant].items()
                }
                instead.update({key: n for key, n in wrong.items() if key.rpartition(">")[2] != meant})
            found.append(
                {
                    "phone": name,
                    "count": str(count),
                    "right_source": sum(before[meant][meant] for meant in members) / count,
                    "right": sum(after[meant][meant] for meant in members) / count,
                    "instead": ", ".join(f"{key} {n}" for key, n in instead.most_common(_INSTEAD)),
                }
            )
    return found


def _pooled(tables: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, Counter[str]]:
    found = {phone: Counter[str]() for members in KINDS.values() for phone in members}
    for table in tables:
        for meant, heard in table.items():
            found[meant].update(heard)
    return found
