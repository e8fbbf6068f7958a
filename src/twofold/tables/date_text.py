"""Dates and times written as text: one form for a column, in the codes of ``strptime``, found from its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twofold.errors import SpecificationError

Array = NDArray[Any]

# Forms of dates that are tried, and what follows them may be a time of day. Where two read a column equally well, the
# first is taken.
DATE_FORMS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %m %Y"),
    *("%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%y/%m/%d", "%y.%m.%d"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %b, %Y", "%d %b %y", "%d/%b/%Y", "%d.%b.%Y", "%d%b%Y", "%d%b%y"),
    *(
        "%b %d, %Y",
        "%b %d %Y",
        "%b-%d-%Y",
        "%Y-%b-%d",
        "%Y %b %d",
        "%m/%Y",
        "%b %Y",
        "%b-%Y",
        "%b-%y",
        "%Y-%b",
        "%Y-%m",
    ),
)
TIME_FORM = "%H:%M:%S"  # of times of day without a date: also without seconds, with dots, with AM and PM
FORMS = (*DATE_FORMS, TIME_FORM)
MIN_READABLE = 0.9  # part of a text column's cells that must be dates of one form for it to be a column of dates
CLOCK_FORM = "%H:%M:%S%z"  # what may follow a date
MIN_DIFFERENT_CELLS = 20_000  # different cells from which on dates and times are read apart
MAX_PLACES = 30  # of the first colon in a cell
SAMPLE = 2000  # cells that tell which forms are worth a look at all of them
PIVOT = 69  # two-digit years are those from 1969 to 2068
DAY = 86400e6  # microseconds

_MONTHS = (
    *(("january", "januar", "janvier", "enero", "jan", "janv", "ene"), ("february", "februar", "février", "febrero")),
    *(("march", "märz", "mars", "marzo", "mar", "mrz", "mär"), ("april", "avril", "abril", "apr", "avr", "abr")),
    *(("may", "mai", "mayo"), ("june", "juni", "juin", "junio", "jun"), ("july", "juli", "juillet", "julio", "jul")),
    *(("august", "août", "agosto", "aug", "ago"), ("september", "septembre", "septiembre", "sep", "sept")),
    *(("october", "oktober", "octobre", "octubre", "oct", "okt"), ("november", "novembre", "noviembre", "nov")),
    ("december", "dezember", "décembre", "diciembre", "dec", "dez", "déc", "dic"),
)
_SHORT = {"feb": 2, "févr": 2, "fév": 2, "juil": 7}
MONTHS = {name: k + 1 for k, names in enumerate(_MONTHS) for name in names} | _SHORT

_CODES = {
    **{"Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})"},
    **{"b": r"(?P<b>LETTER{3,}\.?)", "a": r"LETTER+\.?", "Z": r"LETTER+", "%": "%"},
    **{"H": r"(?P<H>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})"},
    **{"p": r"(?P<p>[AaPp]\.?\s?[Mm]\.?)", "z": r"(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})"},
}
_CODES |= {"B": _CODES["b"], "A": _CODES["a"], "I": _CODES["H"], "e": _CODES["d"], "h": _CODES["b"]}
_LETTER = {"re": r"[^\W\d_]", "re2": r"\p{L}"}
_JOIN = r"(?:\s*[T,_]\s*|\s+|:)"
_CLOCK = r"(?P<H>\d{1,2})(?:[:h](?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?" + rf"(?:\s*{_CODES['p']})?"
_ZONED_CLOCK = rf"(?:{_CLOCK}|(?P<t>\d{{6}}|\d{{4}}))(?:\s*{_CODES['z']})?"
_AFTER = rf"(?:{_JOIN}{_ZONED_CLOCK})?"
DURATION = r"^(?:(?P<d>\d+)\s*days?,?\s*)?(?P<H>\d+):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?$"


@dataclass(frozen=True)
class Times:
    """What was read of a column's text.

    Attributes
    ----------
    values : ndarray of datetime64[us], shape (n,)
        NaT where there is nothing, or no such date. Those with a zone are in UTC; times of day are of 1 January 1970.
    zoned : ndarray of bool, shape (n,)
        Which have a zone, as an offset from UTC.
    """

    values: Array
    zoned: Array


def check_form(form: str) -> str:
    """Return a form of dates.

    Raises
    ------
    SpecificationError
        If it is not written in codes of ``strptime`` that are known here, or has no year.
    """
    codes = re.findall(r"%(.?)", form)
    unknown = [code for code in codes if code not in _CODES]
    lacks_date = not {"Y", "y"} & set(codes) and not {"H", "I"} & set(codes)
    if unknown or lacks_date or len(set(codes) - {"%"}) < len([code for code in codes if code != "%"]):
        what = (
            f"%{unknown[0]} is no code that is known" if unknown else "it must have a year or an hour, each code once"
        )
        raise SpecificationError(
            f"the form of dates {form!r} can't be read: {what}; expected codes of strptime, such as %d/%m/%Y or "
            "%Y-%m-%d %H:%M"
        )
    try:
        pc.match_substring_regex(pa.array([""]), _pattern(form, "re2"))
        re.compile(_pattern(form, "re"))
    except (pa.ArrowException, re.error) as error:
        raise SpecificationError(f"the form of dates {form!r} can't be read; name it plainly, as %d/%m/%Y") from error
    return form


def check_zone(zone: str) -> str:
    """Return the name of a time zone; raise `SpecificationError` if there is none of that name."""
    try:
        pc.local_timestamp(pa.array([0], pa.timestamp("us", zone)))
    except (pa.ArrowException, ValueError) as error:
        raise SpecificationError(f"there is no time zone {zone!r}; expected a name such as Europe/Berlin") from error
    return zone


@lru_cache
def _pattern(form: str, dialect: str) -> str:
    """Return the regular expression of a form, for Python's `re` or for Arrow, which has RE2."""
    codes = set(re.findall(r"%(.)", form))
    if form in (TIME_FORM, CLOCK_FORM):
        body = _CLOCK if form == TIME_FORM else _ZONED_CLOCK
    else:
        spelled = re.sub(r"\s+", " ", form.strip())
        parts = re.split(r"%(.)", spelled)
        body = "".join(
            _CODES[part] if k % 2 else re.escape(part).replace(r"\ ", r"\s+") for k, part in enumerate(parts)
        )
        if {"b", "B", "h"} & codes:
            body = body.replace(_CODES["d"], _CODES["d"] + r"(?:st|nd|rd|th|\.)?")
        if not {"H", "I", "M", "p", "z"} & codes:
            body += _AFTER.replace(_JOIN, f"{_JOIN}?") if form == "%Y%m%d" else _AFTER
        if not {"a", "A"} & codes:
            body = r"(?:LETTER{2,}\.?,?\s+)?" + body
    return f"^{body}$".replace("LETTER", _LETTER[dialect])


