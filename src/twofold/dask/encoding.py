"""A Dask DataFrame as features, partition by partition, by a plan that is there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.dask.partitions import check_columns, check_frame
from twofold.errors import check_name
from twofold.estimators import TableEncoder
from twofold.tables import TablePlan, as_table

Array = NDArray[Any]


def encode(ddf: Any, plan: TablePlan | TableEncoder, *, keep: Sequence[str] = (), dtype: str = "float64") -> Any:
    """Turn the columns of a Dask DataFrame into features, when they are asked for.

    Parameters
    ----------
    ddf : dask DataFrame
    plan : TablePlan or fitted TableEncoder
        What `twofold.dask.learn_table` returns, or one process has learned.
    keep : sequence of str
        Columns to keep beside the features as they are, such as the target.
    dtype : {"float64", "float32"}

    Returns
    -------
    dask DataFrame
        With the columns ``plan.features`` and those to keep. An unseen category becomes what it becomes in one process:
        the place of rare ones, or the average row.

    Raises
    ------
    DataError
        If a column is not there; when it is computed, if a partition's cells are of another kind than those learned.

    Notes
    -----
    Rows are encoded one by one, the same in whatever partition. What one process refuses of a whole column, such as
    more than half of its cells unreadable, is refused here of a partition's. Where a column of numbers was learned and
    text comes, its partition's cells tell the decimal mark.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> table = pd.DataFrame({"city": ["Rome", "Bonn", "Rome", "Oslo"], "area": [30.0, 41.0, 52.0, 60.0]})
    >>> encoder = TableEncoder(scale=False).fit(table)
    >>> encode(dd.from_pandas(table, npartitions=2), encoder).compute().shape
    (4, 4)
    """
    check_frame(ddf)
    own = plan.plan_ if isinstance(plan, TableEncoder) else plan
    check_name("dtype", dtype, ("float64", "float32"))
    own.check_columns(list(ddf.columns))
    check_columns(keep, ddf.columns)
    empty = _frame(own, np.zeros((0, len(own.features)), dtype), ddf._meta[list(keep)])
    columns = list(dict.fromkeys([*own.columns, *keep]))
    return ddf[columns].map_partitions(partial(_encoded, own, tuple(keep), dtype), meta=empty)


def _encoded(plan: TablePlan, keep: Sequence[str], dtype: str, frame: Any) -> Any:
    """Turn a partition into features, beside the columns to keep."""
    return _frame(plan, plan.encode(as_table(frame), dtype)[0], frame[list(keep)])


def _frame(plan: TablePlan, X: Array, beside: Any) -> Any:
    """Put features (n, k) and other columns of the same rows side by side."""
    pd = import_module("pandas")
    return pd.concat([pd.DataFrame(X, index=beside.index, columns=list(plan.features)), beside], axis=1)
