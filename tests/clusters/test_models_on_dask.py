"""Encoding, predictions and scores of a Dask DataFrame are those of one process."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from twofold import LinearRegression, SoftmaxRegression, TableEncoder, fit_table
from twofold.baselines.comparison import score_outputs
from twofold.dask import encode, evaluate, fit_linear, predict, predict_proba
from twofold.errors import DataError, SpecificationError

dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed: pip install 'twofold[dask]'")
pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.usefixtures("here")


def table(n=200, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": random.choice(["Rome", "Bonn", "Oslo"], n, p=[0.5, 0.3, 0.2]),
            "area": random.normal(60, 20, n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), "D"),
            "garden": random.random(n) < 0.5,
        }
    )
    frame.loc[random.random(n) < 0.1, "city"] = None
    frame.loc[random.random(n) < 0.1, "area"] = np.nan
    frame["price"] = 3 * frame["area"].fillna(60) + 20 * (frame["city"] == "Rome") + random.normal(size=n)
    return frame


def sorted_partitions(frame, n=4):
    """Partitions of one city each, so that each lacks the others' categories; one of gaps alone, one empty."""
    parts = [frame[frame["city"] == city] for city in ("Rome", "Bonn", "Oslo")]
    parts += [frame[frame["city"].isna()], frame.iloc[:0]]
    return dd.from_map(lambda k: parts[k], range(len(parts)), meta=frame.iloc[:0])


def test_rows_are_encoded_as_in_one_process():
    frame = table()
    encoder = TableEncoder().fit(frame.drop(columns="price"))
    new = table(seed=1).assign(city=lambda f: f["city"].replace("Oslo", "Paris"))
    parts = [new.iloc[:50], new.iloc[:0], new.iloc[50:60].assign(city=None), new.iloc[60:]]
    ddf = dd.from_map(lambda k: parts[k], range(4), meta=new.iloc[:0])
    found = encode(ddf, encoder.plan_, keep=["price"]).compute()
    whole = pd.concat(parts)
    assert list(found) == [*encoder.plan_.features, "price"]
    assert np.array_equal(found.iloc[:, :-1].to_numpy(), encoder.transform(whole.drop(columns="price")))
    assert found["price"].equals(whole["price"])
    assert found.index.equals(whole.index)


def test_features_may_be_of_float32_and_the_plan_an_encoder():
    frame = table()
    encoder = TableEncoder(dtype="float32").fit(frame)
    found = encode(dd.from_pandas(frame, npartitions=3), encoder, dtype="float32")
    assert set(found.dtypes) == set(found.compute().dtypes) == {np.dtype("float32")}
    assert np.array_equal(found.compute().to_numpy(), encoder.transform(frame))


def test_an_encoded_table_is_fitted_and_predicted():
    frame = table()
    encoder = TableEncoder(baseline=True).fit(frame.drop(columns="price"))
    encoded = encode(sorted_partitions(frame), encoder, keep=["price"])
    model = fit_linear(encoded, "price")
    alone = LinearRegression().fit(encoder.transform(frame.drop(columns="price")), frame["price"])
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-12)
    assert [item.name for item in model.summary().coefficients] == ["intercept", *encoder.plan_.features]
    order = predict(model, encoded).compute()
    np.testing.assert_allclose(order, alone.predict(encoder.transform(frame.drop(columns="price").loc[order.index])))
    scores = {score.name: score.value for score in evaluate(model, encoded)}
    own = {
        score.name: score.value for score in score_outputs(order.to_numpy(), frame["price"].loc[order.index].to_numpy())
    }
    assert scores == pytest.approx(own, rel=1e-12)


@pytest.fixture(scope="module")
def numbers_fit():
    return fit_table(table(), "price", members=2, epochs=3, refit=False)


@pytest.fixture(scope="module")
def classes_fit():
    return fit_table(table().assign(dear=lambda f: np.where(f["price"] > 190, "yes, dear", "no")).drop(columns="price"), "dear", members=2, epochs=3, refit=False)  # fmt: skip


def test_a_table_s_model_predicts_and_scores_numbers(numbers_fit):
    frame = table(seed=2)
    ddf = sorted_partitions(frame)
    found = predict(numbers_fit, ddf).compute()
    np.testing.assert_allclose(found, numbers_fit.predict(frame.loc[found.index]), rtol=1e-5)
    assert predict(numbers_fit, ddf).dtype == found.dtype
    whole = score_outputs(numbers_fit.predict(frame).astype(float), frame["price"].to_numpy())
    for score, other in zip(evaluate(numbers_fit.model, ddf), whole, strict=True):
        assert (score.name, score.value) == (other.name, pytest.approx(other.value, rel=1e-5))


