"""The border: what comes in from outside is checked here, once, and every engine may trust it.

Features of dtype uint8 are image bytes: a byte b stands for b / 255, as in torchvision's ToTensor, and stays a byte in
memory until it is in a minibatch. Every other dtype is taken at its value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twofold.errors import DataError, SpecificationError, show
from twofold.functions import LOSSES
from twofold.network import Network
from twofold.values import is_sparse, refuse_masked

Array = NDArray[Any]
Precision = Literal["float32", "float64"]


@dataclass(frozen=True)
class Block:
    """Data that an engine has loaded.

    Attributes
    ----------
    X : ndarray, shape (n, d)
        uint8, or of the engine's float type.
    y : ndarray
        int64 class indices (n,), or rows (n, q) of the engine's float type.
    weight : ndarray of float, shape (n,), or None
    """

    X: Array
    y: Array
    weight: Array | None

    def __len__(self) -> int:
        return int(self.X.shape[0])


def floats(X: Array, dtype: Precision) -> Array:
    """Turn image bytes into numbers from 0 to 1, of ``dtype``; other features stay as they are."""
    if X.dtype != np.uint8:
        return X
    numbers = X.astype(dtype)
    numbers /= 255
    return numbers


def check_precision(dtype: str) -> Precision:
    """Return the name of a float type, or raise `SpecificationError`."""
    given: object = dtype  # anything at all, in truth
    if isinstance(given, str) and given in ("float32", "float64"):
        return cast("Precision", dtype)
    raise SpecificationError(f"dtype is {show(dtype)}; it must be 'float32' or 'float64'")


def check_block(
    network: Network, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, dtype: Precision
) -> Block:
    """Check a set of samples against a network.

    Parameters
    ----------
    network : Network
    X : array, shape (n, d) or (n, height, width)
        Features: uint8 (image bytes, 0..255 for 0..1) or any real numbers.
    y : array
        Targets, as the network's loss wants them: see `check_targets`.
    sample_weight : array, shape (n,), optional
        Non-negative, not all 0.
    dtype : {"float32", "float64"}

    Returns
    -------
    Block

    Raises
    ------
    DataError
        If a shape, a label or a number is not right; the message says where.
    """
    features = check_features(network, X, dtype=dtype)
    n = features.shape[0]
    if n == 0:
        raise DataError("X has no samples")
    targets = check_targets(network, y, dtype=dtype)
    if len(targets) != n:
        raise DataError(f"X has {n} samples and y has {len(targets)}; they must be as many")
    return Block(features, targets, check_weight(sample_weight, n, dtype=dtype))


def check_features(network: Network, X: ArrayLike, *, dtype: Precision) -> Array:
    """Return X as a C-contiguous (n, d) array, uint8 or of ``dtype``, or as CSR; raise `DataError` otherwise.

    A sparse matrix stays one, of ``dtype``: the scratch engine alone can use it.
    """
    if is_sparse(X):
        return _sparse_features(network, X, dtype=dtype)
    refuse_masked("X", X)
    X = np.asarray(X)
    if X.ndim < 2:
        raise DataError(f"X has shape {X.shape}; expected (samples, features): for one sample write X[None]")
    d = int(np.prod(X.shape[1:]))
    if d != network.inputs:
        raise DataError(f"X has shape {X.shape}, {d} features a sample; the network has {network.inputs} inputs")
    X = X.reshape(len(X), d)
    if X.dtype == np.uint8:
        return np.ascontiguousarray(X)
    return _numbers("X", X, dtype)


def _sparse_features(network: Network, X: Any, *, dtype: Precision) -> Array:
    """Check a sparse matrix (n, d); zeros that are left out are numbers like others."""
    if X.ndim != 2 or X.shape[1] != network.inputs:
        raise DataError(f"X has shape {X.shape}; the network has {network.inputs} inputs")
    X = X.tocsr()
    numbers = _numbers("X.data", X.data, dtype)
    return X if numbers is X.data else type(X)((numbers, X.indices, X.indptr), shape=X.shape)


def check_targets(network: Network, y: ArrayLike, *, dtype: Precision) -> Array:
    """Return targets in the form that the network's loss reads.

    Parameters
    ----------
    network : Network
    y : array
        As `Loss.targets` says. Numbers: rows (n, q), in the loss's range. Classes: indices (n,) from 0 to q - 1, or
        rows (n, q) that are non-negative and sum to 1. Labels: rows (n, q) in [0, 1].
    dtype : {"float32", "float64"}

    Returns
    -------
    ndarray
        int64 (n,) for class indices, ``dtype`` (n, q) otherwise.

    Raises
    ------
    DataError
        If they are not of that form; (n,) is never taken for (n, 1).
    """
    refuse_masked("y", y)
    y = np.asarray(y)
    q = network.outputs
    targets = LOSSES[network.loss].targets
    if targets.compete and y.ndim == 1:
        return _classes(y, q)
    if y.ndim != 2 or y.shape[1] != q:
        hint = "; write y[:, None]" if y.ndim == 1 and q == 1 else ""
        also = f" or ({len(y)},) class indices" if targets.compete and y.ndim else ""
        n = y.shape[0] if y.ndim else "n"
        raise DataError(f"y has shape {y.shape}; loss {network.loss!r} needs ({n}, {q}){also}{hint}")
    Y = _numbers("y", y, dtype)
    if complaint := targets.complaint(Y):
        raise DataError(complaint)
    return Y


def check_weight(weight: ArrayLike | None, n: int, *, dtype: Precision) -> Array | None:
    """Return sample weights (n,) of ``dtype``, or None; raise `DataError` if negative, all 0 or misshapen."""
    if weight is None:
        return None
    refuse_masked("sample_weight", weight)
    weight = np.asarray(weight)
    if weight.shape != (n,):
        raise DataError(f"sample_weight has shape {weight.shape}; X has {n} samples, so it must be ({n},)")
    weight = _numbers("sample_weight", weight, dtype)
    if (negative := np.flatnonzero(weight < 0)).size:
        raise DataError(f"sample_weight[{negative[0]}] is {weight[negative[0]]}; weights are not negative")
    if not weight.any():
        raise DataError("sample_weight is zero for every sample; at least one must be positive")
    return weight


def _classes(y: Array, q: int) -> Array:
    """Check class indices (n,) from 0 to q - 1."""
    if y.dtype.kind not in "iub" and not (y.dtype.kind == "f" and np.array_equal(y, np.trunc(y))):
        raise DataError(f"y has dtype {y.dtype}; class indices are whole numbers from 0 to {q - 1}")
    if (outside := np.flatnonzero((y < 0) | (y >= q))).size:
        raise DataError(f"y[{outside[0]}] is {y[outside[0]]}; the classes of {q} outputs are 0 to {q - 1}")
    return y.astype(np.int64)


def _numbers(name: str, values: Array, dtype: Precision) -> Array:
    """Convert to a C-contiguous array of ``dtype`` in which every number is finite."""
    if values.dtype.kind not in "iubf":
        raise DataError(f"{name} has dtype {values.dtype}; expected real numbers")
    with np.errstate(over="ignore"):  # 1e300 becomes inf in float32, and is refused below with its place
        converted = np.ascontiguousarray(values, dtype=dtype)
    if not np.isfinite(converted).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(converted))[0])
        where = f"{name}[{', '.join(map(str, place))}]"
        raise DataError(f"{where} is {values[place]}; expected a finite number that {dtype} can hold")
    return converted


def as_rows(indices: Array) -> Array:
    """Copy the indices of a minibatch as int64; raise `IndexError` if there are none, or they are no whole numbers."""
    if indices.dtype.kind not in "iu":
        raise IndexError(f"indices have dtype {indices.dtype}; expected whole numbers")
    if len(indices) == 0:
        raise IndexError("there are no indices; expected those of one sample at least")
    return np.array(indices, np.int64)
