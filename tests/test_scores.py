"""Scores and their intervals: known values, and how often the intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, mean_absolute_error, r2_score

from twofold.scores import class_scores, confusion, number_scores, wilson

RNG = np.random.default_rng(0)


def test_scores_of_classes_are_those_of_scikit_learn():
    O, y = RNG.normal(size=(200, 3)), RNG.integers(3, size=200)
    accuracy, loss = class_scores(O, y)
    P = np.exp(O) / np.exp(O).sum(axis=1, keepdims=True)
    assert accuracy.value == accuracy_score(y, O.argmax(axis=1))
    assert loss.value == pytest.approx(log_loss(y, P), rel=1e-12)
    np.testing.assert_array_equal(confusion(O.argmax(axis=1), y, 3), confusion_matrix(y, O.argmax(axis=1)))


def test_scores_of_numbers_are_those_of_scikit_learn():
    y = RNG.normal(size=300)
    p = y + RNG.normal(size=300) / 3
    r2, rmse, mae = number_scores(p, y)
    assert r2.value == pytest.approx(r2_score(y, p), rel=1e-12)
    assert rmse.value == pytest.approx(np.sqrt(((y - p) ** 2).mean()), rel=1e-12)
    assert mae.value == pytest.approx(mean_absolute_error(y, p), rel=1e-12)


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I, method 3
    expected = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (right, n), ends in expected.items():
        assert wilson(right, n) == pytest.approx(ends, abs=5e-5)


def covered(draw, truth: float, times: int = 1000) -> float:
    """How often the interval of a drawn sample holds the truth."""
    intervals = [draw() for _ in range(times)]
    return np.mean([low <= truth <= high for low, high in intervals])


def test_intervals_hold_the_truth_in_about_95_of_100_draws():
    """1000 draws of 400 rows: the part that holds it has itself a standard deviation of 0.7 %."""

    def numbers(which):
        y = RNG.normal(size=400)
        score = number_scores(y + RNG.normal(size=400) / 2, y)[which]
        return score.low, score.high

    def classes(which):
        p = 1 / (1 + np.exp(-2.0))
        y = (RNG.random(400) > p).astype(int)
        score = class_scores(np.tile([2.0, 0.0], (400, 1)), y)[which]
        return score.low, score.high

    p = 1 / (1 + np.exp(-2.0))
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    truths = [
        (numbers, 0, 0.75),
        (numbers, 1, 0.5),
        (numbers, 2, 0.5 * np.sqrt(2 / np.pi)),
        (classes, 0, p),
        (classes, 1, entropy),
    ]
    for kind, which, truth in truths:
        assert 0.925 < covered(lambda kind=kind, which=which: kind(which), truth) < 0.975


def test_what_can_not_be_known_is_not_claimed():
    assert np.isnan(number_scores(np.array([1.0, 2.0]), np.array([3.0, 3.0]))[0].value)


def test_one_row_has_no_interval():
    r2, rmse, mae = number_scores(np.array([5.0]), np.array([2.0]))
    assert (rmse.value, mae.value) == (3.0, 3.0)
    assert (r2.interval, r2.how) == ("none", "no R2: all targets are alike")
    log_loss = class_scores(np.array([[1.0, 0.0]]), np.array([0]))[1]
    for score in (rmse, mae, log_loss):
        assert (score.interval, score.how) == ("none", "one row has no spread")
        assert score.to_dict()["low"] is score.to_dict()["high"] is None
    assert number_scores(np.array([5.0, 1.0]), np.array([2.0, 2.0]))[1].interval != "none"
