"""Pictures of data with any names: no formula, no control character, no broken file, nothing left out."""

from __future__ import annotations

import html
import io
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

import hostile
from twofold import Network, initialize, plots, solve_least_squares
from twofold.errors import SpecificationError
from twofold.plots.saving import whole_figure
from twofold.report.drawings import inline
from twofold.scores import Estimate
from twofold.solvers.summary import summarize
from twofold.text import visible

NAMES = (r"$\frac{$", "$x_1$ $", "\x1b[2J", "a\u202eb", "\ud800", "<script>&amp;", "_hidden", 'id="a url(#b')
RNG = np.random.default_rng(0)
q = len(NAMES)
ACTUAL, PREDICTED = np.arange(4 * q) % q, np.arange(4 * q) % 3
P = np.eye(q)[PREDICTED]
IMAGES = RNG.random((4 * q, 3, 3))
X = RNG.standard_normal((4 * q, 2))
RUN = [SimpleNamespace(epoch=1, loss=0.5, test_loss=0.6, train_accuracy=0.5, test_accuracy=0.4)]


def summary():
    wide = RNG.standard_normal((40, q))
    fit = solve_least_squares(wide, wide @ np.ones((q, 1)) + RNG.standard_normal((40, 1)))
    return summarize(fit, names=NAMES, target_names=[NAMES[0]])


def curves(kind, **words):
    values = NAMES if kind == "category" else tuple(range(q))
    own = {"column": NAMES[0], "kind": kind, "values": values, "counts": (1,) * q, "outputs": NAMES[1:2]}
    own |= {"of_classes": True} | words
    y = RNG.random((q, len(own["outputs"])))
    return SimpleNamespace(**own, mean=y, low=y - 1, high=y + 1)


def line(points):
    return points.sum(axis=1, keepdims=True)


PICTURES = {
    "confusion": lambda: plots.confusion_matrix(ACTUAL, PREDICTED, NAMES),
    "coefficients": lambda: plots.coefficient_plot(summary()),
    "diagram": lambda: plots.network_diagram(Network((q, q)), initialize(Network((q, q))), inputs=NAMES, outputs=NAMES),
    "images": lambda: plots.image_grid(IMAGES[:q], NAMES),
    "predictions": lambda: plots.prediction_grid(IMAGES, ACTUAL, PREDICTED, NAMES),
    "mistakes": lambda: plots.confident_mistakes(IMAGES, ACTUAL, P, NAMES),
    "weights": lambda: plots.weight_images(RNG.random((9, q)), (3, 3), NAMES),
    "runs": lambda: plots.training_curves(dict.fromkeys(NAMES, RUN)),
    "regions": lambda: plots.decision_regions(lambda X: np.ones((len(X), q)) / q, X, ACTUAL, NAMES, features=NAMES[:2]),
    "activations": lambda: plots.activation_distributions([X] * q, NAMES),
    "gradients": lambda: plots.gradient_distributions([X] * q, NAMES),
    "surface": lambda: plots.loss_surface(
        X, line(X)[:, 0], np.array([1.0, 1.0, 0.0]), dict.fromkeys(NAMES, np.zeros((2, 3))), names=[*NAMES[:2], "b"]
    ),
}
PICTURES |= {
    "importance": lambda: plots.importance_plot([Estimate(name, 1.0, 0.5, 1.5, "") for name in NAMES]),
    "categories": lambda: plots.dependence_plot(curves("category")),
    "dependence": lambda: plots.dependence_plot(curves("number", outputs=NAMES)),
    "line": lambda: plots.fit_plot(line, X[:, :1], line(X[:, :1]), features=NAMES[:1], target=NAMES[2]),
    "plane": lambda: plots.fit_plot(line, X, line(X), features=NAMES[:2], target=NAMES[2]),
}
SHOWN = {
    "predictions": 3,
    "mistakes": 3,
    "gradients": 3,
    "diagram": 3,
    "regions": q,
    "line": 1,
    "plane": 3,
}  # of the names; all otherwise


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - our own


@pytest.mark.parametrize("name", PICTURES)
def test_names_are_words_in_every_picture(name):
    svg = plots.svg(PICTURES[name]())
    found = "".join(f"[{text.strip()}]" for text in texts(svg))
    assert not hostile.steers(svg)
    for each in NAMES[: SHOWN.get(name)]:
        assert visible(each) in found


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_pixels_are_drawn(name, tmp_path):
    plots.save(PICTURES[name](), tmp_path / "a.png", dpi=30)


@pytest.mark.parametrize("name", PICTURES)
def test_tex_runs_on_no_name(name):
    with matplotlib.rc_context({"text.usetex": True}):
        figure = whole_figure(PICTURES[name]())
    shown = {visible(each) for each in NAMES}
    named = [t for t in figure.findobj(Text) if t.get_visible() and any(name in t.get_text() for name in shown)]
    assert named
    assert not any(text.get_usetex() for text in named)
    with pytest.raises(SpecificationError, match="a picture's name ends in one of"):
        plots.check_picture("a.pgf")


def test_within_a_page_a_name_that_looks_like_an_id_stays():
    page = inline(plots.svg(PICTURES["images"]()), "p1-", "label")
    assert html.escape('id="a url(#b', quote=False) in page
    assert 'id="p1-figure_1"' in page


def test_a_name_too_long_for_a_picture_is_cut_where_it_can_be_seen():
    ax = plots.confusion_matrix(np.array([0, 1]), np.array([0, 1]), ["x" * 200, "b"])
    (label, _) = (text.get_text() for text in ax.get_yticklabels())
    assert label.endswith("x…")
    assert len(label) == 40
    ax.figure.savefig(io.BytesIO(), format="png", dpi=30)
