"""A report tells what was trained on what, how well, and how to repeat it; its numbers are right."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from helpers import random_dataset
from twofold import Network, Recipe, Samples, initialize, load_dataset, open_engine, train
from twofold.cli import main
from twofold.cli.options import Hardware, JobOptions, takes
from twofold.cli.repeat_command import repeat_command
from twofold.cli.table_options import TableOptions
from twofold.data import data_hash
from twofold.errors import DataError, SpecificationError
from twofold.functions import LOSSES
from twofold.models import build_network, in_data_units
from twofold.plots import residual_plot
from twofold.plots.language import chinese_font
from twofold.recipe import nest
from twofold.report import Subject, render_comparison, render_report
from twofold.report.blocks import Drawing
from twofold.report.drawings import Easel, inline
from twofold.report.intervals import mean, written
from twofold.report.scores import scores
from twofold.saving import Model
from twofold.scores import class_scores, wilson


def trained(name: str, model: str = "softmax", epochs: int = 2, **options):
    """A model trained on a set of the catalogue, and the set in its own units."""
    raw = load_dataset(name)
    data = raw.standardized() if raw.needs_scaling else raw
    engine = open_engine("scratch", build_network(model, data, **options), initialization="xavier", dtype="float64")
    recipe = Recipe(epochs=epochs, batch_size=16)
    history = [in_data_units(epoch, data, engine.network.loss) for epoch in train(engine, data, recipe)]
    return Model.of(engine, data, raw=raw, recipe=recipe, history=history), raw


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawing out where a test is about words and numbers."""
    monkeypatch.setattr(Easel, "hang", lambda _self, _draw, caption, **_: Drawing("", caption))


