"""A trace as one page of HTML that needs nothing else."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from twofold.inspect.tracing.markdown import MARKDOWN_SHAPES
from twofold.inspect.tracing.record import Named, Step
from twofold.inspect.tracing.text import PARTS, heading
from twofold.inspect.tracing.trace_data import Trace
from twofold.pages.numbers import MAX_WHOLE, cut, precise, short
from twofold.pages.page import render_page


def render_html(trace: Trace, *, digits: int = 4, most: int = MAX_WHOLE) -> str:
    """Write a trace as a page, formulas in MathML.

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
    steps = [_step(number, step, digits, most) for number, step in enumerate(trace.steps, start=1)]
    groups = groupby(steps, key=lambda step: step["part"])
    parts = [(PARTS[part].read(trace.language), list(group)) for part, group in groups]
    return render_page(
        "trace.html",
        heading=heading(trace),
        parts=parts,
        shapes=MARKDOWN_SHAPES.read(trace.language),
        language=trace.language,
    )


def _step(number: int, step: Step, digits: int, most: int) -> dict[str, Any]:
    table = step.table and {
        "columns": step.table.columns,
        "rows": [[precise(cell, digits) for cell in row] for row in step.table.rows],
    }
    words = {name: getattr(step, name) for name in ("part", "title", "latex", "shapes", "worked", "note")}
    return {**words, "number": number, "arrays": [_array(array, digits, most) for array in step.arrays], "table": table}


def _array(array: Named, digits: int, most: int) -> dict[str, Any]:
    number = short(float(array.values), digits) if array.values.ndim == 0 else ""
    return {
        "latex": array.symbol.latex,
        "name": array.symbol.name,
        "shape": array.values.shape,
        "columns": array.columns,
        "number": number,
        "grid": cut(array.values, digits=digits, most=most),
    }
