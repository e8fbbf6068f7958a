"""Measure this installation, and its peers, on NIST's certified sets: how many digits are right.

Digits are -log10 of the relative error of the worst coefficient (or standard error), from 0 to 15, against the
certified values, which have 15 digits. Where the certified value is 0, the error is taken as it is.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from twofold import __version__
from twofold.data.nist import NIST_SETS, CertifiedSet, load_nist
from twofold.inspect.certify_peers import Answer, installed_peers
from twofold.pages.fitted_table import FittedTable
from twofold.solvers import pairs
from twofold.solvers.inference import standard_errors
from twofold.solvers.least_squares import solve_least_squares
from twofold.solvers.polynomial import polynomial_features

if TYPE_CHECKING:
    from rich.console import RenderableType

Array = NDArray[np.float64]
MAX_DIGITS = 15.0  # what NIST prints


@dataclass(frozen=True)
class CertifiedRow:
    """Correct digits of one library on one set.

    Attributes
    ----------
    name : str
        Of the set.
    library : str
    coefficients : float or None
        Of the worst coefficient; None if the library refused the set.
    standard_errors : float or None
        Of the worst standard error; None if the library has none.
    """

    name: str
    library: str
    coefficients: float | None
    standard_errors: float | None


@dataclass(frozen=True)
class Certificate:
    """Digits of every library on every set.

    Attributes
    ----------
    rows : tuple of CertifiedRow
    libraries : dict of str to str
        Name and version.
    """

    rows: tuple[CertifiedRow, ...]
    libraries: dict[str, str]

    @property
    def least(self) -> float:
        """The least number of digits that twofold reached in a coefficient."""
        return min(row.coefficients or 0.0 for row in self.rows if row.library == "twofold")

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, for JSON."""
        return {"libraries": dict(self.libraries), "rows": [dict(vars(row)) for row in self.rows]}

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        versions = Text(", ".join(f"{library} {number}".strip() for library, number in self.libraries.items()))
        title = "Correct digits of NIST's certified values"
        if len(self.libraries) == 1:
            rows = [[row.name, _text(row.coefficients), _text(row.standard_errors)] for row in self.rows]
            return Group(FittedTable(title, ["set", "worst coefficient", "worst standard error"], rows), versions)
        coefficients = self._table(f"{title}: the worst coefficient", "coefficients")
        return Group(coefficients, self._table("The worst standard error", "standard_errors"), versions)

    def _table(self, title: str, measured: str) -> FittedTable:
        """Write one kind of digits as a table, a column for each library that has it."""
        found: dict[str, dict[str, float | None]] = {}
        for row in self.rows:
            found.setdefault(row.name, {})[row.library] = getattr(row, measured)
        having = [name for name in self.libraries if any(row.get(name) is not None for row in found.values())]
        columns = ["set", *(name.replace("-", "- ") for name in having)]  # so that a long name is broken there
        rows = [[name, *(_text(row.get(library)) for library in having)] for name, row in found.items()]
        return FittedTable(title, columns, rows)


def certify(folder: str | os.PathLike[str], *, peers: bool = False, sets: Sequence[str] = NIST_SETS) -> Certificate:
    """Run NIST's sets.

    Parameters
    ----------
    folder : path
        Of the sets as JSON files.
    peers : bool
        Whether NumPy, SciPy, scikit-learn, statsmodels, Dask, Spark and R are measured too, as far as they are
        installed. They are given the powers of a polynomial as doubles, which is what they take.
    sets : sequence of str
        Of `NIST_SETS`.

    Returns
    -------
    Certificate

    Raises
    ------
    DataNotFoundError
        If a set is not in the folder.
    """
    others = installed_peers() if peers else {}
    solvers = {"twofold": _twofold} | {name: peer.solve for name, peer in others.items()}
    rows = []
    for name in sets:
        data = load_nist(name, folder)
        rows += [_measure(data, library, solve) for library, solve in solvers.items()]
    versions = {name: peer.version(name) for name, peer in others.items()}
    return Certificate(tuple(rows), {"twofold": __version__} | versions)


def correct_digits(computed: Array, certified: Sequence[str]) -> float:
    """Return the digits of the worst of several values, from 0 to 15.

    Examples
    --------
    >>> round(correct_digits(np.array([1.001, 2.0]), ["1.0", "2.0"]), 3)
    3.0
    """
    worst = MAX_DIGITS
    for value, text in zip(computed.tolist(), certified, strict=True):
        true = Decimal(text)
        if not math.isfinite(value):
            return 0.0
        error = abs(Decimal(value) - true)
        relative = error / abs(true) if true else error
        worst = min(worst, -math.log10(relative)) if relative else worst
    return max(worst, 0.0)


def _measure(data: CertifiedSet, library: str, solve: Callable[[CertifiedSet], Answer]) -> CertifiedRow:
    # A peer's warning of a bad condition is not an answer; recorded too, since statsmodels overrides the filter.
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("ignore")
        try:
            coefficients, errors = solve(data)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return CertifiedRow(data.name, library, None, None)
    found = None if errors is None else correct_digits(errors, data.standard_errors)
    return CertifiedRow(data.name, library, correct_digits(coefficients, data.coefficients), found)


def _text(digits: float | None) -> str:
    return "-" if digits is None else f"{digits:.1f}"


def _twofold(data: CertifiedSet) -> Answer:
    X = pairs.pair(data.x) if data.degree is None else polynomial_features(data.x, data.degree)
    solution = solve_least_squares(X, data.y[:, None], fit_intercept=data.intercept)
    first = int(data.intercept)
    return np.concatenate([solution.b[:first], solution.W[:, 0]]), standard_errors(solution)
