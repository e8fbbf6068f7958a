"""A trace in plain text, for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from twofold.inspect.tracing.chinese import chinese
from twofold.inspect.tracing.record import Named, Step, Table
from twofold.language import Text
from twofold.pages.layout import width, wrap
from twofold.pages.numbers import MAX_WHOLE, Grid, cut, precise, short

if TYPE_CHECKING:
    from twofold.inspect.tracing.trace_data import Trace

PARTS = {
    "given": Text("Given", "已知"),
    "forward": Text("Forward", "前向传播"),
    "loss": Text("Loss", "损失"),
    "backward": Text("Backward", "反向传播"),
    "update": Text("One step of SGD", "一步随机梯度下降"),
    "check": Text("Checked", "检验"),
    "explanation": Text("Explained", "解释"),
}
SHAPES = Text("shapes", "形状")
INDENT = "     "
WIDTH = 80 - len(INDENT)  # characters of a line
FEWER = (8, 6, 4)  # columns to fall back to
NAME = 16  # letters of a column's name above a matrix


def heading(trace: Trace) -> str:
    """Say what is traced through which network."""
    network, in_chinese = trace.network, trace.language == "zh"
    widths = "-".join(map(str, network.widths))
    between = [", ".join(dict.fromkeys(network.activations))] if network.hidden else []
    if network.normalization:
        kind = {"batch": "批量规范化", "layer": "层规范化"}.get(network.normalization, network.normalization)
        between.append(kind if in_chinese else f"{network.normalization} normalisation")
    loss = network.loss.replace("_", " ")
    if in_chinese:
        return "，".join([f"{trace.source}，经过 {widths}" if trace.source else widths, *between, chinese(loss)])
    source = f"{trace.source} through " if trace.source else ""
    return f"{source}{', '.join([widths, *between, loss])}"


def render_text(trace: Trace, *, digits: int = 4, most: int = MAX_WHOLE) -> str:
    """Write a trace in plain text.

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
    lines = _broken(heading(trace))
    part = ""
    for number, step in enumerate(trace.steps, start=1):
        if step.part != part:
            part = step.part
            title = PARTS[part].read(trace.language)
            lines += ["", title, "=" * width(title)]
        lines += ["", f"{number:>3}  {step.title}", *_body(step, digits, most, shapes=SHAPES.read(trace.language))]
    return "\n".join(lines)


def _body(step: Step, digits: int, most: int, *, shapes: str) -> list[str]:
    lines = _broken(step.plain)
    if step.plain and step.shapes:
        lines += _broken(f"{shapes}  {step.shapes}")
    lines += _broken(step.worked)
    for array in step.arrays:
        lines += matrix_lines(array, digits=digits, most=most)
    lines += wrap(step.note, WIDTH) if step.note else []
    lines += [] if step.table is None else table_lines(step.table, digits=digits)
    return [INDENT + line for line in lines]


def _broken(text: str) -> list[str]:
    """Break what is too long for a line between words, formulas too."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def matrix_lines(array: Named, *, digits: int = 4, most: int = MAX_WHOLE) -> list[str]:
    """Draw an array with its name and shape, and brackets as on paper."""
    values = array.values
    if values.ndim == 0:
        return [f"{array.symbol} = {short(float(values), digits)}"]
    label = f"{array.symbol} {values.shape}"
    lines: list[str] = []
    for columns in (
        most,
        *(fewer for fewer in FEWER if fewer < most <= MAX_WHOLE),
    ):  # as many as the width has room for
        above = tuple(name if len(name) <= NAME else f"{name[: NAME - 1]}…" for name in array.columns)
        lines = bracketed(cut(values, digits=digits, most=most, most_columns=columns), above)
        if len(lines[-1]) <= WIDTH - 2:
            break
        if array.columns and values.size == len(array.columns) <= most:  # one row: a name and a number in each line
            names = max(map(len, array.columns))
            numbers = [short(value, digits) for value in values.ravel().tolist()]
            widest = max(map(len, numbers))
            lines = [f"{name:<{names}}  {text:>{widest}}" for name, text in zip(array.columns, numbers, strict=True)]
            break
    if len(lines) == 1 and len(label) + len(lines[0]) <= WIDTH - 3:
        return [f"{label} = {lines[0]}"]
    return [f"{label} =", *(f"  {line}" for line in lines)]


def bracketed(grid: Grid, columns: tuple[str, ...] = ()) -> list[str]:
    """Draw a matrix between brackets, a gap as dots; above it the columns' names."""
    cells = [["..." if text == "" else text for text in row] for row in grid.cells]
    head = [] if not columns else ["..." if j is None else columns[j] for j in grid.columns]
    table = [head, *cells] if head else cells
    widths = [max(len(row[j]) for row in table) for j in range(len(cells[0]))]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in table]
    lines = [f"[ {line} ]" for line in lines]
    if head:
        lines[0] = f"  {lines[0][2:-2]}".rstrip()
    return lines


def table_lines(table: Table, *, digits: int = 4) -> list[str]:
    """Draw a table, words to the left and numbers to the right."""
    rows = [[precise(cell, digits) for cell in row] for row in table.rows]
    lines = _rows([list(table.columns), *rows])
    if max(map(width, lines)) <= WIDTH:
        return lines
    cells = [max(width(row[j]) for row in rows) for j in range(len(table.columns))]
    broken = [
        _heading_lines(name, max(wide, *map(width, name.split())))
        for name, wide in zip(table.columns, cells, strict=True)
    ]
    tallest = max(map(len, broken))
    heads = zip(*([""] * (tallest - len(each)) + each for each in broken), strict=True)
    return _rows([*map(list, heads), *rows])


def _heading_lines(name: str, columns: int) -> list[str]:
    """Break a column's name between words alone, which in English keeps hyphens, in Chinese characters together."""
    return textwrap.wrap(name, columns, break_long_words=False, break_on_hyphens=False)


def _rows(rows: list[list[str]]) -> list[str]:
    """Write rows of cells, the first column to the left and the others to the right."""
    widths = [max(width(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = []
    for row in rows:
        gaps = [" " * (wide - width(text)) for text, wide in zip(row, widths, strict=True)]
        cells = [row[0] + gaps[0], *(gap + text for text, gap in zip(row[1:], gaps[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
