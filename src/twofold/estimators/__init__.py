"""The scikit-learn face of the models."""

from twofold.estimators.linear import LinearRegression

__all__ = ["LinearRegression"]
