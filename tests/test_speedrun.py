"""The race to an accuracy: its plans are ones that twofold can train, and test images are no part of choosing them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import twofold as tw

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="the source tree is out of reach")


@pytest.fixture
def speedrun(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import speedrun

    return speedrun


def test_every_bar_has_a_plan_for_each_contestant_that_a_recipe_can_hold(speedrun):
    for plans in speedrun.PLANS.values():
        assert list(plans) == list(speedrun.CONTESTANTS)
        for plan in plans.values():
            tw.Network((784, *plan.hidden, 10), dropout=plan.dropout, normalization=plan.normalization)
            tw.Recipe(optimizer=plan.optimizer, schedule=plan.schedule, weight_decay=plan.decay)
            assert plan.engine in speedrun.ENGINES or plan is not plans["twofold"]


def test_pytorch_and_keras_have_the_same_recipe_as_twofold(speedrun):
    for plans in speedrun.PLANS.values():
        own, *others = (
            {**asdict(plans[name]), "engine": "", "threads": 0} for name in ("twofold", "PyTorch", "Keras on JAX")
        )
        assert others == [own, own]


def test_recipes_are_chosen_without_the_test_images(speedrun):
    from speedrunners import CHOSEN_ON, cut

    X, y = np.zeros((60_000, 28, 28), np.uint8), np.arange(60_000)
    X[:, 0, 0] = 1
    words = {"held_out": True, "rows": 60_000, "mirrored": True}
    train, labels, held_out, held_labels = cut((X, y, np.full((3, 28, 28), 9), np.zeros(3)), words)
    assert len(held_out) == CHOSEN_ON == len(held_labels)
    assert not set(labels) & set(held_labels)
    assert len(train) == 2 * (60_000 - CHOSEN_ON)
    assert train[-1, 0, -1] == 1
    assert held_out.max() == 1


def test_who_misses_the_bar_is_said_to(speedrun):
    plan = speedrun.Plan((8,), 2, 64, 0.1, rows=30_000)
    found = {"twofold": [(1.0, 0.92), (3.0, 0.90)], "scikit-learn": [(4.0, 0.89), (4.0, 0.90)]}
    table = speedrun.as_table(0.90, dict.fromkeys(found, plan), found, "test")
    assert table.rows == [
        ["twofold", "2.00", "1.00", "0.9100", "8", "1", "64"],
        ["scikit-learn", "4.00", "-", "0.8950, not reached", "8", "1", "64"],
    ]
