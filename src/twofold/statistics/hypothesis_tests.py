"""Tests of a linear model's residuals: equal variances, independence in time, normality."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.integrate
from numpy.typing import NDArray
from scipy import stats

from twofold.errors import DataError, SpecificationError
from twofold.pages.fitted_table import FittedTable
from twofold.pages.numbers import finite
from twofold.solvers import pairs
from twofold.solvers.inference import goodness
from twofold.statistics.generalized_linear import exact_step
from twofold.statistics.linear_model import LinearModel

Array = NDArray[np.float64]
MAX_EXACT = 500  # samples up to which the Durbin-Watson probability is exact: it needs all eigenvalues
MAX_SHAPIRO = 5000  # samples up to which Shapiro and Wilk's probability holds


@dataclass(frozen=True)
class HypothesisTest:
    """A test's result.

    Attributes
    ----------
    name : str
    statistic : float
    distribution : str
        Under the null hypothesis.
    p : float
    meaning : str
        What a small p says.
    """

    name: str
    statistic: float
    distribution: str
    p: float
    meaning: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; what is not finite becomes None."""
        return finite(asdict(self))

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.statistic:.6g}, {self.distribution}, p {self.p:.4g} (a small p says: {self.meaning})"
        )


def breusch_pagan(model: LinearModel, *, studentized: bool = True) -> HypothesisTest:
    """Test whether the errors' variance depends on the model's columns.

    The squared residuals are regressed on the columns: ``n R^2`` is chi squared with as many degrees of freedom.

    Parameters
    ----------
    model : LinearModel
        With an intercept and without weights.
    studentized : bool
        Koenker's form, as R's ``lmtest::bptest`` has it, which doesn't need normal errors; otherwise half the explained
        sum of squares of ``e^2 / mean(e^2)``, as Breusch and Pagan have it.

    Returns
    -------
    HypothesisTest

    References
    ----------
    Breusch, Pagan, Econometrica 47, 1979; Koenker, J. Econometrics 17, 1981.

    Examples
    --------
    >>> from twofold.statistics import lm
    >>> x = np.arange(1.0, 41.0)
    >>> breusch_pagan(lm("y ~ x", {"x": x, "y": x + x * np.sin(9 * x)})).p < 0.001
    True
    """
    e = _residuals(model)
    share, total, df = _regressed(np.square(e), model.frame.X)
    statistic = len(e) * share if studentized else share * total / (2 * float(np.mean(np.square(e))) ** 2)
    name = "Breusch-Pagan" + (" (studentised)" if studentized else "")
    return _chi_squared(name, statistic, df, "the errors' variance is not the same everywhere")


def white(model: LinearModel) -> HypothesisTest:
    """Test whether the errors' variance depends on the columns, their squares and products: ``n R^2``, chi squared.

    Parameters
    ----------
    model : LinearModel
        With an intercept and without weights, and more samples than there are products.

    Returns
    -------
    HypothesisTest

    References
    ----------
    White, Econometrica 48, 1980.
    """
    e, X = _residuals(model), model.frame.X
    products = [X[:, j] * X[:, k] for j in range(X.shape[1]) for k in range(j, X.shape[1])]
    columns = np.column_stack([X, *products])
    share, _, df = _regressed(np.square(e), columns)
    if df >= len(e) - 1:
        raise DataError(f"White's test regresses {len(e)} squared residuals on {df} products; it needs more samples")
    return _chi_squared("White", len(e) * share, df, "the errors' variance is not the same everywhere")


def durbin_watson(model: LinearModel) -> HypothesisTest:
    """Test whether each error is correlated with the one before: ``d = sum (e_t - e_{t-1})^2 / sum e_t^2``.

    d is near 2 if they aren't, and below if neighbours are alike. The probability of so small a d is exact for normal
    errors up to 500 samples, by Imhof's integral over the eigenvalues of the quadratic form; beyond, a normal
    distribution with its mean and variance.

    Parameters
    ----------
    model : LinearModel
        Of samples in the order of time.

    Returns
    -------
    HypothesisTest

    References
    ----------
    Durbin, Watson, Biometrika 37, 1950, and 38, 1951; Imhof, Biometrika 48, 1961.
    """
    e = _residuals(model, intercept=False)
    d = float(np.square(np.diff(e)).sum() / np.square(e).sum())
    exact = len(e) <= MAX_EXACT
    p = _imhof(model, d) if exact else _normal(model, d)
    return HypothesisTest(
        "Durbin-Watson", d, "exact" if exact else "normal approximation", p, "an error is like the one before"
    )


def jarque_bera(model: LinearModel) -> HypothesisTest:
    """Test normality by skewness S and kurtosis K: ``n (S^2 + (K - 3)^2 / 4) / 6``, chi squared for many samples.

    References
    ----------
    Jarque, Bera, Int. Statist. Review 55, 1987.
    """
    e = _residuals(model, intercept=False)
    statistic = len(e) / 6 * (float(stats.skew(e)) ** 2 + float(stats.kurtosis(e)) ** 2 / 4)
    return _chi_squared("Jarque-Bera", statistic, 2, "the errors are not normal")


