"""Recipes: ranges, and the learning rate over time."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import pytest

from twofold import OptimizerConfig, Recipe, ScheduleConfig
from twofold.errors import FileFormatError, SpecificationError, UnknownNameError
from twofold.functions import SCHEDULES


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
        ("weight_decay", -1.0, "weight_decay is -1.0; it must be at least 0 and finite"),
        ("ema_decay", 1.0, "ema_decay is 1.0; it must be at least 0 and less than 1"),
        ("shuffle", 1, "shuffle is 1; it must be True or False"),
        ("clip_norm", 0.0, "clip_norm is 0.0; it must be positive and finite, or None"),
        ("seed", -1, "seed is -1; it must be an integer from 0 to 2**64 - 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(field, value, message):
    with pytest.raises(SpecificationError) as error:
        Recipe(**{field: value})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("kind", "name", "constants", "message"),
    [
        (OptimizerConfig, "adam", {"epsilon": 0.0}, "epsilon is 0.0; it must be positive and finite"),
        (
            *(OptimizerConfig, "momentum", {"momentum": 1.0}),
            "momentum is 1.0; it must be more than 0 and less than 1 (without it, choose 'sgd')",
        ),
        (OptimizerConfig, "lion", {"beta2": 1.0}, "beta2 is 1.0; it must be at least 0 and less than 1"),
        (ScheduleConfig, "step", {"decay_factor": 2.0}, "decay_factor is 2.0; it must be more than 0 and at most 1"),
        (ScheduleConfig, "cosine", {"warmup_epochs": -1}, "warmup_epochs is -1; it must be at least 0 and finite"),
        (
            *(OptimizerConfig, "adam", {"momentum": 0.5}),
            "momentum is 0.5; optimizer 'adam' has beta1, beta2 and epsilon, and momentum is for momentum and nesterov",
        ),
        (OptimizerConfig, "sgd", {"speed": 1}, "speed is 1; optimizer 'sgd' has no constants"),
        (
            *(ScheduleConfig, "cosine", {"decay_rate": 2}),
            "decay_rate is 2; schedule 'cosine' has warmup_epochs, and decay_rate is for inverse_time",
        ),
    ],
)
def test_a_config_refuses_what_its_definition_does_not_have_or_allow(kind, name, constants, message):
    with pytest.raises(SpecificationError) as error:
        kind(name, **constants)
    assert str(error.value) == message


def test_a_config_holds_all_its_constants_and_cannot_be_changed():
    config = OptimizerConfig("adam", beta1=0.95, beta2=None)
    assert config.constants == {"beta1": 0.95, "beta2": 0.999, "epsilon": 1e-8}
    assert (config, hash(config)) == (eval(repr(config)), hash(OptimizerConfig("adam", beta1=0.95)))  # noqa: S307
    assert config == pickle.loads(pickle.dumps(copy.deepcopy(config))) != OptimizerConfig("adam")  # noqa: S301 - our own
    assert (str(config), str(OptimizerConfig("adam"))) == ("adam (beta1 0.95)", "adam")
    with pytest.raises(FrozenInstanceError):
        config.name = "sgd"
    with pytest.raises(FrozenInstanceError):
        Recipe().optimizer = config
    assert Recipe(optimizer=config).optimizer is config
    assert (
        Recipe(optimizer="adam").optimizer == OptimizerConfig("adam") == replace(Recipe(), optimizer="adam").optimizer
    )


def test_what_version_0_1_called_otherwise_works_with_a_warning_that_says_what_to_write():
    with pytest.warns(DeprecationWarning, match="the old name goes in version 0.3") as told:
        old = Recipe(optimizer="adam", beta1=0.95, schedule="step", warmup_epochs=1, decay_epochs=2, averaging=0.9)
    assert [str(warning.message) for warning in told] == [
        f"Recipe({was}) is called Recipe({now}) now; the old name goes in version 0.3"
        for was, now in (
            ("averaging=...", "ema_decay=..."),
            ("beta1", "optimizer=OptimizerConfig('adam', beta1=0.95)"),
            ("warmup_epochs, decay_epochs", "schedule=ScheduleConfig('step', warmup_epochs=1, decay_epochs=2)"),
        )
    ]
    schedule = ScheduleConfig("step", warmup_epochs=1, decay_epochs=2)
    assert old == Recipe(optimizer=OptimizerConfig("adam", beta1=0.95), schedule=schedule, ema_decay=0.9)
    assert {warning.filename for warning in told} == {__file__}
    with pytest.warns(DeprecationWarning, match="Recipe.averaging is called Recipe.ema_decay now"):
        assert old.averaging == 0.9
    with pytest.warns(DeprecationWarning, match=r"Recipe.beta1 is called Recipe.optimizer.constants\['beta1'\] now"):
        assert old.beta1 == 0.95
    with pytest.warns(DeprecationWarning, match="beta2"):
        assert replace(old, beta2=0.5).optimizer == OptimizerConfig("adam", beta1=0.95, beta2=0.5)
    with pytest.raises(AttributeError, match="'Recipe' has no attribute 'nothing'"):
        _ = old.nothing
    with pytest.raises(TypeError, match="nothing"):
        Recipe(nothing=1)


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ({"momentum": 0.9, "beta1": 0.9, "decay_rate": 1.0, "decay_factor": 0.5, "averaging": 0.5}, {"ema_decay": 0.5}),
        ({"optimizer": "adam", "momentum": 0.9, "beta1": 0.8}, {"optimizer": OptimizerConfig("adam", beta1=0.8)}),
        ({"schedule": "step", "decay_epochs": 3}, {"schedule": ScheduleConfig("step", decay_epochs=3)}),
    ],
)
def test_recipes_on_disk_of_version_0_1_are_read(old, now):
    assert Recipe.from_dict(old, "file: recipe") == Recipe(**now) == Recipe.from_dict(Recipe(**now).to_dict(), "file")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"optimizer": {"name": "adam", "beta3": 1}}, "f: recipe: optimizer: beta3 is 1; optimizer 'adam' has beta1, "),
        ({"optimizer": {"name": "mine", "speed": 1}}, "register it first: twofold.register_activation, register_loss"),
        ({"optimizer": {"beta1": 1}}, "f: recipe: optimizer is {'beta1': 1}; expected an object with a name"),
        ({"optimizer": 3}, "f: recipe: optimizer is 3; expected an object with a name"),
        ({"schedule": {"name": "step", "decay_epochs": "x"}}, "f: recipe: schedule: decay_epochs is 'x'; it must be"),
        ({"schedule": "step", "decay_epochs": [1]}, r"f: recipe: schedule: decay_epochs is \[1\]; it must be"),
    ],
)
def test_a_recipe_on_disk_that_is_none_is_refused(value, message):
    with pytest.raises(FileFormatError, match=message):
        Recipe.from_dict(value, "f: recipe")


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
    recipe = Recipe(ema_decay=0.99)
    assert [recipe.keep(step) for step in (0, 1, 2, 99, 1000)] == pytest.approx([0, 1 / 2, 2 / 3, 0.99, 0.99])


def test_the_step_schedule_multiplies_every_so_many_epochs():
    recipe = Recipe(learning_rate=1.0, schedule=ScheduleConfig("step", decay_epochs=2, decay_factor=0.1))
    assert [recipe.rate(step, 1) for step in range(5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])


def test_the_step_schedule_counts_fractions_of_an_epoch_without_rounding():
    recipe = Recipe(learning_rate=1.0, schedule=ScheduleConfig("step", decay_epochs=0.1))
    assert [recipe.rate(step, 10) for step in range(10)] == [0.5**step for step in range(10)]
    assert Recipe(schedule=ScheduleConfig("step", decay_epochs=1e-320)).rate(1, 1) == 0


def test_the_cosine_schedule_is_half_way_down_at_half_time():
    assert Recipe(epochs=4, learning_rate=1.0, schedule="cosine").rate(20, 10) == pytest.approx(0.5)


def test_warm_up_rises_in_a_straight_line_and_only_then_the_schedule_begins():
    recipe = Recipe(epochs=4, learning_rate=1.0, schedule=ScheduleConfig("inverse_time", warmup_epochs=2))
    rates = [recipe.rate(step, 5) for step in range(20)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[15] == pytest.approx(1 / (1 + 1))


def test_a_warm_up_longer_than_the_training_still_gives_rates():
    recipe = Recipe(epochs=1, learning_rate=1.0, schedule=ScheduleConfig("cosine", warmup_epochs=3))
    assert recipe.rate(3, 4) == pytest.approx(1 / 3)
