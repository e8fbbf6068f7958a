"""Rows of a table as a model reads them: cells, features of each column, targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.data.dataset import Samples
from twofold.data.fingerprint import data_hash
from twofold.data.stored import Stored, evenly_spread
from twofold.errors import DataError, SpecificationError, nearest
from twofold.functions import LOSSES
from twofold.saving.model import Model
from twofold.tables.cells import holds
from twofold.tables.forms import infer_forms, read_numbers
from twofold.tables.frames import as_table
from twofold.tables.gaps import with_gaps
from twofold.tables.packed import cells_of_codes
from twofold.tables.plan import Plan
from twofold.tables.problem import encoder_from_dict, target_from_dict
from twofold.tables.targets import Target

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TableRows:
    """Rows that have a target, beside the model that reads them.

    Attributes
    ----------
    model : Model
        Of a table; it predicts classes or one number.
    cells : pyarrow.Table, n rows
        All columns as they are, those too that the model doesn't use.
    X : ndarray, shape (n, d)
        Features.
    y : ndarray, shape (n,)
        Class indices, or numbers in the target's own units.
    numbers : ndarray of int64, shape (n,)
        The number of each row in the table that it comes from, counted from 0.
    blocks : dict of str to slice
        The features of each column that the model uses.
    plans : dict of str to Plan
        How each becomes features; empty if they are taken as numbers as they are.
    """

    model: Model
    cells: pa.Table
    X: Array
    y: Array
    numbers: Array
    blocks: Mapping[str, slice]
    plans: Mapping[str, Plan]

    @classmethod
    def of(cls, model: Model, table: Any, *, numbers: Array | None = None) -> TableRows:
        """Read a table's rows; those without a target, or of a class that the model doesn't know, are left out.

        Parameters
        ----------
        model : Model
            Trained on a table.
        table : pyarrow.Table, pandas or polars data frame, mapping of columns, list of records
            With the column that is predicted.
        numbers : ndarray of int64, shape (n,), optional
            Of the rows, if they are part of a larger table.

        Returns
        -------
        TableRows

        Raises
        ------
        SpecificationError
            If the model was trained on something else, or predicts several things at a time.
        DataError
            If a column is not there or holds something else, or no row has a target.
        """
        cells, target = as_table(table), target_of(model)
        _check(model, target, cells)
        plan = None if model.encoder is None else encoder_from_dict(model.encoder)[0]
        if plan is None:
            X = columns_of_numbers(model, cells)
        else:
            cells = with_gaps(cells, plan.gaps)
            X = plan.encode(cells, model.dtype)[0]
        y, present, _ = target.read_known(cells.column(target.name))
        if not len(y):
            target.read(cells.column(target.name))  # which says what it holds instead, if anything
            raise DataError(f"no row has a value of {target.name!r}; give rows with their target")
        own = np.flatnonzero(present)
        where = own if numbers is None else numbers[own]
        y = y if y.ndim == 1 else y[:, 0]
        plans = () if plan is None else plan.settled(cells).plans
        named = {each.name: each for each in plans}
        return cls(model, cells.take(own), X[own], y, where, _blocks(model, plans), named)

    @classmethod
    def of_packed(cls, model: Model, samples: Samples, most: int) -> TableRows:
        """Read evenly spread rows of a part of a packed table, whose numbers count the rows of that part.

        Parameters
        ----------
        model : Model
            Trained on the table.
        samples : Samples
            On disk, see `twofold.tables.packed`.
        most : int
            Rows.

        Returns
        -------
        TableRows
        """
        X, numbers = samples.X, evenly_spread(len(samples), most)
        if not isinstance(X, Stored):
            raise SpecificationError("the rows are no packed ones; give their table to TableRows.of")
        records, plan = np.array(X.records[numbers]), encoder_from_dict(model.encoder)[0]
        y = records["y"].astype(np.int64 if model.classes else np.float64)
        return cls(
            model,
            cells_of_codes(plan, records),
            X[numbers],
            y,
            numbers,
            _blocks(model, plan.plans),
            {each.name: each for each in plan.plans},
        )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def target(self) -> Target:
        """What is predicted."""
        return target_of(self.model)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; () if numbers are predicted."""
        return self.target.classes

    @property
    def trained_on(self) -> bool:
        """Whether these are the very rows that the model was trained on."""
        y = self.y if self.classes else self.y[:, None]
        if self.model.scaling is not None and not self.classes:
            y = self.model.scaling.targets(y)
        return bool(self.model.data_hash) and data_hash(Samples(self.X, y)) == self.model.data_hash

    def check_column(self, name: str) -> slice:
        """Return a column's features; raise `DataError` if the model doesn't use it."""
        if name not in self.blocks:
            encoder = self.model.encoder
            reason = None if encoder is None else encoder_from_dict(encoder)[0].left_out.get(name)
            why = f"the model doesn't use it ({reason})" if reason else "the model has no such column"
            raise DataError(
                f"column {name!r}: {why}; its columns are {', '.join(self.blocks)}{nearest(name, self.blocks)}"
            )
        return self.blocks[name]

    def some(self, most: int) -> TableRows:
        """Return evenly spread rows, if there are more than so many."""
        if len(self) <= most:
            return self
        rows = evenly_spread(len(self), most)
        return replace(self, cells=self.cells.take(rows), X=self.X[rows], y=self.y[rows], numbers=self.numbers[rows])

    def outputs(self, X: Array | None = None) -> Array:
        """Compute raw outputs of the classes (n, q), or predict numbers (n,), of these rows or of other features."""
        X = self.X if X is None else X
        if self.classes:
            return class_outputs(self.model, X)
        return self.model.predict(X)[:, 0].astype(np.float64)


