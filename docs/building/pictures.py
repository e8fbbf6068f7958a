"""Pictures of executed notebooks for the site: SVG within the page, which follows the page's light or dark theme."""

from __future__ import annotations

import copy
import re

from nbformat import NotebookNode

from twofold.plots.style import DARK, LIGHT, Theme


def inline_pictures(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose SVG pictures are HTML."""
    page = copy.deepcopy(notebook)
    for cell in page.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/svg+xml" in data:
                output["data"] = {"text/html": _figure(data["image/svg+xml"]), "text/plain": ""}
    return page


def _figure(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style>@media.*?\}\s*\}</style>", "", svg, flags=re.DOTALL)  # the page's own theme decides
    kind = "pixels" if "<image" in svg else "lines"
    return f'<figure class="picture {kind}">{svg}</figure>'


def dark_rules() -> str:
    """Write the style sheet that turns each colour of the light theme into the dark theme's."""
    rules = [
        f'html[data-theme="dark"] .picture.lines [style*="{part}: {light}"] {{ {part}: {dark} !important }}'
        for light, dark in zip(_colors(LIGHT), _colors(DARK), strict=True)
        for part in ("fill", "stroke")
    ]
    return "\n".join(rules) + "\n"


def _colors(theme: Theme) -> list[str]:
    return [theme.paper, theme.ink, theme.soft, theme.faint, *theme.colors, theme.low, theme.high, theme.wrong]
