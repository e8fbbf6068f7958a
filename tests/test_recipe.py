"""Recipes: ranges, and the learning rate over time."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from twofold import Recipe
from twofold.errors import SpecificationError, UnknownNameError
from twofold.functions import SCHEDULES
from twofold.functions.optimizers import readers


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs is 0; it must be an integer >= 1"),
        ("epochs", 2.0, "epochs is 2.0; it must be an integer >= 1"),
        ("batch_size", -1, "batch_size is -1; it must be an integer >= 1"),
        ("batch_size", True, "batch_size is True; it must be an integer >= 1"),
        ("learning_rate", -0.1, "learning_rate is -0.1; it must be positive and finite"),
        ("learning_rate", math.nan, "learning_rate is nan; it must be positive and finite"),
        ("learning_rate", math.inf, "learning_rate is inf; it must be positive and finite"),
        ("epsilon", 0.0, "epsilon is 0.0; it must be positive and finite"),
        ("weight_decay", -1.0, "weight_decay is -1.0; it must be at least 0 and finite"),
        ("momentum", 1.0, "momentum is 1.0; it must be more than 0 and less than 1 (without it, choose 'sgd')"),
        ("beta2", 1.0, "beta2 is 1.0; it must be at least 0 and less than 1"),
        ("decay_factor", 2.0, "decay_factor is 2.0; it must be more than 0 and at most 1"),
        ("clip_norm", 0.0, "clip_norm is 0.0; it must be positive and finite, or None"),
        ("warmup_epochs", -1.0, "warmup_epochs is -1.0; it must be at least 0 and finite"),
        ("seed", -1, "seed is -1; it must be an integer from 0 to 2**64 - 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(field, value, message):
    with pytest.raises(SpecificationError) as error:
        Recipe(optimizer=min(readers(field), default="sgd"), **{field: value})
    assert str(error.value) == message


def test_unknown_names_are_met_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown optimizer 'adm'; did you mean 'adam'"):
        Recipe(optimizer="adm")
    with pytest.raises(UnknownNameError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        Recipe(schedule="cosin")


@pytest.mark.parametrize("schedule", sorted(SCHEDULES.keys() - {"one_cycle"}))
def test_a_schedule_starts_at_the_learning_rate_and_never_rises(schedule):
    recipe = Recipe(epochs=4, learning_rate=0.5, schedule=schedule)
    rates = [recipe.rate(step, 10) for step in range(40)]
    assert rates[0] == 0.5
    assert all(0 < later <= earlier for earlier, later in pairwise(rates))


@pytest.mark.torch
@pytest.mark.parametrize(("epochs", "steps"), [(4, 25), (10, 100)])
def test_one_cycle_is_that_of_pytorch_but_for_the_step_at_its_ends(epochs, steps):
    import torch

    recipe = Recipe(epochs=epochs, learning_rate=0.5, schedule="one_cycle")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # PyTorch's cycle ends on its last step and rises for a step less; ours is a function of time alone.
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=epochs * steps + 1, cycle_momentum=False)
    rates = []
    for _ in range(epochs * steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    ours = [recipe.rate(step, steps) for step in range(epochs * steps)]
    assert ours == pytest.approx(rates, abs=1.1 / (epochs * steps))
    assert ours[0] == pytest.approx(0.5 / 25)
    assert max(ours) == pytest.approx(0.5)


def test_the_linear_schedule_goes_to_0_in_a_straight_line():
    recipe = Recipe(epochs=4, learning_rate=1.0, schedule="linear")
    assert [recipe.rate(step, 2) for step in range(8)] == pytest.approx([1 - k / 8 for k in range(8)])


def test_the_average_starts_as_a_plain_mean():
    recipe = Recipe(averaging=0.99)
    assert [recipe.keep(step) for step in (0, 1, 2, 99, 1000)] == pytest.approx([0, 1 / 2, 2 / 3, 0.99, 0.99])


def test_the_step_schedule_multiplies_every_so_many_epochs():
    recipe = Recipe(learning_rate=1.0, schedule="step", decay_epochs=2, decay_factor=0.1)
    assert [recipe.rate(step, 1) for step in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_the_step_schedule_counts_fractions_of_an_epoch_without_rounding():
    recipe = Recipe(learning_rate=1.0, schedule="step", decay_epochs=0.1)
    assert [recipe.rate(step, 10) for step in range(10)] == [0.5**step for step in range(10)]
    assert Recipe(schedule="step", decay_epochs=1e-320).rate(1, 1) == 0


def test_the_cosine_schedule_is_half_way_down_at_half_time():
    assert Recipe(epochs=4, learning_rate=1.0, schedule="cosine").rate(20, 10) == pytest.approx(0.5)


def test_warm_up_rises_in_a_straight_line_and_only_then_the_schedule_begins():
    recipe = Recipe(epochs=4, learning_rate=1.0, schedule="inverse_time", warmup_epochs=2)
    rates = [recipe.rate(step, 5) for step in range(20)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[15] == pytest.approx(1 / (1 + 1))


def test_a_warm_up_longer_than_the_training_still_gives_rates():
    recipe = Recipe(epochs=1, learning_rate=1.0, schedule="cosine", warmup_epochs=3)
    assert recipe.rate(3, 4) == pytest.approx(1 / 3)
