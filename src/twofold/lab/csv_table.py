"""A table as a CSV file, read with the standard library: what the browser can do without pyarrow.

It reads what a spreadsheet writes: commas, semicolons or tabs, quotes, decimal commas, gaps, columns of text, UTF-8 or
GB 18030. What is not clear is refused, with its line. The plan that it makes is that of `twofold.tables`, so
``twofold evaluate`` reads the same file in the same way.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.data import Dataset, Samples
from twofold.data.scaling import Scaling
from twofold.errors import DataError, nearest
from twofold.randomness import Purpose, stream

Array = NDArray[Any]

LARGEST = 32 * 2**20  # bytes
MOST_ROWS = 200_000
MOST_CATEGORIES = 30  # of a column; one with more is text or numbers its rows
MOST_CLASSES = 20  # different whole numbers up to which a target is taken for classes
ROWS_A_CLASS = 5
MOST_NUMBER = 1e150  # in a column: its square is a double, too
TEST = 0.2
GAPS = {"", "?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "<NA>"}
FEATURE_GAPS = GAPS | {"-", "--", "na", "None", "missing", "unknown"}  # in the target these may be names
POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
COMMA = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Column:
    """A column: ``"number"``, ``"category"`` or ``"left out"``, and its decimal mark if it is one of numbers."""

    name: str
    cells: list[str]
    kind: str
    decimal: str = "."

    @property
    def gaps(self) -> int:
        """How many cells hold nothing."""
        return sum(cell in FEATURE_GAPS for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A table that has been read.

    Attributes
    ----------
    name : str
        Of the file.
    columns : dict of str to Column
    delimiter : str
    """

    name: str
    columns: dict[str, Column]
    delimiter: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())).cells)

    def describe(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        columns = [{"name": column.name, "kind": column.kind, "gaps": column.gaps} for column in self.columns.values()]
        return {"name": self.name, "rows": self.rows, "columns": columns, "target": first_target(self)}


def read_csv(name: str, content: bytes) -> Table:
    r"""Read a CSV file whose first line names the columns.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    content : bytes

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If it is no such table; the message says where.

    Examples
    --------
    >>> table = read_csv("a.csv", "城市;面积\n北京;12,5\n上海;7,25\n上海;8\n北京;9\n".encode())
    >>> [(column.name, column.kind, column.decimal) for column in table.columns.values()]
    [('城市', 'category', '.'), ('面积', 'number', ',')]
    """
    if len(content) > LARGEST:
        raise DataError(f"{name} has {len(content)} bytes; at most {LARGEST} are read here; twofold train: more")
    text = _decode(name, content)
    delimiter = _delimiter(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise DataError(f"{name} is not a table: {error}; write it as CSV again") from error
    if len(lines) < 3:
        raise DataError(f"{name} has {max(0, len(lines) - 1)} rows under its names; expected at least 2")
    if len(lines) > MOST_ROWS + 1:
        raise DataError(
            f"{name} has {len(lines) - 1} rows; at most {MOST_ROWS} are read here: twofold train reads more"
        )
    header, *rows = ([cell.strip() for cell in row] for _, row in lines)
    _check_header(name, header)
    for (number, _), row in zip(lines[1:], rows, strict=True):
        if len(row) != len(header):
            raise DataError(f"{name}: line {number} has {len(row)} cells; the first line names {len(header)} columns")
    columns = [_column(title, [row[k] for row in rows], delimiter) for k, title in enumerate(header)]
    return Table(name, {column.name: column for column in columns}, delimiter)


def _decode(name: str, content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise DataError(f"{name} is not text in UTF-8 or GB 18030; save it as CSV in UTF-8")


def _delimiter(text: str) -> str:
    """Choose the separator that cuts the first lines into the same number of cells, the most."""
    head = "\n".join(text.splitlines()[:20])
    found = [(1, ",")]
    for mark in ";\t,|":
        try:
            widths = {len(row) for row in csv.reader(io.StringIO(head), delimiter=mark) if row}
        except csv.Error:
            continue
        if len(widths) == 1:
            found.append((widths.pop(), mark))
    return max(found, key=lambda pair: pair[0])[1]


def _check_header(name: str, header: list[str]) -> None:
    if "" in header:
        raise DataError(f"{name}: column {header.index('') + 1} has no name in the first line; give it one")
    twice = [title for title, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(f"{name}: the first line names {twice[0]!r} twice; give each column a name of its own")
    if all(POINT.fullmatch(title) or COMMA.fullmatch(title) for title in header):
        raise DataError(f"{name}: the first line holds numbers; expected the names of the columns there")


def _column(name: str, cells: list[str], delimiter: str) -> Column:
    present = [cell for cell in cells if cell not in FEATURE_GAPS]
    if present and all(POINT.fullmatch(cell) for cell in present):
        kind = "number" if len(set(present)) > 1 else "left out"
        return Column(name, cells, kind, ".")
    if present and delimiter != "," and all(COMMA.fullmatch(cell) for cell in present):
        return Column(name, cells, "number", ",")
    categories = len(set(present))
    return Column(name, cells, "category" if 1 < categories <= min(MOST_CATEGORIES, len(cells) / 2) else "left out")


def numbers(column: Column) -> Array:
    """Return a column's numbers (n,), NaN where a cell holds nothing.

    Raises
    ------
    DataError
        If a number is too large to be standardised.
    """
    cells = [cell.replace(",", ".") if column.decimal == "," else cell for cell in column.cells]
    values = np.array([math.nan if cell in FEATURE_GAPS else float(cell) for cell in cells])
    if (np.abs(values) > MOST_NUMBER).any():
        row = int(np.flatnonzero(np.abs(values) > MOST_NUMBER)[0])
        raise DataError(f"column {column.name!r}: {column.cells[row]!r} in row {row + 1} is too large a number")
    return values


@dataclass(frozen=True)
class Prepared:
    """A table made ready to train on.

    Attributes
    ----------
    data : Dataset
        Features of float64, standardised; a numeric target too.
    encoder : dict
        What reads other rows in the same way, see `twofold.tables.problem.encoder_from_dict`.
    test_rows : str
        The rows of the test set as they were, as CSV.
    units : Scaling
        What brings features and targets back to the table's own units.
    """

    data: Dataset
    encoder: dict[str, Any]
    test_rows: str
    units: Scaling


def prepare(table: Table, target: str, *, seed: int = 0, targets: bool = True) -> Prepared:
    """Make a table ready to train on: rows without a target left out, a fifth of the others held out for testing.

    Parameters
    ----------
    table : Table
    target : str
        Column to predict.
    seed : int
        Of the split.
    targets : bool
        Standardise a numeric target.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        If there is no such column, nothing to predict from, or nothing to predict.
    """
    if target not in table.columns:
        hint = nearest(target, list(table.columns))
        raise DataError(f"there is no column {target!r}; the columns are {', '.join(table.columns)}{hint}")
    column = table.columns[target]
    rows = np.array([i for i, cell in enumerate(column.cells) if cell not in GAPS], dtype=np.int64)
    y, classes = _targets(column, rows)
    if len(rows) < 3:
        raise DataError(f"{len(rows)} rows have a value of {target!r}; expected at least 3")
    order, cut = stream(seed, Purpose.SPLIT).permutation(len(rows)), len(rows) - max(1, round(TEST * len(rows)))
    fit, held = np.sort(order[:cut]), np.sort(order[cut:])
    plans, parts = [], []
    for other in table.columns.values():
        if other.name != target and other.kind in PLANS:
            plan, X = PLANS[other.kind](other, rows, fit)
            plans.append(plan)
            parts.append(X)
    if len(table.columns) == 1:
        raise DataError(f"{table.name} has one column, {target!r}; there is none to predict it from")
    if not plans:
        raise DataError(f"no column is left to predict {target!r} from: each is text of many values, or one value only")
    X = np.hstack(parts)  # (n, k)
    moments = () if classes or not targets else (y[fit].mean(axis=0), y[fit].std(axis=0))
    scaling = Scaling(np.zeros(X.shape[1]), np.ones(X.shape[1]), *moments)
    y = scaling.targets(y)
    data = Dataset(
        table.name, Samples(X[fit], y[fit]), Samples(X[held], y[held]), classes=classes,
        features=tuple(name for plan in plans for name in _features(plan)), target=target, scaling=scaling,
    )  # fmt: skip
    task = "classification" if classes else "regression"
    told = {"name": target, "task": task, "classes": list(classes), "unit": None, "because": "chosen in the lab"}
    told["decimal"] = None if classes or column.kind != "number" else column.decimal
    encoder = {"plan": {"schema": 1, "columns": plans, "left_out": {}}, "target": told}
    return Prepared(data, encoder, _write(table, rows[held]), Scaling(*_moments(plans), *moments))


def _targets(column: Column, rows: Array) -> tuple[Array, tuple[str, ...]]:
    """Return the targets of the rows that have one, and the classes' names; none for numbers."""
    cells = [column.cells[i] for i in rows]
    counts = Counter(cells)
    if column.kind == "number" and not (FEATURE_GAPS - GAPS) & set(counts):
        values = numbers(column)[rows]
        different = len(set(values.tolist()))
        whole = bool((values == np.trunc(values)).all())
        few = whole and different <= MOST_CLASSES and len(rows) >= ROWS_A_CLASS * different
        if not few:
            if different < 2:
                raise DataError(f"column {column.name!r} has one value only; there is nothing to predict")
            return values[:, None], ()
    if len(counts) < 2:
        raise DataError(f"column {column.name!r} has one value only; there is nothing to predict")
    if len(counts) > len(rows) / 2:
        raise DataError(
            f"column {column.name!r} has {len(counts)} classes in {len(rows)} rows; is it the right column?"
        )
    names = tuple(sorted(counts, key=_order))
    places = {name: k for k, name in enumerate(names)}
    return np.array([places[cell] for cell in cells], dtype=np.int64), names


def _order(name: str) -> tuple[float, str]:
    return (float(name) if POINT.fullmatch(name) else math.inf, name)


def _number_plan(column: Column, rows: Array, fit: Array) -> tuple[dict[str, Any], Array]:
    """Fill gaps with the mean, centre and scale by the training rows; a flag where there were gaps."""
    values = numbers(column)[rows]
    missing = np.isnan(values)
    known = values[fit][~missing[fit]]
    fill, scale = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
    gaps = bool(missing[fit].any())
    plan = {
        "kind": "number", "name": column.name, "fill": fill, "center": fill, "scale": scale or 1.0, "gaps": gaps,
        "low": float(known.min(initial=fill)), "high": float(known.max(initial=fill)),
        "pivot": 0.0, "bend": None, "knots": [], "unit": None, "decimal": column.decimal, "duration": False,
    }  # fmt: skip
    X = (np.where(missing, fill, values) - fill) / (scale or 1.0)
    return plan, np.column_stack([X, missing]) if gaps else X[:, None]


def _category_plan(column: Column, rows: Array, fit: Array) -> tuple[dict[str, Any], Array]:
    """Give each category a feature of its own; a flag where there were gaps."""
    cells = [column.cells[i] for i in rows]
    counts = Counter(cell for cell in (cells[i] for i in fit) if cell not in FEATURE_GAPS)
    values = [name for name, _ in counts.most_common()]
    missing = np.array([cell in FEATURE_GAPS for cell in cells])
    gaps = bool(missing[fit].any())
    parts = [counts[name] / len(fit) for name in values]
    plan = {
        "kind": "category", "name": column.name, "values": values, "parts": parts, "other": False, "baseline": False,
        "gaps": gaps, "gap_words": True,
    }  # fmt: skip
    places = {name: k for k, name in enumerate(values)}
    table = np.vstack([np.eye(len(values)), parts])
    X = table[[places.get(cell, -1) for cell in cells]]
    if gaps:
        X[missing] = 0.0
    return plan, np.column_stack([X, missing]) if gaps else X


PLANS = {"number": _number_plan, "category": _category_plan}


def _features(plan: dict[str, Any]) -> list[str]:
    names = [plan["name"]] if plan["kind"] == "number" else [f"{plan['name']}={value}" for value in plan["values"]]
    return [*names, *([f"{plan['name']} missing"] if plan["gaps"] else [])]


def _moments(plans: list[dict[str, Any]]) -> Array:
    """Return by what each feature was centred and scaled, float64 (2, k): columns of numbers alone are."""
    pairs = [[(0.0, 1.0)] * len(_features(plan)) for plan in plans]
    for plan, pair in zip(plans, pairs, strict=True):
        if plan["kind"] == "number":
            pair[0] = plan["center"], plan["scale"]
    return np.array([pair for group in pairs for pair in group]).T


def first_target(table: Table) -> str:
    """Return the last column that can be predicted, which is where a target mostly stands.

    Raises
    ------
    DataError
        If none can; with what stands in the way of the last.
    """
    refused: list[DataError] = []
    for name in reversed(table.columns):
        try:
            prepare(table, name)
        except DataError as error:
            refused.append(error)
        else:
            return name
    raise refused[0]


def _write(table: Table, rows: Array) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([column.cells[i] for column in table.columns.values()] for i in rows)
    return text.getvalue()
