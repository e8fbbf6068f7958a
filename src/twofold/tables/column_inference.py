"""From a column to its plan: what kind it is is seen from its cells; what is no use is left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import DataError, check_name
from twofold.tables.category_plan import BooleanPlan, CategoryPlan, GapPlan
from twofold.tables.cells import booleans_in_text, holds, inexact, numbers, seconds_of_day, words
from twofold.tables.codes import are_codes
from twofold.tables.date_plan import ISO, NO_ZONE, UTC, DatePlan, day_parts, read_times, years_of
from twofold.tables.date_text import TIME_FORM, durations_in_text, find_forms
from twofold.tables.forms import TableForms, forms_told
from twofold.tables.gaps import few_words, without_gaps
from twofold.tables.number_plan import NumberPlan, bend_numbers
from twofold.tables.number_text import MIN_READABLE, all_enclosed, numbers_in_text
from twofold.tables.plan import Plan

Array = NDArray[Any]

KINDS = ("number", "category", "boolean", "date")
MIN_DIFFERENT_NUMBERS = 10  # numbers from which on a column with other words too is one of numbers
MIN_DIFFERENT_MIXED = 30  # words and numbers from which on a column of both is taken for badly written numbers
MIN_COVERED = 0.25  # part of the rows that categories of many words must hold; below, they are free text
MIN_TEXT_WORDS = 5.0  # words that a cell has on average from which on it is text and no name
FREE_TEXT = "free text is not read: make numbers of it first, such as with scikit-learn's TfidfVectorizer"
MIN_AMOUNT_RATIO = 10.0  # times the median that the largest amount must be for a logarithm to be worth it
MIN_TAIL_NUMBERS = 3  # different numbers that must lie so far away, where there are negative ones
MIN_TAIL_DEVIATIONS = (
    10.0  # standard deviations, told by the quartiles, that the farthest number of a heavy tail lies away
)
FREQUENCY_DEVIATION = 0.5  # periods a standard deviation: what of 0.25, 0.5 and 1 served most tables
YEAR_PIECES = 4  # times as many pieces as a number has: all that changed with time and no other column holds
MIN_PERIODIC_NUMBERS = 16  # different numbers from which on sines and cosines say more than pieces do


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
        Pieces of each column of numbers and of the time of day, of as many rows each, and of a date's years
        `YEAR_PIECES` times as many; 0 for none. See `twofold.tables.number_plan.pieces`.
    frequencies : int
        Of sines and cosines of each column of standardised numbers, if it has at least `MIN_PERIODIC_NUMBERS` different
        ones; 0 for none. See `twofold.tables.number_plan.waves`.
    scale : bool
        Standardise numbers, and bend those with a heavy tail; False leaves them as they are.
    baseline : bool
        Give the most frequent category of a column no feature.
    """

    max_categories: int = 300
    rare: int | None = None
    pieces: int = 0
    frequencies: int = 0
    scale: bool = True
    baseline: bool = False


