"""What a training on a table is worth: its scores on rows held out, beside those of simpler models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.baselines.comparison import constant_outputs, score_outputs, tell_imbalance, tell_simpler
from twofold.baselines.cross_fit import assign_folds, fit_linear_folds
from twofold.baselines.linear_models import Linear
from twofold.cli.screen import Screen
from twofold.data.dataset import Dataset, Samples
from twofold.data.stored import Stored, evenly_spread, in_pieces
from twofold.engines.protocol import CHUNK
from twofold.inspect.table_rows import class_outputs
from twofold.saving import Model
from twofold.scores import Estimate, confusion
from twofold.tables.problem import Problem
from twofold.values import count

Array = NDArray[Any]

LINEAR_FOLDS = 3
LINEAR_ROWS = 1 << 14  # that a linear model is fitted on, where the training rows are on disk
MAX_CLASSES = 20  # of a confusion matrix that fits a screen


@dataclass(frozen=True)
class HeldOutScores:
    """What a model and simpler ones score on the test rows.

    Attributes
    ----------
    models : dict of str to list of Estimate
        The model's own come last.
    outputs : ndarray
        The model's, of classes (n, q), or what it predicts (n,).
    y : ndarray, shape (n,)
        Class indices, or numbers in their own units.
    """

    models: dict[str, list[Estimate]]
    outputs: Array
    y: Array


def score_test(model: Model, problem: Problem, *, linear: Linear | None) -> HeldOutScores | None:
    """Score a model on the test rows, in the target's own units, beside what is simpler; None without such rows.

    Parameters
    ----------
    model : Model
    problem : Problem
    linear : tuple of ndarray, optional
        A linear model of the features; fitted here otherwise.

    Returns
    -------
    HeldOutScores or None
    """
    data = problem.data
    if data.test is None:
        return None
    classes, y = len(data.classes), _targets(data, np.asarray(data.test.y))
    outputs = in_pieces(lambda X: _outputs(model, X), data.test.X, CHUNK)
    constant = constant_outputs(_targets(data, np.asarray(data.train.y)), len(y), classes)
    models = {"always the same": score_outputs(constant, y)}
    if model.network.hidden:
        W, b = linear or _fit_linear(problem)
        O = in_pieces(lambda X: X.astype(np.float64) @ W + b, data.test.X, CHUNK // 4)
        models["linear model"] = score_outputs(O if classes else _own_units(data, O), y)
    return HeldOutScores({**models, model_name(model): score_outputs(outputs, y)}, outputs, y)


def score_training(model: Model, data: Dataset) -> dict[str, list[Estimate]]:
    """Score a model on the rows that it was trained on, where no other has a target, beside always the same answer."""
    y = _targets(data, data.train.y)
    constant = constant_outputs(y, len(y), len(data.classes))
    own = score_outputs(_outputs(model, data.train.X), y)
    return {"always the same": score_outputs(constant, y), model_name(model): own}


def _outputs(model: Model, X: Array) -> Array:
    """Compute raw outputs of classes (n, q), or predict numbers (n,)."""
    return class_outputs(model, X) if model.classes else model.predict(X)[:, 0].astype(np.float64)


def tell_test(screen: Screen, model: Model, problem: Problem, scored: HeldOutScores | None) -> dict[str, Any]:
    """Print scores on the test rows beside those of what is simpler, and return them for JSON."""
    if scored is None:
        return {}
    data, models, own = problem.data, scored.models, model_name(model)
    shown = _tell_beside(screen, f"test set, {count(len(scored.y), 'row')}", models)
    told: dict[str, Any] = {"test": shown.pop(own), "baselines": shown}
    if data.classes:
        told["confusion"] = tell_confusion(screen, model, scored.outputs, scored.y)
        if word := tell_imbalance(scored.y, data.classes, models["always the same"][0].value):
            screen.say(word)
    if word := tell_simpler(models):
        screen.say(word)
    return told


def model_name(model: Model) -> str:
    """Name a model by what it is."""
    if model.network.hidden:
        return "network"
    return "softmax regression" if model.classes else "linear regression"


def _own_units(data: Dataset, O: Array) -> Array:
    """Bring outputs (n, 1) to the target's own units, (n,)."""
    return (O if data.scaling is None else data.scaling.predictions(O))[:, 0].astype(np.float64)


def _targets(data: Dataset, y: Array) -> Array:
    """Return classes (n,) as they are, or bring targets (n, 1) back to their own units, (n,)."""
    if data.classes:
        return y
    return (y if data.scaling is None else data.scaling.unscaled_targets(y))[:, 0].astype(np.float64)


def _fit_linear(problem: Problem) -> Linear:
    train, plain = problem.data.train, np.array(problem.plan.are_plain)
    if isinstance(train.X, Stored):  # some rows of it, all over it
        rows = evenly_spread(len(train), LINEAR_ROWS)
        weight = None if train.sample_weight is None else train.sample_weight[rows]
        train = Samples(train.X[rows], train.y[rows], weight)
    fold = assign_folds(train.y, min(LINEAR_FOLDS, len(train)), seed=0)
    return fit_linear_folds(train, fold, plain, outputs=problem.data.outputs)[0]


def _tell_beside(screen: Screen, title: str, models: dict[str, list[Estimate]]) -> dict[str, Any]:
    """Print a column for each model, a score and its interval in two rows; return them for JSON."""
    by_name = {model: {score.name: score for score in scores} for model, scores in models.items()}
    rows = []
    for name in dict.fromkeys(name for scores in by_name.values() for name in scores):
        found = [scores.get(name) for scores in by_name.values()]
        rows.append((name, *("" if score is None else f"{score.value:.4g}" for score in found)))
        rows.append(("  95 % interval", *("" if score is None else score.interval for score in found)))
    screen.table(title, ("", *models), rows)
    return {model: {name: score.to_dict() for name, score in own.items()} for model, own in by_name.items()}


def tell_confusion(screen: Screen, model: Model, O: Array, y: Array) -> list[list[int]]:
    """Print how often each class is taken for each, and return it."""
    q = O.shape[1]
    matrix = confusion(O.argmax(axis=1), y, q)
    names = model.classes or tuple(map(str, range(q)))
    if q <= MAX_CLASSES:
        rows = [(name, *(str(count) for count in row)) for name, row in zip(names, matrix, strict=True)]
        screen.say("confusion: true classes down, predicted ones across")
        screen.table("", ("", *names), rows)
    else:
        screen.say(f"the confusion matrix of {q} classes is too large for a screen; --json has it")
    found: list[list[int]] = matrix.tolist()
    return found
