"""Results as a notebook shows them: fragments of HTML, each with the little style that it needs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any


def render_fragment(template: str, **values: Any) -> str:
    """Fill a template of a part of a page.

    Parameters
    ----------
    template : str
        Its file's name.
    **values
        What its names stand for.

    Returns
    -------
    str
        A ``div`` of HTML.
    """
    from importlib.resources import files

    from twofold.pages.page import environment

    style = files("twofold.pages").joinpath("templates/notebook.css").read_text(encoding="utf-8")
    body = environment().get_template(template).render(**values)
    return f'<div class="twofold">\n<style>\n{style}</style>\n{body}</div>'


def table_html(title: str, lines: Sequence[Sequence[str]], facts: Sequence[str] = ()) -> str:
    """Write a table for a notebook: words to the left, numbers to the right.

    Parameters
    ----------
    title : str
    lines : sequence of sequence of str
        The heading first.
    facts : sequence of str
        What stands below, line by line.

    Returns
    -------
    str

    Examples
    --------
    >>> "<td>0.98</td>" in table_html("scores", [("model", "accuracy"), ("mlp", "0.98")])
    True
    """
    columns, *rows = lines
    return render_fragment("notebook_table.html", title=title, columns=columns, rows=rows, facts=facts)


def notebook_display() -> Callable[..., Any] | None:
    """Return IPython's ``display`` where a notebook is running; None elsewhere, as in IPython's own shell."""
    if "IPython" not in sys.modules:  # a notebook has loaded it
        return None
    from IPython import get_ipython
    from IPython.display import display

    return display if hasattr(get_ipython(), "kernel") else None
