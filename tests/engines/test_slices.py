"""Minibatches in slices: one process and several take the same steps, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import KINDS, ThreadAsProcess, each_engine, open_kind, random_dataset, threads_as_processes
from twofold import Network, Recipe, train
from twofold.engines.slices import slices_of
from twofold.errors import SpecificationError
from twofold.network import distance, largest
from twofold.randomness import dropout_masks

SLICED = each_engine([kind for kind in KINDS if kind != "concise"], compiles_anew=True)
RUNS = {
    "sgd": (Network((5, 7, 6, 3), "relu"), {}),
    "dropout, momentum, clipped": (
        Network((5, 7, 6, 3), ("relu", "tanh"), dropout=0.3),
        {"optimizer": "momentum", "clip_norm": 0.5, "weight_decay": 0.01},
    ),
    "batch, adam, averaged": (
        Network((5, 7, 3), "silu", normalization="batch"),
        {"optimizer": "adam", "ema_decay": 0.9, "label_smoothing": 0.1, "learning_rate": 0.01},
    ),
    "layer, lion": (Network((5, 7, 3), "gelu", normalization="layer"), {"optimizer": "lion", "learning_rate": 0.01}),
    "shallow, l1": (Network((5, 3)), {"l1": 0.01}),
}


def trained(kind, network, recipe, size, *, dtype):
    """Train with so many threads; return the parameters and the losses that each ends with."""
    data = random_dataset(network, 60, weighted=True)

    def work(processes):
        engine = open_kind(kind, network, initialization="he", dtype=dtype)
        epochs = list(train(engine, data, recipe, processes=processes))
        return engine.parameters(), [(epoch.loss, epoch.train_accuracy) for epoch in epochs]

    return threads_as_processes(size, work)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", SLICED)
def test_any_number_of_processes_is_one_process_to_the_bit(kind, run):
    network, options = RUNS[run]
    recipe = Recipe(epochs=2, batch_size=20, slices=8, **options)
    (alone,) = trained(kind, network, recipe, 1, dtype="float32")
    for size in (2, 3, 7, 8):
        for parameters, scores in trained(kind, network, recipe, size, dtype="float32"):
            assert distance(parameters, alone[0]) == 0
            assert scores == alone[1]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", SLICED)
def test_slices_agree_between_engines(kind, run):
    network, options = RUNS[run]
    recipe = Recipe(epochs=2, batch_size=20, slices=4, **options)
    ((first, scores),), ((second, others),) = (
        trained(each, network, recipe, 1, dtype="float64") for each in ("scratch", kind)
    )
    assert distance(first, second) <= 1e-12 * largest(first)
    assert scores[-1] == pytest.approx(others[-1], rel=1e-12)


@pytest.mark.parametrize("run", [run for run, (network, _) in RUNS.items() if network.normalization != "batch"])
def test_slices_are_the_whole_minibatch_but_for_rounding(run):
    network, options = RUNS[run]
    ((whole, scores),), ((cut, others),) = (
        trained("scratch", network, Recipe(epochs=2, batch_size=20, slices=n, **options), 1, dtype="float64")
        for n in (1, 8)
    )
    assert distance(whole, cut) <= 1e-12 * largest(whole)
    assert scores[-1] == pytest.approx(others[-1], rel=1e-12)


def test_batch_normalisation_takes_each_slices_own_statistics():
    network = Network((5, 7, 3), normalization="batch")
    data = random_dataset(network, 60)
    recipe = Recipe(epochs=1, batch_size=60, slices=4, learning_rate=1e-300, shuffle=False)
    engine = open_kind("scratch", network, initialization="he", dtype="float64")
    list(train(engine, data, recipe))
    layer = engine.parameters()[0]
    Z = (data.train.X @ layer.W).reshape(4, 15, 7)
    np.testing.assert_allclose(layer.mean, 0.1 * Z.mean(axis=1).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(layer.variance, 0.9 + 0.1 * Z.var(axis=1, ddof=1).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("size", range(1, 17))
def test_each_slice_has_one_process(size):
    shared = [k for rank in range(size) for k in slices_of(rank, size, 16)]
    assert shared == list(range(16))


@pytest.mark.parametrize("start", [0, 1, 7, 16, 30])
@pytest.mark.parametrize("hidden", [(1,), (7, 16), (33,)])
def test_masks_of_some_rows_are_rows_of_all_masks(hidden, start):
    place = {"seed": 3, "step": 5}
    some, every = dropout_masks(hidden, 9, 0.4, start=start, **place), dropout_masks(hidden, 40, 0.4, **place)
    for part, whole in zip(some, every, strict=True):
        np.testing.assert_array_equal(part, whole[start : start + 9])


@pytest.mark.parametrize("slices", [0, 3, -2, 2**17, 2.0, True, "8"])
def test_slices_are_a_power_of_2(slices):
    with pytest.raises(SpecificationError, match=r"slices is .*; it must be a power of 2 from 1 to 65536"):
        Recipe(slices=slices)


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (Network((5, 3)), {"slices": 64}, "slices=64 with a minibatch of 60; each slice needs 1 sample"),
        (
            Network((5, 4, 3), normalization="batch"),
            {"slices": 32},
            "slices=32 with a minibatch of 60; each slice needs 2 samples",
        ),
    ],
)
def test_each_slice_has_samples(network, options, message):
    with pytest.raises(SpecificationError, match=message):
        list(train(open_kind("scratch", network), random_dataset(network, 60), Recipe(**options)))


def test_there_are_as_many_slices_as_processes():
    network = Network((5, 3))
    processes = ThreadAsProcess(0, 3, None, {})
    with pytest.raises(SpecificationError, match="there are 3 processes and slices=2"):
        list(train(open_kind("scratch", network), random_dataset(network, 60), Recipe(slices=2), processes=processes))


@pytest.mark.torch
def test_the_concise_engine_takes_minibatches_whole():
    with pytest.raises(SpecificationError, match="the concise engine takes minibatches whole"):
        open_kind("concise", Network((5, 3))).start(Recipe(slices=2))
