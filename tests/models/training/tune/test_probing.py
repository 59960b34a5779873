"""Probes learn what can be learnt, no more, and their scores and ranges are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.training.tune import probing
from models.training.tune.probing import (
    Examples,
    Recipe,
    accuracy,
    area,
    fifths,
    learnt,
    probed,
    ranged,
    split,
)


def clouds(centres: list[tuple[int, float, float]], recordings: int, each: int = 4) -> Examples:
    """Return examples around centres (class, x, y), `each` of every recording."""
    rng = np.random.default_rng(0)
    said, classes, of = [], [], []
    for index in range(recordings):
        one, *place = centres[index % len(centres)]
        said.append(np.array(place) + 0.1 * rng.standard_normal((each, 2)))
        classes += [one] * each
        of += [index] * each
    return Examples(np.concatenate(said).astype(np.float32), np.array(classes), np.array(of))


APART = [(0, -1.0, 0.0), (1, 1.0, 0.0)]
FAST = Recipe(learning_rate=0.02, updates=5, epochs=30)
CROSSED = [(0, -1.0, -1.0), (0, 1.0, 1.0), (1, -1.0, 1.0), (1, 1.0, -1.0)]


def test_what_lies_apart_is_told_apart() -> None:
    known, unknown = split(*_halves(clouds(APART, 60)))
    found = probed(known, unknown, 2, FAST)
    for scores in found.values():
        assert scores["accuracy"] == (1.0, 1.0, 1.0)
        assert scores["area"].score == pytest.approx(1.0)


def test_only_two_layers_tell_apart_what_no_line_does() -> None:
    known, unknown = split(*_halves(clouds(CROSSED, 120, each=8)))
    found = probed(known, unknown, 2, FAST)
    assert found["linear"]["accuracy"].score < 0.8
    assert found["two layers"]["accuracy"].score > 0.95


def test_few_examples_are_learnt_by_the_published_recipe() -> None:
    known, unknown = split(*_halves(clouds(APART, 40, each=1)))
    logits = probing._logits(learnt(known, 2, two_layers=False), unknown.said)
    assert accuracy(unknown.classes, logits) == 1.0


def test_an_epoch_has_whole_passes_and_enough_updates() -> None:
    rows = list(probing._epoch(100, Recipe(batch=48, updates=5)))
    assert [len(part) for part in rows] == [48, 48, 4] * 2
    assert np.bincount(torch.cat(rows)).tolist() == [2] * 100
    assert len(list(probing._epoch(4, Recipe(updates=5)))) == 5


def test_a_rare_class_counts_as_much_as_a_frequent_one() -> None:
    rare = clouds([(0, 0.0, 0.0)] * 9 + [(1, 0.15, 0.0)], 200)
    logits = learnt(rare, 2, two_layers=False, recipe=FAST)(torch.tensor([[0.0, 0.0], [0.15, 0.0]]))
    assert bool(logits[0, 0] > logits[0, 1])
    assert bool(logits[1, 1] > logits[1, 0])  # by numbers alone the frequent class would be likelier


def test_a_probe_is_the_same_each_time() -> None:
    known = clouds(APART, 20)
    x = torch.randn(5, 2)
    first, again = (learnt(known, 2, two_layers=True, recipe=FAST)(x) for _ in range(2))
    assert torch.equal(first, again)


def test_one_recording_of_each_class_is_enough_to_learn() -> None:
    probe = learnt(clouds(APART, 2), 2, two_layers=False, recipe=FAST)
    assert probe(torch.tensor([[-1.0, 0.0], [1.0, 0.0]])).argmax(1).tolist() == [0, 1]


def test_accuracy_is_the_mean_over_classes() -> None:
    classes = np.array([0, 0, 0, 0, 1, 1])
    logits = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 2 + [[1.0, 0.0]])
    assert accuracy(classes, logits) == pytest.approx((0.75 + 0.5) / 2.0)


def test_area_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=60)
    logits = np.round(rng.standard_normal((60, 3)) + np.eye(3)[classes], 1)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    areas = []
    for one in range(3):
        pairs = [
            (chances[i, one] > chances[j, one]) + 0.5 * (chances[i, one] == chances[j, one])
            for i in np.flatnonzero(classes == one)
            for j in np.flatnonzero(classes != one)
        ]
        areas.append(np.mean(pairs))
    assert area(classes, logits) == pytest.approx(np.mean(areas), abs=2e-3)  # ties but for rounding
    assert area(np.array([0, 1]), np.zeros((2, 2))) == 0.5


def test_a_probe_stops_when_it_no_longer_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.5, 1.0, *([2.0] * 5), 0.0])
    monkeypatch.setattr(probing, "_loss", lambda *_: next(losses))
    learnt(clouds(APART, 20), 2, two_layers=False, recipe=Recipe(updates=1))
    assert next(losses) == 0.0  # which it has not seen


def test_the_range_is_over_recordings_and_not_over_their_examples() -> None:
    """Ten recordings of a class, all of each right or wrong: the deviation of a share of ten, not of 200."""
    classes, of = np.repeat([0, 1], 200), np.repeat(np.arange(20), 20)
    right = np.repeat(np.arange(20) % 10 < 7, 20)
    logits = np.eye(2)[np.where(right, classes, 1 - classes)]
    found = ranged(accuracy, Examples(np.zeros((400, 1), np.float32), classes, of), logits)
    wide = 1.96 * np.sqrt(0.7 * 0.3 / 10.0 / 2.0)
    assert found.score == pytest.approx(0.7)
    assert found.high - found.low == pytest.approx(2.0 * wide, rel=0.2)


def test_recordings_of_several_classes_are_drawn_whole() -> None:
    """Of ten songs of all three classes four are recognised wholly, the others not at all."""
    classes, of = np.tile([0, 1, 2], 100), np.repeat(np.arange(10), 30)
    right = of < 4
    logits = np.eye(3)[np.where(right, classes, (classes + 1) % 3)]
    found = ranged(accuracy, Examples(np.zeros((300, 1), np.float32), classes, of), logits)
    wide = 1.96 * np.sqrt(0.4 * 0.6 / 10.0)
    assert found.score == pytest.approx(0.4)
    assert found.high - found.low == pytest.approx(2.0 * wide, rel=0.2)


def test_every_fifth_recording_of_each_class_is_held_out() -> None:
    examples = clouds(APART, 22)
    held = fifths(examples)
    assert sorted(held) == [4, 5, 14, 15]
    known, unknown = split(examples, held)
    assert not set(known.recordings) & set(unknown.recordings)
    assert len(known.classes) + len(unknown.classes) == 88


def _halves(examples: Examples) -> tuple[Examples, list[int]]:
    every = np.unique(examples.recordings)
    return examples, every[every.size // 2 :].tolist()