def infer_column(
    name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms, *, kind: str | None = None
) -> Plan | str:
    """Learn a column.

    Parameters
    ----------
    name : str
    column : pyarrow.ChunkedArray
        Its cells in the training set.
    choices : Choices
    forms : TableForms
        How the table's cells are written.
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
        return _forced(name, column, choices, forms, kind=check_name("kind of column", kind, KINDS))
    what = holds(column)
    if what == "other":
        return f"cells of type {column.type} are neither numbers, text, dates nor booleans"
    if column.null_count == len(column):
        return "no cell has a value"
    if pa.types.is_dictionary(column.type):
        return _category(name, without_gaps(words(column)), choices)
    return _INFERENCES[what](name, column, choices, forms)


def _infer_numbers(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    if name in forms.dates:
        return _date(name, column, choices, forms)
    if (row := inexact(column)) is not None:
        return f"whole numbers of more digits than doubles hold, such as {column[row]}: as a category they can be used"
    return _number(name, numbers(name, column), choices, decimal=forms.decimals.get(name))


def _infer_booleans(name: str, column: pa.ChunkedArray, _choices: Choices, _forms: TableForms) -> Plan | str:
    return _boolean(name, numbers(name, column))


def _infer_text(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    """See whether words are yes and no, dates, numbers; categories otherwise."""
    text = without_gaps(words(column))
    if text.null_count == len(text):
        return "no cell has a value"
    if (yes := booleans_in_text(text)) is not None:
        return _boolean(name, yes)
    if name in forms.dates:
        return _date(name, column, choices, forms)
    if name in forms.durations:
        return _number(name, durations_in_text(text), choices, duration=True)
    return _infer_words(name, text, choices, forms.decimals.get(name, "."))


def _infer_words(name: str, text: pa.ChunkedArray, choices: Choices, decimal: str) -> Plan | str:
    """See whether words are numbers; categories otherwise."""
    values, unit = numbers_in_text(text, decimal)
    readable = (
        0.0
        if are_codes(text) or all_enclosed(text)
        else np.count_nonzero(~np.isnan(values)) / (len(text) - text.null_count)
    )
    if readable >= MIN_READABLE or (readable >= 0.5 and _numbers_and_words(text, values)):
        return _number(name, values, choices, unit=unit, decimal=decimal)
    if readable > 0.1 and pc.count_distinct(text).as_py() > MIN_DIFFERENT_MIXED:
        return _mixed(text, values, readable, unit)
    return _category(name, text, choices)


def _numbers_and_words(text: pa.ChunkedArray, values: Array) -> bool:
    """Tell if a column has many different numbers, and one or two words in place of the others."""
    return few_words(text, np.isnan(values)) and len(np.unique(values[~np.isnan(values)])) > MIN_DIFFERENT_NUMBERS


def _mixed(text: pa.ChunkedArray, values: Array, readable: float, unit: tuple[str, str]) -> str:
    if any(unit):
        return f"numbers as text, of which {readable:.0%} have the unit {' '.join(unit).strip()!r}; bring them to one"
    other = text.filter(pa.array(np.isnan(values))).drop_null()[0].as_py()
    return f"{readable:.0%} of its cells are numbers, others are not, such as {other[:40]!r}; write them in one way"


def _infer_times(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    return _date(name, column, choices, forms)


_INFERENCES = {"numbers": _infer_numbers, "booleans": _infer_booleans, "times": _infer_times, "text": _infer_text}


def _forced(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms, *, kind: str) -> Plan | str:
    """Learn a column as the kind that the user says it is."""
    what = holds(column)
    if what == "other":
        raise DataError(f"column {name!r} is of {column.type}, which can't be a {kind}; drop it")
    made = _FORCED[kind](name, column, choices, forms)
    if not made:
        more = f"; {forms_told()}" if kind == "date" else ""
        raise DataError(
            f"column {name!r} holds {column.type} that can't be read as a {kind}; leave its kind open{more}"
        )
    return made


def _as_category(name: str, column: pa.ChunkedArray, choices: Choices, _forms: TableForms) -> Plan | str:
    return _category(name, without_gaps(words(column)), choices, free=False)


def _as_boolean(name: str, column: pa.ChunkedArray, _choices: Choices, _forms: TableForms) -> Plan | str:
    if holds(column) == "times":
        return ""
    text = holds(column) == "text"
    values = booleans_in_text(without_gaps(words(column))) if text else numbers(name, column)
    fits = values is not None and np.isin(values[~np.isnan(values)], (0, 1)).all()
    return _boolean(name, values) if fits and values is not None else ""


def _as_number(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    """Numbers; seconds of times of day, which are durations then."""
    if pa.types.is_time(column.type):
        return _number(name, seconds_of_day(column), choices, duration=True)
    if holds(column) == "times":
        return ""
    if holds(column) != "text":
        values = numbers(name, column)
        return "" if np.isnan(values).all() else _number(name, values, choices, decimal=forms.decimals.get(name))
    text = without_gaps(words(column))
    decimal = forms.decimals.get(name, ".")
    values, unit = numbers_in_text(text, decimal)
    if not np.isnan(values).all():
        return _number(name, values, choices, unit=unit, decimal=decimal)
    values = durations_in_text(text)
    return "" if np.isnan(values).all() else _number(name, values, choices, duration=True)


def _as_date(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    if name not in forms.dates and holds(column) != "times":
        found = find_forms(without_gaps(words(column)))
        if found is None:
            return ""
        forms = replace(forms, dates={name: found.forms[0]})
    return _date(name, column, choices, forms)


_FORCED = {"category": _as_category, "boolean": _as_boolean, "number": _as_number, "date": _as_date}


def _number(
    name: str,
    values: Array,
    choices: Choices,
    *,
    unit: tuple[str, str] = ("", ""),
    decimal: str | None = None,
    duration: bool = False,
) -> Plan | str:
    missing = np.isnan(values)
    present = values[~missing]
    if not present.size:
        return "no cell has a value"
    low, high = float(present.min()), float(present.max())
    gaps = bool(missing.any())
    if low == high:
        return GapPlan(name, gap_words=True) if gaps else f"constant: every row has {low:g}"
    plan: dict[str, Any] = {"fill": _median(present), "low": low, "high": high, "gaps": gaps}
    plan |= {"unit": unit if any(unit) else None, "decimal": decimal, "duration": duration}
    if choices.scale:
        plan |= _scaled(values, present, plan["fill"])
    if choices.pieces:
        plan["knots"] = _knots(present, choices.pieces)
    if choices.frequencies and choices.scale and len(np.unique(present)) >= MIN_PERIODIC_NUMBERS:
        plan["frequencies"] = _frequencies(choices.frequencies)
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
        if not np.abs(present - middle).max() > MIN_TAIL_DEVIATIONS * spread:
            return None
    if present.min() >= 0:  # amounts: near a logarithm for all but the smallest
        positive = present[present > 0]
        if present.max() / MIN_AMOUNT_RATIO < np.median(
            positive
        ):  # such as years, or 1 in a few rows and 0 in the others
            return None
        bend = float(np.quantile(positive, 0.1))
    else:
        away = np.abs(present - middle)
        if len(np.unique(present[away > MIN_TAIL_DEVIATIONS * spread])) < MIN_TAIL_NUMBERS:  # such as -999 for a gap
            return None
        bend = float(np.median(away[away > 0]))
    return bend if 0 < bend < np.inf else None


def _knots(present: Array, pieces: int) -> tuple[float, ...]:
    """Cut a column at its quantiles; () if it has too few different numbers to be worth it."""
    knots = np.unique(np.quantile(present, np.linspace(0, 1, pieces + 1)))
    return tuple(float(knot) for knot in knots) if len(knots) > 3 else ()


def _frequencies(number: int) -> tuple[float, ...]:
    """Return frequencies, in periods a standard deviation: the quantiles of a normal distribution's upper half."""
    from scipy.special import ndtri  # a tenth of a second, which predictions do without

    steps = (np.arange(number) + 0.5) / number
    return tuple(map(float, FREQUENCY_DEVIATION * ndtri((1 + steps) / 2)))


