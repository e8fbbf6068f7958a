"""A table on disk, made ready to train on, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.cli.job import OpenedTable
from twofold.cli.notes import tell_notes
from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.cli.table_options import ColumnOptions, TableOptions
from twofold.data import Dataset
from twofold.errors import DataError, SpecificationError
from twofold.functions import LOSSES
from twofold.models import scales_targets
from twofold.scores import Estimate
from twofold.table_defaults import TableDefaults, table_defaults
from twofold.tables.cells import holds
from twofold.tables.column_inference import FREE_TEXT
from twofold.tables.forms import Forms, TableForms, infer_forms
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import Preparation, Problem, feature_columns, plain_dataset, prepare
from twofold.tables.reading import read_table, without_empty_rows
from twofold.tables.row_numbers import row_numbers
from twofold.tables.targets import MIN_ROWS_PER_CLASS, WHOLE, infer_target
from twofold.values import count

Array = NDArray[Any]

MAX_SHOWN = 100  # columns that are shown at most: a screen table of thousands takes longer than training
MAX_POSSIBLE_CLASSES = 100  # different whole numbers that may still be names of classes, to be asked for
MAX_MEMBERS = 50
MODEL_TASKS = {"linear": "regression", "softmax": "classification"}


def check_table_words(options: JobOptions, words: TableOptions, path: Path) -> None:
    """Check the words about a table as far as they go without it.

    Raises
    ------
    SpecificationError
        If the words don't go together.
    """
    if options.data is not None:
        raise SpecificationError(f"give --data {options.data} or the file {path}, not both")
    if words.target is None:
        raise SpecificationError(f"which column of {path} is to be predicted? name it with --target")
    expected = MODEL_TASKS.get(options.model)
    if expected and words.task not in (None, expected):
        raise SpecificationError(f"{options.model} is for {expected}; leave out --task {words.task}, or train mlp")
    check_columns(words)


def check_columns(words: ColumnOptions) -> None:
    """Raise `SpecificationError` if a part to hold out is none, or kinds are not names and kinds."""
    for option in ("test_fraction", "validation_fraction"):
        value = getattr(words, option)
        if value is not None and not 0 <= value < 1:
            raise SpecificationError(f"--{option.replace('_', '-')} is {value}; it must be at least 0 and less than 1")
    words.kinds_by_name()


def open_in_memory(
    screen: Screen, path: Path, options: JobOptions, *, words: TableOptions, given: set[str]
) -> OpenedTable:
    """Read a table and make it ready.

    Parameters
    ----------
    screen : Screen
    path : Path
    options : JobOptions
    words : TableOptions
    given : set of str
        Names of the options that the user gave; the others get the defaults for tables.

    Returns
    -------
    OpenedTable
    """
    name = words.target or ""
    text = [column for column, kind in words.kinds_by_name().items() if kind == "category"]
    gaps = tuple(words.names("gaps") or ())
    said = Forms(decimal=words.decimal, dates=words.dates, zone=words.zone, gaps=gaps)
    classes = options.model != "linear" and words.task != "regression"
    table = read_table(
        path,
        text=text,
        header=words.header,
        encoding=words.encoding,
        decimal=words.decimal,
        spelled=name if classes else None,
        numbers=words.kinds_by_name(),
        say=screen.say,
    )
    table = with_gaps(without_empty_rows(table, screen.say), gaps)
    keep, drop = words.names("features"), words.names("drop") or []
    features = feature_columns(table, name, keep=keep, drop=drop, weight=words.weight, where=str(path))
    special = [name, *([words.weight] if words.weight else [])]
    forms = infer_forms(table.select([*special, *features]), said)
    numbered = numbered_columns(screen, table.select(features), words, dates=forms.dates)
    counting = [feature for feature in features if feature not in numbered]
    plain = counting and all(_plain(table.column(column)) for column in [*special, *counting])
    if options.model == "linear" and plain and not (words.test_fraction or words.kinds):
        raw = plain_dataset(path.name, table, name, features=counting, weight=words.weight)
        return OpenedTable(options, raw, table=table)
    opened = _pose(path, table, features, options=options, words=words, given=given, numbered=numbered, forms=forms)
    if opened.problem is not None:
        tell_table(screen, opened.problem, {name: table.column(name).null_count for name in table.column_names})
        tell_forms(screen, opened.problem)
    return opened


def _plain(column: pa.ChunkedArray) -> bool:
    """Tell whether least squares can take a column as it is."""
    return holds(column) == "numbers" and not column.null_count


def numbered_columns(
    screen: Screen, table: pa.Table, words: ColumnOptions, *, dates: Collection[str] = ()
) -> dict[str, str]:
    """Find the features that number the rows, and say what becomes of them: what is named, or alone, is kept."""
    found = row_numbers(table, {*words.kinds_by_name(), *dates})
    kept = "it is named" if words.features else "there is no other to predict from" if table.num_columns == 1 else None
    for name, reason in found.items():
        number = holds(table.column(name)) == "numbers" or str(table.column(name).drop_null()[0]).isdigit()
        keep = f"; to keep it: --kinds {quote(f'{name}=number')}" if number else ""
        left_out = f"left out, as what is learned of it holds for no other row{keep}"
        screen.say(f"column {name!r}: {reason}; {left_out if kept is None else f'kept, as {kept}'}")
    return found if kept is None else {}


def _pose(
    path: Path,
    table: pa.Table,
    features: list[str],
    *,
    options: JobOptions,
    words: TableOptions,
    given: set[str],
    numbered: dict[str, str],
    forms: TableForms,
) -> OpenedTable:
    name, linear = words.target or "", options.model == "linear"
    domain = None if options.loss is None else LOSSES[LOSSES.check(options.loss)].targets
    numbers = linear or (domain is not None and not domain.has_accuracy)
    task = words.task or ("regression" if numbers else None)
    target = infer_target(name, table.column(name), task, decimal=forms.decimals.get(name))
    test = (0.0 if linear else 0.2) if words.test_fraction is None else words.test_fraction
    y, present = target.read(table.column(name))
    rows = int(present.sum())  # those that train and test; others have no target
    if domain is not None and target.task == "regression" and (outside := domain.outside(y)).any():
        first = int(outside.argmax())
        row = np.flatnonzero(present)[first]
        raise DataError(f"column {name!r} is {y[first, 0]:g} in row {row} (counted from 0); {domain.allowed}")
    usual = table_defaults(options.model, max(1, round((1 - test) * rows)), target.task)
    members = (
        1
        if given & {"checkpoint", "resume", "time_budget", "slices"} and words.members is None
        else _members(options.model, options.normalization, words, usual)
    )
    validation = usual.validation_fraction if words.validation_fraction is None else words.validation_fraction
    validation = 0.0 if members > 1 else validation
    if words.patience is not None and not validation and members == 1:
        raise SpecificationError(
            "--patience needs rows to choose the epoch by; hold some out: --validation-fraction 0.1"
        )
    how = Preparation(
        name=path.name,
        weight=words.weight,
        kinds=words.kinds_by_name(),
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
    open_words = {key: value for key, value in usual.words.items() if key not in given}
    options = replace(options, recipe=recipe, **open_words)
    held_out = problem.data.test is not None or problem.validation is not None
    again = (
        partial(made, test_fraction=0.0, validation_fraction=0.0) if held_out and words.refit and not linear else None
    )
    return OpenedTable(options, problem.data, problem, members, again, table)


def _members(model: str, normalization: str | None, words: TableOptions, usual: TableDefaults) -> int:
    """Settle how many networks are trained; one if validation rows are asked for."""
    if model != "mlp":
        if words.members not in (None, 1):
            raise SpecificationError(f"--members {words.members} is for mlp; {model} is one model")
        return 1
    if words.members is None:
        return 1 if words.validation_fraction is not None or normalization == "layer" else usual.members
    if not 1 <= words.members <= MAX_MEMBERS:
        raise SpecificationError(f"--members is {words.members}; it must be from 1 to {MAX_MEMBERS}")
    if words.members > 1 and words.validation_fraction:
        raise SpecificationError(
            "each of several members is judged on the rows it does not see; leave --validation-fraction out"
        )
    if words.members > 1 and normalization == "layer":
        raise SpecificationError("networks with layer normalisation can't be merged into one; take --members 1")
    return words.members


def _stable_rate(data: Dataset) -> float:
    """Return a learning rate of SGD at which rare categories, far out once they are standardised, do no harm.

    A minibatch's Hessian, of 10 rows, has no larger eigenvalue than the mean of ``|x|^2`` over it.
    """
    lengths = (data.standardized().train.X ** 2).sum(axis=1)
    return min(0.03, 1 / (1 + float(lengths.mean()) + float(lengths.max()) / 10))


def _left_out(rows: Sequence[tuple[str, str, str, str]]) -> str:
    number = sum(kind == "left out" for _, kind, _, _ in rows)
    return "none is" if not number else "1 is" if number == 1 else f"{number} are"


def tell_table(screen: Screen, problem: Problem, missing: Mapping[str, int]) -> None:
    """Print what was found in a table; ``missing`` are cells without a value, of the columns that were not encoded."""
    target, missing = problem.target, {**missing, **{name: own["missing"] for name, own in problem.notes.items()}}
    rows = [(name, kind, words, str(missing.get(name) or "")) for name, kind, words in problem.plan.describe()]
    screen.table(f"columns of {problem.data.name}", ("column", "kind", "", "missing"), rows[:MAX_SHOWN], text=3)
    if len(rows) > MAX_SHOWN:
        screen.say(
            f"and {count(len(rows) - MAX_SHOWN, 'column')} more, of which {_left_out(rows[MAX_SHOWN:])} left out"
        )
    what = f"{len(target.classes)} classes: {_some(target.classes)}" if target.classes else "numbers"
    screen.say(f"{target.task} of {target.name} ({target.because}), {what}")
    for line in _hints(problem):
        screen.say(line)
    if problem.dropped:
        screen.say(without(problem.dropped, target.name))
    parts = [("training", problem.data.train), ("validation", problem.validation), ("test", problem.data.test)]
    sizes = [count(len(part), f"{name} row") for name, part in parts if part is not None]
    screen.say(f"{', '.join(sizes)}; {count(problem.data.inputs, 'feature')}")


def _hints(problem: Problem) -> list[str]:
    """Say what to type where the data may mean something else, and what is not read at all."""
    target, lines = problem.target, []
    if WHOLE in target.because:
        different, rows = int(target.because.split()[0]), len(problem.data.train)
        if target.classes and different > 2:
            lines.append(
                f"if the values of {target.name} are amounts or grades, not names of classes: --task regression"
            )
        if not target.classes and different <= MAX_POSSIBLE_CLASSES and rows >= different * MIN_ROWS_PER_CLASS:
            lines.append(f"if the values of {target.name} are names of classes: --task classification")
    folded = Counter(name.casefold() for name in target.classes)
    if alike := [repr(name) for name in target.classes if folded[name.casefold()] > 1]:
        lines.append(f"classes that differ in capital letters alone stay apart: {_some(tuple(alike))}")
    free = [name for name, reason in problem.plan.left_out.items() if reason.startswith("free text")]
    return lines + ([f"column {', '.join(map(repr, free))}: {FREE_TEXT}"] if free else [])


def tell_forms(screen: Screen, problem: Problem) -> None:
    """Print how numbers and dates were read, and which cells could not be."""
    for remark in problem.remarks:
        screen.say(remark)
    tell_notes(screen, {name: Counter(unreadable=counts["unreadable"]) for name, counts in problem.notes.items()})


def tell_scores(screen: Screen, title: str, scores: list[Estimate]) -> dict[str, Any]:
    """Print scores with their intervals, and return them for JSON."""
    rows = [(score.name, f"{score.value:.4g}", score.interval, score.how) for score in scores]
    screen.table(title, ("", "value", "95 % interval", "kind of interval"), rows)
    return {score.name: score.to_dict() for score in scores}


def without(dropped: int, target: str) -> str:
    """Say how many rows have no target."""
    have, are = ("has", "is") if dropped == 1 else ("have", "are")
    return f"{count(dropped, 'row')} {have} no {target} and {are} left out"


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
