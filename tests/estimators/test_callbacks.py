"""Callbacks that scikit-learn defines, and what SoftmaxRegression takes of LogisticRegression's parameters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from twofold.errors import SpecificationError
from twofold.estimators import MLPClassifier, SoftmaxRegression

X, Y = load_iris(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """Writes down what it is told; asks for an end after some iterations."""

    def __init__(self, most=10**6):
        self.told, self.estimators, self.most = [], [], most

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.told.append(f"end {context.task_name}")
        if context.task_name == "iteration" and fitted_estimator is not None:
            self.estimators.append(fitted_estimator)
        return len(self.estimators) >= self.most


needs_callbacks = pytest.mark.skipif(
    not hasattr(SoftmaxRegression, "set_callbacks"), reason="this scikit-learn has no callbacks"
)


@needs_callbacks
@pytest.mark.parametrize("solver", ["lbfgs", "newton", "sgd"])
def test_each_iteration_is_told_with_an_estimator_fitted_so_far(solver):
    recorder = Recorder()
    model = SoftmaxRegression(solver=solver, max_iter=4, random_state=0).set_callbacks(recorder)
    model.fit(X, Y)
    pair = ["begin iteration", "end iteration"]
    assert recorder.told == ["setup", "begin fit", *(5 * pair), "end fit", "teardown"]
    for k, fitted in enumerate(recorder.estimators, start=1):
        expected = SoftmaxRegression(solver=solver, max_iter=k, random_state=0).fit(X, Y)
        np.testing.assert_allclose(fitted.coef_, expected.coef_, rtol=1e-6)
        assert fitted.predict(X).shape == (150,)
    assert not hasattr(model, "_tasks")


@needs_callbacks
@pytest.mark.parametrize(
    "model",
    [
        SoftmaxRegression(tol=1e-9),
        MLPClassifier(hidden_layer_sizes=(3,), normalization="batch", random_state=0),
        MLPClassifier(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0),
    ],
)
def test_a_callback_can_end_the_fit(model):
    recorder = Recorder(most=2)
    model = clone(model).set_callbacks(recorder).fit(X, Y)
    assert model.stop_reason_ == "callback"
    assert np.ravel(model.n_iter_)[0] == len(recorder.estimators) == 2
    np.testing.assert_array_equal(recorder.estimators[-1].predict(X), model.predict(X))


@needs_callbacks
def test_callbacks_are_torn_down_after_a_fit_that_fails():
    recorder = Recorder()
    model = SoftmaxRegression(ema_decay=0.9).set_callbacks(recorder)
    with pytest.raises(SpecificationError, match="ema_decay"):
        model.fit(X, Y)
    assert recorder.told[-1] == "teardown"
    assert not hasattr(model, "_tasks")


@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
def test_no_iteration_leaves_the_coefficients_where_they_begin(solver):
    with pytest.warns(ConvergenceWarning, match=r"max_iter \(=0\)"):
        model = SoftmaxRegression(solver=solver, max_iter=0).fit(X, Y)
    assert not model.coef_.any()
    assert model.n_iter_[0] == 0


@pytest.mark.parametrize("model", [SoftmaxRegression(solver="adam", max_iter=0), MLPClassifier(max_iter=0)])
def test_epochs_are_one_at_least(model):
    with pytest.raises(SpecificationError, match="max_iter is 0; it must be an integer of at least 1"):
        model.fit(X, Y)


@pytest.mark.parametrize(
    "given", [{"l1_ratio": 1.5}, {"l1_ratio": "half"}, {"dual": True}, {"intercept_scaling": 2.0}, {"penalty": "l3"}]
)
def test_what_would_not_count_is_refused(given):
    with pytest.raises(SpecificationError, match=next(iter(given))):
        SoftmaxRegression(**given).fit(X, Y)


def test_no_penalty_and_a_strength_of_one_contradict_each_other():
    with pytest.warns(UserWarning, match="penalty=None will ignore the C"):
        SoftmaxRegression(penalty=None, C=4).fit(X, Y)
