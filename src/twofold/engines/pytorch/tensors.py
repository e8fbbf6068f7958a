"""From NumPy to PyTorch and its devices, for the engines that compute there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.forks import guard_forks
from twofold.errors import SpecificationError
from twofold.validation import Precision

guard_forks()


def tensor(array: NDArray[Any]) -> Tensor:
    """Wrap an array; one that is read-only or not contiguous is copied, since PyTorch could write to it."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def check_device(device: str, dtype: Precision) -> None:
    """Raise `SpecificationError` if PyTorch sees no such device here, or the device has no such type."""
    backends: dict[str, Any] = {"cuda": torch.cuda, "mps": torch.backends.mps}
    if device in backends and not backends[device].is_available():
        raise SpecificationError(f"device is {device!r}; PyTorch sees none here")
    if device == "mps" and dtype == "float64":
        raise SpecificationError("device 'mps' has no float64; use float32")
