"""A table on disk, made ready to train on, and what is told of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.cli.table_options import TableOptions
from twofold.errors import SpecificationError
from twofold.scores import Estimate
from twofold.table_defaults import table_defaults
from twofold.tables.cells import holds
from twofold.tables.problem import Problem, feature_columns, pose
from twofold.tables.reading import read_table
from twofold.tables.targets import study_target

MODEL_TASKS = {"linear": "regression", "softmax": "classification"}


def check_table_words(options: JobOptions, words: TableOptions, path: Path) -> str:
    """Check the words about a table as far as they go without it; return the target's name.

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
    for option in ("test_fraction", "validation_fraction"):
        value = getattr(words, option)
        if value is not None and not 0 <= value < 1:
            raise SpecificationError(f"--{option.replace('_', '-')} is {value}; it must be at least 0 and less than 1")
    words.kinds_by_name()
    return words.target


def read(path: Path, words: TableOptions) -> pa.Table:
    """Read the table; columns that are said to be categories as text, so that 007 stays 007."""
    text = [name for name, kind in words.kinds_by_name().items() if kind == "category"]
    return read_table(path, text=text, header=words.header)


def is_numbers(table: pa.Table, columns: list[str]) -> bool:
    """Tell whether these columns hold numbers without a gap: then least squares takes them as they are."""
    return all(holds(table.column(name)) == "numbers" and not table.column(name).null_count for name in columns)


def pose_table(
    screen: Screen, table: pa.Table, path: Path, options: JobOptions, *, words: TableOptions, given: set[str]
) -> tuple[JobOptions, Problem]:
    """Make a table ready, and tell what was found in it.

    Parameters
    ----------
    screen : Screen
    table : pyarrow.Table
    path : Path
        Where it comes from.
    options : JobOptions
    words : TableOptions
    given : set of str
        Names of the options that the user gave; the others get the defaults for tables.

    Returns
    -------
    options : JobOptions
        With those defaults.
    problem : Problem
    """
    name = check_table_words(options, words, path)
    keep, drop = words.names("features"), words.names("drop") or []
    features = feature_columns(table, name, keep=keep, drop=drop, weight=words.weight, where=str(path))
    task = words.task or ("regression" if options.model == "linear" else None)
    target = study_target(name, table.column(name), task)
    test = words.test_fraction
    test = (0.0 if options.model == "linear" else 0.2) if test is None else test
    usual = table_defaults(options.model, max(1, round((1 - test) * table.num_rows)))
    validation = words.validation_fraction
    problem = pose(
        table,
        target,
        features,
        name=path.name,
        weight=words.weight,
        kinds=words.kinds_by_name(),
        choices=usual.choices,
        test_fraction=test,
        validation_fraction=usual.validation_fraction if validation is None else validation,
        scale_target=options.model != "linear",
        seed=options.seed,
        dtype="float64" if options.model == "linear" else "float32",
    )
    tell_table(screen, table, problem)
    return replace(options, **{key: value for key, value in usual.words.items() if key not in given}), problem


def tell_table(screen: Screen, table: pa.Table, problem: Problem) -> None:
    """Print what was found in a table."""
    target, missing = problem.target, {name: table.column(name).null_count for name in table.column_names}
    rows = [(name, kind, words, str(missing.get(name) or "")) for name, kind, words in problem.plan.describe()]
    screen.table(f"columns of {problem.data.name}", ("column", "kind", "", "missing"), rows, text=3)
    what = f"{len(target.classes)} classes: {_some(target.classes)}" if target.classes else "numbers"
    screen.say(f"{target.task} of {target.name} ({target.because}), {what}")
    if problem.dropped:
        screen.say(f"{problem.dropped} rows have no {target.name} and are left out")
    parts = [("training", problem.data.train), ("validation", problem.validation), ("test", problem.data.test)]
    sizes = [f"{len(part)} {name} rows" for name, part in parts if part is not None]
    screen.say(f"{', '.join(sizes)}; {problem.data.inputs} features")


def tell_notes(screen: Screen, notes: dict[str, Counter[str]]) -> None:
    """Print what is not as it was in the training set."""
    texts = {
        "unseen": "a category that was not in the training set",
        "out of range": "a number beyond those of the training set",
        "newly missing": "no value, where the training set always had one",
        "unreadable": "a cell that can't be read, and counts as missing",
    }
    for name, counts in notes.items():
        for kind, text in texts.items():
            if counts[kind]:
                screen.say(f"column {name}: {counts[kind]} rows have {text}")


def tell_scores(screen: Screen, title: str, scores: list[Estimate]) -> dict[str, Any]:
    """Print scores with their intervals, and return them for JSON."""
    rows = [(score.name, f"{score.value:.4g}", f"{score.low:.4g} to {score.high:.4g}", score.how) for score in scores]
    screen.table(title, ("", "value", "95 % interval", "kind of interval"), rows)
    return {score.name: score.to_dict() for score in scores}


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
