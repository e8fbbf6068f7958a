"""The three models by name."""

from __future__ import annotations

import numpy as np
import pytest

from twofold import Model, Network, Recipe, load_dataset, open_engine, train
from twofold.errors import SpecificationError, UnknownNameError
from twofold.models import build_network, compare_with_exact, held_out_log_likelihood, in_data_units, suggest_recipe


def test_each_model_is_its_network():
    digits, houses = load_dataset("digits"), load_dataset("houses")
    assert build_network("linear", houses) == Network((2, 1), loss="squared")
    assert build_network("softmax", digits) == Network((64, 10))
    assert build_network("mlp", digits, hidden=(32, 16), activation="tanh") == Network((64, 32, 16, 10), "tanh")
    assert build_network("mlp", houses).loss == "squared"
    assert build_network("softmax", digits, loss="softmax_squared").loss == "softmax_squared"


@pytest.mark.parametrize(
    ("model", "data", "options", "message"),
    [
        ("linear", "digits", {}, "digits has classes to predict, which linear can't; train softmax or mlp on it"),
        ("softmax", "houses", {}, "houses has numbers to predict, which softmax can't; train linear or mlp on it"),
        ("softmax", "digits", {"hidden": (5,)}, "softmax has no hidden layer; hidden units, dropout and normalization are for mlp"),
        ("linear", "houses", {"dropout": 0.5}, "linear has no hidden layer; hidden units, dropout and normalization are for mlp"),
        ("mlp", "houses", {"hidden": ()}, "an mlp needs a hidden layer; without one it is softmax or linear"),
        ("mlp", "houses", {"loss": "cross_entropy"}, "loss 'cross_entropy' is one for classes; houses has numbers to predict"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_fit_the_data_is_refused(model, data, options, message):
    with pytest.raises(SpecificationError) as error:
        build_network(model, load_dataset(data), **options)
    assert str(error.value) == message


def test_unknown_models_and_losses_get_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'softmax'"):
        build_network("sotfmax", load_dataset("digits"))
    with pytest.raises(UnknownNameError, match="did you mean 'squared'"):
        build_network("mlp", load_dataset("houses"), loss="sqared")


def test_recipes_start_from_the_published_settings(fashion):
    assert suggest_recipe("linear", load_dataset("synthetic")) == Recipe(epochs=3, batch_size=10, learning_rate=0.03)
    assert suggest_recipe("softmax", fashion) == Recipe(epochs=5, batch_size=256, learning_rate=0.1)


def test_what_is_decided_stays_and_none_leaves_open():
    data = load_dataset("digits")
    assert suggest_recipe("mlp", data, epochs=7, batch_size=None).epochs == 7
    assert suggest_recipe("mlp", data, optimizer="adam").learning_rate == 0.001
    assert suggest_recipe("mlp", data, optimizer="adam", learning_rate=0.01).learning_rate == 0.01
    assert suggest_recipe("mlp", data).batch_size == 32


@pytest.mark.parametrize(
    "name", ["diabetes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("synthetic", "houses"))]
)
def test_sgd_and_exact_solution_are_compared_in_the_data_s_own_units(name):
    raw = load_dataset(name)
    data = raw.standardized() if raw.needs_scaling else raw
    network = build_network("linear", data)
    engine = open_engine("scratch", network, dtype="float64")
    *_, last = train(engine, data, Recipe(epochs=1000, batch_size=20, learning_rate=0.05, schedule="cosine"))
    both = compare_with_exact(engine, data, raw)
    assert both.exact.loss <= both.sgd_loss <= both.exact.loss * 1.001
    assert in_data_units(last, data, "squared").loss == pytest.approx(both.sgd_loss, rel=0.02)
    W, b = both.sgd[0]
    gap = np.append(W[:, 0], b) - np.append(both.exact.W[:, 0], both.exact.b)
    assert both.distance == pytest.approx(np.linalg.norm(gap))


def test_bytes_stand_for_0_to_1_in_both_solutions():
    from twofold import Dataset, Samples

    X = np.random.default_rng(0).integers(0, 256, (200, 2)).astype(np.uint8)
    data = Dataset("bytes", Samples(X, X @ [[0.01], [0.02]] + 1.0))
    engine = open_engine("scratch", build_network("linear", data), dtype="float64")
    list(train(engine, data, Recipe(epochs=100, batch_size=10)))
    both = compare_with_exact(engine, data, data)
    np.testing.assert_allclose(both.exact.W[:, 0], [2.55, 5.1], rtol=1e-9)
    assert both.distance < 1e-3


@pytest.mark.parametrize("loss", ["squared", "huber", "absolute"])
def test_a_loss_in_the_data_s_own_units_is_that_of_predictions_in_them(loss):
    raw = load_dataset("diabetes")
    data = raw.standardized()
    engine = open_engine("scratch", build_network("mlp", data, hidden=(4,), loss=loss), dtype="float64")
    *_, last = train(engine, data, Recipe(epochs=3))
    R = Model.of(engine, data).outputs(raw.test.X) - raw.test.y
    border = data.scaling.target_scale[0]
    inner = np.minimum(np.abs(R), border)
    expected = {
        "squared": (R**2).mean() / 2,
        "huber": (inner * (np.abs(R) - inner / 2)).mean(),
        "absolute": np.abs(R).mean(),
    }
    assert in_data_units(last, data, loss).test_loss == pytest.approx(expected[loss], rel=1e-9)


def test_losses_of_several_outputs_stay_as_they_are_trained():
    from twofold import Dataset, Samples

    rng = np.random.default_rng(0)
    data = Dataset("two", Samples(rng.normal(size=(20, 2)), 100 * rng.normal(size=(20, 2)))).standardized()
    (record,) = train(open_engine("scratch", Network((2, 2), loss="squared")), data, Recipe(epochs=1))
    assert in_data_units(record, data, "squared") == record


def test_the_log_likelihood_is_minus_n_times_the_cross_entropy(animals):
    network = Network((4, 3))
    (record,) = train(open_engine("scratch", network), animals, Recipe(epochs=1))
    assert held_out_log_likelihood(network, animals, record) == -60 * record.test_loss
    assert held_out_log_likelihood(Network((4, 3), loss="softmax_squared"), animals, record) is None
