"""Early stopping: when it ends, and with which weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers import each_engine, open_kind, random_dataset
from twofold import BestEpoch, Dataset, EarlyStopping, Network, Recipe, Samples, evaluate, open_engine, train
from twofold.errors import DataError, SpecificationError
from twofold.network import distance

NETWORK = Network((4, 3))
DATA = random_dataset(NETWORK, 60)
HELD = random_dataset(NETWORK, 30, seed=1).train


class Scripted:
    """An engine whose weights name the epoch, as far as `BestEpoch` looks."""

    def __init__(self):
        self.epoch = 0

    def parameters(self):
        return self.epoch


def values_seen(best: BestEpoch, values: list[float]) -> list[bool]:
    engine, seen = Scripted(), []
    for engine.epoch, value in enumerate(values, start=1):
        seen.append(best.see(engine, engine.epoch, value))
    return seen


def test_hope_ends_after_so_many_epochs_in_a_row_without_a_gain():
    best = BestEpoch(patience=2)
    assert values_seen(best, [5, 6, 4, 5, 4]) == [True, True, True, True, False]
    assert (best.epoch, best.value, best.parameters, best.waited) == (3, 4, 3, 2)


def test_a_gain_smaller_than_the_least_is_none():
    best = BestEpoch(patience=1, least_gain=0.5)
    assert values_seen(best, [5, 4.6]) == [True, False]
    assert best.epoch == 1


def test_without_patience_hope_never_ends():
    assert all(values_seen(BestEpoch(), [1.0] * 100))


def test_the_first_epoch_is_kept_whatever_its_value():
    best = BestEpoch(patience=3)
    values_seen(best, [float("inf"), float("nan")])
    assert best.parameters == 1


def noisy_labels() -> tuple[Dataset, Samples]:
    """Labels that are noise: the more is learned of them, the worse it gets."""
    network = Network((20, 16, 2))
    return random_dataset(network, 40, seed=2), random_dataset(network, 400, seed=3).train


@pytest.mark.parametrize("name", each_engine())
@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_the_engine_ends_with_the_weights_of_its_best_epoch(normalization, averaging, name):
    data, held = noisy_labels()
    network = Network((20, 16, 2), normalization=normalization)
    recipe = Recipe(epochs=60, batch_size=8, optimizer="adam", learning_rate=0.01, ema_decay=averaging)
    start = {"initialization": "he", "dtype": "float64"}
    engine, best = open_kind(name, network, **start), BestEpoch(patience=5)
    records = list(train(engine, data, recipe, EarlyStopping(best=best), validation=held))
    losses = [record.validation_loss for record in records]
    assert best.epoch == 1 + int(np.argmin(losses)) == len(records) - 5 < 55
    assert evaluate(engine, held).loss == pytest.approx(min(losses), rel=1e-12)
    plain = open_kind(name, network, **start)
    for record in train(plain, data, recipe):  # the same run, stopped at that epoch by hand
        if record.epoch == best.epoch:
            break
    assert distance(plain.parameters(), engine.parameters()) == 0


def test_leaving_the_loop_brings_the_best_weights_back_too():
    data, held = noisy_labels()
    engine, best = open_engine("scratch", Network((20, 16, 2)), initialization="he"), BestEpoch()
    recipe = Recipe(epochs=200, optimizer="adam", learning_rate=0.02)
    epochs = train(engine, data, recipe, EarlyStopping(best=best), validation=held)
    for record in epochs:
        if record.epoch == 100:
            break
    epochs.close()
    assert best.epoch < 100
    assert evaluate(engine, held).loss == pytest.approx(best.value, rel=1e-5)


def test_the_test_set_is_left_alone_and_the_validation_set_has_its_own_fields():
    best = BestEpoch()
    engine = open_engine("scratch", NETWORK)
    (record,) = train(
        engine, replace(DATA, test=HELD), Recipe(epochs=1), EarlyStopping(best=best), validation=DATA.train
    )
    assert (record.test_loss, record.test_accuracy) == (None, None)
    assert record.validation_loss == best.value
    assert f"validation accuracy {record.validation_accuracy:.4f}" in str(record)
    assert {"validation_loss", "validation_accuracy"} <= set(record.to_dict())


def test_any_value_of_an_epoch_can_be_the_judge():
    best = BestEpoch()
    engine = open_engine("scratch", NETWORK)
    list(train(engine, DATA, Recipe(epochs=4), EarlyStopping(best=best, judge=lambda epoch: -epoch.epoch)))
    assert (best.epoch, best.value) == (4, -4)


def test_a_validation_set_that_does_not_fit_is_refused_before_the_first_epoch():
    engine, best = open_engine("scratch", NETWORK), BestEpoch()
    wrong = Samples(np.zeros((3, 5)), np.zeros(3, dtype=int))
    with pytest.raises(DataError, match="5 features a sample; the network has 4 inputs"):
        next(train(engine, DATA, Recipe(), EarlyStopping(best=best), validation=wrong))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"patience": 0}, "patience is 0; expected at least 1 epoch, or None for no end"),
        ({"least_gain": -1.0}, "least_gain is -1.0; it must be at least 0 and finite"),
    ],
)
def test_what_can_not_be_is_refused(words, message):
    with pytest.raises(SpecificationError, match=message):
        BestEpoch(**words)