def times_in_text(text: pa.ChunkedArray, form: str) -> Times:
    """Read dates of one form.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
    form : str
        In codes of ``strptime``. If it has none of a time of day, one may follow the date, of any usual form.

    Returns
    -------
    Times

    Examples
    --------
    >>> times_in_text(pa.chunked_array([["07-Jan-18", "7-feb-99 5:30 PM"]]), "%d-%b-%y").values.astype("M8[m]")
    array(['2018-01-07T00:00', '1999-02-07T17:30'], dtype='datetime64[m]')
    """
    encoded = text.combine_chunks().dictionary_encode()
    indices: Array = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    read = _times_apart if len(encoded.dictionary) > MIN_DIFFERENT_CELLS else _times
    values, zoned = read(encoded.dictionary, form)
    return Times(np.append(values, np.datetime64("NaT", "us"))[indices], np.append(zoned, False)[indices])


def _times_apart(vocabulary: pa.StringArray, form: str) -> tuple[Array, Array]:
    """Read many different cells: dates and times of day apart, of which there are fewer."""
    values, zoned = np.full(len(vocabulary), np.datetime64("NaT", "us")), np.zeros(len(vocabulary), bool)
    colon: Array = pc.find_substring(vocabulary, ":").to_numpy(False)
    places = np.unique(colon)
    if len(places) <= MAX_PLACES and re.fullmatch(r".*%[Yyd]", form):
        for place in places[places > 2]:
            rows = np.flatnonzero(colon == place)
            cells = vocabulary.take(pa.array(rows))
            ends = ((0, int(place) - 2, form), (int(place) - 2, None, CLOCK_FORM))
            halves = [pc.utf8_trim(pc.utf8_slice_codeunits(cells, *ends[:2]), "T_, ") for *ends, _ in ends]
            (days, _), (clock, zones) = (_of_few(half, form) for half, (*_, form) in zip(halves, ends, strict=True))
            values[rows], zoned[rows] = days + (clock - np.datetime64(0, "us")), zones
    rest = np.flatnonzero(np.isnat(values))
    if rest.size:
        values[rest], zoned[rest] = _times(vocabulary.take(pa.array(rest)), form)
    return values, zoned


