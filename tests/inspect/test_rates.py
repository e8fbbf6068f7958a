"""The learning-rate finder: suggests what learns, and leaves the engine as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from twofold import Dataset, Network, Recipe, Samples, find_rate, open_engine, train
from twofold.cli import main
from twofold.errors import DivergedError, SpecificationError
from twofold.inspect.rates import _steepest, smooth
from twofold.network import distance
from twofold.plots import rate_curve

NETWORK = Network((4, 3))


@pytest.mark.parametrize("name", ["scratch", pytest.param("fused", marks=pytest.mark.torch)])
def test_the_suggested_rate_learns_more_than_a_tenth_of_it_and_does_not_diverge(name, animals):
    engine = open_engine(name, NETWORK)
    before = engine.parameters()
    sweep = find_rate(engine, animals, Recipe(batch_size=16))
    assert distance(engine.parameters(), before) == 0
    assert engine.steps == 0
    assert sweep.rates[0] == pytest.approx(1e-4)
    losses = []
    for rate in (sweep.suggestion, sweep.suggestion / 10):
        *_, last = train(open_engine(name, NETWORK), animals, Recipe(batch_size=16, learning_rate=rate))
        losses.append(last.loss)
    assert losses[0] < losses[1]


def test_the_sweep_ends_early_where_the_loss_explodes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    data = Dataset("line", Samples(X, X @ [[2.0], [-3.4]] + 4.2))
    engine = open_engine("scratch", Network((2, 1), loss="squared"), dtype="float64")
    sweep = find_rate(engine, data, Recipe(batch_size=10), highest=100.0)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smoothed) < 200
    assert sweep.rates[-1] > sweep.suggestion
    assert sweep.smoothed[-1] > sweep.smoothed.min()


def test_a_sweep_that_starts_too_high_says_so():
    X = np.full((40, 2), 1e6)
    data = Dataset("unscaled", Samples(X, np.ones((40, 1))))
    engine = open_engine("scratch", Network((2, 1), loss="squared"))
    with pytest.raises(DivergedError, match="start the sweep lower than 1,"):
        find_rate(engine, data, Recipe(batch_size=10), lowest=1.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [({"lowest": 0.0}, "0 < lowest < highest"), ({"lowest": 20.0}, "0 < lowest"), ({"steps": 19}, "at least 20")],
)
def test_a_range_that_can_not_be_is_refused(words, message, animals):
    with pytest.raises(SpecificationError, match=message):
        find_rate(open_engine("scratch", NETWORK), animals, Recipe(), **words)


def test_smoothing_keeps_a_constant_and_the_steepest_fall_is_found():
    np.testing.assert_allclose(smooth(np.full(5, 3.0)), 3.0)
    rates = np.geomspace(1e-3, 1, 7)
    assert _steepest(rates, np.array([5, 4.9, 4.5, 2, 1.5, 1.4, 6])) == pytest.approx(rates[3], rel=4)
    assert _steepest(rates, np.arange(7.0)) == pytest.approx(0.1)


def test_the_chance_of_the_first_minibatches_suggests_nothing():
    rates = np.geomspace(1e-4, 10, 200)
    losses = 1 - 0.3 / (1 + np.exp(-2 * np.log(rates / 0.1)))  # falls most steeply at 0.1
    losses[:6] += [3.0, 1.0, 0.5, 0.2, 0.1, 0.0]  # and by chance, of single minibatches, at 1e-4
    assert 0.05 < _steepest(rates, losses) < 0.2
    assert rates[np.gradient(losses, np.log(rates)).argmin()] < 2e-4


def test_the_picture_has_both_curves_and_the_suggestion():
    x = np.geomspace(1e-3, 1, 4)
    ax = rate_curve(x, np.ones(4), np.ones(4), 0.03)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "each minibatch",
        "smoothed",
        "suggestion 0.03",
    ]
    assert rate_curve(x, np.ones(4), np.ones(4), 0.03, ax=ax) is ax


def test_the_command_draws_and_suggests(tmp_path, capsys):
    path = tmp_path / "rates.png"
    words = ["find-rate", "softmax", "--data", "toy-animals", "-o", str(path), "--threads", "2"]
    assert main(words) == 0
    assert "suggested learning rate: " in capsys.readouterr().out
    assert path.read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["engine"] == "scratch"
    assert len(result["rates"]) == len(result["losses"]) == len(result["smoothed"])
    assert main([*words, "--threads", "0"]) == 2
    assert "threads is 0" in capsys.readouterr().err
    assert main([*words, "--precision", "half"]) == 2
