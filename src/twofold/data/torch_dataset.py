"""Arrays as a PyTorch ``Dataset``. This module imports torch: import it where it is needed, not at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np
from PIL import Image

from twofold.errors import DataError, MissingDependencyError

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    raise MissingDependencyError("PyTorch is not installed; install it with: pip install 'twofold[torch]'") from error

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    Array = np.ndarray[Any, np.dtype[Any]]


def as_torch_dataset(
    X: ArrayLike,
    y: ArrayLike,
    transform: Callable[[Any], Any] | None = None,
    target_transform: Callable[[Any], Any] | None = None,
) -> Dataset[tuple[Any, Any]]:
    """Make a map-style dataset of arrays, for a ``DataLoader`` with or without workers.

    Parameters
    ----------
    X : array_like, shape (n, height, width) or (n, d)
        Images or a table. An item of uint8 images is a float32 tensor (1, height, width) from 0 to 1, as
        torchvision's ``ToTensor`` gives it; one of other images is a tensor (1, height, width) of `X`'s dtype, one of
        a table a tensor (d,) of `X`'s dtype.
    y : array_like, shape (n,) or (n, q)
        Targets. Integers of shape (n,) are class labels, and items are Python ints; other items are tensors, of
        shape () or (q,).
    transform : callable, optional
        Applied to each item of `X`. With uint8 images it gets a PIL image of mode "L", as torchvision's data sets
        hand it over; otherwise the tensor.
    target_transform : callable, optional
        Applied to each item of `y`.

    Returns
    -------
    torch.utils.data.Dataset
        Of pairs. It refers to the arrays rather than copying them, and can be pickled if the transforms can.

    Raises
    ------
    DataError
        `X` and `y` differ in length, or aren't arrays of numbers of these shapes.
    MissingDependencyError
        On importing this module: PyTorch is not installed.

    Examples
    --------
    >>> dataset = as_torch_dataset(np.full((3, 2, 2), 255, dtype=np.uint8), [7, 8, 9])
    >>> dataset[1]
    (tensor([[[1., 1.],
             [1., 1.]]]), 8)
    """
    X, y = _numbers("X", X), _numbers("y", y)
    if X.ndim not in (2, 3):
        raise DataError(f"X must have shape (n, d) or (n, height, width), not {X.shape}; reshape it")
    if y.ndim not in (1, 2):
        raise DataError(f"y must have shape (n,) or (n, q), not {y.shape}; reshape it")
    if len(X) != len(y):
        raise DataError(f"X has {len(X)} rows and y has {len(y)}; give one target for each row")
    return ArrayDataset(X, y, transform, target_transform)


def _numbers(name: str, values: ArrayLike) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must be numbers, not {array.dtype}; encode it as numbers first")
    return array.astype(array.dtype.newbyteorder("="), copy=False)  # torch knows no other byte order


@final
class ArrayDataset(Dataset[tuple[Any, Any]]):
    """Pairs of a row of `X` and a row of `y`; made by `as_torch_dataset`, where everything is described."""

    def __init__(
        self,
        X: Array,
        y: Array,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
    ) -> None:
        self.X = X
        self.y = y
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        target = self.y[index]
        label = int(target) if self.y.ndim == 1 and self.y.dtype.kind in "biu" else torch.tensor(target)
        return self._item(self.X[index]), label if self.target_transform is None else self.target_transform(label)

    def _item(self, row: Array) -> Any:
        if row.ndim == 2 and row.dtype == np.uint8 and self.transform is not None:
            return self.transform(Image.fromarray(row))
        tensor = torch.tensor(np.ascontiguousarray(row))  # a copy, since nobody may write into X by way of an item
        if row.ndim == 2:
            tensor = tensor.unsqueeze(0)
            if row.dtype == np.uint8:
                return tensor.to(torch.float32).div(255)
        return tensor if self.transform is None else self.transform(tensor)
