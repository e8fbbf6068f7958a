"""A trace holds the numbers that the engines compute, for every loss and activation there is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import every_one, every_pair, random_dataset
from twofold import Network, Recipe, initialize, open_engine, trace
from twofold.cli import main
from twofold.errors import DataError, SpecificationError
from twofold.functions import ACTIVATIONS, LOSSES, softmax
from twofold.inspect import find_entry
from twofold.inspect.tracing.formats import FORMATS, render, render_entries
from twofold.inspect.tracing.html import render_html
from twofold.inspect.tracing.markdown import render_markdown
from twofold.inspect.tracing.text import render_text
from twofold.pages.layout import width


def followed(network: Network, n: int = 3, **options):
    """A trace of random samples, and what it was made from."""
    data = random_dataset(network, n)
    parameters = tuple(
        replace(layer, b=np.linspace(-0.5, 0.5, len(layer.b)))
        for layer in initialize(network, 1, initialization="xavier")
    )
    return trace(network, parameters, data.train.X, data.train.y, **options), parameters, data.train


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("activation", "loss"), every_one(ACTIVATIONS, LOSSES))
def test_every_number_is_the_engine_s(activation, loss, n):
    network = Network((3, 4, 5, 2), activation, loss)
    paper, parameters, samples = followed(network, n, learning_rate=0.25)
    engine = open_engine("scratch", network, parameters=parameters, dtype="float64")
    outputs = engine.outputs(samples.X)
    np.testing.assert_array_equal(paper["o" if n == 1 else "O"], outputs)
    assert paper["L"] == LOSSES[loss].value(outputs, samples.y)
    gradients = engine.gradients(samples.X, samples.y)
    engine.load(samples.X, samples.y)
    engine.start(Recipe(batch_size=n))
    engine.step(np.arange(n), 0.25)
    for number, (slope, after) in enumerate(zip(gradients, engine.parameters(), strict=True), start=1):
        np.testing.assert_allclose(paper[f"dW{number}"], slope.W, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(paper[f"db{number}"], slope.b, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(paper[f"W{number}_new"], after.W, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(paper[f"b{number}_new"], after.b, rtol=1e-14, atol=1e-16)
    after = LOSSES[loss].value(engine.outputs(samples.X), samples.y)
    assert float(paper["L_new"]) == pytest.approx(after, rel=1e-12)


@pytest.mark.parametrize(("normalization", "n"), [("batch", 2), ("batch", 5), ("layer", 1), ("layer", 4)])
def test_normalised_layers_are_traced_with_the_engine_s_numbers(normalization, n):
    network = Network((3, 4, 5, 2), ("tanh", "silu"), normalization=normalization)
    data = random_dataset(network, n)
    draw = np.random.default_rng(0)
    parameters = tuple(
        replace(layer, **{name: draw.normal(size=layer.b.shape) for name in layer.arrays if name in ("b", "gamma")})
        for layer in initialize(network, 1, initialization="xavier")
    )
    paper = trace(network, parameters, data.train.X, data.train.y, learning_rate=0.25)
    engine = open_engine("scratch", network, parameters=parameters, dtype="float64")
    for number, slope in enumerate(engine.gradients(data.train.X, data.train.y), start=1):
        for name, array in slope.arrays.items():
            np.testing.assert_allclose(paper[f"d{name}{number}"], array, rtol=1e-12, atol=1e-15)
            old = parameters[number - 1].arrays[name]
            np.testing.assert_allclose(paper[f"{name}{number}_new"], old - 0.25 * array, rtol=1e-14, atol=1e-16)
    a_hat = paper["a1_hat" if n == 1 else "A1_hat"]
    np.testing.assert_allclose(a_hat.mean(axis=0 if normalization == "batch" else 1), 0, atol=1e-12)
    assert "passed" in str(paper)
    assert f"{normalization} normalisation" in str(paper)
    entry = find_entry(paper, "gamma2[3]")
    assert entry.related["from central differences"] == pytest.approx(entry.related["gradient by hand"], abs=1e-6)
    assert find_entry(paper, "a1[0,2]" if n == 1 else "A1[0,2]").worked.count("·") == 3
    assert render_html(paper).count("<math") >= sum(bool(step.latex) for step in paper.steps)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_terms_of_a_loss_add_up_to_it(loss):
    paper, _, samples = followed(Network((3, 4), loss=loss))
    losses, _ = LOSSES[loss].samples(paper["O"], samples.y)
    np.testing.assert_array_equal(paper["l"], losses)
    assert float(paper["L"]) == pytest.approx(losses.mean())
    if LOSSES[loss].targets.compete:
        np.testing.assert_allclose(paper["E"] / paper["t"], softmax(paper["O"]), rtol=1e-15)
        np.testing.assert_array_equal(paper["Y_hat"], paper["E"] / paper["t"])
        np.testing.assert_array_equal(paper["S"], paper["O"] - paper["m"])
        np.testing.assert_array_equal(paper["Y"].argmax(axis=1), samples.y)


@pytest.mark.parametrize(("activation", "loss"), every_one(ACTIVATIONS, LOSSES))
def test_central_differences_agree_with_every_gradient(activation, loss):
    paper, _, _ = followed(Network((3, 4, 2), activation, loss))
    (check,) = (step for step in paper.steps if step.title.endswith("central differences"))
    assert "passed" in check.note
    assert len(check.table.rows) == 13  # the twelve largest entries and a direction
    for name, by_hand, _, differences, apart in check.table.rows:
        assert differences == pytest.approx(by_hand, abs=1e-8), name
        assert apart == abs(by_hand - differences)


@pytest.mark.torch
def test_autograd_stands_beside_every_gradient():
    paper, _, _ = followed(Network((3, 4, 2), "tanh"))
    for name in ("dW1", "db1", "dW2", "db2"):
        np.testing.assert_allclose(paper[f"{name}_autograd"], paper[name], rtol=1e-12, atol=1e-15)


def test_without_pytorch_the_trace_says_so(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "twofold.engines.concise", raising=False)
    paper, _, _ = followed(Network((3, 4, 2)))
    assert "PyTorch is not installed" in str(paper)
    assert "dW1_autograd" not in paper.arrays


def test_a_planted_wrong_slope_is_seen(monkeypatch):
    right = LOSSES["squared"]

    def wrong(o, y, xp):
        losses, slope = right.pair(o, y, xp)
        return losses, 1.001 * slope

    monkeypatch.setitem(LOSSES, "squared", replace(right, pair=wrong))
    paper, _, _ = followed(Network((3, 2), loss="squared"))
    assert "FAILED" in str(paper)


@pytest.mark.torch
def test_a_loss_that_came_into_the_registry_later_is_traced_with_its_formula(monkeypatch):
    def cubed(o, y, xp):
        r = o - y
        return xp.abs(r) * r * r / 3, r * xp.abs(r)

    cube = replace(LOSSES["squared"], pair=cubed, formula="abs(o - y)**3 / 3", slope_formula="(o - y) * abs(o - y)")
    monkeypatch.setitem(LOSSES, "cubed", cube)
    network = Network((3, 2), loss="cubed")
    data = random_dataset(network, 2)
    text = str(trace(network, initialize(network), data.train.X, data.train.y))
    assert "l(o, y) = abs(o - y)^3 / 3" in text
    assert "dO = (1/2) ((O - Y) abs(O - Y))" in text
    assert "passed" in text


def test_capital_letters_for_a_batch_and_small_ones_for_a_sample():
    one, _, _ = followed(Network((4, 3)), 1)
    assert list(one.arrays)[:5] == ["x", "W", "b", "eta", "o"]
    assert [step.plain for step in one.steps][3] == "o = x W + b"
    batch, _, _ = followed(Network((4, 5, 3)))
    formulas = [step.plain for step in batch.steps]
    assert "Z1 = X W1 + b1" in formulas
    assert "O = H1 W2 + b2" in formulas
    assert "dO = (1/3) (Y_hat - Y)" in formulas
    assert "dW2 = H1^T dO" in formulas
    assert next(step.shapes for step in batch.steps if step.plain.startswith("dW2")) == "(5, 3) = (5, 3) (3, 3)"


def test_the_worked_line_is_right(animals):
    network = Network((4, 3))
    paper = trace(network, initialize(network, initialization="xavier"), animals.test.X[:1], animals.test.y[:1])
    (line,) = (step.worked for step in paper.steps if step.title == "Outputs")
    left, result = line.removeprefix("o[0, 0] = ").rsplit(" = ", 1)
    assert eval(left.replace("·", "*")) == pytest.approx(float(result), abs=1e-3)  # noqa: S307 - our own text
    assert len(re.findall("·", left)) == 4


def test_entries_are_found_by_their_index():
    paper, parameters, _ = followed(Network((4, 5, 3)), 1)
    entry = find_entry(paper, "W1[3,2]")
    assert entry.value == parameters[0].W[3, 2]
    assert entry.related["gradient by hand"] == paper["dW1"][3, 2]
    assert entry.related["from central differences"] == pytest.approx(paper["dW1"][3, 2], abs=1e-9)
    assert entry.related["after the step"] == paper["W1_new"][3, 2]
    assert find_entry(paper, "o[2]").value == find_entry(paper, "o[0, 2]").value == paper["o"][0, 2]
    assert find_entry(paper, "L").value == paper["L"]
    assert find_entry(paper, "z1[4]").worked.startswith("z1[0, 4] = ")
    single, parameters, _ = followed(Network((4, 3)), 2)
    assert find_entry(single, "W1[1, 2]").name == "W[1, 2]"
    assert find_entry(single, "b[1]").related["from central differences"] == pytest.approx(single["db"][1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("W1", r"entry 'W1': W1 is \(4, 5\); give 2 places from 0, within it"),
        ("W1[4,0]", r"entry 'W1\[4,0\]': W1 is \(4, 5\)"),
        ("W1[3;7]", r"entry 'W1\[3;7\]' can't be read"),
        ("W1[-1,0]", "can't be read"),
        ("", "can't be read"),
        ("Z[0,0]", "unknown array 'Z'"),
    ],
)
def test_an_entry_that_is_not_there_is_refused(text, message):
    paper, _, _ = followed(Network((4, 5, 3)), 1)
    with pytest.raises(SpecificationError, match=message):
        find_entry(paper, text)


def test_in_a_large_network_differences_are_taken_where_asked():
    paper, _, _ = followed(Network((40, 60, 3)), 1, entries=["W1[3,7]", "db2[1]", "o[0]"])
    asked = find_entry(paper, "W1[3,7]")
    assert asked.related["from central differences"] == pytest.approx(paper["dW1"][3, 7], abs=1e-9)
    assert "from central differences" not in find_entry(paper, "W1[0,0]").related
    assert "dW1[3, 7]" in str(paper)
    with pytest.raises(SpecificationError, match="has no coordinate 'W1\\[99, 0\\]'"):
        followed(Network((40, 60, 3)), 1, entries=["W1[99,0]"])


def test_large_matrices_are_cut_and_shown_whole_on_demand():
    paper, _, _ = followed(Network((40, 60, 3)), 1)
    text = render_text(paper)
    assert "W1 (40, 60) =" in text
    assert "..." in text
    assert max(map(len, text.splitlines())) < 140
    assert len(render_text(paper, most=10**9)) > 5 * len(text)
    assert "\\ddots" in render_markdown(paper)
    assert "…" in render_html(paper)


def test_json_holds_the_numbers():
    paper, parameters, _ = followed(Network((4, 5, 3)), 2)
    found = json.loads(render(paper, "json"))
    arrays = {array["name"]: array for step in found["steps"] for array in step["arrays"]}
    np.testing.assert_array_equal(arrays["W1"]["values"], parameters[0].W)
    np.testing.assert_array_equal(arrays["dW2"]["values"], paper["dW2"])
    assert found["network"] == {
        "widths": [4, 5, 3],
        "activations": ["relu"],
        "loss": "cross_entropy",
        "normalization": None,
    }
    large, _, _ = followed(Network((40, 60, 3)), 1)
    arrays = {array["name"]: array for step in large_steps(large) for array in step["arrays"]}
    assert "values" not in arrays["W1"]
    assert arrays["W1"]["norm"] == pytest.approx(np.linalg.norm(large["W1"]))
    whole = {array["name"]: array for step in large_steps(large, full=True) for array in step["arrays"]}
    np.testing.assert_array_equal(whole["W1"]["values"], large["W1"])
    entry = json.loads(render_entries([find_entry(paper, "W1[0,0]")], "json"))["entries"][0]
    assert entry["value"] == parameters[0].W[0, 0]


def large_steps(paper, **options):
    return json.loads(render(paper, "json", **options))["steps"]


def test_markdown_and_html_hold_each_formula_and_escape_names():
    paper, _, _ = followed(Network((4, 3)), 1, classes=["<dog>", "a|b", "c"])
    markdown = paper._repr_markdown_()
    assert markdown.count("$$") == 2 * len(re.findall(r"^\$\$$", markdown, flags=re.MULTILINE)) / 2
    assert r"\mathbf{o} = \mathbf{x} \mathbf{W} + \mathbf{b}" in markdown
    html = render(paper, "html")
    assert "&lt;dog&gt;" in html
    assert "<dog>" not in html
    assert html.count("<math") >= sum(bool(step.latex) for step in paper.steps)
    assert "<script" not in html
    assert not re.search(r"https?://(?!www\.w3\.org)", html)  # namespaces are names, not addresses


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_has_every_step(style):
    paper, _, _ = followed(Network((4, 3, 3)), 1)
    written = render(paper, style)
    for step in paper.steps:
        assert step.title in written.replace("\\_", "_")


def test_a_relu_network_s_prediction_is_explained_by_its_affine_map():
    paper, _, _ = followed(Network((4, 8, 3)), 1, features=["a", "b", "c", "d"])
    step = paper.steps[-1]
    assert step.part == "explanation"
    np.testing.assert_allclose(paper["x"] @ paper["W_at_x"] + paper["b_at_x"], paper["o"], rtol=1e-12)
    *parts, (last, _, _, total) = step.table.rows
    assert last == "sum"
    assert sum(row[3] for row in parts) == pytest.approx(total)
    assert {row[0] for row in parts} == {"a", "b", "c", "d", "bias"}
    curved, _, _ = followed(Network((4, 8, 3), "tanh"), 1)
    assert curved.steps[-1].part == "check"


def test_what_cannot_be_traced_is_refused():
    network = Network((4, 3))
    parameters = initialize(network)
    with pytest.raises(SpecificationError, match="learning_rate is 0"):
        trace(network, parameters, np.ones((1, 4)), [0], learning_rate=0)
    with pytest.raises(DataError, match="a trace shows at most 64"):
        trace(network, parameters, np.ones((65, 4)), np.zeros(65, dtype=int))
    with pytest.raises(DataError, match="4 inputs"):
        trace(network, parameters, np.ones((1, 3)), [0])
    network = Network((4, 5, 3), normalization="batch")
    with pytest.raises(DataError, match="give two or more"):
        trace(network, initialize(network), np.ones((1, 4)), [0])


def test_the_page_in_the_documentation_is_what_the_command_writes(capsys):
    page = Path(__file__).parents[2] / "docs" / "trace.md"
    if not page.is_file():
        pytest.skip("the documentation is out of reach")
    assert main(["trace", "toy-animals", "--format", "markdown"]) == 0
    calculated, _, _ = capsys.readouterr().out.partition("## Checked")  # what follows holds rounding errors
    assert page.read_text(encoding="utf-8").startswith(calculated)


def test_many_named_outputs_of_a_sample_stand_below_each_other():
    names = [f"a class with a long name {letter}" for letter in "abcdefghij"]
    paper, _, _ = followed(Network((4, 10)), 1, classes=names)
    lines = [line.split() for line in render_text(paper).splitlines()]
    for name, value in zip(names, paper["y_hat"][0], strict=True):
        assert [*name.split(), f"{value:.4g}"] in lines


def words_of(paper):
    """Every title, note and heading of a trace's steps."""
    for step in paper.steps:
        yield from (text for text in (step.title, step.note) if text)
        if step.table is not None:
            yield from step.table.columns


