"""The scikit-learn face of the models."""

from twofold.estimators.linear import LinearRegression
from twofold.estimators.mlp_classifier import MLPClassifier
from twofold.estimators.mlp_regressor import MLPRegressor
from twofold.estimators.saved import load_estimator
from twofold.estimators.softmax_regression import SoftmaxRegression
from twofold.estimators.softmax_regression_cv import SoftmaxRegressionCV
from twofold.estimators.table_encoder import TableEncoder

__all__ = [
    "LinearRegression",
    "MLPClassifier",
    "MLPRegressor",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "TableEncoder",
    "load_estimator",
]
