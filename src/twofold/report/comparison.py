"""The report of several trained models beside each other: two engines, or two runs on the same data."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy import stats

from twofold.data import data_hash
from twofold.errors import DataError, SpecificationError
from twofold.inspect.compare import Comparison
from twofold.report.blocks import Block, Facts, Headline, Listing, Section, Words
from twofold.report.description import about, how, parameters, recipe_facts
from twofold.report.drawings import Easel
from twofold.report.intervals import cells, mean, written
from twofold.report.run import write
from twofold.report.scores import headlines, scores
from twofold.report.subject import Subject
from twofold.scores import Estimate
from twofold.values import count


def render_comparison(
    subjects: Sequence[Subject], *, steps: Sequence[Comparison] = (), title: str = "", language: str = "en"
) -> str:
    """Write a report of models that were trained on the same data.

    Parameters
    ----------
    subjects : sequence of Subject
        At least two, with names of their own.
    steps : sequence of Comparison, optional
        Of two engines in lockstep: how far apart they were after each epoch.
    title : str, optional
    language : {"en", "zh"}

    Returns
    -------
    str
        One page of HTML: no network, no script.

    Raises
    ------
    SpecificationError
        If there are fewer than two, or two have the same name.
    DataError
        If they are judged on different samples, or predict different things.
    """
    _check(subjects)
    easel = Easel(language)
    names = " and ".join(subject.name for subject in subjects)
    first, *_ = subjects
    shared = tuple(about(first)) if len({s.widths for s in subjects}) == 1 else ()
    numbers = [Headline(f"{subject.name}: {each.name}", each.number, each.below)
               for subject in subjects for each in headlines(subject)[:1]]  # fmt: skip
    # In lockstep they are the same to rounding: once is enough.
    shown = subjects[:1] if steps else subjects
    sections = [
        Section("What was trained on what", shared or tuple(b for s in subjects for b in (Words(s.name), *about(s)))),
        Section("Scores", (_scores(subjects), *(_difference(a, b) for a, b in pairwise(subjects)))),
        Section("In lockstep", _lockstep(steps)),
        Section("Training", tuple(easel.curves({subject.name: subject.model.history for subject in subjects}))),
        Section("Recipes", _recipes(subjects)),
        Section("Each of them", tuple(block for subject in shown for block in _own(easel, subject))),
        Section("How to repeat it", tuple(block for s in shown for block in (Words(s.name), *how(s)))),
    ]
    return write(title or f"{names} on {first.data.name}", numbers, sections, language)


def _check(subjects: Sequence[Subject]) -> None:
    names = [subject.name for subject in subjects]
    if len(names) < 2 or len(set(names)) < len(names):
        raise SpecificationError(f"a comparison needs two runs or more with names of their own; got {names}")
    if len({subject.kind for subject in subjects}) > 1:
        raise DataError(f"these predict different things: {', '.join(f'{s.name} {s.kind}' for s in subjects)}")
    if len({data_hash(subject.samples) for subject in subjects}) > 1:
        raise DataError("these are judged on different samples; compare runs on the same data")


def _scores(subjects: Sequence[Subject]) -> Listing:
    rows = tuple((f"{s.name}: {score.name}", *cells(score)) for s in subjects for score in scores(s))
    caption = f"On the {subjects[0].part}, {count(len(subjects[0].samples), 'sample')}"
    return Listing(caption, ("score", "value", "95 % interval"), rows)


def _difference(a: Subject, b: Subject) -> Block:
    """Hold two runs against each other on the same samples: pairs say more than two intervals."""
    if a.kind == "numbers":
        squares = [np.square(s.actual - s.numbers).mean(axis=1) for s in (a, b)]
        return _facts([mean(f"mean squared error, {a.name} less {b.name}", squares[0] - squares[1])])
    apart = _facts([mean(f"mean loss, {a.name} less {b.name}", a.losses - b.losses)])
    if a.kind != "classes":
        return apart
    right = [s.predicted == s.actual for s in (a, b)]
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    p = 1.0 if sum(only) == 0 else float(stats.binomtest(only[0], sum(only)).pvalue)
    pairs = (f"only {a.name} is right", str(only[0])), (f"only {b.name} is right", str(only[1]))
    return Facts((*apart.rows, *pairs, ("exact McNemar test", f"p = {p:.3g}")))


def _facts(found: Sequence[Estimate]) -> Facts:
    return Facts(tuple((score.name, written(score)) for score in found))


def _lockstep(steps: Sequence[Comparison]) -> tuple[Block, ...]:
    if not steps:
        return ()
    rows = tuple(
        (step.epoch, *(record.loss for record in step.records), step.max_parameter_difference, step.max_loss_difference)
        for step in steps
    )
    columns = ("epoch", "first loss", "second loss", "difference of parameters", "difference of losses")
    worst = max(step.max_parameter_difference for step in steps)
    return (
        Words(f"Largest difference of a parameter: {worst:.2g} of the largest parameter."),
        Listing("After each epoch", columns, rows),
    )


def _recipes(subjects: Sequence[Subject]) -> tuple[Block, ...]:
    """List the recipes beside each other."""
    recipes = {s.name: dict(recipe_facts(s.model.recipe)) for s in subjects if s.model.recipe is not None}
    if not recipes:
        return ()
    fields = dict.fromkeys(name for facts in recipes.values() for name in facts)
    rows = tuple((name, *(facts.get(name) for facts in recipes.values())) for name in fields)
    return (Listing("", ("", *recipes), rows),)


def _own(easel: Easel, subject: Subject) -> list[Block]:
    drawings = (*easel.predictions(subject), *easel.learned(subject))
    return [Words(subject.name), *drawings, *parameters(subject)]
