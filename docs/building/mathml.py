"""Formulas as MathML, which browsers set by themselves: no script, no fonts from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def mathml(latex: str, display: str) -> str:
    """Turn a formula into MathML.

    Notebooks want ``aligned`` and the converter knows ``align*``; a bold letter is left to the style sheet, since
    browsers no longer read MathML's own attribute, and few fonts have the bold letters that Unicode has for it.
    """
    latex = re.sub(r"\\mathbf\{(\w)\}", r"\\mathbf \1", latex.replace("{aligned}", "{align*}"))
    return convert(latex, display=display).replace('<mi mathvariant="bold">', '<mi class="bold" mathvariant="normal">')


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(mathml(node.astext(), "inline"))
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    translator.body.append(f'<div class="formula">{mathml(node.astext(), "block")}</div>')
    raise SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer with Sphinx."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
