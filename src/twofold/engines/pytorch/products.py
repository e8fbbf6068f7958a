"""Matrix products for `fused`: the three of a layer, each by the kernel that is fastest for its shape and type.

Samples are columns here, and weights (outputs, inputs): a layer ``Z = W H + b`` needs ``W H`` on the way forward,
``dZ H^T`` and ``W^T dZ`` on the way back. In this layout the two large ones, forward and gradient, run at oneDNN's full
speed without a transposed copy of anything; with samples as rows the gradient's took a third of its time again.

Which kernel is used is decided by what the machine has and by the shape, never by a stopwatch, so that the same program
gives the same bits each time:

- float32 on a CPU, `MIN_ONEDNN_WORK` multiply-adds or more: oneDNN, which PyTorch itself takes for bfloat16 only. It is
  reached through an operator that PyTorch keeps for its compiler; where a version lacks it, or it fails a small trial,
  the next line holds.
- everything else: ``torch.mm`` and ``torch.addmm`` into a given buffer.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

import torch
from torch import Tensor

MIN_ONEDNN_WORK = 2**20  # a call of oneDNN costs about 15 us, as much as a product of this size takes elsewhere


class Products(Protocol):
    """The three products of a layer; results may lie in ``out`` or in memory of their own."""

    def affine(
        self, W: Tensor, H: Tensor, *, b: Tensor | None, scale: float = 1.0, out: Tensor | None = None
    ) -> Tensor:
        """Compute ``Z = scale W H + b`` (m, n) from W (m, k), H (k, n), b (m,); None for no b, whose type Z has."""
        ...

    def below(self, W: Tensor, dZ: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dH = W^T dZ`` (k, n) from W (m, k), dZ (m, n)."""
        ...

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dW = dZ H^T`` (m, k) from dZ (m, n), H (k, n)."""
        ...


class PlainProducts:
    """PyTorch's own choice of kernel, into the given buffers."""

    def affine(
        self, W: Tensor, H: Tensor, *, b: Tensor | None, scale: float = 1.0, out: Tensor | None = None
    ) -> Tensor:
        """Compute ``Z = scale W H + b``."""
        if b is None or W.dtype == torch.bfloat16:  # in which `addmm` takes longer than both by themselves
            return _shift(torch.mm(W, H, out=out), b, scale)
        return torch.addmm(b.unsqueeze(1), W, H, alpha=scale, out=out)

    def below(self, W: Tensor, dZ: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dH = W^T dZ``."""
        return torch.mm(W.t(), dZ, out=out)

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dW = dZ H^T``."""
        return torch.mm(dZ, H.t(), out=out)


class OneDnnProducts:
    """oneDNN in float32; it hands back memory of its own, and ``out`` is mostly not written."""

    def affine(
        self,
        W: Tensor,
        H: Tensor,
        *,
        b: Tensor | None,
        scale: float = 1.0,
        out: Tensor | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Compute ``Z = scale W H + b``."""
        return _shift(_linear(W, H.t()), b, scale)

    def below(self, W: Tensor, dZ: Tensor, out: Tensor | None = None) -> Tensor:
        """Compute ``dH = W^T dZ``; a copy is transposed on the way, of W or of both others, whichever is smaller."""
        (m, n), k = dZ.shape, W.shape[1]
        if m * k <= (m + k) * n:
            return _linear(W.t(), dZ.t())
        transposed = _linear(dZ.t(), W.t()).t()  # (k, n)
        return transposed.contiguous() if out is None else out.copy_(transposed)

    def gradient(self, dZ: Tensor, H: Tensor, out: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Compute ``dW = dZ H^T``."""
        return _linear(dZ, H)


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
    suits = device.type == "cpu" and dtype == torch.float32 and work >= MIN_ONEDNN_WORK
    return ONEDNN if suits and has_onednn() else PLAIN


@cache
def has_onednn() -> bool:
    """Tell whether oneDNN's float32 product can be called directly and gives the right numbers."""
    A = torch.arange(6.0).reshape(2, 3)
    try:
        return bool(torch.equal(_linear(A, A), A @ A.t()))
    except (AttributeError, RuntimeError, TypeError):  # no such operator, none for this CPU, or other arguments
        return False


def _linear(A: Tensor, B: Tensor) -> Tensor:
    """Compute ``A B^T``; A is copied if it is not contiguous, B is read as it lies."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(A, B, None, "none", [], "")
    return result


def _shift(Z: Tensor, b: Tensor | None, scale: float) -> Tensor:
    """Return ``scale Z + b``, over Z where it has b's type."""
    if b is None:
        return Z if scale == 1 else Z.mul_(scale)
    Z = Z.to(b.dtype)
    return torch.add(b.unsqueeze(1), Z, alpha=scale, out=Z)
