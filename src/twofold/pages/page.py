"""Pages of HTML that need nothing else: no network, no script; formulas in MathML, which browsers set by themselves."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from latex2mathml.converter import convert
from markupsafe import Markup

from twofold.text import visible


@cache
def environment() -> Environment:
    """Return where the templates are; everything put into one is escaped, and a name that is missing is an error."""
    found = Environment(
        loader=PackageLoader("twofold.pages"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["mathml"] = mathml
    return found


def _shown(value: Any) -> Any:
    """Return what a template may put into a page; markup is ours, and stays."""
    return visible(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def mathml(latex: str, display: str = "inline") -> Markup:
    """Turn a formula of ours from LaTeX into MathML.

    Parameters
    ----------
    latex : str
    display : {"inline", "block"}

    Returns
    -------
    markupsafe.Markup
        Safe to put into a page: what comes in is escaped.

    Examples
    --------
    >>> "<msup>" in mathml("x^2")
    True
    """
    return Markup(convert(latex, display=display))  # noqa: S704 - the converter builds and escapes XML


def render_page(template: str, *, language: str = "en", **values: Any) -> str:
    """Fill a template of a whole page.

    Parameters
    ----------
    template : str
        Its file's name.
    language : {"en", "zh"}
        Of its words.
    **values
        What its names stand for.

    Returns
    -------
    str
        HTML with its style within.
    """
    style = files("twofold.pages").joinpath("templates/style.css").read_text(encoding="utf-8")
    return environment().get_template(template).render(style=Markup(style), language=language, **values)  # noqa: S704 - our own file
