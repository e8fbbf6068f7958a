"""A trace in plain text, for a terminal."""

from __future__ import annotations

import textwrap

from twofold.inspect.tracing.record import Named, Step, Table, Trace
from twofold.pages.numbers import MOST, Grid, cut, precise, short

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
WIDTH = 88  # of a matrix, in characters
FEWER = (8, 6, 4)  # columns to fall back to


def heading(trace: Trace) -> str:
    """Say what is traced through which network."""
    network = trace.network
    widths = "-".join(map(str, network.widths))
    between = f", {', '.join(dict.fromkeys(network.activations))}" if network.hidden else ""
    between += f", {network.normalization} normalisation" if network.normalization else ""
    source = f"{trace.source} through " if trace.source else ""
    return f"{source}{widths}{between}, {network.loss.replace('_', ' ')}"


def render_text(trace: Trace, *, digits: int = 4, most: int = MOST) -> str:
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
    lines = [heading(trace)]
    part = ""
    for number, step in enumerate(trace.steps, start=1):
        if step.part != part:
            part = step.part
            lines += ["", PARTS[part], "=" * len(PARTS[part])]
        lines += ["", f"{number:>3}  {step.title}", *_body(step, digits, most)]
    return "\n".join(lines)


def _body(step: Step, digits: int, most: int) -> list[str]:
    lines = [INDENT + step.plain] if step.plain else []
    if step.plain and step.shapes:
        lines.append(f"{INDENT}shapes  {step.shapes}")
    lines += [INDENT + step.worked] if step.worked else []
    for array in step.arrays:
        lines += [INDENT + line for line in matrix_lines(array, digits=digits, most=most)]
    lines += [INDENT + line for line in textwrap.wrap(step.note, WIDTH, break_on_hyphens=False)]
    return lines + ([] if step.table is None else [INDENT + line for line in table_lines(step.table, digits=digits)])


def matrix_lines(array: Named, *, digits: int = 4, most: int = MOST) -> list[str]:
    """Draw an array with its name and shape, and brackets as on paper."""
    values = array.values
    if values.ndim == 0:
        return [f"{array.symbol} = {short(float(values), digits)}"]
    label = f"{array.symbol} {values.shape}"
    lines: list[str] = []
    for columns in (most, *(fewer for fewer in FEWER if fewer < most <= MOST)):  # as many as the width has room for
        lines = bracketed(cut(values, digits=digits, most=most, most_columns=columns), array.columns)
        if len(lines[-1]) <= WIDTH:
            break
        if array.columns and values.size == len(array.columns) <= most:  # one row: a name and a number in each line
            names = max(map(len, array.columns))
            numbers = [short(value, digits) for value in values.ravel().tolist()]
            widest = max(map(len, numbers))
            lines = [f"{name:<{names}}  {text:>{widest}}" for name, text in zip(array.columns, numbers, strict=True)]
            break
    if len(lines) == 1:
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
    widths = [max(len(row[j]) for row in [list(table.columns), *rows]) for j in range(len(table.columns))]
    lines = []
    for row in [list(table.columns), *rows]:
        first, *rest = row
        cells = [first.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return lines
