"""A table in one call: fitted, scored, ready to be saved and to predict; as ``twofold train mlp FILE`` does it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twofold.baselines.comparison import constant_outputs, score_outputs
from twofold.baselines.cross_fit import CrossFit, Training, cross_fit
from twofold.engines import Engine, choose, open_engine
from twofold.errors import SpecificationError, check_name
from twofold.inspect.dependence import Dependence, partial_dependence
from twofold.inspect.hard_rows import HardRow, uncertain_rows, worst_rows
from twofold.inspect.importance import Importance, column_importance
from twofold.inspect.table_rows import TableRows
from twofold.models import build_network, in_data_units, suggest_recipe
from twofold.recipe import CONFIGS, Recipe
from twofold.saving import Model, save_model
from twofold.saving.intervals import keep_errors, predict_interval
from twofold.scores import Estimate
from twofold.table_defaults import TableDefaults, table_defaults
from twofold.tables.forms import Forms, infer_forms
from twofold.tables.frames import as_table
from twofold.tables.gaps import with_gaps
from twofold.tables.problem import Preparation, Problem, encoder_from_dict, feature_columns, prepare
from twofold.tables.reading import read_table, without_empty_rows
from twofold.tables.row_numbers import row_numbers
from twofold.tables.targets import infer_target

Array = NDArray[Any]

MIN_MEMBERS = 2
OPTIONS = {
    *("members", "refit", "engine", "choices", "bend_target", "hidden", "activation", "dropout", "init", "patience"),
    *(field.name for field in fields(Recipe)),
    *(name for kind in CONFIGS.values() for name in kind.known_constants()),
}


@dataclass(frozen=True, repr=False)
class TableFit:
    """A model of a table and what it is worth.

    Attributes
    ----------
    model : Model
        Trained on all rows, if it was trained again; it can be saved, exported and shown like any other.
    scores : dict of str to list of Estimate
        On the test rows: of ``"always the same"``, ``"linear model"`` and ``"network"``, which was trained on the
        others. Without test rows, of rows that the networks left out.
    columns : list of (name, kind, what becomes of it)
    remarks : tuple of str
        How cells were read, as far as a person should know.
    rows : dict of str to int
        How many trained, tested, and were left out as they have no target.
    held_out : TableRows or None
        The test rows, beside the model that they scored, which was not trained on them.
    """

    model: Model
    scores: dict[str, list[Estimate]]
    columns: list[tuple[str, str, str]]
    remarks: tuple[str, ...]
    rows: dict[str, int]
    held_out: TableRows | None = None

    def predict(self, X: Any) -> Array:
        """Predict the classes' names, or numbers, for the rows of a table, (n,)."""
        predicted = self.model.predict(self._encoded(X))
        return predicted if predicted.ndim == 1 else predicted[:, 0]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of ``model.classes``, (n, q)."""
        return self.model.probabilities(self._encoded(X))

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[Array, Array]:
        """Return the ends of intervals that hold the actual number in so many of the rows, each (n,)."""
        return predict_interval(self.model, self._encoded(X), level)

    def importance(self, X: Any = None, **options: Any) -> Importance:
        """Tell what matters: how much worse the score is if a column's cells are shuffled among the rows.

        Parameters
        ----------
        X : table, optional
            Rows with their target that the model was not trained on; the test rows otherwise, of the model that they
            scored.
        **options
            ``score``, ``repeats`` and ``seed``, see `twofold.inspect.importance.column_importance`.

        Returns
        -------
        Importance
        """
        return column_importance(self._judged(X), **options)

    def dependence(self, column: str, X: Any = None, **options: Any) -> Dependence:
        """Tell how predictions go with one column, see `twofold.inspect.dependence.partial_dependence`.

        Parameters
        ----------
        column : str
        X : table, optional
            As for `importance`.
        **options
            ``points``.

        Returns
        -------
        Dependence
        """
        return partial_dependence(self._judged(X), column, **options)

    def worst_rows(self, X: Any = None, most: int = 10) -> list[HardRow]:
        """Return the rows that are missed worst, see `twofold.inspect.hard_rows`; X as for `importance`."""
        return worst_rows(self._judged(X), most)

    def uncertain_rows(self, X: Any = None, most: int = 10) -> list[HardRow]:
        """Return the rows of whose class the model is least sure, see `twofold.inspect.hard_rows`."""
        return uncertain_rows(self._judged(X), most)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the model, for `load_model` and ``twofold predict``."""
        save_model(Path(path), self.model)

    def _judged(self, X: Any) -> TableRows:
        """Return rows that the model beside them was not trained on."""
        if X is not None:
            plan, target = encoder_from_dict(self.model.encoder)
            text = (*plan.text_columns, *([target.name] if target.classes or target.decimal == "," else []))
            return TableRows.of(self.model, _opened(X, text=text))
        if self.held_out is None:
            raise SpecificationError("no row was held out (test_fraction=0); give rows of their own with their target")
        return self.held_out

    def _encoded(self, X: Any) -> Array:
        plan, _ = encoder_from_dict(self.model.encoder)
        table = with_gaps(_opened(X, text=plan.text_columns), plan.gaps)
        return plan.encode(table, self.model.dtype)[0]

    def __repr__(self) -> str:
        names = list(dict.fromkeys(score.name for scores in self.scores.values() for score in scores))
        width = max(map(len, self.scores))
        lines = [f"{self.model!r}", f"{'':{width}}  " + "  ".join(f"{name:>24}" for name in names)]
        for model, scores in self.scores.items():
            cells = {score.name: f"{score.value:.4g} ({score.interval})" for score in scores}
            lines.append(f"{model:{width}}  " + "  ".join(f"{cells.get(name, ''):>24}" for name in names))
        return "\n".join(lines)


