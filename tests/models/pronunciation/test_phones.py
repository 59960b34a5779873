"""Phones are checked with one sentence, plosives are split at their bursts, and gaps are pauses."""

from __future__ import annotations

import pytest

from models.pronunciation.phones import PHONES, Sound, SungPhone, bursts, check, sounds, spelt


def test_every_phone_is_a_base_with_or_without_y() -> None:
    assert spelt("ky") == ("k", True)
    assert spelt("y") == ("y", False)
    assert spelt("ry") == ("r", True)
    assert all(spelt(name)[0] in PHONES for name in PHONES)


def test_a_plosive_bursts_its_release_before_its_end() -> None:
    found = sounds([SungPhone("t", 0.1, 0.2), SungPhone("a", 0.2, 0.5)], {"t": 0.03}, 1.0)
    expected = [("pau", False), ("t", False), ("t", True), ("a", False), ("pau", False)]
    assert [(one.base, one.released) for one in found] == expected
    assert [one.start for one in found] == pytest.approx([0.0, 0.1, 0.17, 0.2, 0.5])
    assert [one.stop for one in found] == pytest.approx([0.1, 0.17, 0.2, 0.5, 1.0])
    assert bursts(found) == pytest.approx([0.17])


def test_a_short_plosive_keeps_some_of_its_closure() -> None:
    found = sounds([SungPhone("ky", 0.0, 0.02)], {"k": 0.05}, 0.02)
    assert all(one.palatal for one in found)
    assert [one.stop - one.start for one in found] == pytest.approx([0.006, 0.014])


def test_nothing_to_sing_is_a_pause() -> None:
    assert sounds([], {}, 2.0) == [Sound("pau", False, False, 0.0, 2.0)]


@pytest.mark.parametrize(
    ("phones", "sentence"),
    [
        ([("x", 0.0, 1.0)], r"phone 'x' is unknown; use one of pau, br, cl, a, "),
        ([("a", 1.0, 1.0)], r"phone 'a' lasts from 1.0 to 1.0 s; give it a start and a later stop"),
        ([("a", 0.0, float("nan"))], r"phone 'a' lasts from 0.0 to nan s; give it a start and a later stop"),
        ([("a", -1.0, 1.0)], r"phone 'a' starts at -1 s, before 0 s; give phones in order"),
        ([("a", 0.0, 1.0), ("i", 0.5, 2.0)], r"phone 'i' starts at 0.5 s, before 1 s; give phones in order"),
    ],
)
def test_what_cannot_be_sung_is_told(phones: list[tuple[str, float, float]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check([SungPhone(*phone) for phone in phones])
