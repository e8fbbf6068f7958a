"""Measure this installation, and SciPy, on NIST's certified nonlinear sets, from both of NIST's starts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold import __version__
from twofold.data.nist_nonlinear import NonlinearSet, load_nonlinear_sets
from twofold.errors import TwofoldError
from twofold.inspect.certify import Certificate, CertifiedRow, correct_digits
from twofold.inspect.certify_peers import Answer
from twofold.statistics.fitted_function import NUMPY
from twofold.statistics.nonlinear import nonlinear_least_squares

Array = NDArray[np.float64]
Solve = Callable[[NonlinearSet, Array], Answer]


def certify_nonlinear(*, peers: bool = False) -> Certificate:
    """Run NIST's 27 nonlinear sets, which come along, from both starts.

    Parameters
    ----------
    peers : bool
        Whether SciPy's ``curve_fit`` and ``least_squares`` are measured too, as they are without options.

    Returns
    -------
    Certificate
        NIST prints 11 digits: 10.3 or more are as many as there are.
    """
    others: dict[str, Solve] = {"curve_fit": _curve_fit, "least_squares": _least_squares} if peers else {}
    solvers: dict[str, Solve] = {"twofold": _twofold, **others}
    rows = [
        _measure(data, number, library, solve)
        for data in load_nonlinear_sets()
        for number in range(len(data.starts))
        for library, solve in solvers.items()
    ]
    return Certificate(tuple(rows), {"twofold": __version__} | {name: version("scipy") for name in others})


def _measure(data: NonlinearSet, number: int, library: str, solve: Solve) -> CertifiedRow:
    name = f"{data.name} {number + 1}"
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            coefficients, errors = solve(data, data.starts[number])
    except (TwofoldError, RuntimeError, ValueError, np.linalg.LinAlgError):  # what is said of no answer
        return CertifiedRow(name, library, None, None)
    found = correct_digits(coefficients, data.coefficients)
    return CertifiedRow(name, library, found, None if errors is None else correct_digits(errors, data.standard_errors))


def _twofold(data: NonlinearSet, start: Array) -> Answer:
    found = nonlinear_least_squares(data.model, data.x, data.y, start)
    return found.coefficients, found.standard_errors


def _curve_fit(data: NonlinearSet, start: Array) -> Answer:
    from scipy.optimize import curve_fit

    def model(x: Array, *b: float) -> Any:
        return data.model(x, b, NUMPY)

    found, covariance = curve_fit(model, data.x, data.y, start)
    return np.asarray(found), np.sqrt(np.diag(covariance))


def _least_squares(data: NonlinearSet, start: Array) -> Answer:
    from scipy.optimize import least_squares

    def residuals(b: Array) -> Array:
        return np.asarray(data.model(data.x, b, NUMPY) - data.y)

    found = least_squares(residuals, start)
    variance = 2 * found.cost / (len(data.y) - len(start))
    slopes = np.asarray(found.jac, dtype=np.float64)
    return found.x, np.sqrt(variance * np.diag(np.linalg.inv(slopes.T @ slopes)))
