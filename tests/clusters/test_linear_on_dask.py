"""Least squares of a Dask DataFrame is that of one process, however rows are dealt and whichever worker dies."""

from __future__ import annotations

import os
import pickle
import re

import numpy as np
import pytest

import nist
from twofold import LinearRegression, load_estimator, save_model
from twofold.dask import fit_linear
from twofold.errors import DataError, DataNotFoundError, SpecificationError

dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed: pip install 'twofold[dask]'")
pd = pytest.importorskip("pandas")

needs_nist = pytest.mark.skipif(not nist.DATA.is_dir(), reason=f"NIST's sets are not in {nist.DATA}")


def table(n=400, d=4, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(n, d)), columns=[f"x{k}" for k in range(d)])
    frame["y"] = frame @ np.arange(1, d + 1) + random.normal(size=n)
    return frame


def nist_frame(name):
    X, y, intercept = nist.table(name)
    return pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]).assign(y=y), intercept


def coefficients(model):
    return [*[model.intercept_][: int(model.fit_intercept)], *model.coef_]


def bits(model):
    """All that a fit tells, as text."""
    return model.summary().to_json(), model.coef_.tobytes(), model.moments_.to_dict()


def check_nist(ddf, name, intercept):
    model = fit_linear(ddf, "y", fit_intercept=intercept)
    truth = nist.exact(name)
    assert nist.worst(coefficients(model), truth.coefficients) >= 13
    errors = [item.standard_error for item in model.summary().coefficients]
    assert nist.worst(errors, [nist.root(v) for v in truth.variances]) >= 13
    return model


@needs_nist
@pytest.mark.parametrize("name", nist.NAMES)
def test_thirteen_digits_of_nists_sets_and_the_same_bits_however_rows_are_dealt(name, deal, here):
    frame, intercept = nist_frame(name)
    models = [check_nist(deal(frame, files=files, seed=files), name, intercept) for files in (2, 3, 5)]
    assert len({repr(bits(model)) for model in models}) == 1


def test_partitions_do_not_show_in_a_single_bit(deal, here):
    frame = table(n=5000)
    whole = fit_linear(dd.from_pandas(frame, npartitions=1), "y")
    for files in (3, 7):
        assert bits(fit_linear(deal(frame, files=files, seed=files), "y")) == bits(whole)


def test_it_is_the_fit_of_one_process(deal, here):
    frame = table()
    model, alone = fit_linear(deal(frame), "y"), LinearRegression().fit(frame.drop(columns="y"), frame["y"])
    np.testing.assert_allclose(model.coef_, alone.coef_, rtol=1e-14)
    ours, theirs = model.summary(), alone.summary()
    assert [item.name for item in ours.coefficients] == [item.name for item in theirs.coefficients]
    for mine, other in zip(ours.coefficients, theirs.coefficients, strict=True):
        assert mine.standard_error == pytest.approx(other.standard_error, rel=1e-13)
        assert mine.p == pytest.approx(other.p, rel=1e-11, abs=1e-300)
    np.testing.assert_allclose(model.predict(frame.drop(columns="y")), alone.predict(frame.drop(columns="y")))


def test_sums_in_doubles_are_close_and_say_so(deal, here):
    frame = table()
    quick, exact = fit_linear(deal(frame), "y", exact=False), fit_linear(deal(frame, seed=1), "y")
    np.testing.assert_allclose(quick.coef_, exact.coef_, rtol=10.0 ** -quick.digits_.min())
    assert quick.digits_.min() < exact.digits_.min()
    assert quick.moments_.noise.any()
    assert not exact.moments_.noise.any()


def test_weights_penalty_features_and_several_targets(deal, here):
    frame = table().assign(w=np.arange(400) % 3.0, z=1.0)
    frame["z"] = frame["x0"] - frame["x1"]
    X, y, w = frame[["x0", "x2"]], frame["y"], frame["w"]
    model = fit_linear(deal(frame), "y", features=["x0", "x2"], weight="w", penalty=2.0)
    np.testing.assert_allclose(model.coef_, LinearRegression(penalty=2.0).fit(X, y, w).coef_, rtol=1e-13)
    both = fit_linear(deal(frame, seed=1), ["y", "z"], features=["x0", "x2"])
    np.testing.assert_allclose(both.coef_, LinearRegression().fit(X, frame[["y", "z"]]).coef_, rtol=1e-13)
    flat = fit_linear(deal(frame, seed=2), ["y"], features=["x0"])
    assert flat.predict(frame[["x0"]]).shape == (400, 1)


def test_it_goes_on_with_more_rows_and_other_fits(deal, here):
    frame, more = table(seed=1), table(seed=2)
    model = fit_linear(deal(frame), "y").partial_fit(more.drop(columns="y"), more["y"])
    model.merge(fit_linear(deal(table(seed=3), seed=3), "y"))
    whole = pd.concat([frame, more, table(seed=3)])
    np.testing.assert_allclose(
        model.coef_, LinearRegression().fit(whole.drop(columns="y"), whole["y"]).coef_, rtol=1e-13
    )


def test_names_of_the_columns_stay_with_the_model(deal, here, tmp_path):
    model = fit_linear(deal(table().rename(columns={"y": "price"})), "price")
    assert str(model.summary()).startswith("Linear regression of price\n")
    save_model(tmp_path / "line", model)
    loaded = load_estimator(tmp_path / "line")
    assert (loaded.target_names_, list(loaded.feature_names_in_)) == (("price",), ["x0", "x1", "x2", "x3"])
    assert bits(loaded) == bits(model)
    assert str(loaded.fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 4.0]).summary()).startswith("Linear regression of y\n")


