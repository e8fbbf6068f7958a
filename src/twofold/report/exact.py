"""Linear regression's exact solution beside the trained one."""

from __future__ import annotations

import warnings

import numpy as np

from twofold.report.blocks import Block, Listing, Words
from twofold.report.drawings import Easel
from twofold.report.subject import Subject
from twofold.solvers import solve_least_squares
from twofold.solvers.influence import MAX_LEFT_OUT, left_out_scores
from twofold.solvers.solution import DependentColumnsWarning
from twofold.solvers.summary import Summary, summarize
from twofold.validation import floats

MAX_FEATURES = 60  # features of a table of coefficients that can be read


def exact_blocks(subject: Subject, easel: Easel) -> list[Block]:
    """Put the trained coefficients beside the exact ones, in the data's own units.

    Parameters
    ----------
    subject : Subject
    easel : Easel

    Returns
    -------
    list of Block
        None unless it is linear regression of one number with the squared loss, from few features.
    """
    model = subject.model
    network = model.network
    if network.hidden or network.loss != "squared" or network.outputs != 1 or network.inputs > MAX_FEATURES:
        return []
    summary, given = exact_summary(subject)
    if given or summary is None:
        d = network.inputs
        return [Words(f"Only {d - len(given)} of {d} columns are independent; many solutions are exact.")]
    layers = model.parameters if model.scaling is None else model.scaling.unscale(model.parameters)
    trained = np.append(layers[0].b, layers[0].W[:, 0])  # the intercept first
    caption = "This model beside the exact solution and its 95 % intervals, in the data's own units"
    listing = Listing(
        caption, ("coefficient", "model", "exact", "from", "to", "standard error"), _rows(summary, trained)
    )
    return [listing, easel.coefficients(summary)]


def exact_summary(subject: Subject) -> tuple[Summary | None, list[str]]:
    """Summarise the exact solution of the training set, without the features that others give, and name these.

    None if no feature is left.
    """
    data = subject.data
    X = floats(data.train.X.reshape(len(data.train), -1), "float64")
    names = subject.model.features or data.features or tuple(f"x{k}" for k in range(X.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DependentColumnsWarning)  # the page says it
        solution = solve_least_squares(X, data.train.y, data.train.sample_weight)
    given = [each.column for each in solution.dependent]
    if given:
        kept = np.delete(np.arange(X.shape[1]), given)
        if not len(kept):
            return None, list(names)
        solution = solve_least_squares(X[:, kept], data.train.y, data.train.sample_weight)
    own = [name for k, name in enumerate(names) if k not in given]
    samples = np.delete(X, given, axis=1), data.train.y, data.train.sample_weight
    left_out = left_out_scores(solution, *samples) if len(X) <= MAX_LEFT_OUT else None
    return summarize(solution, names=own, target_names=[data.target], left_out=left_out), [names[k] for k in given]


def _rows(summary: Summary, trained: np.ndarray) -> tuple[tuple[object, ...], ...]:
    return tuple(
        (item.name, float(value), item.value, item.low, item.high, item.standard_error)
        for item, value in zip(summary.coefficients, trained, strict=True)
    )