def describe_columns(model: Model, table: pa.Table | None = None) -> list[tuple[str, str, str]]:
    """Tell of each column its name, its kind, and what becomes of it: without an encoder, numbers as they are."""
    if model.encoder is not None or table is None:
        return encoder_from_dict(model.encoder)[0].describe()
    X = columns_of_numbers(model, table)
    ends = zip(model.features, X.min(axis=0), X.max(axis=0), strict=True)
    return [(name, "number", f"{low:g} to {high:g}") for name, low, high in ends]


def target_of(model: Model) -> Target:
    """Return the model's target, as a table has it."""
    if model.encoder is not None:
        return target_from_dict(model.encoder)
    classes = LOSSES[model.network.loss].targets.compete or model.tells_two_apart
    return Target(model.target, "classification" if classes else "regression", model.classes)


def class_outputs(model: Model, X: Array) -> Array:
    """Compute raw outputs, one for each class: of a single output o, which tells two apart, (0, o)."""
    O = model.outputs(X)
    return O if O.shape[1] > 1 else np.hstack([np.zeros_like(O), O])


def outputs_to_score(model: Model, X: Array, *, classes: bool) -> Array:
    """Compute raw outputs of classes (n, q), or predict numbers (n,), from features in the data's own units.

    Raises
    ------
    SpecificationError
        If it predicts several labels or several numbers at a time.
    """
    if classes:
        return class_outputs(model, X)
    if LOSSES[model.network.loss].targets.has_accuracy or model.network.outputs > 1:
        raise SpecificationError(f"the model predicts {model.network.outputs} things at a time; scores are for one")
    return model.predict(X)[:, 0].astype(np.float64)


def columns_of_numbers(
    model: Model, table: pa.Table, *, decimals: Mapping[str, str] | None = None, start: int = 0
) -> Array:
    """Return the columns that a model without an encoder takes as they are, (n, d).

    Parameters
    ----------
    model : Model
    table : pyarrow.Table
    decimals : mapping of str to str, optional
        What `decimals_of_numbers` returns of a whole table, if this is a block of it.
    start : int
        Rows before the block.

    Raises
    ------
    DataError
        If a column is not there, or a cell is no number.
    """
    decimals = decimals_of_numbers(model, table) if decimals is None else decimals
    columns = []
    for name in model.features:
        column = table.column(name)
        if holds(column) not in ("numbers", "booleans") and name not in decimals:
            raise DataError(f"column {name!r} is of {column.type}; the model was trained on numbers")
        columns.append(read_numbers(name, column, decimals.get(name, "."), start))
        if (gaps := np.flatnonzero(np.isnan(columns[-1]))).size:
            raise DataError(f"column {name!r} has no number in row {start + gaps[0]} (counted from 0); fill it")
    return np.stack(columns, axis=1)


def decimals_of_numbers(model: Model, table: pa.Table) -> dict[str, str]:
    """Return the decimal marks of the columns of a model without an encoder; `DataError` if one is not there."""
    missing = [name for name in model.features if name not in table.column_names]
    if missing:
        raise DataError(
            f"there is no column {', '.join(map(repr, missing))}, which the model was trained on; "
            f"the columns are {', '.join(table.column_names)}"
        )
    return infer_forms(table.select(list(model.features))).decimals


def _check(model: Model, target: Target, cells: pa.Table) -> None:
    if model.encoder is None and not (model.features and model.target):
        raise SpecificationError(
            "the model was not trained on a table with names of columns; train it on one: twofold train mlp FILE"
        )
    several = model.network.outputs > 1 and not target.classes
    if several or (LOSSES[model.network.loss].targets.has_accuracy and not target.classes):
        raise SpecificationError(f"the model predicts {model.network.outputs} things at a time; this is for one")
    if target.name not in cells.column_names:
        raise DataError(
            f"there is no column {target.name!r}, the target; the columns are {', '.join(cells.column_names)}"
        )


def _blocks(model: Model, plans: tuple[Plan, ...]) -> dict[str, slice]:
    if not plans:
        return {name: slice(k, k + 1) for k, name in enumerate(model.features)}
    blocks, start = {}, 0
    for plan in plans:
        end = start + len(plan.feature_names())
        blocks[plan.name] = slice(start, end)
        start = end
    return blocks