def _of_few(text: pa.StringArray, form: str) -> tuple[Array, Array]:
    encoded = text.dictionary_encode()
    values, zoned = _times(encoded.dictionary, form)
    places = encoded.indices.to_numpy(False)
    return values[places], zoned[places]


def _times(vocabulary: pa.StringArray, form: str) -> tuple[Array, Array]:
    cells = pc.extract_regex(_with_colons(vocabulary, form), pattern=_pattern(form, "re2"))
    part, found = _parts(cells)
    good = cells.is_valid().to_numpy(False).astype(bool)
    if "t" in found:
        compact = part("t", -1)
        six = pc.fill_null(pc.equal(pc.binary_length(cells.field("t")), 6), False).to_numpy(False).astype(bool)
        compact = np.where(six, compact, 100 * compact)
    else:
        compact = np.full(len(good), -1)
    hour, minute, second = (np.where(compact >= 0, compact // 100**k % 100, part(code, 0)) for code, k in _CLOCK_PARTS)
    if "p" in found:
        half = pc.utf8_slice_codeunits(pc.utf8_lower(cells.field("p")), 0, 1)
        is_pm, is_am = (pc.fill_null(pc.equal(half, word), False).to_numpy(False).astype(bool) for word in "pa")
        good &= ~(is_pm | is_am) | ((hour >= 1) & (hour <= 12))
        hour = np.where(is_pm | is_am, hour % 12 + 12 * is_pm, hour)
    if form == TIME_FORM:  # a number is no hour
        good &= (part("M", -1) >= 0) | is_am | is_pm
    good &= (hour <= 23) & (minute <= 59) & (second <= 60)
    days, valid = _days(cells, part, found)
    good &= valid
    clock = ((hour * 60 + minute) * 60 + second) * 1_000_000 + _microseconds(cells, found)
    offset, zoned = _offsets(cells, found)
    values = (days * int(DAY) + clock - offset).astype("datetime64[us]")
    values[~good] = np.datetime64("NaT", "us")
    return values, zoned & good


_CLOCK_PARTS = (("H", 2), ("M", 1), ("S", 0))


def _parts(cells: pa.StructArray) -> tuple[Any, set[str]]:
    """Return a function that gives a group's whole numbers (n,), and the names of the groups."""
    found = {item.name for item in cells.type}

    def part(name: str, default: int) -> Array:
        if name not in found:
            return np.full(len(cells), default)
        texts = cells.field(name)
        numbers = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts).cast(pa.int64())
        return pc.fill_null(numbers, default).to_numpy(False)

    return part, found


def _days(cells: pa.StructArray, part: Any, found: set[str]) -> tuple[Array, Array]:
    """Return days since 1970 (n,), and whether there is such a day."""
    if not {"Y", "y"} & found:
        return np.zeros(len(cells), np.int64), np.ones(len(cells), bool)
    year = part("Y", 0) if "Y" in found else (part("y", 0) - PIVOT) % 100 + 1900 + PIVOT
    if "b" in found:
        names = pc.utf8_rtrim(pc.utf8_lower(cells.field("b")), characters=".")
        place = pc.fill_null(pc.index_in(names, pa.array(list(MONTHS))), -1).to_numpy(False)
        month = np.array([*MONTHS.values(), 0])[place]
    else:
        month = part("m", 1)
    day = part("d", 1)
    months = (year - 1970) * 12 + month - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - first
    return first + day - 1, (month >= 1) & (month <= 12) & (day >= 1) & (day <= length) & (year >= 1)


def _microseconds(cells: pa.StructArray, found: set[str]) -> Array:
    if "f" not in found:
        return np.zeros(len(cells), np.int64)
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(cells.field("f"), ""), 6, "0"), 0, 6)
    return digits.cast(pa.int64()).to_numpy(False)


