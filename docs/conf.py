"""Sphinx's settings; `docs/build.py` puts the source together and runs it once for each language."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sphinx.locale import translators
from sphinx.search import languages

sys.path.insert(0, str(Path(os.environ["TWOFOLD_DOCS"])))

from building.chinese_search import ChineseSearch

from twofold import __version__

LANGUAGE = os.environ["TWOFOLD_DOCS_LANGUAGE"]
CHINESE = LANGUAGE == "zh"

project = "twofold"
author = "The twofold authors"
project_copyright = "The twofold authors, MIT licence"
release = version = __version__
language = "zh_CN" if CHINESE else "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "building.mathml",
]
root_doc = "index"
exclude_patterns = ["files/**"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline", "html_image"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the notebooks come executed
nb_output_stderr = "error"
nb_code_prompt_show = "显示这幅图的代码" if CHINESE else "Show the picture's code"
nb_code_prompt_hide = "隐藏代码" if CHINESE else "Hide the code"
html_math_renderer = "mathml"
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections say them
numpydoc_show_class_members = False
nitpicky = False

html_theme = "pydata_sphinx_theme"
html_title = "twofold"
html_static_path = ["_static"]
html_css_files = ["site.css", "pictures.css"]
html_js_files = ["accessible.js"]
templates_path = ["_templates"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["language-switch", "theme-switcher"],
    "navbar_align": "left",
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "logo": {"text": "twofold"},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_context = {"default_mode": "auto", "other_language": "en" if CHINESE else "zh"}

NOT_OURS = ("get_metadata_routing", "set_output")  # scikit-learn's, whose docstrings point into its own manual


def skip_what_is_not_ours(_app: object, _what: str, name: str, *_: object) -> bool | None:
    """Leave out of the reference what scikit-learn adds to every estimator."""
    return True if name in NOT_OURS or name.endswith("_request") else None


WORDS = {  # of the theme, whose Chinese lacks them
    "Collapse Sidebar": "收起侧栏",
    "Color mode": "颜色模式",
    "Expand Sidebar": "展开侧栏",
    "System Settings": "跟随系统",
}


def add_words(_app: object) -> None:
    """Put the theme's missing words into its Chinese."""
    translators["general", "sphinx"]._catalog.update(WORDS)  # type: ignore[attr-defined]


def setup(app: object) -> None:
    """Let Sphinx call what is ours."""
    if CHINESE:
        languages["zh"] = ChineseSearch
        app.connect("builder-inited", add_words)  # type: ignore[attr-defined]
    app.connect("autodoc-skip-member", skip_what_is_not_ours)  # type: ignore[attr-defined]
