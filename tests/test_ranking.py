"""ROC-AUC and average precision."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from twofold.ranking import ranking_scores


@pytest.mark.parametrize("decimals", [8, 1])  # 1: many margins are equal
def test_values_are_those_of_scikit_learn(decimals):
    rng = np.random.default_rng(0)
    positive = rng.random(300) < 0.2
    margin = (rng.normal(size=300) + positive).round(decimals)
    area, precision = ranking_scores(margin, positive)
    assert area.value == pytest.approx(roc_auc_score(positive, margin), rel=1e-12)
    assert precision.value == pytest.approx(average_precision_score(positive, margin), rel=1e-12)


def test_the_interval_of_the_area_holds_the_truth_about_as_often_as_it_says():
    """Margins N(1, 1) against N(0, 1): the area is Phi(1 / sqrt(2)) = 0.76025."""
    rng, held = np.random.default_rng(1), 0
    positive = np.arange(120) < 40
    for _ in range(400):
        area, _ = ranking_scores(rng.normal(size=120) + positive, positive)
        held += area.low <= 0.760250 <= area.high
    assert 0.92 <= held / 400 <= 0.98


def test_a_perfect_ranking_has_an_interval_that_ends_below_1():
    area, precision = ranking_scores(np.arange(20.0), np.arange(20) >= 15)
    assert area.value == precision.value == area.high == 1.0
    assert 0.3 < area.low < 1
    assert 0.3 < precision.low < 1


def test_rows_of_one_kind_have_no_ranking():
    assert ranking_scores(np.arange(3.0), np.ones(3, bool)) == []
