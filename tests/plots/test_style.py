"""One style for all pictures: themes, languages, files."""

from __future__ import annotations

import re
import threading
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from twofold.errors import SpecificationError, UnknownNameError
from twofold.plots import confusion_matrix, image_grid, network_diagram, panels, residual_plot, save, style, svg
from twofold.plots import language as language_module
from twofold.plots.confusion import STRONGEST
from twofold.plots.language import MissingFontWarning, chinese_font
from twofold.plots.style import DARK, LIGHT, luminance, theme_on

needs_chinese = pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters is installed")


def texts(picture) -> list[str]:
    tree = ET.fromstring(svg(picture))  # noqa: S314 - our own picture
    return ["".join(node.itertext()).strip() for node in tree.iter("{http://www.w3.org/2000/svg}text")]


def contrast(one: str, other: str) -> float:
    lower, higher = sorted((luminance(one), luminance(other)))
    return (higher + 0.05) / (lower + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_lines_can_be_read_on_the_paper(theme):
    for ink in (theme.ink, theme.soft, theme.wrong):
        assert contrast(ink, theme.paper) >= 4.5  # WCAG AA for text
    for color in (*theme.colors[:4], theme.low, theme.high):
        assert contrast(color, theme.paper) >= 2.9
    strongest = STRONGEST * np.array(to_rgb(theme.colors[0])) + (1 - STRONGEST) * np.array(to_rgb(theme.paper))
    assert contrast(theme.ink, strongest) >= 4.5  # counts on the cells of a confusion matrix
    assert len({*theme.colors, theme.low, theme.high, theme.wrong, theme.ink, theme.soft, theme.faint}) == 14


def as_seen_without(cone: np.ndarray, color: str) -> np.ndarray:
    """Machado et al. 2009 (doi:10.1109/TVCG.2009.113), severity 1, on linear RGB."""
    parts = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return cone @ linear


PROTAN = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]])
DEUTAN = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("cone", [PROTAN, DEUTAN], ids=["protanopia", "deuteranopia"])
def test_the_colour_blind_can_tell_the_first_colours_and_the_signs_apart(theme, cone):
    pairs = [(a, b) for index, a in enumerate(theme.colors[:4]) for b in theme.colors[:index]]
    for one, other in [*pairs, (theme.low, theme.high)]:
        assert np.linalg.norm(as_seen_without(cone, one) - as_seen_without(cone, other)) > 0.12


def test_a_style_holds_in_its_block_and_nowhere_else():
    before = dict(matplotlib.rcParams)
    with style("dark"):
        (ax,) = panels(1)
        other = []
        thread = threading.Thread(target=lambda: other.extend(panels(1)))
        thread.start()
        thread.join()
    assert to_hex(ax.get_facecolor()) == DARK.paper
    assert to_hex(other[0].get_facecolor()) == LIGHT.paper
    assert to_hex(panels(1)[0].get_facecolor()) == LIGHT.paper
    assert dict(matplotlib.rcParams) == before


def test_given_axes_keep_their_paper_and_get_ink_that_can_be_read():
    figure = Figure(facecolor="black")
    ax = figure.subplots()
    ax.set_facecolor("none")
    assert theme_on(ax) is DARK
    assert residual_plot(np.arange(3.0), np.zeros(3), ax=ax) is ax
    assert ax.xaxis.label.get_color() == DARK.ink
    assert to_hex(figure.get_facecolor()) == "#000000"


def test_pyplot_is_never_asked():
    import subprocess
    import sys

    script = (
        "import sys, twofold.plots as p; p.svg(p.network_diagram((4, 3))); print('matplotlib.pyplot' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_an_svg_holds_real_text_and_is_the_same_bytes_again(tmp_path):
    def draw():
        return confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["cat", "dog"])

    assert {"cat", "dog", "predicted class", "actual class"} <= set(texts(draw()))
    save(draw(), tmp_path / "one.svg")
    save(draw().figure, tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_an_adaptive_svg_turns_every_colour_dark_on_a_dark_screen_and_is_light_to_any_other_viewer():
    with style("auto"):
        text = svg(network_diagram((4, 3)))
    plain = svg(network_diagram((4, 3)))
    sheet = re.search(r"\n  <style>(.*?)</style>", text, flags=re.DOTALL)
    assert text.replace(sheet[0], "") == plain
    assert sheet[1].startswith("@media screen and (prefers-color-scheme: dark)")
    turned = dict(re.findall(r'\[style\*="((?:fill|stroke): #\w+)"\] { ((?:fill|stroke): #\w+) !important }', sheet[1]))
    assert turned[f"fill: {LIGHT.paper}"] == f"fill: {DARK.paper}"
    assert turned[f"fill: {LIGHT.ink}"] == f"fill: {DARK.ink}"
    texts = re.findall(r"<text [^>]*(fill: #\w+)", plain)
    assert texts
    assert set(texts) <= set(turned)
    ET.fromstring(text)  # noqa: S314 - our own picture


def test_a_picture_with_an_image_stays_light():
    with style("auto"):
        assert "prefers-color-scheme" not in svg(image_grid(np.zeros((1, 2, 2))))


def test_a_picture_shows_itself_in_a_notebook():
    assert network_diagram((4, 3))._repr_svg_().startswith("<?xml")
    assert panels(1)[0].figure._repr_svg_().startswith("<?xml")


@needs_chinese
def test_chinese_is_written_in_a_font_that_has_it():
    with style(language="zh"):
        ax = confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["cat", "dog"])
    found = texts(ax)
    assert "预测类别" in found
    assert "cat" in found  # names are not words
    # And no glyph is missing: that would warn, and warnings are errors here.


def test_without_a_chinese_font_english_is_written_and_a_warning_says_so(monkeypatch):
    monkeypatch.setattr(language_module, "chinese_font", lambda: None)
    with pytest.warns(MissingFontWarning, match="install one, such as Noto Sans CJK SC"), style(language="zh"):
        assert residual_plot(np.arange(3.0), np.zeros(3)).get_xlabel() == "fitted value"


def test_a_wrong_theme_or_language_is_refused():
    with pytest.raises(UnknownNameError, match="unknown theme 'drak'; did you mean 'dark'"), style("drak"):
        pass
    with pytest.raises(UnknownNameError, match="unknown language 'cn'"), style(language="cn"):
        pass
    with pytest.raises(SpecificationError, match="0 panels in 1 columns"):
        panels(0)


def test_a_dollar_sign_in_a_name_is_one():
    ax = confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["$5$", "a$b$"])
    assert {"$5$", "a$b$"} <= set(texts(ax))
    assert {"$x$", "$y$"} <= set(texts(image_grid(np.zeros((2, 2, 2)), ["$x$", "$y$"])))


def test_every_word_of_the_pictures_has_its_chinese():
    import ast
    from pathlib import Path

    from twofold import pictures
    from twofold.plots.words import CHINESE

    files = [*Path(language_module.__file__).parent.glob("*.py"), Path(pictures.__file__)]
    said = set()
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text()))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("say", "style_axes", "caption")
        ):
            values = [*node.args, *(word.value for word in node.keywords if word.arg in ("x", "y", "title"))]
            said |= {
                value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)
            }
    assert len(said) > 20
    assert said - {"x"} <= set(CHINESE)


def test_axes_that_lie_in_no_figure_are_not_saved(tmp_path):
    (ax,) = panels(1)
    ax.remove()
    with pytest.raises(SpecificationError, match="these Axes lie in no figure; there is nothing to save"):
        save(ax, tmp_path / "none.svg")
    assert list(tmp_path.iterdir()) == []
