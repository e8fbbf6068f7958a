"""The running means of the fused engines: summed up for many steps at once, and only when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MAX_PENDING_OUTPUTS = 2**16  # outputs; to judge and sum up each step by itself would be a tenth of its time
MAX_PENDING_STEPS = 256  # so that small minibatches don't pile up


class RunningMetrics:
    """Sums of weighted loss, weighted correct predictions and weights, kept on the device.

    Parameters
    ----------
    device : torch.device
    correct : callable
        How much of each prediction is right (n,), of outputs and targets; of numbers the same bits however samples are
        grouped.
    wait : bool
        Whether outputs may be kept until `MAX_PENDING_OUTPUTS` have come; a captured CUDA graph can't wait.

    Attributes
    ----------
    totals : Tensor, shape (3,)
        The sums over what isn't kept; others may add to them.
    """

    def __init__(self, device: torch.device, correct: Callable[[Tensor, Tensor], Tensor], *, wait: bool) -> None:
        self._correct = correct
        self._enough = MAX_PENDING_OUTPUTS if wait else 1
        # Apple's GPUs have no float64.
        self.totals = torch.zeros(3, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
        self._kept: list[tuple[Tensor, Tensor, Tensor, Tensor | None]] = []
        self._outputs = 0

    def set(self, totals: tuple[float, float, float]) -> None:
        """Forget what was kept and go on from these sums."""
        self._kept, self._outputs = [], 0
        self.totals.copy_(torch.tensor(totals, dtype=self.totals.dtype))

    @torch.inference_mode()
    def read(self) -> tuple[float, float, float]:
        """Copy the sums out; waits for the device."""
        self._sum_up()
        loss, right, weight = self.totals.tolist()
        return loss, right, weight

    def add(self, losses: Tensor, O: Tensor, y: Tensor, weight: Tensor | None) -> None:
        """Keep a step's losses (n,), outputs (q, n), targets and weights; nobody may write over them afterwards."""
        self._kept.append((losses, O, y, weight))
        self._outputs += O.numel()
        if self._outputs >= self._enough or len(self._kept) == MAX_PENDING_STEPS:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._kept:
            return
        parts, self._kept, self._outputs = self._kept, [], 0
        columns = zip(*((losses, O, y) for losses, O, y, _ in parts), strict=True)
        losses, O, y = (_join(column) for column in columns)
        weights = [weight for _, _, _, weight in parts if weight is not None]
        weight = _join(weights) if weights else torch.ones_like(losses)
        new = torch.stack([weight * losses, weight * self._correct(O, y), weight]).to(self.totals.dtype)  # (3, n)
        # A cumulative sum adds from left to right, so the sums are the same bits wherever a run is cut in two.
        self.totals.copy_(torch.cat([self.totals.unsqueeze(1), new], dim=1).cumsum(dim=1)[:, -1])


def _join(parts: Sequence[Tensor]) -> Tensor:
    """Put samples behind one another; `torch.cat` would copy a single part too."""
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts), dim=-1)
