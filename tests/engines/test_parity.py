"""Lockstep: the engines take the same steps, whatever the registries hold."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from helpers import OTHERS, each_engine, every_pair, open_kind, random_dataset
from twofold import Dataset, Network, OptimizerConfig, Recipe, Samples, ScheduleConfig, initialize, train
from twofold.functions import ACTIVATIONS, LOSSES, NORMALIZATIONS, OPTIMIZERS, SCHEDULES
from twofold.functions.links import EXPONENTIAL
from twofold.network import distance, largest

pytestmark = pytest.mark.torch

REGULARISATIONS = {
    "none": {},
    "weight_decay": {"weight_decay": 0.1},
    "clip_norm": {"clip_norm": 0.2},
    "dropout": {"dropout": 0.5},
    "sample_weight": {"weighted": True},
    "averaging": {"ema_decay": 0.8},
    "l1": {"l1": 0.05},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "all": {"weight_decay": 0.1, "l1": 0.05, "clip_norm": 0.2, "dropout": 0.5, "weighted": True, "ema_decay": 0.8},
    "all and batch": {
        "weight_decay": 0.1,
        "l1": 0.05,
        "clip_norm": 0.2,
        "dropout": 0.5,
        "weighted": True,
        "normalization": "batch",
    },
}
SMOOTHED = [name for name, loss in LOSSES.items() if loss.smoothable]


def test_every_normalisation_is_among_the_options():
    assert {options.get("normalization") for options in REGULARISATIONS.values()} == {None, *NORMALIZATIONS}


@pytest.mark.parametrize(
    ("weighted", "loss", "normalization", "other"),
    every_pair([False, True], SMOOTHED, [None, *NORMALIZATIONS], OTHERS),
)
def test_smoothed_labels_agree(weighted, loss, normalization, other):
    network = Network((5, 7, 6, 3), ("relu", "tanh"), loss, normalization=normalization)
    data = random_dataset(network, 50, weighted=weighted)
    recipe = Recipe(epochs=4, batch_size=16, label_smoothing=0.1, optimizer="adam", learning_rate=0.01)
    engines = [open_kind(name, network, initialization="he", dtype="float64") for name in ("scratch", other)]
    first, second = ([*train(engine, data, recipe)] for engine in engines)
    assert relative(*(engine.parameters() for engine in engines)) <= 1e-12
    assert first[-1].loss == pytest.approx(second[-1].loss, rel=1e-12)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_normalised_networks_predict_alike_and_leave_their_statistics_alone(averaging, normalization, other):
    network = Network((5, 7, 6, 3), "silu", normalization=normalization)
    data = random_dataset(network, 50)
    engines = [open_kind(name, network, initialization="he", dtype="float64") for name in ("scratch", other)]
    for engine in engines:
        list(train(engine, data, Recipe(epochs=2, batch_size=16, ema_decay=averaging)))
        before = engine.parameters()
        engine.gradients(data.train.X, data.train.y)
        engine.outputs(data.train.X)
        assert distance(before, engine.parameters()) == 0
    first, second = engines
    assert np.abs(first.outputs(data.train.X) - second.outputs(data.train.X)).max() <= 1e-12
    assert np.abs(first.outputs(data.train.X[:1]) - second.outputs(data.train.X[:1])).max() <= 1e-12
    assert relative(*(engine.gradients(data.train.X, data.train.y) for engine in engines)) <= 1e-12


def relative(first, second):
    return distance(first, second) / max(largest(first), largest(second))


@pytest.mark.parametrize(
    ("activation", "loss", "optimizer", "regularisation", "other"),
    every_pair(ACTIVATIONS, LOSSES, OPTIMIZERS, REGULARISATIONS, OTHERS),
)
def test_every_pair_of_options_agrees_after_1_and_10_steps(activation, loss, optimizer, regularisation, other):
    check_steps(activation, loss, optimizer, regularisation, other)


def remaining(activation, loss):
    """Pairs of an optimiser and a regularisation, so that with each activation and loss every triple occurs."""
    turn = [*ACTIVATIONS].index(activation) + [*LOSSES].index(loss)
    optimizers = [*OPTIMIZERS]
    return [(optimizers[(turn + k) % len(optimizers)], name) for k, name in enumerate(REGULARISATIONS)]


def test_every_triple_of_options_occurs():
    options = (ACTIVATIONS, LOSSES, OPTIMIZERS, REGULARISATIONS)
    rows = [(*pair, *rest) for pair in product(ACTIVATIONS, LOSSES) for rest in remaining(*pair)]
    for places in combinations(range(4), 3):
        found = {tuple(row[place] for place in places) for row in rows}
        assert found == {*product(*(options[place] for place in places))}


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_triple_of_options_agrees_after_1_and_10_steps(activation, loss, other):
    for optimizer, regularisation in remaining(activation, loss):
        try:
            check_steps(activation, loss, optimizer, regularisation, other)
        except BaseException as error:
            error.add_note(f"with {optimizer}, {regularisation}")
            raise


def check_steps(activation, loss, optimizer, regularisation, other):
    """Hold the parameters and the running means of two engines against each other after 1 and 10 steps."""
    options = dict(REGULARISATIONS[regularisation])
    weighted = options.pop("weighted", False)
    parts = {name: options.pop(name) for name in ("dropout", "normalization") if name in options}
    if optimizer == "lion" and activation == "identity" and "normalization" in parts:
        activation = ("tanh", "identity")  # Lion takes the sign of the rounding of a gradient that vanishes, see below
    network = Network((5, 7, 6, 3), activation, loss, **parts)
    data = random_dataset(network, 20, weighted=weighted)
    X = data.train.X / (
        10 if LOSSES[loss].link is EXPONENTIAL else 1
    )  # the exponential of large outputs makes steps diverge
    # A gradient whose terms all but cancel is little more than their rounding, which an epsilon of 1e-8 would divide by.
    constants = {"epsilon": 1e-2} if "epsilon" in OPTIMIZERS[optimizer].constants else {}
    recipe = Recipe(optimizer=OptimizerConfig(optimizer, **constants), **options)
    engines = [open_kind(name, network, initialization="he", dtype="float64") for name in ("scratch", other)]
    rows = np.random.default_rng(0).permutation(20)
    for engine in engines:
        engine.load(X, data.train.y, data.train.sample_weight)
        engine.start(recipe)
    for step in range(10):
        for engine in engines:
            engine.step(
                rows[step : step + (7 if optimizer == "lion" else 8)], 0.02
            )  # an odd number of +-1/n sums to no 0
        if step in (0, 9):
            assert relative(*(engine.parameters() for engine in engines)) <= 1e-12
            scores = [engine.running() for engine in engines]
            assert scores[0].loss == pytest.approx(scores[1].loss, rel=1e-12)
            assert (scores[0].accuracy is None) == (not LOSSES[loss].targets.has_accuracy)
            assert scores[0].accuracy is None or scores[0].accuracy == pytest.approx(scores[1].accuracy, rel=1e-12)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_with_warm_up_agree_over_epochs(schedule, other):
    network = Network((5, 7, 3), "tanh", dropout=0.2)
    data = random_dataset(network, 50)
    schedule = ScheduleConfig(schedule, warmup_epochs=0.5)
    recipe = Recipe(epochs=4, batch_size=16, schedule=schedule, optimizer="adam", learning_rate=0.01)
    engines = [open_kind(name, network, initialization="xavier", dtype="float64") for name in ("scratch", other)]
    for engine in engines:
        list(train(engine, data, recipe))
    assert relative(*(engine.parameters() for engine in engines)) <= 1e-12


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "softmax_squared"])
def test_rows_of_probabilities_agree(loss, other):
    network = Network((5, 7, 3), loss=loss)
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 5)), rng.dirichlet(np.ones(3), 30).astype(np.float32)  # sums to 1 to rounding only
    engines = [open_kind(name, network, initialization="he", dtype="float64") for name in ("scratch", other)]
    for engine in engines:
        list(train(engine, Dataset("soft", Samples(X, Y), Samples(X, Y)), Recipe(epochs=3, batch_size=8)))
    assert relative(*(engine.parameters() for engine in engines)) <= 1e-12


@pytest.mark.parametrize("other", each_engine(OTHERS, compiles_anew=True))
def test_image_bytes_agree_in_float32_to_rounding(other, animals):
    network = Network((4, 8, 3))
    engines = [open_kind(name, network, initialization="he") for name in ("scratch", other)]
    for engine in engines:
        list(train(engine, animals, Recipe(epochs=5, batch_size=16)))
    assert relative(*(engine.parameters() for engine in engines)) <= 1e-5
    outputs = [engine.outputs(animals.test.X) for engine in engines]
    assert all(O.dtype == np.float32 for O in outputs)
    np.testing.assert_allclose(*outputs, atol=1e-5)


@pytest.mark.parametrize("other", OTHERS)
def test_a_minibatch_whose_weights_are_all_0_teaches_nothing(other):
    network = Network((2, 3, 2))
    for name in ("scratch", other):
        engine = open_kind(name, network, dtype="float64")
        engine.load(np.ones((2, 2)), [0, 1], [0.0, 1.0])
        before = engine.parameters()
        engine.step(np.array([0]), 0.5)
        assert distance(before, engine.parameters()) == 0


@pytest.mark.parametrize("other", OTHERS)
def test_a_caller_s_no_grad_does_not_stop_a_step(other):
    import torch

    engine = open_kind(other, Network((2, 3, 2)), initialization="he")
    engine.load(np.ones((2, 2)), [0, 1])
    before = engine.parameters()
    with torch.no_grad():
        engine.step(np.array([0, 1]), 0.5)
        engine.gradients(np.ones((2, 2)), [0, 1])
    assert distance(before, engine.parameters()) > 0


@pytest.mark.parametrize("other", OTHERS)
def test_the_user_s_own_torch_seed_is_left_alone(other):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(1).item()
    torch.manual_seed(5)
    open_kind(other, Network((3, 3, 2)))
    assert torch.rand(1).item() == expected


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("hidden", [(), (4,)])
def test_a_number_in_the_name_of_a_loss_is_every_engines(hidden, other):
    network = Network((3, *hidden, 2), "tanh", "quantile:0.9")
    data = random_dataset(network)
    engines = [open_kind(name, network, initialization="he", dtype="float64") for name in ("scratch", other)]
    first, second = ([*train(engine, data, Recipe(epochs=3, batch_size=16))] for engine in engines)
    assert relative(*(engine.parameters() for engine in engines)) <= 1e-12
    assert first[-1].loss == pytest.approx(second[-1].loss, rel=1e-12)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("loss", [name for name, loss in LOSSES.items() if loss.targets.compete])
def test_a_loss_of_large_outputs_keeps_its_digits(loss, hidden, other):
    network = Network((2, *hidden, 3), loss=loss)
    layers = initialize(network, initialization="zeros")
    layers[-1].b[:] = [1e8, 1e8 - 1, 1e8]
    running = []
    for name in ("scratch", other):
        engine = open_kind(name, network, parameters=layers, dtype="float64")
        engine.load(np.ones((37, 2)), np.arange(37) % 3)
        engine.step(np.arange(37), 0.0)
        running.append(engine.running().loss)
    assert running[1] == pytest.approx(running[0], rel=1e-12)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_near_nothing_keeps_its_digits(loss, other):
    network = Network((1, 3), loss=loss)
    data = random_dataset(network, 30)
    labels = loss == "sigmoid_cross_entropy"
    W = np.array([[1.0, -1.0, -1.0]]) * (15 if labels else 2)  # a softmax within 1e-7 of 1 has no more digits to keep
    running = []
    for name in ("scratch", other):
        engine = open_kind(name, network, parameters=[(W, W[0])], dtype="float64")
        y = data.train.y if data.train.y.ndim == 2 else np.zeros(30, int)
        if labels:
            y = np.tile([1.0, 0.0, 0.0], (30, 1))
        engine.load(np.ones((30, 1)), y)
        engine.step(np.arange(30), 0.0)
        running.append(engine.running().loss)
    assert running[1] == pytest.approx(running[0], rel=1e-12)
