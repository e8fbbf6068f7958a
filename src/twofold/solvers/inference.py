"""What the normal linear model says about a solution: standard errors, tests, intervals.

Conventions are those of statsmodels and of NIST: sigma^2 = RSS / (n - p); R2 is about the mean with an intercept and
about 0 without one; the likelihood's variance is RSS / n; AIC and BIC count p parameters, not sigma.
Weights are inverse variances up to a factor, as in weighted least squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy  # whose `stats` takes half a second to import, and is imported where it is asked for
from numpy.typing import NDArray

from twofold.errors import DataError, SpecificationError, check_name
from twofold.solvers import pairs
from twofold.solvers.design import power_of_two
from twofold.solvers.exact_products import exact_product
from twofold.solvers.pairs import Pair
from twofold.solvers.solution import LeastSquares, Spread

Array = NDArray[np.float64]
Robust = Literal["HC0", "HC1", "HC2", "HC3"]
ROBUST = ("HC0", "HC1", "HC2", "HC3")
EPS = float(np.finfo(np.float64).eps)
BLOCK = 1 << 14  # rows taken at a time


@dataclass(frozen=True)
class Fit:
    """How well one target is fitted.

    Attributes
    ----------
    n, parameters, df : int
        Samples, coefficients with the intercept, and their difference.
    rss, tss : float
        Sums of squares: residual and total.
    r2, r2_adjusted, sigma, f, f_p, log_likelihood, aic, bic : float
        NaN where there are too few samples for them.
    """

    n: int
    parameters: int
    df: int
    rss: float
    tss: float
    r2: float
    r2_adjusted: float
    sigma: float
    f: float
    f_p: float
    log_likelihood: float
    aic: float
    bic: float


def goodness(solution: LeastSquares, target: int = 0) -> Fit:
    """Compute R2, sigma, F, likelihood and information criteria.

    Parameters
    ----------
    solution : LeastSquares
    target : int

    Returns
    -------
    Fit

    Examples
    --------
    >>> from twofold import solve_least_squares
    >>> goodness(solve_least_squares([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]])).r2.__round__(4)
    0.9643
    """
    check_target(solution, target)
    sums, first = solution.residuals, int(solution.intercept)
    n, p = sums.n, solution.rank + first
    df, k = n - p, solution.rank
    rss, tss = float(sums.rss[target]), float(sums.tss[target])
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = float(1 - np.float64(rss) / tss)
        f = float(np.float64(tss - rss) / k / (np.float64(rss) / df)) if df > 0 and k else np.nan
        likelihood = float(-n / 2 * (np.log(2 * np.pi * np.float64(rss) / n) + 1) + sums.log_weights / 2)
    return Fit(
        n=n,
        parameters=p,
        df=df,
        rss=rss,
        tss=tss,
        r2=r2,
        r2_adjusted=1 - (1 - r2) * (n - first) / df if df > 0 else np.nan,
        sigma=float(np.sqrt(rss / df)) if df > 0 else np.nan,
        f=f,
        f_p=float(scipy.stats.f.sf(f, k, df)) if df > 0 and k else np.nan,
        log_likelihood=likelihood,
        aic=2 * p - 2 * likelihood,
        bic=p * float(np.log(n)) - 2 * likelihood,
    )


def check_target(solution: LeastSquares, target: int) -> None:
    """Raise `DataError` if there is no such target."""
    q = solution.W.shape[1]
    if not 0 <= target < q:
        raise DataError(f"there is no target {target}; there are {q}, counted from 0")


def check_samples(solution: LeastSquares, X: Array, weight: Array | None) -> None:
    """Raise `DataError` if these can't be the samples that were fitted."""
    sums = solution.residuals
    n, total = (len(X), float(len(X))) if weight is None else (int((weight > 0).sum()), float(weight.sum()))
    if n != sums.n:
        raise DataError(f"X has {n} samples and the fit had {sums.n}; give the samples that were fitted")
    if not math.isclose(total, sums.weight_sum, rel_tol=1e-9):
        raise DataError(f"the weights sum to {total:g} and the fit's to {sums.weight_sum:g}; give those of the fit")


