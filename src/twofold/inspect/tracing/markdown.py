"""A trace in Markdown with LaTeX, as notebooks and GitHub show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twofold.inspect.tracing.record import Named, Step, Table
from twofold.inspect.tracing.text import PARTS, heading
from twofold.language import Text
from twofold.pages.numbers import MAX_WHOLE, cut, precise, short

if TYPE_CHECKING:
    from twofold.inspect.tracing.trace_data import Trace

MARKDOWN_SHAPES = Text("Shapes: ", "形状：")


def render_markdown(trace: Trace, *, digits: int = 4, most: int = MAX_WHOLE) -> str:
    """Write a trace in Markdown, formulas and matrices in LaTeX between ``$$``.

    Parameters
    ----------
    trace : Trace
    digits : int
        Significant ones of each number.
    most : int
        Rows and columns up to which a matrix is shown whole.

    Returns
    -------
    str
    """
    trace = trace.visible()
    blocks = [f"# {escape(heading(trace))}"]
    part = ""
    for number, step in enumerate(trace.steps, start=1):
        if step.part != part:
            part = step.part
            blocks.append(f"## {PARTS[part].read(trace.language)}")
        blocks += [
            f"### {number}. {escape(step.title)}",
            *_body(step, digits, most, shapes=MARKDOWN_SHAPES.read(trace.language)),
        ]
    return "\n\n".join(blocks) + "\n"


def _body(step: Step, digits: int, most: int, *, shapes: str) -> list[str]:
    blocks = [f"$$\n{step.latex}\n$$"] if step.latex else []
    if step.latex and step.shapes:
        blocks.append(f"{shapes}`{step.shapes}`")
    blocks += [f"`{step.worked}`"] if step.worked else []
    blocks += [f"$$\n{matrix_latex(array, digits=digits, most=most)}\n$$" for array in step.arrays]
    blocks += [escape(step.note)] if step.note else []
    return blocks + ([] if step.table is None else [table_markdown(step.table, digits=digits)])


def matrix_latex(array: Named, *, digits: int = 4, most: int = MAX_WHOLE) -> str:
    """Write ``name = matrix`` in LaTeX, gaps as dots."""
    grid = cut(array.values, digits=digits, most=most)
    if array.values.ndim == 0:
        return f"{array.symbol.latex} = {_power(grid.cells[0][0])}"
    rows = []
    for i, row in zip(grid.rows, grid.cells, strict=True):
        cells = [
            _power(cell) if cell else _dots(row_gap=i is None, column_gap=j is None)
            for j, cell in zip(grid.columns, row, strict=True)
        ]
        rows.append(" & ".join(cells))
    body = " \\\\\n".join(rows)
    return f"{array.symbol.latex} = \\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def table_markdown(table: Table, *, digits: int = 4) -> str:
    """Write a table, words to the left and numbers to the right."""
    lines = [
        "| " + " | ".join(map(escape, table.columns)) + " |",
        "|---|" + "---:|" * (len(table.columns) - 1),
    ]
    for row in table.rows:
        cells = (precise(cell, digits) if isinstance(cell, float) else escape(short(cell)) for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def escape(text: str) -> str:
    """Keep Markdown from reading signs as its own."""
    for sign in "\\`*_{}[]<>|#$":
        text = text.replace(sign, f"\\{sign}")
    return text


def _dots(*, row_gap: bool, column_gap: bool) -> str:
    if row_gap:
        return r"\ddots" if column_gap else r"\vdots"
    return r"\cdots"


def _power(text: str) -> str:
    """Write 1e-05 as a power of ten."""
    factor, mark, exponent = text.partition("e")
    return rf"{factor} \cdot 10^{{{int(exponent)}}}" if mark else text
