"""Covariances of coefficients: classical, of unequal variances, of series, of clusters.

All are ``(A'A)^-1 A' Omega A (A'A)^-1`` with another estimate of Omega, from what each sample's residual does to the
coefficients, `twofold.solvers.inference.sample_effects`. Of a generalised linear model A and the residuals are those of
its last step, weighted by the information, so that the same formulas give its sandwich.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError, check_name
from twofold.solvers.inference import ROBUST, coefficient_map, sample_effects, spread_of
from twofold.solvers.solution import LeastSquares

Array = NDArray[np.float64]
KINDS = ("classical", *ROBUST, "HAC", "cluster")


@dataclass(frozen=True)
class WeightedFit:
    """The weighted least squares that a model is, or ends in.

    Attributes
    ----------
    solution : LeastSquares
        Of one target.
    X, Y : ndarray, shapes (n, d) and (n, 1)
    weight : ndarray, shape (n,), or None
    dispersion : float
        Of the residuals.
    """

    solution: LeastSquares
    X: Array
    Y: Array
    weight: Array | None
    dispersion: float


@dataclass(frozen=True)
class Covariance:
    """An estimate of the coefficients' covariance.

    Attributes
    ----------
    matrix : ndarray, shape (p, p)
        The intercept first, if there is one.
    kind : str
        In words, for summaries.
    df : int
        Degrees of freedom for Student's t: n - p, or clusters - 1.
    notes : tuple of str
        What makes it doubtful.
    """

    matrix: Array
    kind: str
    df: int
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> Array:
        """Standard errors, (p,)."""
        return np.asarray(np.sqrt(np.diag(self.matrix)))


def covariance_of(
    fit: WeightedFit, kind: str = "classical", *, groups: ArrayLike | None = None, lags: int | None = None
) -> Covariance:
    """Estimate the covariance of the coefficients.

    Parameters
    ----------
    fit : WeightedFit
    kind : {"classical", "HC0", "HC1", "HC2", "HC3", "HAC", "cluster"}
        HAC: Newey and West's for samples in the order of time, ``sum_l (1 - l / (L + 1)) (G_l + G_l')`` over lags l up
        to L, times n / (n - p). Cluster: samples of a group may depend on each other; the sums of groups count, times
        ``G / (G - 1) (n - 1) / (n - p)`` for G groups, with G - 1 degrees of freedom, as Stata has it.
    groups : array, shape (n,), optional
        Of "cluster": a label for each sample.
    lags : int, optional
        Of "HAC": L; otherwise ``floor(4 (n / 100)^(2/9))``.

    Returns
    -------
    Covariance

    Raises
    ------
    SpecificationError
        If groups or lags are given to another kind, or groups lack.
    DataError
        If there are not as many groups as samples, or only one.

    References
    ----------
    Newey, West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent covariance
    matrix", Econometrica 55, 1987, and "Automatic lag selection in covariance matrix estimation", Rev. Econ. Studies
    61, 1994.
    Cameron, Miller, "A practitioner's guide to cluster-robust inference", J. Human Resources 50, 2015.
    """
    check_name("kind of standard errors", kind, KINDS)
    if groups is not None and kind != "cluster":
        raise SpecificationError(f"groups belong to errors='cluster'; it is {kind!r}")
    if lags is not None and kind != "HAC":
        raise SpecificationError(f"lags belong to errors='HAC'; it is {kind!r}")
    n, p = fit.solution.residuals.n, len(spread_of(fit.solution).root)
    if kind == "classical":
        D = spread_of(fit.solution).root.T @ coefficient_map(fit.solution)
        return Covariance(fit.dispersion * (D.T @ D), kind, n - p)
    if kind == "HAC":
        return _of_series(fit, lags, n=n, p=p)
    if kind == "cluster":
        return _of_clusters(fit, groups, n=n, p=p)
    E = sample_effects(fit.solution, fit.X, fit.Y, fit.weight, kind=kind)  # type: ignore[arg-type]
    return Covariance(E.T @ E, kind, n - p)


def _of_series(fit: WeightedFit, lags: int | None, *, n: int, p: int) -> Covariance:
    most = int(4 * (n / 100) ** (2 / 9)) if lags is None else lags
    if not 0 <= most < n:
        raise SpecificationError(f"lags is {lags}; expected a whole number from 0 to {n - 1}")
    E = sample_effects(fit.solution, fit.X, fit.Y, fit.weight)  # (n, p)
    total = E.T @ E
    for lag in range(1, most + 1):
        G = E[lag:].T @ E[:-lag]
        total += (1 - lag / (most + 1)) * (G + G.T)
    return Covariance(total * n / max(n - p, 1), f"HAC ({most} lags)", n - p)


def _of_clusters(fit: WeightedFit, groups: ArrayLike | None, *, n: int, p: int) -> Covariance:
    if groups is None:
        raise SpecificationError("errors='cluster' needs groups, a label for each sample")
    labels = np.asarray(groups, dtype=object)
    if labels.shape != (len(fit.X),):
        raise DataError(f"groups has shape {labels.shape}; expected a label for each of {len(fit.X)} samples")
    gaps = (label is None or (isinstance(label, float) and np.isnan(label)) for label in labels.tolist())
    if lacking := np.flatnonzero(list(gaps)).tolist():
        raise DataError(f"groups has no label for sample {lacking[0]}; drop such rows, or give each a group of its own")
    _, place = np.unique(labels.astype(str), return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        raise DataError("there is one group alone; standard errors of clusters need at least two")
    E = sample_effects(fit.solution, fit.X, fit.Y, fit.weight)
    sums = np.zeros((count, E.shape[1]))
    np.add.at(sums, place, E)
    factor = count / (count - 1) * (n - 1) / (n - p)
    few = f"{count} groups for {p} coefficients: some clustered errors are too small, or 0" if count <= p else ""
    return Covariance(factor * (sums.T @ sums), f"clustered ({count} groups)", count - 1, notes=(few,) if few else ())
