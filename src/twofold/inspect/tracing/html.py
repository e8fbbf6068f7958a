"""A trace as one page of HTML that needs nothing else, and as the part of one that a notebook shows."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from twofold.inspect.tracing.markdown import MARKDOWN_SHAPES
from twofold.inspect.tracing.record import Named, Step
from twofold.inspect.tracing.text import PARTS, heading
from twofold.pages.notebook import render_fragment
from twofold.pages.numbers import MAX_WHOLE, cut, precise, short
from twofold.pages.page import render_page

if TYPE_CHECKING:
    from twofold.inspect.tracing.trace_data import Trace


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
    return render_page("trace.html", language=trace.language, **_values(trace, digits, most))


def render_notebook(trace: Trace, *, digits: int = 4, most: int = MAX_WHOLE) -> str:
    """Write a trace as a part of a page, which a notebook shows below its cell, formulas in MathML."""
    return render_fragment("trace_body.html", **_values(trace, digits, most))


def _values(trace: Trace, digits: int, most: int) -> dict[str, Any]:
    """Return what the names of the template stand for."""
    steps = [_step(number, step, digits, most) for number, step in enumerate(trace.steps, start=1)]
    groups = groupby(steps, key=lambda step: step["part"])
    parts = [(PARTS[part].read(trace.language), list(group)) for part, group in groups]
    return {"heading": heading(trace), "parts": parts, "shapes": MARKDOWN_SHAPES.read(trace.language)}


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
