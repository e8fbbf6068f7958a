"""The functions that definitions are written with, on PyTorch tensors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class TensorFunctions:
    """The functions of `twofold.functions.expressions.FUNCTIONS` on tensors of one type.

    Parameters
    ----------
    like : Tensor
        Whose type and device constants get.
    """

    abs, exp, expm1, log, log1p = torch.abs, torch.exp, torch.expm1, torch.log, torch.log1p
    ndtr, sign, tanh = torch.special.ndtr, torch.sign, torch.tanh

    def __init__(self, like: Tensor) -> None:
        self._like = like

    @staticmethod
    def sqrt(x: Any) -> Any:
        """Return the root, of a number a number."""
        return torch.sqrt(x) if isinstance(x, Tensor) else math.sqrt(x)

    def maximum(self, a: Any, b: Any) -> Tensor:
        """Return the larger of two, one of which may be a number."""
        return torch.maximum(self._tensor(a), self._tensor(b))

    def minimum(self, a: Any, b: Any) -> Tensor:
        """Return the smaller of two, one of which may be a number."""
        return torch.minimum(self._tensor(a), self._tensor(b))

    def where(self, condition: Tensor, a: Any, b: Any) -> Tensor:
        """Return a where the condition holds, else b."""
        return torch.where(condition, self._tensor(a), self._tensor(b))

    def _tensor(self, value: Any) -> Tensor:
        return value if isinstance(value, Tensor) else self._like.new_full((), value)
