"""What every plan of a column has, whatever its kind."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.errors import DataError

Array = NDArray[Any]


class Plan(Protocol):
    """What is known of a column.

    Attributes
    ----------
    kind : str
    name : str
        The column's.
    gaps : bool
        Cells were missing when it was learned: a feature tells where they are.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def gaps(self) -> bool:
        """Whether a feature flags missing cells."""
        ...

    def feature_names(self) -> list[str]:
        """Name the features it gives, k of them."""
        ...

    def encode(self, column: pa.ChunkedArray) -> tuple[Array, Counter[str]]:
        """Turn cells into features (n, k), and count what was not as it was when learned."""
        ...


def flag_name(plan: Plan) -> list[str]:
    """Name the feature that flags missing cells, if there is one."""
    return [f"{plan.name} missing"] if plan.gaps else []


def flagged(plan: Plan, parts: list[Array], missing: Array, notes: Counter[str]) -> tuple[Array, Counter[str]]:
    """Put features together; without a flag, missing cells are something new."""
    if plan.gaps:
        parts = [*parts, missing.astype(np.float64)[:, None]]
    else:
        notes["newly missing"] = notes["missing"]
    return np.hstack(parts), notes


def check_readable(name: str, text: pa.ChunkedArray, missing: Array, expected: str) -> int:
    """Count the cells of a text column that could not be read.

    Parameters
    ----------
    name : str
    text : pyarrow.ChunkedArray of string, n cells
        Null where there is a gap.
    missing : ndarray of bool, shape (n,)
        Cells of which nothing was read.
    expected : str
        What they were read as, for the message.

    Raises
    ------
    DataError
        If several can't be read, and they are more than half of those with something.
    """
    unread = missing & text.is_valid().to_numpy().astype(bool)
    count = int(unread.sum())
    if count > 1 and 2 * count > len(text) - text.null_count:
        raise wrong(name, text.filter(pa.array(unread)), expected)
    return count


def wrong(name: str, column: pa.ChunkedArray, expected: str) -> DataError:
    """Make the error of a column that holds something else than when it was learned."""
    present = column.drop_null()
    example = f" such as {str(present[0].as_py())[:40]!r}" if len(present) else ""
    return DataError(f"column {name!r} holds {column.type}{example}; the model was trained on {expected}")
