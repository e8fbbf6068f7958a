"""scikit-learn's own tests of its LogisticRegression, with SoftmaxRegression in its place."""

from __future__ import annotations

import pytest
from theirs import expect_failure, installed, load

from twofold.estimators import SoftmaxRegression

SAGA = "asks for the solver saga, sag or liblinear, which are not offered: only l2 penalties are"
WORDS = "asks for words of scikit-learn's about its own deprecated or unoffered parameters"
LEFT_OUT = {}


@pytest.fixture
def global_random_seed():
    return 42


@pytest.fixture(autouse=True)
def _left_out(request):
    expect_failure(request, LEFT_OUT)


if reason := installed():

    def test_scikit_learns_file():
        pytest.skip(reason)
else:
    globals().update(
        load(
            "linear_model/tests/test_logistic.py",
            {"sklearn.linear_model.LogisticRegression": SoftmaxRegression},
            {
                'SOLVERS = ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")': 'SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky")',
            },
        )
    )
