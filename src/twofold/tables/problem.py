"""From a table to something to train on: rows without a target dropped, rows split, columns encoded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.data.dataset import Dataset, Samples
from twofold.data.scaling import Scaling
from twofold.dataclass_json import from_dict
from twofold.errors import DataError, SpecificationError, check_name, nearest
from twofold.tables.cells import holds, numbers
from twofold.tables.column_inference import Choices
from twofold.tables.forms import TableForms, infer_forms, read_numbers
from twofold.tables.row_numbers import row_numbers
from twofold.tables.splitting import split_rows
from twofold.tables.table_plan import TablePlan, learn_table, tell_gaps
from twofold.tables.target_scale import infer_bend
from twofold.tables.targets import TASKS, Target

Array = NDArray[Any]

MIN_ROWS = 2  # of a training set
MAX_TARGET = 1e150  # of a target


@dataclass(frozen=True)
class Problem:
    """A table made ready.

    Attributes
    ----------
    data : Dataset
        Of features; its scaling is that of the target, where numbers are predicted by a network.
    validation : Samples or None
        Rows that choose the epoch; not in ``data.train``.
    plan : TablePlan
        Learned of the rows that are not in the test set.
    target : Target
    dropped : int
        Rows that had no target.
    notes : dict of str to Counter
        What was counted per column while encoding: see `TablePlan.encode`.
    remarks : tuple of str
        How cells were read, as far as a person should know.
    test_rows : ndarray of int64
        Numbers of the test set's rows in the table, counted from 0.
    """

    data: Dataset
    validation: Samples | None
    plan: TablePlan
    target: Target
    dropped: int
    notes: dict[str, Counter[str]]
    remarks: tuple[str, ...] = ()
    test_rows: Array = field(default_factory=lambda: np.empty(0, np.int64))

    def to_dict(self) -> dict[str, Any]:
        """Return what a model needs to read other tables, as JSON has it; see `encoder_from_dict`."""
        own = {"plan": self.plan.to_dict(), "target": self.target.to_dict()}
        found: dict[str, Any] = json.loads(json.dumps(own))  # lists for tuples, as it comes back from a file
        return found


def encoder_from_dict(value: Any) -> tuple[TablePlan, Target]:
    """Take out of a model's file what `Problem.to_dict` put there.

    Raises
    ------
    DataError
        If it is something else.
    """
    target = target_from_dict(value)
    return TablePlan.from_dict(value["plan"]), target


def target_from_dict(value: Any) -> Target:
    """Take out of a model's file the target alone, as `encoder_from_dict` does."""
    if not isinstance(value, Mapping) or not {"plan", "target"} <= set(value):
        raise DataError("the model's encoder is not that of a table: it has no plan and target")
    target = from_dict(Target, value["target"], "the model's target")
    check_name("task", target.task, TASKS)
    return target


