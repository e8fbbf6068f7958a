"""From a column to its plan: what kind it is is seen from its cells; what is no use is left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError, check_name
from twofold.tables.category_plan import BooleanPlan, CategoryPlan, GapPlan
from twofold.tables.cells import (
    booleans_in_text,
    date_format_of,
    holds,
    inexact,
    moments_in_time,
    numbers,
    numbers_in_text,
    times_in_text,
    words,
)
from twofold.tables.date_plan import DatePlan, years_of
from twofold.tables.number_plan import NumberPlan, bend_numbers
from twofold.tables.plan import Plan

Array = NDArray[Any]

KINDS = ("number", "category", "boolean", "date")
READABLE = 0.9  # part of a text column's cells that must be numbers of one unit for it to be a column of numbers
COVERED = 0.25  # part of the rows that categories worth a feature must hold; below, it is free text
HEAVY = 10.0  # standard deviations, told by the quartiles, that the farthest number of a heavy tail lies away


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How columns are turned into features.

    Attributes
    ----------
    max_categories : int
        Most categories of a column that get a feature of their own, the most frequent ones.
    rare : int or None
        A category with fewer rows than this gets none; a hundredth of the rows, but at most 3, if None.
    pieces : int
        Pieces of each column of numbers, of as many rows each; 0 for none. See `twofold.tables.number_plan.pieces`.
    scale : bool
        Standardise numbers, and bend those with a heavy tail; False leaves them as they are.
    baseline : bool
        Give the most frequent category of a column no feature.
    """

    max_categories: int = 30
    rare: int | None = None
    pieces: int = 0
    scale: bool = True
    baseline: bool = False


def study(name: str, column: pa.ChunkedArray, choices: Choices, kind: str | None = None) -> Plan | str:
    """Learn a column.

    Parameters
    ----------
    name : str
    column : pyarrow.ChunkedArray
        Its cells in the training set.
    choices : Choices
    kind : {"number", "category", "boolean", "date"}, optional
        In place of what its cells look like.

    Returns
    -------
    Plan or str
        Or the reason why it is left out.

    Raises
    ------
    DataError
        If a number is infinite, or the column is not of the kind that it is said to be.
    """
    if kind is not None:
        return _forced(name, column, check_name("kind of column", kind, KINDS), choices)
    what = holds(column)
    if what == "other":
        return f"cells of type {column.type} are neither numbers, text, dates nor booleans"
    if column.null_count == len(column):
        return "no cell has a value"
    if pa.types.is_dictionary(column.type):
        return _category(name, words(column), choices)
    return _STUDIES[what](name, column, choices)


def _study_numbers(name: str, column: pa.ChunkedArray, choices: Choices) -> Plan | str:
    if (row := inexact(column)) is not None:
        return f"whole numbers of more digits than doubles hold, such as {column[row]}: as a category they can be used"
    values = numbers(name, column)
    if np.isnan(values).all():
        return "no cell has a value"
    return _number(name, values, None, choices)


def _study_booleans(name: str, column: pa.ChunkedArray, _choices: Choices) -> Plan | str:
    return _boolean(name, numbers(name, column))


def _study_times(name: str, column: pa.ChunkedArray, choices: Choices) -> Plan | str:
    return _date(name, moments_in_time(column), None, choices)


def _study_text(name: str, column: pa.ChunkedArray, choices: Choices) -> Plan | str:
    """See whether words are yes and no, dates, numbers; categories otherwise."""
    text = words(column)
    present = len(text) - text.null_count
    if not present:
        return "no cell has a value"
    if (yes := booleans_in_text(text)) is not None:
        return _boolean(name, yes)
    if (date_format := date_format_of(text)) is not None:
        return _date(name, times_in_text(text, date_format), date_format, choices)
    values, unit = numbers_in_text(text)
    readable = np.count_nonzero(~np.isnan(values)) / present
    if readable >= READABLE:
        return _number(name, values, unit, choices)
    if readable > 0.1 and pc.count_distinct(text).as_py() > choices.max_categories:
        return f"numbers as text, of which {readable:.0%} have the unit {' '.join(unit).strip()!r}; bring them to one"
    return _category(name, text, choices)


_STUDIES = {"numbers": _study_numbers, "booleans": _study_booleans, "times": _study_times, "text": _study_text}


def _forced(name: str, column: pa.ChunkedArray, kind: str, choices: Choices) -> Plan | str:
    """Learn a column as the kind that the user says it is."""
    what, unit, date_format = holds(column), None, None
    if what == "other":
        raise DataError(f"column {name!r} is of {column.type}, which can't be a {kind}; drop it")
    text = words(column) if what != "times" else None
    made: Plan | str = ""
    if kind == "category":
        made = _category(name, words(column) if text is None else text, choices, free=False)
    elif kind == "boolean":
        values = booleans_in_text(text) if what == "text" else numbers(name, column)
        if values is not None and np.isin(values[~np.isnan(values)], (0, 1)).all():
            made = _boolean(name, values)
    elif kind == "number" and what != "times":
        values = numbers(name, column) if what != "text" else None
        if values is None and text is not None:
            values, unit = numbers_in_text(text)
        if values is not None and not np.isnan(values).all():
            made = _number(name, values, unit, choices)
    elif kind == "date" and what in ("times", "text"):
        date_format = date_format_of(text) if text is not None else None
        if text is None or date_format is not None:
            times = times_in_text(text, date_format) if date_format else moments_in_time(column)
            made = _date(name, times, date_format, choices)
    if not made:
        raise DataError(f"column {name!r} holds {column.type} that can't be read as a {kind}; leave its kind open")
    return made


