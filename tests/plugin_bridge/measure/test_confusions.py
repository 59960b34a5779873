"""Phones that are taken for others, pooled over takes."""

from __future__ import annotations

from plugin_bridge.measure.confusions import confusion_rows


def test_takes_are_pooled_by_kind_and_by_phone() -> None:
    first = {
        "confusions_source": {"o": {"o": 3}, "k": {"k": 1, "t": 1}},
        "confusions": {"o": {"u": 2, "o": 1}, "k": {"t": 2}},
    }
    second = {"confusions_source": {"a": {"a": 1}}, "confusions": {"a": {"o": 1}}}
    rows = {row["phone"]: row for row in confusion_rows([first, second])}
    assert list(rows) == ["vowels", "unvoiced plosives", "a", "o", "k"]
    assert rows["vowels"] == {
        "phone": "vowels",
        "count": "4",
        "right_source": 1.0,
        "right": 0.25,
        "instead": "o>u 2, a>o 1",
    }
    assert (rows["o"]["count"], rows["o"]["right"], rows["o"]["instead"]) == ("3", 1.0 / 3.0, "u 2")
    assert (rows["k"]["right_source"], rows["k"]["right"], rows["k"]["instead"]) == (0.5, 0.0, "t 2")


def test_without_labels_there_are_no_rows() -> None:
    assert confusion_rows([{"confusions_source": {}, "confusions": {}}]) == []
