"""Cross-validation: what a network that was trained by hand on the other folds comes to."""

import math

import numpy as np
import pytest

import twofold as tw
from twofold.baselines.cross_fit import assign_folds
from twofold.errors import SpecificationError

DATA = tw.load_dataset("toy-animals")
NETWORK = tw.Network((4, 3))
RECIPE = tw.Recipe(epochs=4, batch_size=16, learning_rate=0.1, seed=3)


def test_each_fold_is_scored_by_the_network_trained_on_the_others():
    found = tw.cross_validate(NETWORK, DATA, RECIPE, folds=3, engine="scratch")
    assert np.array_equal(found.folds, assign_folds(DATA.train.y, 3, RECIPE.seed))
    for fold in range(3):
        left = found.folds == fold
        engine = tw.open_engine("scratch", NETWORK, seed=RECIPE.seed, initialization="he")
        seen = tw.Samples(DATA.train.X[~left], DATA.train.y[~left])
        list(tw.train(engine, tw.Dataset("seen", seen), RECIPE))
        score = tw.evaluate(engine, tw.Samples(DATA.train.X[left], DATA.train.y[left]))
        assert found.losses[fold] == score.loss
        assert found.accuracies[fold] == score.accuracy
        assert np.array_equal(found.outputs[left], engine.outputs(DATA.train.X[left]))
    assert found.loss == pytest.approx(found.losses.mean())


def test_several_recipes_share_the_folds():
    recipes = [tw.Recipe(epochs=epochs, batch_size=16, learning_rate=0.1) for epochs in (1, 30)]
    short, long = tw.cross_validate(NETWORK, DATA, recipes)
    assert np.array_equal(short.folds, long.folds)
    assert long.loss < short.loss
    alone = tw.cross_validate(NETWORK, DATA, recipes[1])
    assert np.array_equal(alone.outputs, long.outputs)


def test_a_recipe_that_diverges_is_told_so():
    data = tw.Dataset("numbers", tw.Samples(DATA.train.X, 100.0 * DATA.train.X[:, 0, :1]))
    network = tw.Network((4, 8, 1), loss="squared")
    recipes = [tw.Recipe(epochs=3, batch_size=16, learning_rate=rate) for rate in (1e6, 1e-4)]
    wild, tame = tw.cross_validate(network, data, recipes, folds=2)
    assert math.isinf(wild.loss)
    assert np.isnan(wild.outputs).all()
    assert wild.accuracies is None
    assert math.isfinite(tame.loss)


@pytest.mark.parametrize("folds", [1, 0, 2.5, 10**9])
def test_folds_that_cannot_be_are_refused(folds):
    with pytest.raises(SpecificationError, match=r"folds is .*; expected 2 to \d+, the number of samples"):
        tw.cross_validate(NETWORK, DATA, RECIPE, folds=folds)


def test_no_recipe_is_refused():
    with pytest.raises(SpecificationError, match="no recipe"):
        tw.cross_validate(NETWORK, DATA, [])
