"""A column of numbers: filled, bent if heavy-tailed, centred and scaled, in pieces if wanted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.errors import DataError
from twofold.tables.cells import (
    holds,
    numbers,
    seconds_of_day,
    words,
)
from twofold.tables.date_text import durations_in_text
from twofold.tables.gaps import without_gaps
from twofold.tables.number_text import numbers_with_unit
from twofold.tables.plan import CellCounts, check_readable, count_missing, count_unread, flag_name, flagged, wrong

Array = NDArray[Any]

MAX_ANGLE = 1e6  # standard deviations from which on a number's sines and cosines tell nothing


@dataclass(frozen=True)
class NumberPlan:
    """A column of numbers: ``(f(x) - center) / scale``, f the identity or a logarithm in both directions.

    Attributes
    ----------
    fill : float
        Stands in for missing cells.
    low, high : float
        Least and largest number that were seen.
    bend : float or None
        ``f(x) = asinh((x - pivot) / bend)``, close to a straight line below ``bend`` and to a logarithm above, for
        numbers of several orders of magnitude; None for the identity.
    pivot, center, scale : float
    knots : tuple of float
        Ends of pieces, rising, see `pieces`; () for none.
    frequencies : tuple of float
        Of sines and cosines, see `waves`; () for none.
    unit : tuple of two str, or None
        Of numbers written as text: what stands before and after them.
    decimal : {".", ","} or None
        Of numbers written as text: the decimal mark; None if none was learned, and each table's own cells tell.
    duration : bool
        They are seconds, and as text written as hours, minutes and seconds.
    """

    kind: ClassVar[str] = "number"
    name: str
    fill: float
    low: float
    high: float
    center: float = 0.0
    scale: float = 1.0
    pivot: float = 0.0
    bend: float | None = None
    knots: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()
    gaps: bool = False
    unit: tuple[str, str] | None = None
    decimal: str | None = None
    duration: bool = False

    def feature_names(self) -> list[str]:
        """Name the number itself, its pieces, its sines and cosines, and the flag."""
        pieces = [f"{self.name}>{knot:.4g}" for knot in self.knots[:-1]]
        waves = [f"{wave} {2 * np.pi * f:.4g} {self.name}" for wave in ("sin", "cos") for f in self.frequencies]
        return [self.name, *pieces, *waves, *flag_name(self)]

    @property
    def expanded(self) -> int:
        """How many features, after the number itself, are its pieces, sines and cosines."""
        return max(len(self.knots) - 1, 0) + 2 * len(self.frequencies)

    code_type: ClassVar[str] = "<f8"

    def codes(self, column: pa.ChunkedArray, start: int = 0, /) -> tuple[Array, CellCounts]:
        """Read the numbers; NaN where there is none."""
        values, counts = self.read(column, start)
        count_missing(self, counts, np.isnan(values))
        counts.notes["out of range"] = int(((values < self.low) | (values > self.high)).sum())
        return values, counts

    def features(self, codes: Array, /) -> Array:
        """Fill, bend, centre and scale."""
        missing = np.isnan(codes)
        filled = np.where(missing, self.fill, codes)
        bent = filled if self.bend is None else bend_numbers(filled, self.pivot, self.bend)
        standardised = (bent - self.center) / self.scale
        parts = [standardised[:, None]]
        if self.knots:
            parts.append(pieces(filled, np.array(self.knots)))
        if self.frequencies:
            parts.append(waves(standardised, np.array(self.frequencies)))
        return flagged(self, parts, missing)

    def read(self, column: pa.ChunkedArray, start: int = 0) -> tuple[Array, CellCounts]:
        """Read numbers (n,), NaN where there is none, and count the cells that can't be read."""
        what = holds(column)
        if what in ("numbers", "booleans", "nothing"):
            return numbers(self.name, column, start), CellCounts()
        if self.duration and pa.types.is_time(column.type):
            return seconds_of_day(column), CellCounts()
        if what != "text":
            raise wrong(self.name, column, "numbers")
        text = without_gaps(words(column))
        if self.duration:
            values = durations_in_text(text)
            units = Counter({("", ""): int((~np.isnan(values)).sum())})
        else:
            values, units = numbers_with_unit(text, self.decimal or ".", self.unit or ("", ""))
        counts = CellCounts(units=units)
        count_unread(counts, text, np.isnan(values))
        return values, counts

    def check(self, counts: CellCounts) -> None:
        """Refuse a column of which most can't be read, or most has another unit."""
        (unit, readable), *_ = [*counts.units.most_common(1), (("", ""), 0)]
        notes = Counter(unreadable=counts.present - readable)
        check_readable(self.name, replace(counts, notes=notes), self._told())
        if readable and unit != (self.unit or ("", "")):
            raise DataError(
                f"column {self.name!r} has numbers with {unit_told(unit)}; the model was trained on numbers with "
                f"{unit_told(self.unit or ('', ''))}: bring them to that"
            )

    def _told(self) -> str:
        """Say what cells it was trained on."""
        if self.duration:
            return "durations such as 26:03:59"
        marks = {",": "numbers with decimal commas; write them so", ".": "numbers with decimal points; write them so"}
        return marks.get(self.decimal or "", "numbers")


