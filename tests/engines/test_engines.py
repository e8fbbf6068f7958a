"""Every engine keeps the protocol's word."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest

from helpers import (
    KINDS,
    AfterStep,
    assert_same_state,
    each_engine,
    engine_first,
    every_pair,
    open_kind,
    random_dataset,
)
from twofold import Network, Recipe, initialize, open_engine, train
from twofold.engines import ENGINES
from twofold.errors import DataError, MissingDependencyError, SpecificationError, UnknownNameError
from twofold.functions import NORMALIZATIONS, OPTIMIZERS
from twofold.network import distance, map_arrays

EACH = pytest.mark.parametrize("name", each_engine())


@EACH
def test_an_engine_starts_from_the_seed_or_from_given_parameters(name):
    network = Network((3, 4, 2))
    given = initialize(network, 5, initialization="he")
    assert distance(open_kind(name, network, seed=5, initialization="he", dtype="float64").parameters(), given) == 0
    engine = open_kind(name, network, parameters=given, dtype="float64")
    assert distance(engine.parameters(), given) == 0
    engine.load(np.ones((2, 3)), [0, 1])
    engine.step(np.array([0, 1]), 1.0)
    assert distance(engine.parameters(), given) > 0
    assert distance(given, initialize(network, 5, initialization="he")) == 0  # what was given is not changed


@EACH
def test_outputs_are_those_of_the_formula(name):
    network = Network((3, 4, 2), "tanh")
    engine = open_kind(name, network, initialization="he", dtype="float64")
    (W, b), (V, c) = engine.parameters()
    X = np.random.default_rng(0).normal(size=(9000, 3))  # more than is taken at a time
    np.testing.assert_allclose(engine.outputs(X), np.tanh(X @ W + b) @ V + c, rtol=1e-12, atol=1e-14)
    assert engine.outputs(X[:0]).shape == (0, 2)
    with pytest.raises(DataError, match="the network has 3 inputs"):
        engine.outputs(X[:, :2])


@EACH
def test_full_batch_sgd_is_the_textbook_update(name):
    network = Network((2, 1), loss="squared")
    engine = open_kind(name, network, dtype="float64")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(7, 2)), rng.normal(size=(7, 1))
    ((W, b),) = engine.parameters()
    engine.load(X, y)
    engine.step(np.arange(7), 0.1)
    ((W_new, b_new),) = engine.parameters()
    error = X @ W + b - y
    np.testing.assert_allclose(W_new, W - 0.1 * X.T @ error / 7, rtol=1e-14)
    np.testing.assert_allclose(b_new, b - 0.1 * error.mean(axis=0), rtol=1e-14)


@EACH
def test_running_means_are_of_the_steps_since_the_epoch_began(name):
    network = Network((2, 2), "relu")
    engine = open_kind(name, network, dtype="float64", initialization="zeros")
    assert np.isnan(engine.running().loss)
    engine.load([[1.0, 0.0], [0.0, 1.0]], [0, 1], [1.0, 3.0])
    engine.step(np.array([0, 1]), 1.0)
    score = engine.running()
    assert score.loss == pytest.approx(np.log(2))
    assert score.accuracy == pytest.approx(0.25)  # of two equal outputs the first is taken; sample 0 weighs 1 of 4
    engine.begin_epoch()
    assert np.isnan(engine.running().loss)


@pytest.mark.parametrize(
    ("name", "optimizer", "averaging", "normalization"),
    engine_first(every_pair(KINDS, OPTIMIZERS, [0.0, 0.9], [None, *NORMALIZATIONS])),
)
def test_a_run_resumed_after_any_step_is_the_run_that_was_not_stopped_bit_for_bit(
    name, optimizer, averaging, normalization
):
    network = Network((5, 8, 3), dropout=0.3, normalization=normalization)
    data = random_dataset(network, 20)
    recipe = Recipe(
        epochs=3,
        batch_size=7,
        optimizer=optimizer,
        learning_rate=0.05,
        schedule="cosine",
        weight_decay=0.01,
        ema_decay=averaging,
    )
    states = []
    whole = open_kind(name, network, initialization="he")
    records = list(train(whole, data, recipe, AfterStep(lambda engine, _: states.append(engine.state()))))
    assert len(states) == 9
    for steps, state in enumerate(states, start=1):
        resumed = open_kind(name, network, seed=99)
        rest = list(train(resumed, data, recipe, resume=state))
        # After the last step of an epoch its record is still to be made.
        assert [told(record) for record in rest] == [told(record) for record in records[(steps - 1) // 3 :]]
        first, second = whole.state(), resumed.state()
        assert distance(first.parameters, second.parameters) == 0
        assert set(first.optimizer_state) == {*OPTIMIZERS[optimizer].state, *(["average"] if averaging else [])}
        assert all(
            distance(first.optimizer_state[key], second.optimizer_state[key]) == 0 for key in first.optimizer_state
        )


def told(record):
    """A record but for what depends on the clock and on where a run was cut."""
    return record.epoch, record.loss, record.train_accuracy, record.learning_rate


@EACH
def test_the_model_is_the_running_mean_of_the_parameters(name):
    network = Network((4, 5, 3), "tanh")
    data = random_dataset(network, 12)
    plain, averaged = (open_kind(name, network, initialization="he", dtype="float64") for _ in range(2))
    visited = []
    keeping = AfterStep(lambda engine, _: visited.append(engine.parameters()))
    list(train(plain, data, Recipe(epochs=2, batch_size=3), keeping))
    list(train(averaged, data, Recipe(epochs=2, batch_size=3, ema_decay=0.75)))
    expected = visited[0]
    for step, theta in enumerate(visited):
        keep = min(0.75, step / (step + 1))
        expected = map_arrays(lambda a, b, keep=keep: keep * a + (1 - keep) * b, expected, theta)
    assert distance(averaged.parameters(), expected) <= 1e-15
    assert distance(averaged.state().parameters, plain.parameters()) == 0
    layers = averaged.parameters()
    O = np.tanh(data.train.X @ layers[0].W + layers[0].b) @ layers[1].W + layers[1].b
    assert np.abs(averaged.outputs(data.train.X) - O).max() <= 1e-14
    assert np.abs(averaged.outputs(data.train.X[:1]) - O[:1]).max() <= 1e-14
    averaged.start(Recipe())  # the parameters stay: those of the model
    assert distance(averaged.parameters(), expected) <= 1e-15


@EACH
def test_batch_normalisation_predicts_with_the_means_and_variances_of_training(name):
    network = Network((3, 4, 2), "identity", normalization="batch")
    data = random_dataset(network, 40)
    engine = open_kind(name, network, initialization="he", dtype="float64")
    first = engine.parameters()[0]
    Z = data.train.X @ first.W
    list(train(engine, data, Recipe(epochs=200, batch_size=40, learning_rate=1e-300)))
    layer = engine.parameters()[0]
    np.testing.assert_allclose(layer.mean, Z.mean(axis=0), rtol=1e-8)  # 0.9^200 of what it was is left
    np.testing.assert_allclose(layer.variance, Z.var(axis=0, ddof=1), rtol=1e-8)
    one_by_one = [engine.outputs(x[None])[0] for x in data.train.X]
    np.testing.assert_allclose(engine.outputs(data.train.X), one_by_one, rtol=1e-10)


@EACH
def test_labels_of_a_loss_that_is_no_cross_entropy_are_not_smoothed(name):
    engine = open_kind(name, Network((2, 1), loss="squared"))
    with pytest.raises(SpecificationError, match="label_smoothing goes with cross_entropy, sigmoid_cross_entropy; the"):
        engine.start(Recipe(label_smoothing=0.1))


@EACH
def test_a_state_of_another_network_or_optimiser_is_refused(name):
    engine = open_kind(name, Network((4, 5, 3)))
    with pytest.raises(SpecificationError, match="parameters have shapes"):
        engine.restore(open_engine("scratch", Network((4, 3))).state())
    engine.start(Recipe(optimizer="adam"))
    with pytest.raises(SpecificationError, match=r"the state has \[\]; the optimiser 'adam' needs \['mean', 'sq"):
        engine.restore(open_engine("scratch", Network((4, 5, 3))).state())


@EACH
def test_a_state_in_float64_goes_on_in_float32(name):
    network = Network((4, 3))
    engine = open_kind(name, network)
    engine.restore(open_engine("scratch", network, dtype="float64").state())
    assert engine.parameters()[0].W.dtype == np.float32


@EACH
def test_the_state_before_the_first_step_can_be_restored(name):
    engine = open_kind(name, Network((2, 2)))
    engine.start(Recipe(optimizer="adam"))
    engine.restore(engine.state())
    assert engine.steps == 0


@pytest.mark.torch
@pytest.mark.parametrize(("first", "second"), [("scratch", "concise"), ("scratch", "fused"), ("fused", "concise")])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_goes_on_in_another_engine(optimizer, first, second):
    network = Network((5, 8, 3), dropout=0.3)
    data = random_dataset(network, 50)
    recipe = Recipe(epochs=4, batch_size=8, optimizer=optimizer, learning_rate=0.05)
    whole = open_engine(first, network, initialization="he", dtype="float64")
    states = [whole.state() for _ in train(whole, data, recipe)]
    other = open_engine(second, network, dtype="float64")
    list(train(other, data, recipe, resume=states[1]))
    assert distance(whole.parameters(), other.parameters()) <= 1e-12


@EACH
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_a_copy_takes_the_same_steps_and_leaves_the_first_alone(normalization, name):
    network = Network((5, 6, 3), normalization=normalization)
    data = random_dataset(network, 20, weighted=True)
    engine = open_kind(name, network, initialization="he")
    engine.load(data.train.X, data.train.y, data.train.sample_weight)
    engine.start(Recipe(optimizer="momentum", ema_decay=0.9))
    engine.step(np.arange(10), 0.1)
    other, before = copy.deepcopy(engine), engine.state()
    assert_same_state(other.state(), before)
    for rows in (np.arange(10), np.arange(5, 20)):
        other.step(rows, 0.1)
    assert_same_state(engine.state(), before)
    for rows in (np.arange(10), np.arange(5, 20)):
        engine.step(rows, 0.1)
    assert_same_state(other.state(), engine.state())
    for X in (data.train.X, data.train.X[:1]):
        np.testing.assert_array_equal(other.outputs(X), engine.outputs(X))
    assert distance(engine.state().parameters, before.parameters) > 0


def test_unknown_engines_and_precisions_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'scratch'"):
        open_engine("scrach", Network((2, 2)))
    with pytest.raises(SpecificationError, match="dtype is 'half'"):
        open_engine("scratch", Network((2, 2)), dtype="half")


def test_without_pytorch_scratch_works_and_concise_says_what_to_install():
    script = """