def test_partitions_may_have_other_types_of_numbers(here):
    frame = pd.DataFrame({"x": [1, 2, 3, 4, 5, 6], "y": [2.0, 4.0, 6.5, 8.0, 10.0, 11.5]})
    parts = [
        frame.iloc[:2].astype({"x": "int8", "y": "float32"}),
        frame.iloc[2:4].astype({"x": "Int64", "y": "Float64"}),
        frame.iloc[4:].astype({"x": "float64[pyarrow]", "y": "float32[pyarrow]"}),
        frame.iloc[:0],
    ]
    ddf = dd.from_map(lambda k: parts[k], range(4), meta=frame.iloc[:0])
    assert bits(fit_linear(ddf, "y")) == bits(fit_linear(dd.from_pandas(frame, npartitions=1), "y"))


def partitions(*frames):
    return dd.from_map(lambda k: frames[k], range(len(frames)), meta=frames[0].iloc[:0])


WRONG = {
    "missing number": (lambda f: f.assign(x1=[1.0, np.nan, 3.0]), "column 'x1', row 1 of partition 1 (both counted from 0) is nan; fill it or drop the row"),
    "infinite target": (lambda f: f.assign(y=[1.0, 2.0, np.inf]), "column 'y', row 2 of partition 1 (both counted from 0) is inf; fill it or drop the row"),
    "text": (lambda f: f.assign(x1=["a", "b", "c"]), "column 'x1' holds text in partition 1; least squares takes numbers, which twofold.dask.encode makes of text and dates; or leave it out: features=[...]"),
    "other column": (lambda f: f.rename(columns={"x1": "x2"}), "partition 1 has no column 'x1'; its columns are x0, x2, y"),
    "beyond doubles": (lambda f: f.assign(x1=[1, 2, 2**53 + 1]), "column 'x1', row 2 (counted from 0) is 9007199254740993; no double holds it exactly: take it as a category, or a larger unit"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_a_partition_can_not_hold_is_told_in_one_line(name, here):
    change, message = WRONG[name]
    frame = pd.DataFrame({"x0": [1.0, 2.0, 3.0], "x1": [1.0, 0.0, 1.0], "y": [1.0, 2.0, 4.0]})
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        fit_linear(partitions(frame, change(frame), frame), "y")


def test_a_negative_weight_is_told_with_its_row(here):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0], "w": [1.0, 1.0, -1.0]})
    with pytest.raises(DataError, match=r"column 'w', row 2 of partition 0 .* is -1\.0"):
        fit_linear(dd.from_pandas(frame, npartitions=1), "y", weight="w")


def test_columns_are_looked_for_before_anything_is_read(here):
    def unread(_):
        raise AssertionError

    ddf = dd.from_map(unread, [0], meta=table(1))
    with pytest.raises(DataError, match="the table has no column 'price'; its columns are x0, x1, x2, x3, y"):
        fit_linear(ddf, "price")
    with pytest.raises(SpecificationError, match="column 'y' is asked for twice"):
        fit_linear(ddf, "y", weight="y")
    with pytest.raises(DataError, match="a column is named 0, which is no text; rename the columns"):
        fit_linear(dd.from_pandas(pd.DataFrame(np.ones((3, 2))), npartitions=1), "y")
    with pytest.raises(DataError, match="expected a dask DataFrame, got 'DataFrame'"):
        fit_linear(table(3), "y")


def test_no_rows_are_no_fit(here):
    with pytest.raises(DataError, match="there is no row of positive weight"):
        fit_linear(dd.from_pandas(table().iloc[:0], npartitions=1), "y")


def test_a_fit_on_two_processes_is_that_of_one(deal, cluster):
    frame = table(n=3000)
    assert len(cluster.run(os.getpid)) == 2
    assert bits(fit_linear(deal(frame, files=6), "y")) == bits(fit_linear(dd.from_pandas(frame, npartitions=1), "y"))


@needs_nist
@pytest.mark.slow
@pytest.mark.parametrize("name", nist.NAMES)
def test_thirteen_digits_of_nists_sets_on_two_processes(name, deal, cluster):
    frame, intercept = nist_frame(name)
    check_nist(deal(frame, files=4), name, intercept)


@pytest.mark.slow
def test_a_worker_that_dies_leaves_no_trace(cluster, losing_a_worker):
    frame = table(n=600)
    before = set(cluster.run(os.getpid).values())
    found = losing_a_worker(frame, lambda ddf: fit_linear(ddf, "y"))
    assert set(cluster.run(os.getpid).values()) != before
    assert bits(found) == bits(fit_linear(dd.from_pandas(frame, npartitions=1), "y"))


@pytest.mark.slow
def test_an_error_of_a_worker_comes_home_as_it_is(cluster):
    frame = pd.DataFrame({"x": [1.0, np.nan], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"^column 'x', row 1 of partition 0 "):
        fit_linear(dd.from_pandas(frame, npartitions=1), "y")


def test_errors_can_be_sent_by_dask():
    pytest.importorskip("distributed")  # which pickles errors in its own way from then on
    error = pickle.loads(pickle.dumps(DataNotFoundError("nothing there")))  # noqa: S301 - our own bytes
    assert type(error) is DataNotFoundError
    assert str(error) == "nothing there"
