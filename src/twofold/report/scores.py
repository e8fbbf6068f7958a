"""Scores with intervals, of classes, labels and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.report.blocks import Block, Headline, Listing, Words
from twofold.report.intervals import Interval, bootstrap, mean, proportion
from twofold.report.subject import Subject

Array = NDArray[Any]

MOST_CLASSES = 60  # rows of the table of classes


def headlines(subject: Subject) -> list[Headline]:
    """Return the numbers to see first.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Headline
    """
    where = "test" if subject.held_out else "training"
    if subject.kind == "numbers":
        found = number_scores(subject)
        return [
            Headline(f"{where} root mean squared error", f"{found['rmse'].value:.4g}", _between(found["rmse"])),
            Headline(f"{where} R²", f"{found['r2'].value:.4f}", _between(found["r2"])),
        ]
    share, loss = accuracy(subject), mean(subject.losses)
    return [
        Headline(f"{where} accuracy", f"{share.value:.4f}", _between(share)),
        Headline(f"{where} loss", f"{loss.value:.4g}", _between(loss)),
    ]


def _between(interval: Interval) -> str:
    return f"95 % interval {between(interval.low, interval.high)}"


def accuracy(subject: Subject) -> Interval:
    """Return the share of right predictions; of several labels, of right labels over samples as a mean."""
    if subject.kind == "labels":
        return mean(np.mean((subject.outputs > 0) == (subject.actual > 0.5), axis=1))
    right = subject.predicted == subject.actual
    return proportion(float(right.sum()), len(right))


def number_scores(subject: Subject) -> dict[str, Interval]:
    """Return root mean squared error, mean absolute error and R2, in the data's own units.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    dict of str to Interval
        ``"rmse"``, ``"mae"`` and ``"r2"``.
    """
    Y, R = subject.actual.astype(np.float64), subject.actual - subject.outputs
    squares = np.square(R).mean(axis=1)  # (n,)

    def r2(places: Array) -> float:
        centred = Y[places] - Y[places].mean(axis=0)
        total = float(np.square(centred).sum())
        return 1 - float(np.square(R[places]).sum()) / total if total > 0 else np.nan

    return {
        "rmse": bootstrap(lambda places: float(np.sqrt(squares[places].mean())), len(Y)),
        "mae": mean(np.abs(R).mean(axis=1)),
        "r2": bootstrap(r2, len(Y)),
    }


def score_blocks(subject: Subject) -> list[Block]:
    """Return the tables of scores.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Block
    """
    n = len(subject.samples)
    rows: list[tuple[Any, ...]]
    if subject.kind == "numbers":
        found = number_scores(subject)
        constant = float(np.sqrt(np.square(subject.actual - subject.data.train.y.mean(axis=0)).mean()))
        rows = [
            ("root mean squared error", *cells(found["rmse"]), "bootstrap"),
            ("mean absolute error", *cells(found["mae"]), "Student"),
            ("R²", *cells(found["r2"]), "bootstrap"),
            ("root mean squared error of the training mean", constant, "", ""),
        ]
        unit = f", in units of {subject.data.target}" if subject.data.target else ""
        return [_scores(f"On the {subject.part}, {n} samples{unit}", rows)]
    loss = mean(subject.losses)
    rows = [
        ("accuracy", *cells(accuracy(subject)), "Wilson" if subject.kind == "classes" else "Student"),
        (f"mean loss ({subject.model.network.loss.replace('_', ' ')})", *cells(loss), "Student"),
    ]
    if subject.model.network.loss == "cross_entropy":
        rows.append(("log-likelihood", -n * loss.value, between(-n * loss.high, -n * loss.low), "Student"))
    if subject.kind == "labels":
        return [_scores(f"On the {subject.part}, {n} samples", rows)]
    usual = np.bincount(subject.actual).max() / n
    rows.append(("accuracy of always the commonest class", float(usual), "", ""))
    blocks: list[Block] = [_scores(f"On the {subject.part}, {n} samples", rows), _classes(subject)]
    if len(subject.classes) > MOST_CLASSES:
        blocks.append(Words(f"The first {MOST_CLASSES} of {len(subject.classes)} classes are listed."))
    return blocks


def cells(interval: Interval) -> tuple[float, str]:
    """Return a score and its interval as two cells of a table."""
    return interval.value, between(interval.low, interval.high)


def between(low: float, high: float) -> str:
    """Write an interval."""
    return f"{low:.4g} to {high:.4g}"


def _scores(caption: str, rows: list[tuple[Any, ...]]) -> Listing:
    return Listing(caption, ("score", "value", "95 % interval", "by"), tuple(rows))


def _classes(subject: Subject) -> Listing:
    """List recall, with its interval, and precision of each class."""
    rows = []
    for index, name in enumerate(subject.classes[:MOST_CLASSES]):
        are, said = subject.actual == index, subject.predicted == index
        both = int((are & said).sum())
        recall = proportion(both, int(are.sum())) if are.any() else None
        precision = both / int(said.sum()) if said.any() else None
        numbers = (None, None) if recall is None else cells(recall)
        rows.append((name, int(are.sum()), *numbers, precision))
    columns = ("class", "samples", "recall", "95 % interval", "precision")
    return Listing("Of each class; the interval is Wilson's, of the recall", columns, tuple(rows))
