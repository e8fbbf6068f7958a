"""What scikit-learn's checks of a table let through, or refuse in other libraries' words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.errors import DataError, show


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
    if y.dtype.kind == "f":
        return y
    try:
        return y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"y has dtype {y.dtype}, and not all of it is numbers; expected numbers to predict") from error
