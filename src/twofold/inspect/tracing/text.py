"""A trace in plain text, for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from twofold.inspect.tracing.record import Named, Step, Table
from twofold.pages.numbers import MAX_WHOLE, Grid, cut, precise, short

if TYPE_CHECKING:
    from twofold.inspect.tracing.trace import Trace

PARTS = {
    "given": "Given",
    "forward": "Forward",
    "loss": "Loss",
    "backward": "Backward",
    "update": "One step of SGD",
    "check": "Checked",
    "explanation": "Explained",
}
INDENT = "     "
WIDTH = 80 - len(INDENT)  # characters of a line
FEWER = (8, 6, 4)  # columns to fall back to
NAME = 16  # letters of a column's name above a matrix


def heading(trace: Trace) -> str:
    """Say what is traced through which network."""
    network = trace.network
    widths = "-".join(map(str, network.widths))
    between = f", {', '.join(dict.fromkeys(network.activations))}" if network.hidden else ""
    between += f", {network.normalization} normalisation" if network.normalization else ""
    source = f"{trace.source} through " if trace.source else ""
    return f"{source}{widths}{between}, {network.loss.replace('_', ' ')}"


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
            lines += ["", PARTS[part], "=" * len(PARTS[part])]
        lines += ["", f"{number:>3}  {step.title}", *_body(step, digits, most)]
    return "\n".join(lines)


def _body(step: Step, digits: int, most: int) -> list[str]:
    lines = _broken(step.plain)
    if step.plain and step.shapes:
        lines += _broken(f"shapes  {step.shapes}")
    lines += _broken(step.worked)
    for array in step.arrays:
        lines += matrix_lines(array, digits=digits, most=most)
    lines += textwrap.wrap(step.note, WIDTH, break_on_hyphens=False)
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
    if max(map(len, lines)) <= WIDTH:
        return lines
    cells = [max(len(row[j]) for row in rows) for j in range(len(table.columns))]
    broken = [
        textwrap.wrap(name, max(wide, *map(len, name.split())), break_on_hyphens=False)
        for name, wide in zip(table.columns, cells, strict=True)
    ]
    tallest = max(map(len, broken))
    heads = zip(*([""] * (tallest - len(each)) + each for each in broken), strict=True)
    return _rows([*map(list, heads), *rows])


def _rows(rows: list[list[str]]) -> list[str]:
    """Write rows of cells, the first column to the left and the others to the right."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *rest = row
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
