"""Coefficients as attributes that may be assigned by hand, as federated averaging does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, show

Array = NDArray[Any]


def as_coefficients(name: str, values: ArrayLike, *, ndim: tuple[int, ...]) -> Array:
    """Check numbers that are assigned as coefficients.

    Parameters
    ----------
    name : str
        Of the attribute, for the message.
    values : array
    ndim : tuple of int
        Numbers of dimensions that it may have.

    Returns
    -------
    ndarray of float32 or float64
        The array itself if it is one.

    Raises
    ------
    DataError
        If they are no finite numbers, or of another number of dimensions.
    """
    try:
        array = np.asarray(values)
        array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is no array of numbers: {error}") from error
    if array.ndim not in ndim:
        expected = " or ".join(map(str, ndim))
        raise DataError(f"{name} has shape {array.shape}; expected an array of {expected} dimension(s)")
    check_coefficients(name, array)
    return array


def check_coefficients(name: str, array: Array) -> None:
    """Raise `DataError` if a coefficient is not finite."""
    if not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0]
        raise DataError(f"{name} holds {array[tuple(place)]} at {place.tolist()}; coefficients must be finite")


class Coefficients:
    """An attribute that holds coefficients: whatever is assigned is checked, and counts.

    Parameters
    ----------
    ndim : int
        Numbers of dimensions that it may have.
    doc : str
        Of the attribute.
    """

    def __init__(self, *ndim: int, doc: str) -> None:
        self._ndim, self.__doc__ = ndim, doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        if model is None:
            return self
        try:
            return vars(model)[self._name]
        except KeyError:
            raise AttributeError(f"{type(model).__name__} has no {self._name} yet; call fit, or assign it") from None

    def __set__(self, model: Any, values: Any) -> None:
        array = as_coefficients(self._name, values, ndim=self._ndim)
        vars(model)[self._name] = array if array.ndim else float(array)

    def __delete__(self, model: Any) -> None:
        del vars(model)[self._name]


class LayerCoefficients(Coefficients):
    """An attribute that holds an array of each layer, in a list; an entry that is replaced counts too."""

    def __set__(self, model: Any, values: Any) -> None:
        try:
            several = list(values)
        except TypeError:
            raise DataError(f"{self._name} is {show(values)}; expected an array of each layer") from None
        ndim = (0, *self._ndim)  # a number holds the place of an array that comes later
        arrays = [as_coefficients(f"{self._name}[{k}]", array, ndim=ndim) for k, array in enumerate(several)]
        vars(model)[self._name] = arrays


def dense(array: Any) -> Array:
    """Return an array as an ndarray, zeros filled in where it is sparse."""
    return np.asarray(array.toarray() if hasattr(array, "toarray") else array)
