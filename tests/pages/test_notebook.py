"""What results show in a notebook: short names, tables and formulas of HTML, pictures, and a bar that moves."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from twofold import (
    LinearRegression,
    Network,
    Progress,
    Recipe,
    check_gradients,
    compare_engines,
    find_rate,
    initialize,
    load_dataset,
    open_engine,
    solve_least_squares,
    trace,
    train,
)
from twofold.data import Dataset, Samples
from twofold.inspect.demonstrations import batch_mean
from twofold.pages.notebook import notebook_display
from twofold.statistics import anova, glm, lm, quantile_regression, solve_glm, solve_multinomial, solve_quantile

HOUSES, ANIMALS = load_dataset("houses"), load_dataset("toy-animals")
X, y = HOUSES.train.X, HOUSES.train.y
TABLE = {"price": y[:, 0], "area": X[:, 0], "age": X[:, 1]}
RIDGE = Recipe(epochs=2, batch_size=32)


def engine():
    return open_engine("scratch", Network((4, 3)))


def records():
    return list(train(engine(), ANIMALS, RIDGE))


SHOWN = {
    "Dataset": lambda: HOUSES,
    "Dataset of images": lambda: ANIMALS,
    "Trace": lambda: trace(Network((4, 3)), initialize(Network((4, 3))), ANIMALS.test.X[:1], ANIMALS.test.y[:1]),
    "Summary": lambda: LinearRegression().fit(X, y[:, 0]).summary(),
    "LeastSquares": lambda: solve_least_squares(X, y),
    "lm": lambda: lm("price ~ area", TABLE),
    "summary of lm": lambda: lm("price ~ area", TABLE).summary(),
    "glm": lambda: glm("price ~ area", TABLE, family="gamma"),
    "quantile": lambda: quantile_regression("price ~ area", TABLE),
    "anova": lambda: anova(lm("price ~ area", TABLE)),
    "explain": lambda: batch_mean(language="zh"),
}
SHORT = SHOWN | {
    "Samples": lambda: HOUSES.train,
    "Epoch": lambda: records()[-1],
    "GradientReport": lambda: check_gradients(Network((4, 3))),
    "RateSweep": lambda: find_rate(engine(), ANIMALS, RIDGE, steps=20),
    "GlmSolution": lambda: solve_glm(X, y[:, 0], family="gamma"),
    "MultinomialSolution": lambda: solve_multinomial(X[:200], np.arange(200) * 7 % 3),
    "QuantileSolution": lambda: solve_quantile(X[:50], y[:50, 0]),
}


@pytest.mark.parametrize("name", [each for each in SHORT if each not in ("lm", "glm", "quantile", "anova")])
def test_what_a_result_is_takes_a_line(name):
    text = repr(SHORT[name]())
    assert len(text) <= 240
    assert "\n" not in text
    assert text[0] + text[-1] == "<>"
    assert " object at 0x" not in text


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_gets_html_that_can_be_read_whole(name):
    html = SHOWN[name]()._repr_html_()
    assert ET.fromstring(html).tag == "div"  # noqa: S314 - our own markup
    assert "<table" in html
    assert "<script" not in html
    assert "://" not in html.replace("http://www.w3.org/1998/Math/MathML", "")


def test_a_trace_has_its_formulas_in_mathml():
    assert SHOWN["Trace"]()._repr_html_().count("<math") > 10


def test_names_from_data_are_no_markup():
    data = Dataset("<b>", Samples([[1.0], [2.0]], [0, 1]), classes=("<script>", "\x1b[2J"), features=("<i>",))
    assert "<b>" not in data._repr_html_()
    assert "<script>" not in data._repr_html_()
    assert "\x1b" not in data._repr_html_() + repr(data)


def test_a_bare_data_set_tells_its_shapes():
    assert (
        repr(Dataset("mine", Samples(X, y[:, 0]))) == "<Dataset mine: 1000 training samples of 2 features; y (1000,)>"
    )
    assert repr(HOUSES.standardized().train) == "<1000 samples: X (1000, 2) float64, y (1000, 1) float64>"


def test_a_long_list_of_names_is_cut():
    names = tuple(f"c{k}" for k in range(100))
    html = Dataset("wide", Samples(np.zeros((2, 100)), [0, 1]), classes=("a", "b"), features=names)._repr_html_()
    assert "and 88 more" in html
    assert "c99" not in html


@pytest.mark.torch
def test_a_comparison_takes_a_line():
    pytest.importorskip("torch")
    (record,) = compare_engines(Network((4, 3)), ANIMALS, Recipe(epochs=1))
    assert repr(record) == f"<{record}>"


def test_a_list_of_pictures_shows_their_figure():
    from twofold.plots import activation_plots, panels

    figure = activation_plots(["relu", "tanh"])._repr_svg_()
    assert "relu" in figure
    assert "tanh" in figure
    assert "<svg" in panels(2)._repr_svg_()


class Notebook:
    """Stands for IPython's display."""

    def __init__(self):
        self.pictures = []

    def display(self, picture, *, raw, display_id):
        self.pictures.append(picture)
        return self

    def update(self, picture, *, raw):
        self.pictures.append(picture)


def bars(notebook):
    found = [ET.fromstring(f"<p>{each['text/html']}</p>")[0] for each in notebook.pictures]  # noqa: S314
    return [(bar.tag, float(bar.get("value")), int(bar.get("max"))) for bar in found]


def test_a_notebooks_bar_grows_within_an_epoch_to_its_end(monkeypatch):
    monkeypatch.setattr("twofold.callbacks.REDRAWN", 0.0)
    notebook = Notebook()
    list(train(engine(), ANIMALS, RIDGE, Progress(display=notebook.display)))
    values = [value for _, value, _ in bars(notebook)]
    assert values == sorted(values)
    assert values[:4] == [0.25, 0.5, 0.75, 1.0]
    assert bars(notebook)[-1] == ("progress", 2.0, 2)
    assert notebook.pictures[-1]["text/plain"].startswith("epoch 2/2  loss ")


def test_a_terminals_bar_gives_way_to_the_epochs_line(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("twofold.callbacks.REDRAWN", 0.0)
    stream = Terminal()
    list(train(engine(), ANIMALS, RIDGE, Progress(stream)))
    drawn = stream.getvalue().split("\r")
    assert drawn[2].rstrip() == f"epoch 1/2  [{'#' * 15}{'-' * 15}]  50 %"
    lines = [each for each in drawn if each.startswith("\x1b[K")]
    assert [line.split("  ")[0] for line in lines] == ["\x1b[Kepoch 1/2", "\x1b[Kepoch 2/2"]


def test_outside_of_a_notebook_there_is_no_display():
    assert notebook_display() is None