def test_a_table_s_model_predicts_and_scores_classes(classes_fit):
    frame = table(seed=2)
    ddf = sorted_partitions(frame.assign(dear=np.where(frame["price"] > 190, "yes, dear", "no")))
    found, parts = predict(classes_fit, ddf).compute(), predict_proba(classes_fit, ddf).compute()
    assert found.tolist() == classes_fit.predict(frame.loc[found.index]).tolist()
    assert list(parts) == list(classes_fit.model.classes)
    np.testing.assert_allclose(parts, classes_fit.predict_proba(frame.loc[found.index]), rtol=1e-5)
    right = (found == np.where(frame["price"] > 190, "yes, dear", "no")[found.index]).mean()
    scores = {score.name: score.value for score in evaluate(classes_fit, ddf)}
    assert scores["accuracy"] == pytest.approx(right)
    assert {"log loss", "ROC-AUC", "average precision"} <= set(scores)


def test_a_class_that_was_not_trained_on_is_wrong_and_a_gap_no_row(classes_fit):
    frame = table().assign(dear=["yes, dear"] * 100 + ["no"] * 80 + ["who knows"] * 10 + [None] * 10)
    accuracy = evaluate(classes_fit, dd.from_pandas(frame, npartitions=5))[0]
    right = (classes_fit.predict(frame.iloc[:180]) == frame["dear"].iloc[:180]).sum()
    assert accuracy.value == pytest.approx(right / 190)


def test_an_estimator_of_either_library_predicts():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 2)), columns=["a", "b"])
    y = (frame["a"] > frame["b"]).map({True: "more", False: "less"})
    parts = [frame.iloc[:40], frame.iloc[:0], frame.iloc[40:]]
    ddf = dd.from_map(lambda k: parts[k], range(3), meta=frame.iloc[:0])
    for kind in (SoftmaxRegression, LogisticRegression):
        model = kind().fit(frame, y)
        assert predict(model, ddf[["b", "a"]]).compute().tolist() == model.predict(frame).tolist()
        np.testing.assert_allclose(predict_proba(model, ddf).compute(), model.predict_proba(frame))
    both = LinearRegression().fit(frame, frame[["a", "b"]])
    np.testing.assert_allclose(predict(both, ddf).compute(), frame, atol=1e-14)
    scores = evaluate(SoftmaxRegression().fit(frame, y), dd.from_pandas(frame.assign(y=y), npartitions=3), "y")
    assert scores[0].name == "accuracy"


def test_what_can_not_be_is_told_in_one_line(numbers_fit):
    frame = table()
    ddf = dd.from_pandas(frame, npartitions=2)
    with pytest.raises(DataError, match="the table has no column 'area'; its columns are city, since, garden, price"):
        predict(numbers_fit, ddf.drop(columns="area"))
    with pytest.raises(DataError, match="the table has no column 'price'"):
        evaluate(numbers_fit, ddf.drop(columns="price"))
    with pytest.raises(DataError, match="no row has a value of 'price' that the model knows"):
        evaluate(numbers_fit, ddf.assign(price=np.nan))
    with pytest.raises(SpecificationError, match="the model predicts 'price'; target is 'area', expected"):
        evaluate(numbers_fit, ddf, "area")
    with pytest.raises(SpecificationError, match="LinearRegression knows no names of columns"):
        predict(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]), ddf)
    model = LinearRegression().fit(frame[["garden"]], frame["price"])
    with pytest.raises(SpecificationError, match="the model doesn't know the name of what it predicts; target is None"):
        evaluate(model, ddf)
    with pytest.raises(SpecificationError, match="LinearRegression has no predict_proba; it predicts numbers"):
        predict_proba(model, ddf)
    both = fit_linear(ddf.assign(more=1.0), ["price", "more"], features=["garden"])
    with pytest.raises(SpecificationError, match="the model predicts 2 things at a time; scores are for one"):
        evaluate(both, ddf)
    with pytest.raises(SpecificationError, match=re.escape("LogisticRegression is no model; give a Model")):
        evaluate(LogisticRegression().fit(frame[["garden"]], frame["garden"]), ddf, "garden")
    encoder = TableEncoder().fit(frame)
    with pytest.raises(DataError, match="there is no column 'city', which the model was trained on"):
        encode(ddf.drop(columns="city"), encoder)
    parts = [frame, frame.assign(area="large")]
    other = dd.from_map(lambda k: parts[k], range(2), meta=frame.iloc[:0])
    with pytest.raises(DataError, match=r"column 'area' holds .* such as 'large'; the model was trained on numbers"):
        encode(other, encoder).compute()
