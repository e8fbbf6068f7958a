"""scikit-learn's own tests of its LogisticRegression, with SoftmaxRegression in its place."""

from __future__ import annotations

import pytest

from theirs import expect_failure, installed, load
from twofold.estimators import SoftmaxRegression

SOLVER = "asks for saga, sag or liblinear: these solvers are not offered"
DEPRECATION = "asks for the warning that scikit-learn will drop a parameter of its own; here it stays"
LEFT_OUT = {
    **dict.fromkeys(
        (
            "test_check_solver_option[SoftmaxRegression",
            "test_consistency_path",
            "test_logistic_cv",
            "test_l1_ratio_non_elasticnet",
            "test_liblinear_decision_function_zero",
            "test_liblinear_dual_random_state",
            "test_liblinear_multiclass_raises[SoftmaxRegression",
            "test_liblinear_not_stuck",
            "test_liblinear_with_large_values",
            "test_logisticregression_liblinear_sample_weight",
            "test_logreg_l1",
            "test_lr_penalty_l1ratio_incompatible",
            "test_max_iter[liblinear",
            "test_max_iter[sag",
            "test_saga_vs_liblinear",
            "test_sample_and_class_weight_equivalence_liblinear",
            "test_scores_attribute_layout_elasticnet",
            "test_warm_start_converge_LR",
        ),
        SOLVER,
    ),
    **dict.fromkeys(
        (f"test_LogisticRegression_elastic_net_objective[{ratio}-100.0" for ratio in (0.1, 0.5, 0.9)),
        "holds the mean of the losses against the penalty, where both minimise their sum: at C = 100 these differ",
    ),
    "test_elastic_net_vs_l1_l2[1]": "asks that what cross-validation chose be no worse on a test set, which it needn't be",
    "test_l1_ratio_None_deprecated": DEPRECATION,
    "test_logisticregression_warns_with_n_jobs": DEPRECATION,
    "test_penalty_deprecated[SoftmaxRegression": DEPRECATION,
    "test_logistic_regression_callback_support_warning": "asks for a warning that other solvers than lbfgs call no "
    "callbacks; here all do",
    "test_logistic_cv_multinomial_score": "hands all parameters of ours to a private function of scikit-learn's",
    "test_logreg_predict_proba_multinomial": "calls a private method of scikit-learn's",
    "test_max_iter[newton-cholesky": "asks for the words of another solver; ours says what newton-cg says",
    "test_newton_cholesky_fallback_to_lbfgs": "asks for scikit-learn's fall back on a singular Hessian; ours has none",
}


def is_ours(name, test):
    """Tell whether a test is about LogisticRegression: not only its CV, and not other libraries' arrays."""
    names = test.__code__.co_names
    return "array_api" not in name and not ("LogisticRegressionCV" in names and "LogisticRegression" not in names)


pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # some ask for one iteration
]


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
    found = load(
        "linear_model/tests/test_logistic.py",
        {"sklearn.linear_model.LogisticRegression": SoftmaxRegression},
        {'"liblinear", "newton-cg", "newton-cholesky", "sag", "saga")\n': '"newton-cg", "newton-cholesky")\n'},
    )
    globals().update({name: test for name, test in found.items() if is_ours(name, test)})
