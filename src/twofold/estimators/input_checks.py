"""What scikit-learn's checks of a table let through, or refuse in other libraries' words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError, show
from twofold.estimators.weights import spread


def check_names(X: Any) -> None:
    """Raise `DataError` if two columns of a data frame have one name.

    Parameters
    ----------
    X : array or data frame
    """
    names = getattr(X, "column_names", None)  # Arrow's columns are not their names
    names = list(getattr(X, "columns", ()) if names is None else names)
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise DataError(f"two columns are named {show(name)}; rename one")
        seen.add(name)


def as_numbers(y: NDArray[Any]) -> NDArray[Any]:
    """Return targets as floats; raise `DataError` if they are no numbers."""
    if y.dtype.kind == "f" and y.dtype.itemsize >= 4:  # sums of squares leave float16
        return y
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"y has dtype {y.dtype}, and not all of it is numbers; expected numbers to predict") from error


def checked_blocks(blocks: Iterable[Any], check: Callable[..., tuple[Any, Any]]) -> Iterator[tuple[Any, ...]]:
    """Check blocks ``(X, y)`` or ``(X, y, sample_weight)`` one by one; `DataError` tells the number of a wrong one.

    Parameters
    ----------
    blocks : iterable of tuple
    check : callable
        ``check(X, y, reset=True)`` gives features and targets; ``reset`` is False from the second block on.

    Yields
    ------
    tuple
        Features, targets and, if there are any, weights.
    """
    for number, block in enumerate(blocks):
        if not isinstance(block, tuple | list) or not 2 <= len(block) <= 3:
            raise DataError(f"block {number}: expected (X, y) or (X, y, sample_weight), got {show(block)}")
        try:
            features, targets = check(block[0], block[1], reset=number == 0)
        except ValueError as error:
            raise DataError(f"block {number}: {error}") from error
        yield (features, targets, *(spread(weight, len(targets)) for weight in block[2:]))
