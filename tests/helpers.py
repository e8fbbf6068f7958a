"""What several tests build from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from twofold import Dataset, EngineState, Network, Samples
from twofold.engines import ENGINES, LIBRARIES, PYTORCH
from twofold.functions import LOSSES


def each_engine() -> list[Any]:
    """Every engine's name; those that need PyTorch are marked so."""
    return [pytest.param(name, marks=pytest.mark.torch if LIBRARIES.get(name) == PYTORCH else ()) for name in ENGINES]


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


def assert_same_state(one: EngineState, other: EngineState) -> None:
    """Hold two engines' states against each other, bit for bit."""
    assert (one.steps, one.totals, sorted(one.memory)) == (other.steps, other.totals, sorted(other.memory))
    sets = [(one.parameters, other.parameters), *((one.memory[name], other.memory[name]) for name in one.memory)]
    for layers, others in sets:
        for a, b in zip(layers, others, strict=True):
            for first, second in zip(a, b, strict=True):
                np.testing.assert_array_equal(first, second, strict=first is not None)
