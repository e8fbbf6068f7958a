"""Models on a Dask DataFrame: predictions stay where the rows are; scores are of all rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.baselines.comparison import score_outputs
from twofold.baselines.fit_table import TableFit
from twofold.dask.partitions import check_columns, check_frame, merged
from twofold.errors import DataError, SpecificationError
from twofold.inspect.table_rows import columns_of_numbers, outputs_to_score, target_of
from twofold.saving.model import Model, as_model
from twofold.scores import Estimate
from twofold.tables import as_table
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import encoder_from_dict

Array = NDArray[Any]
Scored = tuple[list[Array], list[Array], int]  # a list has nothing of a partition without a target


def predict(model: Any, ddf: Any) -> Any:
    """Predict the rows of a Dask DataFrame, when they are asked for.

    Parameters
    ----------
    model : Model, TableFit, or fitted estimator
        Of twofold, or any with ``predict`` that was fitted to columns with names.
    ddf : dask DataFrame
        Its columns are found by name; a model with an encoder takes text, dates and gaps as they are.

    Returns
    -------
    dask Series, or DataFrame if several things are predicted
        With the rows' own index.

    Raises
    ------
    SpecificationError
        If the model knows no names of columns.
    DataError
        If a column is not there; when it is computed, if a cell is not what it must be.

    Notes
    -----
    Each partition is one matrix product, whose last bits may depend on how many rows it has.

    Examples
    --------
    >>> import dask.dataframe as dd, pandas as pd
    >>> from twofold.dask import fit_linear
    >>> ddf = dd.from_pandas(pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 5.0, 7.0]}), npartitions=2)
    >>> predict(fit_linear(ddf, "y"), ddf).compute().tolist()
    [3.0, 5.0, 7.0]
    """
    return _lazily(model, ddf, "predict")


def predict_proba(model: Any, ddf: Any) -> Any:
    """Predict the probability of each class for the rows of a Dask DataFrame; otherwise as `predict`.

    Returns
    -------
    dask DataFrame
        A column for each class, named as it is.
    """
    return _lazily(model, ddf, "predict_proba")


def evaluate(model: Any, ddf: Any, target: str | None = None) -> list[Estimate]:
    """Score a model on the rows of a Dask DataFrame, as ``twofold evaluate`` does on those of a file.

    Parameters
    ----------
    model : Model, TableFit, or fitted estimator of twofold
    ddf : dask DataFrame
        With the column that is predicted. Rows without a value there are left out.
    target : str, optional
        That column, if the model doesn't know it.

    Returns
    -------
    list of Estimate
        Accuracy and log loss, of two classes the ranking too; or R2, RMSE and MAE. Rows of a class that the model was
        not trained on are wrong.

    Raises
    ------
    DataError
        If a column is not there, or no row has a target.
    SpecificationError
        If the model predicts several things at a time.

    Notes
    -----
    Outputs and targets of all rows are brought to this process, as intervals and rankings are of all of them; the
    features are not.
    """
    check_frame(ddf)
    thing = _taken(model)
    own = as_model(thing)
    own = replace(own, target=target) if target is not None and own.encoder is None else own
    what = target_of(own)
    outputs_to_score(
        own, np.zeros((1, own.network.inputs), own.dtype), classes=bool(what.classes)
    )  # if it can be scored
    if target not in (None, what.name) or not what.name:
        known = f"predicts {what.name!r}" if what.name else "doesn't know the name of what it predicts"
        raise SpecificationError(
            f"the model {known}; target is {target!r}, expected the name of a column that holds it"
        )
    columns = list(dict.fromkeys([*_columns(thing), what.name]))
    check_columns(columns, ddf.columns)
    outputs, y, unknown = merged(ddf, columns, partial(_scored, own), _together)
    if not y:
        raise DataError(f"no row has a value of {what.name!r} that the model knows; give rows with their target")
    return score_outputs(np.concatenate(outputs), np.concatenate(y), unknown=unknown)


def _scored(model: Model, frame: Any, _number: int) -> Scored:
    """Return outputs and targets of a partition's rows that have one, and how many are of unknown classes."""
    target = target_of(model)
    plan = None if model.encoder is None else encoder_from_dict(model.encoder)[0]
    table = with_gaps(as_table(frame), () if plan is None else plan.gaps)
    y, present, unknown = target.read_known(table.column(target.name))
    others = sum(unknown.values()) if target.classes else 0
    if not len(y):
        return [], [], others
    outputs = outputs_to_score(model, _features(model, table)[present], classes=bool(target.classes))
    return [outputs], [y if y.ndim == 1 else y[:, 0]], others


def _together(pieces: list[Scored]) -> Scored:
    """Put several partitions' outputs and targets in a row."""
    outputs, y, unknown = zip(*pieces, strict=True)
    return list(chain.from_iterable(outputs)), list(chain.from_iterable(y)), sum(unknown)


def _taken(model: Any) -> Any:
    """Return the model, or estimator, that something has."""
    return model.model if isinstance(model, TableFit) else model


def _columns(thing: Any) -> tuple[str, ...]:
    """Name the columns that a model or estimator reads."""
    if isinstance(thing, Model):
        columns = thing.features if thing.encoder is None else encoder_from_dict(thing.encoder)[0].columns
    else:
        columns = tuple(getattr(thing, "feature_names_in_", ()))
    if not columns:
        raise SpecificationError(
            f"{type(thing).__name__} knows no names of columns; give a model of a table, or an estimator fitted to one"
        )
    return columns


def _features(model: Model, table: pa.Table) -> Array:
    """Return the features of a partition, (n, d)."""
    if model.encoder is None:
        return columns_of_numbers(model, table)
    plan, _ = encoder_from_dict(model.encoder)
    return plan.encode(table, model.dtype)[0]


def _lazily(model: Any, ddf: Any, method: str) -> Any:
    """Predict each partition when it is asked for."""
    check_frame(ddf)
    thing = _taken(model)
    columns = list(_columns(thing))
    check_columns(columns, ddf.columns)
    pd = import_module("pandas")
    if isinstance(thing, Model):
        one: Any = np.zeros((1, thing.network.inputs), thing.dtype)
    else:
        one = pd.DataFrame(np.zeros((1, len(columns))), columns=columns)
    empty = _answer(thing, method, one, pd.RangeIndex(1)).iloc[:0]
    empty.index = ddf._meta.index
    return ddf[columns].map_partitions(partial(_predicted, thing, method, empty), meta=empty)


def _predicted(thing: Any, method: str, empty: Any, frame: Any) -> Any:
    """Predict a partition; of one without rows it is known what it is."""
    if not len(frame):
        return empty
    X = _features(thing, as_table(frame)) if isinstance(thing, Model) else frame[list(_columns(thing))]
    return _answer(thing, method, X, frame.index)


def _answer(thing: Any, method: str, X: Any, index: Any) -> Any:
    """Predict from features, or from a frame of numbers, as a pandas series or frame."""
    pd = import_module("pandas")
    names: Any = getattr(thing, "classes_", None)
    if isinstance(thing, Model):
        method = {"predict_proba": "probabilities"}.get(method, method)
        names = thing.classes or None
    if not hasattr(thing, method):
        raise SpecificationError(f"{type(thing).__name__} has no {method}; it predicts numbers")
    values = np.asarray(getattr(thing, method)(X))
    if method == "predict" and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1:
        return pd.Series(values, index=index, name="prediction")
    columns = names if names is not None and len(names) == values.shape[1] else range(values.shape[1])
    return pd.DataFrame(values, index=index, columns=[str(name) for name in columns])
