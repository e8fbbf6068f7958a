"""NIST's certified linear regression sets (Statistical Reference Datasets, public domain).

They are read from a folder of JSON files, one a set, with NIST's own decimals as strings.
Source: https://www.itl.nist.gov/div898/strd/lls/lls.shtml
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataNotFoundError, FileFormatError

Array = NDArray[np.float64]
NIST_SETS = ("norris", "pontius", "noint1", "noint2", "filip", "longley", *(f"wampler{k}" for k in range(1, 6)))


@dataclass(frozen=True)
class CertifiedSet:
    """One set and what NIST certifies for it.

    Attributes
    ----------
    name : str
    difficulty : str
        lower, average or higher.
    x : ndarray, shape (n, d)
        Raw predictors; of a polynomial set one column, without its powers.
    y : ndarray, shape (n,)
    degree : int or None
        Of a polynomial in x; None for a linear function of the columns.
    intercept : bool
    coefficients, standard_errors : tuple of str
        In NIST's own decimals, 15 digits, the intercept first.
    statistics : dict of str to str
        residual_std, r_squared, residual_sum_of_squares, regression_sum_of_squares.
    """

    name: str
    difficulty: str
    x: Array
    y: Array
    degree: int | None
    intercept: bool
    coefficients: tuple[str, ...]
    standard_errors: tuple[str, ...]
    statistics: dict[str, str]

    @property
    def table(self) -> Array:
        """The matrix of doubles that a user without a polynomial helper hands over, (n, d): x, or its powers."""
        if self.degree is None:
            return self.x
        return np.column_stack([self.x[:, 0] ** k for k in range(1, self.degree + 1)])


def load_nist(name: str, folder: str | os.PathLike[str]) -> CertifiedSet:
    """Read one certified set.

    Parameters
    ----------
    name : str
        One of `NIST_SETS`.
    folder : path
        Where ``<name>.json`` lies.

    Returns
    -------
    CertifiedSet

    Raises
    ------
    DataNotFoundError
        If the file isn't there.
    FileFormatError
        If it is not such a file.
    """
    path = Path(folder) / f"{name}.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataNotFoundError(f"{path}: cannot be read; give the folder of NIST's sets as JSON") from error
    except ValueError as error:
        raise FileFormatError(f"{path}: not JSON: {error}") from error
    try:
        model, values = content["model"], content["certified"]
        statistics = ("residual_std", "r_squared", "residual_sum_of_squares", "regression_sum_of_squares")
        return CertifiedSet(
            name=name,
            difficulty=content["difficulty"],
            x=np.array(content["x"], dtype=np.float64),
            y=np.array(content["y"], dtype=np.float64),
            degree=model["degree"] if model["kind"] == "polynomial" else None,
            intercept=bool(model["intercept"]),
            coefficients=tuple(values["coefficients"]),
            standard_errors=tuple(values["standard_errors"]),
            statistics={key: values[key] for key in statistics},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: not a certified set: {error!r}") from error
