"""Numbers written as text: which mark is the decimal one, what stands around them, and what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[Any]

OTHER = {".": ",", ",": "."}
MIN_READABLE = 0.9  # part of a text column's cells that must be numbers of one unit for it to be a column of numbers
# Between thousands, besides the mark that is not the decimal one: spaces of three widths, and Swiss apostrophes.
_SPACES, _APOSTROPHES = r" \x{a0}\x{2009}\x{202f}", "'\u2019"

# A sign, a currency or three capital letters, digits with their marks, and a unit. "city 12" is none, nor "A1".
_CELL = (
    r"^(?P<sign>[-+\x{2212}]?)\s*(?P<before>[A-Z]{0,3}\p{Sc}|[A-Z]{3}\s|)\s*(?P<inner>[-+\x{2212}]?)"
    rf"(?P<digits>(?:\d[\d.,{_SPACES}{_APOSTROPHES}]*|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(?P<after>[^\d\s][^\d]{{0,9}}|)$"
)
_ACCOUNTING = r"^\(([^()]*\d[^()]*)\)$"


def _groups(mark: str, least: int) -> str:
    """Return the pattern of digits in groups of three."""
    return rf"\d{{1,3}}(?:[{mark}]\d{{3}}){{{least},}}"


def _whole(decimal: str) -> str:
    """Return the pattern of whole numbers, with or without marks of thousands."""
    indian = r"|\d{1,2}(?:,\d{2})+,\d{3}" if decimal == "." else ""
    marks = (OTHER[decimal], _SPACES, _APOSTROPHES)
    return rf"(?:\d+{indian}|{'|'.join(_groups(mark, 1) for mark in marks)})"


_READABLE = {mark: rf"^(?:{_whole(mark)}(?:[{mark}]\d*)?|[{mark}]\d+)(?:[eE][-+]?\d+)?$" for mark in OTHER}
# Digits that a mark can only be the decimal one of: not three behind it, or more than three or a 0 before it, or the
# other mark, or spaces, between thousands.
_PROOF = {
    mark: rf"^(?:\d*[{mark}](?:\d{{0,2}}|\d{{4,}})|(?:0\d*|\d{{4,}})?[{mark}]\d+|{_groups(OTHER[mark], 1)}[{mark}]\d*"
    rf"|{_groups(OTHER[mark], 2)}|{_groups(_SPACES, 1)}[{mark}]\d*|{_groups(_APOSTROPHES, 1)}[{mark}]\d*"
    + (r"|\d{1,2}(?:,\d{2})+,\d{3}(?:[.]\d*)?" if mark == "." else "")
    + r")(?:[eE][-+]?\d+)?$"
    for mark in OTHER
}
_EITHER = {mark: rf"^[1-9]\d{{0,2}}[{mark}]\d{{3}}$" for mark in OTHER}


def numbers_in_text(text: pa.ChunkedArray, decimal: str = ".") -> tuple[Array, tuple[str, str]]:
    """Read numbers that are written as text, with one unit before or after them.

    Parameters
    ----------
    text : pyarrow.ChunkedArray of string
    decimal : {".", ","}
        The decimal mark. The other one, spaces and apostrophes may stand between thousands.

    Returns
    -------
    values : ndarray of float64, shape (n,)
        NaN where there is nothing, or no number, or one of another unit. One in parentheses is negative.
    unit : tuple of two str
        What stands before and after the numbers most often.

    Examples
    --------
    >>> numbers_in_text(pa.chunked_array([["1,200 kg", "3.5 kg", None, "4 lb"]]))
    (array([1200. ,    3.5,    nan,    nan]), ('', 'kg'))
    >>> numbers_in_text(pa.chunked_array([["1.343,64", "(950)"]]), ",")
    (array([1343.64, -950.  ]), ('', ''))
    """
    values, places, units = _numbers_and_units(text, decimal)
    unit = units.most_common(1)[0][0] if units else ("", "")
    return np.where(places == list(units).index(unit) if units else False, values, np.nan), unit


def numbers_with_unit(
    text: pa.ChunkedArray, decimal: str, unit: tuple[str, str]
) -> tuple[Array, Counter[tuple[str, str]]]:
    """Read the numbers of one unit, and count those of each, in the order in which they come.

    Parameters
    ----------
    text, decimal
        As for `numbers_in_text`.
    unit : tuple of two str

    Returns
    -------
    values : ndarray of float64, shape (n,)
    units : Counter of tuple of two str

    Examples
    --------
    >>> numbers_with_unit(pa.chunked_array([["1,200 kg", "4 lb", "3.5 kg"]]), ".", ("", "lb"))
    (array([nan,  4., nan]), Counter({('', 'kg'): 2, ('', 'lb'): 1}))
    """
    values, places, units = _numbers_and_units(text, decimal)
    place = list(units).index(unit) if unit in units else -1
    return np.where((places == place) & (places >= 0), values, np.nan), units


def _numbers_and_units(text: pa.ChunkedArray, decimal: str) -> tuple[Array, Array, Counter[tuple[str, str]]]:
    """Return numbers (n,), the places of their units (n,), -1 for none, and the units with their rows."""
    encoded = text.combine_chunks().dictionary_encode()
    indices: Array = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    cells, negative = _cells(encoded.dictionary)
    digits = cells.field("digits")
    readable = pc.fill_null(pc.match_substring_regex(digits, _READABLE[decimal]), False)
    places, units = _units(cells, readable, indices)
    plain = pc.replace_substring_regex(digits, rf"[{OTHER[decimal]}{_SPACES}{_APOSTROPHES}]", "")
    plain = pc.replace_substring(plain, decimal, ".") if decimal != "." else plain
    values: Array = pc.if_else(readable, plain, pa.scalar(None, pa.string())).cast(pa.float64()).to_numpy(False)
    values = np.where(negative, -values, values)
    values[np.isinf(values)] = np.nan
    return np.append(values, np.nan)[indices], np.append(places, -1)[indices], units


def _cells(vocabulary: pa.StringArray) -> tuple[pa.StructArray, Array]:
    """Take cells apart; the second array tells which numbers are negative."""
    enclosed: Array = pc.match_substring_regex(vocabulary, _ACCOUNTING).to_numpy(False).astype(bool)
    if enclosed.any():
        vocabulary = pc.if_else(
            pa.array(enclosed), pc.replace_substring_regex(vocabulary, _ACCOUNTING, r"\1"), vocabulary
        )
    cells = pc.extract_regex(vocabulary, pattern=_CELL)
    cells = pa.StructArray.from_arrays(
        [pc.if_else(cells.is_valid(), pc.utf8_trim_whitespace(part), None) for part in cells.flatten()],
        fields=list(cells.type),
    )
    minus = [pc.is_in(cells.field(part), pa.array(["-", "\u2212"])).to_numpy(False) for part in ("sign", "inner")]
    return cells, enclosed ^ minus[0] ^ minus[1]


def all_enclosed(text: pa.ChunkedArray) -> bool:
    """Tell if all cells are in parentheses: that is a habit of writing then, and no minus."""
    return bool(pc.all(pc.match_substring_regex(text.drop_null(), _ACCOUNTING)).as_py())


def _units(cells: pa.StructArray, readable: pa.BooleanArray, indices: Array) -> tuple[Array, Counter[tuple[str, str]]]:
    """Return the place of each readable cell's unit, -1 for others, and the units, with how many rows have each."""
    counts = np.bincount(indices[indices >= 0], minlength=len(cells))
    pairs = pc.binary_join_element_wise(cells.field("before"), cells.field("after"), "\0").dictionary_encode()
    places: Array = np.where(readable.to_numpy(False), pairs.indices.fill_null(-1).to_numpy(False), -1)
    rows = np.bincount(places[places >= 0], counts[places >= 0], minlength=len(pairs.dictionary)).astype(int).tolist()
    names = [tuple(pair.split("\0")) for pair in pairs.dictionary.to_pylist()]
    return places, Counter(dict(zip(names, rows, strict=True)))