def left_of_1(spread: Spread, leverage: Pair) -> Array:
    """Return 1 - h; NaN where a sample determines its own prediction, so that its residual is but rounding."""
    rest = pairs.subtract(pairs.pair(np.ones(len(leverage.high))), leverage).high
    rounding = EPS if spread.low is None else 2.0**-90
    return np.where(rest > len(rest) * rounding, rest, np.nan)


def spread_of(solution: LeastSquares) -> Spread:
    """Return the covariance's parts, or raise `SpecificationError` where there is none."""
    if solution.spread is None:
        if solution.dependent:
            why = "the columns depend on each other, so that coefficients are not determined; drop some"
        else:
            why = "penalised and non-negative coefficients don't follow the normal theory; fit without these options"
        raise SpecificationError(f"no standard errors: {why}")
    return solution.spread


def standard_errors(solution: LeastSquares, target: int = 0) -> Array:
    """Compute ``sigma sqrt(diag (A'A)^-1)``, the intercept's first; shape (p,)."""
    return goodness(solution, target).sigma * spread_of(solution).deviations


def robust_errors(
    solution: LeastSquares, X: Array, Y: Array, weight: Array | None, *, kind: Robust, target: int = 0
) -> Array:
    """Compute standard errors that hold where the noise's variance is not the same for all samples.

    ``(A'A)^-1 A' diag(e_i^2 c_i) A (A'A)^-1`` with c = 1 (HC0), n / (n - p) (HC1), 1 / (1 - h) (HC2), 1 / (1 - h)^2
    (HC3); e and the leverage h are of the weighted rows. Where a sample has a leverage of 1, e is 0: its part is 0 in
    HC0 to HC2, whatever rounding says, and HC3, the square of e / (1 - h), is not defined and NaN.

    Parameters
    ----------
    solution : LeastSquares
    X, Y : ndarray, shapes (n, d) and (n, q)
        The samples that were fitted.
    weight : ndarray, shape (n,), optional
    kind : {"HC0", "HC1", "HC2", "HC3"}
    target : int

    Returns
    -------
    ndarray, shape (p,)

    Raises
    ------
    UnknownNameError
        If there is no such kind.
    DataError
        If there are other samples or weights than were fitted.

    References
    ----------
    MacKinnon, White, "Some heteroskedasticity-consistent covariance matrix estimators", J. Econometrics 29, 1985.
    """
    E = sample_effects(solution, X, Y, weight, kind=kind, target=target)
    return np.asarray(np.linalg.norm(E, axis=0), dtype=np.float64)


def sample_effects(
    solution: LeastSquares, X: Array, Y: Array, weight: Array | None, *, kind: Robust = "HC0", target: int = 0
) -> Array:
    """Compute what each sample's residual does to each coefficient, ``e_i sqrt(c_i) a_i (A'A)^-1``, (n, p).

    The sum of their products, ``E'E``, is the covariance of `robust_errors`; sums within clusters and over lags first
    give those of samples that belong together. Parameters as there.
    """
    check_name("kind of robust errors", kind, ROBUST)
    spread, fit = spread_of(solution), goodness(solution, target)
    check_samples(solution, X, weight)
    nothing = np.full((len(X), len(spread.root)), np.nan)
    if fit.df <= 0:
        return nothing
    U = leverage_rows(solution, X, weight)  # (n, p)
    e = weighted_residuals(solution, X, Y, weight)[:, target]
    rest = left_of_1(spread, row_squares(U))
    own = np.isnan(rest)
    if own.any() and kind == "HC3":
        return nothing
    e, rest = np.where(own, 0.0, e), np.where(own, 1.0, rest)
    corrections: dict[str, Any] = {"HC0": 1.0, "HC1": fit.n / fit.df, "HC2": 1 / rest, "HC3": 1 / rest**2}
    turned = pairs.pair(*exact_product(_root(spread).T, [coefficient_map(solution)], parts=2))
    effect = _times(U, turned, exact=spread.low is not None).high  # (n, p): what a unit of e does to a coefficient
    return np.asarray((e * np.sqrt(corrections[kind]))[:, None] * effect)


def coefficient_map(solution: LeastSquares) -> Array:
    """Return D with ``coefficients = D' z``, z of the shifted features; the intercept first."""
    spread = spread_of(solution)
    D = np.eye(len(spread.root))
    if solution.intercept:
        D[1:, 0] = -spread.shift
    return D