def bend_numbers(values: Array, pivot: float, bend: float) -> Array:
    """Compute ``asinh((x - pivot) / bend)`` (n,), also where the quotient is no double: asinh(z) is then log(2 z).

    Examples
    --------
    >>> bend_numbers(np.array([1e-300, 1e300]), 0.0, 1e-300).round(3)
    array([8.810000e-01, 1.382244e+03])
    """
    with np.errstate(over="ignore"):
        quotient = (values - pivot) / bend
    far = np.isinf(quotient)
    bent = np.arcsinh(np.where(far, 0.0, quotient))
    bent[far] = np.sign(values[far]) * (np.log(np.abs(values[far])) - np.log(bend) + np.log(2))
    return bent


def pieces(values: Array, knots: Array) -> Array:
    """Encode numbers piecewise linearly: each piece says how far into it a number lies, from 0 to 1.

    Parameters
    ----------
    values : ndarray, shape (n,)
    knots : ndarray, shape (k + 1,)
        Ends of k pieces, rising.

    Returns
    -------
    ndarray, shape (n, k)
        ``min(max((x - t_i) / (t_(i+1) - t_i), 0), 1)``, centred on 1/2 (Gorishniy, Rubachev and Babenko 2022,
        "On embeddings for numerical features in tabular deep learning").

    Examples
    --------
    >>> pieces(np.array([0.5, 3.0]), np.array([0.0, 1.0, 5.0]))
    array([[ 0. , -0.5],
           [ 0.5,  0. ]])
    """
    if max(np.abs(values).max(initial=0), np.abs(knots).max()) > 1e307:  # differences may exceed the largest double
        values, knots = values / 4, knots / 4
    widths = np.maximum(np.diff(knots), 5e-324)  # the least number above 0: what was so small a piece may be 0 by now
    P = values[:, None] - knots[:-1]
    with np.errstate(over="ignore"):  # the quotient may, far beyond the knots, and is 0 or 1 there
        P /= widths
    np.clip(P, 0, 1, out=P)
    P -= 0.5
    return P


def waves(values: Array, frequencies: Array) -> Array:
    """Encode numbers as sines and cosines.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Standardised.
    frequencies : ndarray, shape (k,)
        In periods a standard deviation.

    Returns
    -------
    ndarray, shape (n, 2 k)
        ``sin(2 pi f z)`` of each frequency, then ``cos(2 pi f z)`` ("periodic features", Gorishniy, Rubachev and
        Babenko 2022, with fixed frequencies; Rahimi and Recht 2007).

    Examples
    --------
    >>> waves(np.array([0.0, 1.0]), np.array([0.25])).round(3)
    array([[0., 1.],
           [1., 0.]])
    """
    angles = 2 * np.pi * np.clip(values, -MAX_ANGLE, MAX_ANGLE)[:, None] * frequencies
    return np.hstack([np.sin(angles), np.cos(angles)])


def unit_told(unit: tuple[str, str]) -> str:
    """Name the unit, for a message."""
    return f"unit {' and '.join(map(repr, filter(None, unit)))}" if any(unit) else "no unit"
