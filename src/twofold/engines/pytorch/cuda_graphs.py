"""CUDA graphs: a step's hundred launches recorded once and replayed as one.

A GPU finishes a step of a small network sooner than Python can ask for it. So the first step of each size runs as it
is (and lets the libraries make their plans), the second is recorded, and from then on a step is one replay. All that
changes from step to step lies on the device: rows, masks, the optimiser's numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Work = Callable[[], None]


class CudaGraphs:
    """Runs a piece of work, by replaying it where that can be done.

    Parameters
    ----------
    capture : callable, optional
        Records work without doing it, and returns what does it; None: work is simply done.
    """

    def __init__(self, capture: Callable[[Work], Work] | None) -> None:
        self._capture = capture
        self._known: dict[int, Work | None] = {}

    @property
    def active(self) -> bool:
        """Whether work is recorded, and so must find all that changes on the device."""
        return self._capture is not None

    def run(self, key: int, work: Work) -> None:
        """Do the work; all work of one key is the same until `forget`."""
        if self._capture is None:
            work()
        elif key not in self._known:
            self._known[key] = None
            work()
        else:
            replay = self._known[key] or self._capture(work)
            self._known[key] = replay
            replay()

    def forget(self) -> None:
        """Forget what was recorded: its memory is no longer the one to work on."""
        self._known.clear()


def device_capture(device: torch.device) -> Callable[[Work], Work] | None:
    """Return how work is recorded on a device; None where nothing can be."""
    return capture_cuda if device.type == "cuda" else None


def capture_cuda(work: Work) -> Work:  # pragma: no cover - needs a GPU
    """Record work as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
