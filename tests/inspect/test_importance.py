"""What matters in a table: importance, dependence and hard rows of its columns, beside scikit-learn's."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import twofold
import twofold.inspect
from twofold.errors import DataError, SpecificationError
from twofold.inspect import importance as module
from twofold.inspect.dependence import GAP, OTHER, partial_dependence
from twofold.inspect.hard_rows import uncertain_rows, worst_rows
from twofold.inspect.importance import column_importance
from twofold.inspect.table_rows import TableRows

RNG = np.random.default_rng(3)
N = 240
AREA, NOISE = RNG.uniform(20, 200, N), RNG.normal(size=N)
KIND = RNG.choice(["loft", "house", "hut"], N, p=[0.5, 0.4, 0.1])
TABLE = {
    "area": [None if k % 40 == 7 else float(a) for k, a in enumerate(AREA)],
    "kind": [None if k % 50 == 3 else str(kind) for k, kind in enumerate(KIND)],
    "noise": NOISE.tolist(),
    "built": [f"20{k % 20 + 1:02d}-0{k % 9 + 1}-11" for k in range(N)],
    "price": (AREA + 60 * (KIND == "house") + 5 * NOISE).tolist(),
    "sold": np.where(AREA + 20 * NOISE > 150, "yes", np.where(AREA < 60, "never", "no")).tolist(),
}
SCORING = {"R2": "r2", "MAE": "neg_mean_absolute_error", "accuracy": "accuracy", "log loss": "neg_log_loss"}


@pytest.fixture(scope="module")
def prices():
    return twofold.fit_table(TABLE, "price", drop=["sold"], members=2, epochs=30)


@pytest.fixture(scope="module")
def sales():
    return twofold.fit_table(TABLE, "sold", drop=["price"], members=2, epochs=10, task="classification")


def estimator(trained):
    """The whole pipeline as scikit-learn calls it: a frame in, predictions out."""
    base = pytest.importorskip("sklearn.base")
    kind = base.ClassifierMixin if trained.model.classes else base.RegressorMixin

    class Pipeline(kind, base.BaseEstimator):
        classes_ = np.array(trained.model.classes)

        def fit(self, X, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def predict(self, X):
            return trained.predict(X)

        def predict_proba(self, X):
            P = trained.predict_proba(X).astype(np.float64)
            return np.maximum(P, 1e-300) / P.sum(axis=1, keepdims=True)

    return Pipeline()


def frame(table=TABLE):
    return pytest.importorskip("pandas", exc_type=ImportError).DataFrame(table)


def their_orders(n, repeats, seed, place):
    """The orders that scikit-learn brings a column into, whichever it is: it shuffles what it has shuffled."""
    random = np.random.RandomState(seed)
    order, found = np.arange(n), [np.arange(n)]
    for _ in range(repeats):
        random.shuffle(order)
        found.append(found[-1][order])
    return np.stack(found[1:])


@pytest.mark.parametrize("score", SCORING)
def test_importance_is_scikit_learn_s_of_the_whole_pipeline(request, monkeypatch, score):
    inspection = pytest.importorskip("sklearn.inspection")
    fit = request.getfixturevalue("prices" if score in ("R2", "MAE") else "sales")
    target = fit.held_out.target.name
    X = frame()[list(fit.held_out.blocks)]
    theirs = inspection.permutation_importance(
        estimator(fit), X, TABLE[target], scoring=SCORING[score], n_repeats=3, random_state=5
    )
    seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max + 1)
    monkeypatch.setattr(module, "draw_orders", lambda n, repeats, _, place: their_orders(n, repeats, seed, place))
    ours = fit.importance(TABLE, score=score, repeats=3)
    assert set(ours.drops) == set(X.columns)
    for name, drops in zip(X.columns, theirs.importances, strict=True):
        np.testing.assert_allclose(ours.drops[name], drops, rtol=1e-5, atol=1e-6)
        mean = next(each.value for each in ours.columns if each.name == name)
        assert mean == pytest.approx(drops.mean(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("column", ["area", "kind"])
def test_dependence_is_scikit_learn_s_of_the_whole_pipeline(prices, column):
    inspection = pytest.importorskip("sklearn.inspection")
    ours = prices.dependence(column, TABLE, points=7)
    values = np.array(ours.values, dtype=object if column == "kind" else float)
    known = np.array([value not in (GAP, OTHER) for value in ours.values])
    theirs = inspection.partial_dependence(
        estimator(prices),
        frame()[list(prices.held_out.blocks)],
        [column],
        custom_values={column: values[known]},
        kind="both",
        method="brute",
    )
    np.testing.assert_allclose(ours.mean[known, 0], theirs["average"][0], rtol=1e-5)
    band = np.quantile(theirs["individual"][0], (0.1, 0.9), axis=0)
    np.testing.assert_allclose(np.stack([ours.low[known, 0], ours.high[known, 0]]), band, rtol=1e-5)


def test_what_matters_comes_first_and_noise_is_in_doubt(prices):
    found = prices.importance()
    assert [each.name for each in found.columns[:2]] == ["area", "kind"]
    assert found.rows == len(prices.held_out) == 48
    area, built = (next(e for e in found.columns if e.name == name) for name in ("area", "built"))
    assert 0 < area.low < area.value < area.high
    assert built.low < 0.05 > built.value
    told = json.loads(json.dumps(found.to_dict()))
    assert told["columns"][0]["drops"] == list(found.drops["area"])
    assert "area" in repr(found)


def test_the_intervals_hold_the_importance_about_as_often_as_they_say():
    """Of y = x + noise, predicted by x, R2 loses 2 Var(x) / Var(y): 1.6 here."""
    random, held = np.random.default_rng(0), 0
    for _ in range(300):
        x = random.normal(size=60)
        y = x + random.normal(size=60) / 2
        orders = np.stack([random.permutation(60) for _ in range(5)])
        losses = np.square(y - x[orders])
        found = module._estimate("x", np.square(y - x), losses, orders, unit=np.square(y - y.mean()))
        held += found.low <= 1.6 <= found.high
    assert 0.9 < held / 300 < 0.99


def test_the_test_rows_are_those_that_the_scored_model_was_not_trained_on(prices):
    rows = prices.held_out
    assert rows.model is not prices.model  # which was trained again, on all
    assert [TABLE["price"][k] for k in rows.numbers] == rows.y.tolist()
    scored = next(score for score in prices.scores["network"] if score.name == "R2")
    assert prices.importance().baseline == pytest.approx(scored.value)


def test_rows_of_the_training_are_known_again(prices, sales):
    for fit in (prices, sales):
        assert TableRows.of(fit.model, TABLE).trained_on
        assert not fit.held_out.trained_on
        assert not replace(fit.held_out, model=fit.model).trained_on


def test_dates_gaps_and_rare_categories_have_their_values(prices, sales):
    dates = prices.dependence("built", points=5)
    assert dates.kind == "date"
    assert list(dates.values) == sorted(dates.values)
    kinds = prices.dependence("kind", {**TABLE, "kind": ["igloo", *TABLE["kind"][1:]]})
    assert {GAP, "house", "loft"} <= set(kinds.values)
    several = sales.dependence("area")
    assert several.outputs == ("never", "no", "yes")
    np.testing.assert_allclose(several.mean.sum(axis=1), 1)
    assert several.mean[0, 0] > several.mean[-1, 0]


def test_pictures_are_drawn_of_every_kind(prices, sales):
    assert prices.importance().plot().get_xlabel() == "R2 lost by shuffling the column"
    for column, fit in (("area", prices), ("kind", prices), ("built", prices), ("area", sales), ("kind", sales)):
        ax = fit.dependence(column).plot()
        assert column in (ax.get_xlabel(), ax.get_ylabel())
    legend = sales.dependence("kind").plot().get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["never", "no", "yes"]


def test_the_rows_missed_worst_come_with_their_number_and_cells(prices):
    table = {**TABLE, "price": [*TABLE["price"]]}
    table["price"][100] = 5000.0
    first, second = prices.worst_rows(table, most=2)
    assert (first.row, first.actual) == (100, 5000.0)
    assert first.cells == {name: TABLE[name][100] for name in ("area", "kind", "noise", "built", "sold")}
    assert abs(first.error) > abs(second.error)
    assert first.error == pytest.approx(first.predicted - first.actual)
    with pytest.raises(SpecificationError, match="numbers have no probabilities"):
        prices.uncertain_rows()


def test_classes_are_missed_worst_where_the_actual_one_seemed_unlikely(sales):
    worst = sales.worst_rows(TABLE, most=N)
    assert [own.of_actual for own in worst] == sorted(own.of_actual for own in worst)
    assert all(own.actual == TABLE["sold"][own.row] != own.predicted for own in worst)
    unsure = sales.uncertain_rows(TABLE, most=5)
    P = np.sort(sales.predict_proba(TABLE), axis=1)
    margins = P[:, -1] - P[:, -2]
    assert {own.row for own in unsure} == set(np.argsort(margins, kind="stable")[:5].tolist())
    json.dumps([own.to_dict() for own in unsure])


def test_a_model_of_plain_numbers_is_read_too(tmp_path):
    from twofold.cli import main

    rows = [f"{k * k % 97},{k % 7},{3 * (k * k % 97) + k % 7}" for k in range(90)]
    (tmp_path / "t.csv").write_text("\n".join(["area,age,price", *rows]))
    words = ["train", "linear", str(tmp_path / "t.csv"), "--target", "price", "--save", str(tmp_path / "m")]
    assert main(words) == 0
    table = twofold.tables.read_table(tmp_path / "t.csv")
    rows = TableRows.of(twofold.load_model(tmp_path / "m"), table)
    assert [each.name for each in column_importance(rows).columns] == ["area", "age"]
    curve = partial_dependence(rows, "area", points=4)
    np.testing.assert_allclose(np.diff(curve.mean[:, 0]), 3 * np.diff(curve.values), rtol=1e-6)
    assert worst_rows(rows, 1)[0].error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda fit: fit.importance(score="accuracy"), SpecificationError, "unknown score 'accuracy'"),
        (lambda fit: fit.importance(repeats=0), SpecificationError, "repeats is 0; it must be at least 1"),
        (lambda fit: fit.dependence("aera"), DataError, "did you mean 'area'"),
        (lambda fit: fit.dependence("area", points=1), SpecificationError, "points is 1"),
        (lambda fit: fit.importance({"area": [1.0]}), DataError, "there is no column"),
        (lambda fit: fit.worst_rows(most=0), SpecificationError, "0 rows; give at least 1"),
        (lambda fit: replace(fit, held_out=None).importance(), SpecificationError, "no row was held out"),
    ],
)
def test_mistakes_are_told(prices, call, error, message):
    with pytest.raises(error, match=message):
        call(prices)


def test_what_was_not_trained_on_a_table_is_refused():
    network = twofold.Network((2, 2))
    model = twofold.Model(network=network, parameters=twofold.initialize(network))
    with pytest.raises(SpecificationError, match="not trained on a table"):
        TableRows.of(model, TABLE)


def test_two_classes_are_told_by_the_rarer_one():
    table = {**TABLE, "sold": np.where(AREA > 150, "yes", "no").tolist()}
    fit = twofold.fit_table(table, "sold", drop=["price"], members=2, epochs=3)
    assert fit.dependence("area").outputs == ("yes",)
    assert len(uncertain_rows(fit.held_out, 3)) == 3


def test_the_names_are_those_of_the_package():
    for name in ("TableRows", "column_importance", "partial_dependence", "worst_rows", "uncertain_rows", "HardRow"):
        assert name in twofold.inspect.__all__
        assert getattr(twofold.inspect, name).__name__ == name
    assert twofold.inspect.column_importance is column_importance
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = twofold.inspect.nothing
