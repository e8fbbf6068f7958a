"""How a table's numbers and dates are written: inferred from all its columns, or named by the user."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import SpecificationError, check_name
from twofold.tables.cells import holds, numbers, words
from twofold.tables.date_text import (
    DURATION,
    FORMS,
    MIN_READABLE,
    TIME_FORM,
    FoundForms,
    check_form,
    check_zone,
    durations_in_text,
    find_forms,
    times_in_text,
)
from twofold.tables.gaps import few_words, with_gaps, without_gaps
from twofold.tables.number_text import OTHER, Decimals, infer_decimals, marks_of, numbers_in_text

Array = NDArray[Any]

SEPARATOR = b"twofold.separator"  # in a table's metadata: what stands between the cells of its file


class AmbiguousCellsWarning(UserWarning):
    """Cells read in two ways; the message says which was taken, and the option for the other."""


@dataclass(frozen=True, kw_only=True)
class Forms:
    """How numbers and dates are written, as far as the user says so.

    Attributes
    ----------
    decimal : {".", ","}, optional
        The decimal mark; the other one then stands between thousands.
    dates : str, optional
        The form of dates, in codes of ``strptime``: ``"%d/%m/%Y"``.
    zone : str, optional
        The zone whose clock is taken: ``"Europe/Berlin"``. Times with a zone are brought to it, others are taken to be
        in it. UTC if None.
    gaps : tuple of str
        Cells that hold no value, besides the usual ones.
    """

    decimal: str | None = None
    dates: str | None = None
    zone: str | None = None
    gaps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.decimal is not None:
            check_name("decimal mark", self.decimal, OTHER)
        if self.dates is not None:
            check_form(self.dates)
        if self.zone is not None:
            check_zone(self.zone)


@dataclass(frozen=True)
class TableForms:
    """How the columns of a table are written.

    Attributes
    ----------
    decimals : dict of str to str
        The decimal mark of each column that may be one of numbers, if it was written as text.
    dates : dict of str to str
        The form of each column of dates that are no times by its type.
    durations : tuple of str
        Text columns of durations.
    zone, gaps
        As in `Forms`.
    remarks : tuple of str
        What a person should know of it.
    doubts : tuple of str
        What reads in two ways, which was taken, and the option for the other.
    """

    decimals: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    durations: tuple[str, ...] = ()
    zone: str | None = None
    gaps: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def infer_forms(table: pa.Table, said: Forms | None = None, *, guess: bool = True) -> TableForms:
    """Infer how a table's text columns are written.

    Parameters
    ----------
    table : pyarrow.Table
        All its rows and columns: what one column leaves open, others may tell.
    said : Forms, optional
        What the user says.
    guess : bool
        As for `twofold.tables.number_text.infer_decimals`.

    Returns
    -------
    TableForms

    Raises
    ------
    SpecificationError
        If no column has the form of dates that the user names.

    Examples
    --------
    >>> from twofold.tables.frames import as_table
    >>> table = as_table({"price": ["950", "1.250"], "discount": ["0,39", "0,63"], "day": ["3/1/20", "13/1/20"]})
    >>> forms = infer_forms(table)
    >>> forms.decimals, forms.dates
    ({'price': ',', 'discount': ','}, {'day': '%d/%m/%y'})
    """
    said = said or Forms()
    table = with_gaps(table, said.gaps)
    texts = {name: text for name in table.column_names if (text := _text(table.column(name))) is not None}
    durations = tuple(name for name, text in texts.items() if _are_durations(text))
    found = {name: forms for name, text in texts.items() if name not in durations and (forms := _dates(text, said))}
    dates, doubts = _settle_dates({name: texts[name] for name in found}, found, said)
    dates |= {name: "%Y%m%d" for name in table.column_names if _compact_dates(table.column(name))}
    typed = any(holds(column) == "times" for column in table.columns)
    if said.dates is not None and said.dates not in dates.values() and not typed:
        raise SpecificationError(_no_such_dates(said.dates, texts))
    numeric = {name: text for name, text in texts.items() if name not in dates and name not in durations}
    decimals = _decimals(table, numeric, said, guess=guess)
    remarks = [_partly(name, forms) for name, forms in found.items() if name not in dates]
    remarks += [_zones(name, texts[name], form) for name, form in dates.items() if name in texts]
    remarks.append(_instants(table, texts, dates) if said.zone is None else "")
    remarks = [*filter(None, remarks), *decimals.remarks]
    return TableForms(
        decimals.marks,
        dates,
        durations,
        zone=said.zone,
        gaps=said.gaps,
        remarks=tuple(remarks),
        doubts=(*doubts, *decimals.doubts),
    )


def _decimals(table: pa.Table, texts: Mapping[str, pa.ChunkedArray], said: Forms, *, guess: bool) -> Decimals:
    """Infer the marks of text columns, and of those that a file's reader took for numbers."""
    marks = {name: found for name, text in texts.items() if (found := marks_of(text)) is not None}
    separator = (table.schema.metadata or {}).get(SEPARATOR)
    decimals = infer_decimals(marks, comma_likely=separator == b";", guess=guess)
    if said.decimal is not None:
        decimals = Decimals(dict.fromkeys(marks, said.decimal), said.decimal)
    if separator is not None:
        whole = [field.name for field in table.schema if pa.types.is_integer(field.type)]
        points = [field.name for field in table.schema if pa.types.is_floating(field.type)]
        typed = dict.fromkeys(whole, decimals.common or ".") | dict.fromkeys(points, ".")
        decimals = replace(decimals, marks=typed | decimals.marks)
    return decimals


