"""Families of generalised linear models: how a target is distributed about its mean.

A family names its loss, which is half its unit deviance as a function of the linear predictor o, and holds what the
loss doesn't say: the variance, the information, the likelihood. Loss and link stand in `twofold.functions` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from twofold.errors import DataError, check_name
from twofold.functions.losses import LOSSES, Loss

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """A distribution of the exponential family with its link.

    Attributes
    ----------
    name : str
    loss_name : str
        In `twofold.functions.LOSSES`.
    link_name : str
        As statisticians name it: of the mean, where ours is of the output.
    variance : callable
        ``V(m)``: the variance of y is the dispersion times that, over its weight.
    information : callable
        Of o, y and ``xp``: ``(dm / do)^2 / V(m)``, what a sample is expected to tell of o.
    curvature : callable
        Of the same: the second derivative of the loss; the information, where the link is the canonical one.
    start : callable
        Of y and weights: a linear predictor to begin at.
    log_likelihood : callable
        Of y, m, weights and the deviance, from which a dispersion that isn't known follows: of each sample.
    known_dispersion : bool
        Whether it is 1; otherwise it is estimated, ``sum_i w_i (y_i - m_i)^2 / V(m_i) / (n - p)``.
    saturated : callable
        Of y: the least loss that an o can have.
    """

    name: str
    loss_name: str
    link_name: str
    variance: Callable[[Array], Array]
    information: Callable[[Any, Any, Any], Any]
    curvature: Callable[[Any, Any, Any], Any]
    start: Callable[[Array, Array], Array]
    log_likelihood: Callable[[Array, Array, Array, float], Array]
    known_dispersion: bool
    saturated: Callable[[Array], Array] = np.zeros_like

    @property
    def loss(self) -> Loss:
        """Half the unit deviance, but for `saturated`, and its slope."""
        return LOSSES[self.loss_name]

    def mean(self, o: Array) -> Array:
        """Return the means of linear predictors (n,)."""
        return np.asarray(self.loss.link.apply(o[:, None])[:, 0], dtype=np.float64)

    def check(self, y: Array) -> None:
        """Raise `DataError` if a target can't be."""
        outside = self.loss.targets.outside(y[:, None])
        if outside.any():
            row = int(outside.argmax())
            raise DataError(f"y[{row}] is {y[row]:g}; {self.name} {_ALLOWED[self.name]}")


def _one(o: Any, _y: Any, _xp: Any) -> Any:
    return o * 0.0 + 1.0


def _exponential(o: Any, _y: Any, xp: Any) -> Any:
    return xp.exp(o)


def _logistic(o: Any, _y: Any, xp: Any) -> Any:
    e = xp.exp(-xp.abs(o))
    return e / ((e + 1.0) * (e + 1.0))


def _ratio(o: Any, y: Any, xp: Any) -> Any:
    return xp.exp(-o) * y


def _normal_likelihood(y: Array, m: Array, weight: Array, deviance: float) -> Array:
    mean_deviance = deviance / len(y)
    scaled: Array = weight * np.square(y - m) / mean_deviance
    return np.asarray(np.log(weight / (2 * np.pi * mean_deviance)) - scaled, dtype=np.float64) / 2


def _binomial_likelihood(y: Array, m: Array, weight: Array, _: float) -> Array:
    successes = weight * y
    ways = gammaln(weight + 1) - gammaln(successes + 1) - gammaln(weight - successes + 1)
    return ways + xlogy(successes, m) + xlogy(weight - successes, 1 - m)


def _poisson_likelihood(y: Array, m: Array, weight: Array, _: float) -> Array:
    return weight * (xlogy(y, m) - m - gammaln(y + 1))


def _gamma_likelihood(y: Array, m: Array, weight: Array, deviance: float) -> Array:
    shape = weight.sum() / deviance
    return weight * (shape * np.log(shape * y / m) - shape * y / m - np.log(y) - gammaln(shape))


def _entropy(y: Array) -> Array:
    return np.asarray(-xlogy(y, y) - xlogy(1 - y, 1 - y), dtype=np.float64)


FAMILIES = {
    "gaussian": Family(
        "gaussian",
        "squared",
        "identity",
        np.ones_like,
        _one,
        _one,
        lambda y, _w: y,
        _normal_likelihood,
        known_dispersion=False,
    ),
    "binomial": Family(
        "binomial",
        "sigmoid_cross_entropy",
        "logit",
        lambda m: m * (1 - m),
        _logistic,
        _logistic,
        lambda y, w: np.log((w * y + 0.5) / (w * (1 - y) + 0.5)),
        _binomial_likelihood,
        known_dispersion=True,
        saturated=_entropy,
    ),
    "poisson": Family(
        "poisson",
        "poisson",
        "log",
        lambda m: m,
        _exponential,
        _exponential,
        lambda y, _w: np.log(y + 0.1),
        _poisson_likelihood,
        known_dispersion=True,
    ),
    "gamma": Family(
        "gamma",
        "gamma",
        "log",
        np.square,
        _one,
        _ratio,
        lambda y, _w: np.log(y),
        _gamma_likelihood,
        known_dispersion=False,
    ),
}
_ALLOWED = {
    "gaussian": "takes finite numbers",
    "binomial": "takes 0 and 1, or shares of successes between them with the numbers of trials as weights",
    "poisson": "takes counts, from 0 on",
    "gamma": "takes positive numbers",
}


def find_family(name: str) -> Family:
    """Return a family by name; raise `UnknownNameError` if there is none."""
    return FAMILIES[check_name("family", name, FAMILIES)]