@pytest.mark.parametrize(
    ("loss", "n", "normalization"),
    every_pair(LOSSES, (1, 2), (None, "layer")) + [(loss, 2, "batch") for loss in LOSSES],
)
def test_a_trace_is_chinese_from_the_first_title_to_the_last_note(loss, n, normalization):
    paper, _, _ = followed(Network((3, 4, 2), "relu", loss, normalization=normalization), n)
    chinese = paper.in_language("zh")
    for english, text in zip(words_of(paper), words_of(chinese), strict=True):
        assert english == "x" or re.search("[\u4e00-\u9fff]", text), english
        assert sorted(re.findall(r"\d(?:[\d.e+-]*\d)?", english)) == sorted(re.findall(r"\d(?:[\d.e+-]*\d)?", text))
    assert all(paper[name] is chinese[name] for name in paper.arrays)


def test_a_trace_in_chinese_is_written_in_each_format_and_its_lines_fit(capsys):
    assert main(["trace", "toy-animals", "--hidden", "3", "--language", "zh"]) == 0
    out = capsys.readouterr().out
    assert "toy-animals，测试样本 0，经过 4-3-3，relu，交叉熵" in out
    assert "前向传播\n========" in out
    assert max(map(width, out.splitlines())) <= 80
    assert main(["trace", "toy-animals", "--language", "zh", "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert '<html lang="zh-Hans">' in page
    assert "反向传播" in page
    assert main(["trace", "toy-animals", "--language", "zh", "--format", "markdown"]) == 0
    assert "形状：`" in capsys.readouterr().out


def test_names_from_data_stay_as_they_are_in_chinese():
    network = Network((2, 3, 2), "relu")
    X, y = np.ones((1, 2)), np.array([0])
    paper = trace(network, initialize(network), X, y, features=("weight", "New York"), classes=("Loss", "entry"))
    text = str(paper.in_language("zh"))
    assert all(name in text for name in ("weight", "New York", "Loss", "entry"))