def shapiro_wilk(model: LinearModel) -> HypothesisTest:
    """Test normality by Shapiro and Wilk's W, as R's ``shapiro.test``; SciPy's routine.

    Parameters
    ----------
    model : LinearModel
        Of 3 to 5000 samples.

    References
    ----------
    Royston, Applied Statistics 44, 1995, algorithm AS R94.
    """
    e = _residuals(model, intercept=False)
    if not 3 <= len(e) <= MAX_SHAPIRO:
        raise DataError(f"{len(e)} samples; Shapiro and Wilk's test is for 3 to {MAX_SHAPIRO}: take jarque_bera")
    found = stats.shapiro(e)
    return HypothesisTest(
        "Shapiro-Wilk", float(found.statistic), "Royston's", float(found.pvalue), "the errors are not normal"
    )


@dataclass(frozen=True)
class ResidualTests:
    """Several tests of one model.

    Attributes
    ----------
    tests : tuple of HypothesisTest
    """

    tests: tuple[HypothesisTest, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values by the tests' names."""
        return {test.name: test.to_dict() for test in self.tests}

    def __rich__(self) -> FittedTable:
        rows = [(test.name, test.meaning, f"{test.statistic:.5g}", f"{test.p:.3g}") for test in self.tests]
        return FittedTable("Tests of the residuals", ("", "a small p says", "statistic", "p"), rows, 2, boxed=False)


def residual_tests(model: LinearModel) -> ResidualTests:
    """Make all tests of this page that the samples are enough for, and not too many."""
    found = []
    for test in (breusch_pagan, white, durbin_watson, jarque_bera, shapiro_wilk):
        try:
            found.append(test(model))
        except DataError:
            continue
    return ResidualTests(tuple(found))


def _residuals(model: LinearModel, *, intercept: bool = True) -> Array:
    if not isinstance(model, LinearModel):
        raise SpecificationError("this test is of the residuals of a linear model; fit one with lm")
    if model.frame.weight is not None:
        raise SpecificationError("this test is of a model without weights; fit it without them")
    if intercept and not model.frame.intercept:
        raise SpecificationError("this test is of a model with an intercept; leave out '0 +' or '- 1'")
    if model.fit.df < 1 or model.is_perfect:
        raise DataError("the residuals are but rounding, or too few; there is nothing to test")
    return model.residuals


def _regressed(target: Array, X: Array) -> tuple[float, float, int]:
    """Return the share of a target's variation that columns explain, the variation, and the columns' rank."""
    solution = exact_step(pairs.pair(X), target[:, None], None, intercept=True)
    fit = goodness(solution)
    return fit.r2, fit.tss, solution.rank


def _chi_squared(name: str, statistic: float, df: int, meaning: str) -> HypothesisTest:
    return HypothesisTest(name, statistic, f"chi squared with {df} df", float(stats.chi2.sf(statistic, df)), meaning)


def _complement(model: LinearModel) -> Array:
    """Return orthonormal columns that the design has no part in, (n, n - p)."""
    A = np.column_stack([np.ones((len(model.frame.y), int(model.frame.intercept))), model.frame.X])
    length = np.sqrt(np.square(A).sum(axis=0))
    Q = np.linalg.qr(A / np.where(length > 0, length, 1.0), mode="complete")[0]
    return np.asarray(Q[:, A.shape[1] :], dtype=np.float64)


def _imhof(model: LinearModel, d: float) -> float:
    """Return P(D < d) as that of ``sum_i (l_i - d) z_i^2 < 0`` with the eigenvalues l of differences of residuals."""
    Q = _complement(model)
    weights = np.linalg.eigvalsh(np.diff(Q, axis=0).T @ np.diff(Q, axis=0)) - d
    weights = weights / np.abs(weights).max()

    def integrand(u: float) -> float:
        angle = 0.5 * float(np.arctan(weights * u).sum())
        return float(np.sin(angle) * np.exp(-0.25 * np.log1p(np.square(weights * u)).sum())) / u

    value = scipy.integrate.quad(integrand, 0, np.inf, limit=500, epsabs=1e-10)[0]
    return float(np.clip(0.5 - value / np.pi, 0.0, 1.0))


def _normal(model: LinearModel, d: float) -> float:
    """Return P(D < d) of a normal distribution with D's mean and variance (Durbin and Watson 1950, section 4)."""
    n = len(model.frame.y)
    A = np.column_stack([np.ones((n, int(model.frame.intercept))), model.frame.X])
    length = np.sqrt(np.square(A).sum(axis=0))
    Q = np.linalg.qr(A / np.where(length > 0, length, 1.0))[0]
    differences = np.diff(Q, axis=0)
    k = n - Q.shape[1]
    # With M = I - Q Q' and L the matrix of squared differences: tr(M L) and tr(M L M L), of small products alone.
    LQ = np.zeros_like(Q)
    LQ[:-1] -= differences
    LQ[1:] += differences
    inner = Q.T @ LQ
    first = 2.0 * (n - 1) - float(np.trace(inner))
    second = (2.0 + 4.0 * (n - 2)) + 2.0 * (n - 1) - 2.0 * float(np.square(LQ).sum()) + float(np.square(inner).sum())
    mean = first / k
    variance = 2 * (second - first * mean) / (k * (k + 2))
    return float(stats.norm.cdf((d - mean) / np.sqrt(variance)))
