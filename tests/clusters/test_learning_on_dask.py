"""What is learned of a Dask DataFrame's columns is what one process learns."""

from __future__ import annotations

import numpy as np
import pytest

from twofold.dask import encode, fit_linear, learn_table
from twofold.errors import DataError, SpecificationError
from twofold.tables import Choices, as_table
from twofold.tables import learn_table as learn_alone
from twofold.tables.forms import AmbiguousCellsWarning, Forms

dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed: pip install 'twofold[dask]'")
pd = pytest.importorskip("pandas")


def table(n=400, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": random.choice(["Rome", "Bonn", "Oslo", "Nice"], n, p=[0.5, 0.3, 0.15, 0.05]),
            "area": random.integers(20, 200, n) / 2,
            "rooms": random.integers(1, 6, n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 900, n), "D"),
            "garden": random.random(n) < 0.5,
        }
    )
    for name in ("city", "area"):
        frame.loc[random.random(n) < 0.1, name] = None
    return frame.assign(price=3 * frame["area"].fillna(60) + 20 * (frame["city"] == "Rome") + random.normal(size=n))


def test_the_plan_of_one_process_however_rows_are_dealt(deal, here):
    frame = table()
    plans = [learn_table(deal(frame, files=files, seed=files), drop=["price"]) for files in (2, 4, 7)]
    assert len({repr(plan.to_dict()) for plan in plans}) == 1
    alone = learn_alone(as_table(frame.drop(columns="price")))
    assert plans[0].features == alone.features
    for found, exact in zip(plans[0].plans, alone.plans, strict=True):
        for name, value in vars(exact).items():
            assert getattr(found, name) == (pytest.approx(value, rel=1e-13) if isinstance(value, float) else value)


def test_a_category_or_all_values_may_be_absent_in_a_partition(here):
    frame = table()
    parts = [frame[frame["city"] == city] for city in ("Rome", "Bonn", "Oslo", "Nice")]
    parts += [frame[frame["city"].isna()].assign(city=np.nan), frame.iloc[:0]]
    ddf = dd.from_map(lambda k: parts[k], range(6), meta=frame.iloc[:0])
    assert learn_table(ddf).to_dict() == learn_table(dd.from_pandas(frame, npartitions=1)).to_dict()


def test_choices_kinds_and_forms(here):
    frame = pd.DataFrame({"zip": [10, 20, 10, 30], "day": ["01/02/2020", "03/02/2020", "02/03/2020", "05/05/2020"]})
    ddf = dd.from_pandas(frame, npartitions=2)
    with pytest.warns(AmbiguousCellsWarning, match=r"column day: 0\d/0\d/2020 is read as"):
        plan = learn_table(ddf, Choices(baseline=True), {"zip": "category"})
    assert plan.features[:2] == ("zip=20", "zip=30")
    named = learn_table(ddf, forms=Forms(dates="%d/%m/%Y"))
    assert [own.date_format for own in named.plans if own.kind == "date"] == ["%d/%m/%Y"]
    with pytest.raises(SpecificationError, match="column"):
        learn_table(ddf, kinds={"zipp": "category"})
    with pytest.raises(DataError, match="the table has no column 'price'"):
        learn_table(ddf, drop=["price"])
    with pytest.raises(DataError, match="no column is left to learn from"):
        learn_table(ddf, drop=["zip", "day"])
    with pytest.raises(DataError, match="there are no rows to learn from"):
        learn_table(dd.from_pandas(frame.iloc[:0], npartitions=1))


def test_partitions_of_other_kinds_are_told_in_one_line(here):
    parts = [pd.DataFrame({"area": [1.0, 2.0]}), pd.DataFrame({"area": ["big", "small"]})]
    ddf = dd.from_map(lambda k: parts[k], range(2), meta=parts[0].iloc[:0])
    with pytest.raises(DataError, match=r"^column 'area' holds floats in one partition and text in another; bring it to one$"):  # fmt: skip
        learn_table(ddf)
    infinite = [pd.DataFrame({"area": [1.0, np.inf]})]
    with pytest.raises(DataError, match=r"^partition 0: column 'area', row 1 \(counted from 0\) is inf"):
        learn_table(dd.from_map(lambda k: infinite[k], range(1), meta=infinite[0].iloc[:0]))


@pytest.mark.slow
def test_a_worker_that_dies_changes_neither_plan_nor_fit(cluster, losing_a_worker):
    frame = table()
    whole = dd.from_pandas(frame, npartitions=1)

    def learned_and_fitted(ddf):
        plan = learn_table(ddf, Choices(baseline=True), drop=["price"])
        return plan.to_dict(), fit_linear(encode(ddf, plan, keep=["price"]), "price").summary().to_json()

    assert losing_a_worker(frame, learned_and_fitted) == learned_and_fitted(whole)
