"""Tables and least squares of a Dask DataFrame: pieces computed by any workers merge to the answer of one process.

    import dask.dataframe as dd
    from twofold.dask import encode, fit_linear, learn_table

    ddf = dd.read_parquet("sales/")
    plan = learn_table(ddf, drop=["price"])
    model = fit_linear(encode(ddf, plan, keep=["price"]), "price")
    print(model.summary())

Dask runs the work, wherever its client says; nothing here schedules, sends or starts anything by itself. Needs
``pip install 'twofold[dask]'``.
"""

from twofold.dask.encoding import encode
from twofold.dask.learning import learn_table
from twofold.dask.linear import fit_linear
from twofold.dask.models import evaluate, predict, predict_proba

__all__ = ["encode", "evaluate", "fit_linear", "learn_table", "predict", "predict_proba"]
