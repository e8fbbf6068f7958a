"""scikit-learn's meta-estimators do with ours what they do with its own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression as Peer
from sklearn.linear_model import LogisticRegression as PeerOfClasses
from sklearn.linear_model import RANSACRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twofold.estimators import LinearRegression, SoftmaxRegression

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=60) / 10
Y[:5] += 100
FLOWERS, KINDS = load_iris(return_X_y=True)
LABELS = np.c_[KINDS > 0, KINDS > 1].astype(int)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: RANSACRegressor(estimator=one, random_state=0),
        lambda one: RFE(one, n_features_to_select=2),
        lambda one: make_pipeline(SelectFromModel(one), one),
        lambda one: BaggingRegressor(one, 3, random_state=0),
        MultiOutputRegressor,
        lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
    ],
)
def test_regressors_predict_what_they_do_with_scikit_learns(wrap):
    several = isinstance(wrap(Peer()), MultiOutputRegressor)
    y = np.c_[Y, -Y] if several else Y
    found = [wrap(one).fit(X, y).predict(X) for one in (LinearRegression(), Peer())]
    np.testing.assert_allclose(*found, rtol=1e-9)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: CalibratedClassifierCV(one, cv=3),
        OneVsRestClassifier,
        lambda one: VotingClassifier([("a", one), ("b", one)], voting="soft"),
        lambda one: StackingClassifier([("a", one)], final_estimator=one, cv=3),
        lambda one: make_pipeline(StandardScaler(), SelectFromModel(one), one),
        lambda one: GridSearchCV(one, {"C": [0.1, 1.0]}, cv=3),
    ],
)
def test_classifiers_predict_what_they_do_with_scikit_learns(wrap):
    options = {"tol": 1e-9, "max_iter": 1000}
    found = [
        wrap(kind(**options)).fit(FLOWERS, KINDS).predict_proba(FLOWERS) for kind in (SoftmaxRegression, PeerOfClasses)
    ]
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_chain_of_classifiers_predicts_what_it_does_with_scikit_learns():
    found = [
        ClassifierChain(kind()).fit(FLOWERS, LABELS).predict(FLOWERS) for kind in (SoftmaxRegression, PeerOfClasses)
    ]
    np.testing.assert_array_equal(*found)
