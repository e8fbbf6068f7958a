"""A packed table, ready to train on, for ``twofold train mlp FOLDER``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from twofold.cli.job import OpenedTable
from twofold.cli.options import JobOptions
from twofold.cli.screen import Screen
from twofold.cli.table_options import TableOptions
from twofold.errors import SpecificationError
from twofold.models import scales_targets
from twofold.table_defaults import table_defaults
from twofold.tables.packed import open_packed
from twofold.values import count

WINDOW = 1 << 15  # rows that are in memory at a time, if nobody says otherwise


def open_packed_table(
    screen: Screen, folder: Path, options: JobOptions, *, words: TableOptions, given: set[str]
) -> OpenedTable:
    """Open a packed table, whose rows stay on disk, with the defaults that a table in memory gets.

    Parameters
    ----------
    screen : Screen
    folder : Path
    options : JobOptions
    words : TableOptions
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
    if options.data is not None:
        raise SpecificationError(f"give --data {options.data} or the folder {folder}, not both")
    if options.model != "mlp":
        raise SpecificationError(
            f"{folder} was packed for mlp; train mlp on it, or {options.model} on the table itself"
        )
    _refuse(folder, words)
    packed = open_packed(folder)
    if words.target not in (None, packed.target.name):
        raise SpecificationError(f"{folder} was packed to predict {packed.target.name!r}; pack it for {words.target!r}")
    problem = packed.problem(scale_target=scales_targets(options.loss), bend_target=options.loss is None)
    usual = table_defaults("mlp", packed.sizes["train"] + packed.sizes["validation"], packed.target.task)
    recipe = {"window": WINDOW} | usual.recipe | options.recipe
    open_words = {key: value for key, value in usual.words.items() if key not in given}
    screen.say(
        f"{folder}: {count(len(problem.data.train), 'training row')}, {count(problem.data.inputs, 'feature')}, "
        f"{recipe['window'] or 'all'} rows in memory at a time"
    )
    return OpenedTable(replace(options, recipe=recipe, **open_words), problem.data, problem)


def _refuse(folder: Path, words: TableOptions) -> None:
    """Raise `SpecificationError` at an option that comes too late, or that takes all rows in memory."""
    free = {"target", "patience", "refit"}
    for name in [name for name in words.given() if name not in free]:
        if name == "members":
            raise SpecificationError(f"{folder} is packed, and trains one network; leave out --members")
        option = name.replace("_", "-")
        raise SpecificationError(f"{folder} is packed already; leave out --{option}, or pack the table with it")