def _number(name: str, values: Array, unit: tuple[str, str] | None, choices: Choices) -> Plan | str:
    missing = np.isnan(values)
    present = values[~missing]
    low, high = float(present.min()), float(present.max())
    gaps = bool(missing.any())
    if low == high:
        return GapPlan(name) if gaps else f"constant: every row has {low:g}"
    plan: dict[str, Any] = {"fill": _median(present), "low": low, "high": high, "gaps": gaps}
    plan["unit"] = unit if unit and any(unit) else None
    if choices.scale:
        plan |= _scaled(values, present, plan["fill"])
    if choices.pieces:
        plan["knots"] = _knots(present, choices.pieces)
    return NumberPlan(name, **plan)


def _median(values: Array) -> float:
    """Return the median, also where the sum of the middle two is beyond the largest double."""
    with np.errstate(over="ignore"):
        median = float(np.median(values))
    return median if np.isfinite(median) else 2 * float(np.median(values / 2))


def _scaled(values: Array, present: Array, fill: float) -> dict[str, Any]:
    """Settle bend, centre and scale, the latter as filled cells have them."""
    filled = np.where(np.isnan(values), fill, values)
    bend, pivot = _bend(present), 0.0
    if bend is not None:
        pivot = 0.0 if present.min() >= 0 else fill
        filled = bend_numbers(filled, pivot, bend)
    with np.errstate(over="ignore", invalid="ignore"):
        center, scale = float(filled.mean()), float(filled.std())
    if not (np.isfinite(center) and np.isfinite(scale)):  # sums or squares beyond the largest double
        largest = float(np.abs(filled).max())
        center, scale = float((filled / largest).mean() * largest), float((filled / largest).std() * largest)
    return {"bend": bend, "pivot": pivot, "center": center, "scale": scale if scale > 0 else 1.0}


def _bend(present: Array) -> float | None:
    """Return where a heavy-tailed column's logarithm begins; None if its tail is not heavy."""
    with np.errstate(over="ignore", invalid="ignore"):
        first, middle, third = np.quantile(present, [0.25, 0.5, 0.75])
        spread = (third - first) / 1.349 or present.std()
        if not np.abs(present - middle).max() > HEAVY * spread:
            return None
    if present.min() >= 0:  # amounts: near a logarithm for all but the smallest
        bend = float(np.quantile(present[present > 0], 0.1))
    else:
        away = np.abs(present - middle)
        bend = float(np.median(away[away > 0]))
    return bend if 0 < bend < np.inf else None


def _knots(present: Array, pieces: int) -> tuple[float, ...]:
    """Cut a column at its quantiles; () if it has too few different numbers to be worth it."""
    knots = np.unique(np.quantile(present, np.linspace(0, 1, pieces + 1)))
    return tuple(float(knot) for knot in knots) if len(knots) > 3 else ()


def _boolean(name: str, values: Array) -> Plan | str:
    present = values[~np.isnan(values)]
    gaps = len(present) < len(values)
    if present.min() == present.max():
        return GapPlan(name) if gaps else f"constant: every row has {bool(present[0])}"
    return BooleanPlan(name, fill=float(present.mean()), gaps=gaps)


def _date(name: str, times: Array, date_format: str | None, choices: Choices) -> Plan | str:
    present = times[~np.isnat(times)]
    gaps = len(present) < len(times)
    if present.min() == present.max():
        return GapPlan(name) if gaps else f"constant: every row has {present[0]}"
    years = years_of(present)
    days = present.astype("datetime64[D]")
    clock = present != days
    parts = []
    if np.unique(days).size > 1:
        parts.append("years")
        parts += ["season"] if np.ptp(years) > 0.25 else []
        parts += ["weekday"] if np.unique(days.astype(np.int64) % 7).size > 1 else []
    parts += ["clock"] if clock.any() else []
    center, scale = (float(years.mean()), float(years.std())) if choices.scale else (0.0, 1.0)
    return DatePlan(
        name,
        parts=tuple(parts),
        center=center,
        scale=scale if scale > 0 else 1.0,
        low=float(years.min()),
        high=float(years.max()),
        date_format=date_format,
        gaps=gaps,
        baseline=choices.baseline,
    )


def _category(name: str, text: pa.ChunkedArray, choices: Choices, *, free: bool = True) -> Plan | str:
    n, present = len(text), len(text) - text.null_count
    counted = pc.value_counts(text.drop_null()).to_pylist()
    counts = sorted(((item["counts"], item["values"]) for item in counted), key=lambda pair: (-pair[0], pair[1]))
    gaps = present < n
    if len(counts) == 1:
        return GapPlan(name) if gaps else f"constant: every row has {counts[0][1]!r}"
    rare = min(3, -(-n // 100)) if choices.rare is None else choices.rare
    kept = [(count, value) for count, value in counts[: choices.max_categories] if count >= rare]
    covered = sum(count for count, _ in kept)
    if free and len(counts) == present > 10:
        return f"an identifier or free text: {present} cells with something, no two alike"
    if covered < COVERED * present and (free or not kept):
        return f"free text: {len(counts)} different values in {present} rows"
    return CategoryPlan(
        name,
        values=tuple(value for _, value in kept),
        parts=tuple(count / present for count, _ in kept),
        other=covered < present,
        gaps=gaps,
        baseline=choices.baseline,
    )