def fit_table(
    table: Any,
    target: str,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    gaps: Sequence[str | float] = (),
    test_fraction: float = 0.2,
    **training: Any,
) -> TableFit:
    """Fit a multilayer perceptron to a table of numbers, text, dates and gaps, and score it.

    It does what ``twofold train mlp FILE --target COLUMN`` does: several networks, each trained without another part of
    the rows, and a linear model, merged into one; scored on test rows, and then trained again on all.

    Parameters
    ----------
    table : path, or pandas, polars or Arrow data frame, mapping of columns, list of records
    target : str
        The column to predict.
    task : {"classification", "regression"}, optional
        In place of what the target looks like.
    drop : sequence of str
        Columns to leave alone.
    kinds : mapping of str to str, optional
        Columns that are not what they look like: ``{"zip": "category"}``.
    gaps : sequence of str or float
        Cells that hold no value, besides the usual ones.
    test_fraction : float
        Part of the rows that is held out to score the model; 0 for none.
    **training
        ``members``, at least 2; ``refit``, False to keep the model that was scored; ``seed``; ``engine``; ``choices``,
        how columns become features (`twofold.tables.Choices`); ``bend_target``, False to predict no logarithm; and any
        field of `Recipe`, ``hidden``, ``activation`` and ``dropout``, in place of `twofold.table_defaults`.

    Returns
    -------
    TableFit

    Raises
    ------
    DataError
        If a column is not there, or nothing can be learned.
    SpecificationError
        If the options don't go together.

    Examples
    --------
    >>> area = [30.0, 45.0, 60.0, 52.0, 75.0, 90.0, 33.0, 48.0, 66.0, 81.0] * 5
    >>> fit = fit_table({"area": area, "price": [3 * a + 7 for a in area]}, "price", epochs=20)
    >>> list(fit.scores), fit.predict({"area": [50.0]}).shape
    (['always the same', 'linear model', 'network'], (1,))
    """
    training = dict(training)
    for name in training:
        check_name("option of fit_table", name, OPTIONS)
    refit, seed, engine = (
        training.pop(name, usual) for name, usual in (("refit", True), ("seed", 0), ("engine", "auto"))
    )
    rows = with_gaps(_opened(table, spelled=None if task == "regression" else target), tuple(map(str, gaps)))
    features = feature_columns(rows, target, drop=drop)
    forms = infer_forms(rows.select([target, *features]), Forms(gaps=tuple(map(str, gaps))))
    what = infer_target(target, rows.column(target), task, decimal=forms.decimals.get(target))
    numbered = row_numbers(rows.select(features), {*(kinds or ()), *forms.dates}) if len(features) > 1 else {}
    known = int(what.read(rows.column(target))[1].sum())
    usual = table_defaults("mlp", max(1, round((1 - test_fraction) * known)), what.task)
    how = Preparation(
        name=Path(table).name if isinstance(table, str | os.PathLike) else "table",
        kinds=kinds,
        choices=training.pop("choices", usual.choices),
        numbered=numbered,
        forms=forms,
        bend_target=training.pop("bend_target", True),
        seed=seed,
    )
    made = partial(prepare, rows, what, features, how)
    problem = made(test_fraction=test_fraction)
    model, fit = _fit(problem, usual, training, seed=seed, engine=engine)
    scores = _scores(model, fit, problem)
    counted = {
        "training": len(problem.data.train),
        "test": known - len(problem.data.train),
        "left out": problem.dropped,
    }
    held = rows.take(problem.test_rows)
    judged = TableRows.of(model, held, numbers=problem.test_rows) if held.num_rows else None
    if refit and problem.data.test is not None:
        model, _ = _fit(made(test_fraction=0.0), usual, training, seed=seed, engine=engine)
    return TableFit(model, scores, problem.plan.describe(), problem.remarks, counted, judged)