def _offsets(cells: pa.StructArray, found: set[str]) -> tuple[Array, Array]:
    """Return offsets from UTC in microseconds (n,), and where there is one."""
    if "z" not in found or not pc.any(pc.not_equal(cells.field("z"), "")).as_py():
        return np.zeros(len(cells), np.int64), np.zeros(len(cells), bool)
    zones = cells.field("z").dictionary_encode()
    read = [_offset(zone) for zone in zones.dictionary.to_pylist()]
    places = zones.indices.fill_null(-1).to_numpy(False)
    there = np.array([*(bool(zone) for zone in zones.dictionary.to_pylist()), False])
    return np.array([*read, 0], np.int64)[places], there[places]


def _offset(zone: str) -> int:
    digits = re.sub(r"\D", "", zone)
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0) if digits else 0
    return (-1 if zone.startswith("-") else 1) * minutes * 60_000_000


def durations_in_text(text: pa.ChunkedArray) -> Array:
    """Read durations, such as 26:03:59 or 1 day, 2:03:59, in seconds (n,); NaN where there is none."""
    encoded = text.combine_chunks().dictionary_encode()
    cells = pc.extract_regex(encoded.dictionary, pattern=DURATION)
    part, found = _parts(cells)
    seconds = (
        ((part("d", 0) * 24 + part("H", 0)) * 60 + part("M", 0)) * 60 + part("S", 0) + _microseconds(cells, found) / 1e6
    )
    seconds[~cells.is_valid().to_numpy(False).astype(bool)] = np.nan
    return np.append(seconds, np.nan)[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]


@dataclass(frozen=True)
class FoundForms:
    """Forms that read as many of a column's cells as any other.

    Attributes
    ----------
    forms : tuple of str
    fraction : float
        Part of the cells that they read.
    example : str
        A cell that they read.
    """

    forms: tuple[str, ...]
    fraction: float
    example: str


def find_forms(text: pa.ChunkedArray, forms: tuple[str, ...] = FORMS) -> FoundForms | None:
    """Find the forms that read most cells of a column; None if none reads half of them.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
    forms : tuple of str

    Returns
    -------
    FoundForms or None

    Examples
    --------
    >>> find_forms(pa.chunked_array([["01/02/2020", "13/02/2020"]])).forms
    ('%d/%m/%Y',)
    """
    counted = pc.value_counts(text.drop_null())
    words, counts = counted.field("values"), counted.field("counts").to_numpy(False)
    if not len(words):
        return None
    sample = words.take(_spread(words, 20))
    few = {clock: _with_colons(sample, TIME_FORM if clock else "").to_pylist() for clock in (True, False)}
    left = [form for form in forms if _may_be(form, few)]
    if len(words) > SAMPLE:
        sample = pa.chunked_array([words.take(_spread(words, SAMPLE))])
        good = {form: np.count_nonzero(~np.isnat(times_in_text(sample, form).values)) for form in left}
        left = [form for form in left if good[form] >= 0.99 * max(good.values())]
    read = {form: ~np.isnat(times_in_text(pa.chunked_array([words]), form).values) for form in left}
    rows = {form: int(counts[good].sum()) for form, good in read.items()}
    most = max(rows.values(), default=0)
    if not most or 2 * most < counts.sum():
        return None
    best = tuple(form for form in read if rows[form] == most)
    return FoundForms(best, most / int(counts.sum()), words[int(read[best[0]].argmax())].as_py())


def _may_be(form: str, few: dict[bool, list[str]]) -> bool:
    """Tell if half of some cells look like it; quickly, as most columns of text are no dates."""
    match, cells = re.compile(_pattern(form, "re")).match, few[form == TIME_FORM]
    return 2 * sum(match(cell) is not None for cell in cells) >= len(cells)


def _with_colons(words: pa.StringArray, form: str) -> pa.StringArray:
    """Write 18.00.00 as 18:00:00, where it is a time of day."""
    start = "(^|T)" if form == TIME_FORM else r"([\sT])"
    return pc.replace_substring_regex(words, rf"{start}(\d{{1,2}})\.(\d{{2}})\.(\d{{2}})$", r"\1\2:\3:\4")


def _spread(words: pa.StringArray, count: int) -> pa.Array:
    """Return places all over a column, in order."""
    return pa.array(np.unique(np.linspace(0, len(words) - 1, count).astype(int)))
