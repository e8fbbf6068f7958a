"""Scores and their intervals: known values, and how often the intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, mean_absolute_error, r2_score

from twofold.scores import class_scores, confusion, label_scores, number_scores, wilson

RNG = np.random.default_rng(0)
BEGINNING = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def _same_draws_in_whatever_order_tests_run():
    RNG.bit_generator.state = BEGINNING


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


DRAWS = 1000


def chance(level: float) -> float:
    """Three standard deviations of how often an interval of this level holds the truth in so many draws."""
    return 3 * np.sqrt(level * (1 - level) / DRAWS)


def covered(score, truth: float, level: float) -> float:
    """How often the interval of a drawn sample holds the truth."""
    found = [score(level) for _ in range(DRAWS)]
    return np.mean([estimate.low <= truth <= estimate.high for estimate in found])


def sampled(names, probabilities):
    return (RNG.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=names - 1)


LEVELS = [*(pytest.param(level, marks=pytest.mark.slow) for level in (0.8, 0.9)), 0.95]
FEW = [5, 10, 30, 400]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", FEW)
@pytest.mark.parametrize(("which", "truth"), [(0, 0.75), (1, 0.5), (2, 0.5 * np.sqrt(2 / np.pi))])
def test_intervals_of_normal_errors_hold_the_truth_as_often_as_they_say(which, truth, n, level):
    def score(level):
        p, errors = RNG.normal(size=n) * np.sqrt(0.75), RNG.normal(size=n) / 2
        return number_scores(p, p + errors, level=level)[which]

    more = 0.08 if n < 30 else 0.02  # means of absolute errors are less skew than those of squares
    assert level - chance(level) < covered(score, truth, level) < level + more + chance(level)


@pytest.mark.parametrize("n", FEW)
def test_intervals_of_heavy_tails_hold_the_truth_as_often_as_the_documentation_says(n):
    def score(level):
        return number_scores(np.zeros(n), RNG.laplace(size=n) / np.sqrt(2), level=level)[1]

    assert 0.87 < covered(score, 1.0, 0.95) < 0.96


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", FEW)
@pytest.mark.parametrize(("sureness", "truly"), [(0.1, 0.1), (1, 1), (7, 7), (5, 1.7)])
def test_intervals_of_the_log_loss_hold_the_truth_at_least_as_often_as_they_say(sureness, truly, n, level):
    """Of models that are unsure, sure, very sure, and surer than they should be."""

    def draw(n):
        Z = RNG.normal(size=(n, 3))
        return sureness * Z, sampled(3, np.exp(log_softmax(truly * Z, axis=1)))

    def score(level):
        return class_scores(*draw(n), level=level)[1]

    truth = class_scores(*draw(10**5))[1].value
    found = covered(score, truth, level)
    assert found > level - chance(level)
    if n == 400 and sureness < 7:
        assert found < level + chance(level) + 0.01


@pytest.mark.parametrize("n", FEW)
def test_an_error_that_has_not_been_seen_is_still_possible(n):
    """Of 5 samples that a sure model gets all right, the spread is nearly nothing."""
    O = np.tile([4.6, 0.0], (n, 1))
    p = 1 / (1 + np.exp(-4.6))
    truth = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert covered(lambda level: class_scores(O, (RNG.random(n) > p).astype(int), level=level)[1], truth, 0.95) > 0.94


@pytest.mark.parametrize("n", FEW)
def test_intervals_of_shares_of_labels_hold_the_truth(n):
    def score(level):
        right = RNG.random((n, 5)) < 0.9
        return label_scores(np.where(right, 1.0, -1.0), np.ones((n, 5)), level=level)[0]

    assert covered(score, 0.9, 0.95) > 0.935


def test_accuracy_has_the_same_interval_whichever_way_two_classes_are_written():
    O = RNG.normal(size=(20, 1))
    y = (RNG.random(20) > 0.5).astype(int)
    one, two = label_scores(O, y[:, None]), class_scores(np.hstack([np.zeros_like(O), O]), y)
    for a, b in zip(one, two, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), rel=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_scores_of_very_large_and_very_small_numbers_are_those_of_others_but_for_the_unit(size):
    p, y = RNG.normal(size=(2, 20))
    for a, b in zip(number_scores(p, y), number_scores(size * p, size * y), strict=True):
        unit = 1 if a.name == "R2" else size
        assert (b.value, b.low, b.high) == pytest.approx((unit * a.value, unit * a.low, unit * a.high), rel=1e-9)


def test_perfect_predictions_have_nothing_to_vary():
    for score, value in zip(number_scores(np.arange(5.0), np.arange(5.0)), (1, 0, 0), strict=True):
        assert (score.value, score.low, score.high) == (value, value, value)


def test_an_interval_holds_its_score():
    for n in (2, 3, 5):
        for _ in range(50):
            for score in number_scores(*RNG.normal(size=(2, n))):
                assert score.low <= score.value <= score.high
    r2 = number_scores(np.array([1.0, 3.0]), np.array([0.0, 2.0]))[0]
    assert r2.low <= r2.value <= r2.high


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
