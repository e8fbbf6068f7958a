"""What a network and its training are like for a table, if nobody says otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from twofold.functions.optimizers import OptimizerConfig
from twofold.tables.column_inference import Choices

MIN_LARGE_ROWS = 2000  # training rows from which on there are enough for many pieces and a wide network
MIN_FEWER_ROWS = 10_000  # training rows from which on four networks of two layers are trained, for time's sake
MIN_SINGLE_ROWS = 50_000  # training rows from which on one network is trained: several would gain little
MIN_VALIDATED_ROWS = 60  # training rows below which a part of them is too few to choose anything by
MIN_STEPS = 700  # of a small table with numbers to predict: fewer leave clean ones, such as airfoil self-noise, short
MIN_CLASS_STEPS = 240  # of a small table with classes, whose log loss soon grows again
MIN_SOFTMAX_STEPS = 3000  # of softmax regression, whose rate is small
EMA_DECAY = 0.98  # of tables whose best epoch often comes early, long before the learning rate is down
MAX_SAMPLES = 5_000_000  # gone through at most in training a large table


@dataclass(frozen=True, kw_only=True)
class TableDefaults:
    """Values for what is left open.

    Attributes
    ----------
    recipe : dict
        Fields of `Recipe`.
    options : dict
        ``hidden``, ``activation``, ``dropout`` and ``init``, by the names of the command line.
    choices : Choices
        How columns become features.
    validation_fraction : float
        Part of the training rows that chooses the epoch of a single network; 0 to take the last one.
    members : int
        Networks whose mean is taken, each trained without another part of the rows; 1 for a single one.
    """

    recipe: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    choices: Choices = field(default_factory=Choices)
    validation_fraction: float = 0.0
    members: int = 1


def table_defaults(model: str, rows: int, task: str = "regression") -> TableDefaults:
    """Choose by the model, the number of training rows and the task.

    An MLP gets its numbers and dates in pieces too, and, of a small table or one of classes below `MIN_FEWER_ROWS`
    rows, its numbers' sines and cosines. Numbers to predict below so many rows get a third hidden layer. It is the mean
    of several networks, each trained without another part of the rows, and taken at the epoch that is best on that
    part: how long to train is what differs most between a table that is mostly noise and one that has none. Between
    `MIN_LARGE_ROWS` and `MIN_FEWER_ROWS` rows that epoch often comes while the learning rate is still high, so each
    network is the running mean of its last steps. Of a large table one network is trained, and a tenth of the rows
    chooses its epoch. What each of these is worth is measured by ``benchmarks/table_defaults.py``.

    Parameters
    ----------
    model : str
        A name in `twofold.models.MODELS`.
    rows : int
        Of the training set, at least 1.
    task : {"classification", "regression"}

    Returns
    -------
    TableDefaults

    Examples
    --------
    >>> table_defaults("mlp", 16512).members, table_defaults("mlp", 120).members
    (4, 6)
    """
    if model == "linear":
        return TableDefaults(choices=Choices(scale=False, baseline=True))
    recipe: dict[str, Any] = {"optimizer": "adamw", "schedule": "cosine"}
    if model == "softmax":
        recipe |= {"learning_rate": 0.01, "weight_decay": 0.01, "batch_size": 32 if rows < MIN_LARGE_ROWS else 256}
        recipe["epochs"] = _epochs(rows, recipe["batch_size"], MIN_SOFTMAX_STEPS, least=30)
        return TableDefaults(recipe=recipe, options={"init": "zeros"})
    recipe |= {"weight_decay": 0.1, "optimizer": OptimizerConfig("adamw", beta2=0.95)}
    deep = task == "regression" and rows < MIN_FEWER_ROWS
    options = {"activation": "silu", "init": "he", "hidden": "128,128,128" if deep else "128,128", "dropout": 0.1}
    members, held_out = (6 if rows < MIN_FEWER_ROWS else 4 if rows < MIN_SINGLE_ROWS else 1), 0.1
    if rows < MIN_LARGE_ROWS:
        recipe |= {"learning_rate": 0.01, "batch_size": 128, "epochs": _epochs(rows, 128, MIN_STEPS, least=30)}
        if task == "classification":
            options["dropout"] = 0.2
            recipe |= {"learning_rate": 0.004, "weight_decay": 1.0}
            recipe["epochs"] = _epochs(rows, 128, MIN_CLASS_STEPS, least=40)
        held_out = 0.0 if task == "classification" or rows < MIN_VALIDATED_ROWS else 0.15
        return TableDefaults(
            recipe=recipe,
            options=options,
            choices=Choices(pieces=8, frequencies=8),
            validation_fraction=held_out,
            members=members if rows >= MIN_VALIDATED_ROWS else 1,
        )
    recipe["learning_rate"] = 0.006
    if members == 1:
        options["hidden"] = "256,256"
        recipe["learning_rate"] = 0.002
    choices = Choices(pieces=32)
    if rows < MIN_FEWER_ROWS:
        recipe["ema_decay"] = EMA_DECAY
        choices = Choices(pieces=16, frequencies=0 if deep else 8)
    recipe["batch_size"] = 128 if rows < MIN_SINGLE_ROWS else 512
    recipe["epochs"] = max(10, min(60, MAX_SAMPLES // rows))
    return TableDefaults(
        recipe=recipe,
        options=options,
        choices=choices,
        validation_fraction=held_out,
        members=members,
    )


def _epochs(rows: int, batch_size: int, steps: int, *, least: int) -> int:
    """Return as many epochs as make ``steps`` steps, but at least ``least`` and at most 1000."""
    return max(least, min(1000, math.ceil(steps / math.ceil(rows / batch_size))))