import sys
sys.modules["torch"] = None  # an import of it now fails as if it were not installed
from twofold import Network, Recipe, check_gradients, load_dataset, open_engine, train
from twofold.errors import MissingDependencyError
try:
    open_engine("concise", Network((4, 3)))
except MissingDependencyError as error:
    print(error)
list(train(open_engine("scratch", Network((4, 3))), load_dataset("toy-animals"), Recipe(epochs=1)))
print(check_gradients(Network((4, 3))).checks[0].autograd)
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        "the concise engine needs PyTorch, which is not installed: pip install 'twofold[torch]'",
        "None",
    ]


def test_another_missing_module_is_not_blamed_on_pytorch(monkeypatch):
    monkeypatch.setitem(ENGINES, "broken", "twofold.engines.nowhere:Nothing")
    with pytest.raises(ModuleNotFoundError, match="nowhere") as error:
        open_engine("broken", Network((2, 2)))
    assert not isinstance(error.value, MissingDependencyError)


@EACH
@pytest.mark.parametrize("outputs", [3, 20])
@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"normalization": "batch"}, {"normalization": "layer"}])
def test_options_of_hidden_layers_change_nothing_without_one(name, outputs, options):
    plain, network = (Network((4, outputs), **more) for more in ({}, options))
    data = random_dataset(network)
    engines = [open_kind(name, one, dtype="float64") for one in (plain, network)]
    for engine in engines:
        list(train(engine, data, Recipe(epochs=2, batch_size=16)))
    assert distance(*(engine.parameters() for engine in engines)) == 0
