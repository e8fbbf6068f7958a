"""Scores with intervals, of classes, labels and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twofold.functions import LOSSES
from twofold.report.blocks import Block, Headline, Listing, Words
from twofold.report.intervals import cells
from twofold.report.subject import Subject
from twofold.scores import (
    Estimate,
    between,
    class_scores,
    label_losses,
    label_scores,
    log_losses,
    mean_loss,
    number_scores,
    wilson,
)
from twofold.values import count

Array = NDArray[Any]

MAX_CLASSES = 60  # rows of the table of classes
MAX_OUTPUTS = 10  # numbers predicted at once that are scored one by one


def scores(subject: Subject) -> list[Estimate]:
    """Score a model on its samples.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Estimate
        Of classes and labels: accuracy and mean loss. Of numbers, in the data's own units: R2, root mean squared error
        and mean absolute error; of several numbers, those of each.
    """
    if subject.kind != "numbers":
        accuracy = (class_scores if subject.kind == "classes" else label_scores)(subject.outputs, subject.actual)[0]
        return [accuracy, mean_loss(f"mean loss ({_loss(subject)})", subject.losses, _possible_losses(subject))]
    O, Y = subject.numbers, subject.actual
    if Y.shape[1] == 1:
        return number_scores(O[:, 0], Y[:, 0])
    return [
        Estimate(f"{score.name} of output {k}", score.value, score.low, score.high, score.how)
        for k in range(min(Y.shape[1], MAX_OUTPUTS))
        for score in number_scores(O[:, k], Y[:, k])
    ]


def headlines(subject: Subject) -> list[Headline]:
    """Return the numbers to see first."""
    where = "test" if subject.held_out else "training"
    return [
        Headline(f"{where} {score.name}", f"{score.value:.4g}", f"95 % interval {score.interval}")
        for score in scores(subject)[:2]
    ]


def score_blocks(subject: Subject) -> list[Block]:
    """Return the tables of scores.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    list of Block
    """
    n, found = len(subject.samples), scores(subject)
    rows: list[tuple[Any, ...]] = [(score.name, *cells(score), score.how) for score in found]
    unit = f", in units of {subject.data.target}" if subject.kind == "numbers" and subject.data.target else ""
    if subject.model.network.loss == "cross_entropy":
        loss = found[1]
        rows.append(("log-likelihood", -n * loss.value, between(-n * loss.high, -n * loss.low), loss.how))
    if subject.kind == "classes":
        rows.append(("accuracy of always the commonest class", float(np.bincount(subject.actual).max() / n), "", ""))
    if subject.kind == "numbers":
        apart = subject.actual - subject.data.train.y.reshape(-1, subject.actual.shape[1]).mean(axis=0)
        mean_of = "mean of these rows" if subject.rows_alone else "training mean"
        rows.append((f"RMSE of always the {mean_of}", float(np.sqrt(np.square(apart).mean())), "", ""))
    columns = ("score", "value", "95 % interval", "by")
    blocks: list[Block] = [Listing(f"On the {subject.part}, {count(n, 'sample')}{unit}", columns, tuple(rows))]
    if subject.kind == "classes":
        blocks.append(class_listing(subject))
        if len(subject.classes) > MAX_CLASSES:
            blocks.append(Words(f"The first {MAX_CLASSES} of {len(subject.classes)} classes are listed."))
    return blocks


def _possible_losses(subject: Subject) -> Array:
    """Return what the loss of each sample would be for each class, or with all labels right and with all wrong."""
    O, name = subject.outputs, subject.model.network.loss
    if subject.kind == "labels":
        return label_losses(O)
    if name == "cross_entropy":
        return log_losses(O)
    loss, O = LOSSES[name], O.astype(np.float64)
    return np.stack([loss.samples(O, np.full(len(O), k))[0] for k in range(O.shape[1])], axis=1)


def _loss(subject: Subject) -> str:
    return subject.model.network.loss.replace("_", " ")


def class_listing(subject: Subject) -> Listing:
    """List recall, with its interval, and precision of each class."""
    rows = []
    for index, name in enumerate(subject.classes[:MAX_CLASSES]):
        are, said = subject.actual == index, subject.predicted == index
        both, there = int((are & said).sum()), int(are.sum())
        recall = (both / there, between(*wilson(both, there))) if there else (None, None)
        rows.append((name, there, *recall, both / int(said.sum()) if said.any() else None))
    columns = ("class", "samples", "recall", "95 % interval", "precision")
    return Listing("Of each class; the interval is Wilson's, of the recall", columns, tuple(rows))