@dataclass(frozen=True)
class Marks:
    """What a column's cells tell of the two marks.

    Attributes
    ----------
    proof : dict of str to int
        Different cells in which a mark can only be the decimal one, such as 0,39.
    either : dict of str to int
        Cells that read both ways, such as 1.250.
    example : str
        One of them.
    grouped : bool
        Cells without a mark speak for thousands, see `_look_grouped`.
    """

    proof: dict[str, int]
    either: dict[str, int]
    example: str = ""
    grouped: bool = False


def marks_of(text: pa.ChunkedArray) -> Marks | None:
    """Count what a column tells of its marks; None if it is not one of numbers."""
    vocabulary = text.unique().drop_null()
    cells, _ = _cells(vocabulary if isinstance(vocabulary, pa.Array) else vocabulary.combine_chunks())
    digits = cells.field("digits").drop_null()
    if 2 * len(digits) < len(vocabulary):
        return None
    proof = {mark: _count(digits, pattern) for mark, pattern in _PROOF.items()}
    found = {mark: digits.filter(pc.match_substring_regex(digits, pattern)) for mark, pattern in _EITHER.items()}
    either = {mark: len(cells) for mark, cells in found.items()}
    mark = max(either, key=lambda mark: either[mark])
    example = found[mark][0].as_py() if either[mark] else ""
    return Marks(proof, either, example, bool(either[mark]) and _look_grouped(found[mark], digits, mark))


def _count(digits: pa.StringArray, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(digits, pattern)).as_py() or 0


