"""What ``twofold predict`` and ``twofold evaluate`` have in common: a model, and rows in the form that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from twofold.cli.screen import Screen
from twofold.cli.table_job import tell_notes
from twofold.errors import DataError, SpecificationError
from twofold.inspect.table_rows import columns_of_numbers
from twofold.saving import Model
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import encoder_from_dict
from twofold.tables.reading import read_table, without_empty_rows

Array = NDArray[Any]


def open_rows(
    screen: Screen, model: Model, path: Path, *, header: bool | None = None, encoding: str | None = None
) -> tuple[pa.Table, Array, dict[str, dict[str, int]]]:
    """Read a table and turn it into the features that a model was trained on; tell what is not as it was then.

    Parameters
    ----------
    screen : Screen
    model : Model
        Of a table, with its encoder or with the names of columns of numbers.
    path : Path
    header, encoding
        As for `read_table`.

    Returns
    -------
    table : pyarrow.Table
    X : ndarray, shape (n, d)
    notes : dict of str to dict
        What was counted, per column.

    Raises
    ------
    SpecificationError
        If the model predicts from something else than a table.
    DataError
        If a column is not there, or holds something else than when the model was trained.
    """
    if model.encoder is None:
        if not model.features:
            raise SpecificationError(
                f"the model was not trained on a table with names of columns but on {model.data_name or 'arrays'}; "
                "on a data set: twofold evaluate MODEL --data NAME"
            )
        table = _read(screen, path, (*model.features, model.target), header=header, encoding=encoding)
        try:
            return table, columns_of_numbers(model, table), {}
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
    plan, target = encoder_from_dict(model.encoder)
    text = [*plan.text_columns, *([target.name] if target.classes or target.decimal == "," else [])]
    table = _read(screen, path, (*plan.columns, target.name), text=text, header=header, encoding=encoding)
    table = with_gaps(table, plan.gaps)
    try:
        X, notes = plan.encode(table, model.dtype)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    tell_notes(screen, notes)
    return table, X, {name: dict(counts) for name, counts in notes.items() if counts}


def _read(screen: Screen, path: Path, expected: tuple[str, ...], *, header: bool | None, **how: Any) -> pa.Table:
    """Read the rows of a table that should have certain columns."""
    header_or_names = expected if header is None else header
    table = read_table(path, header=header_or_names, numbers=None, say=screen.say, **how)
    if "" in expected and "" not in table.column_names:  # models of before have a column without a name as it was
        nameless = [name for name in table.column_names if name.startswith("Unnamed: ")][:1]
        table = table.rename_columns(["" if name in nameless else name for name in table.column_names])
    return without_empty_rows(table, screen.say)
