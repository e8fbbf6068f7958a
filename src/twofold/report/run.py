"""The report of one trained model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twofold.language import Text
from twofold.pages.numbers import short
from twofold.pages.page import render_page
from twofold.report.blocks import Block, Cell, Headline, Section
from twofold.report.description import about, history, how, parameters
from twofold.report.drawings import Easel
from twofold.report.exact import exact_blocks
from twofold.report.scores import headlines, score_blocks
from twofold.report.subject import Subject
from twofold.report.table_blocks import TableReport

SIGNED = Text(
    "Written by twofold. Everything is in this file: no network, no script.",
    "由 twofold 写成。全部内容都在这个文件里：不需要网络，也没有脚本。",
)


def render_report(subject: Subject, language: str = "en") -> str:
    """Write the report of a trained model.

    Parameters
    ----------
    subject : Subject
    language : {"en", "zh"}

    Returns
    -------
    str
        One page of HTML: no network, no script.

    Examples
    --------
    >>> from twofold import Network, Recipe, load_dataset, open_engine, train
    >>> from twofold.saving import Model
    >>> data, recipe = load_dataset("toy-animals"), Recipe(epochs=2, batch_size=16)
    >>> engine = open_engine("scratch", Network((4, 3)))
    >>> model = Model.of(engine, data, recipe=recipe, history=train(engine, data, recipe))
    >>> render_report(Subject(model, data))[:15]
    '<!DOCTYPE html>'
    """
    easel = Easel(language)
    if subject.table is not None:
        told = TableReport(subject, subject.table, easel, language)
        return lay_out(told.title(), told.headlines(), told.sections(), language)
    curves = [*easel.curves({subject.name: subject.model.history})]
    sections = [
        Section("What was trained on what", tuple(about(subject))),
        Section("Scores", tuple(score_blocks(subject))),
        Section("Training", (*curves, *history(subject))),
        Section("Predictions", tuple(easel.predictions(subject))),
        Section("What was learned", (*exact_blocks(subject, easel), *easel.learned(subject), *parameters(subject))),
        Section("How to repeat it", tuple(how(subject))),
    ]
    return write(f"{subject.name} {subject.widths} on {subject.data.name}", headlines(subject), sections, language)


def write(title: str, numbers: Sequence[Headline], sections: Sequence[Section], language: str = "en") -> str:
    """Put a page together; sections without content are left out.

    Parameters
    ----------
    title : str
    numbers : sequence of Headline
    sections : sequence of Section
    language : {"en", "zh"}

    Returns
    -------
    str
    """
    if language == "zh":
        from twofold.report.chinese import TITLES, chinese_headlines, chinese_section

        title, numbers = TITLES.translate(title), chinese_headlines(numbers)
        sections = list(map(chinese_section, sections))
    return lay_out(title, numbers, sections, language)


def lay_out(title: str, numbers: Sequence[Headline], sections: Sequence[Section], language: str) -> str:
    """Put a page together of what is in its language already; sections without content are left out."""
    signed = SIGNED.read(language)
    full = [(section.title, [_written(block) for block in section.blocks]) for section in sections if section.blocks]
    return render_page("report.html", title=title, headlines=numbers, sections=full, signed=signed, language=language)


def _written(block: Block) -> Any:
    """Return what the template needs of a block; numbers of tables as text."""
    if block.kind == "fold":
        return {"kind": "fold", "summary": block.summary, "blocks": [_written(each) for each in block.blocks]}
    if block.kind != "listing":
        return block
    rows = [[cell if isinstance(cell, Cell) else short(cell) for cell in row] for row in block.rows]
    return {
        "kind": "listing",
        "caption": block.caption,
        "columns": block.columns,
        "rows": rows,
        "text": block.text,
    }
