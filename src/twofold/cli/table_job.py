"""A table on disk, in memory or packed, made ready to train on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.cli.job import OpenedTable
from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.cli.table_notes import tell_forms, tell_table
from twofold.cli.table_options import ColumnOptions, TableOptions
from twofold.data import Dataset
from twofold.errors import DataError, SpecificationError
from twofold.functions import LOSSES
from twofold.models import scales_targets
from twofold.table_defaults import TableDefaults, table_defaults
from twofold.tables.cells import holds
from twofold.tables.forms import Forms, TableForms, infer_forms
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import Preparation, feature_columns, plain_dataset, prepare
from twofold.tables.reading import read_table, without_empty_rows
from twofold.tables.row_numbers import row_numbers
from twofold.tables.targets import infer_target
from twofold.values import count

Array = NDArray[Any]

MAX_MEMBERS = 50
WINDOW = 1 << 15  # rows of a packed table that are in memory at a time, if nobody says otherwise
MODEL_TASKS = {"linear": "regression", "softmax": "classification"}


def check_table_options(options: JobOptions, table_options: TableOptions, path: Path) -> None:
    """Check the options about a table as far as they go without it.

    Raises
    ------
    SpecificationError
        If the options don't go together.
    """
    if options.data is not None:
        raise SpecificationError(f"give --data {options.data} or the file {path}, not both")
    if table_options.target is None:
        raise SpecificationError(f"which column of {path} is to be predicted? name it with --target")
    expected = MODEL_TASKS.get(options.model)
    if expected and table_options.task not in (None, expected):
        raise SpecificationError(
            f"{options.model} is for {expected}; leave out --task {table_options.task}, or train mlp"
        )
    check_columns(table_options)


def check_columns(column_options: ColumnOptions) -> None:
    """Raise `SpecificationError` if a part to hold out is none, or kinds are not names and kinds."""
    for option in ("test_fraction", "validation_fraction"):
        value = getattr(column_options, option)
        if value is not None and not 0 <= value < 1:
            raise SpecificationError(f"--{option.replace('_', '-')} is {value}; it must be at least 0 and less than 1")
    column_options.kinds_by_name()


def open_in_memory(
    screen: Screen, path: Path, options: JobOptions, *, table_options: TableOptions, given: set[str]
) -> OpenedTable:
    """Read a table and make it ready.

    Parameters
    ----------
    screen : Screen
    path : Path
    options : JobOptions
    table_options : TableOptions
    given : set of str
        Names of the options that the user gave; the others get the defaults for tables.

    Returns
    -------
    OpenedTable
    """
    name = table_options.target or ""
    text = [column for column, kind in table_options.kinds_by_name().items() if kind == "category"]
    gaps = tuple(table_options.names("gaps") or ())
    said = Forms(decimal=table_options.decimal, dates=table_options.dates, zone=table_options.zone, gaps=gaps)
    classes = options.model != "linear" and table_options.task != "regression"
    table = read_table(
        path,
        text=text,
        header=table_options.header,
        encoding=table_options.encoding,
        decimal=table_options.decimal,
        spelled=name if classes else None,
        numbers=table_options.kinds_by_name(),
        say=screen.say,
    )
    table = with_gaps(without_empty_rows(table, screen.say), gaps)
    keep, drop = table_options.names("features"), table_options.names("drop") or []
    features = feature_columns(table, name, keep=keep, drop=drop, weight=table_options.weight, where=str(path))
    special = [name, *([table_options.weight] if table_options.weight else [])]
    forms = infer_forms(table.select([*special, *features]), said)
    numbered = numbered_columns(screen, table.select(features), table_options, dates=forms.dates)
    counting = [feature for feature in features if feature not in numbered]
    plain = counting and all(_plain(table.column(column)) for column in [*special, *counting])
    if options.model == "linear" and plain and not (table_options.test_fraction or table_options.kinds):
        raw = plain_dataset(path.name, table, name, features=counting, weight=table_options.weight)
        return OpenedTable(options, raw, table=table)
    opened = _prepare(
        path, table, features, options=options, table_options=table_options, given=given, numbered=numbered, forms=forms
    )
    if opened.problem is not None:
        tell_table(screen, opened.problem, {name: table.column(name).null_count for name in table.column_names})
        tell_forms(screen, opened.problem)
    return opened


def _plain(column: pa.ChunkedArray) -> bool:
    """Tell whether least squares can take a column as it is."""
    return holds(column) == "numbers" and not column.null_count


def numbered_columns(
    screen: Screen, table: pa.Table, column_options: ColumnOptions, *, dates: Collection[str] = ()
) -> dict[str, str]:
    """Find the features that number the rows, and say what becomes of them: what is named, or alone, is kept."""
    found = row_numbers(table, {*column_options.kinds_by_name(), *dates})
    kept = (
        "it is named"
        if column_options.features
        else "there is no other to predict from"
        if table.num_columns == 1
        else None
    )
    for name, reason in found.items():
        number = holds(table.column(name)) == "numbers" or str(table.column(name).drop_null()[0]).isdigit()
        keep = f"; to keep it: --kinds {quote(f'{name}=number')}" if number else ""
        left_out = f"left out, as what is learned of it holds for no other row{keep}"
        screen.say(f"column {name!r}: {reason}; {left_out if kept is None else f'kept, as {kept}'}")
    return found if kept is None else {}


def _prepare(
    path: Path,
    table: pa.Table,
    features: list[str],
    *,
    options: JobOptions,
    table_options: TableOptions,
    given: set[str],
    numbered: dict[str, str],
    forms: TableForms,
) -> OpenedTable:
    name, linear = table_options.target or "", options.model == "linear"
    domain = None if options.loss is None else LOSSES[LOSSES.check(options.loss)].targets
    numbers = linear or (domain is not None and not domain.has_accuracy)
    task = table_options.task or ("regression" if numbers else None)
    target = infer_target(name, table.column(name), task, decimal=forms.decimals.get(name))
    test = (0.0 if linear else 0.2) if table_options.test_fraction is None else table_options.test_fraction
    y, present = target.read(table.column(name))
    rows = int(present.sum())  # those that train and test; others have no target
    if domain is not None and target.task == "regression" and (outside := domain.outside(y)).any():
        first = int(outside.argmax())
        row = np.flatnonzero(present)[first]
        raise DataError(f"column {name!r} is {y[first, 0]:g} in row {row} (counted from 0); {domain.allowed}")
    usual = table_defaults(options.model, max(1, round((1 - test) * rows)), target.task)
    members = (
        1
        if given & {"checkpoint", "resume", "time_budget", "slices"} and table_options.members is None
        else _members(options.model, options.normalization, table_options, usual)
    )
    validation = (
        usual.validation_fraction if table_options.validation_fraction is None else table_options.validation_fraction
    )
    validation = 0.0 if members > 1 else validation
    if table_options.patience is not None and not validation and members == 1:
        raise SpecificationError(
            "--patience needs rows to choose the epoch by; hold some out: --validation-fraction 0.1"
        )
    how = Preparation(
        name=path.name,
        weight=table_options.weight,
        kinds=table_options.kinds_by_name(),
        choices=usual.choices,
        numbered=numbered,
        forms=forms,
        scale_target=not linear and scales_targets(options.loss),
        bend_target=options.model == "mlp" and options.loss is None,
        seed=options.first_weights["seed"],
        dtype="float64" if linear else "float32",
    )
    made = partial(prepare, table, target, features, how)
    problem = made(test_fraction=test, validation_fraction=validation)
    recipe = usual.recipe | ({"learning_rate": _stable_rate(problem.data)} if linear else {}) | options.recipe
    left_open = {key: value for key, value in usual.options.items() if key not in given}
    options = replace(options, recipe=recipe, **left_open)
    held_out = problem.data.test is not None or problem.validation is not None
    again = (
        partial(made, test_fraction=0.0, validation_fraction=0.0)
        if held_out and table_options.refit and not linear
        else None
    )
    return OpenedTable(options, problem.data, problem, members, again, table)


def _members(model: str, normalization: str | None, table_options: TableOptions, usual: TableDefaults) -> int:
    """Settle how many networks are trained; one if validation rows are asked for."""
    if model != "mlp":
        if table_options.members not in (None, 1):
            raise SpecificationError(f"--members {table_options.members} is for mlp; {model} is one model")
        return 1
    if table_options.members is None:
        return 1 if table_options.validation_fraction is not None or normalization == "layer" else usual.members
    if not 1 <= table_options.members <= MAX_MEMBERS:
        raise SpecificationError(f"--members is {table_options.members}; it must be from 1 to {MAX_MEMBERS}")
    if table_options.members > 1 and table_options.validation_fraction:
        raise SpecificationError(
            "each of several members is judged on the rows it does not see; leave --validation-fraction out"
        )
    if table_options.members > 1 and normalization == "layer":
        raise SpecificationError("networks with layer normalisation can't be merged into one; take --members 1")
    return table_options.members


def _stable_rate(data: Dataset) -> float:
    """Return a learning rate of SGD at which rare categories, far out once they are standardised, do no harm.

    A minibatch's Hessian, of 10 rows, has no larger eigenvalue than the mean of ``|x|^2`` over it.
    """
    lengths = (data.standardized().train.X ** 2).sum(axis=1)
    return min(0.03, 1 / (1 + float(lengths.mean()) + float(lengths.max()) / 10))


def open_packed_table(
    screen: Screen, folder: Path, options: JobOptions, *, table_options: TableOptions, given: set[str]
) -> OpenedTable:
    """Open a packed table, whose rows stay on disk, with the defaults that a table in memory gets.

    Parameters
    ----------
    screen : Screen
    folder : Path
    options : JobOptions
    table_options : TableOptions
        Those about training; what was settled when the table was packed is refused.
    given : set of str
        Names of the options that the user gave.

    Returns
    -------
    OpenedTable

    Raises
    ------
    SpecificationError
        If more is asked for than a packed table has.
    """
    from twofold.tables.packed import open_packed  # not at the top: most tables are not packed

    if options.data is not None:
        raise SpecificationError(f"give --data {options.data} or the folder {folder}, not both")
    if options.model != "mlp":
        raise SpecificationError(
            f"{folder} was packed for mlp; train mlp on it, or {options.model} on the table itself"
        )
    _refuse_for_packed(folder, table_options)
    packed = open_packed(folder)
    if table_options.target not in (None, packed.target.name):
        raise SpecificationError(
            f"{folder} was packed to predict {packed.target.name!r}; pack it for {table_options.target!r}"
        )
    problem = packed.problem(scale_target=scales_targets(options.loss), bend_target=options.loss is None)
    usual = table_defaults("mlp", packed.sizes["train"] + packed.sizes["validation"], packed.target.task)
    recipe = {"window": WINDOW} | usual.recipe | options.recipe
    left_open = {key: value for key, value in usual.options.items() if key not in given}
    screen.say(
        f"{folder}: {count(len(problem.data.train), 'training row')}, {count(problem.data.inputs, 'feature')}, "
        f"{recipe['window'] or 'all'} rows in memory at a time"
    )
    return OpenedTable(replace(options, recipe=recipe, **left_open), problem.data, problem)


def _refuse_for_packed(folder: Path, table_options: TableOptions) -> None:
    """Raise `SpecificationError` at an option that comes too late, or that takes all rows in memory."""
    free = {"target", "patience", "refit"}
    for name in [name for name in table_options.given() if name not in free]:
        if name == "members":
            raise SpecificationError(f"{folder} is packed, and trains one network; leave out --members")
        option = name.replace("_", "-")
        raise SpecificationError(f"{folder} is packed already; leave out --{option}, or pack the table with it")
