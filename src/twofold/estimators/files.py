"""Linear regression of a file larger than memory, in one pass."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twofold.data.tables import Block, TableFile, open_table, read_blocks
from twofold.errors import DataError
from twofold.solvers.from_moments import solve_moments
from twofold.solvers.least_squares import warn_about
from twofold.solvers.moments import Moments
from twofold.solvers.solution import LeastSquares
from twofold.solvers.summary import Summary, summarize
from twofold.solvers.threads import MAX_NARROW_COLUMNS, belong_inside, own_threads

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class FileFit:
    """A regression of a file.

    Attributes
    ----------
    table : TableFile
        Which columns were used.
    solution : LeastSquares
    moments : Moments
        The state: `Moments.to_dict` saves it, `Moments.merge` joins it with that of another file.
    """

    table: TableFile
    solution: LeastSquares
    moments: Moments

    def summary(self, *, level: float = 0.95) -> Summary:
        """Tell coefficients, standard errors and the fit's quality, by the columns' names."""
        return summarize(self.solution, names=self.table.features, target_names=[self.table.target], level=level)


def fit_file(
    path: str | os.PathLike[str],
    target: str,
    *,
    features: Sequence[str] | None = None,
    weight: str | None = None,
    fit_intercept: bool = True,
    penalty: float = 0.0,
    progress: Progress | None = None,
) -> FileFit:
    """Solve linear regression of a Parquet or CSV file, reading it once, in memory that doesn't grow with its rows.

    Parameters
    ----------
    path : path
        Parquet, or CSV with a header line.
    target : str
        Column to predict.
    features : sequence of str, optional
        Columns to predict from, none of them twice; all others otherwise.
    weight : str, optional
        Column of sample weights.
    fit_intercept : bool
    penalty : float
        Ridge.
    progress : callable, optional
        Called after each block with the rows read so far and the fraction of the file, 0 to 1; from whichever thread
        read the block, one call at a time.

    Returns
    -------
    FileFit

    Raises
    ------
    DataError
        If the file or a column is not there, or a number is missing or not finite: the row is reported.
    """
    table = open_table(path, target, features=features, weight=weight)
    moments = read_moments(table, progress=progress)
    if moments.n == 0:
        raise DataError(f"{table.path}: there is no row of positive weight; check that it is the file you meant")
    solution = solve_moments(moments, fit_intercept=fit_intercept, penalty=penalty)
    warn_about(solution, table.features)
    return FileFit(table, solution, moments)


def read_moments(table: TableFile, *, progress: Progress | None = None) -> Moments:
    """Reduce a file to its moments; row groups of a Parquet file side by side, merged in their order.

    Parameters
    ----------
    table : TableFile
    progress : callable, optional
        As in `fit_file`.

    Returns
    -------
    Moments
        The same to the last bit with any number of threads.
    """
    tell = _Teller(sum(table.groups), progress)
    moments = Moments(len(table.features), 1)
    if len(table.groups) < 2:
        # Narrow products are too short for BLAS's threads, which would be in the reader's way.
        with own_threads(2) if len(table.columns) < MAX_NARROW_COLUMNS else nullcontext():
            _take(table, None, moments, tell)
        return moments

    def group(k: int) -> Moments:
        part = Moments(len(table.features), 1)
        try:
            _take(table, k, part, tell)
        except BaseException:
            tell.stop_after(k)  # those before go on: whichever the threads' pace, the first row that is wrong is told
            raise
        return part

    with own_threads(len(table.groups)) as workers, ThreadPoolExecutor(workers, initializer=belong_inside) as pool:
        try:
            for part in pool.map(group, range(len(table.groups))):
                moments.merge(part)
        except BaseException:  # Ctrl-C too
            tell.stop_after(-1)
            raise
    return moments


class _Teller:
    """Add up the rows that several threads read, and tell; and tell those threads where there is no use in going on."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done, self._lock = 0, threading.Lock()
        self._last: float = math.inf

    def __call__(self, rows: int, fraction: float) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += rows
                self._progress(self._done, self._done / self._total if self._total else fraction)

    def stop_after(self, group: int) -> None:
        """Let threads leave later row groups than that at their next block."""
        with self._lock:
            self._last = min(self._last, group)

    def wants(self, group: int | None) -> bool:
        """Tell whether there is use in going on with a row group; None is the whole file."""
        return (group or 0) <= self._last


def _take(table: TableFile, group: int | None, moments: Moments, tell: _Teller) -> None:
    """Add a file's rows, or those of one row group, to moments."""
    with closing(read_blocks(table, groups=None if group is None else [group])) as blocks:
        for block in blocks:
            if not tell.wants(group):
                return
            Z, weight = block.Z, None
            if table.weight is not None:
                Z, weight = block.Z[:, :-1], block.Z[:, -1]
            try:
                if weight is not None and not (weight >= 0).all():
                    raise DataError("a weight is negative")
                moments.add_columns(Z, weight)
            except DataError as error:
                raise _placed(table, block, error) from error
            tell(len(Z), block.fraction)


def _placed(table: TableFile, block: Block, error: DataError) -> DataError:
    """Say in which row and column of the file a number is wrong."""
    wrong = ~np.isfinite(block.Z)
    if table.weight is not None:
        wrong[:, -1] |= block.Z[:, -1] < 0
    if not wrong.any():
        return DataError(f"{table.path}: {error}")
    row, column = (int(i) for i in np.argwhere(wrong)[0])
    where = f"{table.path}: column {table.columns[column - 1]!r}, row {block.start + row}"
    return DataError(f"{where} (counted from 0) is {block.Z[row, column]}; drop the row or fill it")
