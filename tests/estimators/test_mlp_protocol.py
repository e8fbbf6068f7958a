"""scikit-learn's own checks of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from twofold.estimators import MLPClassifier, MLPRegressor

MINIBATCHES = (
    "a repeated sample changes which samples share a minibatch, and a sample of weight 0 still takes a place in one: "
    "the steps are others, though what they minimise is the same"
)


def expected(estimator):
    """With every sample in one minibatch, weights are equal to repetition; with several, the order of samples counts."""
    if estimator.solver == "lbfgs" or estimator.batch_size == "auto":
        return {}
    names = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")
    return dict.fromkeys(names, MINIBATCHES)


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=30),
        MLPClassifier(solver="lbfgs", max_iter=30),
        MLPRegressor(max_iter=30),
        MLPRegressor(solver="lbfgs", max_iter=30),
        MLPRegressor(solver="sgd", max_iter=30, batch_size=8),
    ],
    expected_failed_checks=expected,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the checks are content with few epochs
def test_scikit_learns_checks(estimator, check):
    check(estimator)
