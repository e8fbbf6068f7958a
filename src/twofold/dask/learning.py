"""What is learned of a Dask DataFrame's columns, from summaries of its partitions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from twofold.dask.partitions import check_columns, check_frame, merged
from twofold.errors import DataError, check_name
from twofold.tables import Choices, TablePlan, as_table
from twofold.tables.forms import AmbiguousCellsWarning, Forms
from twofold.tables.table_summary import TableSummary


def learn_table(
    ddf: Any,
    choices: Choices | None = None,
    kinds: Mapping[str, str] | None = None,
    *,
    drop: Sequence[str] = (),
    forms: Forms | None = None,
) -> TablePlan:
    """Learn how the columns of a Dask DataFrame become features, in one pass over its partitions.

    Parameters
    ----------
    ddf : dask DataFrame
    choices : Choices, optional
        How columns are turned into features: `twofold.tables.Choices`.
    kinds : mapping of str to str, optional
        Columns that are not what they look like: ``{"zip": "category"}``.
    drop : sequence of str
        Columns to leave alone, such as the target.
    forms : Forms, optional
        How numbers and dates are written and which cells are gaps, as far as it is known.

    Returns
    -------
    TablePlan
        For `encode`; it is that of `twofold.tables.learn_table`, and the same however rows are dealt to partitions.

    Raises
    ------
    DataError
        If a column holds numbers in one partition and text in another, or none is of use.

    Warns
    -----
    AmbiguousCellsWarning

    Notes
    -----
    A partition is summarised as its different cells with their counts. Up to 65,536 different cells of a column and
    about a million rows, the plan is that of one process that has all rows, in no order; means and deviations agree to
    14 digits. Beyond, numbers are counted in 65,536 buckets, whose ends differ by some 1e-4 of a column's spread, and
    a column of more different texts is left out, with the reason. Columns that number the rows are known by their
    numbers, as partitions have no order.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> table = pd.DataFrame({"city": ["Rome", "Bonn", "Rome", "Oslo"], "area": [30.0, 41.0, 52.0, 60.0]})
    >>> learn_table(dd.from_pandas(table, npartitions=2)).features
    ('city=Rome', 'city=Bonn', 'city=Oslo', 'area')
    """
    check_frame(ddf)
    check_columns(drop, ddf.columns)
    said = forms or Forms()
    columns = [name for name in ddf.columns if name not in drop]
    for name in kinds or {}:
        check_name("column", name, columns)
    if not columns:
        raise DataError("no column is left to learn from; drop fewer")
    summary = merged(ddf, columns, partial(_summarised, said.gaps), TableSummary.merged)
    plan, found = summary.learn(choices, kinds, said)
    for doubt in found.doubts:
        warnings.warn(doubt, AmbiguousCellsWarning, stacklevel=2)
    return plan


def _summarised(gaps: Sequence[str], frame: Any, number: int) -> TableSummary:
    """Summarise a partition."""
    try:
        return TableSummary.of(as_table(frame), gaps)
    except DataError as error:
        raise DataError(f"partition {number}: {error}") from error
