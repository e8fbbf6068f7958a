"""Whether a target is predicted on a logarithmic scale."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.tables.target_scale import infer_bend

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))


def test_amounts_that_multiply_are_predicted_by_their_logarithm():
    y = 1000 * np.exp(X @ [1.0, 0.5, 0.0] + 0.3 * RNG.normal(size=400))
    assert infer_bend(X, y) == pytest.approx(np.quantile(y, 0.1))


@pytest.mark.parametrize(
    "y",
    [
        X @ [1.0, 0.5, 0.0] + 10,
        X @ [1.0, 0.5, 0.0] + RNG.exponential(size=400) + 10,
        np.exp(RNG.normal(size=400)) - 3,
        (X[:, 0] > 2).astype(float),
    ],
    ids=["symmetric", "skewed but of sums", "negative", "few ones"],
)
def test_other_targets_stay_as_they_are(y):
    assert infer_bend(X, y) is None
