"""A table in one call."""

from __future__ import annotations

import numpy as np
import pytest

import twofold
from twofold.errors import DataError, SpecificationError

RNG = np.random.default_rng(0)
N = 200
AREA = RNG.uniform(20, 200, N)
KIND = RNG.choice(["loft", "house", "hut"], N)
TABLE = {
    "area": [None if k % 40 == 7 else float(a) for k, a in enumerate(AREA)],
    "kind": KIND.tolist(),
    "price": (1000 * AREA + 30_000 * (KIND == "house")).tolist(),
    "sold": (AREA > 100).tolist(),
}


@pytest.fixture(scope="module")
def prices():
    return twofold.fit_table(TABLE, "price", drop=["sold"], members=2, epochs=60)


@pytest.fixture(scope="module")
def sales():
    return twofold.fit_table(TABLE, "sold", drop=["price"], members=2, epochs=20)


def test_the_network_is_scored_beside_what_is_simpler(prices):
    assert list(prices.scores) == ["always the same", "linear model", "network"]
    values = {name: scores[0].value for name, scores in prices.scores.items()}
    assert values["always the same"] < 0.05
    assert values["network"] > 0.9
    assert prices.rows == {"training": 160, "test": 40, "left out": 0}


def test_predictions_and_intervals_are_in_the_targets_own_units(prices):
    rows = {"area": [50.0, 150.0], "kind": ["hut", "house"]}
    low, high = prices.predict_interval(rows, 0.8)
    assert (low < high).all()
    np.testing.assert_allclose(prices.predict(rows), [50_000, 180_000], rtol=0.35)


def test_classes_have_probabilities(sales):
    P = sales.predict_proba({"area": [30.0, 190.0], "kind": ["hut", "hut"]})
    assert P.shape == (2, 2)
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
    assert sales.predict({"area": [30.0, 190.0], "kind": ["hut", "hut"]}).tolist() == ["false", "true"]


def test_what_is_saved_predicts_the_same(prices, tmp_path):
    prices.save(tmp_path / "m.safetensors")
    again = twofold.load_model(tmp_path / "m.safetensors")
    assert again.encoder["target"]["name"] == "price"
    np.testing.assert_array_equal(again.parameters[0].W, prices.model.parameters[0].W)


def test_the_model_was_trained_on_all_rows_in_the_end(prices):
    assert len(prices.model.arrays["left_out_errors"]) == N


def test_without_test_rows_the_rows_left_out_are_scored():
    fit = twofold.fit_table(TABLE, "price", members=2, epochs=5, test_fraction=0)
    assert fit.rows["test"] == 0
    assert set(fit.scores) == {"always the same", "linear model", "network"}


def test_a_file_and_a_frame_give_the_same(tmp_path):
    pandas = pytest.importorskip("pandas", exc_type=ImportError)
    frame = pandas.DataFrame(TABLE)
    frame.to_csv(tmp_path / "t.csv", index=False)
    fits = [twofold.fit_table(t, "price", members=2, epochs=3) for t in (frame, tmp_path / "t.csv")]
    np.testing.assert_allclose(fits[0].predict(frame), fits[1].predict(tmp_path / "t.csv"), rtol=1e-6)


def test_it_shows_its_scores(prices):
    text = repr(prices)
    assert "linear model" in text
    assert "R2" in text


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"target": "prize"}, DataError, "there is no column 'prize'"),
        ({"target": "price", "epoch": 5}, SpecificationError, "option of fit_table 'epoch'.*did you mean 'epochs'"),
        ({"target": "price", "model": "tree"}, SpecificationError, "option of fit_table 'model'"),
        ({"target": "price", "members": 1}, SpecificationError, "members is 1; fit_table takes at least 2"),
    ],
)
def test_mistakes_are_told(words, error, message):
    with pytest.raises(error, match=message):
        twofold.fit_table(TABLE, words.pop("target"), **words)
