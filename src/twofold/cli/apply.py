"""What ``twofold predict`` and ``twofold evaluate`` have in common: a model, and rows in the form that it reads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.cli.screen import Screen
from twofold.cli.table_notes import tell_notes
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
from twofold.tables.table_plan import TableCoding, TablePlan

Array = NDArray[Any]
Result = TypeVar("Result")

MAX_CHUNKS = 4  # of `CHUNK` rows in a block
MAX_BLOCK_NUMBERS = 2**24  # features of a block of more than one chunk
MAX_NUMBERS = 2**27  # features of all blocks that are worked on at the same time


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

    def computed(self, function: Callable[[pa.Table, Array], Result]) -> Generator[Result]:
        """Read the rows, and compute a function of each block's features, of several blocks at the same time.

        There are as many threads as cores, and one for the arithmetic of each: so the numbers are the same, to the bit,
        with any number of cores. At the end it is told what is not as it was when the model was trained.

        Parameters
        ----------
        function : callable
            Called in several threads with a table and its features (m, d); m is a multiple of `CHUNK` but at the end,
            so that last bits are those of all rows at once.

        Yields
        ------
        object
            What it returned, block by block.

        Raises
        ------
        DataError
            If a column is not there, or holds something else than when the model was trained.
        """

        def compute(block: tuple[pa.Table, Array]) -> Result:
            table, rows = block
            return function(table, rows if plan is None else plan.expand(rows, self._model.dtype))

        plan = None if self._model.encoder is None else self._settled_plan()
        chunk = CHUNK * self._model.network.inputs
        rows = CHUNK * max(1, min(MAX_CHUNKS, MAX_BLOCK_NUMBERS // chunk))
        workers = max(1, min(usable_cores(), MAX_NUMBERS // (rows * self._model.network.inputs)))
        blocks = self._plain_blocks(rows) if plan is None else self._coded_blocks(plan, rows)
        with limited_threads(1):
            yield from map_in_order(compute, blocks, workers)

    def _settled_plan(self) -> TablePlan:
        """Return the encoder's plan with the decimal marks of this table."""
        plan, _ = encoder_from_dict(cast("Any", self._model.encoder))
        with _naming(self._table.path):
            return plan.settled(self._sample(plan.open_marks))

    def _coded_blocks(self, plan: TablePlan, rows: int) -> Generator[tuple[pa.Table, Array]]:
        """Read the rows and turn them into codes; tell at the end what was counted."""
        coding = TableCoding(plan)
        for block in self._read(rows, self._screen.say):
            table = with_gaps(block, plan.gaps)  # in the target too
            with _naming(self._table.path):
                codes = coding.code(table)
            yield table, codes
        with _naming(self._table.path):
            notes = coding.finish()
        tell_notes(self._screen, notes)
        self.notes = {name: dict(counts) for name, counts in notes.items() if counts}

    def _plain_blocks(self, rows: int) -> Generator[tuple[pa.Table, Array]]:
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
