"""scikit-learn's own tests of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from twofold.estimators import LinearRegression


@parametrize_with_checks(
    [
        LinearRegression(),
        LinearRegression(positive=True),
        LinearRegression(fit_intercept=False),
        LinearRegression(penalty=1.0),
    ]
)
@pytest.mark.filterwarnings("ignore::twofold.solvers.DependentColumnsWarning")  # checks fit n < d and constant columns
def test_scikit_learns_checks(estimator, check):
    check(estimator)
