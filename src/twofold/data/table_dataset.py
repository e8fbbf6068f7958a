"""A table file small enough for memory, as a data set."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from twofold.data.dataset import Dataset, Samples
from twofold.data.tables import TableFile, read_blocks


def table_dataset(table: TableFile) -> Dataset:
    """Read all rows of a table into memory.

    Parameters
    ----------
    table : TableFile

    Returns
    -------
    Dataset
        Its training set, of float64: X (n, d), y (n, 1), and the weights if the table has a column of them.

    Raises
    ------
    DataError
        If a number is missing: the row and the column are told.
    FileFormatError
        If the file is damaged.
    """
    with closing(read_blocks(table)) as found:
        blocks = [block.Z[:, 1:].copy() for block in found]  # a block's memory is the next block's too
    rows = np.concatenate(blocks) if blocks else np.empty((0, len(table.columns)))
    d = len(table.features)
    weight = rows[:, d + 1] if table.weight else None
    samples = Samples(rows[:, :d], rows[:, d : d + 1], weight)
    return Dataset(table.path.name, samples, features=table.features, target=table.target)
