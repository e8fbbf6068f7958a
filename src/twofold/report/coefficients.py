"""Linear regression of a table: its coefficients with their intervals, in the columns' own units."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from twofold.language import Text
from twofold.pages.numbers import readable
from twofold.plots import coefficient_plot
from twofold.report import table_words as words
from twofold.report.blocks import Block, Facts, Fold, Listing, Section, Words
from twofold.report.chinese import chinese_section
from twofold.report.drawings import Easel
from twofold.report.exact import MAX_FEATURES, exact_blocks, exact_summary
from twofold.report.subject import Subject

MAX_DRAWN = 30  # coefficients


def coefficient_blocks(subject: Subject, easel: Easel, language: str) -> list[Block]:
    """List the coefficients of linear regression and draw them; of other rows, those beside the ones these rows give.

    Parameters
    ----------
    subject : Subject
        With a table.
    easel : Easel
    language : {"en", "zh"}

    Returns
    -------
    list of Block
        None if it is another model.
    """

    def say(text: Text, **fields: object) -> str:
        return text.read(language).format(**fields)

    def shared(blocks: list[Block]) -> list[Block]:
        return blocks if language == "en" else list(chinese_section(Section("", tuple(blocks))).blocks)

    story = subject.table
    if story is None or not subject.solved or subject.rows_alone:
        return shared(exact_blocks(subject, easel))
    summary, given = exact_summary(subject)
    follow: list[Block] = [Words(say(words.FOLLOW, n=len(given), features=", ".join(given)))] if given else []
    if summary is None:
        return follow
    scales = dict(zip(subject.model.features, subject.data.train.X.std(axis=0).tolist(), strict=True))
    names = {"intercept": say(words.INTERCEPT)}
    names |= {f"{name} missing": say(words.MISSING, column=name) for name, *_ in story.columns}
    items = [replace(each, name=names.get(each.name, each.name)) for each in summary.coefficients]
    rows = tuple(
        (
            each.name,
            readable(each.value),
            words.interval(each.low, each.high, language),
            readable(each.standard_error),
            f"{each.p:.2g}",
        )
        for each in items
    )
    categories = any(kind == "category" for _, kind, _ in story.columns)
    caption = say(words.AGAINST if categories else words.GROWS, target=story.target.name)
    listing = Listing(caption, tuple(map(say, words.COEFFICIENT_HEADS)), rows)
    fit = summary.fit
    facts = [(words.SIGMA, readable(fit.sigma)), (words.ADJUSTED, readable(fit.r2_adjusted)), (words.DF, f"{fit.df:,}")]
    if summary.left_out is not None and not math.isnan(summary.left_out.r2):
        facts.append((words.LEFT_OUT, readable(summary.left_out.r2)))
    clearest = sorted(items[1:], key=lambda each: -abs(each.t))[:MAX_DRAWN]
    drawn = replace(summary, coefficients=tuple(each for each in items if each in clearest))
    scales = {names.get(name, name): scale for name, scale in scales.items()}
    told = words.STANDARD if len(clearest) == len(items) - 1 else words.STANDARD_SOME
    return [
        *follow,
        Fold(say(words.ALL_COEFFICIENTS, n=len(rows)), (listing,)) if len(rows) > MAX_FEATURES else listing,
        Facts(tuple((say(name), value) for name, value in facts)),
        easel.hang(partial(coefficient_plot, drawn, scales=scales), say(told, n=len(clearest))),
    ]
