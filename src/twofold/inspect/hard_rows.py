"""The rows that a model misses worst, and those of which it is least sure, with their cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import SpecificationError
from twofold.functions import softmax
from twofold.inspect.table_rows import TableRows

Array = NDArray[Any]


@dataclass(frozen=True)
class HardRow:
    """A row, and what was predicted of it.

    Attributes
    ----------
    row : int
        Its number in the table, counted from 0.
    actual, predicted : str or float
        Class, or number.
    error : float or None
        Of numbers: predicted less actual.
    sure : float or None
        Of classes: the probability of the one that is predicted.
    of_actual : float or None
        Of classes: the probability of the actual one.
    cells : dict of str
        Its other columns.
    """

    row: int
    actual: str | float
    predicted: str | float
    error: float | None
    sure: float | None
    of_actual: float | None
    cells: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; what JSON has no word for, such as a date, is a text."""
        cells = {name: each if isinstance(each, bool | int | float | str | None) else str(each)
                 for name, each in self.cells.items()}  # fmt: skip
        return asdict(self) | {"cells": cells}


def worst_rows(rows: TableRows, most: int = 10) -> list[HardRow]:
    """Return the rows that are missed worst.

    Parameters
    ----------
    rows : TableRows
        That the model was not trained on.
    most : int
        Rows, at least 1.

    Returns
    -------
    list of HardRow
        Of numbers those with the largest errors; of classes those that are wrong, the actual class being given the
        least probability.

    Examples
    --------
    >>> from twofold import fit_table
    >>> from twofold.inspect import TableRows
    >>> table = {"area": [7.0 * a % 89 for a in range(100)], "price": [7.0 * a % 89 for a in range(100)]}
    >>> table["price"][3] = 500.0
    >>> model = fit_table(table, "price", epochs=20).model
    >>> [(own.row, own.actual) for own in worst_rows(TableRows.of(model, table), 1)]
    [(3, 500.0)]
    """
    _check(most)
    predicted, P = _predictions(rows)
    if P is None:
        return _listed(rows, np.argsort(-np.abs(predicted - rows.y), kind="stable")[:most], predicted, P)
    of_actual = P[np.arange(len(rows)), rows.y]
    order = np.argsort(of_actual, kind="stable")
    return _listed(rows, order[predicted[order] != rows.y[order]][:most], predicted, P)


def uncertain_rows(rows: TableRows, most: int = 10) -> list[HardRow]:
    """Return the rows of which the model is least sure: the two likeliest classes are closest to each other.

    Parameters
    ----------
    rows : TableRows
    most : int
        Rows, at least 1.

    Returns
    -------
    list of HardRow

    Raises
    ------
    SpecificationError
        If numbers are predicted.
    """
    _check(most)
    predicted, P = _predictions(rows)
    if P is None:
        raise SpecificationError("numbers have no probabilities to be unsure by; see predict_interval")
    second, first = np.sort(P, axis=1)[:, -2:].T
    return _listed(rows, np.argsort(first - second, kind="stable")[:most], predicted, P)


def _check(most: int) -> None:
    if most < 1:
        raise SpecificationError(f"{most} rows; give at least 1")


def _predictions(rows: TableRows) -> tuple[Array, Array | None]:
    """Return what is predicted (n,), class indices or numbers, and the probabilities of classes (n, q)."""
    O = rows.outputs()
    return (O.argmax(axis=1), softmax(O.astype(np.float64))) if rows.classes else (O, None)


def _listed(rows: TableRows, places: Array, predicted: Array, P: Array | None) -> list[HardRow]:
    others = [name for name in rows.cells.column_names if name != rows.target.name]
    cells = rows.cells.select(others).take(places).to_pylist()
    found = []
    for place, own in zip(places.tolist(), cells, strict=True):
        row, actual, said = int(rows.numbers[place]), rows.y[place], predicted[place]
        if P is None:
            found.append(HardRow(row, float(actual), float(said), float(said - actual), None, None, own))
        else:
            sure, of_actual = float(P[place, said]), float(P[place, actual])
            found.append(HardRow(row, rows.classes[actual], rows.classes[said], None, sure, of_actual, own))
    return found