def read_numbers(name: str, column: pa.ChunkedArray, decimal: str, start: int = 0) -> Array:
    """Take a column of numbers, of booleans or of numbers as text as doubles (n,); NaN where there is none."""
    if holds(column) != "text":
        return numbers(name, column, start)
    return numbers_in_text(without_gaps(words(column)), decimal)[0]


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return the cells of a text column that may be numbers or dates; None for any other."""
    if holds(column) != "text" or pa.types.is_dictionary(column.type):  # which are declared to be categories
        return None
    text = without_gaps(words(column))
    digits = pc.sum(pc.match_substring_regex(text, r"\d")).as_py() or 0
    return text if digits and 2 * digits >= len(text) - text.null_count else None


def _are_durations(text: pa.ChunkedArray) -> bool:
    """Tell if cells are durations: written as times of day are, but not all of them fit in a day."""
    if 2 * (pc.sum(pc.match_substring_regex(text, DURATION)).as_py() or 0) < len(text) - text.null_count:
        return False
    seconds = durations_in_text(text)
    read = ~np.isnan(seconds)
    return bool(read.sum() >= MIN_READABLE * (len(text) - text.null_count) and (seconds[read] >= 86400).any())


def _compact_dates(column: pa.ChunkedArray) -> bool:
    """Tell if whole numbers are all dates such as 20141013."""
    if not pa.types.is_integer(column.type) or column.null_count == len(column):
        return False
    least, most = pc.min_max(column).as_py().values()
    if not 19000101 <= least <= most <= 21001231 or len(column.unique().drop_null()) < 5:
        return False
    return not np.isnat(times_in_text(words(column.drop_null()), "%Y%m%d").values).any()


def _dates(text: pa.ChunkedArray, said: Forms) -> FoundForms | None:
    """Find a column's forms, that of the user first."""
    if said.dates is not None and (named := find_forms(text, (said.dates,))) and named.fraction >= MIN_READABLE:
        return named
    return find_forms(text)