def _opened(table: Any, **how: Any) -> pa.Table:
    """Read a file, or take a frame."""
    if isinstance(table, str | os.PathLike):
        return without_empty_rows(read_table(Path(table), **how, say=_ignore), _ignore)
    return as_table(table)


def _ignore(_text: str) -> None:
    """Say nothing."""


def _fit(
    problem: Problem, usual: TableDefaults, given: Mapping[str, Any], *, seed: int, engine: str
) -> tuple[Model, CrossFit]:
    """Train the members on a problem's training rows and merge them into a model."""
    options = {**usual.options, **usual.recipe, "members": max(usual.members, MIN_MEMBERS), **given}
    members = options.pop("members")
    if members < MIN_MEMBERS:
        raise SpecificationError(f"members is {members}; fit_table takes at least {MIN_MEMBERS}")
    hidden, init = options.pop("hidden"), options.pop("init")
    widths = tuple(map(int, hidden.split(","))) if isinstance(hidden, str) else hidden
    network = build_network(
        "mlp", problem.data, hidden=widths, activation=options.pop("activation"), dropout=options.pop("dropout")
    )
    patience = options.pop("patience", None)
    recipe = suggest_recipe("mlp", problem.data, **options, seed=seed)
    n = len(problem.data.train)
    name = engine
    if engine == "auto":
        name = choose(network, batch_size=min(recipe.batch_size, n), samples=recipe.epochs * n)

    def start(seed: int) -> Engine:
        return open_engine(name, network, seed=seed, initialization=init, dtype="float32")

    fit = cross_fit(
        problem.data.train,
        Training(
            network=network,
            recipe=recipe,
            open_engine=start,
            plain=np.array(problem.plan.are_plain),
            patience=patience,
        ),
        min(members, n),
    )
    records = [in_data_units(epoch, problem.data, network.loss) for epoch in fit.history]
    model = Model.of(start(0), problem.data, recipe=recipe, history=records, encoder=problem.to_dict())
    model = replace(model, network=fit.network, parameters=fit.parameters)
    return keep_errors(model, fit.outputs, problem.data.train.y), fit


def _scores(model: Model, fit: CrossFit, problem: Problem) -> dict[str, list[Estimate]]:
    """Score the network, the linear model and the constant answer on test rows, or on rows left out."""
    data = problem.data
    classes = len(data.classes)
    held = data.train if data.test is None else data.test

    def own_units(O: Array) -> Array:
        return O if classes or data.scaling is None else data.scaling.predictions(O)[:, 0].astype(np.float64)

    def targets(y: Array) -> Array:
        return y if classes or data.scaling is None else data.scaling.unscaled_targets(y)[:, 0]

    if data.test is None:
        network, linear = own_units(fit.outputs), own_units(fit.linear_outputs)
    else:
        network = model.outputs(held.X) if classes else model.outputs(held.X)[:, 0].astype(np.float64)
        linear = own_units(held.X.astype(np.float64) @ fit.linear[0] + fit.linear[1])
    y = targets(held.y)
    constant = constant_outputs(targets(data.train.y), len(y), classes)
    outputs = {"always the same": constant, "linear model": linear, "network": network}
    return {name: score_outputs(O, y) for name, O in outputs.items()}
