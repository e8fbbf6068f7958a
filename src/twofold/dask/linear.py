"""Linear regression of a Dask DataFrame: each partition is reduced to sums, which add up to those of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.dask.partitions import check_columns, check_frame, merged
from twofold.errors import DataError, SpecificationError
from twofold.estimators import LinearRegression
from twofold.solvers.moments import Moments
from twofold.tables.cells import holds, numbers
from twofold.tables.python_columns import take_column

Array = NDArray[np.float64]

BLOCK_ROWS = 1 << 14  # that are put side by side at a time
MAX_WHOLE = 2.0**53


def fit_linear(
    ddf: Any,
    target: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    weight: str | None = None,
    fit_intercept: bool = True,
    penalty: float = 0.0,
    exact: bool = True,
) -> LinearRegression:
    """Solve linear regression of a Dask DataFrame, in one pass over its partitions.

    Parameters
    ----------
    ddf : dask DataFrame
        Of numbers without gaps; `twofold.dask.encode` makes them of text, dates and gaps.
    target : str or sequence of str
        Column to predict, or columns.
    features : sequence of str, optional
        Columns to predict from; all others otherwise.
    weight : str, optional
        Column of sample weights.
    fit_intercept : bool
    penalty : float
        Ridge.
    exact : bool
        Sum products without rounding errors: coefficients, standard errors and digits are then the same to the last
        bit, however rows are dealt to partitions. False sums partitions in doubles where their columns are far from
        dependent, several times as fast; the digits that are told allow for it.

    Returns
    -------
    LinearRegression
        As its `partial_fit` leaves it after all rows: with coefficients, `summary`, digits and `predict`.

    Raises
    ------
    DataError
        If a column is not there or not of numbers, a number is missing or not finite, or there are no rows.

    Warns
    -----
    DependentColumnsWarning, AccuracyWarning

    Notes
    -----
    A partition becomes one matrix of (1 + d + q)^2 sums, so that little is sent. Exact sums hold what is above 2**-200
    of the largest. The sum of the weights' logarithms, which the likelihood has, is one of doubles.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> table = pd.DataFrame({"area": [1.0, 2.0, 3.0], "price": [3.0, 5.0, 7.0]})
    >>> fit_linear(dd.from_pandas(table, npartitions=2), "price").coef_
    array([2.])
    """
    check_frame(ddf)
    targets = [target] if isinstance(target, str) else list(target)
    special = [*targets, *([weight] if weight else [])]
    check_columns(special, ddf.columns)
    chosen = [name for name in ddf.columns if name not in special] if features is None else list(features)
    columns = [*chosen, *special]
    check_columns(columns, ddf.columns)
    for name in columns:
        if columns.count(name) > 1:
            raise SpecificationError(f"column {name!r} is asked for twice; it is a feature, the target or the weight")
    start = Moments(len(chosen), len(targets), exact=exact)
    moments = merged(ddf, columns, partial(_summed, start, columns), _added)
    if moments.n == 0:
        raise DataError("there is no row of positive weight; check that it is the table you meant")
    return LinearRegression.from_moments(
        moments.settled() if exact else moments,
        features=chosen,
        targets=targets,
        flat=isinstance(target, str),
        fit_intercept=fit_intercept,
        penalty=penalty,
    )


def _summed(start: Moments, columns: Sequence[str], frame: Any, number: int) -> Moments:
    """Reduce a partition to its sums, whose columns are features, targets and, if there is one more, the weight."""
    weighted = len(columns) > start.features + start.targets
    moments = Moments(start.features, start.targets, exact=start.exact)
    cells = [_numbers(name, frame[name], number) for name in columns]
    names = ["the intercept", *columns]
    memory = np.ones((len(names), BLOCK_ROWS))
    for first in range(0, len(frame), BLOCK_ROWS):
        m = min(BLOCK_ROWS, len(frame) - first)
        for row, column in zip(memory[1:], cells, strict=True):
            row[:m] = column[first : first + m]
        Z = np.ascontiguousarray(memory[:, :m]).T
        weight = Z[:, -1] if weighted else None
        try:
            if weight is not None and (weight < 0).any():
                raise DataError("a weight is negative")
            moments.add_columns(Z[:, : len(names) - weighted], weight)
        except DataError as error:
            raise _placed(Z, weight, names, (error, first, number)) from error
    return moments


def _placed(Z: Array, weight: Array | None, names: Sequence[str], what: tuple[DataError, int, int]) -> DataError:
    """Say in which partition, row and column a number is wrong; of an error, the rows before and the partition."""
    error, first, number = what
    wrong = ~np.isfinite(Z)
    if weight is not None:
        wrong[:, -1] |= weight < 0
    if not wrong.any():
        return DataError(f"partition {number}: {error}")
    row, column = (int(place) for place in np.argwhere(wrong)[0])
    return DataError(
        f"column {names[column]!r}, row {first + row} of partition {number} (both counted from 0) is "
        f"{Z[row, column]}; fill it or drop the row"
    )


def _numbers(name: str, column: Any, number: int) -> Array:
    """Take a partition's column as doubles, (n,); NaN where there is none."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fbiu":
        values = column.to_numpy()
        if values.dtype.kind in "fb" or not len(values) or np.abs(values.astype(np.float64)).max() < MAX_WHOLE:
            return np.asarray(values, dtype=np.float64)
    cells = take_column(name, column)
    if (what := holds(cells)) not in ("numbers", "booleans", "nothing"):
        raise DataError(
            f"column {name!r} holds {cells.type if what == 'other' else what} in partition {number}; least squares "
            "takes numbers, which twofold.dask.encode makes of text and dates; or leave it out: features=[...]"
        )
    return numbers(name, cells)


def _added(pieces: list[Moments]) -> Moments:
    """Add up several partitions' sums."""
    first = pieces[0]
    whole = Moments(first.features, first.targets, exact=first.exact)
    for piece in pieces:
        whole.merge(piece)
    return whole