def _look_grouped(found: pa.StringArray, digits: pa.StringArray, mark: str) -> bool:
    """Tell if marks that read both ways look like those of thousands.

    Numbers beside them without a mark have three digits at most then. And they are there although decimals would have
    been written to the last place, as a 0 in it shows, or they are larger than what would stand before the marks.
    """
    whole = digits.filter(pc.match_substring_regex(digits, r"^[1-9]\d*$"))
    if not len(whole) or pc.max(pc.utf8_length(whole)).as_py() > 3:
        return False
    heads = pc.extract_regex(found, pattern=rf"^(?P<head>\d+)[{mark}]").field("head").cast(pa.int64())
    larger = pc.max(whole.cast(pa.int64())).as_py() >= max(100, pc.max(heads).as_py() + 1)
    return larger or pc.any(pc.ends_with(found, "0")).as_py()


def decimals_in_doubt(table: pa.Table, decimal: str | None = None) -> list[str]:
    """Name the columns of a file in which points that were read as decimal ones may stand between thousands.

    Parameters
    ----------
    table : pyarrow.Table
        As a reader made it for which points are decimal ones.
    decimal : {".", ","}, optional
        What the user says.

    Returns
    -------
    list of str
        None of them if one column has a number such as 0.5, 1.25 or 1234.5.
    """
    columns = zip(table.column_names, table.columns, strict=True)
    doubles = {name: column for name, column in columns if pa.types.is_floating(column.type)}
    if decimal == "." or (decimal is None and any(map(has_decimals, doubles.values()))):
        return []
    return list(doubles)


def has_decimals(column: pa.Array | pa.ChunkedArray) -> bool:
    """Tell if a column of doubles has a number whose point can only be a decimal one: 0.5, 1.25, 1234.5."""
    values: Array = np.abs(column.drop_null().to_numpy())
    values = values[np.isfinite(values) & (values != np.trunc(values))]
    more_places = np.round(values * 1000) / 1000 != values
    return bool(((values < 1) | (values >= 1000) | more_places).any())


def proves_points(text: pa.Array | pa.ChunkedArray) -> bool:
    """Tell if a column has a number whose point can only be a decimal one."""
    marks = marks_of(pc.utf8_trim_whitespace(text))
    return marks is not None and marks.proof["."] > 0


def shows_points(text: pa.ChunkedArray) -> bool:
    """Tell if a column's points can only be decimal ones, or if it has none that may be something else."""
    marks = marks_of(pc.utf8_trim_whitespace(text))
    return marks is None or marks.proof["."] > 0


@dataclass(frozen=True)
class Decimals:
    """The decimal mark of each text column with numbers, what there is to say of it, and what reads in two ways.

    ``common`` is the mark of the whole table, if its cells tell.
    """

    marks: dict[str, str] = field(default_factory=dict)
    common: str | None = None
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def infer_decimals(columns: Mapping[str, Marks], *, comma_likely: bool = False, guess: bool = True) -> Decimals:
    """Infer the decimal marks of a table's columns, which have the same one as far as cells tell nothing else.

    Parameters
    ----------
    columns : mapping of str to Marks
    comma_likely : bool
        Without any other hint commas are decimal ones: cells of the file stand between semicolons.
    guess : bool
        Take what looks like thousands for that, see `Marks`; otherwise only proofs count.

    Returns
    -------
    Decimals

    Examples
    --------
    >>> cells = {"price": ["950", "1.250"], "discount": ["0,39", "0,63"]}
    >>> infer_decimals({name: marks_of(pa.chunked_array([column])) for name, column in cells.items()}).marks
    {'price': ',', 'discount': ','}
    """
    total = Counter[str]()
    for marks in columns.values():
        total.update(marks.proof)
    proved = _larger(total)
    grouped = [mark for marks in columns.values() if guess and marks.grouped for mark in OTHER if marks.either[mark]]
    found, remarks, doubts = {}, [], []
    for name, marks in columns.items():
        own = _larger(marks.proof)
        likely = OTHER[grouped[0]] if grouped else "," if comma_likely and marks.either[","] else "."
        found[name] = own or proved or likely
        if not (own or proved) and marks.example:
            doubts.append(_either_way(name, marks.example, found[name]))
        elif own and own != proved:
            remarks.append(f"column {name}: decimals stand behind {own!r} here and behind {proved!r} in other columns")
    if proved == ",":
        name = next(name for name, marks in columns.items() if marks.proof[","])
        remarks.insert(0, f"numbers are read with decimal commas, as column {name} has them")
    common = proved or (OTHER[grouped[0]] if grouped else None)
    return Decimals(found, common, tuple(remarks), tuple(doubts))


def _larger(proof: Mapping[str, int]) -> str:
    return max(OTHER, key=lambda mark: proof[mark]) if any(proof.values()) else ""


def _either_way(name: str, example: str, decimal: str) -> str:
    value = {mark: numbers_in_text(pa.chunked_array([[example]]), mark)[0][0] for mark in OTHER}
    other = OTHER[decimal]
    return (
        f"column {name}: {example} is read as {value[decimal]:g}; if it is {value[other]:g}, say so: --decimal {other} "
        f"(in Python decimal={other!r})"
    )
