"""A trace in each format there is, by name."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.inspect.tracing.document import entry_dict, to_dict
from twofold.inspect.tracing.entries import Entry
from twofold.inspect.tracing.markdown import render_markdown
from twofold.inspect.tracing.text import render_text
from twofold.inspect.tracing.trace_data import Trace
from twofold.pages.numbers import MAX_WHOLE, to_json

FORMATS = ("text", "markdown", "html", "json")
EVERYTHING = 10**9  # rows and columns of a matrix that is to be whole


def render(trace: Trace, style: str, *, digits: int = 4, full: bool = False) -> str:
    """Write a trace.

    Parameters
    ----------
    trace : Trace
    style : str
        A name in `FORMATS`.
    digits : int
        Significant ones of each number; JSON has them all.
    full : bool
        Leave nothing out of large matrices.

    Returns
    -------
    str
    """
    most = EVERYTHING if full else MAX_WHOLE
    if style == "json":
        return to_json(to_dict(trace, full=full))
    if style == "markdown":
        return render_markdown(trace, digits=digits, most=most)
    if style == "html":
        from twofold.inspect.tracing.html import render_html

        return render_html(trace, digits=digits, most=most)
    return render_text(trace, digits=digits, most=most)


def render_entries(entries: Sequence[Entry], style: str) -> str:
    """Write entries: as JSON, or each in lines of text."""
    if style == "json":
        return to_json({"entries": [entry_dict(entry) for entry in entries]})
    return "\n".join(map(str, entries))
