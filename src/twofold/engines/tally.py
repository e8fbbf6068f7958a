"""The running means of `fused`: summed up for many steps at once, and only when somebody asks."""

from __future__ import annotations

import torch
from torch import Tensor

ENOUGH = 8192  # samples; to sum up each step by itself would be a twentieth of its time


class Tally:
    """Sums of weighted loss, weighted correct predictions and weights, kept on the device.

    Parameters
    ----------
    device : torch.device
    wait : bool
        Whether samples may be kept until `ENOUGH` have come; a captured CUDA graph can't wait.
    """

    def __init__(self, device: torch.device, *, wait: bool) -> None:
        self._enough = ENOUGH if wait else 1
        # Apple's GPUs have no float64.
        self._totals = torch.zeros(3, dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
        self._kept: list[tuple[Tensor, Tensor, Tensor | None]] = []
        self._rows = 0

    def set(self, totals: tuple[float, float, float]) -> None:
        """Forget what was kept and go on from these sums."""
        self._kept, self._rows = [], 0
        self._totals.copy_(torch.tensor(totals, dtype=self._totals.dtype))

    @torch.inference_mode()
    def read(self) -> tuple[float, float, float]:
        """Copy the sums out; waits for the device."""
        self._sum_up()
        loss, right, weight = self._totals.tolist()
        return loss, right, weight

    def add(self, losses: Tensor, right: Tensor, weight: Tensor | None) -> None:
        """Keep a step's losses, correct predictions and weights (n,), which nobody may write over afterwards."""
        self._kept.append((losses, right, weight))
        self._rows += len(losses)
        if self._rows >= self._enough:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._kept:
            return
        parts, self._kept, self._rows = self._kept, [], 0
        losses, right = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
        weights = [weight for _, _, weight in parts if weight is not None]
        weight = torch.cat(weights) if weights else torch.ones_like(losses)
        new = torch.stack([weight * losses, weight * right, weight]).to(self._totals.dtype)  # (3, n)
        # A cumulative sum adds from left to right, so the sums are the same bits wherever a run is cut in two.
        self._totals.copy_(torch.cat([self._totals.unsqueeze(1), new], dim=1).cumsum(dim=1)[:, -1])
