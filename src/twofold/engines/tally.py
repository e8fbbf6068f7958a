"""The running means of `fused`: summed up for many steps at once, and only when somebody asks."""

from __future__ import annotations

import torch
from torch import Tensor

from twofold.engines.kernels import LOSSES
from twofold.functions import LOSSES as FORMULAS
from twofold.network import Network

ENOUGH = 8192  # samples, or fewer of more outputs: a dozen small operations for each step would be a tenth of its time


class Tally:
    """Sums of weighted loss, weighted correct predictions and weights, kept on the device.

    Parameters
    ----------
    network : Network
    device : torch.device
    wait : bool
        Whether outputs may be kept until `ENOUGH` have come; a captured CUDA graph can't wait.
    """

    def __init__(self, network: Network, device: torch.device, *, wait: bool) -> None:
        self._targets = FORMULAS[network.loss].targets
        self._samples = LOSSES[network.loss].samples
        self._enough = max(1, min(ENOUGH, 2**20 // network.outputs)) if wait else 1
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

    def add(self, O: Tensor, y: Tensor, weight: Tensor | None) -> None:
        """Keep a step's outputs O (n, q), targets and weights (n,), which nobody may write over afterwards."""
        self._kept.append((O, y, weight))
        self._rows += len(O)
        if self._rows >= self._enough:
            self._sum_up()

    def _sum_up(self) -> None:
        if not self._kept:
            return
        parts, self._kept, self._rows = self._kept, [], 0
        O, y = (torch.cat(tensors) for tensors in list(zip(*parts, strict=True))[:2])
        weights = [weight for _, _, weight in parts if weight is not None]
        losses, right = self._samples(O, y), self._right(O, y)
        weight = torch.cat(weights) if weights else torch.ones_like(losses)
        new = torch.stack([weight * losses, weight * right, weight]).to(self._totals.dtype)  # (3, n)
        # A cumulative sum adds from left to right, so the sums are the same bits wherever a run is cut in two.
        self._totals.copy_(torch.cat([self._totals.unsqueeze(1), new], dim=1).cumsum(dim=1)[:, -1])

    def _right(self, O: Tensor, y: Tensor) -> Tensor:
        """Tell how much of each sample's prediction is right: see `twofold.metrics.correct`."""
        if self._targets == "numbers":
            return O.new_zeros(len(O))
        if self._targets == "labels":
            return ((O > 0) == (y > 0.5)).to(O.dtype).mean(dim=1)
        return (O.argmax(dim=1) == (y if y.ndim == 1 else y.argmax(dim=1))).to(O.dtype)