def _boolean(name: str, values: Array) -> Plan | str:
    present = values[~np.isnan(values)]
    gaps = len(present) < len(values)
    if present.min() == present.max():
        return GapPlan(name, gap_words=True) if gaps else f"constant: every row has {bool(present[0])}"
    return BooleanPlan(name, fill=float(present.mean()), gaps=gaps)


def _date(name: str, column: pa.ChunkedArray, choices: Choices, forms: TableForms) -> Plan | str:
    form = forms.dates.get(name) or (TIME_FORM if pa.types.is_time(column.type) else ISO)
    read = read_times(column, form, forms.zone or UTC)
    zone = forms.zone or (UTC if read.zoned.any() else NO_ZONE)
    present = read.values[~np.isnat(read.values)]
    gaps = len(present) < len(read.values)
    if not present.size:
        return "no cell has a value"
    if present.min() == present.max():
        return GapPlan(name, gap_words=True) if gaps else f"constant: every row has {present[0]}"
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
    knots: dict[str, Any] = {}
    if choices.pieces:
        knots["year_knots"] = _knots(years, YEAR_PIECES * choices.pieces) if "years" in parts else ()
        knots["clock_knots"] = _knots(day_parts(present), choices.pieces) if "clock" in parts else ()
    return DatePlan(
        name,
        parts=tuple(parts),
        center=center,
        scale=scale if scale > 0 else 1.0,
        low=float(years.min()),
        high=float(years.max()),
        date_format=form,
        gaps=gaps,
        baseline=choices.baseline,
        zone=zone,
        **knots,
    )


def _category(name: str, text: pa.ChunkedArray, choices: Choices, *, free: bool = True) -> Plan | str:
    n, present = len(text), len(text) - text.null_count
    counted = pc.value_counts(text.drop_null()).to_pylist()
    counts = sorted(((item["counts"], item["values"]) for item in counted), key=lambda pair: (-pair[0], pair[1]))
    gaps = present < n
    if len(counts) == 1:
        return GapPlan(name, gap_words=True) if gaps else f"constant: every row has {counts[0][1]!r}"
    rare = min(3, -(-n // 100)) if choices.rare is None else choices.rare
    kept = [(count, value) for count, value in counts[: choices.max_categories] if count >= rare]
    covered = sum(count for count, _ in kept)
    seldom_again = covered < MIN_COVERED * present or 2 * len(counts) > present > 10
    if free and seldom_again and _words(counts) > MIN_TEXT_WORDS:
        return f"free text: {len(counts)} different values in {present} rows"
    if free and len(counts) == present > 10:
        return f"an identifier or free text: {present} cells with something, no two alike"
    if not kept:
        return f"names of which none has {rare} rows: {len(counts)} different values in {present} rows"
    return CategoryPlan(
        name,
        values=tuple(value for _, value in kept),
        parts=tuple(count / present for count, _ in kept),
        other=covered < present,
        gaps=gaps,
        baseline=choices.baseline,
        gap_words=True,
    )


def _words(counts: list[tuple[int, str]]) -> float:
    """Return how many words different cells have on average."""
    return sum(len(value.split()) for _, value in counts) / len(counts)