def feature_columns(
    table: pa.Table,
    target: str,
    *,
    keep: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    weight: str | None = None,
    where: str = "the table",
) -> list[str]:
    """Settle which columns are predicted from.

    Parameters
    ----------
    table : pyarrow.Table
    target : str
    keep : sequence of str, optional
        Only these.
    drop : sequence of str
        Not these.
    weight : str, optional
        The column of sample weights, which is no feature.
    where : str
        Where the table comes from, for messages.

    Returns
    -------
    list of str

    Raises
    ------
    DataError
        If a column that is named is not there.
    SpecificationError
        If the target is to be a feature too, or no column is left.
    """
    special = [target, *([weight] if weight else [])]
    if weight == target:
        raise SpecificationError(f"column {target!r} is the target and can't be the weight too; name another")
    for name in [*special, *(keep or []), *drop]:
        if name not in table.column_names:
            hint, columns = nearest(name, table.column_names), ", ".join(table.column_names)
            raise DataError(f"{where}: there is no column {name!r}; the columns are {columns}{hint}")
    for name in special:
        if name in (keep or []):
            raise SpecificationError(f"column {name!r} can't be a feature too; take it out of the columns to keep")
    chosen = [name for name in keep or table.column_names if name not in (*special, *drop)]
    if not chosen:
        raise SpecificationError(f"{where}: no column is left to predict {target!r} from; drop fewer, or keep more")
    return chosen


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How a table is made ready, but for which rows are held out.

    Attributes
    ----------
    name : str
        Of the data set.
    weight : str, optional
        Column of sample weights.
    kinds, choices, numbered
        As for `learn_table`; columns that number the rows are looked for in all rows.
    forms : TableForms, optional
        How cells are written; otherwise inferred from all rows and columns.
    scale_target : bool
        Standardise numbers to predict, and keep predictions within the range of the training rows.
    bend_target : bool
        Where ``scale_target``: take their logarithm first if that predicts better, see `infer_bend`.
    seed : int
        Of the split.
    dtype : str
        Of the features.
    """

    name: str = "table"
    weight: str | None = None
    kinds: Mapping[str, str] | None = None
    choices: Choices | None = None
    numbered: Mapping[str, str] | None = None
    forms: TableForms | None = None
    scale_target: bool = True
    bend_target: bool = False
    seed: int = 0
    dtype: str = "float32"


def prepare(
    table: pa.Table,
    target: Target,
    features: Sequence[str],
    how: Preparation | None = None,
    *,
    test_fraction: float = 0.2,
    validation_fraction: float = 0.0,
) -> Problem:
    """Make a table ready to train on.

    Parameters
    ----------
    table : pyarrow.Table
    target : Target
    features : sequence of str
        Columns to predict from, see `feature_columns`.
    how : Preparation, optional
    test_fraction : float
        Part of the rows that is held out to score the model, of each class alike.
    validation_fraction : float
        Part of the other rows that is held out to choose the epoch.

    Returns
    -------
    Problem

    Raises
    ------
    DataError
        If too few rows have a target, no column is of use, or a number or weight can't be.
    """
    how = how or Preparation()
    y, present = target.read(table.column(target.name))
    rows = np.flatnonzero(present)
    if len(rows) < MIN_ROWS:
        raise DataError(
            f"{how.name} has {len(rows)} rows with a value of {target.name!r}; expected at least {MIN_ROWS}"
        )
    rest, test = split_rows(y, test_fraction, seed=how.seed)
    fit, held = split_rows(y[rest], validation_fraction, seed=how.seed, place=1)
    fit, held = rest[fit], rest[held]
    if len(fit) < MIN_ROWS:
        raise DataError(f"{how.name} has {len(fit)} rows left to train on; hold out fewer, or give more")
    chosen = table.select(list(features))
    forms = infer_forms(table) if how.forms is None else how.forms
    numbered = how.numbered
    if numbered is None:
        numbered = row_numbers(chosen, {*(how.kinds or ()), *forms.dates}) if len(features) > 1 else {}
    plan = learn_table(chosen.take(rows[rest]), how.choices, how.kinds, numbered=numbered, forms=forms)
    X, notes = plan.encode(chosen.take(rows), how.dtype)
    weights = None if how.weight is None else read_weights(how.weight, table, rows, forms)
    scaling = None
    if how.scale_target:
        numbers_to_predict = check_target_size(target.name, y)[rest] if target.task == "regression" else None
        scaling = target_scaling(X[rest], numbers_to_predict, how.bend_target)
        y = scaling.targets(y)

    def samples(part: Array) -> Samples:
        return Samples(X[part], y[part], None if weights is None else weights[part])

    tests = samples(test) if len(test) else None
    data = Dataset(how.name, samples(fit), tests, target.classes, plan.features, target.name, scaling)
    validation = samples(held) if len(held) else None
    numbers = {} if target.task == "classification" else {target.name: target.read(table.column(target.name))[0][:, 0]}
    remarks = forms.remarks + forms.doubts + tell_gaps(plan, chosen, numbers) + tell_scale(target.name, scaling)
    return Problem(data, validation, plan, target, table.num_rows - len(rows), notes, remarks, rows[test])


def plain_dataset(
    name: str, table: pa.Table, target: str, *, features: Sequence[str], weight: str | None = None
) -> Dataset:
    """Take columns of numbers without a gap as they are, as a data set of float64 to train on.

    Parameters
    ----------
    name : str
        Of the data set.
    table : pyarrow.Table
    target : str
    features : sequence of str
    weight : str, optional
        Column of sample weights.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a number is infinite, or a weight negative.
    """
    X = np.stack([numbers(feature, table.column(feature)) for feature in features], axis=1)
    y = numbers(target, table.column(target))[:, None]
    weights = None if weight is None else read_weights(weight, table, np.arange(table.num_rows), TableForms())
    return Dataset(name, Samples(X, y, weights), features=tuple(features), target=target)


def check_target_size(name: str, y: Array) -> Array:
    """Refuse numbers whose squares, and so their losses, no double holds."""
    if (far := float(np.abs(y).max())) > MAX_TARGET:
        raise DataError(f"column {name!r} goes up to {far:.3g}, whose square is no finite number; take a larger unit")
    return y


def target_scaling(X: Any, y: Array | None, bend: bool) -> Scaling:
    """Scale the target alone: features come scaled from their encoder."""
    none = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]))
    if y is None:
        return none
    own = Scaling.of(np.zeros((2, 1)), y)
    ends = {"target_low": y.min(axis=0), "target_high": y.max(axis=0)}
    scaling = replace(none, target_mean=own.target_mean, target_scale=own.target_scale, **ends)
    at = infer_bend(X, y[:, 0]) if bend else None
    return scaling if at is None else scaling.bent(np.array([at]), y)


def tell_scale(name: str, scaling: Scaling | None) -> tuple[str, ...]:
    """Say that the target's logarithm is predicted."""
    if scaling is None or scaling.target_bend is None:
        return ()
    at = f"{scaling.target_bend[0]:.3g}"
    return (f"column {name!r} has a heavy tail: above about {at} its logarithm is predicted, which errs less",)


def read_weights(name: str, table: pa.Table, rows: Array, forms: TableForms, *, start: int = 0) -> Array:
    """Return the weights of some rows of a table, or of a block of one before which `start` rows lie."""
    column = table.column(name)
    if holds(column) not in ("numbers", "booleans") and name not in forms.decimals:
        raise DataError(f"column {name!r} is of {column.type}; weights are numbers of at least 0")
    values = read_numbers(name, column, forms.decimals.get(name, "."), start)[rows]
    wrong = np.flatnonzero(~(values >= 0))
    if wrong.size:
        row = start + int(rows[wrong[0]])
        raise DataError(f"column {name!r}, row {row} (counted from 0) is {values[wrong[0]]}; a weight is at least 0")
    return values
