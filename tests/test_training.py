"""The loop: what it yields, when it stops, how it cuts an epoch."""

from __future__ import annotations

import numpy as np
import pytest

from helpers import AfterStep, random_dataset
from twofold import (
    Dataset,
    Network,
    Recipe,
    Samples,
    ScheduleConfig,
    evaluate,
    load_dataset,
    open_engine,
    solve_least_squares,
    train,
)
from twofold.errors import DataError, DivergedError, SpecificationError
from twofold.functions import LOSSES
from twofold.metrics import score
from twofold.randomness import epoch_order
from twofold.training import batch_edges

NETWORK = Network((4, 3))


class Spy:
    """An engine that notes the steps it is asked for."""

    def __init__(self, engine):
        self._engine, self.batches, self.rates = engine, [], []

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def step(self, indices, learning_rate):
        self.batches.append(indices)
        self.rates.append(learning_rate)
        self._engine.step(indices, learning_rate)


@pytest.mark.parametrize(("n", "batch_size"), [(10, 4), (1, 256), (256, 256), (257, 256), (60000, 256), (7, 1)])
def test_an_epoch_is_cut_into_as_few_and_as_even_minibatches_as_can_be(n, batch_size):
    edges = batch_edges(n, batch_size)
    sizes = np.diff(edges)
    assert (edges[0], edges[-1]) == (0, n)
    assert len(sizes) == -(-n // batch_size)
    assert sizes.max() <= batch_size
    assert sizes.max() - sizes.min() <= 1


def test_the_common_cut_leaves_a_short_last_minibatch(animals):
    spy = Spy(open_engine("scratch", NETWORK))
    list(train(spy, animals, Recipe(epochs=1, batch_size=50, even_batches=False)))
    assert [len(batch) for batch in spy.batches] == [50, 50, 20]


def test_every_epoch_visits_every_sample_once_in_the_order_of_its_seed(animals):
    spy = Spy(open_engine("scratch", NETWORK))
    list(train(spy, animals, Recipe(epochs=2, batch_size=50, seed=9)))
    assert [len(batch) for batch in spy.batches] == [40, 40, 40] * 2
    for epoch in (1, 2):
        visited = np.concatenate(spy.batches[3 * epoch - 3 : 3 * epoch])
        np.testing.assert_array_equal(visited, epoch_order(9, epoch, 120))


def test_each_step_gets_the_learning_rate_of_its_time(animals):
    spy = Spy(open_engine("scratch", NETWORK))
    recipe = Recipe(epochs=2, batch_size=40, schedule=ScheduleConfig("cosine", warmup_epochs=1))
    records = list(train(spy, animals, recipe))
    assert spy.rates == [recipe.rate(step, 3) for step in range(6)]
    assert records[-1].learning_rate == spy.rates[-1]


def test_a_record_holds_running_means_and_the_test_set_s_score(animals):
    engine = open_engine("scratch", NETWORK, dtype="float64")
    first, second = train(engine, animals, Recipe(epochs=2, batch_size=120, learning_rate=0.5))
    assert first.loss == pytest.approx(np.log(3), abs=0.01)  # one step: before it, three nearly equal outputs
    final = evaluate(engine, animals.test)
    assert (second.test_loss, second.test_accuracy) == (final.loss, final.accuracy)
    assert (second.epoch, second.epochs, second.samples) == (2, 2, 120)
    assert second.seconds > 0
    assert "test accuracy" in str(second)


def test_records_without_a_test_set_or_with_numbers_say_so():
    network = Network((3, 2), loss="squared")
    data = random_dataset(network)
    (record,) = train(open_engine("scratch", network), data, Recipe(epochs=1))
    assert (record.test_loss, record.test_accuracy, record.train_accuracy) == (None, None, None)
    assert "test" not in str(record)
    (record,) = train(open_engine("scratch", network), Dataset("r", data.train, data.train), Recipe(epochs=1))
    assert "test loss" in str(record)
    assert record.to_dict()["test_accuracy"] is None


def test_a_consumer_may_stop_between_two_epochs(animals):
    engine = open_engine("scratch", NETWORK)
    run = train(engine, animals, Recipe(epochs=100, batch_size=40))
    next(run)
    run.close()
    assert engine.steps == 3


def test_a_callback_is_told_after_each_step_how_many_samples_are_through(animals):
    told = []
    engine = open_engine("scratch", NETWORK)
    list(train(engine, animals, Recipe(epochs=2, batch_size=50), AfterStep(lambda *words: told.append(words))))
    assert told == [(engine, done) for done in (40, 80, 120)] * 2


def test_sgd_comes_to_the_exact_solution_of_linear_regression():
    data = load_dataset("synthetic")
    engine = open_engine("scratch", Network((2, 1), loss="squared"), dtype="float64")
    *_, last = train(engine, data, Recipe(epochs=60, batch_size=10, learning_rate=0.03, schedule="cosine"))
    exact = solve_least_squares(data.train.X, data.train.y)
    ((W, b),) = engine.parameters()
    np.testing.assert_allclose(W, exact.W, atol=1e-5)
    np.testing.assert_allclose(b, exact.b, atol=1e-5)
    assert last.test_loss == pytest.approx(0.01**2 / 2, rel=0.2)


def test_the_published_linear_regression_is_reached():
    # 1000 x 2, batch size 10, learning rate 0.03, 3 epochs: loss 5e-5 published.
    data = load_dataset("synthetic")
    engine = open_engine("scratch", Network((2, 1), loss="squared"))
    list(train(engine, data, Recipe(epochs=3, batch_size=10, learning_rate=0.03)))
    assert evaluate(engine, data.train).loss == pytest.approx(5e-5, rel=0.1)
    ((W, b),) = engine.parameters()
    np.testing.assert_allclose([*W[:, 0], *b], [2, -3.4, 4.2], atol=2e-3)


@pytest.mark.parametrize("name", ["scratch", pytest.param("concise", marks=pytest.mark.torch)])
@pytest.mark.parametrize("with_test", [True, False])
def test_divergence_is_told_with_epoch_history_and_what_to_try(name, with_test):
    data = load_dataset("houses")  # not standardised: a learning rate of 0.01 is far too large
    data = data if with_test else Dataset("houses", data.train)
    engine = open_engine(name, Network((2, 1), loss="squared"))
    with pytest.raises(DivergedError, match=r"training diverged in epoch 1 .* smaller than 0.01, or scale") as error:
        list(train(engine, data, Recipe(epochs=3, batch_size=10, learning_rate=0.01)))
    assert (error.value.epoch, error.value.history) == (1, ())


def test_divergence_later_on_keeps_the_records_so_far():
    engine = open_engine("scratch", Network((1, 1), loss="squared"), dtype="float64")
    data = Dataset("two", Samples([[1.0], [2.0]], [[1.0], [3.0]]))
    with pytest.raises(DivergedError) as error:
        list(train(engine, data, Recipe(epochs=500, batch_size=2, learning_rate=1.5)))
    assert error.value.epoch == len(error.value.history) + 1 > 2


def test_data_that_does_not_fit_the_network_is_refused_before_the_first_step(animals):
    with pytest.raises(DataError, match="4 features a sample; the network has 5 inputs"):
        next(train(open_engine("scratch", Network((5, 3))), animals, Recipe()))
    with pytest.raises(DataError, match="the classes of 2 outputs are 0 to 1"):
        next(train(open_engine("scratch", Network((4, 2))), animals, Recipe()))


def test_a_mistake_in_the_test_set_is_told_before_the_first_step(animals):
    spoilt = animals.test.X.astype(float)
    spoilt[3, 1, 0] = np.nan
    spy = Spy(open_engine("scratch", NETWORK))
    with pytest.raises(DataError, match=r"test set: X\[3, 2\] is nan"):
        next(train(spy, Dataset("spoilt", animals.train, Samples(spoilt, animals.test.y)), Recipe()))
    assert spy.batches == []
    with pytest.raises(DataError, match="X has no samples"):
        evaluate(spy, Samples(animals.test.X[:0], animals.test.y[:0]))


def test_scores_of_each_kind_of_target():
    O = np.array([[2.0, 1.0], [0.0, 3.0]])
    assert score(LOSSES["cross_entropy"], O, np.array([0, 0])).accuracy == 0.5
    assert score(LOSSES["cross_entropy"], O, np.array([[0.9, 0.1], [0.2, 0.8]])).accuracy == 1
    assert score(LOSSES["cross_entropy"], O, np.array([0, 0]), np.array([3.0, 1.0])).accuracy == 0.75
    assert score(LOSSES["sigmoid_cross_entropy"], O, np.array([[1.0, 1.0], [1.0, 1.0]])).accuracy == 0.75
    assert score(LOSSES["squared"], O, O).accuracy is None


def test_batch_normalisation_refuses_a_minibatch_of_one_before_the_first_step():
    network = Network((4, 3, 3), normalization="batch")
    data = random_dataset(network, 9)
    with pytest.raises(SpecificationError, match="batch normalisation needs 2 samples in every minibatch"):
        next(train(open_engine("scratch", network), data, Recipe(batch_size=4, even_batches=False)))
    assert next(train(open_engine("scratch", network), data, Recipe(batch_size=4))).epoch == 1


class Clothes:
    """As torchvision's image sets."""

    def __init__(self, torch):
        self.data, self.targets, self.classes = torch.arange(24).reshape(6, 2, 2), torch.arange(6) % 2, ["a", "b"]

    def __len__(self):
        return len(self.data)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("wrap", "rows"),
    [
        (lambda each, _: each, range(6)),
        (lambda each, data: data.Subset(each, [4, 1]), [4, 1]),
        (lambda each, data: data.DataLoader(data.Subset(each, range(2, 5))), range(2, 5)),
    ],
    ids=["whole", "subset", "loader"],
)
@pytest.mark.parametrize("kind", ["images", "tensors", "samples"])
def test_what_is_said_of_a_data_set_of_pytorch_makes_the_same_of_it(kind, wrap, rows):
    torch = pytest.importorskip("torch")
    from torch.utils import data as torch_data

    images = Clothes(torch)
    source = {
        "images": images,
        "tensors": torch_data.TensorDataset(images.data, images.targets),
        "samples": torch_data.ConcatDataset([torch_data.TensorDataset(images.data, images.targets)]),
    }[kind]
    given = wrap(source, torch_data)
    with pytest.raises(DataError) as told:
        train(open_engine("scratch", NETWORK), given, Recipe())
    before, _, made = str(told.value).partition("twofold.Dataset: ")[2].rpartition("Dataset('mine'")
    names = {"data": given, "np": np, "torch": torch, "NAMES": ("a", "b"), "Dataset": Dataset, "Samples": Samples}
    exec(before.removesuffix(", then "), names)  # noqa: S102 - our own message
    made = eval(f"Dataset('mine'{made.partition(', or')[0]}", names)  # noqa: S307
    np.testing.assert_array_equal(made.train.X.reshape(-1, 4), images.data.numpy().reshape(6, 4)[list(rows)])
    np.testing.assert_array_equal(made.train.y, images.targets.numpy()[list(rows)])
