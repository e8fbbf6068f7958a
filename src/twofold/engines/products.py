"""Matrix products for `fused`: the three of a layer, each by the kernel that is fastest for its shape and type.

A layer ``Z = H W + b`` needs ``H W`` on the way forward, ``H^T dZ`` and ``dZ W^T`` on the way back. Weights are stored
here as PyTorch stores them, (outputs, inputs), since that is the layout in which all three run at oneDNN's full speed.

Which kernel is used is decided by what the machine has and by the shape, never by a stopwatch, so that the same program
gives the same bits each time:

- float32 on a CPU, `LEAST_WORK` multiply-adds or more: oneDNN, which PyTorch itself takes for bfloat16 only. It is
  reached through an operator that PyTorch keeps for its compiler; where a version lacks it, or it fails a small trial,
  the next line holds.
- everything else: ``torch.mm`` and ``torch.addmm`` into a given buffer.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import torch
from torch import Tensor

LEAST_WORK = 2**18  # a call of oneDNN costs about 15 us, more than the whole of a smaller product


class Products(Protocol):
    """The three products of a layer; results may lie in ``out`` or in memory of their own."""

    def affine(self, H: Tensor, W: Tensor, b: Tensor | None, out: Tensor | None = None) -> Tensor:
        """Compute ``Z = H W^T + b`` (n, m) from H (n, k), W (m, k), b (m,); None for no b."""
        ...

    def below(self, dZ: Tensor, W: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dH = dZ W`` (n, k) from dZ (n, m), W (m, k)."""
        ...

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dW = dZ^T H`` (m, k) from dZ (n, m), H (n, k)."""
        ...


class PlainProducts:
    """PyTorch's own choice of kernel, into the given buffers."""

    def affine(self, H: Tensor, W: Tensor, b: Tensor | None, out: Tensor | None = None) -> Tensor:
        """Compute ``Z = H W^T + b``."""
        return torch.mm(H, W.t(), out=out) if b is None else torch.addmm(b, H, W.t(), out=out)

    def below(self, dZ: Tensor, W: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dH = dZ W``."""
        return torch.mm(dZ, W, out=out)

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dW = dZ^T H``."""
        return torch.mm(dZ.t(), H, out=out)


class OneDnnProducts:
    """oneDNN in float32; it hands back memory of its own, and ``out`` is not written."""

    def affine(self, H: Tensor, W: Tensor, b: Tensor | None, out: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compute ``Z = H W^T + b``."""
        return _linear(H, W, b)

    def below(self, dZ: Tensor, W: Tensor, out: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compute ``dH = dZ W``."""
        return _linear(dZ, W.t(), None)

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compute ``dW = dZ^T H``."""
        return _linear(dZ.t(), H.t(), None)


PLAIN = PlainProducts()
ONEDNN = OneDnnProducts()


def choose_products(*, work: int, dtype: torch.dtype, device: torch.device) -> Products:
    """Choose the kernels of a layer's products.

    Parameters
    ----------
    work : int
        Multiply-adds of one product: samples x inputs x outputs.
    dtype : torch.dtype
        Of the operands.
    device : torch.device

    Returns
    -------
    Products
    """
    suits = device.type == "cpu" and dtype == torch.float32 and work >= LEAST_WORK
    return ONEDNN if suits and has_onednn() else PLAIN


@cache
def has_onednn() -> bool:
    """Tell whether oneDNN's float32 product can be called directly and gives the right numbers."""
    A = torch.arange(6.0).reshape(2, 3)
    b = torch.tensor([1.0, -1.0])
    try:
        return bool(torch.equal(_linear(A, A, b), A @ A.t() + b))
    except (AttributeError, RuntimeError, TypeError):  # no such operator, none for this CPU, or other arguments
        return False


def _linear(X: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise(X, W, b, "none", [], "")
    return result
