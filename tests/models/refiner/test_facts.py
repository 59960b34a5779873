"""A refiner takes as many of its steps as were asked for, and a file cannot claim what it cannot have."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from models.refiner.facts import MAX_BANDS, Refiner
from models.refiner.steps import steps_for


@pytest.mark.parametrize(
    ("asked", "available", "taken"),
    [
        (0, (1, 2, 8), 0),
        (1, (1, 2, 8), 1),
        (2, (1, 2, 8), 2),
        (5, (1, 2, 8), 2),
        (8, (1, 2, 8), 8),
        (8, (1, 2, 4), 4),
        (1, (4, 8), 4),
        (0, (4, 8), 0),
        (8, (1,), 1),
        (8, (), 0),
        (1, (), 0),
    ],
)
def test_as_many_steps_as_asked_or_the_fewest(asked: int, available: tuple[int, ...], taken: int) -> None:
    assert steps_for(asked, available) == taken


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": ()},
        {"steps": (0,)},
        {"steps": (9,)},
        {"steps": (2, 1)},
        {"steps": (1, 1)},
        {"steps": (1.5,)},
        {"bands": 0},
        {"bands": MAX_BANDS + 1},
        {"milliseconds": -1.0},
        {"milliseconds": math.nan},
        {"milliseconds": math.inf},
        {"mystery": 1},
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    right = {"bands": 80, "steps": (1, 2, 8)}
    assert Refiner.model_validate(right).noise
    with pytest.raises(ValidationError):
        Refiner.model_validate(right | wrong)
