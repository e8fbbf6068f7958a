"""What several tests build from."""

from __future__ import annotations

import numpy as np

from twofold import Dataset, Network, Samples
from twofold.functions import LOSSES


def random_dataset(network: Network, n: int = 50, seed: int = 0, *, weighted: bool = False) -> Dataset:
    """Random features, and targets of the kind that the network's loss reads."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, network.inputs))
    shape = (n, network.outputs)
    y = {
        "classes": rng.integers(network.outputs, size=n),
        "numbers": rng.standard_normal(shape),
        "labels": rng.integers(2, size=shape).astype(float),
    }[LOSSES[network.loss].targets]
    return Dataset("random", Samples(X, y, rng.uniform(0, 2, n) if weighted else None))
