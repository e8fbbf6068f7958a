"""Partitions of a Dask DataFrame: something computed of each, and merged over a tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from twofold.errors import DataError, MissingDependencyError, nearest, show

WIDTH = 8  # pieces that one task merges


def check_frame(ddf: Any) -> Any:
    """Return a Dask DataFrame as it is; raise `DataError` if it is something else, or names of columns are no text."""
    try:
        import dask.dataframe as dd
    except ImportError as error:
        raise MissingDependencyError("twofold.dask needs Dask: pip install 'twofold[dask]'") from error
    if not isinstance(ddf, dd.DataFrame):
        raise DataError(
            f"expected a dask DataFrame, got {show(type(ddf).__name__)}; "
            "make one with dask.dataframe.from_pandas or read_parquet"
        )
    for name in ddf.columns:
        if not isinstance(name, str):
            raise DataError(
                f"a column is named {name!r}, which is no text; rename the columns: ddf.rename(columns=str)"
            )
    return ddf


def check_columns(wanted: Sequence[str], names: Sequence[Any], where: str = "the table") -> None:
    """Raise `DataError` if columns are not there, or two have one name."""
    for name in wanted:
        if name not in names:
            hint = nearest(name, [str(other) for other in names])
            raise DataError(f"{where} has no column {name!r}; its columns are {_listed(names)}{hint}")
        if list(names).count(name) > 1:
            raise DataError(f"{where} has two columns named {name!r}; rename one")


def merged(
    ddf: Any, columns: Sequence[str], reduce: Callable[[Any, int], Any], merge: Callable[[list[Any]], Any]
) -> Any:
    """Compute something of each partition and merge it.

    Parameters
    ----------
    ddf : dask DataFrame
    columns : sequence of str
        Which are read.
    reduce : callable
        Of a partition, a pandas data frame with these columns, and its number.
    merge : callable
        Of several pieces, whose order must not matter but for what is told of errors.

    Returns
    -------
    What `merge` returns.

    Raises
    ------
    DataError
        If a partition has other columns than the whole.
    """
    dask = import_module("dask")
    one, some = dask.delayed(_reduced, pure=False), dask.delayed(merge, pure=False)
    chosen = ddf if set(columns) == set(ddf.columns) else ddf[list(columns)]  # of files, these columns alone are read
    pieces = [one(part, number, columns, reduce) for number, part in enumerate(chosen.to_delayed())]
    while len(pieces) > WIDTH:
        pieces = [some(pieces[start : start + WIDTH]) for start in range(0, len(pieces), WIDTH)]
    try:
        return dask.compute(some(pieces))[0]
    except KeyError as error:  # pandas', of a partition from which columns are to be chosen
        raise DataError(
            f"a partition has other columns than the table, which has {_listed(columns)}: {error}"
        ) from error


def _reduced(frame: Any, number: int, columns: Sequence[str], reduce: Callable[[Any, int], Any]) -> Any:
    """Compute something of a partition that has all columns."""
    check_columns(columns, list(frame.columns), f"partition {number}")
    return reduce(frame, number)


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names))
