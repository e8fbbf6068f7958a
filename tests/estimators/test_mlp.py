"""What MLPClassifier and MLPRegressor do beyond scikit-learn's."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from twofold import MLPClassifier, MLPRegressor, SoftmaxRegression
from twofold.errors import DataError, DivergedError, SpecificationError, UnknownNameError

IRIS_X, IRIS_Y = load_iris(return_X_y=True)
IRIS_X = scale(IRIS_X)
quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs are enough to see it


def equal(first, second):
    pairs = zip(first.coefs_ + first.intercepts_, second.coefs_ + second.intercepts_, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@quick
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_blocks_that_come_k_times_are_k_epochs(solver):
    options = {"solver": solver, "batch_size": 32, "random_state": 0, "dropout": 0.1}
    whole = MLPClassifier(max_iter=4, **options).fit(IRIS_X, IRIS_Y)
    parts = MLPClassifier(**options)
    for _ in range(4):
        parts.partial_fit(IRIS_X, IRIS_Y, classes=[0, 1, 2])
    assert equal(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_


@quick
def test_sparse_features_take_the_same_steps_as_dense_ones():
    X = np.where(IRIS_X > 0, IRIS_X, 0)
    dense, thin = (
        MLPClassifier(max_iter=5, random_state=0, dtype="float64", engine="scratch").fit(features, IRIS_Y)
        for features in (X, sparse.csr_matrix(X))
    )
    for a, b in zip(dense.coefs_, thin.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(dense.predict(X), thin.predict(sparse.csc_array(X)))


@quick
@pytest.mark.torch
@pytest.mark.parametrize("engine", ["concise", "fused"])
def test_every_engine_takes_the_same_steps(engine):
    options = {"max_iter": 3, "random_state": 0, "dtype": "float64"}
    first = MLPRegressor(engine="scratch", **options).fit(sparse.csr_array(IRIS_X), IRIS_Y)
    other = MLPRegressor(engine=engine, **options).fit(sparse.csr_array(IRIS_X), IRIS_Y)
    for a, b in zip(first.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@quick
def test_a_validation_set_of_ones_own_is_scored_after_each_epoch():
    train, held = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0
    model = MLPClassifier(max_iter=5, random_state=0)
    model.fit(IRIS_X[train], IRIS_Y[train], eval_set=(IRIS_X[held], IRIS_Y[held]))
    assert len(model.validation_scores_) == 5 == len(model.history_)
    assert model.validation_scores_[-1] == model.score(IRIS_X[held], IRIS_Y[held])
    assert model.history_[-1].validation_loss == pytest.approx(
        log_loss(IRIS_Y[held], model.predict_proba(IRIS_X[held])), rel=1e-5
    )
    assert model.n_iter_ == 5  # it stops nothing unless early_stopping says so


def test_early_stopping_ends_with_the_weights_of_the_best_epoch():
    train, held = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0
    model = MLPClassifier(learning_rate_init=0.05, early_stopping=True, n_iter_no_change=5, random_state=0)
    model.fit(IRIS_X[train], IRIS_Y[train], eval_set=(IRIS_X[held], IRIS_Y[held]))
    assert model.stop_reason_ == "converged"
    assert model.best_validation_score_ == max(model.validation_scores_) == model.score(IRIS_X[held], IRIS_Y[held])
    assert model.validation_scores_[model.best_iter_ - 1] == model.best_validation_score_


@quick
@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss"])
def test_the_metric_to_stop_by_can_be_chosen(scoring):
    model = MLPClassifier(max_iter=4, early_stopping=True, scoring=scoring, random_state=0).fit(IRIS_X, IRIS_Y)
    losses = [epoch.validation_loss for epoch in model.history_]
    np.testing.assert_allclose(model.validation_scores_, np.negative(losses), rtol=1e-5)


def test_partial_fit_stops_by_a_validation_set_and_brings_the_best_weights_back():
    held = slice(0, 150, 3)
    model = MLPClassifier(learning_rate_init=0.05, early_stopping=True, n_iter_no_change=3, random_state=0)
    calls = 0
    while calls < 200 and getattr(model, "stop_reason_", None) is None:
        model.partial_fit(IRIS_X, IRIS_Y, classes=[0, 1, 2], eval_set=(IRIS_X[held], IRIS_Y[held]))
        calls += 1
    assert model.stop_reason_ == "converged"
    assert calls < 200
    assert model.score(IRIS_X[held], IRIS_Y[held]) == model.best_validation_score_


def test_early_stopping_of_partial_fit_needs_a_validation_set():
    model = MLPClassifier(early_stopping=True)
    with pytest.raises(SpecificationError, match=r"partial_fit does not support early_stopping=True .*; give eval_set"):
        model.partial_fit(IRIS_X, IRIS_Y, classes=[0, 1, 2])


def test_a_callback_sees_a_usable_model_and_can_stop_the_fit():
    scores = []

    def watch(model, epoch):
        scores.append((epoch.epoch, model.score(IRIS_X, IRIS_Y)))
        return len(scores) == 3

    model = MLPClassifier(callbacks=watch, random_state=0).fit(IRIS_X, IRIS_Y)
    assert (model.n_iter_, model.stop_reason_) == (3, "callback")
    assert [epoch for epoch, _ in scores] == [1, 2, 3]
    assert scores[-1][1] == model.score(IRIS_X, IRIS_Y)


def test_an_interrupted_fit_leaves_a_usable_model_and_warns():
    def interrupt(_model, epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    model = MLPClassifier(callbacks=[interrupt], random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(IRIS_X, IRIS_Y)
    assert (model.n_iter_, model.stop_reason_) == (2, "interrupted")
    assert model.predict(IRIS_X).shape == (150,)


def test_a_time_budget_is_kept_within_an_epoch():
    X = np.random.default_rng(0).standard_normal((5000, 20))
    model = MLPRegressor(time_budget=0.02, batch_size=1, random_state=0).fit(X, X[:, 0])
    assert (model.n_iter_, model.stop_reason_) == (0, "time_budget")
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(("budget", "size"), [(None, 50 * 150), (60.0, None)])
def test_auto_is_told_the_size_of_a_job_unless_a_budget_may_cut_it_short(monkeypatch, budget, size):
    told = []

    def note(*_, samples, **__):
        told.append(samples)
        return "scratch"

    monkeypatch.setattr("twofold.estimators.settings.choose", note)
    with pytest.warns(ConvergenceWarning):
        MLPClassifier(max_iter=50, time_budget=budget, random_state=0).fit(IRIS_X, IRIS_Y)
    assert told == [size]


def test_a_fit_that_diverges_names_the_column():
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.data.assign(income=data.data["bmi"] * 1e6)
    model = MLPRegressor(solver="sgd", learning_rate_init=0.1, random_state=0)
    with pytest.raises(DivergedError, match=r"diverged in epoch 1.*unscaled features, column 'income' has root mean"):
        model.fit(frame, scale(data.target))
    with pytest.raises(ValueError, match="put StandardScaler"):
        model.fit(frame, scale(data.target))


def test_a_fit_that_diverges_on_scaled_data_blames_the_target_or_the_learning_rate():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(solver="sgd", learning_rate_init=100.0, random_state=0)
    with pytest.raises(DivergedError, match=r"unscaled targets, their root mean square is 171"):
        model.fit(scale(X), y)
    with pytest.raises(DivergedError, match=r"the learning rate; try learning_rate_init=10 in place of 100"):
        model.fit(scale(X), scale(y))
    assert not hasattr(model, "coefs_") or np.isfinite(model.coefs_[0]).all()


def test_a_fit_that_diverges_after_a_good_epoch_keeps_it_under_early_stopping():
    model = MLPRegressor(solver="sgd", activation="identity", learning_rate_init=1, early_stopping=True, random_state=0)
    with pytest.warns(ConvergenceWarning, match="the weights of the best epoch are kept"):
        model.fit(10 * IRIS_X, IRIS_Y)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(IRIS_X)).all()


@quick
def test_class_weights_are_sample_weights_of_classes():
    X, y = load_breast_cancer(return_X_y=True)
    X, names = scale(X), np.array(["bad", "good"])[y]
    by_class = MLPClassifier(class_weight={"bad": 3.0}, max_iter=3, random_state=0).fit(X, names)
    by_sample = MLPClassifier(max_iter=3, random_state=0).fit(X, names, sample_weight=np.where(y == 0, 3.0, 1.0))
    assert equal(by_class, by_sample)
    balanced = MLPClassifier(class_weight="balanced", max_iter=3, random_state=0).fit(X, names)
    assert not equal(balanced, by_class)


@quick
def test_a_single_weight_is_one_of_each_sample():
    plain, weighted = (
        MLPClassifier(max_iter=3, random_state=0, alpha=0),
        MLPClassifier(max_iter=3, random_state=0, alpha=0),
    )
    assert equal(plain.fit(IRIS_X, IRIS_Y, np.ones(150)), weighted.fit(IRIS_X, IRIS_Y, 1.0))


def test_blocks_cant_be_balanced():
    with pytest.raises(SpecificationError, match="class_weight 'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(IRIS_X, IRIS_Y, classes=[0, 1, 2])


@quick
def test_labels_have_probabilities_of_their_own():
    X, Y = make_multilabel_classification(100, n_classes=4, random_state=0)
    model = MLPClassifier(max_iter=5, random_state=0).fit(X, Y)
    assert model.predict(X).shape == model.predict_proba(X).shape == (100, 4)
    with pytest.raises(DataError, match=r"y has shape \(100, 3\); expected 4 labels"):
        model.partial_fit(X, Y[:, :3])


def test_log_probabilities_stay_finite_where_probabilities_are_0():
    model = MLPClassifier(solver="lbfgs", alpha=0, random_state=0).fit(IRIS_X, IRIS_Y)
    assert model.predict_proba(1e4 * IRIS_X).min() == 0
    assert np.isfinite(model.predict_log_proba(1e4 * IRIS_X)).all()


@quick
def test_progress_is_a_line_per_epoch(capsys):
    MLPClassifier(max_iter=2, verbose=True, early_stopping=True, random_state=0).fit(IRIS_X, IRIS_Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    assert "validation score = 0." in lines[1]


@quick
def test_tables_of_every_kind_fit_alike():
    polars, pyarrow, pandas = (pytest.importorskip(name) for name in ("polars", "pyarrow", "pandas"))
    columns = {name: IRIS_X[:, k] for k, name in enumerate("abcd")}
    models = [
        MLPClassifier(max_iter=2, random_state=0).fit(table, IRIS_Y)
        for table in (
            pandas.DataFrame(columns),
            polars.DataFrame(columns),
            pyarrow.table(columns),
            IRIS_X,
            np.asfortranarray(IRIS_X),
            IRIS_X.tolist(),
        )
    ]
    assert all(equal(models[0], model) for model in models[1:])
    # An old scikit-learn doesn't see the names of every kind of table.
    assert all(list(getattr(model, "feature_names_in_", "abcd")) == list("abcd") for model in models[:3])
    assert list(models[0].feature_names_in_) == list("abcd")


@quick
def test_it_lives_in_pipelines_and_searches_and_takes_routed_weights():
    weight = np.linspace(0.1, 2, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(max_iter=3, random_state=0).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        routed = make_pipeline(scaler, model).fit(IRIS_X, IRIS_Y, sample_weight=weight)
    assert equal(routed[-1], clone(model).fit(routed[0].transform(IRIS_X), IRIS_Y, weight))
    search = GridSearchCV(make_pipeline(StandardScaler(), model), {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2)
    assert search.fit(IRIS_X, IRIS_Y).best_estimator_[-1].n_iter_ == 3


@quick
def test_a_pickled_model_goes_on_as_the_first_would():
    model = MLPClassifier(max_iter=2, random_state=0).fit(IRIS_X, IRIS_Y)
    copy = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
    assert equal(model.partial_fit(IRIS_X, IRIS_Y), copy.partial_fit(IRIS_X, IRIS_Y))
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coefs_")


def test_without_hidden_layers_it_is_the_linear_model():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-9, random_state=0).fit(X, y)
    exact = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
    np.testing.assert_allclose(model.predict(X), np.c_[X, np.ones(len(X))] @ exact, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "adma"}, "unknown solver 'adma'; did you mean 'adam'"),
        ({"activation": "rleu"}, "unknown activation 'rleu'; did you mean 'relu'"),
        ({"learning_rate": "slow"}, "unknown learning_rate 'slow'"),
        ({"engine": "scrtch"}, "unknown engine 'scrtch'; did you mean 'scratch'"),
        ({"alpha": -1}, "alpha is -1; it must be a number of at least 0"),
        ({"max_iter": 0}, "max_iter is 0; it must be an integer of at least 1"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes must be > 0, got [5, 0]."),
        ({"dropout": 1.0}, "dropout is 1.0; it must be a number from 0 to 1, less than 1"),
        ({"time_budget": 0}, "time_budget is 0; it must be a positive number of seconds, or None"),
        ({"threads": 0}, "threads is 0; it must be at least 1"),
        ({"callbacks": 3}, "callbacks is 3; it must be a function or a callback of twofold.train, several, or None"),
        ({"dtype": "float16"}, "dtype is 'float16'; it must be 'float32' or 'float64'"),
    ],
)
def test_a_parameter_that_cant_be_is_refused_with_what_it_must_be(options, message):
    with pytest.raises(SpecificationError) as caught:
        MLPClassifier(**options).fit(IRIS_X, IRIS_Y)
    assert message in str(caught.value)


def test_a_loss_that_is_not_known_is_refused():
    with pytest.raises(UnknownNameError, match="unknown loss 'squared'; did you mean 'squared_error'"):
        MLPRegressor(loss="squared").fit(IRIS_X, IRIS_Y)


@pytest.mark.parametrize(
    "model",
    [
        MLPClassifier(max_iter=1),
        MLPRegressor(max_iter=1, solver="lbfgs"),
        SoftmaxRegression(max_iter=1),
        SoftmaxRegression(max_iter=1, solver="adam"),
    ],
)
def test_a_warning_points_at_the_line_that_called_fit(model):
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(IRIS_X, IRIS_Y)
    assert [Path(warning.filename).name for warning in caught] == ["test_mlp.py"]


def test_weights_so_far_must_fit_the_parameters():
    model = MLPRegressor(hidden_layer_sizes=5, solver="lbfgs", warm_start=True, tol=0.1).fit(IRIS_X, IRIS_Y)
    model.set_params(hidden_layer_sizes=6)
    with pytest.raises(SpecificationError, match="set warm_start=False to begin anew"):
        model.fit(IRIS_X, IRIS_Y)