class Text(HTMLParser):
    """What a person reads of a page, pictures left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in ("svg", "style", "title")

    def handle_endtag(self, tag):
        self._hidden -= tag in ("svg", "style", "title")

    def handle_data(self, data):
        if not self._hidden and data.strip():
            self.words.append(" ".join(data.split()))


def words(page: str) -> list[str]:
    return Text(page).words


def after(page: str, *names: str) -> str:
    """The word that follows these, in a row."""
    found = words(page)
    for i in range(len(found) - len(names)):
        if tuple(found[i : i + len(names)]) == names:
            return found[i + len(names)]
    raise AssertionError(f"{names} not in the page")


def test_a_report_tells_of_classes_what_the_model_says_itself():
    model, raw = trained("digits", epochs=3)
    page = render_report(Subject(model, raw, name="softmax", engine="scratch"))
    right = model.outputs(raw.test.X).argmax(axis=1) == raw.test.y
    assert words(page)[0] == "softmax 64-10 on digits"
    assert after(page, "test accuracy") == f"{right.mean():.4g}" == f"{model.history[-1].test_accuracy:.4g}"
    assert after(page, "mean loss (cross entropy)") == f"{model.history[-1].test_loss:.4g}"
    assert after(page, "log-likelihood") == f"{-360 * model.history[-1].test_loss:.4g}"
    low, high = wilson(right.sum(), 360)
    assert after(page, "accuracy", f"{right.mean():.4g}") == f"{low:.4g} to {high:.4g}"
    assert data_hash(raw.train) in page
    threes = raw.test.y == 3
    assert after(page, "3", str(threes.sum())) == f"{right[threes].mean():.4g}"
    assert after(page, "batch size") == "16"
    assert page.count("<figure>") == 8  # two curves, confusion, calibration, two of images, the network, the weights


def test_a_report_tells_of_numbers_in_their_own_units():
    model, raw = trained("houses", "linear", epochs=3)
    page = render_report(Subject(model, raw, name="linear"))
    residuals = raw.test.y - model.outputs(raw.test.X)
    rmse = np.sqrt(np.square(residuals).mean())
    assert after(page, "test RMSE") == after(page, "RMSE") == f"{rmse:.4g}"
    assert rmse == pytest.approx(np.sqrt(2 * model.history[-1].test_loss), rel=1e-6)
    assert after(page, "MAE") == f"{np.abs(residuals).mean():.4g}"
    total = np.square(raw.test.y - raw.test.y.mean()).sum()
    assert after(page, "R2") == f"{1 - np.square(residuals).sum() / total:.4g}"
    assert "price (1000 euros)" in page
    exact = model.scaling.unscale(model.parameters)[0].W[0, 0]
    assert after(page, "area (m^2)") in (f"{exact:.4g}", "age (years)")
    assert f"{exact:.4g}" in words(page)
    assert "standard error" in words(page)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_a_report(loss):
    network = Network((3, 4, 2), "tanh", loss)
    data = random_dataset(network, 30)
    classes = ("a", "b") if LOSSES[loss].targets.has_accuracy else ()
    data = replace(data, classes=classes)
    model = Model(network=network, parameters=initialize(network, initialization="xavier"), classes=classes)
    page = render_report(Subject(model, data))
    losses, _ = LOSSES[loss].samples(model.outputs(data.train.X), data.train.y)
    if classes:
        assert after(page, f"mean loss ({loss.replace('_', ' ')})") == f"{losses.mean():.4g}"
    assert "training set (there is no test set)" in page


def test_a_page_needs_nothing_else_and_escapes_names():
    model, raw = trained("toy-animals")
    names = ("<script>alert(1)</script>", "a & b", '"c"')
    raw = replace(raw, classes=names)
    model = replace(model, classes=names)
    page = render_report(Subject(model, raw, name="<b>", command="twofold train '<i>'"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert not re.search(r"url\((?!#)", page)


def test_the_same_run_gives_the_same_page():
    model, raw = trained("synthetic", "linear", epochs=1)
    assert render_report(Subject(model, raw)) == render_report(Subject(model, raw))


def test_pictures_on_one_page_have_ids_of_their_own():
    text = '<?xml version="1.0"?>\n<svg width="1"><metadata>who</metadata><a id="x"/><use href="#x" clip-path="url(#x)"/></svg>'
    assert inline(text, "p1-", "a <b>") == (
        '<svg role="img" aria-label="a &lt;b&gt;" width="1"><a id="p1-x"/><use href="#p1-x" clip-path="url(#p1-x)"/></svg>'
    )


def test_a_report_says_when_the_data_are_not_those_of_the_training(no_pictures):
    model, raw = trained("toy-animals")
    half = replace(raw, train=Samples(raw.train.X[:60], raw.train.y[:60]))
    assert "trained on other data than these" not in render_report(Subject(model, raw))
    assert "trained on other data than these" in render_report(Subject(model, half))


def test_data_of_another_shape_are_refused():
    model, _ = trained("toy-animals")
    with pytest.raises(DataError, match="digits has 64 features and 10 outputs; the model takes 4 and gives 3"):
        Subject(model, load_dataset("digits"))


def test_a_comparison_holds_pairs_against_each_other(no_pictures):
    one, raw = trained("digits", epochs=1)
    two, _ = trained("digits", epochs=6)
    subjects = Subject(one, raw, name="short"), Subject(two, raw, name="long")
    page = render_comparison(subjects)
    right = [s.model.outputs(raw.test.X).argmax(axis=1) == raw.test.y for s in subjects]
    assert after(page, "only short is right") == str((right[0] & ~right[1]).sum())
    assert after(page, "only long is right") == str((right[1] & ~right[0]).sum())
    assert float(after(page, "exact McNemar test").removeprefix("p = ")) < 0.05
    assert after(page, "epochs") == "1"
    assert after(page, "epochs", "1") == "6"
    apart = mean("", subjects[0].losses - subjects[1].losses)
    assert after(page, "mean loss, short less long") == written(apart)
    assert apart.low > 0


def test_what_cannot_be_compared_is_refused(no_pictures):
    model, raw = trained("toy-animals")
    with pytest.raises(SpecificationError, match="two runs or more with names of their own"):
        render_comparison([Subject(model, raw), Subject(model, raw)])
    with pytest.raises(SpecificationError, match="two runs or more"):
        render_comparison([Subject(model, raw)])
    other = replace(raw, test=None)
    with pytest.raises(DataError, match="different samples"):
        render_comparison([Subject(model, raw, name="a"), Subject(model, other, name="b")])
    linear, houses = trained("houses", "linear")
    with pytest.raises(DataError, match="predict different things: a classes, b numbers"):
        render_comparison([Subject(model, raw, name="a"), Subject(linear, houses, name="b")])


def test_the_interval_of_a_mean_covers_it_in_95_of_100_samples():
    draw = np.random.default_rng(0)
    found = [mean("", draw.exponential(size=150)) for _ in range(1000)]
    assert 920 <= sum(score.low < 1 < score.high for score in found) <= 970
    differences = mean("", -draw.exponential(size=150))
    assert differences.low < -1 < differences.high < 0


def test_a_single_sample_has_no_interval():
    assert np.isnan(mean("", np.array([1.0])).low)


def test_several_numbers_are_scored_one_by_one():
    network = Network((3, 2), loss="squared")
    data = random_dataset(network, 40)
    model = Model(network=network, parameters=initialize(network, initialization="xavier"))
    found = {score.name: score.value for score in scores(Subject(model, data))}
    errors = data.train.y - model.outputs(data.train.X)
    assert found["RMSE of output 1"] == pytest.approx(np.sqrt(np.square(errors[:, 1]).mean()))
    assert len(found) == 6


def run_json(capsys, *arguments: str) -> dict:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_in_a_report_repeats_the_run(capsys, tmp_path, no_pictures):
    path = tmp_path / "a run.html"
    options = (
        "--hidden 5 --optimizer momentum --momentum 0.8 --schedule step --decay-epochs 1.5 --short-last-batch "
        "--clip-norm 1 --seed 3 --init he --activation tanh --weight-decay 0.001 --epochs 3 --dtype float64"
    )
    result = run_json(capsys, "train", "mlp", "--data", "toy-animals", *options.split(), "--report", str(path))
    assert result["report"] == str(path)
    (command,) = (text for text in words(path.read_text(encoding="utf-8")) if text.startswith("twofold train"))
    for option in ("--momentum 0.8", "--short-last-batch", "--learning-rate 0.1", "--engine scratch", "--init he"):
        assert option in command
    again = run_json(capsys, *shlex.split(command)[1:])
    for record in (*result["epochs"], *again["epochs"]):
        record.pop("seconds")
    assert again["epochs"] == result["epochs"]


def test_every_option_is_in_the_command_when_it_is_not_as_usual():
    changed = JobOptions(
        model="mlp", data="my data", root="r", hidden="3,4", activation="tanh", loss="squared", dropout=0.1,
        init="he", sigma=0.5, recipe={
            "epochs": 9, "batch_size": 3, "even_batches": False, "learning_rate": 0.025, "optimizer": "nesterov",
            "momentum": 0.5, "weight_decay": 1e-5, "clip_norm": 2.0, "schedule": "step", "warmup_epochs": 0.25,
            "decay_epochs": 2.0, "decay_factor": 0.1, "seed": 7,
        },
    )  # fmt: skip
    recipe = Recipe(**nest(changed.recipe))
    machine = Hardware(engine="fused", dtype="float64", device="cuda", precision="bfloat16", threads=2)
    table = TableOptions(target="price (EUR)", header=False, test_fraction=0.3, kinds="zip=category", drop="a,b")
    command = repeat_command("train", changed, recipe, machine, table, file=Path("a b.csv"), more="x y")
    seen = {}

    def catch(
        options: JobOptions,
        hardware: Hardware,
        words: TableOptions,
        *,
        file: Annotated[Path, typer.Argument()],
        more: str = "",
    ) -> None:
        seen.update(options=options, others=(hardware, words), own=(str(file), more))

    app = typer.Typer()
    app.command()(takes(JobOptions, Hardware, TableOptions)(catch))
    result = CliRunner().invoke(app, shlex.split(command)[2:])
    assert result.exit_code == 0, result.output
    assert replace(seen["options"], root=str(seen["options"].root)) == changed
    assert seen["others"] == (machine, table)
    assert seen["own"] == ("a b.csv", "x y")


def test_compare_writes_a_report_of_two_engines(capsys, tmp_path, no_pictures):
    path = tmp_path / "both.html"
    result = run_json(
        capsys, "compare", "softmax", "--data", "toy-animals", "--epochs", "2", "--engines", "scratch,scratch", "--report", str(path)
    )  # fmt: skip
    page = path.read_text(encoding="utf-8")
    assert result["report"] == str(path)
    assert words(page)[0] == "softmax 4-3 on toy-animals: scratch 1 and scratch 2"
    assert "Largest difference of a parameter: 0 of the largest parameter." in words(page)
    assert "twofold compare softmax --data toy-animals --epochs 2" in page


def test_saved_models_are_reported_alone_and_together(capsys, tmp_path, no_pictures):
    files = []
    for seed in ("1", "2"):
        files.append(str(tmp_path / f"seed-{seed}.safetensors"))
        run_json(
            capsys, "train", "softmax", "--data", "toy-animals", "--epochs", "2", "--seed", seed, "--save", files[-1]
        )
    path = tmp_path / "r.html"
    run_json(capsys, "report", files[0], "--data", "toy-animals", "-o", str(path))
    assert words(path.read_text(encoding="utf-8"))[0] == "seed-1 4-3 on toy-animals"
    run_json(capsys, "report", *files, "--data", "toy-animals", "-o", str(path))
    assert words(path.read_text(encoding="utf-8"))[0] == "seed-1 and seed-2 on toy-animals"


def test_a_report_that_cannot_be_written_is_refused_before_the_training(capsys, tmp_path):
    for command in (["train"], ["compare"]):
        code = main([*command, "softmax", "--data", "toy-animals", "--report", str(tmp_path / "none" / "r.html")])
        captured = capsys.readouterr()
        assert code == 2
        assert "there is no folder" in captured.err
        assert captured.out == ""


def write_houses(folder: Path) -> Path:
    """A table with words and numbers; north or south and the area make the price."""
    draw = np.random.default_rng(0)
    rows = [f"{area},{draw.choice(['north', 'south'])}" for area in draw.integers(40, 200, 120)]
    prices = [3000 * int(row.split(",")[0]) + 50000 * ("south" in row) for row in rows]
    table = folder / "some houses.csv"
    table.write_text("area,side,price\n" + "\n".join(f"{row},{price}" for row, price in zip(rows, prices, strict=True)))
    return table


def test_a_table_is_reported_in_its_own_units(capsys, tmp_path, no_pictures):
    table, path = write_houses(tmp_path), tmp_path / "r.html"
    result = run_json(
        capsys,
        "train",
        "mlp",
        str(table),
        "--target",
        "price",
        "--epochs",
        "30",
        "--hidden",
        "8",
        "--report",
        str(path),
    )
    page = path.read_text(encoding="utf-8")
    told = after(page, "test RMSE").replace(",", "")
    assert float(told) == pytest.approx(result["test"]["RMSE"]["value"], rel=1e-3)
    (command,) = (text for text in words(page) if text.startswith("twofold train"))
    again = run_json(capsys, *shlex.split(command)[1:])
    assert again["test"] == result["test"]
    assert "trained on other data" not in page


@pytest.mark.parametrize("target", ["price", "side"])
def test_a_saved_model_of_a_table_is_judged_on_the_rows_of_one(capsys, tmp_path, no_pictures, target):
    table, path, file = write_houses(tmp_path), tmp_path / "r.html", str(tmp_path / "m.safetensors")
    run_json(capsys, "train", "mlp", str(table), "--target", target, "--epochs", "20", "--hidden", "8", "--save", file)
    evaluated = run_json(capsys, "evaluate", file, str(table))
    run_json(capsys, "report", file, "--data", str(table), "-o", str(path))
    page = path.read_text(encoding="utf-8")
    name = "RMSE" if target == "price" else "accuracy"
    score = next(each for each in (evaluated, *evaluated.values()) if isinstance(each, dict) and name in each)[name]
    assert after(page, f"test {name}") == f"{score['value']:.4g}"
    assert (
        after(page, f"test {name}", f"{score['value']:.4g}")
        == f"95 % interval {score['low']:.4g} to {score['high']:.4g}"
    )
    assert "On the rows of some houses, 120 in all" in words(page)
    assert "trained on other data" not in page
    traced = run_json(capsys, "trace", file, "--data", str(table), "--sample", "5")
    assert traced["source"] == "some houses, sample 5"
    for command in (["report", file, "-o", str(path)], ["trace", file]):
        assert main([*command, "--data", "digits"]) == 2
        assert "reads a table; name one: --data rows.csv" in capsys.readouterr().err


def test_columns_that_depend_on_each_other_have_no_one_exact_solution(no_pictures):
    X = np.random.default_rng(0).normal(size=(30, 2))
    data = replace(load_dataset("synthetic"), train=Samples(X[:, [0, 0]], X[:, 1:]), test=None)
    network = Network((2, 1), loss="squared")
    page = render_report(Subject(Model(network=network, parameters=initialize(network)), data))
    assert "Only 1 of 2 columns are independent; many solutions are exact." in words(page)


def test_of_many_classes_the_first_are_listed(no_pictures):
    network = Network((3, 70))
    data = replace(random_dataset(network, 40), classes=tuple(f"class {k}" for k in range(70)))
    page = render_report(Subject(Model(network=network, parameters=initialize(network)), data))
    assert "The first 60 of 70 classes are listed." in words(page)
    assert "class 59" in words(page)
    assert "class 60" not in words(page)


def test_a_report_gives_a_score_the_interval_that_evaluate_gives():
    network = Network((3, 3), loss="cross_entropy")
    data = replace(random_dataset(network, 12), classes=("a", "b", "c"))
    subject = Subject(Model(network=network, parameters=initialize(network, initialization="xavier")), data)
    for ours, theirs in zip(scores(subject), class_scores(subject.outputs, subject.actual), strict=True):
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), rel=1e-12)


def test_residuals_of_counts_are_from_their_predicted_means(monkeypatch):
    network = Network((3, 4, 1), "tanh", "poisson")
    data = random_dataset(network, 30)
    models = [Model(network=network, parameters=initialize(network, k, initialization="xavier")) for k in (0, 1)]
    subjects = [Subject(model, data, name=f"model {k}") for k, model in enumerate(models)]
    fitted = [model.predict(data.train.X) for model in models]
    drawn, draw = [], residual_plot
    monkeypatch.setattr("twofold.report.drawings.residual_plot", lambda *arrays: drawn.append(arrays) or draw(*arrays))
    render_report(subjects[0])
    np.testing.assert_array_equal(drawn, [(data.train.y, fitted[0])])
    first, second = (np.square(data.train.y - predicted).mean(axis=1) for predicted in fitted)
    assert written(mean("", first - second)) in words(render_comparison(subjects))


# What a Chinese page may hold of Latin letters: names from the data, of libraries, of parameters, and sums.
NAMES = re.compile(
    r"dog|cat|chicken|toy-animals|houses|area|age|years|price|euros|softmax|mlp|linear|relu|sgd|scratch|twofold|python|"
    r"llvmlite|numba|numpy|scipy|torch|cpu|Linux|x86_64|aarch64|Darwin|arm64|float64|uint8|Wilson|Student|SHA-256|McNemar|"
    r"RMSE|gamma|mean(?=\d|$)|variance|sigma|[0-9a-f]{64}|\d+e-\d+"
)


@pytest.mark.parametrize(
    ("name", "model", "options"),
    [("toy-animals", "softmax", {}), ("houses", "linear", {}),
     ("toy-animals", "mlp", {"hidden": (5,), "normalization": "batch"})],
)  # fmt: skip
def test_a_report_in_chinese_leaves_no_word_of_ours_in_english(name, model, options, no_pictures):
    found, data = trained(name, model, **options)
    subject = Subject(found, data, name=model, engine="scratch")
    page = render_report(subject, "zh")
    assert '<html lang="zh-Hans">' in page
    words = [text for text in Text(page).words if re.search("[a-z]{3}", NAMES.sub("", text))]
    assert words == []
    numbers = [re.findall(r"\d+\.\d+", " ".join(Text(each).words)) for each in (render_report(subject), page)]
    assert sorted(numbers[0]) == sorted(numbers[1])


def test_a_comparison_in_chinese_keeps_the_names_of_runs(no_pictures):
    subjects = [
        Subject(*trained("toy-animals", model), name=name) for model, name in (("softmax", "loss"), ("mlp", "Scores"))
    ]
    page = " ".join(Text(render_comparison(subjects, language="zh")).words)
    assert "loss：测试准确率" in page
    assert "只有 Scores 正确" in page


@pytest.mark.skipif(chinese_font() is None, reason="no font with Chinese characters is installed")
def test_the_pictures_of_a_chinese_report_are_labelled_in_chinese():
    found, data = trained("toy-animals", "softmax")
    page = render_report(Subject(found, data, name="softmax"), "zh")
    assert 'aria-label="各轮次的平均损失"' in page
    assert not re.search('aria-label="[A-Z]', page)