def _settle_dates(
    texts: Mapping[str, pa.ChunkedArray], found: Mapping[str, FoundForms], said: Forms
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Choose a form for each column, where several read it: by the other columns, then by the order of the rows."""
    read = {name: forms for name, forms in found.items() if _enough(texts[name], forms)}
    orders = Counter(_order(forms.forms[0]) for forms in read.values() if len(forms.forms) == 1)
    if said.dates is not None:
        orders = Counter({_order(said.dates): 1})
    common = [order for order, _ in orders.most_common() if order in ("dmy", "mdy")][:1]
    dates, doubts = {}, []
    for name, forms in read.items():
        fitting = [form for form in forms.forms if _order(form) in common]
        dates[name] = (fitting or forms.forms)[0]
        if len(forms.forms) == 1 or fitting:
            continue
        times = {form: times_in_text(texts[name], form).values for form in forms.forms}
        if rising := [form for form, values in times.items() if _in_order(values)][:2]:
            dates[name] = rising[0] if len(rising) == 1 else dates[name]
        if others := [form for form in times if not _same(times[form], times[dates[name]])]:
            differ = np.flatnonzero(times[others[0]] != times[dates[name]])
            doubts.append(_ambiguous(name, texts[name][int(differ[0])].as_py(), (dates[name], others[0])))
    return dates, tuple(doubts)


def _enough(text: pa.ChunkedArray, found: FoundForms) -> bool:
    """Tell if a form reads nearly all cells, or all but one or two words."""
    return found.fraction >= MIN_READABLE or few_words(text, np.isnat(times_in_text(text, found.forms[0]).values))


def _order(form: str) -> str:
    """Return the order of day, month and year in a form, such as "dmy"."""
    codes = re.findall(r"%([dmyYbB])", form)
    return "".join(codes).lower().replace("b", "-")


def _in_order(times: Array) -> bool:
    """Tell if at least three different times rise, or fall, from row to row."""
    steps = np.diff(times[~np.isnat(times)]).astype(np.int64)
    return bool(np.count_nonzero(steps) >= 2 and ((steps >= 0).all() or (steps <= 0).all()))


def _same(first: Array, second: Array) -> bool:
    return bool(np.array_equal(first.astype(np.int64), second.astype(np.int64)))


def _ambiguous(name: str, example: str, forms: tuple[str, str]) -> str:
    shown = [example_of(form, example) for form in forms]
    return (
        f"column {name}: {example} is read as {shown[0]} ({forms[0]}); if it is {shown[1]}, say so: --dates {forms[1]} "
        f"(in Python dates={forms[1]!r})"
    )


def example_of(form: str, cell: str) -> str:
    """Show a cell as the day, or time of day, that a form reads."""
    value = times_in_text(pa.chunked_array([[cell]]), form).values[0]
    text: str = str(value.astype("datetime64[s]"))
    return text[11:] if form == TIME_FORM else text[:10]


def _partly(name: str, found: FoundForms) -> str:
    return (
        f"column {name}: only {found.fraction:.0%} of its cells are dates such as {found.example!r} "
        f"({found.forms[0]}), so it isn't read as dates; bring them to one form"
    )


def _has_zone(cells: pa.ChunkedArray) -> bool:
    """Tell if a column's times have a zone, or some of its cells an offset."""
    if pa.types.is_timestamp(cells.type):
        return cells.type.tz is not None
    ends = r"\d\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})$"
    return pa.types.is_string(cells.type) and bool(pc.any(pc.match_substring_regex(cells, ends)).as_py())


def _instants(table: pa.Table, texts: Mapping[str, pa.ChunkedArray], dates: Mapping[str, str]) -> str:
    """Say that times with a zone are read in UTC."""
    columns = {
        name: texts[name] if name in dates and name in texts else table.column(name) for name in table.column_names
    }
    names = [name for name, cells in columns.items() if (name in dates or holds(cells) == "times") and _has_zone(cells)]
    listed = f"{', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
    return (
        f"times with a zone, in {listed}, are read in UTC; by the clock of a place: --zone Europe/Berlin"
        if names
        else ""
    )


def _zones(name: str, text: pa.ChunkedArray, form: str) -> str:
    """Say if some of a column's times have a zone and others none."""
    if not _has_zone(text):
        return ""
    read = times_in_text(text, form)
    without = int((~read.zoned & ~np.isnat(read.values)).sum())
    if not without or not read.zoned.any():
        return ""
    return (
        f"column {name}: {without} of its times have no zone, others have one; they are taken to be in the same clock"
    )


def _no_such_dates(form: str, texts: Mapping[str, pa.ChunkedArray]) -> str:
    examples = [f"{name} has {text.drop_null()[0].as_py()[:40]!r}" for name, text in list(texts.items())[:3]]
    had = f"; {', '.join(examples)}" if examples else ""
    return f"no column has dates of the form {form}{had}; {forms_told()}"


def forms_told() -> str:
    """Say which forms of dates are read without being named."""
    return (
        f"forms that are read by themselves: {'; '.join(FORMS)}; with or without a time of day; name another: --dates"
    )
