"""The steps of a trace, each with its formula, its shapes and its numbers. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

Array = NDArray[Any]
Part = Literal["given", "forward", "loss", "backward", "update", "check", "explanation"]


@dataclass(frozen=True)
class Symbol:
    """A name in two scripts.

    Attributes
    ----------
    name : str
        In plain text, and to ask for an entry by: ``"W1"``, ``"y_hat"``.
    latex : str
        The same in LaTeX.
    """

    name: str
    latex: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Named:
    """An array of a trace.

    Attributes
    ----------
    symbol : Symbol
    values : ndarray, at most two-dimensional
    columns : tuple of str
        Names of the columns, such as the classes; empty where they have none.
    """

    symbol: Symbol
    values: Array
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Numbers beside each other, each row under a name.

    Attributes
    ----------
    columns : tuple of str
    rows : tuple of tuple
        Of str, float, int, bool, or None where there is nothing.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Step:
    """One line of the calculation, as a person would write it on paper.

    Attributes
    ----------
    part : str
        Which part of the whole it belongs to.
    title : str
    plain, latex : str
        The formula in both scripts; empty where nothing is calculated.
    shapes : str
        The formula with each array's shape in its place.
    arrays : tuple of Named
        What came out (of the first part: what went in).
    worked : str
        One entry written out with its numbers; empty if the formula says it all.
    note : str
        A sentence, where there is something to say.
    table : Table, optional
    """

    part: Part
    title: str
    plain: str = ""
    latex: str = ""
    shapes: str = ""
    arrays: tuple[Named, ...] = ()
    worked: str = ""
    note: str = ""
    table: Table | None = None
