"""Results held against each other: structure, shape, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def plain(value: Any) -> Any:
    """Return tensors of PyTorch as arrays, and what holds them likewise.

    Examples
    --------
    >>> plain(([1.0], {"a": 2}))
    ([1.0], {'a': 2})
    """
    if hasattr(value, "detach") and hasattr(value, "numpy"):
        return value.detach().cpu().numpy()
    if type(value) in (tuple, list):
        return type(value)(plain(each) for each in value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def is_number(value: Any) -> bool:
    """Tell whether a value is one number or an array of numbers."""
    return isinstance(value, (bool, int, float, np.generic)) or (
        isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    )


def agree(got: Any, expected: Any, tolerance: float) -> bool:
    """Tell whether a result is the expected one.

    Parameters
    ----------
    got, expected : object
        Numbers, arrays, or tuples, lists and dictionaries of them; other things are equal or not.
    tolerance : float
        Relative to the largest finite number that is expected.

    Returns
    -------
    bool

    Examples
    --------
    >>> agree((1.0, np.ones(2)), (1.0, np.ones(2)), 1e-7), agree(np.ones((2, 1)), np.ones(2), 1e-7)
    (True, False)
    """
    if isinstance(expected, (tuple, list)):
        same = isinstance(got, (tuple, list)) and len(got) == len(expected)
        return same and all(agree(*pair, tolerance) for pair in zip(got, expected, strict=True))
    if isinstance(expected, dict):
        same = isinstance(got, dict) and got.keys() == expected.keys()
        return same and all(agree(got[key], expected[key], tolerance) for key in expected)
    if not is_number(expected):
        return type(got) is type(expected) and bool(got == expected)
    if not is_number(got) or np.shape(got) != np.shape(expected):
        return False
    return close(np.asarray(got, float), np.asarray(expected, float), tolerance)


def close(got: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Tell whether arrays of one shape are equal but for rounding; NaN and infinity only to themselves."""
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(got)) or not np.array_equal(got[~finite], expected[~finite], True):
        return False
    scale = float(np.abs(expected[finite]).max(initial=0.0))
    return bool(np.all(np.abs(got[finite] - expected[finite]) <= tolerance * max(scale, 1e-300)))


def parts(value: Any, count: int) -> list[Any]:
    """Return the results of an exercise that has so many."""
    return list(value) if count > 1 else [value]


def single_precision(value: Any) -> bool:
    """Tell whether numbers are in float32 or float16."""
    if isinstance(value, (tuple, list)):
        return any(map(single_precision, value))
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype in (np.float32, np.float16)
