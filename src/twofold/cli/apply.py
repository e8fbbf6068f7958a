"""What ``twofold predict`` and ``twofold evaluate`` have in common: a model, and rows in the form that it reads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.cli.screen import Screen
from twofold.cli.table_job import tell_notes
from twofold.cores import usable_cores
from twofold.data.prefetch import map_in_order
from twofold.engines.protocol import CHUNK
from twofold.engines.threads import limited_threads
from twofold.errors import DataError, SpecificationError
from twofold.inspect.table_rows import columns_of_numbers, decimals_of_numbers
from twofold.saving import Model
from twofold.tables.blocks import TableBlocks, open_blocks
from twofold.tables.cells import holds
from twofold.tables.encodings import Say
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import encoder_from_dict
from twofold.tables.table_plan import TableCoding

Array = NDArray[Any]
Result = TypeVar("Result")


def _ignore(_line: str) -> None:
    """Say nothing."""


class ModelRows:
    """A table's rows in the form that a model reads, block by block; made by `open_model_rows`.

    Attributes
    ----------
    notes : dict of str to dict
        What was counted, per column: known once the last block is read.
    """

    def __init__(self, screen: Screen, model: Model, table: TableBlocks) -> None:
        self._screen, self._model, self._table = screen, model, table
        self.notes: dict[str, dict[str, int]] = {}
        self._nameless: str | None = None
        if "" in _expected(model) and "" not in table.names:  # models of before have a column without a name as it was
            self._nameless = next((name for name in table.names if name.startswith("Unnamed: ")), None)

    def blocks(self, rows: int = CHUNK) -> Generator[tuple[pa.Table, Array]]:
        """Read and encode the rows, some at a time; tell at the end what is not as it was when the model was trained.

        Parameters
        ----------
        rows : int
            Of each block but the last; a multiple of `CHUNK`, or last bits may differ from those of all rows at once.

        Yields
        ------
        table : pyarrow.Table, m rows
        X : ndarray, shape (m, d)

        Raises
        ------
        DataError
            If a column is not there, or holds something else than when the model was trained.
        """
        if self._model.encoder is None:
            yield from self._plain_blocks(rows)
            return
        path, (plan, _) = self._table.path, encoder_from_dict(self._model.encoder)
        with _naming(path):
            coding = TableCoding(plan.settled(self._sample(plan.open_marks)))
        for block in self._read(rows, self._screen.say):
            table = with_gaps(block, plan.gaps)  # in the target too
            with _naming(path):
                X = coding.encode(table, self._model.dtype)
            yield table, X
        with _naming(path):
            notes = coding.finish()
        tell_notes(self._screen, notes)
        self.notes = {name: dict(counts) for name, counts in notes.items() if counts}

    def computed(self, function: Callable[[pa.Table, Array], Result]) -> Generator[Result]:
        """Compute a function of each block, of as many at a time as there are cores, each in one thread.

        So the numbers are the same, to the bit, with any number of cores.
        """
        with limited_threads(1):
            yield from map_in_order(lambda block: function(*block), self.blocks(), usable_cores())

    def _plain_blocks(self, rows: int) -> Iterator[tuple[pa.Table, Array]]:
        """Take columns of numbers as they are."""
        start, sample = 0, self._sample(self._model.features)
        with _naming(self._table.path):
            decimals = decimals_of_numbers(self._model, sample)
        for table in self._read(rows, self._screen.say):
            with _naming(self._table.path):
                X = columns_of_numbers(self._model, table, decimals=decimals, start=start)
            yield table, X
            start += table.num_rows

    def _read(self, rows: int = CHUNK, say: Say = _ignore) -> Iterator[pa.Table]:
        for table in self._table.read(rows, say):
            yield (
                table
                if self._nameless is None
                else table.rename_columns(["" if name == self._nameless else name for name in table.column_names])
            )

    def _sample(self, names: Sequence[str]) -> pa.Table:
        """Return the first rows; all, if one of these columns is of text, whose decimal mark all rows tell."""
        first = next(self._read())
        texts = [name for name in names if name in first.column_names and holds(first.column(name)) == "text"]
        return pa.concat_tables(self._read()) if texts else first


@contextmanager
def open_model_rows(
    screen: Screen, model: Model, path: Path, *, header: bool | None = None, encoding: str | None = None
) -> Iterator[ModelRows]:
    """Open a table to turn its rows into the features that a model was trained on.

    Parameters
    ----------
    screen : Screen
    model : Model
        Of a table, with its encoder or with the names of columns of numbers.
    path : Path
    header, encoding
        As for `read_table`.

    Yields
    ------
    ModelRows

    Raises
    ------
    SpecificationError
        If the model predicts from something else than a table.
    """
    if model.encoder is None and not model.features:
        raise SpecificationError(
            f"the model was not trained on a table with names of columns but on {model.data_name or 'arrays'}; "
            "on a data set: twofold evaluate MODEL --data NAME"
        )
    text: list[str] = []
    if model.encoder is not None:
        plan, target = encoder_from_dict(model.encoder)
        text = [*plan.text_columns, *([target.name] if target.classes or target.decimal == "," else [])]
    named = _expected(model) if header is None else header
    with open_blocks(path, text=text, header=named, encoding=encoding, say=screen.say) as table:
        yield ModelRows(screen, model, table)


def open_rows(
    screen: Screen,
    model: Model,
    path: Path,
    *,
    header: bool | None = None,
    encoding: str | None = None,
    compute: Callable[[Array], Array] | None = None,
    column: str | None = None,
) -> tuple[pa.Table, Array, dict[str, dict[str, int]]]:
    """Read a table, as `open_model_rows` reads it, and hold what is wanted of it in memory.

    Parameters
    ----------
    screen, model, path, header, encoding
        As for `open_model_rows`.
    compute : callable, optional
        What is wanted of the features of some rows; the features themselves otherwise.
    column : str, optional
        The only column that is wanted, if it is there; all otherwise.

    Returns
    -------
    table : pyarrow.Table
    X : ndarray, shape (n, ...)
        The features (n, d), or what was computed of them.
    notes : dict of str to dict
        What was counted, per column.
    """

    def taken(table: pa.Table, X: Array) -> tuple[pa.Table, Array]:
        wanted = [name for name in table.column_names if column in (None, name)]
        return table.select(wanted), X if compute is None else compute(X)

    with open_model_rows(screen, model, path, header=header, encoding=encoding) as rows:
        tables, features = zip(*rows.computed(taken), strict=True)
    return pa.concat_tables(tables), np.concatenate(features), rows.notes


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in an error of its cells."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _expected(model: Model) -> tuple[str, ...]:
    """Return names of columns that a table for the model should have."""
    if model.encoder is None:
        return (*model.features, model.target)
    plan, target = encoder_from_dict(model.encoder)
    return (*plan.columns, target.name)
