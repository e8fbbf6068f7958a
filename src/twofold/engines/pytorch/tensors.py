"""From NumPy to PyTorch, for the engines that compute there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twofold.engines.forks import guard_forks

guard_forks()


def tensor(array: NDArray[Any]) -> Tensor:
    """Wrap an array; one that is read-only or not contiguous is copied, since PyTorch could write to it."""
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))