def leverage_rows(solution: LeastSquares, X: Array, weight: Array | None = None) -> Pair:
    """Compute rows u with ``|u_i|^2`` the leverage of sample i, (n, p)."""
    spread = spread_of(solution)
    A = pairs.two_sum(X, -np.broadcast_to(spread.shift, X.shape))
    if solution.intercept:
        one = np.ones((len(X), 1))
        A = Pair(np.hstack([one, A.high]), np.hstack([0.0 * one, A.low]))
    unit = power_of_two(np.abs(spread.root).max(axis=1, initial=0.0))  # so that products stay within the doubles
    root = pairs.scale(_root(spread), unit[:, None])
    U = _times(pairs.scale(A, 1.0 / unit), root, exact=spread.low is not None)
    return U if weight is None else pairs.multiply(U, pairs.square_root(pairs.pair(weight[:, None])))


def _times(A: Pair, B: Pair, *, exact: bool) -> Pair:
    """Multiply (n, p) by (p, k), some rows at a time; in doubles if more is not worth it."""
    if not exact:
        return pairs.pair(A.high @ B.high)
    blocks = [exact_product(A.at(slice(k, k + BLOCK)), B, parts=2) for k in range(0, len(A.high), BLOCK)]
    return pairs.pair(*np.concatenate(blocks or [np.zeros((2, 0, B.high.shape[1]))], axis=1))


def _root(spread: Spread) -> Pair:
    return pairs.pair(spread.root) if spread.low is None else Pair(spread.root, spread.low)


def row_squares(U: Pair) -> Pair:
    """Sum the squares of each row: (n, p) to (n,)."""
    return pairs.sum_of_squares(U.T)


def weighted_residuals(solution: LeastSquares, X: Array, Y: Array, weight: Array | None = None) -> Array:
    """Compute ``sqrt(w_i) (y_i - y_hat_i)``, (n, q)."""
    R = pairs.subtract(pairs.pair(Y), _fitted(solution, X)).high
    return R if weight is None else R * np.sqrt(weight)[:, None]


def _fitted(solution: LeastSquares, X: Array) -> Pair:
    """Compute ``X W + b``, (n, q), with the digits of W and b that doubles leave out, where these are known."""
    if solution.low is None:
        return pairs.pair(X @ solution.W + solution.b)
    W, b = Pair(solution.W, solution.low[0]), Pair(solution.b, solution.low[1])
    return pairs.add(pairs.matrix_product(pairs.pair(X), W), b)


@dataclass(frozen=True)
class Prediction:
    """Predictions with what is known of their error.

    Attributes
    ----------
    mean : ndarray, shape (n,)
    standard_error : ndarray, shape (n,)
        Of the mean.
    confidence : ndarray, shape (n, 2)
        Interval for the mean.
    prediction : ndarray, shape (n, 2)
        Interval for a new sample of weight 1.
    """

    mean: Array
    standard_error: Array
    confidence: Array
    prediction: Array


def predict_interval(solution: LeastSquares, X: Array, *, level: float = 0.95, target: int = 0) -> Prediction:
    """Predict with confidence and prediction intervals of Student's t.

    Parameters
    ----------
    solution : LeastSquares
    X : ndarray, shape (n, d)
    level : float
        Between 0 and 1.
    target : int

    Returns
    -------
    Prediction
    """
    fit = goodness(solution, target)
    quantile = t_quantile(level, fit.df)
    mean = _fitted(solution, X).high[:, target]
    h = row_squares(leverage_rows(solution, X)).high
    error, spread = fit.sigma * np.sqrt(h), fit.sigma * np.sqrt(1 + h)

    def around(width: Array) -> Array:
        return np.column_stack([mean - quantile * width, mean + quantile * width])

    return Prediction(mean, error, around(error), around(spread))


def t_quantile(level: float, df: int) -> float:
    """Return the two-sided quantile of Student's t; NaN without degrees of freedom."""
    if not 0 < level < 1:
        raise SpecificationError(f"level is {level}; it must lie between 0 and 1, such as 0.95")
    return float(scipy.stats.t.isf((1 - level) / 2, df)) if df > 0 else np.nan
