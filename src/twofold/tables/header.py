"""The first line of a table: whether it names the columns, and what columns without a name are called."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

from twofold.errors import FileFormatError
from twofold.tables.encodings import Say

NUMBERED = re.compile(r"column\d+")  # a column of a file without names
MAX_NUMBER_STEP = 100  # from a name that is a number to the next, at most
_YEAR = re.compile(r"1[89]\d\d|20\d\d")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?|nan|[+-]?inf", re.IGNORECASE)


def names_columns(
    path: Path, rows: Sequence[Sequence[str]], header: bool | Collection[str] | None, *, say: Say
) -> bool:
    """Tell whether the first line names the columns.

    Parameters
    ----------
    path : Path
        For messages.
    rows : sequence of sequence of str
        Cells of the first lines, at least one.
    header : bool, collection of str or None
        As the user says, if at all; or names of columns that the table should have, of which one in the first line is
        enough.
    say : callable
        Told of a name that is a number, and no year.

    Returns
    -------
    bool

    Raises
    ------
    FileFormatError
        If it looks like a row, so that as names it would be lost, and the user has not said what it is.
    """
    if isinstance(header, bool):
        return header
    first = [cell.strip() for cell in rows[0]]
    if header:
        return not set(first).isdisjoint(header) or not all(map(NUMBERED.fullmatch, header))
    shown = ", ".join(cell[:20] for cell in first[:4])
    if all(_is_number(cell) for cell in first):
        raise FileFormatError(f"{path}: the first line holds numbers ({shown}), not names; say so with --no-header")
    if _looks_like_a_row(first, [[cell.strip() for cell in row] for row in rows[1:]]):
        raise FileFormatError(
            f"{path}: the first line looks like a row ({shown}{', ...' if len(first) > 4 else ''}), not like names; if "
            "it is one: --no-header, and the columns are column1, column2, ...; if it isn't: --header"
        )
    numbers = [cell for cell in first if _is_number(cell) and not _YEAR.fullmatch(cell)]
    if len(numbers) == 1:
        say(f"a column is named {numbers[0]!r}; if the first line is a row and not names: --no-header")
    return True


def _looks_like_a_row(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Tell by numbers in no order, as names such as years have one, by words that are cells further down, by dates."""
    numbers = [float(cell.replace(",", ".")) for cell in first if _is_number(cell)]
    again = any(row == list(first) for row in below)  # as where files were put one below the other
    texts = [k for k, cell in enumerate(first) if cell and not _is_number(cell)]
    found = sum(not again and any(k < len(row) and row[k] == first[k] for row in below) for k in texts)
    steps = [b - a for a, b in pairwise(numbers)]
    years = all(_YEAR.fullmatch(cell) for cell in first if _is_number(cell))
    ordered = all(0 < step < MAX_NUMBER_STEP for step in steps) or (years and all(step < 0 for step in steps))
    dated = any(_DATE.match(first[k]) and _DATE.match(below[0][k]) for k in texts if below and k < len(below[0]))
    return not ordered or dated or (bool(numbers) and found > 0) or 0 < len(texts) <= 2 * found


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


def column_names(cells: Sequence[str], *, header: bool) -> tuple[list[str], list[int]]:
    """Name the columns.

    Parameters
    ----------
    cells : sequence of str
        Of the first line.
    header : bool
        They are names; otherwise the columns are column1, column2, ...

    Returns
    -------
    names : list of str
        Those without one are called as pandas calls them, ``Unnamed: 0`` by their place from 0 on.
    nameless : list of int
        Places of those without a name.

    Examples
    --------
    >>> column_names(["", "a ", "b"], header=True)
    (['Unnamed: 0', 'a', 'b'], [0])
    """
    if not header:
        return [f"column{k + 1}" for k in range(len(cells))], []
    names = [cell.strip() for cell in cells]
    nameless = [k for k, name in enumerate(names) if not name]
    return [name or f"Unnamed: {k}" for k, name in enumerate(names)], nameless
